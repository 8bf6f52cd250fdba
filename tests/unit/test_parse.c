/* SPDX-License-Identifier: Apache-2.0 */
/* Total parsers take the whole text or nothing, and leave their output alone on failure. */
#include <check.h>
#include <errno.h>

#include "base/parse.h"
#include "lib/runner.h"

struct number_case {
	const char *text;
	uint64_t max;
	int want;
	uint64_t value;
};

static const struct number_case number_cases[] = {
	{ "0", UINT64_MAX, 0, 0 },
	{ "1", UINT64_MAX, 0, 1 },
	{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
	{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
	{ "10", 9, -ERANGE, 0 },
	{ "", UINT64_MAX, -EINVAL, 0 },
	{ "-1", UINT64_MAX, -EINVAL, 0 },
	{ "+1", UINT64_MAX, -EINVAL, 0 },
	{ " 1", UINT64_MAX, -EINVAL, 0 },
	{ "1 ", UINT64_MAX, -EINVAL, 0 },
	{ "01", UINT64_MAX, -EINVAL, 0 },
	{ "0x10", UINT64_MAX, -EINVAL, 0 },
	{ "1e3", UINT64_MAX, -EINVAL, 0 },
	{ "\xd9\xa1", UINT64_MAX, -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
};

START_TEST(parse_u64_takes_a_whole_decimal_number_or_nothing)
{
	const struct number_case *row = &number_cases[_i];
	uint64_t value = 4711;
	int r = parse_u64(slice_of(row->text), 0, row->max, &value);

	ck_assert_msg(r == row->want, "'%s' gave %d, want %d", row->text, r, row->want);
	ck_assert_msg(value == (r == 0 ? row->value : 4711), "'%s' wrote %lu", row->text, value);
}
END_TEST

START_TEST(parse_u64_reads_no_byte_behind_its_slice)
{
	uint64_t value = 0;

	ck_assert_int_eq(parse_u64(slice_new("123456", 3), 0, UINT64_MAX, &value), 0);
	ck_assert_uint_eq(value, 123);
}
END_TEST

START_TEST(parse_uid_refuses_the_number_that_means_no_uid)
{
	uid_t uid = 4711;

	ck_assert_int_eq(parse_uid(slice_of("4294967295"), &uid), -ERANGE);
	ck_assert_int_eq(parse_uid(slice_of("-1"), &uid), -EINVAL);
	ck_assert_int_eq(parse_uid(slice_of("1:"), &uid), -EINVAL);
	ck_assert_uint_eq(uid, 4711);
	ck_assert_int_eq(parse_uid(slice_of("4294967294"), &uid), 0);
	ck_assert_uint_eq(uid, 4294967294U);
}
END_TEST

struct unit_case {
	const char *text;
	int want;
	uint64_t value;
};

static const struct unit_case duration_cases[] = {
	{ "200ms", 0, 200000000U },     { "60s", 0, 60000000000U }, { "15m", 0, 900000000000U },
	{ "4h", 0, 14400000000000U },   { "7d", 0, 604800000000000U }, { "0", 0, 0 },
	{ "60", -EINVAL, 0 },           { "s", -EINVAL, 0 },        { "", -EINVAL, 0 },
	{ "1.5s", -EINVAL, 0 },         { "-1s", -EINVAL, 0 },      { "1 s", -EINVAL, 0 },
	{ "1S", -EINVAL, 0 },           { "300000d", -ERANGE, 0 },
};

START_TEST(parse_duration_wants_a_known_unit)
{
	const struct unit_case *row = &duration_cases[_i];
	uint64_t value = 4711;
	int r = parse_duration(slice_of(row->text), &value);

	ck_assert_msg(r == row->want, "'%s' gave %d, want %d", row->text, r, row->want);
	ck_assert_msg(value == (r == 0 ? row->value : 4711), "'%s' wrote %lu", row->text, value);
}
END_TEST

static const struct unit_case size_cases[] = {
	{ "8GiB", 0, 8ULL << 30 },  { "512MiB", 0, 512U << 20 }, { "64KiB", 0, 65536 }, { "7B", 0, 7 },
	{ "2G", 0, 2ULL << 30 },    { "512M", 0, 512U << 20 },   { "1T", 0, 1ULL << 40 }, { "0", 0, 0 },
	{ "100", -EINVAL, 0 },      { "1GB", -EINVAL, 0 },       { "1g", -EINVAL, 0 },
	{ "99999999TiB", -ERANGE, 0 }, { "G", -EINVAL, 0 },
};

START_TEST(parse_size_wants_a_known_unit)
{
	const struct unit_case *row = &size_cases[_i];
	uint64_t value = 4711;
	int r = parse_size(slice_of(row->text), &value);

	ck_assert_msg(r == row->want, "'%s' gave %d, want %d", row->text, r, row->want);
	ck_assert_msg(value == (r == 0 ? row->value : 4711), "'%s' wrote %lu", row->text, value);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("parse");
	TCase *numbers = tcase_create("numbers"), *units = tcase_create("units");

	tcase_set_tags(numbers, "pure");
	tcase_set_tags(units, "pure");
	tcase_add_loop_test(numbers, parse_u64_takes_a_whole_decimal_number_or_nothing, 0,
			    (int)COUNT(number_cases));
	tcase_add_test(numbers, parse_u64_reads_no_byte_behind_its_slice);
	tcase_add_test(numbers, parse_uid_refuses_the_number_that_means_no_uid);
	tcase_add_loop_test(units, parse_duration_wants_a_known_unit, 0, (int)COUNT(duration_cases));
	tcase_add_loop_test(units, parse_size_wants_a_known_unit, 0, (int)COUNT(size_cases));
	suite_add_tcase(suite, numbers);
	suite_add_tcase(suite, units);
	return suite;
}
