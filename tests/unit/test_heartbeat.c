/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/runner.h"
#include "run/heartbeat.h"

#define S 1000000000ULL
#define START (100 * S)

static struct plan_heartbeat config_of(enum heartbeat_mode mode)
{
	return (struct plan_heartbeat){ .mode = mode, .ttl_ns = 2 * S, .grace_start_ns = 1 * S,
					.max_extend_ns = 10 * S };
}

static const struct mode_row {
	enum heartbeat_mode mode;
	uint64_t beat_s, activity_s;   /* seconds after START; 0 = none */
	uint64_t want_s;               /* deadline after START; 0 = never */
} modes[] = {
	{ HEARTBEAT_EXPLICIT, 0, 0, 2 }, { HEARTBEAT_EXPLICIT, 1, 0, 3 },
	{ HEARTBEAT_EXPLICIT, 0, 1, 2 }, { HEARTBEAT_ACTIVITY, 1, 0, 2 },
	{ HEARTBEAT_ACTIVITY, 0, 1, 3 }, { HEARTBEAT_EITHER, 1, 0, 3 },
	{ HEARTBEAT_EITHER, 0, 1, 3 },   { HEARTBEAT_BOTH, 1, 0, 2 },
	{ HEARTBEAT_BOTH, 1, 1, 3 },     { HEARTBEAT_OFF, 0, 0, 0 },
};

START_TEST(each_mode_counts_its_own_signs_of_life)
{
	const struct mode_row *row = &modes[_i];
	struct plan_heartbeat config = config_of(row->mode);
	struct heartbeat heartbeat;
	uint64_t want = row->want_s ? START + row->want_s * S : HEARTBEAT_NEVER;

	heartbeat_start(&heartbeat, &config, START);
	if (row->beat_s)
		heartbeat_beat(&heartbeat, START + row->beat_s * S);
	if (row->activity_s)
		heartbeat_activity(&heartbeat, START + row->activity_s * S,
				   START + row->activity_s * S, START + row->activity_s * S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), want);
}
END_TEST

START_TEST(a_run_gets_its_grace_before_the_first_sign)
{
	struct plan_heartbeat config = config_of(HEARTBEAT_EXPLICIT);
	struct heartbeat heartbeat;

	config.grace_start_ns = 30 * S;
	heartbeat_start(&heartbeat, &config, START);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + 30 * S);
}
END_TEST

START_TEST(deadlines_stand_still_while_paused_and_beats_are_rejected)
{
	struct plan_heartbeat config = config_of(HEARTBEAT_EXPLICIT);
	struct heartbeat heartbeat;

	heartbeat_start(&heartbeat, &config, START);
	heartbeat_pause(&heartbeat, START + S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), HEARTBEAT_NEVER);
	heartbeat_beat(&heartbeat, START + 5 * S);
	ck_assert_uint_eq(heartbeat.rejected, 1);
	heartbeat_resume(&heartbeat, START + 11 * S);
	/* One second was used up before the pause of ten. */
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + 12 * S);
}
END_TEST

START_TEST(one_longer_silence_is_bounded_and_ends_with_the_next_beat)
{
	struct plan_heartbeat config = config_of(HEARTBEAT_EXPLICIT);
	struct heartbeat heartbeat;

	heartbeat_start(&heartbeat, &config, START);
	heartbeat_extend(&heartbeat, 3600 * S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + 12 * S);
	heartbeat_beat(&heartbeat, START + 4 * S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + 6 * S);
}
END_TEST

START_TEST(activity_is_placed_at_its_own_time_not_at_the_look)
{
	struct plan_heartbeat config = config_of(HEARTBEAT_ACTIVITY);
	struct heartbeat heartbeat;

	heartbeat_start(&heartbeat, &config, START);
	/* Looked at 2 s after the start; the last event was half a second after it. */
	heartbeat_activity(&heartbeat, 7 * S + S / 2, 9 * S, START + 2 * S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + S / 2 + 2 * S);
	/* The same event again is no new sign. */
	heartbeat_activity(&heartbeat, 7 * S + S / 2, 12 * S, START + 5 * S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + S / 2 + 2 * S);
}
END_TEST

START_TEST(a_suspended_host_costs_nobody_his_life)
{
	struct plan_heartbeat config = config_of(HEARTBEAT_ACTIVITY);
	struct heartbeat heartbeat;

	heartbeat_start(&heartbeat, &config, START);
	/* The clock counted one second, the wall ten: nine were slept through. */
	heartbeat_activity(&heartbeat, 50 * S, 60 * S, START + S);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), START + 3 * S);
}
END_TEST

START_TEST(no_sum_of_times_overflows_into_a_timeout)
{
	struct plan_heartbeat config = config_of(HEARTBEAT_EXPLICIT);
	struct heartbeat heartbeat;

	config.ttl_ns = UINT64_MAX;
	heartbeat_start(&heartbeat, &config, START);
	ck_assert_uint_eq(heartbeat_deadline(&heartbeat), HEARTBEAT_NEVER);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("heartbeat");
	TCase *life = tcase_create("signs of life"), *time = tcase_create("time");

	tcase_set_tags(life, "pure");
	tcase_set_tags(time, "pure");
	tcase_add_loop_test(life, each_mode_counts_its_own_signs_of_life, 0, (int)COUNT(modes));
	tcase_add_test(life, a_run_gets_its_grace_before_the_first_sign);
	tcase_add_test(life, one_longer_silence_is_bounded_and_ends_with_the_next_beat);
	tcase_add_test(time, deadlines_stand_still_while_paused_and_beats_are_rejected);
	tcase_add_test(time, activity_is_placed_at_its_own_time_not_at_the_look);
	tcase_add_test(time, a_suspended_host_costs_nobody_his_life);
	tcase_add_test(time, no_sum_of_times_overflows_into_a_timeout);
	suite_add_tcase(suite, life);
	suite_add_tcase(suite, time);
	return suite;
}
