/* SPDX-License-Identifier: Apache-2.0 */
/* The ceiling of a host: a plan stays below it, or is refused with the key that it exceeds; whatever mounts a
 * forged plan is made of. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "compiler/compile.h"
#include "decide/net.h"
#include "lib/runner.h"
#include "plan/ceiling.h"

#define HEAD "schema: 1\nname: c\n"
#define ALL ((1U << CEILING_KEY_COUNT) - 1)
#define OWNER 1000U

struct sample {
	struct plan_head head;
	struct plan_mount mounts[16];
	struct rule_path paths[8];
	struct net_rule nets[16];
	struct net_name names[4];
	char strings[1024];
	uint32_t len;
	struct plan plan;
};

static struct plan_text keep(struct sample *sample, const char *word)
{
	size_t len = strlen(word);
	struct plan_text text = { sample->len, (uint32_t)len };

	memcpy(sample->strings + sample->len, word, len + 1);
	sample->len += (uint32_t)len + 1;
	return text;
}

/* "rw /w", "ro /usr", "overlay /w", "mask /w/.env", "protect /w/x", "tmpfs /tmp", "alias /a /b" (a bind of /a at
 * /b), "deny /w/x" (a rule), "to 10.0.0.1:1", "name a.test": divided by ';'. */
static void add_word(struct sample *sample, const char *kind, const char *word, const char *second)
{
	static const struct {
		const char *name;
		enum plan_mount_kind kind;
	} kinds[] = {
		{ "rw", MOUNT_BIND_RW }, { "ro", MOUNT_BIND_RO }, { "overlay", MOUNT_OVERLAY }, { "mask", MOUNT_MASK },
		{ "protect", MOUNT_PROTECT }, { "tmpfs", MOUNT_TMPFS }, { "alias", MOUNT_BIND_RO },
	};
	struct plan_range *ranges = sample->head.sections;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		sample->mounts[ranges[PLAN_MOUNTS].count++] = (struct plan_mount){
			.kind = kinds[i].kind, .source = keep(sample, word), .target = keep(sample, second ? second : word),
		};
		return;
	}
	if (strcmp(kind, "deny") == 0) {
		struct plan_text text = keep(sample, word);

		sample->paths[ranges[PLAN_PATHS].count++] = (struct rule_path){
			.path_offset = text.offset, .path_len = text.len, .kind = RULE_DENY_WRITE };
	} else if (strcmp(kind, "name") == 0) {
		ck_assert_int_eq(net_name_parse(slice_of(word), NET_ALLOW, &sample->names[ranges[PLAN_NAMES].count++]), 0);
	} else {
		enum net_verdict verdict = strcmp(kind, "to") == 0 ? NET_ALLOW : NET_DENY;
		int count = net_entry_parse(slice_of(word), verdict, NET_CONNECT, &sample->nets[ranges[PLAN_NETS].count]);

		ck_assert_int_gt(count, 0);
		ranges[PLAN_NETS].count += (uint32_t)count;
	}
}

static void sample_make(struct sample *sample, const char *spec)
{
	char text[512], *at = text, *part;

	*sample = (struct sample){ .len = 1 };
	sample->head = (struct plan_head){
		.owner_uid = OWNER, .workspace_mode = WORKSPACE_DIRECT, .network_mode = NETWORK_HOST, .tier = 1,
		.limits = { .pids = 100 },
	};
	sample->head.workspace = keep(sample, "/w");
	ck_assert_int_eq(text_copy(text, sizeof(text), slice_of(spec)), 0);
	while ((part = strsep(&at, ";"))) {
		char kind[16], word[64], second[64];
		int words = sscanf(part, " %15s %63s %63s", kind, word, second);

		if (words >= 2)
			add_word(sample, kind, word, words == 3 ? second : NULL);
	}
	sample->plan = (struct plan){ .head = &sample->head, .strings = sample->strings, .mounts = sample->mounts,
				      .paths = sample->paths, .nets = sample->nets, .names = sample->names };
}

static struct ceiling *ceiling_of(const char *document, uint32_t set)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct ceiling *ceiling = calloc(1, sizeof(*ceiling));
	struct diagnostics diagnostics;
	struct error err = { 0 };

	ck_assert_msg(policy_compile("c", document, strlen(document), policy, &diagnostics) == 0, "%s: %s", document,
		      diagnostics.items[0].text);
	ck_assert_msg(ceiling_build(policy, set, ceiling, &err) == 0, "%s", err.text);
	ck_assert_int_eq(ceiling_add_home(ceiling, OWNER, "/home/u"), 0);
	ck_assert_msg(ceiling_check(ceiling, &err) == 0, "%s", err.text);
	return ceiling;
}

static bool all_exist(const char *path)
{
	return strstr(path, "absent") == NULL;
}

#define BIT(key) (1U << CEILING_##key)
static const struct plan_case {
	const char *document;
	uint32_t set;
	const char *plan;
	const char *exceeds;     /* the key in the text; NULL = it stays below */
} cases[] = {
	{ HEAD, 0, "rw /; to *", NULL },
	{ HEAD "files: {write: [., /srv]}\n", BIT(WRITE), "rw /w; rw /srv/x; tmpfs /tmp", NULL },
	{ HEAD "files: {write: [., /srv]}\n", BIT(WRITE), "rw /w; rw /srvx", "files.write" },
	{ HEAD "files: {write: [., /srv]}\n", BIT(WRITE), "rw /", "files.write" },
	{ HEAD "files: {write: [/srv]}\n", BIT(WRITE), "overlay /w", "files.write" },
	{ HEAD "files: {write: [/srv]}\n", BIT(WRITE), "alias /w /srv", NULL },
	{ HEAD "files: {read: [/usr]}\n", BIT(READ), "alias /etc /usr", "files.read" },
	{ HEAD "files: {read: [/usr], write: [/srv]}\n", BIT(READ), "ro /srv/a; ro /usr", NULL },
	{ HEAD "files: {read: [~/a]}\n", BIT(READ), "ro /home/u/a/b", NULL },
	{ HEAD "files: {read: [~/a]}\n", BIT(READ), "ro /home/v/a", "files.read" },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "ro /usr", NULL },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "ro /home/u", "files.deny_read" },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "ro /home/u; mask /home/u/.ssh", NULL },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "ro /home/u; mask /home/u/.ssh; ro /home/u/.ssh/id", "files.deny_read" },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "alias /home/u/.ssh /k", "files.deny_read" },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "alias /home /k", "files.deny_read" },
	{ HEAD "files: {deny_read: [~/.ssh]}\n", 0, "alias /home/u/.ssh/id /k", "files.deny_read" },
	{ HEAD "files: {deny_read: [/home]}\n", 0, "tmpfs /home; ro /home/u/a", "files.deny_read" },
	{ HEAD "sandbox: {hide: [/etc/shadow]}\n", 0, "ro /etc", "files.deny_read" },
	{ HEAD "files: {deny_write: [./.git/hooks]}\n", 0, "rw /w", "files.deny_write" },
	{ HEAD "files: {deny_write: [./.git/hooks]}\n", 0, "ro /w", NULL },
	{ HEAD "files: {deny_write: [./.git/hooks]}\n", 0, "rw /w; protect /w/.git/hooks", NULL },
	{ HEAD "files: {deny_write: [./.git/hooks]}\n", 0, "rw /w; deny /w/.git/hooks", "files.deny_write" },
	{ HEAD "files: {deny_write: [./absent]}\n", 0, "rw /w", "files.deny_write" },
	{ HEAD "files: {deny_write: [./absent]}\n", 0, "rw /w; deny /w/absent", NULL },
	{ HEAD "network: {mode: host, allow: [10.0.0.0/8]}\n", BIT(ALLOW), "to 10.1.0.0/16", NULL },
	{ HEAD "network: {mode: host, allow: [10.0.0.0/8]}\n", BIT(ALLOW), "to 11.0.0.1", "network.allow" },
	{ HEAD "network: {mode: host, allow: [\"10.0.0.0/8:80\"]}\n", BIT(ALLOW), "to 10.1.0.0/16", "network.allow" },
	{ HEAD "network: {mode: host, deny: [10.0.0.0/8]}\n", 0, "to *", "network.deny" },
	{ HEAD "network: {mode: host, deny: [10.0.0.0/8]}\n", 0, "to *; not 10.0.0.0/8", NULL },
	{ HEAD "network: {mode: allowlist, allow: [\"*.test\"]}\n", BIT(ALLOW), "name a.test", NULL },
	{ HEAD "network: {mode: allowlist, allow: [\"*.test\"]}\n", BIT(ALLOW), "name a.example", "network.allow" },
	{ HEAD "network: {mode: allowlist, allow: [\"*.test\"]}\n", BIT(NETWORK_MODE), "", "network.mode" },
	{ HEAD "limits: {pids: 100}\n", BIT(PIDS), "", NULL },
	{ HEAD "limits: {pids: 99}\n", BIT(PIDS), "", "limits.pids" },
	{ HEAD "limits: {wall: 1h}\n", BIT(WALL), "", "limits.wall" },
	{ HEAD "agent: {tier: T0}\n", BIT(TIER), "", "agent.tier" },
	{ HEAD "workspace: {mode: overlay}\n", BIT(WORKSPACE_MODE), "", "workspace.mode" },
	{ HEAD "sandbox: {on_forbidden: violate}\n", BIT(ON_FORBIDDEN), "", "sandbox.on_forbidden" },
	{ HEAD "files: {on_scope: violate}\n", BIT(FILES_ON_SCOPE), "", "files.on_scope" },
	{ HEAD "on_loss: kill\n", BIT(ON_LOSS), "", NULL },
};

START_TEST(a_plan_stays_below_or_is_refused_by_key)
{
	const struct plan_case *row = &cases[_i];
	struct ceiling *ceiling = ceiling_of(row->document, row->set);
	struct error err = { 0 };
	struct sample sample;
	int r;

	sample_make(&sample, row->plan);
	r = ceiling_covers(ceiling, &sample.plan, all_exist, &err);
	free(ceiling);
	if (!row->exceeds) {
		ck_assert_msg(r == 0, "%s with '%s': %s", row->document, row->plan, err.text);
		return;
	}
	ck_assert_msg(r == -EPERM && err.exit_code == 122 && strstr(err.text, row->exceeds), "%s with '%s': %d %s",
		      row->document, row->plan, r, err.text);
}
END_TEST

START_TEST(an_unknown_owner_has_no_home_to_be_kept_from)
{
	struct ceiling *ceiling = ceiling_of(HEAD "files: {deny_read: [~/.ssh]}\n", 0);
	struct error err = { 0 };
	struct sample sample;

	sample_make(&sample, "ro /home");
	sample.head.owner_uid = OWNER + 1;
	ck_assert_int_eq(ceiling_covers(ceiling, &sample.plan, all_exist, &err), -EPERM);
	free(ceiling);
}
END_TEST

START_TEST(another_mode_than_enforce_is_above_any_ceiling)
{
	struct ceiling *ceiling = ceiling_of(HEAD, 0);
	struct error err = { 0 };
	struct sample sample;

	sample_make(&sample, "");
	sample.head.mode = MODE_PERMISSIVE;
	ck_assert_int_eq(ceiling_covers(ceiling, &sample.plan, all_exist, &err), -EPERM);
	free(ceiling);
}
END_TEST

START_TEST(a_pattern_is_refused_when_it_is_built)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	static const char document[] = HEAD "files: {deny_read: [\"./*.pem\"]}\n";
	struct ceiling *ceiling = calloc(1, sizeof(*ceiling));
	struct diagnostics diagnostics;
	struct error err = { 0 };

	ck_assert_int_eq(policy_compile("c", document, strlen(document), policy, &diagnostics), 0);
	ck_assert_int_eq(ceiling_build(policy, 0, ceiling, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "./*.pem"));
	free(ceiling);
}
END_TEST

/* One damage to the image for each row: nothing of it is used. */
static void damage(struct ceiling *ceiling, int row)
{
	switch (row) {
	case 0: ceiling->magic++; break;
	case 1: ceiling->version++; break;
	case 2: ceiling->set = ALL + 1; break;
	case 3: ceiling->path_count = CEILING_PATHS_MAX + 1; break;
	case 4: ceiling->net_count = UINT32_MAX; break;
	case 5: ceiling->home_count = CEILING_HOMES_MAX + 1; break;
	case 6: ceiling->strings_len = CEILING_STRINGS_MAX + 1; break;
	case 7: ceiling->paths[0].path_offset = ceiling->strings_len; break;
	case 8: ceiling->paths[0].path_len = UINT32_MAX; break;
	case 9: ceiling->paths[0].path_len--; break;
	case 10: ceiling->paths[0].kind = RULE_HIDE; break;
	case 11: ceiling->paths[0].flags = RULE_GLOB; break;
	case 12: ceiling->nets[0].prefix = 129; break;
	case 13: ceiling->homes[0].path.offset = 0; break;
	case 14: ceiling->network_mode = NETWORK_HOST + 1; break;
	case 15: ceiling->tier = 5; break;
	default: ceiling->reserved = 1; break;
	}
}

START_TEST(a_damaged_image_is_refused)
{
	struct ceiling *ceiling = ceiling_of(HEAD "files: {read: [/usr]}\nnetwork: {mode: host, allow: [10.0.0.0/8]}\n", ALL);
	struct error err = { 0 };

	damage(ceiling, _i);
	ck_assert_int_eq(ceiling_check(ceiling, &err), -EINVAL);
	free(ceiling);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("ceiling");
	TCase *covers = tcase_create("what it covers");

	tcase_add_loop_test(covers, a_plan_stays_below_or_is_refused_by_key, 0, (int)COUNT(cases));
	tcase_add_test(covers, an_unknown_owner_has_no_home_to_be_kept_from);
	tcase_add_test(covers, another_mode_than_enforce_is_above_any_ceiling);
	tcase_add_test(covers, a_pattern_is_refused_when_it_is_built);
	tcase_add_loop_test(covers, a_damaged_image_is_refused, 0, 17);
	tcase_set_tags(covers, "pure");
	suite_add_tcase(suite, covers);
	return suite;
}
