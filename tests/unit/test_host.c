/* SPDX-License-Identifier: Apache-2.0 */
/* host.yaml: what is known is taken, all else is refused with its place; what comes to root is checked again. */
#include <check.h>
#include <errno.h>

#include "compiler/host.h"
#include "lib/runner.h"

static int lookup(bool group, const char *name, uint32_t *ret_id)
{
	if (strcmp(name, "nobody-at-all") == 0)
		return -ENOENT;
	*ret_id = group ? 700 : 500;
	return 0;
}

static int compile(const char *document, struct host_settings *settings, struct diagnostics *diagnostics)
{
	return host_compile("h", slice_of(document), lookup, settings, diagnostics);
}

START_TEST(the_whole_file_is_taken)
{
	static const char document[] =
		"agents: {default_tier: T1, max_tier: T3, named: {ci-build: {owner: \"user:build\", tier: T3}, other: {}}}\n"
		"roles: {admin: [\"group:ops\"], operator: [\"user:ann\", \"group:dev\"], viewer: [\"group:adm\"]}\n"
		"promotion: {window: 10d, min_runs: 7, max_error_rate: 0.125, cooldown: 1d}\n"
		"breaker: {failures: 5, window: 1m, open_for: 2m, half_open_runs: 2}\n";
	struct diagnostics diagnostics;
	struct host_settings settings;
	struct error err = { 0 };

	ck_assert_msg(compile(document, &settings, &diagnostics) == 0, "%s", diagnostics.items[0].text);
	ck_assert_int_eq(host_check(&settings, &err), 0);
	ck_assert_uint_eq(settings.default_tier, 1);
	ck_assert_uint_eq(settings.agent_count, 2);
	ck_assert_uint_eq(host_agent_find(&settings, slice_of("ci-build"))->tier, 3);
	ck_assert_uint_eq(host_agent_find(&settings, slice_of("ci-build"))->owner_uid, 500);
	ck_assert_uint_eq(host_agent_find(&settings, slice_of("other"))->tier, 1);
	ck_assert_uint_eq(host_agent_find(&settings, slice_of("other"))->owner_uid, UID_NONE);
	ck_assert_ptr_null(host_agent_find(&settings, slice_of("ci")));
	ck_assert_uint_eq(settings.role_count, 4);
	ck_assert_uint_eq(settings.promotion.max_error_rate, 125000);
	ck_assert_uint_eq(settings.promotion.min_runs, 7);
	ck_assert_uint_eq(settings.breaker.failures, 5);
	ck_assert_uint_eq(settings.breaker.open_ns, 120000000000ULL);
}
END_TEST

static const struct {
	const char *document, *text;
} refused[] = {
	{ "agent: {}\n", "1:1: \"agent\" is not known here; did you mean \"agents\"?" },
	{ "redis: {}\n", "not supported yet" },
	{ "agents: {default_tier: T5}\n", "1:24: \"T5\" is not a tier" },
	{ "agents: {default_tier: T3, max_tier: T2}\n", "above max_tier" },
	{ "agents: {named: {a: {tier: T4}}}\n", "\"a\" begins at T4" },
	{ "agents: {named: {a: {role: x}}}\n", "an agent has \"owner\" and \"tier\"" },
	{ "agents: {named: {a: {}, a: {}}}\n", "stands here twice" },
	{ "agents: {named: {a: {owner: \"group:x\"}}}\n", "is no user" },
	{ "roles: {root: [\"user:ann\"]}\n", "is no role" },
	{ "roles: {admin: [ann]}\n", "is no user or group" },
	{ "roles: {admin: []}\n", "users and groups" },
	{ "roles: {admin: [\"user:nobody-at-all\"]}\n", "this host has no user" },
	{ "promotion: {min_runs: 0}\n", "not a whole number from 1" },
	{ "promotion: {max_error_rate: 5}\n", "no part of one" },
	{ "promotion: {max_error_rate: 0.x}\n", "no part of one" },
	{ "promotion: {runs: 5}\n", "is not known here" },
	{ "breaker: {open_for: 5}\n", "is not a time" },
	{ "- a\n", "sections" },
	{ "", "empty" },
};

START_TEST(what_is_wrong_is_refused_with_its_place)
{
	struct diagnostics diagnostics;
	struct host_settings settings;
	char line[400];

	ck_assert_msg(compile(refused[_i].document, &settings, &diagnostics) == -EINVAL, "accepted: %s",
		      refused[_i].document);
	IGNORE(snprintf(line, sizeof(line), "%u:%u: %s", diagnostics.items[0].line, diagnostics.items[0].column,
			diagnostics.items[0].text) < 0);
	ck_assert_msg(strstr(line, refused[_i].text) != NULL, "%s: %s", refused[_i].document, line);
}
END_TEST

START_TEST(damaged_settings_are_refused)
{
	struct host_settings settings;
	struct error err = { 0 };

	host_defaults(&settings);
	ck_assert_int_eq(host_check(&settings, &err), 0);
	switch (_i) {
	case 0: settings.magic++; break;
	case 1: settings.default_tier = 5; break;
	case 2: settings.agent_count = HOST_AGENTS_MAX + 1; break;
	case 3: settings.role_count = HOST_ROLES_MAX + 1; break;
	case 4: settings.promotion.min_runs = HOST_RUNS_MAX + 1; break;
	case 5: settings.breaker.window_ns = 0; break;
	case 6: settings.agent_count = 1; break; /* without a name */
	case 7: settings.agent_count = 1; memset(settings.agents[0].name, 'a', HOST_AGENT_NAME_MAX); break;
	case 8: settings.role_count = 1; break; /* no role */
	default: settings.max_tier = UINT32_MAX; break;
	}
	ck_assert_int_eq(host_check(&settings, &err), -EINVAL);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("host");
	TCase *file = tcase_create("the file");

	tcase_add_test(file, the_whole_file_is_taken);
	tcase_add_loop_test(file, what_is_wrong_is_refused_with_its_place, 0, (int)COUNT(refused));
	tcase_add_loop_test(file, damaged_settings_are_refused, 0, 10);
	tcase_set_tags(file, "pure");
	suite_add_tcase(suite, file);
	return suite;
}
