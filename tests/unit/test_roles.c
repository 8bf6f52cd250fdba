/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/runner.h"
#include "run/approvals.h"
#include "run/roles.h"

#define ANN 1001U
#define BEN 1002U
#define G_VIEW 51U
#define G_OPER 52U
#define G_ADMIN 53U

static struct role_map map_of(void)
{
	struct role_map map = { 0 };

	map.of[ROLE_VIEWER].gids[map.of[ROLE_VIEWER].gid_count++] = G_VIEW;
	map.of[ROLE_OPERATOR].gids[map.of[ROLE_OPERATOR].gid_count++] = G_OPER;
	map.of[ROLE_ADMIN].gids[map.of[ROLE_ADMIN].gid_count++] = G_ADMIN;
	map.of[ROLE_OPERATOR].uids[map.of[ROLE_OPERATOR].uid_count++] = BEN;
	return map;
}

static const struct { uid_t uid; gid_t gid, more[2]; enum role want; } rows[] = {
	{ 0, 0, { 9, 9 }, ROLE_ADMIN },          { ANN, 100, { 9, 9 }, ROLE_NONE },
	{ ANN, G_VIEW, { 9, 9 }, ROLE_VIEWER },  { ANN, 100, { 9, G_VIEW }, ROLE_VIEWER },
	{ ANN, G_VIEW, { 9, G_OPER }, ROLE_OPERATOR }, { ANN, G_VIEW, { G_ADMIN, G_OPER }, ROLE_ADMIN },
	{ BEN, 100, { 9, 9 }, ROLE_OPERATOR },   { BEN, 100, { 9, G_VIEW }, ROLE_OPERATOR },
};

START_TEST(a_user_is_the_highest_that_uid_and_groups_give)
{
	struct role_map map = map_of();

	ck_assert_int_eq(role_of(&map, rows[_i].uid, rows[_i].gid, rows[_i].more, 2), rows[_i].want);
}
END_TEST

START_TEST(an_empty_map_knows_root_alone)
{
	struct role_map map = { 0 };
	gid_t zero = 0;

	ck_assert_int_eq(role_of(&map, 0, 0, NULL, 0), ROLE_ADMIN);
	ck_assert_int_eq(role_of(&map, ANN, 0, &zero, 1), ROLE_NONE);
}
END_TEST

/* Who is left to ask: row by row, owner, what is asked, and whether groups are in the map. */
static const struct {
	const char *what;
	uint32_t owner, count;
	bool self, groups;
	enum role role;
	bool want;
} asks[] = {
	{ "a user's run, root answers", ANN, 1, false, false, ROLE_ADMIN, true },
	{ "root's own run, self", 0, 1, true, false, ROLE_OPERATOR, true },
	{ "root's own run, no self: nobody is left", 0, 1, false, false, ROLE_OPERATOR, false },
	{ "root's own run, no self, an admin's: nobody is left", 0, 1, false, false, ROLE_ADMIN, false },
	{ "root's own run, groups may answer", 0, 1, false, true, ROLE_ADMIN, true },
	{ "two votes, one of them the owner's: not counted", ANN, 2, true, false, ROLE_OPERATOR, false },
	{ "two votes, groups", ANN, 2, false, true, ROLE_OPERATOR, true },
};

START_TEST(it_is_known_when_nobody_is_left_to_ask)
{
	struct role_map map = { 0 };
	struct approval approval = { .state = APPROVAL_PENDING, .owner_uid = asks[_i].owner, .run_uid = 61001,
				     .count = asks[_i].count, .self = asks[_i].self, .role = asks[_i].role };

	if (asks[_i].groups)
		map = map_of();
	ck_assert_msg(roles_could_answer(&map, &approval) == asks[_i].want, "%s", asks[_i].what);
}
END_TEST

START_TEST(the_named_are_counted_one_by_one)
{
	struct role_map map = { 0 };
	struct approval approval = { .state = APPROVAL_PENDING, .owner_uid = ANN, .run_uid = ANN, .count = 1,
				     .role = ROLE_OPERATOR, .of_count = 1, .of = { BEN } };

	ck_assert(!roles_could_answer(&map, &approval));
	map.of[ROLE_OPERATOR].uids[map.of[ROLE_OPERATOR].uid_count++] = BEN;
	ck_assert(roles_could_answer(&map, &approval));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("roles");
	TCase *all = tcase_create("roles");

	tcase_set_tags(all, "pure");
	tcase_add_loop_test(all, a_user_is_the_highest_that_uid_and_groups_give, 0, (int)COUNT(rows));
	tcase_add_test(all, an_empty_map_knows_root_alone);
	tcase_add_loop_test(all, it_is_known_when_nobody_is_left_to_ask, 0, (int)COUNT(asks));
	tcase_add_test(all, the_named_are_counted_one_by_one);
	suite_add_tcase(suite, all);
	return suite;
}
