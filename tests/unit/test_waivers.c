/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/runner.h"
#include "run/waivers.h"

#define NOW 1000ULL
#define TTL 500ULL

static struct waivers table;
static const struct ulid run = { .bytes = { [15] = 1 } }, other = { .bytes = { [15] = 2 } };
static const uint8_t action[32] = { 1 }, another[32] = { 2 };

static struct waiver *granted(bool exact)
{
	static uint32_t number = 40;
	struct waiver item = { .run = run, .expires_ns = NOW + TTL, .rule = "no-push" };
	struct waiver *waiver;

	if (exact)
		memcpy(item.action, action, sizeof(item.action));
	waiver = waivers_add(&table, &item, ++number);
	ck_assert_ptr_nonnull(waiver);
	ck_assert_ptr_eq(waivers_number(&table, number), waiver);
	return waiver;
}

START_TEST(only_a_granted_one_becomes_something_else)
{
	for (int from = 0; from < WAIVER_STATE_COUNT; from++) {
		for (int to = 0; to < WAIVER_STATE_COUNT; to++)
			ck_assert_msg(waiver_move_allowed((enum waiver_state)from, (enum waiver_state)to) ==
				      (from == WAIVER_GRANTED && to > WAIVER_GRANTED), "%d -> %d", from, to);
	}
	ck_assert(!waiver_move_allowed(WAIVER_GRANTED, WAIVER_STATE_COUNT));
	ck_assert(!waiver_move_allowed((enum waiver_state)-1, WAIVER_CONSUMED));
}
END_TEST

START_TEST(it_is_good_once)
{
	struct waiver *waiver = granted(false);

	ck_assert(waiver_consume(waiver, &run, action, NOW));
	ck_assert(!waiver_consume(waiver, &run, action, NOW));
	ck_assert_int_eq(waiver->state, WAIVER_CONSUMED);
}
END_TEST

START_TEST(it_is_good_for_its_run_and_where_it_says_so_its_action)
{
	struct waiver *any = granted(false), *exact;

	ck_assert(!waiver_consume(any, &other, action, NOW));
	ck_assert(waiver_consume(any, &run, another, NOW));
	exact = granted(true);
	ck_assert(!waiver_consume(exact, &run, another, NOW));
	ck_assert(waiver_consume(exact, &run, action, NOW));
}
END_TEST

START_TEST(it_is_good_until_it_expires_or_is_withdrawn)
{
	struct waiver *waiver = granted(false);

	ck_assert_uint_eq(waivers_deadline(&table), NOW + TTL);
	ck_assert(!waiver_tick(waiver, NOW + TTL - 1));
	ck_assert(!waiver_consume(waiver, &run, action, NOW + TTL));
	ck_assert_int_eq(waiver->state, WAIVER_EXPIRED);
	ck_assert_uint_eq(waivers_deadline(&table), UINT64_MAX);
	waiver = granted(false);
	ck_assert(waiver_withdraw(waiver) && !waiver_withdraw(waiver));
	ck_assert(!waiver_consume(waiver, &run, action, NOW));
}
END_TEST

START_TEST(live_ones_are_never_pushed_out)
{
	struct waiver item = { .run = run, .expires_ns = NOW + TTL };

	for (uint32_t i = 0; i < WAIVERS_MAX; i++)
		ck_assert_ptr_nonnull(waivers_add(&table, &item, i + 1));
	ck_assert_ptr_null(waivers_add(&table, &item, 99));
	ck_assert(waiver_withdraw(waivers_number(&table, 5)));
	ck_assert_ptr_nonnull(waivers_add(&table, &item, 99));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("waivers");
	TCase *all = tcase_create("waivers");

	tcase_set_tags(all, "pure");
	tcase_add_test(all, only_a_granted_one_becomes_something_else);
	tcase_add_test(all, it_is_good_once);
	tcase_add_test(all, it_is_good_for_its_run_and_where_it_says_so_its_action);
	tcase_add_test(all, it_is_good_until_it_expires_or_is_withdrawn);
	tcase_add_test(all, live_ones_are_never_pushed_out);
	suite_add_tcase(suite, all);
	return suite;
}
