/* SPDX-License-Identifier: Apache-2.0 */
/* Which names may appear: one table. */
#include <check.h>

#include "base/cleanup.h"
#include "decide/names_new.h"
#include "lib/runner.h"

static const struct {
	const char *text;
	uint16_t kind, flags;
} patterns[] = {
	{ "/w/.git/hooks", RULE_DENY_WRITE, 0 },
	{ "/w/.git/modules/*/hooks", RULE_DENY_WRITE, RULE_GLOB },
	{ "/w/.env", RULE_DENY_READ, 0 },
	{ "/w/.bailiff*", RULE_HIDE, RULE_GLOB },
	{ "/w/lib/**/*.pem", RULE_BASELINE, RULE_GLOB },
	{ "/w/free", RULE_WRITE, 0 },
	{ "/w/seen", RULE_READ, 0 },
};

static const struct row {
	const char *path;
	enum new_name want;
} rows[] = {
	{ "/w/.git/hooks", NEW_NAME_PROTECTED },
	{ "/w/.git/hooks/pre-commit", NEW_NAME_PROTECTED },
	{ "/w/.git/hooks2", NEW_NAME_FREE },
	{ "/w/.git/hook", NEW_NAME_FREE },
	{ "/w/.git", NEW_NAME_LEADS },
	{ "/w/.gi", NEW_NAME_FREE },
	{ "/w/.gitx", NEW_NAME_FREE },
	{ "/w/.Git", NEW_NAME_FREE },
	{ "/w", NEW_NAME_LEADS },
	{ "/", NEW_NAME_LEADS },
	{ "/w/.git/modules", NEW_NAME_LEADS },
	{ "/w/.git/modules/a", NEW_NAME_LEADS },
	{ "/w/.git/modules/a/hooks", NEW_NAME_PROTECTED },
	{ "/w/.git/modules/a/hooks/x", NEW_NAME_PROTECTED },
	{ "/w/.git/modules/a/b", NEW_NAME_FREE },
	{ "/w/.git/modules/a/b/hooks", NEW_NAME_FREE },
	{ "/w/.env", NEW_NAME_PROTECTED },
	{ "/w/.envrc", NEW_NAME_FREE },
	{ "/w/.bailiff", NEW_NAME_PROTECTED },
	{ "/w/.bailiff.yaml", NEW_NAME_PROTECTED },
	{ "/w/.bailif", NEW_NAME_FREE },
	{ "/w/a/.bailiff", NEW_NAME_FREE },
	{ "/w/lib", NEW_NAME_REACHES },
	{ "/w/lib/a/b", NEW_NAME_REACHES },
	{ "/w/lib/a/b.pem", NEW_NAME_PROTECTED },
	{ "/w/lib/a.pem/x", NEW_NAME_PROTECTED },
	{ "/w/libs/a.pem", NEW_NAME_FREE },
	{ "/w/free/x", NEW_NAME_FREE },
	{ "/w/seen/x", NEW_NAME_FREE },
	{ "/elsewhere", NEW_NAME_FREE },
	{ "", NEW_NAME_PROTECTED },
	{ "relative", NEW_NAME_PROTECTED },
};

static void rules_fill(struct rules *rules, struct rule_path paths[COUNT(patterns)], char strings[512])
{
	size_t at = 0;

	for (size_t i = 0; i < COUNT(patterns); i++) {
		size_t len = strlen(patterns[i].text);

		memcpy(strings + at, patterns[i].text, len);
		paths[i] = (struct rule_path){ .path_offset = (uint32_t)at, .path_len = (uint32_t)len,
			.kind = patterns[i].kind, .flags = patterns[i].flags };
		at += len;
	}
	*rules = (struct rules){ .strings = strings, .strings_len = at, .paths = paths,
				 .path_count = COUNT(patterns) };
}

START_TEST(a_new_name_is_judged_as_its_row_says)
{
	struct rule_path paths[COUNT(patterns)];
	char strings[512];
	struct rules rules;
	enum new_name got;

	rules_fill(&rules, paths, strings);
	got = new_name_at(&rules, slice_of(rows[_i].path));
	ck_assert_msg(got == rows[_i].want, "'%s' is %d, want %d", rows[_i].path, got, rows[_i].want);
}
END_TEST

START_TEST(without_rules_every_name_is_free)
{
	struct rules none = { 0 };

	ck_assert_int_eq(new_name_at(&none, slice_of("/w/.git/hooks")), NEW_NAME_FREE);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("names_new");
	TCase *names = tcase_create("which names may appear");

	tcase_add_loop_test(names, a_new_name_is_judged_as_its_row_says, 0, (int)COUNT(rows));
	tcase_add_test(names, without_rules_every_name_is_free);
	tcase_set_tags(names, "pure");
	suite_add_tcase(suite, names);
	return suite;
}
