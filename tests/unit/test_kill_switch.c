/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "lib/runner.h"
#include "run/kill_switch.h"

static struct kill_switch table;

static struct kill_entry entry_of(enum kill_scope scope, const char *agent, uint8_t run)
{
	struct kill_entry entry = { .target.scope = scope, .uid = 7 };

	IGNORE(snprintf(entry.target.agent, sizeof(entry.target.agent), "%s", agent) < 0);
	entry.target.run.bytes[15] = run;
	return entry;
}

static const struct kill_target *target_of(enum kill_scope scope, const char *agent, uint8_t run)
{
	static struct kill_entry entry;

	entry = entry_of(scope, agent, run);
	return &entry.target;
}

static bool trip(enum kill_scope scope, const char *agent, uint8_t run)
{
	struct kill_entry entry = entry_of(scope, agent, run);

	return kill_switch_trip(&table, &entry);
}

static bool reset(enum kill_scope scope, const char *agent, uint8_t run)
{
	struct kill_entry entry = entry_of(scope, agent, run);

	return kill_switch_reset(&table, &entry.target);
}

static bool covers(const char *agent, uint8_t run)
{
	struct ulid id = { .bytes[15] = run };

	return kill_switch_covers(&table, agent, run ? &id : NULL) != NULL;
}

START_TEST(an_armed_one_covers_nothing)
{
	ck_assert(!covers("a", 1) && !covers("", 0));
	ck_assert(!reset(KILL_ALL, "", 0));
}
END_TEST

static const struct { enum kill_scope scope; const char *agent; uint8_t run; bool a1, a2, b1, a0; } scopes[] = {
	{ KILL_ALL, "", 0, true, true, true, true },
	{ KILL_AGENT, "a", 0, true, true, false, true },
	{ KILL_RUN, "", 1, true, false, true, false },
};

START_TEST(a_tripped_one_covers_its_scope_and_nothing_else)
{
	ck_assert(trip(scopes[_i].scope, scopes[_i].agent, scopes[_i].run));
	ck_assert_int_eq(covers("a", 1), scopes[_i].a1);
	ck_assert_int_eq(covers("a", 2), scopes[_i].a2);
	ck_assert_int_eq(covers("b", 1), scopes[_i].b1);
	/* A start has no id yet. */
	ck_assert_int_eq(covers("a", 0), scopes[_i].a0);
	ck_assert(!trip(scopes[_i].scope, scopes[_i].agent, scopes[_i].run));
	ck_assert(reset(scopes[_i].scope, scopes[_i].agent, scopes[_i].run));
	ck_assert(!covers("a", 1) && !covers("a", 2) && !covers("b", 1));
	ck_assert(!reset(scopes[_i].scope, scopes[_i].agent, scopes[_i].run));
}
END_TEST

START_TEST(a_reset_of_one_leaves_the_others_and_a_reset_of_all_none)
{
	ck_assert(trip(KILL_AGENT, "a", 0) && trip(KILL_RUN, "", 1) && trip(KILL_AGENT, "b", 0));
	ck_assert(reset(KILL_AGENT, "a", 0));
	ck_assert(!covers("a", 2) && covers("a", 1) && covers("b", 2));
	ck_assert(reset(KILL_ALL, "", 0));
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(too_many_stop_everything)
{
	for (unsigned int i = 1; i <= KILL_SWITCHES_MAX; i++)
		ck_assert(trip(KILL_RUN, "", (uint8_t)i));
	ck_assert(!covers("a", 200));
	ck_assert(trip(KILL_RUN, "", 100));
	ck_assert(covers("a", 200));
}
END_TEST

START_TEST(a_target_that_says_two_things_or_none_is_none)
{
	ck_assert(kill_target_is_valid(target_of(KILL_ALL, "", 0)));
	ck_assert(kill_target_is_valid(target_of(KILL_AGENT, "a", 0)));
	ck_assert(kill_target_is_valid(target_of(KILL_RUN, "", 1)));
	ck_assert(!kill_target_is_valid(target_of(KILL_NONE, "", 0)));
	ck_assert(!kill_target_is_valid(target_of(KILL_SCOPE_COUNT, "", 0)));
	ck_assert(!kill_target_is_valid(target_of(KILL_ALL, "a", 0)));
	ck_assert(!kill_target_is_valid(target_of(KILL_ALL, "", 1)));
	ck_assert(!kill_target_is_valid(target_of(KILL_AGENT, "", 0)));
	ck_assert(!kill_target_is_valid(target_of(KILL_AGENT, "a", 1)));
	ck_assert(!kill_target_is_valid(target_of(KILL_RUN, "", 0)));
	ck_assert(!kill_target_is_valid(target_of(KILL_RUN, "a", 1)));
}
END_TEST

START_TEST(what_was_kept_is_taken_back_only_when_it_is_whole)
{
	ck_assert(trip(KILL_AGENT, "a", 0));
	ck_assert(kill_switch_is_valid(&table));
	memset(table.entries[0].target.agent, 'x', KILL_AGENT_MAX);
	ck_assert(!kill_switch_is_valid(&table));
	table = (struct kill_switch){ .count = KILL_SWITCHES_MAX + 1 };
	ck_assert(!kill_switch_is_valid(&table));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("kill_switch");
	TCase *all = tcase_create("kill_switch");

	tcase_set_tags(all, "pure");
	tcase_add_test(all, an_armed_one_covers_nothing);
	tcase_add_loop_test(all, a_tripped_one_covers_its_scope_and_nothing_else, 0, (int)COUNT(scopes));
	tcase_add_test(all, a_reset_of_one_leaves_the_others_and_a_reset_of_all_none);
	tcase_add_test(all, too_many_stop_everything);
	tcase_add_test(all, a_target_that_says_two_things_or_none_is_none);
	tcase_add_test(all, what_was_kept_is_taken_back_only_when_it_is_whole);
	suite_add_tcase(suite, all);
	return suite;
}
