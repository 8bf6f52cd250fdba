/* SPDX-License-Identifier: Apache-2.0 */
/* Which run may be recorded with the protections of the one before it. */
#include "lib/runner.h"
#include "run/foretold.h"

#define IN_FORCE 0x40f1U

static struct plan_head head_of_some_plan(void)
{
	struct plan_head head = { .uid = 1000, .gid = 1001, .owner_uid = 1002, .flags = PLAN_QUIET,
				  .network_mode = NETWORK_NONE };

	head.policy_digest[0] = 7;
	head.sections[PLAN_MOUNTS].count = 40;
	return head;
}

START_TEST(the_second_run_of_a_kind_gets_what_the_first_had)
{
	struct plan_head head = head_of_some_plan();
	struct foretold foretold = { 0 };
	uint32_t in_force = 1;

	foretold_keep(&foretold, &head, IN_FORCE);
	ck_assert(foretold_find(&foretold, &head, &in_force));
	ck_assert_uint_eq(in_force, IN_FORCE);
}
END_TEST

START_TEST(nothing_is_foretold_of_the_first_run)
{
	const struct foretold foretold = { 0 };
	const struct plan_head zeroed = { 0 };
	uint32_t in_force = 1;

	ck_assert(!foretold_find(&foretold, &zeroed, &in_force));
	ck_assert_uint_eq(in_force, 1);
}
END_TEST

static void other_uid(struct plan_head *head) { head->uid++; }
static void other_gid(struct plan_head *head) { head->gid++; }
static void other_owner(struct plan_head *head) { head->owner_uid = 0; }
static void other_flags(struct plan_head *head) { head->flags = 0; }
static void other_network(struct plan_head *head) { head->network_mode = NETWORK_HOST; }
static void other_mounts(struct plan_head *head) { head->sections[PLAN_MOUNTS].count++; }
static void other_policy(struct plan_head *head) { head->policy_digest[31] = 1; }

static void (*const changes[])(struct plan_head *head) = {
	other_uid, other_gid, other_owner, other_flags, other_network, other_mounts, other_policy,
};

START_TEST(nothing_is_foretold_of_a_run_of_another_kind)
{
	struct plan_head head = head_of_some_plan();
	struct foretold foretold = { 0 };
	uint32_t in_force = 1;

	foretold_keep(&foretold, &head, IN_FORCE);
	changes[_i](&head);
	ck_assert_msg(!foretold_find(&foretold, &head, &in_force), "change %d is not seen", _i);
	ck_assert_uint_eq(in_force, 1);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("foretold");
	TCase *tcase = tcase_create("foretold");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, the_second_run_of_a_kind_gets_what_the_first_had);
	tcase_add_test(tcase, nothing_is_foretold_of_the_first_run);
	tcase_add_loop_test(tcase, nothing_is_foretold_of_a_run_of_another_kind, 0, (int)COUNT(changes));
	return suite;
}
