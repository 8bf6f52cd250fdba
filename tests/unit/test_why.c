/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff why`: which line a refusal comes from, what would change it, and when not to. */
#include <check.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "cli/why_rule.h"
#include "lib/runner.h"

static json_t *policy;

static void setup(void)
{
	policy = json_loads("{\"files\":{\"read\":[\"/usr\",\".\"],\"write\":[\".\",\"/tmp\"],"
			    "\"deny_read\":[\"./.env\"],\"deny_write\":[\"./.bailiff*\",\"./.git/config\","
			    "\"./.git/modules/*/hooks\"],\"baseline\":{\"ci\":{\"paths\":[\"./.ci\"]}}},"
			    "\"sandbox\":{\"hide\":[\"/etc/shadow\",\"~/.ssh\"]},"
			    "\"network\":{\"deny\":[\"169.254.0.0/16\",\"*:25\"]}}", 0, NULL);
	ck_assert_ptr_nonnull(policy);
}

static void teardown(void)
{
	json_decref(policy);
}

static struct why_answer ask(const char *rule, const char *verb, const char *object, bool own, bool exists)
{
	struct why_question question = {
		.rule = slice_of(rule), .verb = slice_of(verb), .object = slice_of(object), .policy = policy,
		.policy_name = "default", .policy_file = "/p/default.yaml", .workspace = "/w/x",
		.extendable = own, .exists = exists,
	};
	struct why_answer answer;

	why_answer(&question, &answer);
	return answer;
}

static const struct entry_case {
	const char *rule, *verb, *object, *want;
} entry_cases[] = {
	{ "files.deny_write", "write", "/w/x/.git/config", "./.git/config" },
	{ "files.deny_write", "write", "/w/x/.bailiff.yaml", "./.bailiff*" },
	{ "files.deny_write", "write", "/w/x/.git/modules/m/hooks/post-merge", "./.git/modules/*/hooks" },
	/* A name that holds protected ones: the first of them. */
	{ "files.deny_write", "write", "/w/x/.git", "./.git/config" },
	{ "files.deny_write", "write", "/w/x/.gi", "" },
	{ "files.deny_write", "write", "/elsewhere/.git/config", "" },
	{ "files.baseline.ci", "write", "/w/x/.ci/run", "./.ci" },
	{ "files.baseline.none", "write", "/w/x/.ci/run", "" },
	{ "sandbox.hide", "read", "/home/u/.ssh/id", "~/.ssh" },
	{ "sandbox.hide", "read", "/etc/shadow", "/etc/shadow" },
	{ "sandbox.hide", "read", "/etc/shadow-", "" },
	{ "network.deny", "connect", "169.254.169.254:80", "169.254.0.0/16" },
	{ "network.deny", "connect", "93.184.216.34:25", "*:25" },
	{ "network.deny", "connect", "[64:ff9b::a9fe:a9fe]:80", "169.254.0.0/16" },
	{ "network.deny", "connect", "unix:/run/x", "" },
	{ "no.such.rule", "write", "/w/x/a", "" },
	{ "", "", "", "" },
};

START_TEST(the_entry_that_matched_is_named)
{
	const struct entry_case *row = &entry_cases[_i];
	struct why_answer answer = ask(row->rule, row->verb, row->object, false, true);

	ck_assert_msg(strcmp(answer.entry, row->want) == 0, "%s of %s is '%s', want '%s'", row->object,
		      row->rule, answer.entry, row->want);
}
END_TEST

static const struct flag_case {
	const char *rule, *verb, *object;
	bool exists;
	const char *flag, *line;
} flag_cases[] = {
	{ "files.read", "read", "/srv/data", true, "-r /srv/data", "files: {read: [/srv/data]}" },
	{ "files.write", "write", "/srv/a b", true, "-w '/srv/a b'", "files: {write: ['/srv/a b']}" },
	/* -w takes what exists. */
	{ "files.write", "write", "/srv/new", false, "-w /srv", "files: {write: [/srv]}" },
	{ "network.allow", "connect", "10.0.0.1:22", false, "--allow 10.0.0.1:22",
	  "network: {allow: [\"10.0.0.1:22\"]}" },
	{ "network.allow", "connect", "example.com:443", false, "--allow example.com:443",
	  "network: {allow: [\"example.com:443\"]}" },
	{ "network.mode", "connect", "10.0.0.1:22", false, "--allow 10.0.0.1:22",
	  "network: {mode: allowlist, allow: [\"10.0.0.1:22\"]}" },
	{ "network.allow_unix", "connect", "unix:/run/x y.sock", false, "",
	  "network: {allow_unix: ['/run/x y.sock']}" },
	{ "network.allow_unix", "connect", "unix:@abstract", false, "", "" },
	{ "network.bind", "bind", "0.0.0.0:80", false, "", "network: {bind: [\"0.0.0.0:80\"]}" },
	{ "files.deny_write", "write", "/w/x/.git/config", true, "", "" },
	{ "sandbox.hide", "read", "/etc/shadow", true, "", "" },
	{ "sandbox.own", "read", "/var/lib/bailiff", true, "", "" },
	/* What cannot be typed is not put into a command. */
	{ "files.read", "read", "/srv/\x1b[2J", true, "", "" },
	{ "files.read", "read", "/srv/a'b", true, "", "" },
	{ "files.read", "read", "/srv/\xff", true, "", "" },
};

START_TEST(a_flag_and_a_line_are_exact_or_absent)
{
	const struct flag_case *row = &flag_cases[_i];
	struct why_answer answer = ask(row->rule, row->verb, row->object, true, row->exists);

	ck_assert_msg(strcmp(answer.flag, row->flag) == 0, "%s: flag '%s', want '%s'", row->object, answer.flag,
		      row->flag);
	ck_assert_msg(strcmp(answer.line, row->line) == 0, "%s: line '%s', want '%s'", row->object, answer.line,
		      row->line);
}
END_TEST

START_TEST(what_holds_a_protected_name_has_its_danger)
{
	struct why_answer answer = ask("files.deny_write", "write", "/w/x/.git", false, true);

	ck_assert_ptr_nonnull(answer.danger);
	ck_assert_msg(strstr(answer.danger->harm, "git runs") != NULL, "%s", answer.danger->harm);
}
END_TEST

START_TEST(a_shipped_policy_is_extended_and_another_one_edited)
{
	struct why_answer own = ask("files.read", "read", "/srv/data", true, true);
	struct why_answer other = ask("files.read", "read", "/srv/data", false, true);

	ck_assert_msg(strstr(own.change, "`extends: default`") != NULL, "%s", own.change);
	ck_assert_msg(strstr(other.change, "in /p/default.yaml") != NULL, "%s", other.change);
}
END_TEST

static const struct danger_case {
	enum danger_when when;
	const char *object;
	bool danger;
} danger_cases[] = {
	{ DANGER_WRITE, "/w/.git/hooks/pre-commit", true },
	{ DANGER_WRITE, "/w/.git/hooks", true },
	{ DANGER_WRITE, "/w/.git/config.lock", true },
	{ DANGER_READ, "/w/.git/hooks/pre-commit", false },
	{ DANGER_WRITE, "/w/.git/hooksx", false },
	{ DANGER_WRITE, "/w/src/hooks/use.ts", false },
	{ DANGER_READ, "/home/u/.ssh/id_ed25519", true },
	{ DANGER_READ, "/home/u/.sshx", false },
	{ DANGER_READ, "/w/.env.local", true },
	{ DANGER_WRITE, "/etc/passwd", true },
	{ DANGER_READ, "/etc/passwd", false },
	{ DANGER_WRITE, "/w/etc/passwd", false },
	{ DANGER_CONNECT, "169.254.169.254:80", true },
	{ DANGER_CONNECT, "10.0.0.1:80", false },
	{ DANGER_CONNECT, "unix:/var/run/docker.sock", true },
	{ DANGER_CALL, "ptrace", true },
	{ DANGER_CALL, "finit_module", true },
	{ DANGER_CALL, "io_uring_setup", false },
	{ DANGER_WRITE, "", false },
};

START_TEST(what_is_dangerous_is_said_and_nothing_else)
{
	const struct danger_case *row = &danger_cases[_i];

	ck_assert_msg((danger_of(row->when, slice_of(row->object)) != NULL) == row->danger, "'%s' is %s",
		      row->object, row->danger ? "not known as dangerous" : "called dangerous");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("why");
	TCase *rules = tcase_create("rules"), *dangers = tcase_create("dangers");

	tcase_add_checked_fixture(rules, setup, teardown);
	tcase_add_loop_test(rules, the_entry_that_matched_is_named, 0, (int)COUNT(entry_cases));
	tcase_add_loop_test(rules, a_flag_and_a_line_are_exact_or_absent, 0, (int)COUNT(flag_cases));
	tcase_add_test(rules, what_holds_a_protected_name_has_its_danger);
	tcase_add_test(rules, a_shipped_policy_is_extended_and_another_one_edited);
	tcase_add_loop_test(dangers, what_is_dangerous_is_said_and_nothing_else, 0, (int)COUNT(danger_cases));
	tcase_set_tags(rules, "pure");
	tcase_set_tags(dangers, "pure");
	suite_add_tcase(suite, rules);
	suite_add_tcase(suite, dangers);
	return suite;
}
