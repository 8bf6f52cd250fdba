/* SPDX-License-Identifier: Apache-2.0 */
/* The table of run status, written a second time: the model's sentence, not the code's bits. */
#include "lib/runner.h"
#include "run/moves.h"

static const struct {
	enum run_status from;
	const char *to;
} model[RUN_STATUS_COUNT] = {
	{ RUN_STATUS_PENDING, "STARTING FAILED REVOKED" },
	{ RUN_STATUS_STARTING, "RUNNING FAILED REVOKED" },
	{ RUN_STATUS_RUNNING, "PAUSED COMPLETED FAILED REVOKED RECOVERING" },
	{ RUN_STATUS_PAUSED, "RUNNING FAILED REVOKED RECOVERING" },
	{ RUN_STATUS_RECOVERING, "RUNNING PAUSED FAILED REVOKED" },
	{ RUN_STATUS_COMPLETED, "" }, { RUN_STATUS_FAILED, "" }, { RUN_STATUS_REVOKED, "" },
};

START_TEST(a_move_is_allowed_when_the_model_lists_it_and_else_refused)
{
	enum run_status from = model[_i].from;

	for (int to = 0; to < RUN_STATUS_COUNT; to++) {
		const char *name = run_status_name((enum run_status)to);
		bool want = strstr(model[_i].to, name) != NULL;

		ck_assert_msg(run_move_allowed(from, (enum run_status)to) == want,
			      "%s -> %s must be %s", run_status_name(from), name,
			      want ? "allowed" : "refused");
	}
	ck_assert(run_status_is_terminal(from) == (model[_i].to[0] == '\0'));
}
END_TEST

START_TEST(numbers_that_are_no_status_move_nowhere)
{
	ck_assert(!run_move_allowed((enum run_status)RUN_STATUS_COUNT, RUN_STATUS_FAILED));
	ck_assert(!run_move_allowed(RUN_STATUS_RUNNING, (enum run_status)RUN_STATUS_COUNT));
	ck_assert(!run_move_allowed((enum run_status)-1, RUN_STATUS_FAILED));
	ck_assert(!run_status_is_terminal((enum run_status)RUN_STATUS_COUNT));
	ck_assert_str_eq(run_status_name((enum run_status)99), "?");
	ck_assert_str_eq(run_cause_name((enum run_cause)99), "?");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("run_moves");
	TCase *moves = tcase_create("status");

	tcase_set_tags(moves, "pure");
	tcase_add_loop_test(moves, a_move_is_allowed_when_the_model_lists_it_and_else_refused, 0,
			    (int)COUNT(model));
	tcase_add_test(moves, numbers_that_are_no_status_move_nowhere);
	suite_add_tcase(suite, moves);
	return suite;
}
