/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/wire.h"
#include "decide/govern.h"
#include "init/notify.h"
#include "lib/runner.h"

#define SECOND 1000000000ULL

static const struct row {
	const char *text;
	uint32_t notify;
	uint64_t extend_ns;
	const char *status;
} rows[] = {
	{ "", 0, 0, "" },
	{ "\n\n", 0, 0, "" },
	{ "WATCHDOG=1", NOTIFY_WATCHDOG, 0, "" },
	{ "WATCHDOG=1\n", NOTIFY_WATCHDOG, 0, "" },
	{ "WATCHDOG=trigger", NOTIFY_TRIGGER, 0, "" },
	{ "WATCHDOG=2", NOTIFY_UNKNOWN, 0, "" },
	{ "WATCHDOG=1 ", NOTIFY_UNKNOWN, 0, "" },
	{ " WATCHDOG=1", NOTIFY_UNKNOWN, 0, "" },
	{ "READY=1\nSTATUS=on it\nWATCHDOG=1", NOTIFY_READY | NOTIFY_STATUS | NOTIFY_WATCHDOG, 0, "on it" },
	{ "STOPPING=1", NOTIFY_STOPPING, 0, "" },
	{ "STATUS=", NOTIFY_STATUS, 0, "" },
	{ "STATUS=a\x1b[2Jb\x7f\xc2\x9b" "c", NOTIFY_STATUS, 0, "a[2Jbc" },
	{ "STATUS=\xc3\xbc", NOTIFY_STATUS, 0, "\xc3\xbc" },
	{ "STATUS=first\nSTATUS=last", NOTIFY_STATUS, 0, "last" },
	{ "EXTEND_TIMEOUT_USEC=5", NOTIFY_EXTEND, 5000, "" },
	{ "EXTEND_TIMEOUT_USEC=0", NOTIFY_UNKNOWN, 0, "" },
	{ "EXTEND_TIMEOUT_USEC=-1", NOTIFY_UNKNOWN, 0, "" },
	{ "EXTEND_TIMEOUT_USEC=18446744073709551", NOTIFY_EXTEND, 18446744073709551000ULL, "" },
	{ "EXTEND_TIMEOUT_USEC=18446744073709552", NOTIFY_UNKNOWN, 0, "" },
	{ "X_LATER=1\nREADY=1", NOTIFY_UNKNOWN | NOTIFY_READY, 0, "" },
	{ "no assignment", NOTIFY_UNKNOWN, 0, "" },
	{ "ERRNO=13\nX_ERROR=E_X:it broke", NOTIFY_ERRNO | NOTIFY_ERROR, 0, "" },
	{ "ERRNO=0", NOTIFY_UNKNOWN, 0, "" }, { "ERRNO=4096", NOTIFY_UNKNOWN, 0, "" }, { "X_ERROR=", NOTIFY_UNKNOWN, 0, "" },
	{ "X_PHASE=PLAN", NOTIFY_PHASE, 0, "" }, { "X_PHASE=DINNER", NOTIFY_UNKNOWN, 0, "" },
	{ "X_PROGRESS=3/7", NOTIFY_PROGRESS, 0, "" }, { "X_PROGRESS=8/7", NOTIFY_UNKNOWN, 0, "" },
	{ "X_PROGRESS=7", NOTIFY_UNKNOWN, 0, "" }, { "X_STEP=two", NOTIFY_PROGRESS, 0, "" }, { "X_STEP=", NOTIFY_UNKNOWN, 0, "" },
	{ "X_CONFIDENCE=0.83", NOTIFY_CONFIDENCE, 0, "" }, { "X_CONFIDENCE=1", NOTIFY_CONFIDENCE, 0, "" },
	{ "X_CONFIDENCE=1.000001", NOTIFY_UNKNOWN, 0, "" }, { "X_CONFIDENCE=0.", NOTIFY_UNKNOWN, 0, "" },
	{ "X_CONFIDENCE=0.1234567", NOTIFY_UNKNOWN, 0, "" }, { "X_CONFIDENCE=1e3", NOTIFY_UNKNOWN, 0, "" },
	{ "X_ARTIFACT=out/r.xml", NOTIFY_ARTIFACT, 0, "" }, { "X_ARTIFACT=a\x1b" "b", NOTIFY_UNKNOWN, 0, "" },
	{ "X_OUTPUT=report", NOTIFY_OUTPUT, 0, "" }, { "X_OUTPUT=a\nX_OUTPUT=b", NOTIFY_OUTPUT | NOTIFY_UNKNOWN, 0, "" },
	{ "BARRIER=1", NOTIFY_BARRIER, 0, "" }, { "BARRIER=2", NOTIFY_UNKNOWN, 0, "" },
};

START_TEST(reports_carry_their_values)
{
	struct init_message message = { 0 };

	ck_assert_int_eq(notify_parse(slice_of("ERRNO=13\nX_ERROR=E_X:it broke\nX_PHASE=verify\nX_PROGRESS=3/7\n"
					       "X_CONFIDENCE=0.42\nX_ARTIFACT=out/r.xml"), &message), 0);
	ck_assert_uint_eq(message.reported_errno, 13);
	ck_assert_str_eq(message.code, "E_X:it broke");
	ck_assert_uint_eq(message.phase, PHASE_VERIFY);
	ck_assert_uint_eq(message.progress_done, 3);
	ck_assert_uint_eq(message.progress_all, 7);
	ck_assert_uint_eq(message.confidence, 420000);
	ck_assert_str_eq(message.path, "out/r.xml");
}
END_TEST

START_TEST(a_datagram_becomes_bits)
{
	const struct row *row = &rows[_i];
	struct init_message message = { 0 };

	ck_assert_int_eq(notify_parse(slice_of(row->text), &message), 0);
	ck_assert_msg(message.notify == row->notify, "'%s' gave 0x%x, want 0x%x", row->text, message.notify,
		      row->notify);
	ck_assert_msg(message.extend_ns == row->extend_ns, "'%s'", row->text);
	ck_assert_str_eq(message.text, row->status);
}
END_TEST

START_TEST(what_is_not_utf8_is_not_read_at_all)
{
	struct init_message message = { 0 };

	ck_assert_int_eq(notify_parse(slice_of("WATCHDOG=1\nSTATUS=\xff"), &message), -EILSEQ);
	ck_assert_int_eq(notify_parse(slice_of("STATUS=\xc3"), &message), -EILSEQ);
	ck_assert_uint_eq(message.notify, 0);
}
END_TEST

START_TEST(a_datagram_has_a_maximum)
{
	static char bytes[NOTIFY_DATAGRAM_MAX + 1];
	struct init_message message = { 0 };

	memset(bytes, 'x', sizeof(bytes));
	ck_assert_int_eq(notify_parse(slice_new(bytes, NOTIFY_DATAGRAM_MAX), &message), 0);
	ck_assert_int_eq(notify_parse(slice_new(bytes, sizeof(bytes)), &message), -EMSGSIZE);
}
END_TEST

START_TEST(a_status_is_cut_between_characters)
{
	char text[7 + 2 * NOTIFY_STATUS_MAX + 1] = "STATUS=a";
	struct init_message message = { 0 };

	for (size_t i = 8; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xbc", 3);
	ck_assert_int_eq(notify_parse(slice_of(text), &message), 0);
	ck_assert_uint_eq(strlen(message.text), NOTIFY_STATUS_MAX - 1);
	ck_assert(text_is_utf8(slice_of(message.text)));
}
END_TEST

START_TEST(a_burst_passes_and_then_the_rate_holds)
{
	struct notify_bucket bucket = { 0 };
	uint64_t now_ns = 77 * SECOND;
	uint32_t passed = 0;

	for (int i = 0; i < 1000; i++)
		passed += notify_take(&bucket, now_ns);
	ck_assert_uint_eq(passed, NOTIFY_BURST);
	passed = 0;
	for (int i = 0; i < 10000; i++) { /* ten thousand in the next second */
		now_ns += SECOND / 10000;
		passed += notify_take(&bucket, now_ns);
	}
	ck_assert_uint_eq(passed, NOTIFY_RATE);
	/* A clock that stands still or goes back gives nothing. */
	ck_assert(!notify_take(&bucket, now_ns));
	ck_assert(!notify_take(&bucket, now_ns - SECOND));
	/* After a long silence the burst is there again, and no more. */
	passed = 0;
	for (int i = 0; i < 1000; i++)
		passed += notify_take(&bucket, now_ns + 3600 * SECOND);
	ck_assert_uint_eq(passed, NOTIFY_BURST);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return tcase;
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("notify");
	TCase *tcase = add_case(suite, "datagrams");

	tcase_add_loop_test(tcase, a_datagram_becomes_bits, 0, (int)COUNT(rows));
	tcase_add_test(tcase, reports_carry_their_values);
	tcase_add_test(tcase, what_is_not_utf8_is_not_read_at_all);
	tcase_add_test(tcase, a_datagram_has_a_maximum);
	tcase_add_test(tcase, a_status_is_cut_between_characters);
	tcase = add_case(suite, "rate");
	tcase_add_test(tcase, a_burst_passes_and_then_the_rate_holds);
	return suite;
}
