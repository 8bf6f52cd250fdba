/* SPDX-License-Identifier: Apache-2.0 */
/* What a run did to a terminal is taken back, no more; any cut of the bytes gives the same. */
#include "cli/modes.h"

#include <errno.h>

#include "cli/detach_keys.h"
#include "cli/scrollback.h"
#include "lib/runner.h"

static void leave_text(const struct modes *modes, char to[MODES_BYTES_MAX + 1])
{
	struct buf bytes = buf_fixed(to, MODES_BYTES_MAX);

	modes_leave(modes, &bytes);
	ck_assert(!bytes.failed);
	to[bytes.len] = '\0';
}

static const struct { const char *written, *leave; } rows[] = {
	{ "", "" },
	{ "plain text\r\n\tand \xc3\xa4\n", "" },
	{ "\x1b[31mred\x1b[0m \x1b[1mbold\x1b[m", "" },
	{ "\x1b[31mred", "\x1b[m" },
	{ "\x1b[38;2;0;0;0mblack", "" }, /* ends in 0: read as none, which costs nothing but a colour */
	{ "\x1b[?1049h", "\x1b[?1049l" },
	{ "\x1b[?1049h\x1b[?1049l", "" },
	{ "\x1b[?1049;1000;25h", "\x1b[?1000l\x1b[?1049l" },
	{ "\x1b[?25l\x1b[?7l", "\x1b[?25h\x1b[?7h" },
	{ "\x1b[?1000h\x1b[?1006h\x1b[?2004h", "\x1b[?2004l\x1b[?1006l\x1b[?1000l" },
	{ "\x1b[?1049h\x1b[?25l\x1b" "c", "" },
	{ "\x1b[?2004h\x1b[!p", "" },
	{ "\x1b=\x1b[?1h", "\x1b>\x1b[?1l" },
	{ "\x1b(0lqk", "\x1b(B\x0f" },
	{ "\x1b(0lqk\x1b(B", "" },
	{ "\x1b[4h", "\x1b[4l" },
	{ "\x1b[2;20r", "\x1b" "7\x1b[r\x1b" "8" },
	{ "\x1b[2;20r\x1b[r", "" },
	{ "\x1b[>4;2m", "\x1b[>4;0m" },
	{ "\x1b[>4;2m\x1b[>4;m", "" },
	{ "\x1b[>1u\x1b[>3u", "\x1b[<2u" },
	{ "\x1b[>1u\x1b[<u", "" },
	{ "\x1b[4 q", "\x1b[0 q" },
	{ "\x1b]0;title\x1b[31m\x07", "" },         /* inside of a string nothing counts */
	{ "\x1b]52;c;Zm9v", "\x1b\\" },               /* an unfinished string would swallow what follows */
	{ "\x1bP1$r", "\x1b\\" },
	{ "\x1b[3", "\x18" },
	{ "\x1b", "\x18" },
	{ "\x1b[?1049\x18h", "" },
	{ "\x1b[?4294967297049h", "" },               /* a number too large is not another one */
	{ "\x1b[?1;2;3;4;5;6;7;8;9;1049h", "\x1b[?6l\x1b[?5l\x1b[?1l" }, /* what does not fit is not kept */
};

START_TEST(what_was_changed_is_put_back)
{
	char text[MODES_BYTES_MAX + 1];
	struct modes modes = { 0 };

	modes_read(&modes, slice_of(rows[_i].written));
	leave_text(&modes, text);
	ck_assert_msg(strcmp(text, rows[_i].leave) == 0, "row %d gave '%s'", _i, text);
}
END_TEST

START_TEST(any_cut_of_the_bytes_gives_the_same)
{
	struct slice all = slice_of(rows[_i].written);

	for (size_t cut = 0; cut <= all.len; cut++) {
		struct modes modes = { 0 };
		char text[MODES_BYTES_MAX + 1];

		modes_read(&modes, slice_new(all.data, cut));
		modes_read(&modes, slice_new(all.data + cut, all.len - cut));
		leave_text(&modes, text);
		ck_assert_str_eq(text, rows[_i].leave);
	}
}
END_TEST

START_TEST(entering_makes_another_terminal_the_same)
{
	static const char written[] = "\x1b[?1049h\x1b[?1002;1006h\x1b[?25l\x1b=\x1b[>4;2m\x1b[4h";
	char memory[MODES_BYTES_MAX], one[MODES_BYTES_MAX + 1], two[MODES_BYTES_MAX + 1];
	struct buf bytes = buf_fixed(memory, sizeof(memory));
	struct modes first = { 0 }, second = { 0 };

	modes_read(&first, slice_of(written));
	modes_enter(&first, &bytes);
	modes_read(&second, buf_slice(&bytes));
	leave_text(&first, one);
	leave_text(&second, two);
	ck_assert_str_eq(one, two);
	ck_assert_str_ne(one, "");
}
END_TEST

/* ---- the keys that leave ---- */

static const struct { const char *text; int want; size_t count; } names[] = {
	{ "ctrl-\\", 0, 1 }, { "ctrl-p,ctrl-q", 0, 2 }, { "a", 0, 1 }, { ",", 0, 1 }, { "a,,,b", 0, 3 }, { "none", 0, 0 },
	{ "ctrl-@", 0, 1 }, { "a,b,c,d,e,f,g,h", 0, 8 }, { "", -EINVAL, 0 }, { "ab", -EINVAL, 0 }, { "ctrl-", -EINVAL, 0 },
	{ "ctrl-P", 0, 1 }, { "ctrl-1", -EINVAL, 0 }, { "a,", -EINVAL, 0 }, { "a b", -EINVAL, 0 },
	{ "a,b,c,d,e,f,g,h,i", -EINVAL, 0 }, { "\x01", -EINVAL, 0 },
};

START_TEST(keys_have_names)
{
	struct detach_keys keys = { .count = 77 };
	int r = detach_keys_parse(names[_i].text, &keys);

	ck_assert_msg(r == names[_i].want, "'%s' gave %d", names[_i].text, r);
	ck_assert_uint_eq(keys.count, r < 0 ? 77 : names[_i].count);
}
END_TEST

static const struct { const char *keys, *typed, *given; bool leave; } typing[] = {
	{ "x", "abc", "abc", false }, { "x", "abxc", "ab", true }, { "a,b", "xab", "x", true },
	{ "a,b", "axab", "ax", true }, { "a,b", "a", "", false }, { "a,b", "aa", "a", false },
	{ "a,b", "aab", "a", true }, { "a,a,b", "aaab", "a", true }, { "a,b,a,c", "ababac", "ab", true },
	{ "a,b,a,c", "abax", "abax", false }, { "none", "abc\x1c", "abc\x1c", false },
};

START_TEST(keys_that_do_not_leave_reach_the_run_in_their_order)
{
	struct slice typed = slice_of(typing[_i].typed);

	/* As one piece, and key by key. */
	for (size_t step = 1; step <= typed.len; step += typed.len > 1 ? typed.len - 1 : 1) {
		struct detach_keys keys;
		char given[64];
		size_t len = 0;
		bool leave = false;

		ck_assert_int_eq(detach_keys_parse(typing[_i].keys, &keys), 0);
		for (size_t at = 0; at < typed.len && !leave; at += step) {
			size_t more = 0;

			leave = detach_keys_take(&keys, slice_new(typed.data + at, MIN(step, typed.len - at)), given + len, &more);
			len += more;
		}
		given[len] = '\0';
		ck_assert_msg(leave == typing[_i].leave && strcmp(given, typing[_i].given) == 0, "row %d, step %zu: '%s'", _i,
			      step, given);
	}
}
END_TEST

/* ---- the scrollback ---- */

static void add_lines(struct scrollback *scrollback, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++) {
		char line[16];
		int len = snprintf(line, sizeof(line), "%u\n", i);

		scrollback_add(scrollback, slice_new(line, (size_t)len));
	}
}

START_TEST(a_reader_has_everything_that_fits)
{
	struct scrollback scrollback = { 0 };
	struct modes modes;
	uint64_t place;
	struct slice all;

	ck_assert_uint_eq(scrollback_open(&scrollback, &modes), 0);
	add_lines(&scrollback, 0, 1000);
	place = scrollback_open(&scrollback, &modes);
	all = scrollback_at(&scrollback, &place);
	ck_assert_uint_eq(place, 0);
	ck_assert_uint_eq(all.len, scrollback.end);
	place += all.len;
	ck_assert_uint_eq(scrollback_at(&scrollback, &place).len, 0);
	scrollback_finish(&scrollback);
}
END_TEST

START_TEST(an_overtaken_reader_goes_on_with_the_oldest_whole_line)
{
	struct scrollback scrollback = { 0 };
	struct modes modes;
	uint64_t place = 0, new_place;
	char text[MODES_BYTES_MAX + 1];
	struct slice first;

	scrollback_add(&scrollback, slice_of("\x1b[?1049h\x1b[?25l"));
	add_lines(&scrollback, 0, 100000);
	scrollback_add(&scrollback, slice_of("\x1b[?25h"));
	ck_assert_uint_eq(scrollback.end - scrollback.start, SCROLLBACK_BYTES);
	new_place = scrollback_open(&scrollback, &modes);
	first = scrollback_at(&scrollback, &new_place);
	ck_assert_uint_gt(first.len, 6);
	ck_assert_msg(first.data[5] == '\n', "a whole line is first: '%.6s'", first.data);
	/* What its terminal must know was written long ago; what is written later is not known there yet. */
	leave_text(&modes, text);
	ck_assert_str_eq(text, "\x1b[?25h\x1b[?1049l");
	ck_assert_uint_gt(scrollback_at(&scrollback, &place).len, 0);
	ck_assert_uint_eq(place, scrollback.start);
	scrollback_finish(&scrollback);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("modes");
	TCase *modes = tcase_create("modes"), *keys = tcase_create("keys"), *ring = tcase_create("scrollback");

	tcase_set_tags(modes, "pure");
	tcase_set_tags(keys, "pure");
	tcase_set_tags(ring, "pure");
	tcase_add_loop_test(modes, what_was_changed_is_put_back, 0, (int)COUNT(rows));
	tcase_add_loop_test(modes, any_cut_of_the_bytes_gives_the_same, 0, (int)COUNT(rows));
	tcase_add_test(modes, entering_makes_another_terminal_the_same);
	tcase_add_loop_test(keys, keys_have_names, 0, (int)COUNT(names));
	tcase_add_loop_test(keys, keys_that_do_not_leave_reach_the_run_in_their_order, 0, (int)COUNT(typing));
	tcase_add_test(ring, a_reader_has_everything_that_fits);
	tcase_add_test(ring, an_overtaken_reader_goes_on_with_the_oldest_whole_line);
	suite_add_tcase(suite, modes);
	suite_add_tcase(suite, keys);
	suite_add_tcase(suite, ring);
	return suite;
}
