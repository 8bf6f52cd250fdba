/* SPDX-License-Identifier: Apache-2.0 */
/* A decision is made again from its bytes: the same ruling, to the byte; and no secret is among them. */
#include <errno.h>

#include "base/buf.h"
#include "decide/encode.h"
#include "lib/govern_world.h"
#include "lib/runner.h"

#define NOW 10000000000ULL

static struct govern_world *world;
static struct action action;
static struct snapshot snapshot;

static void setup(void)
{
	struct govern_rule *rule;

	world = world_new();
	world_capability(world, "vcs.push", RISK_HIGH, ACT_APPLY);
	world_exec(world, "git push");
	rule = world_rule(world, "clean", VERDICT_ALLOW);
	rule->when = (struct govern_when){ .paths_under = world_words(world, "/w /w/build") };
	rule = world_rule(world, "force", VERDICT_DENY);
	rule->when = (struct govern_when){ .options = world_words(world, "--force") };
	world_environment(world, "prod", ENVIRONMENT_PROD, ON_ASK)->paths = world_words(world, "/srv/prod");
	world_guard(world, "few", GUARD_CRITERIA, POINT_ACTION);
	world_condition(world, FIELD_COUNTERS_ERRORS, COMPARE_LT, NULL, 5 * GOVERN_NUMBER_ONE);
	action = world_exec_action(world, "git push origin main");
	action.paths = world->paths;
	action.path_count = 2;
	world->paths[0] = slice_of("/w/build/x");
	world->paths[1] = slice_of("/w/hunter2");
	snapshot = world_snapshot(world);
	world_field(world, FIELD_COUNTERS_ERRORS, TYPE_NUMBER, -1, NULL);
	world_field(world, FIELD_PLAN_APPROVED_AT, TYPE_TIME, INT64_MAX, NULL);
	world_field(world, FIELD_AGENT_SUSPENDED, TYPE_NULL, 0, NULL);
	snapshot.grant_count = 1;
	snapshot.grants[0] = (struct grant){ .kind = GRANT_WAIVER, .uses = 1, .id = 3, .expires_ns = UINT64_MAX,
					     .rule = slice_of("force") };
}

static void teardown(void)
{
	free(world);
}

static void encode(struct buf *buf)
{
	*buf = buf_growing(1U << 20);
	ck_assert_int_eq(question_encode(world_view(world), &action, &snapshot, NOW, buf), 0);
}

static void is_judged_again(void)
{
	static struct question_record record;
	cleanup_with(buf_finish) struct buf buf = { 0 }, again = buf_growing(1U << 20);
	struct ruling first, second;

	encode(&buf);
	ck_assert_int_eq(question_decode(buf_slice(&buf), action.argv, action.argc, &record), 0);
	judge(world_view(world), &action, &snapshot, NOW, &first);
	judge(world_view(world), &record.action, &record.snapshot, record.now_ns, &second);
	first.rule_id = second.rule_id = (struct slice){ 0 }; /* a pointer; its text is in the others */
	ck_assert_msg(memcmp(&first, &second, sizeof(first)) == 0, "'%s' became '%s'", first.reason, second.reason);
	ck_assert_int_eq(question_encode(world_view(world), &record.action, &record.snapshot, record.now_ns, &again), 0);
	ck_assert(slice_eq(buf_slice(&buf), buf_slice(&again)));
}

START_TEST(a_decision_is_made_again_from_its_bytes)
{
	is_judged_again();
	action.environments = 1;
	snapshot.gates = 0;
	is_judged_again();
	world->paths[0] = slice_of("/srv/prod/db");
	is_judged_again();
	snapshot.answer = ANSWER_EXPIRED;
	snapshot.mode = MODE_PERMISSIVE;
	is_judged_again();
	world_field(world, FIELD_COUNTERS_ERRORS, TYPE_NUMBER, 9 * GOVERN_NUMBER_ONE, NULL);
	is_judged_again();
	snapshot.fields = NULL;
	is_judged_again();
	memset(&snapshot, 0, sizeof(snapshot));
	memset(&action, 0, sizeof(action));
	is_judged_again();
}
END_TEST

START_TEST(what_the_policy_does_not_name_is_not_written)
{
	cleanup_with(buf_finish) struct buf buf = { 0 };

	world->paths[0] = slice_of("/home/ann/s3cr3t-token");
	encode(&buf);
	ck_assert_ptr_null(memmem(buf.data, buf.len, "s3cr3t", 6));
	ck_assert_ptr_null(memmem(buf.data, buf.len, "hunter2", 7));
	ck_assert_ptr_null(memmem(buf.data, buf.len, "origin", 6));
	ck_assert_ptr_nonnull(memmem(buf.data, buf.len, "/w", 2));
}
END_TEST

START_TEST(bytes_that_are_cut_or_longer_are_refused)
{
	static struct question_record record;
	cleanup_with(buf_finish) struct buf buf = { 0 };

	encode(&buf);
	for (size_t len = 0; len < buf.len; len++)
		ck_assert_int_eq(question_decode(slice_new(buf.data, len), action.argv, action.argc, &record), -EINVAL);
	ck_assert_int_eq(question_decode(buf_slice(&buf), action.argv, action.argc - 1, &record), -EINVAL);
	ck_assert_ptr_nonnull(buf_reserve(&buf, 1));
	ck_assert_int_eq(question_decode(buf_slice(&buf), action.argv, action.argc, &record), -EINVAL);
}
END_TEST

START_TEST(what_no_record_holds_is_said_and_leaves_nothing)
{
	static char long_text[QUESTION_TEXT_MAX + 1];
	cleanup_with(buf_finish) struct buf buf = buf_growing(1U << 20);

	memset(long_text, 'x', sizeof(long_text));
	action.exe = slice_new(long_text, QUESTION_TEXT_MAX);
	ck_assert_int_eq(question_encode(world_view(world), &action, &snapshot, NOW, &buf), 0);
	buf.len = 0;
	action.exe.len++;
	ck_assert_int_eq(question_encode(world_view(world), &action, &snapshot, NOW, &buf), -E2BIG);
	ck_assert_uint_eq(buf.len, 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("encode");
	TCase *again = tcase_create("again");

	tcase_add_checked_fixture(again, setup, teardown);
	tcase_add_test(again, a_decision_is_made_again_from_its_bytes);
	tcase_add_test(again, what_the_policy_does_not_name_is_not_written);
	tcase_add_test(again, bytes_that_are_cut_or_longer_are_refused);
	tcase_add_test(again, what_no_record_holds_is_said_and_leaves_nothing);
	tcase_set_tags(again, "pure");
	suite_add_tcase(suite, again);
	return suite;
}
