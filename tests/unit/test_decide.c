/* SPDX-License-Identifier: Apache-2.0 */
/* The pure decision: total, deterministic, default deny, strictest wins, order without meaning. */
#include <check.h>
#include <errno.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "decide/forbidden.h"
#include "decide/net.h"
#include "decide/rules.h"
#include "lib/runner.h"

#define PATHS_MAX 12
#define STRINGS_MAX 512

struct world {
	char strings[STRINGS_MAX];
	size_t used;
	struct rule_path paths[PATHS_MAX];
	struct net_rule nets[16];
	struct rules rules;
};

static void world_init(struct world *world)
{
	*world = (struct world){ 0 };
	world->rules.strings = world->strings;
	world->rules.strings_len = STRINGS_MAX;
	world->rules.paths = world->paths;
	world->rules.nets = world->nets;
	world->rules.network_mode = NETWORK_HOST;
}

static uint32_t keep(struct world *world, const char *text)
{
	uint32_t at = (uint32_t)world->used;

	memcpy(world->strings + at, text, strlen(text) + 1);
	world->used += strlen(text) + 1;
	return at;
}

static void add(struct world *world, enum rule_kind kind, const char *path, const char *id,
		enum on_refusal on)
{
	world->paths[world->rules.path_count++] = (struct rule_path){
		.path_offset = keep(world, path), .path_len = (uint32_t)strlen(path),
		.id_offset = keep(world, id), .id_len = (uint32_t)strlen(id),
		.kind = (uint16_t)kind, .on = (uint16_t)on,
		.flags = strchr(path, '*') ? RULE_GLOB : 0,
	};
}

static void add_net(struct world *world, const char *entry, enum net_verdict verdict, enum net_where where)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	int count = net_entry_parse(slice_of(entry), verdict, where, rules);

	ck_assert_msg(count > 0, "%s", entry);
	for (int i = 0; i < count; i++)
		world->nets[world->rules.net_count++] = rules[i];
}

static struct decision ask_path(const struct world *world, enum request_kind kind, const char *path)
{
	struct request request = { .kind = kind, .path = slice_of(path) };
	struct decision decision;

	decide(&world->rules, &request, &decision);
	return decision;
}

static struct decision ask_net(const struct world *world, enum request_kind kind, const char *address)
{
	struct request request = { .kind = kind };
	struct decision decision;

	ck_assert_int_eq(net_address_parse(slice_of(address), request.addr, &request.port), 0);
	decide(&world->rules, &request, &decision);
	return decision;
}

START_TEST(decide_denies_on_zeroed_rules)
{
	static const enum request_kind kinds[] = {
		REQUEST_READ, REQUEST_WRITE, REQUEST_EXEC, REQUEST_CONNECT, REQUEST_BIND,
	};
	struct rules rules = { 0 };
	struct request request = { .kind = kinds[_i], .path = slice_of(_i < 3 ? "/x" : "") };
	struct decision decision;

	decide(&rules, &request, &decision);
	ck_assert_int_eq(decision.verdict, VERDICT_DENY);
	ck_assert(decision.reason[0] && decision.remedy[0] && decision.remedy_agent[0]);
}
END_TEST

START_TEST(an_unknown_request_is_denied)
{
	struct rules rules = { .connect_default = NET_ALLOW, .bind_default = NET_ALLOW };
	struct request request = { .kind = (enum request_kind)99 };
	struct decision decision;

	decide(&rules, &request, &decision);
	ck_assert_int_eq(decision.verdict, VERDICT_DENY);
}
END_TEST

START_TEST(write_implies_read_and_read_does_not_imply_write)
{
	struct world world;

	world_init(&world);
	add(&world, RULE_READ, "/r", "files.read", ON_DENY);
	add(&world, RULE_WRITE, "/w", "files.write", ON_DENY);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/w/x").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/w/x").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/r/x").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/r/x").verdict, VERDICT_DENY);
	ck_assert_int_eq(ask_path(&world, REQUEST_EXEC, "/r/x").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/n").verdict, VERDICT_DENY);
}
END_TEST

START_TEST(deny_beats_allow_however_specific)
{
	struct world world;

	world_init(&world);
	add(&world, RULE_WRITE, "/w/secret/deep/inside", "files.write", ON_DENY);
	add(&world, RULE_HIDE, "/w/secret", "sandbox.hide", ON_DENY);
	add(&world, RULE_WRITE, "/w", "files.write", ON_DENY);
	add(&world, RULE_DENY_WRITE, "/w/.git/hooks", "files.deny_write", ON_DENY);
	add(&world, RULE_BASELINE, "/w/ci", "files.baseline.ci", ON_VIOLATE);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/w/secret/deep/inside").verdict, VERDICT_DENY);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/w/.git/hooks/x").verdict, VERDICT_DENY);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/w/.git/hooks/x").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/w/ci/x").violation, BASELINE_MUTATION);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/w/ci/x").on, ON_VIOLATE);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/w/ci/x").verdict, VERDICT_ALLOW);
}
END_TEST

START_TEST(a_path_that_is_not_normal_is_denied)
{
	static const char *const paths[] = {
		"", "w", "/w/../etc", "/w/./x", "/w//x", "/w/x/", "/w/..", "//w", "./w", "/..",
	};
	struct world world;

	world_init(&world);
	add(&world, RULE_WRITE, "/", "files.write", ON_DENY);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/w/..x/...").verdict, VERDICT_ALLOW);
	ck_assert_msg(ask_path(&world, REQUEST_WRITE, paths[_i]).verdict == VERDICT_DENY, "'%s'", paths[_i]);
}
END_TEST

START_TEST(a_nul_inside_a_path_is_denied)
{
	struct world world;
	struct request request = { .kind = REQUEST_WRITE, .path = slice_new("/w\0/x", 5) };
	struct decision decision;

	world_init(&world);
	add(&world, RULE_WRITE, "/", "files.write", ON_DENY);
	decide(&world.rules, &request, &decision);
	ck_assert_int_eq(decision.verdict, VERDICT_DENY);
}
END_TEST

START_TEST(a_remedy_names_the_key_and_the_flag)
{
	struct world world;
	struct decision decision;

	world_init(&world);
	world.rules.files_on_scope = ON_VIOLATE;
	decision = ask_path(&world, REQUEST_WRITE, "/etc/x\033[2J");
	ck_assert_msg(strstr(decision.remedy, "-w /etc/x\\x1b[2J"), "%s", decision.remedy);
	ck_assert_ptr_nonnull(strstr(decision.remedy, "files.write"));
	ck_assert_ptr_nonnull(strstr(decision.remedy_agent, "Do not try again"));
	ck_assert_int_eq(decision.on, ON_VIOLATE);
	ck_assert_int_eq(decision.violation, SCOPE_VIOLATION);
	ck_assert(slice_is(decision.rule, "files.write"));
	decision = ask_path(&world, REQUEST_READ, "/etc/x");
	ck_assert_ptr_nonnull(strstr(decision.remedy, "-r /etc/x"));
	ck_assert_int_eq(decision.on, ON_DENY);
}
END_TEST

START_TEST(the_longest_names_fit_or_are_cut)
{
	static char path[4096];
	struct world world;
	struct decision decision;

	world_init(&world);
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	decision = ask_path(&world, REQUEST_WRITE, path);
	ck_assert_int_eq(decision.verdict, VERDICT_DENY);
	ck_assert_uint_lt(strlen(decision.reason), DECISION_TEXT_MAX);
	ck_assert_uint_lt(strlen(decision.remedy), DECISION_TEXT_MAX);
}
END_TEST

START_TEST(a_private_tree_gives_way_to_what_the_host_shows_in_it)
{
	struct world world;

	world_init(&world);
	add(&world, RULE_WRITE, "/home/u", "sandbox.own", ON_DENY);
	world.paths[0].flags = RULE_PRIVATE;
	add(&world, RULE_READ, "/home/u/.gitconfig", "files.read", ON_DENY);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/home/u/x").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_READ, "/home/u/.gitconfig").verdict, VERDICT_ALLOW);
	ck_assert_int_eq(ask_path(&world, REQUEST_WRITE, "/home/u/.gitconfig").verdict, VERDICT_DENY);
}
END_TEST

struct net_case {
	const char *address;
	enum verdict want;
	const char *rule;
};

static const struct net_case net_cases[] = {
	{ "1.2.3.4:443", VERDICT_ALLOW, "network.allow" },
	{ "1.2.3.4:25", VERDICT_DENY, "network.deny" },
	{ "10.1.2.3:443", VERDICT_DENY, "network.deny" },
	{ "[::ffff:10.1.2.3]:443", VERDICT_DENY, "network.deny" },
	{ "[64:ff9b::a01:203]:443", VERDICT_DENY, "network.deny" },
	{ "[2002:a01:203::1]:443", VERDICT_DENY, "network.deny" },
	{ "[2002:b01:203::1]:443", VERDICT_DENY, "network.allow" },
	{ "11.0.0.0:443", VERDICT_ALLOW, "network.allow" },
	{ "9.255.255.255:443", VERDICT_ALLOW, "network.allow" },
	{ "1.2.3.4:80", VERDICT_DENY, "network.allow" },
	{ "[2606::1]:443", VERDICT_DENY, "network.allow" },
};

START_TEST(networks_match_by_prefix_and_port)
{
	const struct net_case *row = &net_cases[_i];
	struct decision decision;
	struct world world;

	world_init(&world);
	add_net(&world, "0.0.0.0/0:443", NET_ALLOW, NET_CONNECT);
	add_net(&world, "0.0.0.0/0:25", NET_ALLOW, NET_CONNECT);
	add_net(&world, "10.0.0.0/8", NET_DENY, NET_CONNECT);
	add_net(&world, "*:25", NET_DENY, NET_CONNECT);
	decision = ask_net(&world, REQUEST_CONNECT, row->address);
	ck_assert_msg(decision.verdict == row->want && slice_is(decision.rule, row->rule), "%s: %d %.*s",
		      row->address, decision.verdict, (int)decision.rule.len, decision.rule.data);
	ck_assert_int_eq(ask_net(&world, REQUEST_BIND, row->address).verdict, VERDICT_DENY);
}
END_TEST

START_TEST(a_network_is_read_whole_or_not_at_all)
{
	static const struct {
		const char *entry;
		int want;
	} rows[] = {
		{ "*", 1 }, { "*:25", 1 }, { "*:*", 1 }, { "10.0.0.0/8", 1 }, { "10.0.0.1", 1 },
		{ "10.0.0.1:22", 1 }, { "10.0.0.1:1-2", 1 }, { "::1", 1 }, { "[::1]", 1 }, { "[::1]:80", 1 },
		{ "[fe80::/10]:1-9", 1 }, { "fe80::/10", 1 }, { "", -EINVAL }, { ":80", -EINVAL },
		{ "10.0.0.1:", -EINVAL }, { "10.0.0.1:0x1", -EINVAL }, { "10.0.0.1:65536", -EINVAL },
		{ "10.0.0.1:2-1", -EINVAL }, { "10.0.0.1/33", -EINVAL }, { "10.0.0.1/8", -EINVAL },
		{ "10.0.0", -EINVAL }, { "010.0.0.1", -EINVAL }, { "[::1", -EINVAL }, { "[::1]80", -EINVAL },
		{ "::g", -EINVAL }, { "fe80::1/129", -EINVAL }, { "example.com", -EDOM },
		{ "*.example.com:443", -EDOM }, { "localhost", -EDOM }, { "10.0.0.1 ", -EINVAL },
	};
	struct net_rule rules[NET_ENTRY_RULES_MAX];

	for (size_t i = 0; i < COUNT(rows); i++) {
		int got = net_entry_parse(slice_of(rows[i].entry), NET_ALLOW, NET_CONNECT, rules);

		ck_assert_msg(got == rows[i].want, "'%s' gave %d", rows[i].entry, got);
	}
}
END_TEST

START_TEST(forbidden_calls_are_denied_by_name_and_number)
{
	struct rules rules = { .on_forbidden = ON_VIOLATE };
	struct request request = { .kind = REQUEST_SYSCALL, .syscall = SYS_ptrace };
	struct decision decision;

	decide(&rules, &request, &decision);
	ck_assert_int_eq(decision.verdict, VERDICT_DENY);
	ck_assert_int_eq(decision.violation, FORBIDDEN_ACTION);
	ck_assert_int_eq(decision.on, ON_VIOLATE);
	ck_assert_ptr_nonnull(strstr(decision.reason, "ptrace"));
	request.syscall = SYS_openat;
	decide(&rules, &request, &decision);
	ck_assert_int_eq(decision.verdict, VERDICT_ALLOW);
	for (size_t i = 0; i < forbidden_call_count; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_int_ne(forbidden_calls[i].number, forbidden_calls[j].number);
}
END_TEST

/* The fourteen names of the domain specification and ours. */
static const struct {
	enum violation_type type;
	const char *name;
	enum severity severity;
} types[] = {
	{ 1, "UNAUTHORIZED_POOL", SEVERITY_CRITICAL }, { 2, "UNAUTHORIZED_PROD", SEVERITY_CRITICAL },
	{ 3, "APPLY_WITHOUT_PLAN", SEVERITY_CRITICAL }, { 4, "RUN_WITHOUT_CHECK", SEVERITY_CRITICAL },
	{ 5, "UNRECORDED_ROOT", SEVERITY_CRITICAL }, { 6, "BASELINE_MUTATION", SEVERITY_CRITICAL },
	{ 7, "ERROR_BUDGET_EXCEEDED", SEVERITY_HIGH }, { 8, "PROCEDURE_VIOLATION", SEVERITY_HIGH },
	{ 9, "HEARTBEAT_TIMEOUT", SEVERITY_HIGH }, { 10, "LOCK_EXPIRED", SEVERITY_HIGH },
	{ 11, "SCOPE_VIOLATION", SEVERITY_MEDIUM }, { 12, "FORBIDDEN_ACTION", SEVERITY_MEDIUM },
	{ 13, "CONFIDENCE_BELOW_THRESHOLD", SEVERITY_LOW }, { 14, "MISSING_ARTIFACT", SEVERITY_LOW },
	{ 64, "STATE_DRIFT", SEVERITY_CRITICAL }, { 65, "GUARD_BYPASS", SEVERITY_CRITICAL },
	{ 66, "SANDBOX_ESCAPE", SEVERITY_CRITICAL }, { 67, "SELF_TAMPER", SEVERITY_CRITICAL },
	{ 68, "OBSERVER_GAP", SEVERITY_HIGH }, { 69, "LIMIT_EXCEEDED", SEVERITY_MEDIUM },
};

START_TEST(violations_have_their_names_and_severities)
{
	size_t named = 0;

	for (size_t i = 0; i < COUNT(types); i++) {
		ck_assert_str_eq(violation_name(types[i].type), types[i].name);
		ck_assert_int_eq(violation_severity(types[i].type), types[i].severity);
	}
	for (unsigned int i = 0; i < 300; i++)
		named += violation_name((enum violation_type)i) != NULL;
	ck_assert_uint_eq(named, COUNT(types));
	ck_assert_int_eq(violation_severity(VIOLATION_NONE), SEVERITY_CRITICAL);
}
END_TEST

START_TEST(responses_follow_severity_and_count)
{
	struct rules rules = { .responses = {
		[SEVERITY_CRITICAL] = { .bits = RESPONSE_REVOKE }, [SEVERITY_HIGH] = { .bits = RESPONSE_REVOKE },
		[SEVERITY_MEDIUM] = { .bits = RESPONSE_WARN, .revoke_at = 2 },
		[SEVERITY_LOW] = { .bits = RESPONSE_WARN } } };

	ck_assert(rules_revokes(&rules, SANDBOX_ESCAPE, 1));
	ck_assert(rules_revokes(&rules, HEARTBEAT_TIMEOUT, 1));
	ck_assert(!rules_revokes(&rules, SCOPE_VIOLATION, 1));
	ck_assert(rules_revokes(&rules, SCOPE_VIOLATION, 2));
	ck_assert(!rules_revokes(&rules, MISSING_ARTIFACT, 1000));
	rules.severity_override[MISSING_ARTIFACT] = 1 + SEVERITY_HIGH;
	ck_assert(rules_revokes(&rules, MISSING_ARTIFACT, 1));
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 16;
}

/* Random rules over a small alphabet: an independent model, permutation, and "a deny never widens". */
START_TEST(random_rules_agree_with_a_model_in_any_order)
{
	static const char *const paths[] = { "/", "/a", "/a/b", "/a/b/c", "/b", "/b/a" };
	uint32_t state = 4711;

	for (int i = 0; i < 100000; i++) {
		bool write = next_random(&state) & 1, deny = false, allow = false;
		const char *path = paths[next_random(&state) % COUNT(paths)];
		size_t count = next_random(&state) % 6;
		struct decision first, second;
		struct world world;

		world_init(&world);
		for (size_t j = 0; j < count; j++) {
			enum rule_kind kind = (enum rule_kind)(RULE_READ + next_random(&state) % 6);
			const char *top = paths[next_random(&state) % COUNT(paths)];
			size_t len = strlen(top);
			bool hit = len == 1 || (strncmp(path, top, len) == 0 && (!path[len] || path[len] == '/'));

			add(&world, kind, top, "x", ON_DENY);
			deny |= hit && (kind == RULE_HIDE || kind == RULE_DENY_READ ||
					(write && (kind == RULE_DENY_WRITE || kind == RULE_BASELINE)));
			allow |= hit && (kind == RULE_WRITE || (!write && kind == RULE_READ));
		}
		first = ask_path(&world, write ? REQUEST_WRITE : REQUEST_READ, path);
		ck_assert_int_eq(first.verdict, allow && !deny ? VERDICT_ALLOW : VERDICT_DENY);
		for (size_t j = 0; j < count / 2; j++) {
			struct rule_path swap = world.paths[j];

			world.paths[j] = world.paths[count - 1 - j];
			world.paths[count - 1 - j] = swap;
		}
		second = ask_path(&world, write ? REQUEST_WRITE : REQUEST_READ, path);
		ck_assert_int_eq(first.verdict, second.verdict);
		add(&world, RULE_HIDE, "/a", "x", ON_DENY);
		second = ask_path(&world, write ? REQUEST_WRITE : REQUEST_READ, path);
		ck_assert(second.verdict <= first.verdict);
	}
}
END_TEST

START_TEST(same_bytes_in_same_bytes_out)
{
	struct world world;
	struct decision first, second;

	world_init(&world);
	memset(&first, 0xaa, sizeof(first));
	memset(&second, 0x55, sizeof(second));
	first = ask_path(&world, REQUEST_WRITE, "/x");
	second = ask_path(&world, REQUEST_WRITE, "/x");
	ck_assert_str_eq(first.reason, second.reason);
	ck_assert_str_eq(first.remedy, second.remedy);
	ck_assert_int_eq(memcmp(first.reason, second.reason, sizeof(first.reason)), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("decide");
	TCase *files = tcase_create("files"), *nets = tcase_create("networks");
	TCase *all = tcase_create("in general");

	tcase_add_loop_test(all, decide_denies_on_zeroed_rules, 0, 5);
	tcase_add_test(all, an_unknown_request_is_denied);
	tcase_add_test(all, same_bytes_in_same_bytes_out);
	tcase_add_test(all, random_rules_agree_with_a_model_in_any_order);
	tcase_add_test(all, forbidden_calls_are_denied_by_name_and_number);
	tcase_add_test(all, violations_have_their_names_and_severities);
	tcase_add_test(all, responses_follow_severity_and_count);
	tcase_add_test(files, write_implies_read_and_read_does_not_imply_write);
	tcase_add_test(files, deny_beats_allow_however_specific);
	tcase_add_loop_test(files, a_path_that_is_not_normal_is_denied, 0, 10);
	tcase_add_test(files, a_nul_inside_a_path_is_denied);
	tcase_add_test(files, a_remedy_names_the_key_and_the_flag);
	tcase_add_test(files, the_longest_names_fit_or_are_cut);
	tcase_add_test(files, a_private_tree_gives_way_to_what_the_host_shows_in_it);
	tcase_add_loop_test(nets, networks_match_by_prefix_and_port, 0, (int)COUNT(net_cases));
	tcase_add_test(nets, a_network_is_read_whole_or_not_at_all);
	tcase_set_tags(all, "pure");
	tcase_set_tags(files, "pure");
	tcase_set_tags(nets, "pure");
	suite_add_tcase(suite, all);
	suite_add_tcase(suite, files);
	suite_add_tcase(suite, nets);
	return suite;
}
