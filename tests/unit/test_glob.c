/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: a row table, and agreement with a plain recursive model over random patterns. */
#include <check.h>

#include "base/text.h"
#include "decide/rules.h"
#include "lib/runner.h"

struct row {
	const char *pattern, *path;
	bool want;
};

static const struct row rows[] = {
	{ "/a", "/a", true },                 { "/a", "/ab", false },
	{ "/a/*", "/a/b", true },             { "/a/*", "/a/b/c", false },
	{ "/a/*", "/a", false },              { "/a/*", "/a/", true },
	{ "/a/?", "/a/b", true },             { "/a/?", "/a/bc", false },
	{ "/a?b", "/a/b", false },            { "/a*b", "/a/b", false },
	{ "/a/*.pem", "/a/x.pem", true },     { "/a/*.pem", "/a/x.pem.pem", true },
	{ "/a/*.pem", "/a/b/x.pem", false },  { "/a/**/*.pem", "/a/b/c/x.pem", true },
	{ "/a/**/*.pem", "/a/x.pem", true },  { "/a/**/*.pem", "/ax.pem", false },
	{ "/a/**", "/a/b/c", true },          { "/a/**/b", "/a/b", true },
	{ "/a/**/b", "/a/x/y/b", true },      { "/a/**/b", "/a/x/y/bb", false },
	{ "/**/id_rsa", "/home/u/.ssh/id_rsa", true },
	{ "/a/.env.*", "/a/.env.local", true },
	{ "/a/.env.*", "/a/.env", false },    { "/*/*/c", "/a/b/c", true },
	{ "/*a*b*", "/xaxbx", true },         { "/*a*b*", "/xbxa", false },
	{ "", "", true },                     { "", "/", false },
	{ "**", "", true },                   { "*", "", true },
	{ "?", "", false },                   { "/a\\*", "/a*", false },
};

START_TEST(a_pattern_matches_as_its_row_says)
{
	const struct row *row = &rows[_i];
	bool got = glob_matches(slice_of(row->pattern), slice_of(row->path));

	ck_assert_msg(got == row->want, "'%s' on '%s' is %d", row->pattern, row->path, got);
}
END_TEST

/* The meaning, without any care for time. */
static bool model_at(const char *start, const char *pattern, const char *path)
{
	if (!*pattern)
		return !*path;
	if (pattern[0] == '*' && pattern[1] == '*') {
		bool whole;

		while (*pattern == '*')
			pattern++;
		whole = *pattern == '/';
		pattern += whole;
		for (;; path++) {
			if ((!whole || path == start || path[-1] == '/') && model_at(start, pattern, path))
				return true;
			if (!*path)
				return false;
		}
	}
	if (*pattern == '*') {
		for (;; path++) {
			if (model_at(start, pattern + 1, path))
				return true;
			if (!*path || *path == '/')
				return false;
		}
	}
	if (!*path || (*pattern == '?' ? *path == '/' : *pattern != *path))
		return false;
	return model_at(start, pattern + 1, path + 1);
}

static bool model(const char *pattern, const char *path)
{
	return model_at(path, pattern, path);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 16;
}

START_TEST(it_agrees_with_the_plain_model)
{
	static const char letters[] = "ab/*?*/";
	uint32_t state = 20261120;

	for (int i = 0; i < 200000; i++) {
		char pattern[10], path[10];
		size_t pattern_len = next_random(&state) % 9, path_len = next_random(&state) % 9;

		for (size_t j = 0; j < pattern_len; j++)
			pattern[j] = letters[next_random(&state) % 7];
		for (size_t j = 0; j < path_len; j++)
			path[j] = letters[next_random(&state) % 3];
		pattern[pattern_len] = path[path_len] = '\0';
		ck_assert_msg(glob_matches(slice_of(pattern), slice_of(path)) == model(pattern, path),
			      "'%s' on '%s', model says %d", pattern, path, model(pattern, path));
	}
}
END_TEST

/* A backtracking matcher takes hours for this. */
START_TEST(a_hostile_pattern_takes_no_time)
{
	char pattern[2048], path[4000];

	for (size_t i = 0; i + 1 < sizeof(pattern); i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	memset(path, 'a', sizeof(path));
	ck_assert(!glob_matches(slice_of(pattern), slice_new(path, sizeof(path))));
}
END_TEST

START_TEST(a_rule_covers_what_is_below_and_no_neighbour)
{
	static const char strings[] = "/a/b\0/\0/a/*/c";
	struct rules rules = { .strings = strings, .strings_len = sizeof(strings) };
	struct rule_path plain = { .path_offset = 0, .path_len = 4 };
	struct rule_path root = { .path_offset = 5, .path_len = 1 };
	struct rule_path glob = { .path_offset = 7, .path_len = 6, .flags = RULE_GLOB };

	ck_assert(rule_path_matches(&rules, &plain, slice_of("/a/b")));
	ck_assert(rule_path_matches(&rules, &plain, slice_of("/a/b/c")));
	ck_assert(!rule_path_matches(&rules, &plain, slice_of("/a/bc")));
	ck_assert(!rule_path_matches(&rules, &plain, slice_of("/a")));
	ck_assert(rule_path_matches(&rules, &root, slice_of("/x")));
	ck_assert(!rule_path_matches(&rules, &root, slice_of("")));
	ck_assert(rule_path_matches(&rules, &glob, slice_of("/a/x/c")));
	ck_assert(rule_path_matches(&rules, &glob, slice_of("/a/x/c/d/e")));
	ck_assert(!rule_path_matches(&rules, &glob, slice_of("/a/x/cd")));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("glob");
	TCase *matches = tcase_create("patterns");

	tcase_add_loop_test(matches, a_pattern_matches_as_its_row_says, 0, (int)COUNT(rows));
	tcase_add_test(matches, it_agrees_with_the_plain_model);
	tcase_add_test(matches, a_hostile_pattern_takes_no_time);
	tcase_add_test(matches, a_rule_covers_what_is_below_and_no_neighbour);
	tcase_set_tags(matches, "pure");
	suite_add_tcase(suite, matches);
	return suite;
}
