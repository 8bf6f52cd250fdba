/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent chose to call a file can be shown to a person without acting on the terminal. */
#include <check.h>
#include <errno.h>

#include "base/text.h"
#include "lib/runner.h"

struct escape_case {
	const char *bytes;
	const char *want;
};

static const struct escape_case escape_cases[] = {
	{ "plain/name.c", "plain/name.c" },
	{ "two\nlines", "two\\x0alines" },
	{ "\x1b[31mred", "\\x1b[31mred" },
	{ "bell\a\x7f", "bell\\x07\\x7f" },
	{ "back\\slash", "back\\\\slash" },
	{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "\xc2\x9b" "31m", "\\u{9b}31m" },               /* C1 CSI */
	{ "a\xe2\x80\xae" "b", "a\\u{202e}b" },             /* RIGHT-TO-LEFT OVERRIDE */
	{ "a\xe2\x80\x8b" "b", "a\\u{200b}b" },             /* ZERO WIDTH SPACE */
	{ "a\xef\xbb\xbf" "b", "a\\u{feff}b" },
	{ "\xc0\xaf", "\\xc0\\xaf" },                       /* overlong slash */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },              /* surrogate */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },     /* beyond U+10FFFF */
	{ "cut\xe2\x82", "cut\\xe2\\x82" },
};

START_TEST(text_escape_shows_no_control_bidi_or_broken_character_raw)
{
	const struct escape_case *row = &escape_cases[_i];
	char shown[128];
	size_t len = text_escape(shown, sizeof(shown), slice_of(row->bytes));

	ck_assert_str_eq(shown, row->want);
	ck_assert_uint_eq(len, strlen(row->want));
}
END_TEST

START_TEST(text_escape_stays_inside_any_buffer)
{
	const char *from = "ab\x1b\xe2\x80\xae\xff\nlonger than the buffer";

	for (size_t size = 1; size < 64; size++) {
		char room[80];
		size_t len;

		memset(room, 0x55, sizeof(room));
		len = text_escape(room, size, slice_of(from));
		ck_assert_uint_lt(len, size);
		ck_assert_int_eq(room[len], '\0');
		ck_assert_int_eq(room[size], 0x55);
	}
}
END_TEST

START_TEST(every_byte_value_is_shown_printable)
{
	for (unsigned int value = 0; value < 256; value++) {
		char byte = (char)value, shown[32];
		size_t len = text_escape(shown, sizeof(shown), slice_new(&byte, 1));

		ck_assert_uint_gt(len, 0);
		for (size_t i = 0; i < len; i++)
			ck_assert_msg(shown[i] >= 0x20 && shown[i] < 0x7f, "byte %u shown raw", value);
	}
}
END_TEST

START_TEST(text_copy_refuses_what_does_not_fit_with_its_terminator)
{
	char room[4] = "xyz";

	ck_assert_int_eq(text_copy(room, sizeof(room), slice_of("abc")), 0);
	ck_assert_str_eq(room, "abc");
	ck_assert_int_eq(text_copy(room, sizeof(room), slice_of("abcd")), -ENAMETOOLONG);
	ck_assert_str_eq(room, "");
}
END_TEST

START_TEST(times_are_rfc_3339_in_utc)
{
	char shown[TEXT_TIME_MAX];

	text_time_utc(shown, 0);
	ck_assert_str_eq(shown, "1970-01-01T00:00:00.000000000Z");
	text_time_utc(shown, 1767323045000000006U);
	ck_assert_str_eq(shown, "2026-01-02T03:04:05.000000006Z");
	text_time_utc(shown, UINT64_MAX); /* far beyond year 9999 or not: bounded either way */
	ck_assert_uint_lt(strlen(shown), TEXT_TIME_MAX);
}
END_TEST

START_TEST(the_nearest_word_is_found_only_when_it_is_near)
{
	static const char *const words[] = { "capabilities", "rules", "network", NULL };

	ck_assert_str_eq(text_nearest(slice_of("capabilites"), words), "capabilities");
	ck_assert_str_eq(text_nearest(slice_of("rule"), words), "rules");
	ck_assert_ptr_null(text_nearest(slice_of("zzzzzzzz"), words));
	ck_assert_ptr_null(text_nearest(slice_of("a word that is much longer than any of the known words here"),
					words));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("text");
	TCase *escape = tcase_create("escaping"), *rest = tcase_create("copies, times, words");

	tcase_set_tags(escape, "pure");
	tcase_set_tags(rest, "pure");
	tcase_add_loop_test(escape, text_escape_shows_no_control_bidi_or_broken_character_raw, 0,
			    (int)COUNT(escape_cases));
	tcase_add_test(escape, text_escape_stays_inside_any_buffer);
	tcase_add_test(escape, every_byte_value_is_shown_printable);
	tcase_add_test(rest, text_copy_refuses_what_does_not_fit_with_its_terminator);
	tcase_add_test(rest, times_are_rfc_3339_in_utc);
	tcase_add_test(rest, the_nearest_word_is_found_only_when_it_is_near);
	suite_add_tcase(suite, escape);
	suite_add_tcase(suite, rest);
	return suite;
}
