/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cli/agent.h"
#include "lib/runner.h"
#include "run/agent.h"
#include "run/inbox.h"

#define S 1000000000ULL

static struct agent_request request_of(enum agent_verb verb)
{
	return (struct agent_request){ .version = AGENT_VERSION, .verb = verb };
}

START_TEST(a_request_has_its_size_version_and_known_fields)
{
	struct agent_request good = request_of(AGENT_HEARTBEAT), bad;

	ck_assert_int_eq(agent_request_check(&good, sizeof(good), 0), 0);
	ck_assert_int_eq(agent_request_check(&good, sizeof(good) - 1, 0), -EPROTO);
	ck_assert_int_eq(agent_request_check(&good, 0, 0), -EPROTO);
	ck_assert_int_eq(agent_request_check(&good, sizeof(good), 1), -EINVAL);
	bad = good;
	bad.version++;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), -EPROTO);
	bad = good;
	bad.reserved = 1;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), -EINVAL);
	bad = good;
	bad.flags = AGENT_WAIT;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), -EINVAL);
	bad = good;
	bad.text_len = 1;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), -EINVAL);
	bad = good;
	bad.id = 1;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), -EINVAL);
	bad = request_of(AGENT_STATUS);
	bad.text_len = AGENT_TEXT_MAX + 1;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), -EINVAL);
	bad.text_len = AGENT_TEXT_MAX;
	ck_assert_int_eq(agent_request_check(&bad, sizeof(bad), 0), 0);
}
END_TEST

START_TEST(a_verb_that_does_not_exist_is_refused)
{
	static const uint32_t verbs[] = { AGENT_NONE, AGENT_VERB_COUNT, 4711, UINT32_MAX };
	struct agent_request request = { .version = AGENT_VERSION, .verb = verbs[_i] };

	ck_assert_int_eq(agent_request_check(&request, sizeof(request), 0), -EINVAL);
}
END_TEST

START_TEST(a_run_may_ask_two_hundred_times_at_once_and_a_hundred_a_second)
{
	uint64_t owed = 0, wait = 0, now = 1000 * S;
	unsigned int paid = 0;

	while (agent_pay(&owed, now, &wait))
		paid++;
	ck_assert_uint_eq(paid, AGENT_BURST);
	ck_assert_uint_eq(wait, S / AGENT_RATE);
	ck_assert(!agent_pay(&owed, now + wait - 1, &wait));
	for (paid = 0; agent_pay(&owed, now + S, &wait);)
		paid++;
	ck_assert_uint_eq(paid, AGENT_RATE);
	for (paid = 0; agent_pay(&owed, now + 3600 * S, &wait);)
		paid++;
	ck_assert_uint_eq(paid, AGENT_BURST);
}
END_TEST

START_TEST(letters_are_read_in_their_order_until_they_are_acknowledged)
{
	struct inbox inbox = { 0 };
	const struct letter *letter;

	ck_assert_int_eq(inbox_put(&inbox, LETTER_MESSAGE, "user:ann", slice_of("one"), 0, S), 1);
	ck_assert_int_eq(inbox_put(&inbox, LETTER_CLARIFIED_PLAN, "user:bob", slice_of("two"), 120 * S, S), 2);
	ck_assert_uint_eq(inbox_open(&inbox), 2);
	ck_assert_uint_eq(inbox_deadline(&inbox), 121 * S);
	letter = inbox_next(&inbox, 0);
	ck_assert_uint_eq(letter->id, 1);
	ck_assert(slice_is(slice_new(letter->text, letter->len), "one"));
	ck_assert_uint_eq(inbox_next(&inbox, 1)->id, 2);
	ck_assert_ptr_null(inbox_next(&inbox, 2));
	ck_assert_uint_eq(inbox_ack(&inbox, 2)->id, 2);
	ck_assert_ptr_null(inbox_ack(&inbox, 2));
	ck_assert_ptr_null(inbox_ack(&inbox, 3));
	ck_assert_ptr_null(inbox_ack(&inbox, 0));
	ck_assert_uint_eq(inbox_deadline(&inbox), INBOX_NEVER);
	inbox_finish(&inbox);
}
END_TEST

START_TEST(an_inbox_is_bounded_and_what_was_acknowledged_makes_room)
{
	static char long_text[LETTER_TEXT_MAX + 1];
	struct inbox inbox = { 0 };

	for (unsigned int i = 0; i < LETTERS_MAX; i++)
		ck_assert_int_eq(inbox_put(&inbox, LETTER_MESSAGE, "x", slice_of("t"), 0, 0), i + 1);
	ck_assert_int_eq(inbox_put(&inbox, LETTER_MESSAGE, "x", slice_of("t"), 0, 0), -ENOSPC);
	ck_assert_ptr_nonnull(inbox_ack(&inbox, 5));
	ck_assert_int_eq(inbox_put(&inbox, LETTER_MESSAGE, "x", slice_of("t"), 0, 0), LETTERS_MAX + 1);
	ck_assert_int_eq(inbox_put(&inbox, LETTER_MESSAGE, "x", slice_new(long_text, sizeof(long_text)), 0, 0), -E2BIG);
	inbox_finish(&inbox);
}
END_TEST

static const struct number_row { const char *text; int want; int64_t value; } numbers[] = {
	{ "0", 0, 0 }, { "1", 0, 1000000 }, { "0.42", 0, 420000 }, { "0.000001", 0, 1 }, { "1.0", 0, 1000000 },
	{ "1.000001", -EINVAL, 0 }, { "2", -EINVAL, 0 }, { "-0.5", -EINVAL, 0 }, { ".5", -EINVAL, 0 }, { "0.", -EINVAL, 0 },
	{ "", -EINVAL, 0 }, { "0.5x", -EINVAL, 0 }, { "0.0000001", -EINVAL, 0 }, { "1e3", -EINVAL, 0 }, { "nan", -EINVAL, 0 },
};

START_TEST(a_confidence_is_a_whole_number_of_millionths_or_nothing)
{
	const struct number_row *row = &numbers[_i];
	int64_t value = 4711;

	ck_assert_msg(agent_confidence_parse(row->text, &value) == row->want, "'%s'", row->text);
	ck_assert_msg(value == (row->want == 0 ? row->value : 4711), "'%s' gave %lld", row->text, (long long)value);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("agent");
	TCase *wire = tcase_create("requests"), *letters = tcase_create("letters"), *words = tcase_create("words");

	tcase_add_test(wire, a_request_has_its_size_version_and_known_fields);
	tcase_add_loop_test(wire, a_verb_that_does_not_exist_is_refused, 0, 4);
	tcase_add_test(wire, a_run_may_ask_two_hundred_times_at_once_and_a_hundred_a_second);
	tcase_add_test(letters, letters_are_read_in_their_order_until_they_are_acknowledged);
	tcase_add_test(letters, an_inbox_is_bounded_and_what_was_acknowledged_makes_room);
	tcase_add_loop_test(words, a_confidence_is_a_whole_number_of_millionths_or_nothing, 0, (int)COUNT(numbers));
	tcase_set_tags(wire, "pure");
	tcase_set_tags(letters, "pure");
	tcase_set_tags(words, "pure");
	suite_add_tcase(suite, wire);
	suite_add_tcase(suite, letters);
	suite_add_tcase(suite, words);
	return suite;
}
