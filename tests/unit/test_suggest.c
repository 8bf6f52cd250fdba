/* SPDX-License-Identifier: Apache-2.0 */
/* What `bailiff policy suggest` makes of places and names: how wide, and how written. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/policy_suggest.h"
#include "compiler/compile.h"
#include "lib/runner.h"

static struct suggest suggest;

static void setup(void)
{
	suggest = (struct suggest){ .workspace = "/home/me/work", .home = "/home/me" };
	ck_assert_int_eq(suggest_init(&suggest), 0);
}

static void teardown(void)
{
	suggest_finish(&suggest);
}

static void note(enum suggest_kind kind, const char *text)
{
	ck_assert_int_eq(suggest_note(&suggest, kind, slice_of(text), suggest.count + 1, NULL), 0);
}

static void settled(const char *want)
{
	cleanup_with(buf_finish) struct buf have = buf_growing(1U << 16);

	ck_assert_int_eq(suggest_settle(&suggest), 0);
	for (size_t i = 0; i < suggest.count; i++)
		ck_assert_int_eq(buf_printf(&have, "%c %s\n", "rwc"[suggest.items[i].kind], suggest.items[i].text), 0);
	ck_assert_msg(slice_is(buf_slice(&have), want), "have:\n%.*s\nwant:\n%s", (int)have.len, have.data, want);
}

START_TEST(few_files_of_a_folder_are_named_one_by_one)
{
	note(SUGGEST_READ, "/data/c");
	note(SUGGEST_READ, "/data/a");
	note(SUGGEST_READ, "/data/b");
	note(SUGGEST_READ, "/data/a");
	settled("r /data/a\nr /data/b\nr /data/c\n");
}
END_TEST

START_TEST(many_files_of_a_folder_become_the_folder)
{
	note(SUGGEST_READ, "/data/a");
	note(SUGGEST_READ, "/data/b");
	note(SUGGEST_READ, "/data/c");
	note(SUGGEST_READ, "/data/d");
	note(SUGGEST_READ, "/data/x/y");
	note(SUGGEST_READ, "/database/a");
	settled("r /data\nr /database/a\n");
}
END_TEST

START_TEST(a_folder_that_holds_much_else_is_never_named)
{
	note(SUGGEST_READ, "/home/me/a");
	note(SUGGEST_READ, "/home/me/b");
	note(SUGGEST_READ, "/home/me/c");
	note(SUGGEST_READ, "/home/me/d");
	settled("r /home/me/a\nr /home/me/b\nr /home/me/c\nr /home/me/d\n");
}
END_TEST

START_TEST(a_dangerous_folder_is_never_named)
{
	note(SUGGEST_READ, "/home/me/.kube/a");
	note(SUGGEST_READ, "/home/me/.kube/b");
	note(SUGGEST_READ, "/home/me/.kube/c");
	note(SUGGEST_READ, "/home/me/.kube/d");
	settled("r /home/me/.kube/a\nr /home/me/.kube/b\nr /home/me/.kube/c\nr /home/me/.kube/d\n");
}
END_TEST

START_TEST(what_may_be_written_needs_no_line_to_be_read)
{
	note(SUGGEST_READ, "/data/logs/a");
	note(SUGGEST_WRITE, "/data/logs");
	note(SUGGEST_WRITE, "/data/logs/b");
	settled("w /data/logs\n");
}
END_TEST

START_TEST(what_is_above_workspace_or_home_is_broad)
{
	static const struct { const char *path; bool want; } rows_[] = {
		{ "/", true }, { "/home", true }, { "/home/me", true }, { "/home/me/.config", true }, { "/srv", true },
		{ "/home/me/work", false }, { "/home/me/worker", false }, { "/home/me/.config/tool", false }, { "/srv/x", false },
	};

	for (size_t i = 0; i < COUNT(rows_); i++)
		ck_assert_msg(suggest_is_broad(&suggest, rows_[i].path) == rows_[i].want, "%s", rows_[i].path);
}
END_TEST

static const struct { const char *text, *want; } scalars[] = {
	{ "/plain/path-1.2", "/plain/path-1.2" }, { "./x", "./x" }, { "~/x", "~/x" }, { ".", "\".\"" }, { "yes", "\"yes\"" },
	{ "/a b", "\"/a b\"" }, { "/a: b #c", "\"/a: b #c\"" }, { "/q\"\\", "\"/q\\\"\\\\\"" }, { "/a\nb", "\"/a\\x0ab\"" },
	{ "/\xc3\xb6", "\"/\\xf6\"" }, { "/\xe2\x80\xae", "\"/\\u202e\"" }, { "/\xf0\x9f\x98\x80", "\"/\\U0001f600\"" },
	{ "10.0.0.1:22", "\"10.0.0.1:22\"" }, { "*.example.com", "\"*.example.com\"" },
};

START_TEST(a_scalar_is_quoted_unless_it_is_plainly_text)
{
	cleanup_with(buf_finish) struct buf have = buf_growing(4096);

	ck_assert_int_eq(suggest_put_scalar(&have, scalars[_i].text), 0);
	ck_assert_msg(slice_is(buf_slice(&have), scalars[_i].want), "'%s' gave %.*s", scalars[_i].text, (int)have.len, have.data);
}
END_TEST

/* A document compiles only with what it extends; so what it says is looked for. */
START_TEST(the_document_has_lines_for_what_is_missing_and_comments_for_the_rest)
{
	cleanup_with(policy_free_p) struct policy *base = policy_new();
	cleanup_with(buf_finish) struct buf text = buf_growing(1U << 16);
	static const char *const wanted[] = {
		"extends: offline\n", "tier: T2", "  read:\n    - ~/notes # record 1\n", "  mode: allowlist\n  allow:\n    - \"a.example:443\" #",
		"  learned-fs-make-it: # record 3\n    when: {capability: [\"fs.make_it\"]}\n    decision: allow\n",
		"# - connect to [fe80::1]:1 (record 4): no\\x0aschema: 2\n",
	};

	ck_assert_ptr_nonnull(base);
	note(SUGGEST_READ, "/home/me/notes");
	note(SUGGEST_CONNECT, "a.example:443");
	note(SUGGEST_RULE, "fs.make_it");
	ck_assert_int_eq(suggest_note(&suggest, SUGGEST_CONNECT, slice_of("[fe80::1]:1"), 4, "no\nschema: 2"), 0);
	ck_assert_int_eq(suggest_settle(&suggest), 0);
	ck_assert_int_eq(suggest_say(&suggest, &(struct suggest_head){ .run = "R", .policy_name = "p", .base = "offline",
			 .base_policy = base }, &text), 0);
	ck_assert_int_eq(buf_append(&text, "", 1), 0);
	for (size_t i = 0; i < COUNT(wanted); i++)
		ck_assert_msg(strstr(text.data, wanted[i]), "no '%s' in\n%s", wanted[i], text.data);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("suggest");
	TCase *places = tcase_create("places"), *text = tcase_create("text");

	tcase_add_checked_fixture(places, setup, teardown);
	tcase_add_test(places, few_files_of_a_folder_are_named_one_by_one);
	tcase_add_test(places, many_files_of_a_folder_become_the_folder);
	tcase_add_test(places, a_folder_that_holds_much_else_is_never_named);
	tcase_add_test(places, a_dangerous_folder_is_never_named);
	tcase_add_test(places, what_may_be_written_needs_no_line_to_be_read);
	tcase_add_test(places, what_is_above_workspace_or_home_is_broad);
	tcase_set_tags(places, "pure");
	suite_add_tcase(suite, places);
	tcase_add_checked_fixture(text, setup, teardown);
	tcase_add_loop_test(text, a_scalar_is_quoted_unless_it_is_plainly_text, 0, (int)COUNT(scalars));
	tcase_add_test(text, the_document_has_lines_for_what_is_missing_and_comments_for_the_rest);
	tcase_set_tags(text, "pure");
	suite_add_tcase(suite, text);
	return suite;
}
