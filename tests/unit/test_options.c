/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser and the paths of the command line (tools/cli). */
#include "cli/options.h"

#include <check.h>
#include <errno.h>

#include "cli/paths.h"
#include "lib/runner.h"

struct sample {
	bool quiet, verbose;
	const char *name, *mode;
	struct option_list paths;
	uint64_t bytes, time_ns, milli;
	uint32_t count;
};

static const char *const modes[] = { "none", "host", NULL };

#define AT(member) offsetof(struct sample, member)

static const struct option_row rows[] = {
	{ 'q', "quiet", OPTION_FLAG, AT(quiet), NULL, "h", NULL },
	{ 'v', "verbose", OPTION_FLAG, AT(verbose), NULL, "h", NULL },
	{ 'n', "name", OPTION_TEXT, AT(name), "NAME", "h", NULL },
	{ 0, "net", OPTION_WORD, AT(mode), "MODE", "h", modes },
	{ 'r', "read", OPTION_LIST, AT(paths), "PATH", "h", NULL },
	{ 'm', "memory", OPTION_SIZE, AT(bytes), "SIZE", "h", NULL },
	{ 't', "time", OPTION_DURATION, AT(time_ns), "TIME", "h", NULL },
	{ 0, "cpu", OPTION_MILLI, AT(milli), "N", "h", NULL },
	{ 'P', "pids", OPTION_COUNT, AT(count), "N", "h", NULL },
};

static const struct option_set command_set = {
	.verb = "run", .usage = "", .summary = "", .rows = rows, .count = COUNT(rows), .command = true,
};
static const struct option_set words_set = {
	.verb = "ps", .usage = "", .summary = "", .rows = rows, .count = COUNT(rows),
};

static int parse(const struct option_set *set, char **argv, struct sample *ret_sample,
		 struct option_words *ret_words, struct error *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	*ret_sample = (struct sample){ 0 };
	*err = (struct error){ 0 };
	return options_parse(set, argc, argv, ret_sample, ret_words, err);
}

#define ARGV(...) ((char *[]){ (char[]){ "verb" }, __VA_ARGS__, NULL })
#define W(text) ((char[]){ text })

START_TEST(each_kind_of_value_is_taken_in_each_form)
{
	struct sample got;
	struct option_words words;
	struct error err;
	char **argv = ARGV(W("-q"), W("--name=x"), W("-r"), W("/a"), W("--read"), W("/b"), W("-m2G"), W("-t"),
			   W("10m"), W("--cpu=1.5"), W("-P"), W("64"), W("--net"), W("none"), W("cmd"));
	int r = parse(&command_set, argv, &got, &words, &err);

	ck_assert_msg(r == OPTIONS_PARSED, "%s", err.text);
	ck_assert(got.quiet && !got.verbose);
	ck_assert_str_eq(got.name, "x");
	ck_assert_uint_eq(got.paths.count, 2);
	ck_assert_str_eq(got.paths.items[0], "/a");
	ck_assert_str_eq(got.paths.items[1], "/b");
	ck_assert_uint_eq(got.bytes, 2ULL << 30);
	ck_assert_uint_eq(got.time_ns, 600ULL * 1000000000U);
	ck_assert_uint_eq(got.milli, 1500);
	ck_assert_uint_eq(got.count, 64);
	ck_assert_str_eq(got.mode, "none");
	ck_assert_int_eq(words.count, 1);
	option_list_finish(&got.paths);
}
END_TEST

START_TEST(options_of_the_command_are_left_to_the_command)
{
	struct sample got;
	struct option_words words;
	struct error err;
	char **argv = ARGV(W("-q"), W("ls"), W("-v"), W("--name"), W(""));

	ck_assert_int_eq(parse(&command_set, argv, &got, &words, &err), OPTIONS_PARSED);
	ck_assert(got.quiet && !got.verbose && !got.name);
	ck_assert_int_eq(words.count, 4);
	ck_assert_str_eq(words.words[0], "ls");
	ck_assert_str_eq(words.words[3], "");
}
END_TEST

START_TEST(after_two_dashes_nothing_is_an_option)
{
	struct sample got;
	struct option_words words;
	struct error err;
	char **command = ARGV(W("--"), W("-q"), W("--"));
	char **plain = ARGV(W("a"), W("--"), W("-q"));

	ck_assert_int_eq(parse(&command_set, command, &got, &words, &err), OPTIONS_PARSED);
	ck_assert(!got.quiet);
	ck_assert_int_eq(words.count, 2);
	ck_assert_str_eq(words.words[0], "-q");
	ck_assert_int_eq(parse(&words_set, plain, &got, &words, &err), OPTIONS_PARSED);
	ck_assert(!got.quiet);
	ck_assert_int_eq(words.count, 2);
	ck_assert_str_eq(words.words[1], "-q");
}
END_TEST

START_TEST(options_may_follow_words_where_there_is_no_command)
{
	struct sample got;
	struct option_words words;
	struct error err;
	char **argv = ARGV(W("RUN"), W("--name"), W("why"), W("-qv"), W("-"));

	ck_assert_int_eq(parse(&words_set, argv, &got, &words, &err), OPTIONS_PARSED);
	ck_assert_str_eq(got.name, "why");
	ck_assert(got.quiet && got.verbose);
	ck_assert_int_eq(words.count, 2);
	ck_assert_str_eq(words.words[0], "RUN");
	ck_assert_str_eq(words.words[1], "-");
}
END_TEST

static const struct {
	const char *first, *second;
	const char *text;         /* part of the message or its next step */
} bad_rows[] = {
	{ "--naem", "x", "--name" },
	{ "--verbos", NULL, "--verbose" },
	{ "--xyzzyplugh", NULL, "not known" },
	{ "-z", NULL, "'-z'" },
	{ "-qz", NULL, "'-z'" },
	{ "--name", NULL, "needs a value" },
	{ "-n", NULL, "needs a value" },
	{ "--name=", NULL, "no value" },
	{ "--quiet=yes", NULL, "takes no value" },
	{ "-m", "0", "no value" },
	{ "-m", "2X", "no value" },
	{ "-m", "-1", "no value" },
	{ "-m", "99999999999999999999G", "no value" },
	{ "-t", "10", "no value" },
	{ "-t", "0s", "no value" },
	{ "-P", "0", "no value" },
	{ "-P", "4194305", "no value" },
	{ "-P", "0x10", "no value" },
	{ "--cpu", "0", "no value" },
	{ "--cpu", "1.", "no value" },
	{ "--cpu", ".5", "no value" },
	{ "--cpu", "1.2345", "no value" },
	{ "--cpu", "1e3", "no value" },
	{ "--net", "hots", "none, host" },
	{ "-r", "", "no value" },
};

START_TEST(a_bad_option_is_refused_and_named)
{
	struct sample got;
	struct option_words words;
	struct error err;
	char first[64], second[64];
	int r;

	IGNORE(snprintf(first, sizeof(first), "%s", bad_rows[_i].first) < 0);
	IGNORE(snprintf(second, sizeof(second), "%s", bad_rows[_i].second ? bad_rows[_i].second : "") < 0);
	r = parse(&command_set,
		  (char *[]){ W("run"), first, bad_rows[_i].second ? second : NULL, NULL }, &got, &words,
		  &err);
	ck_assert_msg(r == -EINVAL || r == -ERANGE, "'%s' gave %d", bad_rows[_i].first, r);
	ck_assert_msg(strstr(err.text, bad_rows[_i].text) || strstr(err.next, bad_rows[_i].text),
		      "'%s' says '%s' / '%s'", bad_rows[_i].first, err.text, err.next);
	ck_assert_int_eq(err.exit_code, 2);
	ck_assert_msg(err.next[0] != '\0', "'%s' has no next step", bad_rows[_i].first);
	option_list_finish(&got.paths);
}
END_TEST

START_TEST(help_is_met_before_later_mistakes)
{
	struct sample got;
	struct option_words words;
	struct error err;

	ck_assert_int_eq(parse(&command_set, ARGV(W("--help"), W("--nonsense")), &got, &words, &err),
			 OPTIONS_HELP);
	ck_assert_int_eq(parse(&command_set, ARGV(W("-qh")), &got, &words, &err), OPTIONS_HELP);
}
END_TEST

static const struct {
	const char *base, *path, *want;
} path_rows[] = {
	{ "/home/u", "out", "/home/u/out" },
	{ "/home/u", "./out/", "/home/u/out" },
	{ "/home/u", "../v/./w", "/home/v/w" },
	{ "/home/u", "/data//x/", "/data/x" },
	{ "/home/u", "../../../..", "/" },
	{ "/", "a", "/a" },
	{ "/", ".", "/" },
	{ "/home/u", "..a/.b./...", "/home/u/..a/.b./..." },
	{ "/home/u", "a/../../u2", "/home/u2" },
};

START_TEST(a_path_is_made_absolute_by_its_text)
{
	auto_free char *got = NULL;

	ck_assert_int_eq(path_absolute(path_rows[_i].base, path_rows[_i].path, &got), 0);
	ck_assert_msg(strcmp(got, path_rows[_i].want) == 0, "'%s' at '%s' gave '%s', want '%s'",
		      path_rows[_i].path, path_rows[_i].base, got, path_rows[_i].want);
}
END_TEST

static const struct {
	const char *path;
	const char *text;     /* NULL = taken */
} named_rows[] = {
	{ "/usr", NULL },
	{ "usr", NULL },
	{ "/nonexistent/bailiff", "does not exist" },
	{ "/usr/*", "pattern" },
	{ "/usr/${cwd}", "pattern" },
	{ "/\xff\xfe", "UTF-8" },
	{ "/etc/passwd/x", "ENOTDIR" },
};

START_TEST(a_named_path_must_exist_and_mean_itself)
{
	const char *items[] = { named_rows[_i].path };
	struct option_list list = { .items = items, .count = 1 };
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct error err = { 0 };
	int r = paths_resolve("read", "/", &list, &pool, &err);

	ck_assert_msg((r == 0) == (named_rows[_i].text == NULL), "'%s' gave %d: %s", named_rows[_i].path, r,
		      err.text);
	if (named_rows[_i].text) {
		ck_assert_msg(strstr(err.text, named_rows[_i].text), "'%s'", err.text);
		ck_assert_int_eq(err.exit_code, 2);
	}
	ck_assert_int_eq(items[0][0], '/');
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("options");
	TCase *options = tcase_create("options are checked where they are read");
	TCase *paths = tcase_create("paths are absolute and exist");

	tcase_set_tags(options, "pure");
	tcase_add_test(options, each_kind_of_value_is_taken_in_each_form);
	tcase_add_test(options, options_of_the_command_are_left_to_the_command);
	tcase_add_test(options, after_two_dashes_nothing_is_an_option);
	tcase_add_test(options, options_may_follow_words_where_there_is_no_command);
	tcase_add_loop_test(options, a_bad_option_is_refused_and_named, 0, (int)COUNT(bad_rows));
	tcase_add_test(options, help_is_met_before_later_mistakes);
	suite_add_tcase(suite, options);
	tcase_add_loop_test(paths, a_path_is_made_absolute_by_its_text, 0, (int)COUNT(path_rows));
	tcase_add_loop_test(paths, a_named_path_must_exist_and_mean_itself, 0, (int)COUNT(named_rows));
	suite_add_tcase(suite, paths);
	return suite;
}
