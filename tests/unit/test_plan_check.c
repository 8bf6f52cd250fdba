/* SPDX-License-Identifier: Apache-2.0 */
/* Root's border: a plan passes, each broken field is refused by name, and no bytes do harm. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>

#include "base/io.h"
#include "lib/runner.h"
#include "plan/plan.h"

#define BYTES_MAX 4096

/* A plan by hand: independent of the builder. */
struct sample {
	union {
		struct plan_head head;
		char bytes[BYTES_MAX];
	};
	size_t len;
};

static const char strings[] = "\0/w\0agent\0p\0owner\0host\0/bin/sh\0/proc\0/dev\0id\0/tmp\0usr/bin\0/bin";
enum { S_EMPTY = 0, S_W = 1, S_AGENT = 4, S_P = 10, S_OWNER = 12, S_HOST = 18, S_SH = 23, S_PROC = 31,
       S_DEV = 37, S_ID = 42, S_TMP = 45, S_USR = 50, S_BIN = 58 };

/* Not inlined: gcc 12 takes the head's first field for the object that is written behind it. */
static __attribute__((noinline)) void put(struct sample *sample, enum plan_section section, const void *bytes,
					  size_t len, uint32_t count)
{
	sample->head.sections[section] = (struct plan_range){ (uint32_t)sample->len, count };
	memcpy(sample->bytes + sample->len, bytes, len);
	sample->len = (sample->len + len + 7) & ~(size_t)7;
}

static struct plan_text text(uint32_t offset, uint32_t len)
{
	return (struct plan_text){ offset, len };
}

static void fill_sections(struct sample *sample)
{
	static const struct rule_path paths[] = {
		{ .path_offset = S_W, .path_len = 2, .id_offset = S_ID, .id_len = 2, .kind = RULE_WRITE },
	};
	static const struct net_rule nets[] = { { .verdict = NET_ALLOW, .where = NET_BIND, .port_last = 9 } };
	static const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 101, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct plan_mount mounts[] = {
		{ .kind = MOUNT_PROC, .target = text(S_PROC, 5) },
		{ .kind = MOUNT_DEV, .target = text(S_DEV, 4) },
		{ .kind = MOUNT_TMPFS, .target = text(S_TMP, 4), .mode = 01777 },
		{ .kind = MOUNT_SYMLINK, .source = text(S_USR, 7), .target = text(S_BIN, 4) },
		{ .kind = MOUNT_BIND_RW, .source = text(S_W, 2), .target = text(S_W, 2), .flags = MOUNT_IS_DIR },
		{ .kind = MOUNT_PIN, .target = text(S_W, 2) },
	};
	static const uint32_t groups[] = { 7, 8 };
	const struct plan_secret secrets[] = {
		{ .name = text(S_ID, 2), .as = SECRET_AS_FILE }, { .name = text(S_HOST, 4), .as = SECRET_AS_ENV },
	};

	put(sample, PLAN_STRINGS, strings, sizeof(strings), sizeof(strings));
	put(sample, PLAN_PATHS, paths, sizeof(paths), COUNT(paths));
	put(sample, PLAN_NETS, nets, sizeof(nets), COUNT(nets));
	put(sample, PLAN_MOUNTS, mounts, sizeof(mounts), COUNT(mounts));
	put(sample, PLAN_GROUPS, groups, sizeof(groups), COUNT(groups));
	put(sample, PLAN_FILTER, filter, sizeof(filter), COUNT(filter));
	put(sample, PLAN_ARGV, "sh\0\0-c", 7, 7);
	put(sample, PLAN_ENV, "A=b\0C=", 7, 7);
	put(sample, PLAN_DOC, "{}", 2, 2);
	put(sample, PLAN_SECRETS, secrets, sizeof(secrets), COUNT(secrets));
}

static void sample_init(struct sample *sample)
{
	struct plan_head *head = &sample->head;

	*sample = (struct sample){ .len = (sizeof(struct plan_head) + 7) & ~(size_t)7 };
	head->magic = PLAN_MAGIC;
	head->version = PLAN_VERSION;
	head->uid = head->owner_uid = 1000;
	head->gid = 1000;
	head->program = text(S_SH, 7);
	head->cwd = head->workspace = text(S_W, 2);
	head->agent = text(S_AGENT, 5);
	head->policy_name = text(S_P, 1);
	head->owner_name = text(S_OWNER, 5);
	head->hostname = text(S_HOST, 4);
	head->workspace_mode = WORKSPACE_DIRECT;
	head->heartbeat.mode = HEARTBEAT_OFF;
	head->umask = 022;
	head->responses[SEVERITY_HIGH].bits = RESPONSE_REVOKE;
	head->responses[SEVERITY_CRITICAL].bits = RESPONSE_REVOKE;
	fill_sections(sample);
	head->bytes = (uint32_t)sample->len;
}

static int check(const struct sample *sample, struct error *err)
{
	struct plan plan;

	*err = (struct error){ 0 };
	return plan_check(sample->bytes, sample->len, &plan, err);
}

#define AT(sample, type, section) \
	((struct type *)(void *)((sample)->bytes + (sample)->head.sections[section].offset))

/* One row per field of the format; each makes exactly one thing wrong. */
#define BREAKS(X)                                                                        \
	X(magic, s->head.magic++) X(version, s->head.version++) X(bytes, s->head.bytes -= 8)  \
	X(reserved, s->head.reserved = 1) X(pad, s->head.pad[1] = 1)                          \
	X(uid_root, s->head.uid = 0) X(uid_none, s->head.uid = UID_NONE)                      \
	X(gid_root, s->head.gid = 0) X(gid_none, s->head.gid = GID_NONE)                      \
	X(owner_other, s->head.owner_uid = 999) X(flags, s->head.flags = 64) X(gate_without_rules, s->head.flags |= PLAN_GATE)                  \
	X(mode, s->head.mode = 3) X(workspace_mode, s->head.workspace_mode = 3) \
	X(overlay_without_mount, s->head.workspace_mode = WORKSPACE_OVERLAY)                  \
	X(overlay_in_place, AT(s, plan_mount, PLAN_MOUNTS)[4].kind = MOUNT_OVERLAY)            \
	X(overlay_elsewhere, s->head.workspace_mode = WORKSPACE_OVERLAY;                      \
	  AT(s, plan_mount, PLAN_MOUNTS)[4].kind = MOUNT_OVERLAY; s->head.workspace = text(S_TMP, 4)) \
	X(network_mode_big, s->head.network_mode = 3)                                         \
	X(on_supervisor_loss, s->head.on_supervisor_loss = 2) X(on_loss, s->head.on_loss = 2) \
	X(tier, s->head.tier = 5) X(require, s->head.require = 1U << FEATURE_COUNT)           \
	X(prefer, s->head.prefer = 1U << 31) X(files_on, s->head.files_on_scope = 3)          \
	X(net_on, s->head.net_on_scope = 3) X(forbidden_on, s->head.on_forbidden = 3)         \
	X(connect_default, s->head.connect_default = 2) X(bind_default, s->head.bind_default = 2) \
	X(expose_elsewhere, s->head.expose_count = 1; s->head.expose[0] = 8080)               \
	X(expose_low, s->head.network_mode = NETWORK_ALLOWLIST; s->head.expose_count = 1; s->head.expose[0] = 80) \
	X(expose_many, s->head.network_mode = NETWORK_ALLOWLIST; s->head.expose_count = 17)   \
	X(expose_behind, s->head.expose[0] = 8080)                                            \
	X(umask, s->head.umask = 01000) X(pids, s->head.limits.pids = UINT32_MAX)             \
	X(open_files, s->head.limits.open_files = UINT32_MAX)                                 \
	X(memory, s->head.limits.memory_bytes = UINT64_MAX)                                   \
	X(file_size, s->head.limits.file_size_bytes = UINT64_MAX)                             \
	X(cpu, s->head.limits.cpu_milli = UINT64_MAX) X(wall, s->head.limits.wall_ns = UINT64_MAX) \
	X(heartbeat_mode, s->head.heartbeat.mode = 5)                                         \
	X(heartbeat_ttl_big, s->head.heartbeat.ttl_ns = UINT64_MAX)                           \
	X(heartbeat_ttl_none, s->head.heartbeat.mode = HEARTBEAT_EITHER)                      \
	X(heartbeat_grace, s->head.heartbeat.grace_start_ns = UINT64_MAX)                     \
	X(heartbeat_extend, s->head.heartbeat.max_extend_ns = UINT64_MAX)                     \
	X(heartbeat_stall, s->head.heartbeat.stall_after_ns = UINT64_MAX)                     \
	X(response_bits, s->head.responses[0].bits = 8)                                       \
	X(response_count, s->head.responses[0].revoke_at = 1001)                              \
	X(critical_lives, s->head.responses[SEVERITY_CRITICAL].bits = RESPONSE_WARN)          \
	X(high_lives, s->head.responses[SEVERITY_HIGH].bits = 0)                              \
	X(severity_big, s->head.severity_override[SCOPE_VIOLATION] = 5)                       \
	X(severity_lowered, s->head.severity_override[SANDBOX_ESCAPE] = 1 + SEVERITY_HIGH)    \
	X(program_empty, s->head.program = text(S_EMPTY, 0))                                  \
	X(program_relative, s->head.program = text(S_USR, 7))                                 \
	X(cwd_relative, s->head.cwd = text(S_USR, 7)) X(cwd_outside, s->head.cwd.offset = 9999) \
	X(workspace_wraps, s->head.workspace = text(UINT32_MAX, UINT32_MAX))                  \
	X(agent_long, s->head.agent.len = 64) X(agent_no_end, s->head.agent.len = 4)          \
	X(agent_nul_inside, s->head.agent.len = 7)                                            \
	X(policy_name, s->head.policy_name.offset = sizeof(strings))                          \
	X(owner_name, s->head.owner_name.len = 3) X(hostname, s->head.hostname.len = 3)       \
	X(section_low, s->head.sections[PLAN_DOC].offset = 8)                                 \
	X(section_odd, s->head.sections[PLAN_DOC].offset += 1)                                \
	X(section_high, s->head.sections[PLAN_DOC].offset = (uint32_t)s->len)                 \
	X(section_count_wraps, s->head.sections[PLAN_MOUNTS].count = 0x08000001)              \
	X(section_overlap, s->head.sections[PLAN_DOC].offset = s->head.sections[PLAN_ENV].offset) \
	X(section_empty_at_place, s->head.sections[PLAN_NETS].count = 0)                      \
	X(section_paths_many, s->head.sections[PLAN_PATHS].count = PLAN_PATHS_MAX + 1)        \
	X(no_strings, memset(&s->head.sections[PLAN_STRINGS], 0, 8))                          \
	X(no_mounts, memset(&s->head.sections[PLAN_MOUNTS], 0, 8))                            \
	X(no_filter, memset(&s->head.sections[PLAN_FILTER], 0, 8))                            \
	X(no_argv, memset(&s->head.sections[PLAN_ARGV], 0, 8))                                \
	X(no_doc, memset(&s->head.sections[PLAN_DOC], 0, 8))                                  \
	X(rule_kind_none, AT(s, rule_path, PLAN_PATHS)->kind = RULE_NONE)                     \
	X(rule_kind, AT(s, rule_path, PLAN_PATHS)->kind = RULE_KIND_COUNT)                    \
	X(rule_flags, AT(s, rule_path, PLAN_PATHS)->flags = 4)                                \
	X(rule_on, AT(s, rule_path, PLAN_PATHS)->on = 3)                                      \
	X(rule_reserved, AT(s, rule_path, PLAN_PATHS)->reserved = 1)                          \
	X(rule_path, AT(s, rule_path, PLAN_PATHS)->path_offset = S_USR)                       \
	X(rule_id, AT(s, rule_path, PLAN_PATHS)->id_len = 1)                                  \
	X(net_prefix, AT(s, net_rule, PLAN_NETS)->prefix = 129)                               \
	X(net_verdict, AT(s, net_rule, PLAN_NETS)->verdict = 2)                               \
	X(net_where, AT(s, net_rule, PLAN_NETS)->where = 3)                                   \
	X(net_where_none, AT(s, net_rule, PLAN_NETS)->where = 0)                              \
	X(net_reserved, AT(s, net_rule, PLAN_NETS)->reserved = 1)                             \
	X(net_ports, AT(s, net_rule, PLAN_NETS)->port_first = 10)                             \
	X(mount_kind, AT(s, plan_mount, PLAN_MOUNTS)[2].kind = MOUNT_KIND_COUNT)              \
	X(mount_flags, AT(s, plan_mount, PLAN_MOUNTS)[2].flags = MOUNT_IDMAP)                 \
	X(mount_idmap_of_user, AT(s, plan_mount, PLAN_MOUNTS)[4].flags = MOUNT_IDMAP)         \
	X(mount_target_root, AT(s, plan_mount, PLAN_MOUNTS)[4].target.len = 1)                \
	X(mount_target_proc, AT(s, plan_mount, PLAN_MOUNTS)[4].target = text(S_PROC, 5))      \
	X(mount_source_proc, AT(s, plan_mount, PLAN_MOUNTS)[4].source = text(S_PROC, 5))      \
	X(mount_source_dev, AT(s, plan_mount, PLAN_MOUNTS)[4].source = text(S_DEV, 4))        \
	X(mount_source_none, AT(s, plan_mount, PLAN_MOUNTS)[4].source = text(S_EMPTY, 0))     \
	X(mount_source_extra, AT(s, plan_mount, PLAN_MOUNTS)[5].source = text(S_W, 2))        \
	X(mount_two_procs, AT(s, plan_mount, PLAN_MOUNTS)[2] = AT(s, plan_mount, PLAN_MOUNTS)[0]) \
	X(mount_proc_elsewhere, AT(s, plan_mount, PLAN_MOUNTS)[0].target = text(S_TMP, 4))    \
	X(mount_mode, AT(s, plan_mount, PLAN_MOUNTS)[2].mode = 02777)                         \
	X(mount_mode_of_bind, AT(s, plan_mount, PLAN_MOUNTS)[4].mode = 0755)                  \
	X(mount_link_empty, AT(s, plan_mount, PLAN_MOUNTS)[3].source = text(S_EMPTY, 0))      \
	X(group_root, memset(s->bytes + s->head.sections[PLAN_GROUPS].offset, 0, 4))          \
	X(group_none, memset(s->bytes + s->head.sections[PLAN_GROUPS].offset, 0xff, 4))       \
	X(secret_as, AT(s, plan_secret, PLAN_SECRETS)[0].as = SECRET_AS_COUNT)                \
	X(secret_reserved, AT(s, plan_secret, PLAN_SECRETS)[0].reserved = 1)                  \
	X(secret_path, AT(s, plan_secret, PLAN_SECRETS)[0].name = text(S_USR, 7))             \
	X(secret_empty, AT(s, plan_secret, PLAN_SECRETS)[0].name = text(S_EMPTY, 0))          \
	X(secret_no_end, AT(s, plan_secret, PLAN_SECRETS)[0].name.len = 1)                    \
	X(secret_twice, AT(s, plan_secret, PLAN_SECRETS)[0].name = text(S_HOST, 4))           \
	X(secrets_many, s->head.sections[PLAN_SECRETS].count = PLAN_SECRETS_MAX + 1)          \
	X(argv_no_end, s->bytes[s->head.sections[PLAN_ARGV].offset + 6] = 'x')                \
	X(env_no_end, s->bytes[s->head.sections[PLAN_ENV].offset + 6] = 'x')                  \
	X(env_no_name, s->bytes[s->head.sections[PLAN_ENV].offset] = '=')                     \
	X(env_no_equals, s->bytes[s->head.sections[PLAN_ENV].offset + 1] = 'x')               \
	X(filter_load, AT(s, sock_filter, PLAN_FILTER)[0].k = 64)                             \
	X(filter_load_odd, AT(s, sock_filter, PLAN_FILTER)[0].k = 2)                          \
	X(filter_jump, AT(s, sock_filter, PLAN_FILTER)[1].jf = 2)                             \
	X(filter_code, AT(s, sock_filter, PLAN_FILTER)[0].code = BPF_LD | BPF_B | BPF_ABS)    \
	X(filter_ret_a, AT(s, sock_filter, PLAN_FILTER)[3].code = BPF_RET | BPF_A)            \
	X(filter_notify, AT(s, sock_filter, PLAN_FILTER)[2].k = SECCOMP_RET_USER_NOTIF)       \
	X(filter_trace, AT(s, sock_filter, PLAN_FILTER)[2].k = SECCOMP_RET_TRACE)             \
	X(filter_log, AT(s, sock_filter, PLAN_FILTER)[2].k = SECCOMP_RET_LOG)                 \
	X(filter_success, AT(s, sock_filter, PLAN_FILTER)[2].k = SECCOMP_RET_ERRNO)           \
	X(filter_allow_data, AT(s, sock_filter, PLAN_FILTER)[3].k = SECCOMP_RET_ALLOW | 1)    \
	X(filter_open_end, AT(s, sock_filter, PLAN_FILTER)[3].code = BPF_LD | BPF_IMM)

#define FUNCTION(name, change) static void break_##name(struct sample *s) { change; }
BREAKS(FUNCTION)
#define ROW(name, change) { #name, break_##name },
static const struct {
	const char *name;
	void (*change)(struct sample *sample);
} breaks[] = { BREAKS(ROW) };

START_TEST(a_good_plan_passes)
{
	struct sample sample;
	struct error err = { 0 };
	struct plan plan;
	char *argv[8];

	sample_init(&sample);
	ck_assert_msg(plan_check(sample.bytes, sample.len, &plan, &err) == 0, "%s", err.text);
	ck_assert_str_eq(plan_text(&plan, plan.head->program), "/bin/sh");
	ck_assert_uint_eq(plan_vector(plan.argv, argv, COUNT(argv)), 3);
	ck_assert_str_eq(argv[0], "sh");
	ck_assert_str_eq(argv[1], "");
	ck_assert_str_eq(argv[2], "-c");
	ck_assert_ptr_null(argv[3]);
}
END_TEST

START_TEST(each_broken_field_is_refused_by_name)
{
	struct sample sample;
	struct error err;

	sample_init(&sample);
	breaks[_i].change(&sample);
	ck_assert_msg(check(&sample, &err) == -EINVAL, "%s was accepted", breaks[_i].name);
	ck_assert_msg(err.text[0] != '\0', "%s: refused without a word", breaks[_i].name);
}
END_TEST

START_TEST(every_shorter_plan_is_refused)
{
	struct sample sample;
	struct plan plan;

	sample_init(&sample);
	for (size_t len = 0; len < sample.len; len++)
		ck_assert_int_lt(plan_check(sample.bytes, len, &plan, NULL), 0);
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

/* What is accepted can be used: every text is terminated inside, every view within the bytes. */
static void use_plan(const struct plan *plan)
{
	struct request request = { .kind = REQUEST_WRITE, .path = slice_of("/w/x") };
	struct decision decision;
	struct rules rules;
	size_t total = strlen(plan_text(plan, plan->head->program));

	for (uint32_t i = 0; i < plan->head->sections[PLAN_MOUNTS].count; i++)
		total += strlen(plan_text(plan, plan->mounts[i].target));
	plan_rules(plan, &rules);
	decide(&rules, &request, &decision);
	total += plan_vector(plan->argv, NULL, 0) + plan_vector(plan->env, NULL, 0);
	ck_assert_uint_gt(total, 0);
	ck_assert_uint_ne(plan->head->uid, 0);
}

START_TEST(random_mutations_do_no_harm)
{
	uint32_t state = 20261120;
	size_t accepted = 0;

	for (int i = 0; i < 200000; i++) {
		struct sample sample;
		struct plan plan;

		sample_init(&sample);
		for (uint32_t j = next_random(&state) % 3; j < 3; j++) {
			size_t at = next_random(&state) % sample.len;

			sample.bytes[at] = (char)(next_random(&state) % 3 ? next_random(&state) :
						  (uint32_t)sample.bytes[at] ^ (1U << (next_random(&state) % 8)));
		}
		if (plan_check(sample.bytes, sample.len, &plan, NULL) < 0)
			continue;
		accepted++;
		use_plan(&plan);
	}
	ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(a_peer_asks_only_for_itself)
{
	static const gid_t groups[] = { 7, 8, 9 };
	struct sample sample;
	struct plan plan;

	sample_init(&sample);
	ck_assert_int_eq(plan_check(sample.bytes, sample.len, &plan, NULL), 0);
	ck_assert_int_eq(plan_check_peer(&plan, 1000, 1000, groups, 3, NULL), 0);
	ck_assert_int_eq(plan_check_peer(&plan, 0, 0, NULL, 0, NULL), 0);
	ck_assert_int_eq(plan_check_peer(&plan, 1001, 1000, groups, 3, NULL), -EPERM);
	ck_assert_int_eq(plan_check_peer(&plan, 1000, 1001, groups, 3, NULL), -EPERM);
	ck_assert_int_eq(plan_check_peer(&plan, 1000, 1000, groups, 1, NULL), -EPERM);
	sample.head.owner_uid = 0;
	ck_assert_int_eq(plan_check_peer(&plan, 1000, 1000, groups, 3, NULL), -EPERM);
}
END_TEST

START_TEST(only_sealed_memory_is_mapped)
{
	auto_close int sealed = FD_NONE;
	auto_close int open_fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct sample sample;
	struct plan plan;

	sample_init(&sample);
	ck_assert_int_eq(io_write(open_fd, sample.bytes, sample.len), 0);
	ck_assert_int_eq(plan_map(open_fd, &plan, NULL), -EPERM);
	ck_assert_int_eq(plan_map(STDIN_FILENO, &plan, NULL), -EPERM);
	ck_assert_int_eq(io_sealed_memfd("plan", sample.bytes, sample.len, &sealed), 0);
	ck_assert_int_eq(plan_map(sealed, &plan, NULL), 0);
	ck_assert_str_eq(plan_text(&plan, plan.head->agent), "agent");
	plan_unmap(&plan);
	close(sealed);
	ck_assert_int_eq(io_sealed_memfd("plan", sample.bytes, 10, &sealed), 0);
	ck_assert_int_eq(plan_map(sealed, &plan, NULL), -EMSGSIZE);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("plan_check");
	TCase *border = tcase_create("the border");

	tcase_add_test(border, a_good_plan_passes);
	tcase_add_loop_test(border, each_broken_field_is_refused_by_name, 0, (int)COUNT(breaks));
	tcase_add_test(border, every_shorter_plan_is_refused);
	tcase_add_test(border, random_mutations_do_no_harm);
	tcase_add_test(border, a_peer_asks_only_for_itself);
	tcase_add_test(border, only_sealed_memory_is_mapped);
	tcase_set_timeout(border, 60);
	tcase_set_tags(border, "pure");
	suite_add_tcase(suite, border);
	return suite;
}
