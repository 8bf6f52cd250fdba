/* SPDX-License-Identifier: Apache-2.0 */
/* Times of the ledger's command line. The zone is fixed, so "local" is known. */
#include <check.h>
#include <errno.h>

#include "cli/ledger.h"
#include "lib/runner.h"

#define SECOND 1000000000ULL
#define NOW (1772456400ULL * SECOND)  /* 2026-03-02T13:00:00Z, 14:00 in the zone below */

static void setup(void)
{
	ck_assert_int_eq(setenv("TZ", "CET-1", 1), 0);
	tzset();
}

static const struct time_case {
	const char *text;
	uint64_t want;              /* 0 = refused */
} time_cases[] = {
	{ "now", NOW },
	{ "-10min", NOW - 600 * SECOND },
	{ "-2h", NOW - 7200 * SECOND },
	{ "-7d", NOW - 604800 * SECOND },
	{ "today", NOW - 14 * 3600 * SECOND },
	{ "yesterday", NOW - 38 * 3600 * SECOND },
	{ "2026-03-02T13:00:00Z", NOW },
	{ "2026-03-02T14:00:00+01:00", NOW },
	{ "2026-03-02T07:30:00-05:30", NOW },
	{ "2026-03-02T14:00:00.250Z", NOW + 3600 * SECOND },
	{ "2026-03-02T14:00:00", NOW },
	{ "2026-03-02 14:00:00", NOW },
	{ "2026-03-02", NOW - 14 * 3600 * SECOND },
	{ "", 0 }, { "-", 0 }, { "-10", 0 }, { "10min", 0 }, { "-10minutes", 0 }, { "teatime", 0 },
	{ "2026-03-02T14:00", 0 }, { "2026-03-02T14:00:00+1:00", 0 }, { "2026-03-02T14:00:00Zx", 0 },
	{ "2026-13-02", 0 }, { "1969-01-01T00:00:00Z", 0 },
};

START_TEST(a_time_is_taken_whole_or_not_at_all)
{
	const struct time_case *row = &time_cases[_i];
	uint64_t ns = 4711;
	int r = ledger_time_parse(slice_of(row->text), NOW, &ns);

	if (row->want)
		ck_assert_msg(r == 0 && ns == row->want, "'%s' gave %d and %lu, want %lu", row->text, r,
			      (unsigned long)ns, (unsigned long)row->want);
	else
		ck_assert_msg(r == -EINVAL && ns == 4711, "'%s' was taken as %lu", row->text,
			      (unsigned long)ns);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("ledger_cli");
	TCase *times = tcase_create("times");

	tcase_add_checked_fixture(times, setup, NULL);
	tcase_add_loop_test(times, a_time_is_taken_whole_or_not_at_all, 0, (int)COUNT(time_cases));
	suite_add_tcase(suite, times);
	return suite;
}
