/* SPDX-License-Identifier: Apache-2.0 */
/* The queue to ledgerd, with the test in ledgerd's place: numbers without a hole, everything again
 * after a restart, telemetry gives way to what must be recorded. */
#include <errno.h>
#include <sys/socket.h>

#include "ledger/intake_parse.h"
#include "lib/runner.h"
#include "run/outbox.h"
#include "run/record.h"

static struct loop *loop;
static struct outbox *outbox;
static int theirs;
static int lost, pressure_high, pressure_low, done;

static void on_lost(void *ctx)
{
	IGNORE(!ctx);
	lost++;
}

static void on_pressure(void *ctx, bool high)
{
	IGNORE(!ctx);
	if (high)
		pressure_high++;
	else
		pressure_low++;
}

static void on_refused(void *ctx, const struct intake_ack *ack)
{
	ck_assert_msg(ack->status == INTAKE_UNWRITABLE, "unexpected: %p %u", ctx, ack->status);
}

static void attach(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	theirs = pair[1];
	ck_assert_int_eq(outbox_attach(outbox, pair[0]), 0);
}

static void set_up_size(size_t bytes)
{
	const struct outbox_callbacks callbacks = { on_lost, on_pressure, on_refused, &lost };

	lost = pressure_high = pressure_low = done = 0;
	theirs = FD_NONE;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(outbox_new(loop, bytes, &callbacks, &outbox), 0);
}

static void set_up(void)
{
	set_up_size(4 << 20);
	attach();
}

static void tear_down(void)
{
	outbox = outbox_free(outbox);
	loop = loop_free(loop);
	theirs = fd_close(theirs);
}

static uint64_t put(enum record_kind kind)
{
	struct record_frame frame = record_frame_now(NULL);
	struct buf *buf = outbox_begin(outbox, kind);
	struct draft draft;

	if (!buf)
		return 0;
	draft = draft_begin(buf, kind, &frame, NULL);
	return outbox_put(outbox, kind, draft_end(&draft));
}

/* Reads one datagram; returns its head with the number of records that parse. */
static struct intake_head take(uint32_t *ret_count)
{
	static char bytes[INTAKE_DATAGRAM_MAX];
	static struct intake_view view;
	struct intake_head head = { 0 };
	struct slice rest;
	ssize_t len = recv(theirs, bytes, sizeof(bytes), MSG_DONTWAIT);

	*ret_count = 0;
	if (len <= 0)
		return head;
	ck_assert_int_eq(intake_parse_head(slice_new(bytes, (size_t)len), &head, &rest), 0);
	while (intake_parse_next(&rest, &view) == 1)
		(*ret_count)++;
	return head;
}

static int stop_due(struct timer *timer, uint64_t now_ns)
{
	IGNORE(!timer || !now_ns);
	loop_stop(loop, 0);
	return 0;
}

static void turn(void)
{
	struct timer timer = { 0 };

	ck_assert_int_eq(loop_timer_set(loop, &timer, now_monotonic_ns() + 5000000, stop_due), 0);
	ck_assert_int_eq(loop_run(loop), 0);
}

static void ack(uint64_t cursor)
{
	struct intake_ack message = { .cursor = cursor, .size = 100 + cursor };

	ck_assert_int_eq(send(theirs, &message, sizeof(message), 0), sizeof(message));
	turn();
}

static void on_done(struct outbox_wait *wait)
{
	IGNORE(!wait);
	done++;
}

START_TEST(records_have_numbers_without_a_hole)
{
	uint32_t count;
	struct intake_head head;

	ck_assert_uint_eq(put(RECORD_CREATE), 1);
	ck_assert_uint_eq(put(RECORD_EXEC), 2);
	ck_assert_uint_eq(put(RECORD_VIOLATION), 3);
	outbox_flush(outbox);
	head = take(&count);
	ck_assert_uint_eq(head.cursor, 3);
	ck_assert_uint_eq(head.count, 3);
	ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(a_wait_ends_with_its_own_record_and_not_before)
{
	struct outbox_wait wait = { 0 };

	ck_assert_uint_eq(put(RECORD_CREATE), 1);
	ck_assert_uint_eq(put(RECORD_VIOLATION), 2);
	outbox_flush(outbox);
	outbox_wait_for(outbox, &wait, 2, on_done);
	ack(1);
	ck_assert_int_eq(done, 0);
	ack(2);
	ck_assert_int_eq(done, 1);
	ck_assert_uint_eq(outbox_log_size(outbox), 102);
	outbox_wait_for(outbox, &wait, 2, on_done);
	ck_assert_int_eq(done, 2);
}
END_TEST

START_TEST(what_was_not_acknowledged_is_sent_again_after_a_restart)
{
	uint32_t count;
	struct intake_head head;

	for (int i = 0; i < 3; i++) {
		ck_assert_uint_ne(put(RECORD_CREATE), 0);
		outbox_flush(outbox);
		head = take(&count);
	}
	ack(1);
	theirs = fd_close(theirs);
	turn();
	ck_assert_int_eq(lost, 1);
	ck_assert(!outbox_attached(outbox));
	ck_assert_uint_eq(put(RECORD_CREATE), 4);
	attach();
	for (uint64_t want = 2; want <= 4; want++) {
		head = take(&count);
		ck_assert_uint_eq(head.cursor, want);
	}
}
END_TEST

START_TEST(a_peer_has_answered_when_it_said_that_it_can_write_and_not_before)
{
	const struct intake_ack unwritable = { .status = INTAKE_UNWRITABLE, .error = -EIO };

	ck_assert(!outbox_answered(outbox));
	ack(0);
	ck_assert(outbox_answered(outbox));
	ck_assert_int_eq(send(theirs, &unwritable, sizeof(unwritable), 0), sizeof(unwritable));
	turn();
	ck_assert(!outbox_answered(outbox));
	ack(0);
	theirs = fd_close(theirs);
	turn();
	ck_assert(!outbox_answered(outbox));
	attach();
	ck_assert(!outbox_answered(outbox)); /* attached is not answered */
}
END_TEST

START_TEST(a_full_queue_drops_telemetry_counts_it_and_keeps_what_must_be_recorded)
{
	uint64_t dropped = 0, must = 0;

	theirs = fd_close(theirs);
	outbox_detach(outbox);
	for (int i = 0; i < 20000; i++)
		dropped += put(RECORD_CREATE) == 0;
	ck_assert_uint_gt(dropped, 0);
	ck_assert_uint_eq(outbox_take_lost(outbox), dropped);
	ck_assert_uint_eq(outbox_take_lost(outbox), 0);
	ck_assert_int_eq(pressure_high, 1);
	for (int i = 0; i < 100; i++)
		must += put(RECORD_VIOLATION) != 0;
	ck_assert_uint_eq(must, 100);
}
END_TEST

START_TEST(a_full_disk_is_pressure_until_there_is_space_again)
{
	const struct intake_ack full = { .error = -ENOSPC };

	ack(0);
	turn();
	ck_assert(!outbox_full(outbox));
	for (int i = 0; i < 2; i++) /* said with each answer, felt once */
		ck_assert_int_eq(send(theirs, &full, sizeof(full), 0), sizeof(full));
	turn();
	ck_assert(outbox_full(outbox) && outbox_answered(outbox));
	ck_assert_int_eq(pressure_high, 1);
	ck_assert_int_eq(pressure_low, 0);
	ack(0);
	turn();
	ck_assert(!outbox_full(outbox));
	ck_assert_int_eq(pressure_low, 1);
}
END_TEST

START_TEST(the_ring_of_datagrams_goes_round_without_losing_one)
{
	uint32_t count;
	uint64_t next = 1;

	/* Ten times the arena, acknowledged in steps. */
	for (int round = 0; round < 400; round++) {
		uint64_t last = 0;

		for (int i = 0; i < 90; i++)
			last = put(RECORD_CREATE);
		outbox_flush(outbox);
		for (struct intake_head head = take(&count); head.version; head = take(&count)) {
			ck_assert_uint_eq(head.cursor - head.count + 1, next);
			ck_assert_uint_eq(count, head.count);
			next = head.cursor + 1;
		}
		if (round % 7 == 6)
			ack(last);
	}
	ck_assert_uint_eq(next, 400 * 90 + 1);
	ck_assert_uint_eq(outbox_take_lost(outbox), 0);
}
END_TEST

START_TEST(pressure_ends_when_the_queue_is_empty_again)
{
	uint32_t count;
	uint64_t last = 0;

	theirs = fd_close(theirs);
	outbox_detach(outbox);
	while (!pressure_high)
		last = put(RECORD_CREATE);
	attach();
	for (int i = 0; i < 2000 && !pressure_low; i++) {
		struct intake_head head = take(&count);

		if (head.version)
			ack(head.cursor);
		else
			turn();
	}
	ck_assert_int_eq(pressure_low, 1);
	ck_assert_uint_ge(last, 1);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("outbox");
	TCase *queue = tcase_create("queue");

	tcase_add_checked_fixture(queue, set_up, tear_down);
	tcase_add_test(queue, records_have_numbers_without_a_hole);
	tcase_add_test(queue, a_wait_ends_with_its_own_record_and_not_before);
	tcase_add_test(queue, what_was_not_acknowledged_is_sent_again_after_a_restart);
	tcase_add_test(queue, a_peer_has_answered_when_it_said_that_it_can_write_and_not_before);
	tcase_add_test(queue, a_full_queue_drops_telemetry_counts_it_and_keeps_what_must_be_recorded);
	tcase_add_test(queue, a_full_disk_is_pressure_until_there_is_space_again);
	tcase_add_test(queue, the_ring_of_datagrams_goes_round_without_losing_one);
	tcase_add_test(queue, pressure_ends_when_the_queue_is_empty_again);
	suite_add_tcase(suite, queue);
	return suite;
}
