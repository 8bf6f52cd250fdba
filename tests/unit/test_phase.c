/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/agent_wire.h"
#include "decide/judge.h"
#include "lib/runner.h"
#include "run/phase.h"

#define BIT(number) (1U << (number))

static struct govern_settings settings_of(enum phases_enforce enforce)
{
	return (struct govern_settings){ .phases_enforce = (uint8_t)enforce, .rework = 1,
					 .optional_phases = BIT(PHASE_PACKAGE) | BIT(PHASE_REPORT) };
}

static struct phases at(enum phases_enforce enforce, enum phase now, bool reported)
{
	struct govern_settings settings = settings_of(enforce);
	struct phases phases;

	phases_begin(&phases, &settings);
	phases_enter(&phases, now, reported);
	return phases;
}

static const struct next_row { enum phase phase, next; const char *name; bool terminal; } nexts[] = {
	{ PHASE_BOOTSTRAP, PHASE_PREFLIGHT, "BOOTSTRAP", false }, { PHASE_PREFLIGHT, PHASE_PLAN, "PREFLIGHT", false },
	{ PHASE_PLAN, PHASE_EXECUTE, "PLAN", false }, { PHASE_EXECUTE, PHASE_VERIFY, "EXECUTE", false },
	{ PHASE_VERIFY, PHASE_PACKAGE, "VERIFY", false }, { PHASE_PACKAGE, PHASE_REPORT, "PACKAGE", false },
	{ PHASE_REPORT, PHASE_EXIT, "REPORT", false }, { PHASE_EXIT, PHASE_COUNT, "EXIT", true },
	{ PHASE_REVOKED, PHASE_COUNT, "REVOKED", true },
};

START_TEST(each_phase_has_its_successor_and_name)
{
	const struct next_row *row = &nexts[_i];
	char lower[16] = { 0 };

	ck_assert_int_eq(next_phase(row->phase), row->next);
	ck_assert_str_eq(phase_name(row->phase), row->name);
	ck_assert_int_eq(is_terminal_phase(row->phase), row->terminal);
	ck_assert_int_eq(phase_find(slice_of(row->name)), row->phase);
	for (size_t i = 0; row->name[i]; i++)
		lower[i] = (char)(row->name[i] | 0x20);
	ck_assert_int_eq(phase_find(slice_of(lower)), row->phase);
	ck_assert_int_eq(phase_find(slice_new(row->name, strlen(row->name) - 1)), PHASE_COUNT);
}
END_TEST

/* Every pair, in the strict mode: one by one, VERIFY goes back, PACKAGE and REPORT may be passed over. */
START_TEST(a_strict_run_goes_forward_by_one)
{
	static const uint32_t allowed[PHASE_COUNT] = {
		[PHASE_PREFLIGHT] = BIT(PHASE_PLAN), [PHASE_PLAN] = BIT(PHASE_EXECUTE),
		[PHASE_EXECUTE] = BIT(PHASE_VERIFY),
		[PHASE_VERIFY] = BIT(PHASE_EXECUTE) | BIT(PHASE_PACKAGE) | BIT(PHASE_REPORT),
		[PHASE_PACKAGE] = BIT(PHASE_REPORT),
	};

	for (unsigned int to = 0; to <= PHASE_COUNT; to++) {
		struct phases phases = at(PHASES_STRICT, (enum phase)_i, true);
		bool want = to < PHASE_COUNT && allowed[_i] >> to & 1U;

		ck_assert_msg((phases_ask(&phases, (enum phase)to) == PHASE_GOES) == want, "%d to %u", _i, to);
	}
}
END_TEST

START_TEST(a_run_is_bound_once_it_announced_a_phase)
{
	struct phases silent = at(PHASES_AUTO, PHASE_PREFLIGHT, false), plan = at(PHASES_AUTO, PHASE_PLAN, true);

	ck_assert_int_eq(phases_ask(&silent, PHASE_VERIFY), PHASE_GOES);
	ck_assert_int_eq(phases_ask(&plan, PHASE_VERIFY), PHASE_ORDER);
	ck_assert(!phases_bind(&silent));
	ck_assert(phases_bind(&plan));
	ck_assert_uint_eq(phases_classes(&silent), BIT(ACT_COUNT) - 1);
	ck_assert_uint_eq(phases_classes(&plan), BIT(ACT_READ) | BIT(ACT_CHECK) | BIT(ACT_PLAN) | BIT(ACT_OTHER));
}
END_TEST

START_TEST(work_goes_back_as_often_as_the_policy_says)
{
	struct phases phases = at(PHASES_STRICT, PHASE_VERIFY, true);

	ck_assert_int_eq(phases_ask(&phases, PHASE_EXECUTE), PHASE_GOES);
	phases_enter(&phases, PHASE_EXECUTE, true);
	phases_enter(&phases, PHASE_VERIFY, true);
	ck_assert_int_eq(phases_ask(&phases, PHASE_EXECUTE), PHASE_REWORK);
}
END_TEST

START_TEST(a_phase_is_left_after_the_actions_that_it_requires)
{
	struct govern_settings settings = settings_of(PHASES_STRICT);
	struct phases phases;

	settings.phases[PHASE_VERIFY].require_classes = BIT(ACT_CHECK);
	phases_begin(&phases, &settings);
	phases_enter(&phases, PHASE_VERIFY, true);
	ck_assert_int_eq(phases_ask(&phases, PHASE_REPORT), PHASE_CLASS);
	phases_did(&phases, ACT_READ);
	ck_assert_int_eq(phases_ask(&phases, PHASE_REPORT), PHASE_CLASS);
	phases_did(&phases, ACT_CHECK);
	ck_assert_int_eq(phases_ask(&phases, PHASE_REPORT), PHASE_GOES);
}
END_TEST

START_TEST(a_silent_run_shows_its_phase_by_what_it_does)
{
	struct phases phases = at(PHASES_AUTO, PHASE_PREFLIGHT, false);

	ck_assert_int_eq(phases_infer(&phases, SIGN_CHECK), PHASE_COUNT); /* nothing was written yet */
	ck_assert_int_eq(phases_infer(&phases, SIGN_WRITE), PHASE_EXECUTE);
	phases_enter(&phases, PHASE_EXECUTE, false);
	ck_assert_int_eq(phases_infer(&phases, SIGN_WRITE), PHASE_COUNT);
	ck_assert_int_eq(phases_infer(&phases, SIGN_CHECK), PHASE_VERIFY);
	phases_enter(&phases, PHASE_VERIFY, false);
	ck_assert_int_eq(phases_infer(&phases, SIGN_CHECK), PHASE_COUNT);
	ck_assert_int_eq(phases_infer(&phases, SIGN_ACTION), PHASE_EXECUTE);
}
END_TEST

START_TEST(nothing_is_inferred_of_a_run_that_reports_or_need_not)
{
	struct phases reported = at(PHASES_AUTO, PHASE_PLAN, true), strict = at(PHASES_STRICT, PHASE_PLAN, true),
		      off = at(PHASES_OFF, PHASE_PREFLIGHT, false);

	ck_assert_int_eq(phases_infer(&reported, SIGN_WRITE), PHASE_COUNT);
	ck_assert_int_eq(phases_infer(&strict, SIGN_ACTION), PHASE_COUNT);
	ck_assert_int_eq(phases_infer(&off, SIGN_WRITE), PHASE_COUNT);
	ck_assert_int_eq(phases_ask(&off, PHASE_REPORT), PHASE_GOES);
	phases_enter(&off, PHASE_REPORT, true);
	ck_assert_int_eq(phases_ask(&off, PHASE_PLAN), PHASE_GOES);
}
END_TEST

static const struct maturity_row { enum phase phase; uint32_t maturity; } maturities[] = {
	{ PHASE_BOOTSTRAP, MATURITY_DRAFT }, { PHASE_PREFLIGHT, MATURITY_DRAFT }, { PHASE_PLAN, MATURITY_REFINED },
	{ PHASE_EXECUTE, MATURITY_REFINED }, { PHASE_VERIFY, MATURITY_FINAL }, { PHASE_PACKAGE, MATURITY_FINAL },
	{ PHASE_REPORT, MATURITY_FINAL }, { PHASE_EXIT, MATURITY_FINAL }, { PHASE_COUNT, MATURITY_DRAFT },
};

START_TEST(outputs_mature_with_the_phase)
{
	ck_assert_uint_eq(phase_maturity(maturities[_i].phase), maturities[_i].maturity);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("phase");
	TCase *tcase = tcase_create("phases");

	tcase_add_loop_test(tcase, each_phase_has_its_successor_and_name, 0, (int)COUNT(nexts));
	tcase_add_loop_test(tcase, a_strict_run_goes_forward_by_one, 0, PHASE_COUNT);
	tcase_add_test(tcase, a_run_is_bound_once_it_announced_a_phase);
	tcase_add_test(tcase, work_goes_back_as_often_as_the_policy_says);
	tcase_add_test(tcase, a_phase_is_left_after_the_actions_that_it_requires);
	tcase_add_test(tcase, a_silent_run_shows_its_phase_by_what_it_does);
	tcase_add_test(tcase, nothing_is_inferred_of_a_run_that_reports_or_need_not);
	tcase_add_loop_test(tcase, outputs_mature_with_the_phase, 0, (int)COUNT(maturities));
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
