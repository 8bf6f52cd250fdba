/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals: the table of states written a second time, who may answer, and that one answer is good for
 * exactly one action, once. */
#include "lib/runner.h"
#include "run/approvals.h"

#define S 1000000000ULL
#define NOW (1000 * S)
#define TTL (900 * S)
#define OWNER 1000U
#define AGENT 61001U
#define ANN 1001U
#define BEN 1002U
#define CAT 1003U

static struct approvals table; /* each test is its own process */

static struct approval item_of(uint32_t count, bool self, enum role role)
{
	struct approval item = { .owner_uid = OWNER, .run_uid = AGENT, .role = role, .self = self,
				 .count = count, .priority = PRIORITY_HIGH, .code = "7K2M" };

	item.id.bytes[0] = 9;
	item.binding.run.bytes[15] = 1;
	memset(item.binding.action, 0xab, sizeof(item.binding.action));
	memset(item.binding.nonce, 0x11, sizeof(item.binding.nonce));
	item.binding.expires_ns = NOW + TTL;
	item.binding.uses = 1;
	memcpy(item.binding.capability, "vcs.push", 9);
	return item;
}

static struct approval *asked(uint32_t count, bool self, enum role role)
{
	struct approval item = item_of(count, self, role);
	struct approval *approval = approvals_add(&table, &item);

	ck_assert_ptr_nonnull(approval);
	return approval;
}

static struct answerer person(uint32_t uid, enum role role)
{
	return (struct answerer){ .uid = uid, .role = role, .code = "" };
}

static enum approval_result answer(struct approval *approval, struct answerer who, bool yes)
{
	struct approval_binding seen = approval->binding;

	return approval_answer(approval, &who, &seen, yes, NOW + S, 77);
}

/* ---- states ---- */

static const struct { enum approval_state from; const char *to; } model[APPROVAL_STATE_COUNT] = {
	{ APPROVAL_NONE, "" },
	{ APPROVAL_PENDING, "CLAIMED APPROVED REJECTED EXPIRED CANCELLED" },
	{ APPROVAL_CLAIMED, "PENDING APPROVED REJECTED EXPIRED CANCELLED" },
	{ APPROVAL_APPROVED, "CONSUMED EXPIRED CANCELLED" },
	{ APPROVAL_REJECTED, "" }, { APPROVAL_EXPIRED, "" }, { APPROVAL_CANCELLED, "" },
	{ APPROVAL_CONSUMED, "" },
};

START_TEST(a_move_is_allowed_when_the_model_lists_it_and_else_refused)
{
	enum approval_state from = model[_i].from;

	for (int to = 0; to < APPROVAL_STATE_COUNT; to++) {
		const char *name = approval_state_name((enum approval_state)to);
		bool want = strstr(model[_i].to, name) != NULL;

		ck_assert_msg(approval_move_allowed(from, (enum approval_state)to) == want, "%s -> %s must be %s",
			      approval_state_name(from), name, want ? "allowed" : "refused");
	}
	ck_assert(!approval_move_allowed(from, APPROVAL_STATE_COUNT));
	ck_assert(!approval_move_allowed((enum approval_state)-1, from));
}
END_TEST

/* What each verb does in each state: the state afterwards, and whether it said that something was done. */
enum verb { CLAIM, RELEASE, APPROVE, DENY, CONSUME, CANCEL, LATER, VERB_COUNT };
static const struct verb_row { enum approval_state after; bool done; } verbs[APPROVAL_STATE_COUNT][VERB_COUNT] = {
	[APPROVAL_PENDING] = { [CLAIM] = { APPROVAL_CLAIMED, true }, [APPROVE] = { APPROVAL_APPROVED, true },
			       [DENY] = { APPROVAL_REJECTED, true }, [CANCEL] = { APPROVAL_CANCELLED, true },
			       [LATER] = { APPROVAL_EXPIRED, true } },
	[APPROVAL_CLAIMED] = { [CLAIM] = { APPROVAL_CLAIMED, true }, [RELEASE] = { APPROVAL_PENDING, true },
			       [APPROVE] = { APPROVAL_APPROVED, true }, [DENY] = { APPROVAL_REJECTED, true },
			       [CANCEL] = { APPROVAL_CANCELLED, true }, [LATER] = { APPROVAL_EXPIRED, true } },
	[APPROVAL_APPROVED] = { [CONSUME] = { APPROVAL_CONSUMED, true }, [CANCEL] = { APPROVAL_CANCELLED, true },
				[LATER] = { APPROVAL_EXPIRED, true } },
};

static bool act(struct approval *approval, enum verb verb)
{
	struct answerer ann = person(ANN, ROLE_OPERATOR);
	struct approval_binding seen = approval->binding;

	switch (verb) {
	case CLAIM: return approval_claim(approval, &ann, NOW + S) == RESULT_DONE;
	case RELEASE: return approval_release(approval, &ann, NOW + S) == RESULT_DONE;
	case APPROVE: return approval_answer(approval, &ann, &seen, true, NOW + S, 1) == RESULT_DONE;
	case DENY: return approval_answer(approval, &ann, &seen, false, NOW + S, 1) == RESULT_DONE;
	case CONSUME: return approval_consume(approval, &seen, NOW + S);
	case CANCEL: return approval_cancel(approval);
	case LATER: return approval_tick(approval, NOW + TTL);
	case VERB_COUNT: break;
	}
	return false;
}

START_TEST(each_verb_in_each_state_does_what_the_table_says_and_nothing_else)
{
	enum approval_state from = (enum approval_state)(_i / VERB_COUNT);
	enum verb verb = (enum verb)(_i % VERB_COUNT);
	const struct verb_row *row = &verbs[from][verb];
	struct approval *approval = asked(1, false, ROLE_OPERATOR);
	bool done;

	approval->state = from;
	if (from == APPROVAL_CLAIMED) {
		approval->claimed_by = ANN;
		approval->claimed_until_ns = NOW + TTL + S;
	}
	done = act(approval, verb);
	ck_assert_msg(done == row->done, "%s, verb %d: done %d", approval_state_name(from), verb, done);
	ck_assert_msg(approval->state == (row->done ? row->after : from), "%s, verb %d: now %s",
		      approval_state_name(from), verb, approval_state_name((enum approval_state)approval->state));
}
END_TEST

/* ---- who ---- */

static const struct who_row {
	const char *what;
	struct answerer who;
	uint32_t count;
	bool self;
	enum role role;
	enum approval_result yes, no;
} whos[] = {
	{ "an operator", { ANN, ROLE_OPERATOR, false, "" }, 1, false, ROLE_OPERATOR, RESULT_DONE, RESULT_DONE },
	{ "a viewer", { ANN, ROLE_VIEWER, false, "" }, 1, true, ROLE_OPERATOR, RESULT_ROLE, RESULT_ROLE },
	{ "nobody", { ANN, ROLE_NONE, false, "" }, 1, true, ROLE_OPERATOR, RESULT_ROLE, RESULT_ROLE },
	{ "a viewer where the policy names no role", { ANN, ROLE_VIEWER, false, "" }, 1, true, ROLE_NONE,
	  RESULT_ROLE, RESULT_ROLE },
	{ "an operator for an admin's", { ANN, ROLE_OPERATOR, false, "" }, 1, false, ROLE_ADMIN, RESULT_ROLE, RESULT_ROLE },
	{ "an admin", { 0, ROLE_ADMIN, false, "" }, 1, false, ROLE_ADMIN, RESULT_DONE, RESULT_DONE },
	{ "the run's own uid, even as admin", { AGENT, ROLE_ADMIN, true, "7K2M" }, 1, true, ROLE_OPERATOR,
	  RESULT_AGENT, RESULT_AGENT },
	{ "the caller, self: false", { OWNER, ROLE_OPERATOR, true, "7K2M" }, 1, false, ROLE_OPERATOR,
	  RESULT_SELF, RESULT_DONE },
	{ "the caller as admin, self: false", { OWNER, ROLE_ADMIN, true, "7K2M" }, 1, false, ROLE_ADMIN,
	  RESULT_SELF, RESULT_DONE },
	{ "the caller without a terminal", { OWNER, ROLE_OPERATOR, false, "7K2M" }, 1, true, ROLE_OPERATOR,
	  RESULT_TERMINAL, RESULT_DONE },
	{ "the caller without the code", { OWNER, ROLE_OPERATOR, true, "" }, 1, true, ROLE_OPERATOR,
	  RESULT_CODE, RESULT_DONE },
	{ "the caller with a wrong code", { OWNER, ROLE_OPERATOR, true, "7K2N" }, 1, true, ROLE_OPERATOR,
	  RESULT_CODE, RESULT_DONE },
	{ "the caller with a longer code", { OWNER, ROLE_OPERATOR, true, "7K2M7K2M7" }, 1, true, ROLE_OPERATOR,
	  RESULT_CODE, RESULT_DONE },
	{ "the caller with the code", { OWNER, ROLE_OPERATOR, true, "7K2M" }, 1, true, ROLE_OPERATOR,
	  RESULT_DONE, RESULT_DONE },
	{ "the caller as one of two", { OWNER, ROLE_OPERATOR, true, "7K2M" }, 2, true, ROLE_OPERATOR,
	  RESULT_SELF, RESULT_DONE },
};

START_TEST(who_may_say_yes_and_who_may_say_no)
{
	const struct who_row *row = &whos[_i];
	struct approval *yes = asked(row->count, row->self, row->role);
	struct approval *no = asked(row->count, row->self, row->role);
	enum approval_result r = answer(yes, row->who, true);

	ck_assert_msg(r == row->yes, "%s said yes: %s", row->what, approval_result_text(r));
	ck_assert((yes->state == APPROVAL_APPROVED) == (row->yes == RESULT_DONE));
	r = answer(no, row->who, false);
	ck_assert_msg(r == row->no, "%s said no: %s", row->what, approval_result_text(r));
	ck_assert((no->state == APPROVAL_REJECTED) == (row->no == RESULT_DONE));
}
END_TEST

START_TEST(only_those_whom_the_policy_names_answer)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);

	approval->of_count = 1;
	approval->of[0] = BEN;
	ck_assert_int_eq(answer(approval, person(ANN, ROLE_ADMIN), true), RESULT_NOT_NAMED);
	ck_assert_int_eq(answer(approval, person(BEN, ROLE_OPERATOR), true), RESULT_DONE);
}
END_TEST

START_TEST(two_of_three_are_two_different_people)
{
	struct approval *approval = asked(2, false, ROLE_OPERATOR);

	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_VOTED);
	ck_assert_int_eq(approval->state, APPROVAL_PENDING);
	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_TWICE);
	ck_assert_int_eq(approval->vote_count, 1);
	ck_assert_int_eq(answer(approval, person(BEN, ROLE_OPERATOR), true), RESULT_DONE);
	ck_assert_int_eq(approval->state, APPROVAL_APPROVED);
}
END_TEST

START_TEST(one_no_ends_it_whatever_was_voted)
{
	struct approval *approval = asked(3, false, ROLE_OPERATOR);

	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_VOTED);
	ck_assert_int_eq(answer(approval, person(BEN, ROLE_OPERATOR), false), RESULT_DONE);
	ck_assert_int_eq(approval->state, APPROVAL_REJECTED);
	ck_assert_int_eq(answer(approval, person(CAT, ROLE_OPERATOR), true), RESULT_DECIDED);
}
END_TEST

/* ---- the one action ---- */

/* Each byte of what was shown. */
START_TEST(an_answer_to_something_else_than_what_is_asked_is_none)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);
	struct answerer ann = person(ANN, ROLE_OPERATOR);
	struct approval_binding seen = approval->binding;

	((uint8_t *)&seen)[_i] ^= 1;
	ck_assert_int_eq(approval_answer(approval, &ann, &seen, true, NOW, 1), RESULT_OTHER);
	ck_assert_int_eq(approval_answer(approval, &ann, &seen, false, NOW, 1), RESULT_OTHER);
	ck_assert_int_eq(approval->state, APPROVAL_PENDING);
}
END_TEST

static bool is_of_the_question(size_t at)
{
	size_t nonce = offsetof(struct approval_binding, nonce);

	/* nonce, expires_ns and uses lie together */
	return at >= nonce && at < offsetof(struct approval_binding, environments);
}

START_TEST(a_right_is_good_for_exactly_the_action_that_was_asked_about)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);
	struct approval_binding action = approval->binding;

	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_DONE);
	((uint8_t *)&action)[_i] ^= 1;
	ck_assert_msg(approval_consume(approval, &action, NOW) == is_of_the_question((size_t)_i), "byte %d", _i);
	if (!is_of_the_question((size_t)_i))
		ck_assert(approval_consume(approval, &approval->binding, NOW));
}
END_TEST

START_TEST(a_right_is_used_as_often_as_it_says)
{
	struct approval item = item_of(1, false, ROLE_OPERATOR);
	struct approval *approval;

	item.binding.uses = 2;
	approval = approvals_add(&table, &item);
	ck_assert(!approval_consume(approval, &approval->binding, NOW));
	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_DONE);
	ck_assert(approval_consume(approval, &approval->binding, NOW));
	ck_assert_int_eq(approval->state, APPROVAL_APPROVED);
	ck_assert(approval_consume(approval, &approval->binding, NOW));
	ck_assert_int_eq(approval->state, APPROVAL_CONSUMED);
	ck_assert(!approval_consume(approval, &approval->binding, NOW));
}
END_TEST

/* ---- time ---- */

START_TEST(an_answer_behind_the_deadline_is_expired_and_not_rejected)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);
	struct answerer ann = person(ANN, ROLE_OPERATOR);
	struct approval_binding seen = approval->binding;

	ck_assert_int_eq(approval_answer(approval, &ann, &seen, true, NOW + TTL, 1), RESULT_DECIDED);
	ck_assert_int_eq(approval->state, APPROVAL_EXPIRED);
	ck_assert_int_eq(approval->vote_count, 0);
}
END_TEST

START_TEST(a_right_that_is_not_used_in_time_is_gone)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);

	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_DONE);
	ck_assert(!approval_consume(approval, &approval->binding, NOW + TTL));
	ck_assert_int_eq(approval->state, APPROVAL_EXPIRED);
}
END_TEST

START_TEST(a_claim_keeps_others_away_for_ten_minutes)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);
	struct answerer ann = person(ANN, ROLE_OPERATOR), ben = person(BEN, ROLE_OPERATOR);
	struct answerer root = person(0, ROLE_ADMIN);

	ck_assert_int_eq(approval_claim(approval, &ann, NOW), RESULT_DONE);
	ck_assert_int_eq(approval_claim(approval, &ben, NOW + S), RESULT_CLAIMED);
	ck_assert_int_eq(answer(approval, ben, true), RESULT_CLAIMED);
	ck_assert_int_eq(approval_release(approval, &ben, NOW + S), RESULT_NOT_CLAIMED);
	ck_assert(!approval_tick(approval, NOW + APPROVAL_CLAIM_NS - 1));
	ck_assert_uint_eq(approvals_deadline(&table), NOW + APPROVAL_CLAIM_NS);
	ck_assert(approval_tick(approval, NOW + APPROVAL_CLAIM_NS));
	ck_assert_int_eq(approval->state, APPROVAL_PENDING);
	ck_assert_uint_eq(approvals_deadline(&table), NOW + TTL);
	ck_assert_int_eq(approval_claim(approval, &ben, NOW + APPROVAL_CLAIM_NS), RESULT_DONE);
	ck_assert_int_eq(approval_release(approval, &root, NOW + APPROVAL_CLAIM_NS), RESULT_DONE);
}
END_TEST

/* ---- the table ---- */

START_TEST(the_same_question_is_one_item_and_another_is_another)
{
	struct approval item = item_of(1, false, ROLE_OPERATOR);
	struct approval *first = approvals_add(&table, &item);

	item.binding.nonce[0] ^= 1;
	ck_assert_ptr_eq(approvals_same(&table, &item.binding), first);
	item.binding.action[0] ^= 1;
	ck_assert_ptr_null(approvals_same(&table, &item.binding));
	item.binding.action[0] ^= 1;
	ck_assert_int_eq(answer(first, person(ANN, ROLE_OPERATOR), false), RESULT_DONE);
	ck_assert_ptr_null(approvals_same(&table, &item.binding));
}
END_TEST

START_TEST(a_refused_action_that_is_tried_again_is_refused_for_a_minute)
{
	struct approval item = item_of(1, false, ROLE_OPERATOR);
	struct approval *approval = approvals_add(&table, &item), *other;

	ck_assert_ptr_null(approvals_refused(&table, &item.binding, NOW + S));
	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), false), RESULT_DONE);
	item.binding.nonce[0] ^= 1;
	ck_assert_ptr_eq(approvals_refused(&table, &item.binding, NOW + S), approval);
	ck_assert_ptr_eq(approvals_refused(&table, &item.binding, NOW + S + APPROVAL_REFUSAL_NS - 1), approval);
	ck_assert_ptr_null(approvals_refused(&table, &item.binding, NOW + S + APPROVAL_REFUSAL_NS));
	item.binding.action[3] ^= 1;
	ck_assert_ptr_null(approvals_refused(&table, &item.binding, NOW + S));
	other = approvals_add(&table, &item);
	ck_assert(approval_tick(other, NOW + TTL));
	ck_assert_ptr_eq(approvals_refused(&table, &item.binding, NOW + TTL), other);
}
END_TEST

START_TEST(a_right_that_was_not_used_may_be_asked_for_again)
{
	struct approval *approval = asked(1, false, ROLE_OPERATOR);

	ck_assert_int_eq(answer(approval, person(ANN, ROLE_OPERATOR), true), RESULT_DONE);
	ck_assert(approval_tick(approval, NOW + TTL));
	ck_assert_ptr_null(approvals_refused(&table, &approval->binding, NOW + TTL));
}
END_TEST

START_TEST(a_run_has_only_so_many_open_questions_and_others_have_theirs)
{
	struct approval item = item_of(1, false, ROLE_OPERATOR);

	for (unsigned int i = 0; i < APPROVALS_PER_RUN; i++)
		ck_assert_ptr_nonnull(approvals_add(&table, &item));
	ck_assert_ptr_null(approvals_add(&table, &item));
	item.binding.run.bytes[15] = 2;
	ck_assert_ptr_nonnull(approvals_add(&table, &item));
}
END_TEST

START_TEST(what_is_open_is_never_pushed_out_and_what_is_over_is)
{
	struct approval item = item_of(1, false, ROLE_OPERATOR);
	struct approval *over;

	for (unsigned int i = 0; i < APPROVALS_MAX; i++) {
		item.binding.run.bytes[0] = (uint8_t)i;
		ck_assert_ptr_nonnull(approvals_add(&table, &item));
	}
	item.binding.run.bytes[1] = 1;
	ck_assert_ptr_null(approvals_add(&table, &item));
	over = approvals_number(&table, 7);
	ck_assert(approval_cancel(over));
	ck_assert_ptr_eq(approvals_add(&table, &item), over);
	ck_assert_ptr_null(approvals_number(&table, 7));
	ck_assert_uint_eq(over->number, APPROVALS_MAX + 1);
}
END_TEST

START_TEST(the_inbox_shows_the_most_important_first_and_then_the_oldest)
{
	struct approval low = { .priority = PRIORITY_LOW, .number = 1 };
	struct approval high = { .priority = PRIORITY_HIGH, .number = 3 }, older = { .priority = PRIORITY_HIGH, .number = 2 };

	ck_assert_int_lt(approval_compare(&high, &low), 0);
	ck_assert_int_gt(approval_compare(&low, &high), 0);
	ck_assert_int_lt(approval_compare(&older, &high), 0);
	ck_assert_int_eq(approval_compare(&low, &low), 0);
}
END_TEST

START_TEST(a_zeroed_item_is_answered_by_nobody)
{
	struct approval nothing = { 0 };
	struct answerer root = { .uid = 0, .role = ROLE_ADMIN, .terminal = true, .code = "" };

	ck_assert_int_eq(approval_may_answer(&nothing, &root), RESULT_DECIDED);
	/* Open, yet forgotten to fill: the caller is then root, and the code is empty. */
	nothing.state = APPROVAL_PENDING;
	nothing.self = nothing.count = 1;
	nothing.binding.expires_ns = NOW + TTL;
	ck_assert_int_eq(answer(&nothing, root, true), RESULT_CODE);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("approvals");
	TCase *all = tcase_create("approvals");

	tcase_set_tags(all, "pure");
	tcase_add_loop_test(all, a_move_is_allowed_when_the_model_lists_it_and_else_refused, 0, (int)COUNT(model));
	tcase_add_loop_test(all, each_verb_in_each_state_does_what_the_table_says_and_nothing_else, 0,
			    APPROVAL_STATE_COUNT * VERB_COUNT);
	tcase_add_loop_test(all, who_may_say_yes_and_who_may_say_no, 0, (int)COUNT(whos));
	tcase_add_test(all, only_those_whom_the_policy_names_answer);
	tcase_add_test(all, two_of_three_are_two_different_people);
	tcase_add_test(all, one_no_ends_it_whatever_was_voted);
	tcase_add_loop_test(all, an_answer_to_something_else_than_what_is_asked_is_none, 0,
			    (int)sizeof(struct approval_binding));
	tcase_add_loop_test(all, a_right_is_good_for_exactly_the_action_that_was_asked_about, 0,
			    (int)sizeof(struct approval_binding));
	tcase_add_test(all, a_right_is_used_as_often_as_it_says);
	tcase_add_test(all, an_answer_behind_the_deadline_is_expired_and_not_rejected);
	tcase_add_test(all, a_right_that_is_not_used_in_time_is_gone);
	tcase_add_test(all, a_claim_keeps_others_away_for_ten_minutes);
	tcase_add_test(all, the_same_question_is_one_item_and_another_is_another);
	tcase_add_test(all, a_refused_action_that_is_tried_again_is_refused_for_a_minute);
	tcase_add_test(all, a_right_that_was_not_used_may_be_asked_for_again);
	tcase_add_test(all, a_run_has_only_so_many_open_questions_and_others_have_theirs);
	tcase_add_test(all, what_is_open_is_never_pushed_out_and_what_is_over_is);
	tcase_add_test(all, the_inbox_shows_the_most_important_first_and_then_the_oldest);
	tcase_add_test(all, a_zeroed_item_is_answered_by_nobody);
	suite_add_tcase(suite, all);
	return suite;
}
