/* SPDX-License-Identifier: Apache-2.0 */
/* What `bailiff run` makes of its command line, of the policy and of the supervisor's answers. */
#include "cli/run_args.h"
#include "cli/verbs.h"

#include <check.h>
#include <errno.h>

#include "cli/client.h"
#include "cli/run_env.h"
#include "cli/run_policy.h"
#include "cli/runs.h"
#include "cli/session_say.h"
#include "lib/runner.h"

#define W(text) ((char[]){ text })

static int parse(char **argv, struct run_args *ret_args)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return run_args_parse(&run_options, argc, argv, ret_args);
}

START_TEST(the_issues_own_line_is_understood)
{
	struct run_args args;
	char *argv[] = { W("run"), W("-p"), W("POLICY"), W("-r"), W("/data"), W("-w"), W("./out"),
			 W("--net"), W("none"), W("-m"), W("2G"), W("-P"), W("64"), W("-t"), W("10m"),
			 W("--env"), W("FOO"), W("--"), W("CMD"), W("-x"), NULL };

	ck_assert_int_eq(parse(argv, &args), -1);
	ck_assert_str_eq(args.policy, "POLICY");
	ck_assert_str_eq(args.read.items[0], "/data");
	ck_assert_str_eq(args.write.items[0], "./out");
	ck_assert_str_eq(args.network, "none");
	ck_assert_uint_eq(args.memory_bytes, 2ULL << 30);
	ck_assert_uint_eq(args.pids, 64);
	ck_assert_uint_eq(args.wall_ns, 600000000000ULL);
	ck_assert_str_eq(args.env.items[0], "FOO");
	ck_assert_str_eq(args.command[0], "CMD");
	ck_assert_str_eq(args.command[1], "-x");
	ck_assert_ptr_null(args.command[2]);
	run_args_finish(&args);
}
END_TEST

START_TEST(the_policy_is_default_unless_named)
{
	struct run_args args;

	ck_assert_int_eq(parse((char *[]){ W("run"), W("true"), NULL }, &args), -1);
	ck_assert_str_eq(args.policy, "default");
	ck_assert(!args.quiet && !args.network && args.pids == 0);
	run_args_finish(&args);
}
END_TEST

static char *const bad_lines[][5] = {
	{ (char[]){ "run" } },
	{ (char[]){ "run" }, (char[]){ "--" } },
	{ (char[]){ "run" }, (char[]){ "-q" } },
	{ (char[]){ "run" }, (char[]){ "--" }, (char[]){ "" } },
	{ (char[]){ "run" }, (char[]){ "--env" }, (char[]){ "1X=y" }, (char[]){ "true" } },
	{ (char[]){ "run" }, (char[]){ "--env" }, (char[]){ "=y" }, (char[]){ "true" } },
	{ (char[]){ "run" }, (char[]){ "--env" }, (char[]){ "A B" }, (char[]){ "true" } },
	{ (char[]){ "run" }, (char[]){ "--agent" }, (char[]){ "a/b" }, (char[]){ "true" } },
	{ (char[]){ "run" }, (char[]){ "--agent" }, (char[]){ ".." }, (char[]){ "true" } },
	{ (char[]){ "run" }, (char[]){ "--frobnicate" }, (char[]){ "true" } },
};

START_TEST(a_bad_line_is_a_usage_error)
{
	struct run_args args;
	char *argv[6] = { 0 };

	memcpy(argv, bad_lines[_i], sizeof(bad_lines[_i]));
	ck_assert_int_eq(parse(argv, &args), 2);
	run_args_finish(&args);
}
END_TEST

START_TEST(an_agents_name_comes_from_its_command)
{
	static const char *const names[][2] = {
		{ "/usr/bin/claude", "claude" }, { "make", "make" }, { "./a b", "a_b" },
		{ "/", "_" }, { "x/.hidden", "_hidden" }, { "-x", "_x" }, { "\xff\033", "__" },
	};
	char name[RUN_AGENT_MAX + 1], longest[200];

	for (size_t i = 0; i < COUNT(names); i++) {
		run_agent_name(names[i][0], name);
		ck_assert_str_eq(name, names[i][1]);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	run_agent_name(longest, name);
	ck_assert_uint_eq(strlen(name), RUN_AGENT_MAX);
}
END_TEST

/* ---- flags and the policy ---- */

static struct policy *policy_sample(void)
{
	struct policy *policy = policy_new();

	ck_assert_ptr_nonnull(policy);
	policy->network_mode = NETWORK_NONE;
	policy->limits.pids = 512;
	policy->limits.memory_bytes = 8ULL << 30;
	policy->workspace_mode = WORKSPACE_DIRECT;
	memcpy(policy->name, "sample", sizeof("sample"));
	return policy;
}

START_TEST(flags_lower_limits_and_extend_lists)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_sample();
	const char *env[] = { "TOKEN=secret" };
	const char *paths[] = { "/data" };
	struct run_args args = { .overlay = true, .pids = 64, .memory_bytes = 1 << 30, .wall_ns = 5, .network = "none",
				 .env = { env, 1 }, .read = { paths, 1 }, .write = { paths, 1 } };
	struct error err = { 0 };

	ck_assert_msg(run_policy_narrow(&args, policy, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(policy->limits.pids, 64);
	ck_assert_int_eq(policy->workspace_mode, WORKSPACE_OVERLAY);
	ck_assert_uint_eq(policy->limits.memory_bytes, 1 << 30);
	ck_assert_uint_eq(policy->limits.wall_ns, 5);
	ck_assert_uint_eq(policy->read.count, 1);
	ck_assert_str_eq(policy_text(policy, policy->read.items[0]), "/data");
	ck_assert_str_eq(policy_text(policy, policy->write.items[0]), "/data");
	/* The value of a variable may be a secret; the effective policy is recorded. */
	ck_assert_str_eq(policy_text(policy, policy->env.items[0]), "TOKEN");
	ck_assert_int_eq(run_policy_check(policy), 0);
}
END_TEST

START_TEST(a_flag_that_widens_is_refused)
{
	static const struct run_args widening[] = {
		{ .network = "host" }, { .pids = 513 }, { .memory_bytes = 9ULL << 30 },
	};

	for (size_t i = 0; i < COUNT(widening); i++) {
		cleanup_with(policy_free_p) struct policy *policy = policy_sample();
		struct error err = { 0 };

		ck_assert_int_eq(run_policy_narrow(&widening[i], policy, &err), -EPERM);
		ck_assert_int_eq(err.exit_code, 2);
		ck_assert_ptr_nonnull(strstr(err.text, "widen"));
	}
}
END_TEST

START_TEST(a_readonly_workspace_does_not_become_an_overlay)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_sample();
	const struct run_args args = { .overlay = true };
	struct error err = { 0 };

	policy->workspace_mode = WORKSPACE_READONLY;
	ck_assert_int_eq(run_policy_narrow(&args, policy, &err), -EPERM);
	ck_assert_int_eq(policy->workspace_mode, WORKSPACE_READONLY);
	policy->workspace_mode = WORKSPACE_DIRECT;
	ck_assert_int_eq(run_policy_narrow(&args, policy, &err), 0);
}
END_TEST

START_TEST(a_damaged_policy_from_the_compiler_is_refused)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_sample();
	const struct policy_string outside = { .offset = POLICY_STRINGS_MAX - 1, .len = 4000000000U };
	const struct policy sane = *policy;

	ck_assert_int_eq(run_policy_check(policy), 0);
	policy->strings_len = POLICY_STRINGS_MAX + 1;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->read.count = POLICY_LIST_MAX + 1;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->deny_write.count = 1;
	policy->deny_write.items[0] = outside;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->workspace_path = outside;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->network_mode = (enum network_mode)77;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->secret_count = POLICY_SECRETS_MAX + 1;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->secret_count = 1;
	policy->secrets[0] = (struct policy_secret){ .name = policy->workspace_path, .source = SECRET_FILE,
						     .word_count = 1, .words = { policy->workspace_path } };
	ck_assert_msg(run_policy_check(policy) == -EINVAL, "\"${cwd}\" is no name of a secret");
	policy->secrets[0].word_count = POLICY_SECRET_WORDS_MAX + 1;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	policy->baseline_count = POLICY_BASELINES_MAX + 1;
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
	*policy = sane;
	memset(policy->name, 'x', sizeof(policy->name));
	ck_assert_int_eq(run_policy_check(policy), -EINVAL);
}
END_TEST

/* ---- the environment ---- */

static const char *env_value(const struct run_env *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
			return env->items[i] + len + 1;
	}
	return NULL;
}

START_TEST(the_environment_is_that_of_the_runs_user)
{
	const struct identity identity = { .name = "alice", .home = "/home/alice" };
	const char *flags[] = { "BAILIFF_TEST_NEW=1=2", "BAILIFF_TEST_KEPT" };
	const struct option_list list = { flags, 2 };
	struct run_env env;
	struct error err = { 0 };

	ck_assert_int_eq(setenv("HOME", "/root", 1), 0);
	ck_assert_int_eq(setenv("BAILIFF_TEST_KEPT", "yes", 1), 0);
	ck_assert_int_eq(run_env_make(&list, &identity, &env, &err), 0);
	ck_assert_str_eq(env_value(&env, "HOME"), "/home/alice");
	ck_assert_str_eq(env_value(&env, "USER"), "alice");
	ck_assert_str_eq(env_value(&env, "BAILIFF_TEST_NEW"), "1=2");
	ck_assert_str_eq(env_value(&env, "BAILIFF_TEST_KEPT"), "yes");
	ck_assert_ptr_null(env.items[env.count]);
	run_env_finish(&env);
	ck_assert_int_eq(unsetenv("BAILIFF_TEST_KEPT"), 0);
	ck_assert_int_eq(run_env_make(&list, &identity, &env, &err), -ENOENT);
	ck_assert_int_eq(err.exit_code, 2);
	run_env_finish(&env);
}
END_TEST

/* ---- answers of the supervisor ---- */

START_TEST(an_answer_is_of_its_version_size_and_terminated)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_NOTICE };

	memset(answer.u.notice, 'x', sizeof(answer.u.notice));
	ck_assert_int_eq(client_answer_check(sizeof(answer), &answer), 0);
	ck_assert_uint_eq(strlen(answer.u.notice), sizeof(answer.u.notice) - 1);
	ck_assert_int_eq(client_answer_check(sizeof(answer) - 1, &answer), -EPROTO);
	answer.kind = 99;
	ck_assert_int_eq(client_answer_check(sizeof(answer), &answer), -EPROTO);
	answer = (struct wire_answer){ .version = WIRE_VERSION + 1, .kind = WIRE_DONE };
	ck_assert_int_eq(client_answer_check(sizeof(answer), &answer), -EPROTO);
	answer = (struct wire_answer){ .version = WIRE_VERSION, .kind = WIRE_ERROR };
	ck_assert_int_eq(client_answer_check(sizeof(answer), &answer), -EPROTO);
	answer = (struct wire_answer){ .version = WIRE_VERSION, .kind = WIRE_ENDED };
	answer.u.ended.exit_code = 256;
	ck_assert_int_eq(client_answer_check(sizeof(answer), &answer), -EPROTO);
}
END_TEST

START_TEST(a_run_is_named_by_its_id_or_a_tail_that_fits_one)
{
	struct wire_run_row rows[2] = { 0 };
	const struct runs runs = { .rows = rows, .count = 2 };
	const struct wire_run_row *found;
	struct error err = { 0 };
	char id[ULID_TEXT_LEN + 1];

	memset(rows[0].run.bytes, 0x11, sizeof(rows[0].run.bytes));
	memset(rows[1].run.bytes, 0x11, sizeof(rows[1].run.bytes));
	rows[1].run.bytes[15] = 0x12;
	ulid_text(&rows[1].run, id);
	ck_assert_int_eq(runs_find(&runs, id, &found, &err), 0);
	ck_assert_ptr_eq(found, &rows[1]);
	for (char *c = id; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	ck_assert_int_eq(runs_find(&runs, id + ULID_TEXT_LEN - 4, &found, &err), 0);
	ck_assert_ptr_eq(found, &rows[1]);
	ck_assert_int_eq(runs_find(&runs, id + ULID_TEXT_LEN - 3, &found, &err), -EINVAL);
	ck_assert_int_eq(runs_find(&runs, "ZZZZ", &found, &err), -ENOENT);
	ck_assert_int_eq(runs_find(&runs, "../../x", &found, &err), -EINVAL);
	rows[0].run = rows[1].run;
	ck_assert_int_eq(runs_find(&runs, id, &found, &err), -EEXIST);
}
END_TEST

START_TEST(the_banner_says_what_is_in_force_and_what_is_missing)
{
	const struct wire_started started = {
		.in_force = 1U << FEATURE_SECCOMP | 1U << FEATURE_NAMESPACES,
		.missing = 1U << FEATURE_LANDLOCK, .network_mode = NETWORK_NONE,
		.workspace_mode = WORKSPACE_DIRECT, .policy_name = "a\033[31m",
	};
	char line[512], tiny[16];

	session_banner(&started, NULL, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "enforced: namespaces seccomp"));
	ck_assert_ptr_nonnull(strstr(line, "MISSING: landlock"));
	ck_assert_ptr_nonnull(strstr(line, "network none"));
	ck_assert_ptr_null(strchr(line, '\033'));
	session_banner(&started, NULL, tiny, sizeof(tiny));
	ck_assert_uint_lt(strlen(tiny), sizeof(tiny));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("run_args");
	TCase *line = tcase_create("the command line is understood or refused");
	TCase *policy = tcase_create("flags only narrow, or extend as documented");
	TCase *answers = tcase_create("answers are checked before they are shown");

	tcase_set_tags(line, "pure");
	tcase_add_test(line, the_issues_own_line_is_understood);
	tcase_add_test(line, the_policy_is_default_unless_named);
	tcase_add_loop_test(line, a_bad_line_is_a_usage_error, 0, (int)COUNT(bad_lines));
	tcase_add_test(line, an_agents_name_comes_from_its_command);
	suite_add_tcase(suite, line);
	tcase_set_tags(policy, "pure");
	tcase_add_test(policy, flags_lower_limits_and_extend_lists);
	tcase_add_test(policy, a_flag_that_widens_is_refused);
	tcase_add_test(policy, a_readonly_workspace_does_not_become_an_overlay);
	tcase_add_test(policy, a_damaged_policy_from_the_compiler_is_refused);
	tcase_add_test(policy, the_environment_is_that_of_the_runs_user);
	suite_add_tcase(suite, policy);
	tcase_set_tags(answers, "pure");
	tcase_add_test(answers, an_answer_is_of_its_version_size_and_terminated);
	tcase_add_test(answers, a_run_is_named_by_its_id_or_a_tail_that_fits_one);
	tcase_add_test(answers, the_banner_says_what_is_in_force_and_what_is_missing);
	suite_add_tcase(suite, answers);
	return suite;
}
