/* SPDX-License-Identifier: Apache-2.0 */
/* A difference, applied to the text before it, gives the text behind it; and it is the shortest. */
#include "base/buf.h"
#include "cli/diff.h"
#include "lib/runner.h"

static const struct row {
	const char *before, *after;
	size_t removed, added;
} rows[] = {
	{ "", "", 0, 0 }, { "", "a\n", 0, 1 }, { "a\n", "", 1, 0 }, { "a\n", "a\n", 0, 0 },
	{ "a\n", "b\n", 1, 1 }, { "a\n", "a", 1, 1 }, { "a\nb\nc\n", "a\nc\n", 1, 0 },
	{ "a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", 3, 2 }, /* Myers' own example */
	{ "a\nc\n", "a\nb\nc\n", 0, 1 }, { "x\ny\n", "y\nx\n", 1, 1 },
	{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\nthree\n4\n5\n6\n7\n8\nnine\n", 2, 2 },
};

/* By the hunks, as a patch program would: what is between them is the same in both. */
static void apply(const struct diff *diff, size_t context, struct buf *to)
{
	struct diff_hunk hunk = { 0 };
	size_t before = 0, after = 0;

	while (diff_next(diff, context, &hunk)) {
		ck_assert_uint_ge(hunk.before_first, before);
		ck_assert_uint_eq(hunk.before_first - before, hunk.after_first - after);
		for (; before < hunk.before_first; before++)
			IGNORE(buf_append(to, diff->before.lines[before].data, diff->before.lines[before].len) < 0);
		for (after = hunk.after_first; after < hunk.after_end; after++)
			IGNORE(buf_append(to, diff->after.lines[after].data, diff->after.lines[after].len) < 0);
		before = hunk.before_end;
	}
	for (; before < diff->before.count; before++)
		IGNORE(buf_append(to, diff->before.lines[before].data, diff->before.lines[before].len) < 0);
}

static void check(struct slice before, struct slice after, struct diff *diff)
{
	ck_assert_int_eq(diff_make(before, after, diff), 0);
	for (size_t context = 0; context < 4; context++) {
		cleanup_with(buf_finish) struct buf made = buf_growing(1U << 24);

		apply(diff, context, &made);
		ck_assert_uint_eq(made.len, after.len);
		ck_assert(after.len == 0 || memcmp(made.data, after.data, after.len) == 0);
	}
}

START_TEST(a_difference_is_the_shortest_and_leads_to_the_other_text)
{
	const struct row *row = &rows[_i];
	cleanup_with(diff_finish) struct diff diff = { 0 };

	check(slice_of(row->before), slice_of(row->after), &diff);
	ck_assert_uint_eq(diff.removed, row->removed);
	ck_assert_uint_eq(diff.added, row->added);
}
END_TEST

START_TEST(random_texts_differ_by_what_leads_from_one_to_the_other)
{
	uint32_t seed = 7;

	for (int round = 0; round < 2000; round++) {
		cleanup_with(diff_finish) struct diff diff = { 0 };
		char texts[2][256];
		size_t lens[2];

		for (int side = 0; side < 2; side++) {
			lens[side] = (seed = seed * 1664525U + 1013904223U) >> 24;
			for (size_t i = 0; i < lens[side]; i++)
				texts[side][i] = "ab\n\nc"[((seed = seed * 1664525U + 1013904223U) >> 16) % 5];
		}
		check(slice_new(texts[0], lens[0]), slice_new(texts[1], lens[1]), &diff);
	}
}
END_TEST

START_TEST(a_text_with_too_many_edits_counts_as_replaced)
{
	cleanup_with(buf_finish) struct buf before = buf_growing(1U << 22), after = buf_growing(1U << 22);
	cleanup_with(diff_finish) struct diff diff = { 0 };

	for (unsigned int i = 0; i < 3 * DIFF_EDITS_MAX; i++) {
		IGNORE(buf_printf(&before, "%u\n", i) < 0);
		IGNORE(buf_printf(&after, "%u x\n", i) < 0);
	}
	check(buf_slice(&before), buf_slice(&after), &diff);
	ck_assert_uint_eq(diff.removed, 3 * DIFF_EDITS_MAX);
}
END_TEST

START_TEST(a_text_with_a_nul_is_binary)
{
	ck_assert(diff_is_binary(slice_new("a\0b", 3)));
	ck_assert(!diff_is_binary(slice_of("a\n")));
	ck_assert(!diff_is_binary(slice_new(NULL, 0)));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("diff");
	TCase *lines = tcase_create("lines");

	tcase_set_tags(lines, "pure");
	tcase_set_timeout(lines, 30);
	tcase_add_loop_test(lines, a_difference_is_the_shortest_and_leads_to_the_other_text, 0, (int)COUNT(rows));
	tcase_add_test(lines, random_texts_differ_by_what_leads_from_one_to_the_other);
	tcase_add_test(lines, a_text_with_too_many_edits_counts_as_replaced);
	tcase_add_test(lines, a_text_with_a_nul_is_binary);
	suite_add_tcase(suite, lines);
	return suite;
}
