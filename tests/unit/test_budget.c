/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/runner.h"
#include "run/budget.h"
#include "run/stall.h"

#define S 1000000000ULL
#define ALL_SOURCES ((1U << ERROR_SOURCE_COUNT) - 1)

static struct budget budget_of(uint32_t total, uint32_t same, uint32_t procedure, uint32_t soft_at)
{
	struct govern_budget limits = { .set = 1, .max_total = total, .max_same = same, .max_procedure = procedure,
					.soft_at = soft_at, .count = ALL_SOURCES };
	struct budget budget;

	budget_begin(&budget, &limits);
	return budget;
}

START_TEST(the_thirteenth_different_error_exceeds)
{
	struct budget budget = budget_of(12, 3, 1, 0);

	for (uint64_t i = 1; i <= 12; i++)
		ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, i), BUDGET_COUNTED);
	ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, 13), BUDGET_EXCEEDED);
	ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, 14), BUDGET_COUNTED); /* said once */
}
END_TEST

START_TEST(the_fourth_identical_error_exceeds)
{
	struct budget budget = budget_of(12, 3, 1, 0);

	ck_assert_int_eq(budget_error(&budget, ERROR_CRASH, 1), BUDGET_COUNTED);
	for (int i = 1; i <= 3; i++)
		ck_assert_int_eq(budget_error(&budget, ERROR_CRASH, 7), BUDGET_COUNTED);
	ck_assert_int_eq(budget_error(&budget, ERROR_CRASH, 7), BUDGET_EXCEEDED);
}
END_TEST

START_TEST(half_of_the_budget_is_said_once)
{
	struct budget budget = budget_of(12, 12, 1, 500);

	for (uint64_t i = 1; i <= 5; i++)
		ck_assert_int_eq(budget_error(&budget, ERROR_REPORTED, i), BUDGET_COUNTED);
	ck_assert_int_eq(budget_error(&budget, ERROR_REPORTED, 6), BUDGET_SOFT);
	ck_assert_int_eq(budget_error(&budget, ERROR_REPORTED, 7), BUDGET_COUNTED);
}
END_TEST

START_TEST(the_second_violation_of_procedure_exceeds)
{
	struct budget budget = budget_of(12, 3, 1, 0);

	ck_assert_int_eq(budget_procedure(&budget), BUDGET_COUNTED);
	ck_assert_int_eq(budget_procedure(&budget), BUDGET_EXCEEDED);
}
END_TEST

START_TEST(what_the_policy_does_not_count_is_not_counted)
{
	struct budget budget = budget_of(0, 0, 0, 1000), none;

	budget.limits.count = 1U << ERROR_DENIED;
	ck_assert_int_eq(budget_error(&budget, ERROR_FS_DENIED, 1), BUDGET_NOT_COUNTED);
	ck_assert_int_eq(budget_error(&budget, (enum budget_source)99, 1), BUDGET_NOT_COUNTED);
	ck_assert_uint_eq(budget.total, 0);
	ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, 1), BUDGET_EXCEEDED);
	budget_begin(&none, NULL);
	ck_assert_int_eq(budget_error(&none, ERROR_DENIED, 1), BUDGET_NOT_COUNTED);
	ck_assert_int_eq(budget_procedure(&none), BUDGET_NOT_COUNTED);
}
END_TEST

START_TEST(a_budget_is_reset_once)
{
	struct budget budget = budget_of(1, 9, 1, 0);

	budget_error(&budget, ERROR_DENIED, 1);
	ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, 2), BUDGET_EXCEEDED);
	ck_assert(budget_reset(&budget));
	ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, 3), BUDGET_COUNTED);
	ck_assert_int_eq(budget_error(&budget, ERROR_DENIED, 4), BUDGET_EXCEEDED);
	ck_assert(!budget_reset(&budget));
}
END_TEST

START_TEST(what_repeats_is_not_forgotten_among_many)
{
	struct tally tally = { 0 };

	for (uint64_t i = 0; i < 1000; i++) {
		ck_assert_uint_eq(tally_add(&tally, 1), i + 1);
		tally_add(&tally, 1000 + i);
	}
	tally_clear(&tally);
	ck_assert_uint_eq(tally_add(&tally, 1), 1);
	ck_assert(tally_key(tally_key(TALLY_KEY, slice_of("ab")), slice_of("c")) !=
		  tally_key(tally_key(TALLY_KEY, slice_of("a")), slice_of("bc")));
}
END_TEST

START_TEST(the_same_action_again_and_again_is_a_stall)
{
	struct stall stall;

	stall_begin(&stall, 50, 0, 0);
	for (int i = 1; i < 50; i++) {
		ck_assert(!stall_action(&stall, 1));
		ck_assert(!stall_action(&stall, (uint64_t)(1000 + i)));
	}
	ck_assert(stall_action(&stall, 1));
	ck_assert(!stall_action(&stall, 1)); /* said once */
	stall_progress(&stall, 1);
	ck_assert(!stall_action(&stall, 1));
	stall_begin(&stall, 0, 0, 0);
	for (int i = 0; i < 1000; i++)
		ck_assert(!stall_action(&stall, 1));
}
END_TEST

START_TEST(a_run_without_progress_stalls_at_its_time)
{
	struct stall stall;

	stall_begin(&stall, 0, 600 * S, 10 * S);
	ck_assert_uint_eq(stall_deadline(&stall), 610 * S);
	stall_progress(&stall, 100 * S);
	ck_assert_uint_eq(stall_deadline(&stall), 700 * S);
	stall_begin(&stall, 0, 0, 10 * S);
	ck_assert_uint_eq(stall_deadline(&stall), STALL_NEVER);
	stall_begin(&stall, 0, UINT64_MAX, 10 * S);
	ck_assert_uint_eq(stall_deadline(&stall), STALL_NEVER);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("budget");
	TCase *errors = tcase_create("errors"), *stands = tcase_create("standing still");

	tcase_add_test(errors, the_thirteenth_different_error_exceeds);
	tcase_add_test(errors, the_fourth_identical_error_exceeds);
	tcase_add_test(errors, half_of_the_budget_is_said_once);
	tcase_add_test(errors, the_second_violation_of_procedure_exceeds);
	tcase_add_test(errors, what_the_policy_does_not_count_is_not_counted);
	tcase_add_test(errors, a_budget_is_reset_once);
	tcase_add_test(stands, what_repeats_is_not_forgotten_among_many);
	tcase_add_test(stands, the_same_action_again_and_again_is_a_stall);
	tcase_add_test(stands, a_run_without_progress_stalls_at_its_time);
	tcase_set_tags(errors, "pure");
	tcase_set_tags(stands, "pure");
	suite_add_tcase(suite, errors);
	suite_add_tcase(suite, stands);
	return suite;
}
