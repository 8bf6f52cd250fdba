/* SPDX-License-Identifier: Apache-2.0 */
/* Tiers, promotion, demotion and breakers of agents: each threshold and each transition once. */
#include <check.h>
#include <stdlib.h>

#include "lib/runner.h"
#include "run/standing.h"

#define SECOND 1000000000ULL
#define DAY (86400U * SECOND)
#define START (1000U * DAY)

static struct host_settings settings;
static struct standing standing;
static uint64_t now;

static void begin(void)
{
	host_defaults(&settings);
	standing_begin(&standing, &settings, slice_of("a"));
	now = START;
}

static unsigned int ended(enum outcome_kind kind, int severity)
{
	const struct outcome outcome = { .ended_ns = now, .kind = (uint8_t)kind, .tier = (uint8_t)standing.tier,
					 .severity = (uint8_t)(severity + 1) };
	unsigned int changed = standing_ended(&standing, &settings, &outcome);

	now += SECOND;
	return changed;
}

static enum standing_refusal start_at(uint32_t policy_tier, uint32_t min_tier, uint32_t *ret_tier)
{
	return standing_start(&standing, &settings, policy_tier, min_tier, now, ret_tier);
}

static enum promotion_refusal promotable(void)
{
	uint32_t runs;

	return standing_promotable(&standing, &settings, now, &runs);
}

static void complete(int count)
{
	for (int i = 0; i < count; i++)
		ended(OUTCOME_COMPLETED, -1);
}

START_TEST(the_effective_tier_is_the_lowest)
{
	static const struct {
		uint32_t policy, agent, host, want;
	} rows[] = { { 4, 2, 3, 2 }, { 1, 2, 3, 1 }, { 4, 4, 3, 3 }, { 0, 4, 4, 0 }, { 3, 3, 3, 3 } };
	uint32_t tier = 9;

	standing.tier = rows[_i].agent;
	settings.max_tier = rows[_i].host;
	ck_assert_int_eq(start_at(rows[_i].policy, 0, &tier), STANDING_MAY_START);
	ck_assert_uint_eq(tier, rows[_i].want);
}
END_TEST

START_TEST(twenty_runs_and_not_one_less_make_an_agent_eligible)
{
	complete(19);
	ck_assert_int_eq(promotable(), PROMOTION_RUNS);
	complete(1);
	ck_assert_int_eq(promotable(), PROMOTION_ELIGIBLE);
	complete(1);
	ck_assert_int_eq(promotable(), PROMOTION_ELIGIBLE);
	standing_promote(&standing, now);
	ck_assert_uint_eq(standing.tier, 3);
	settings.max_tier = 4;
	ck_assert_int_eq(promotable(), PROMOTION_RUNS); /* the count begins anew */
}
END_TEST

START_TEST(runs_at_another_tier_or_of_long_ago_do_not_count)
{
	complete(20);
	now += 31 * DAY;
	ck_assert_int_eq(promotable(), PROMOTION_RUNS);
	complete(20);
	ck_assert_int_eq(promotable(), PROMOTION_ELIGIBLE);
	for (size_t i = 0; i < STANDING_RUNS; i++)
		standing.outcomes[i].tier = 1;
	ck_assert_int_eq(promotable(), PROMOTION_RUNS);
}
END_TEST

START_TEST(one_high_violation_resets_the_window)
{
	complete(20);
	ended(OUTCOME_REVOKED, SEVERITY_HIGH);
	ck_assert_uint_eq(standing.tier, 1);
	complete(20);
	ck_assert_int_eq(promotable(), PROMOTION_VIOLATION);
	now += 31 * DAY;
	complete(20);
	ck_assert_int_eq(promotable(), PROMOTION_ELIGIBLE);
}
END_TEST

START_TEST(errors_cooldown_top_and_suspension_are_in_the_way)
{
	complete(38);
	ended(OUTCOME_FAILED, -1);
	ended(OUTCOME_FAILED, -1);
	ck_assert_int_eq(promotable(), PROMOTION_ELIGIBLE); /* 2 of 40 are 5 % */
	ended(OUTCOME_FAILED, -1);
	ck_assert_int_eq(promotable(), PROMOTION_ERRORS);
	standing_set_tier(&standing, 1, now);
	now += SECOND;
	complete(20);
	ck_assert_int_eq(promotable(), PROMOTION_COOLDOWN);
	now += 8 * DAY;
	ck_assert_int_eq(promotable(), PROMOTION_ELIGIBLE);
	settings.max_tier = 1;
	ck_assert_int_eq(promotable(), PROMOTION_TOP);
	standing.suspended = 1;
	ck_assert_int_eq(promotable(), PROMOTION_SUSPENDED);
}
END_TEST

START_TEST(a_critical_violation_suspends_and_leads_to_the_bottom)
{
	uint32_t tier;

	ck_assert_uint_eq(ended(OUTCOME_REVOKED, SEVERITY_CRITICAL), CHANGED_SUSPENDED | CHANGED_TIER);
	ck_assert_uint_eq(standing.tier, 0);
	ck_assert_int_eq(start_at(2, 0, &tier), STANDING_SUSPENDED);
	standing_clear(&standing);
	ck_assert_int_eq(start_at(2, 0, &tier), STANDING_MAY_START);
	ck_assert_uint_eq(tier, 0);
}
END_TEST

START_TEST(the_third_run_revoked_for_medium_is_a_step_down)
{
	settings.breaker.failures = 100;
	ended(OUTCOME_REVOKED, SEVERITY_MEDIUM);
	ended(OUTCOME_REVOKED, SEVERITY_MEDIUM);
	ck_assert_uint_eq(standing.tier, 2);
	ck_assert_uint_eq(ended(OUTCOME_REVOKED, SEVERITY_MEDIUM), CHANGED_TIER);
	ck_assert_uint_eq(standing.tier, 1);
	ended(OUTCOME_REVOKED, SEVERITY_MEDIUM);
	ck_assert_uint_eq(standing.tier, 1);
	now += 31 * DAY;
	ended(OUTCOME_REVOKED, SEVERITY_MEDIUM);
	ended(OUTCOME_REVOKED, SEVERITY_MEDIUM);
	ck_assert_uint_eq(standing.tier, 1);
}
END_TEST

START_TEST(the_bottom_stays_the_bottom)
{
	standing.tier = 0;
	ck_assert_uint_eq(ended(OUTCOME_REVOKED, SEVERITY_HIGH) & CHANGED_TIER, 0);
	ck_assert_uint_eq(standing.tier, 0);
}
END_TEST

static void open_it(void)
{
	for (int i = 0; i < 3; i++)
		ended(OUTCOME_REVOKED, -1);
	ck_assert_uint_eq(standing.breaker, BREAKER_OPEN);
}

START_TEST(three_revocations_in_the_window_open_the_breaker)
{
	uint32_t tier;

	ended(OUTCOME_REVOKED, -1);
	ended(OUTCOME_REVOKED, -1);
	now += 601 * SECOND;
	ck_assert_uint_eq(ended(OUTCOME_REVOKED, -1), 0);
	ended(OUTCOME_REVOKED, -1);
	ck_assert_uint_eq(ended(OUTCOME_REVOKED, -1), CHANGED_BREAKER);
	ck_assert_int_eq(start_at(2, 0, &tier), STANDING_BREAKER_OPEN);
	ck_assert_int_eq(promotable(), PROMOTION_RUNS);
}
END_TEST

START_TEST(half_open_lets_one_run_through_at_t1)
{
	uint32_t tier;

	open_it();
	now += 301 * SECOND;
	ck_assert_int_eq(start_at(3, 0, &tier), STANDING_MAY_START);
	ck_assert_uint_eq(tier, 1);
	ck_assert_uint_eq(standing.breaker, BREAKER_HALF_OPEN);
	ck_assert_int_eq(start_at(3, 0, &tier), STANDING_BREAKER_PROBING);
	ck_assert_uint_eq(ended(OUTCOME_COMPLETED, -1), CHANGED_BREAKER);
	ck_assert_uint_eq(standing.breaker, BREAKER_CLOSED);
	ended(OUTCOME_REVOKED, -1);
	ck_assert_uint_eq(standing.breaker, BREAKER_CLOSED); /* the old ones are forgotten */
}
END_TEST

START_TEST(a_probe_that_fails_opens_it_again)
{
	uint32_t tier;

	open_it();
	now += 301 * SECOND;
	ck_assert_int_eq(start_at(3, 0, &tier), STANDING_MAY_START);
	ended(OUTCOME_FAILED, -1);
	ck_assert_uint_eq(standing.breaker, BREAKER_OPEN);
	ck_assert_int_eq(start_at(3, 0, &tier), STANDING_BREAKER_OPEN);
}
END_TEST

START_TEST(a_policy_above_t1_cannot_be_probed)
{
	uint32_t tier;

	open_it();
	now += 301 * SECOND;
	ck_assert_int_eq(start_at(3, 2, &tier), STANDING_BREAKER_NEEDS_ADMIN);
	standing_reset_breaker(&standing, now);
	ck_assert_int_eq(start_at(3, 2, &tier), STANDING_MAY_START);
}
END_TEST

START_TEST(what_is_broken_on_disk_is_not_believed)
{
	ck_assert(standing_is_sound(&standing));
	switch (_i) {
	case 0: standing.agent[0] = '\0'; break;
	case 1: memset(standing.agent, 'x', sizeof(standing.agent)); break;
	case 2: standing.tier = HOST_TIERS; break;
	case 3: standing.breaker = BREAKER_STATE_COUNT; break;
	case 4: standing.next = STANDING_RUNS; break;
	case 5: standing.outcomes[3].kind = OUTCOME_KIND_COUNT; break;
	case 6: standing.outcomes[3].tier = HOST_TIERS; break;
	default: standing.suspended = 2; break;
	}
	ck_assert(!standing_is_sound(&standing));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("standing");
	TCase *all = tcase_create("standing");

	tcase_add_checked_fixture(all, begin, NULL);
	tcase_add_loop_test(all, the_effective_tier_is_the_lowest, 0, 5);
	tcase_add_test(all, twenty_runs_and_not_one_less_make_an_agent_eligible);
	tcase_add_test(all, runs_at_another_tier_or_of_long_ago_do_not_count);
	tcase_add_test(all, one_high_violation_resets_the_window);
	tcase_add_test(all, errors_cooldown_top_and_suspension_are_in_the_way);
	tcase_add_test(all, a_critical_violation_suspends_and_leads_to_the_bottom);
	tcase_add_test(all, the_third_run_revoked_for_medium_is_a_step_down);
	tcase_add_test(all, the_bottom_stays_the_bottom);
	tcase_add_test(all, three_revocations_in_the_window_open_the_breaker);
	tcase_add_test(all, half_open_lets_one_run_through_at_t1);
	tcase_add_test(all, a_probe_that_fails_opens_it_again);
	tcase_add_test(all, a_policy_above_t1_cannot_be_probed);
	tcase_add_loop_test(all, what_is_broken_on_disk_is_not_believed, 0, 8);
	tcase_set_tags(all, "pure");
	suite_add_tcase(suite, all);
	return suite;
}
