/* SPDX-License-Identifier: Apache-2.0 */
/* The order of evaluation, one promise each. That every combination is as the behaviour model says is what
 * tests/policy/reference proves; here is what a person looks for. */
#include "lib/govern_world.h"
#include "lib/runner.h"

#define NOW 10000000000ULL

static struct govern_world *world;
static struct action action;
static struct snapshot snapshot;
static struct ruling ruling;
static uint16_t push;        /* HIGH, apply */

static void setup(void)
{
	world = world_new();
	push = world_capability(world, "vcs.push", RISK_HIGH, ACT_APPLY);
	world_exec(world, "git push");
	action = world_exec_action(world, "git push origin main");
	snapshot = world_snapshot(world);
}

static void teardown(void)
{
	free(world);
}

static const struct ruling *ask(void)
{
	judge(world_view(world), &action, &snapshot, NOW, &ruling);
	return &ruling;
}

static void gives(enum verdict verdict, enum blocked_by blocked_by, const char *rule)
{
	ask();
	ck_assert_msg(ruling.verdict == verdict && ruling.blocked_by == blocked_by && slice_is(ruling.rule_id, rule),
		      "verdict %u, blocked by %s, rule %.*s: %s", ruling.verdict, blocked_name(ruling.blocked_by),
		      (int)ruling.rule_id.len, ruling.rule_id.data, ruling.reason);
	ck_assert_msg(ruling.reason[0], "no reason");
	if (verdict != VERDICT_ALLOW)
		ck_assert_msg(ruling.remedy[0] && ruling.remedy_agent[0], "no remedy");
}

static struct govern_rule *allow_all(void)
{
	struct govern_rule *rule = world_rule(world, "all", VERDICT_ALLOW);

	rule->accepts = 1 + RISK_CRITICAL;
	return rule;
}

static void put_grant(enum grant_kind kind, const char *rule)
{
	snapshot.grants[snapshot.grant_count++] = (struct grant){
		.kind = (uint8_t)kind, .max_risk = RISK_HIGH, .uses = 1, .id = 7, .expires_ns = NOW + 1,
		.rule = slice_of(rule),
	};
	if (kind != GRANT_WAIVER)
		memcpy(snapshot.grants[snapshot.grant_count - 1].digest, action.digest, sizeof(action.digest));
}

START_TEST(zeros_are_denied)
{
	struct govern_view none = { 0 };

	judge(&none, &(struct action){ 0 }, &(struct snapshot){ 0 }, 0, &ruling);
	ck_assert_uint_eq(ruling.verdict, VERDICT_DENY);
	ck_assert_uint_eq(ruling.blocked_by, BLOCKED_INTERNAL);
	judge_point(&none, 0, 0, &(struct action){ 0 }, &(struct snapshot){ 0 }, 0, &ruling);
	ck_assert_uint_eq(ruling.verdict, VERDICT_DENY);
	ck_assert_uint_eq((struct ruling){ 0 }.verdict, VERDICT_DENY);
	allow_all();
	world->govern.settings.gated = 0;
	gives(VERDICT_DENY, BLOCKED_INTERNAL, "internal");
}
END_TEST

START_TEST(numbers_that_are_none_of_their_enum_are_denied)
{
	allow_all();
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
#define BROKEN(member, value) do { \
		__typeof__(member) kept = member; \
		member = value; \
		gives(VERDICT_DENY, BLOCKED_INTERNAL, "internal"); \
		member = kept; \
	} while (0)
	BROKEN(snapshot.tier, 5);
	BROKEN(snapshot.phase, PHASE_COUNT);
	BROKEN(snapshot.mode, 3);
	BROKEN(snapshot.grant_count, JUDGE_GRANTS_MAX + 1);
	BROKEN(snapshot.answer, 4);
	BROKEN(action.kind, ACTION_TRANSITION + 1);
	BROKEN(action.kind, ACTION_NONE);
#undef BROKEN
}
END_TEST

START_TEST(without_a_rule_an_action_is_denied)
{
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "default");
	action = world_exec_action(world, "ls");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "default");
}
END_TEST

START_TEST(the_strictest_rule_wins_and_all_are_listed)
{
	allow_all();
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	world_rule(world, "ask", VERDICT_ASK);
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "ask");
	world_rule(world, "never", VERDICT_DENY)->reason = world_text(world, "Use a plan.");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "never");
	ck_assert_uint_eq(ruling.rules[0], 7);
	ck_assert_ptr_nonnull(strstr(ruling.reason, "Use a plan."));
	ck_assert_ptr_nonnull(strstr(ruling.remedy, "bailiff waive RUN never"));
	ck_assert_ptr_nonnull(strstr(ruling.remedy_agent, "Do not try again"));
}
END_TEST

START_TEST(high_risk_is_never_allowed_in_silence)
{
	struct govern_rule *rule = world_rule(world, "work", VERDICT_ALLOW);

	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "work");
	ck_assert_uint_eq(ruling.step, STEP_RISK);
	rule->accepts = 1 + RISK_MEDIUM;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "work");
	rule->accepts = 1 + RISK_HIGH;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "work");
}
END_TEST

START_TEST(unless_takes_a_rule_out)
{
	struct govern_rule *clean = world_rule(world, "clean", VERDICT_ALLOW), *risky;

	clean->accepts = 1 + RISK_HIGH;
	clean->when = (struct govern_when){ .paths_under = world_words(world, "/w/build /tmp") };
	risky = world_rule(world, "risky", VERDICT_ASK);
	risky->unless[0] = 1;
	action.paths = world->paths;
	action.path_count = 2;
	world->paths[0] = slice_of("/w/build/x");
	world->paths[1] = slice_of("/tmp");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "clean");
	world->paths[1] = slice_of("/w/builder");
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "risky");
	action.path_count = 0;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "risky");
}
END_TEST

START_TEST(a_deny_rule_by_path_or_option_needs_only_one)
{
	struct govern_rule *rule;

	allow_all();
	rule = world_rule(world, "srv", VERDICT_DENY);
	rule->when = (struct govern_when){ .paths_under = world_words(world, "/srv") };
	rule = world_rule(world, "force", VERDICT_DENY);
	rule->when = (struct govern_when){ .options = world_words(world, "--force -f") };
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	action.paths = world->paths;
	action.path_count = 2;
	world->paths[0] = slice_of("/w");
	world->paths[1] = slice_of("/srv/x");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "srv");
	action = world_exec_action(world, "git push -f");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "force");
	action = world_exec_action(world, "git push -- -f");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
}
END_TEST

static const struct gate_row {
	uint32_t gate;
	enum blocked_by blocked_by;
	enum violation_type violation;
	const char *rule;
} gate_rows[] = {
	{ GATE_KILL_SWITCH, BLOCKED_KILL_SWITCH, VIOLATION_NONE, "gate.kill_switch" },
	{ GATE_NOT_RUNNING, BLOCKED_PHASE, VIOLATION_NONE, "gate.status" },
	{ GATE_LEASE, BLOCKED_LEASE, LOCK_EXPIRED, "gate.lease" },
	{ GATE_BREAKER, BLOCKED_BREAKER, VIOLATION_NONE, "gate.breaker" },
	{ GATE_BUDGET, BLOCKED_BUDGET, ERROR_BUDGET_EXCEEDED, "gate.budget" },
	{ GATE_HEALTH, BLOCKED_HEALTH, VIOLATION_NONE, "gate.health" },
	{ GATE_SELF, BLOCKED_POLICY_DENY, VIOLATION_NONE, "invariant" },
};

START_TEST(a_gate_stops_everything_in_every_mode)
{
	const struct gate_row *row = &gate_rows[_i];

	allow_all();
	world->govern.settings.budget.on_exceed = ON_VIOLATE;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	snapshot.gates = row->gate;
	gives(VERDICT_DENY, row->blocked_by, row->rule);
	ck_assert_uint_eq(ruling.violation, row->violation);
	put_grant(GRANT_APPROVAL, "");
	put_grant(GRANT_WAIVER, row->rule);
	snapshot.mode = MODE_PERMISSIVE;
	gives(VERDICT_DENY, row->blocked_by, row->rule);
}
END_TEST

START_TEST(a_phase_that_binds_stops_its_classes)
{
	allow_all();
	snapshot.phase = PHASE_PLAN;
	world->govern.settings.phases_enforce = PHASES_AUTO;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	snapshot.phase_reported = true;
	gives(VERDICT_DENY, BLOCKED_PHASE, "phases.PLAN");
	ck_assert_uint_eq(ruling.violation, PROCEDURE_VIOLATION);
	snapshot.mode = MODE_PERMISSIVE;
	gives(VERDICT_ALLOW, BLOCKED_PHASE, "phases.PLAN");
	ck_assert_uint_eq(ruling.violation, VIOLATION_NONE);
	ck_assert_uint_eq(ruling.would_raise, PROCEDURE_VIOLATION);
	ck_assert_uint_eq(ruling.would, VERDICT_DENY);
	snapshot.mode = MODE_ENFORCE;
	action = world_exec_action(world, "ls");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	snapshot.phase_reported = false;
	snapshot.phase = PHASE_EXIT;
	world->govern.settings.phases_enforce = PHASES_STRICT;
	gives(VERDICT_DENY, BLOCKED_PHASE, "phases.EXIT");
}
END_TEST

START_TEST(a_tier_is_a_ceiling)
{
	allow_all();
	snapshot.mode = MODE_PERMISSIVE;
	snapshot.tier = 1;
	gives(VERDICT_DENY, BLOCKED_TIER, "tier.T1");
	snapshot.tier = 2;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	snapshot.plan_status = PLAN_APPROVED;
	snapshot.plan_cover = COVER_BOUND;
	world->govern.capabilities[push].plan_need = PLAN_BOUND;
	gives(VERDICT_DENY, BLOCKED_TIER, "tier.T2");
	snapshot.tier = 3;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
}
END_TEST

START_TEST(an_environment_is_for_its_tier_and_its_owners)
{
	struct govern_environment *prod = world_environment(world, "prod", ENVIRONMENT_PROD, ON_VIOLATE);
	struct govern_environment *pool = world_environment(world, "pool", ENVIRONMENT_POOL, ON_ASK);

	allow_all();
	pool->owners = world_words(world, "agent:ci-*");
	action.environments = 1;
	gives(VERDICT_DENY, BLOCKED_TIER, "prod");
	ck_assert_uint_eq(ruling.violation, UNAUTHORIZED_PROD);
	snapshot.tier = 3;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	action.environments = 2;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "pool");
	snapshot.mode = MODE_PERMISSIVE;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "pool");
	snapshot.mode = MODE_ENFORCE;
	action.principal = slice_of("agent:ci-1");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	prod->on = ON_DENY;
	prod->min_tier = 4;
	action.environments = 3;
	gives(VERDICT_DENY, BLOCKED_TIER, "prod");
	ck_assert_uint_eq(ruling.violation, VIOLATION_NONE);
}
END_TEST

START_TEST(apply_needs_its_plan)
{
	allow_all();
	snapshot.tier = 3;
	world->govern.capabilities[push].plan_need = PLAN_REQUIRED;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "plan");
	ck_assert_uint_eq(ruling.violation, APPLY_WITHOUT_PLAN);
	snapshot.plan_cover = COVER_ARGV;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "plan");
	snapshot.plan_status = PLAN_APPROVED;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	world->govern.capabilities[push].plan_need = PLAN_BOUND;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "plan");
	snapshot.plan_cover = COVER_INPUTS_DIFFER;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "plan");
	snapshot.plan_cover = COVER_BOUND;
	snapshot.plan_status = PLAN_EXPIRED;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "plan");
	snapshot.plan_status = PLAN_ACTIVE;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	snapshot.plan_status = PLAN_NONE;
	put_grant(GRANT_WAIVER, "plan");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	ck_assert_uint_eq(ruling.waiver, 7);
}
END_TEST

START_TEST(run_needs_its_check)
{
	uint16_t run = world_capability(world, "config.run", RISK_HIGH, ACT_RUN);

	world_exec(world, "ansible-playbook");
	world->govern.capabilities[run].check = push;
	world->govern.capabilities[run].check_ttl_ns = 100;
	allow_all();
	action = world_exec_action(world, "ansible-playbook x.yml");
	for (enum check_state check = CHECK_MISSING; check < CHECK_OK; check++) {
		snapshot.check = check;
		gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "check");
		ck_assert_uint_eq(ruling.violation, RUN_WITHOUT_CHECK);
	}
	snapshot.check = CHECK_OK;
	snapshot.check_age_ns = 100;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	snapshot.check_age_ns = 101;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "check");
	world->govern.capabilities[run].check = GOVERN_NONE;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
}
END_TEST

START_TEST(a_question_is_answered_by_an_identical_grant_alone)
{
	world_rule(world, "ask", VERDICT_ASK);
	put_grant(GRANT_APPROVAL, "");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "ask");
	ck_assert_uint_eq(ruling.grant, 7);
	ck_assert_uint_eq(ruling.step, STEP_GRANT);
	snapshot.grants[0].digest[31] ^= 1;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "ask");
	snapshot.grants[0].digest[31] ^= 1;
	snapshot.grants[0].uses = 0;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "ask");
	snapshot.grants[0].uses = 1;
	snapshot.grants[0].expires_ns = NOW;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "ask");
	snapshot.grants[0].expires_ns = NOW + 1;
	memset(action.digest, 0, sizeof(action.digest));
	memset(snapshot.grants[0].digest, 0, sizeof(action.digest));
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "ask");
}
END_TEST

START_TEST(a_plan_step_is_no_grant_for_critical_work)
{
	world_rule(world, "ask", VERDICT_ASK);
	put_grant(GRANT_PLAN_STEP, "");
	snapshot.grants[0].max_risk = RISK_CRITICAL;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "ask");
	world->govern.capabilities[push].risk = RISK_CRITICAL;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "ask");
}
END_TEST

START_TEST(a_grant_never_lifts_a_denial)
{
	world_rule(world, "never", VERDICT_DENY);
	put_grant(GRANT_APPROVAL, "");
	put_grant(GRANT_PLAN_STEP, "");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "never");
	ck_assert_uint_eq(ruling.grant, 0);
}
END_TEST

START_TEST(what_became_of_the_question_is_told)
{
	world_rule(world, "ask", VERDICT_ASK);
	snapshot.answer = ANSWER_REJECTED;
	gives(VERDICT_DENY, BLOCKED_APPROVAL_REJECTED, "ask");
	snapshot.answer = ANSWER_EXPIRED;
	gives(VERDICT_DENY, BLOCKED_APPROVAL_EXPIRED, "ask");
	snapshot.answer = ANSWER_NOBODY;
	gives(VERDICT_DENY, BLOCKED_APPROVAL_REQUIRED, "ask");
	ck_assert_ptr_nonnull(strstr(ruling.reason, "nobody"));
	put_grant(GRANT_APPROVAL, "");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "ask");
}
END_TEST

START_TEST(a_waiver_takes_out_what_it_names_and_no_more)
{
	allow_all();
	world_rule(world, "never", VERDICT_DENY);
	put_grant(GRANT_WAIVER, "other");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "never");
	ck_assert_uint_eq(ruling.waiver, 0);
	put_grant(GRANT_WAIVER, "never");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	ck_assert_uint_eq(ruling.waiver, 7);
	world_rule(world, "nor this", VERDICT_DENY);
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "never");
	ck_assert_uint_eq(ruling.waiver, 0);
	world->govern.rules_count--;
	snapshot.grants[1].uses = 0;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "never");
}
END_TEST

START_TEST(a_guard_that_does_not_hold_denies)
{
	struct govern_guard *guard = world_guard(world, "planned", GUARD_CRITERIA, POINT_ACTION);

	world_condition(world, FIELD_PLAN_STATUS, COMPARE_EQ, "APPROVED", 0);
	allow_all();
	gives(VERDICT_DENY, BLOCKED_GUARD_DENY, "planned");
	ck_assert_uint_eq(ruling.guards_false[0], 1);
	ck_assert_uint_eq(ruling.violation, VIOLATION_NONE);
	guard->on_fail = FAIL_VIOLATE;
	gives(VERDICT_DENY, BLOCKED_GUARD_DENY, "planned");
	ck_assert_uint_eq(ruling.violation, PROCEDURE_VIOLATION);
	snapshot.plan_status = PLAN_APPROVED;
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	ck_assert_uint_eq(ruling.guards[0], 1);
}
END_TEST

START_TEST(the_guards_of_other_points_are_not_asked)
{
	struct govern_guard *guard = world_guard(world, "never", GUARD_CRITERIA, POINT_PHASE_ENTER);

	world_condition(world, FIELD_RUN_TASK, COMPARE_EQ, "x", 0);
	guard->phase = PHASE_EXECUTE;
	allow_all();
	gives(VERDICT_ALLOW, BLOCKED_NOT, "all");
	judge_point(world_view(world), POINT_PHASE_ENTER, PHASE_VERIFY, &action, &snapshot, NOW, &ruling);
	ck_assert_uint_eq(ruling.verdict, VERDICT_ALLOW);
	judge_point(world_view(world), POINT_PHASE_ENTER, PHASE_EXECUTE, &action, &snapshot, NOW, &ruling);
	ck_assert_uint_eq(ruling.verdict, VERDICT_DENY);
	world->govern.settings.phases[PHASE_PLAN].exit_guard = 0;
	judge_point(world_view(world), POINT_PHASE_EXIT, PHASE_PLAN, &action, &snapshot, NOW, &ruling);
	ck_assert_uint_eq(ruling.blocked_by, BLOCKED_GUARD_DENY);
}
END_TEST

START_TEST(a_high_risk_transition_needs_an_approval)
{
	action = (struct action){ .kind = ACTION_TRANSITION, .transition = 5 };
	memset(action.digest, 1, sizeof(action.digest));
	gives(VERDICT_ALLOW, BLOCKED_NOT, "high_risk_transitions");
	world->govern.settings.high_risk_transitions = 1U << 5;
	snapshot.mode = MODE_PERMISSIVE;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "high_risk_transitions");
	put_grant(GRANT_APPROVAL, "");
	gives(VERDICT_ALLOW, BLOCKED_NOT, "high_risk_transitions");
	action.transition = 8;
	snapshot.grant_count = 0;
	gives(VERDICT_ASK, BLOCKED_APPROVAL_REQUIRED, "high_risk_transitions");
}
END_TEST

START_TEST(a_frozen_capability_is_denied)
{
	allow_all();
	world->govern.capabilities[push].state = CAPABILITY_FROZEN;
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "vcs.push");
	put_grant(GRANT_WAIVER, "vcs.push");
	gives(VERDICT_DENY, BLOCKED_POLICY_DENY, "vcs.push");
}
END_TEST

START_TEST(the_fifth_identical_denial_says_so)
{
	for (uint32_t before = 0; before < 6; before++) {
		snapshot.same_denied = before;
		ck_assert_msg(ask()->loop == (before >= 4), "after %u", before);
	}
	allow_all();
	ck_assert(!ask()->loop);
}
END_TEST

START_TEST(a_question_changes_nothing_and_is_answered_twice_alike)
{
	auto_free struct govern_world *kept = malloc(sizeof(*kept));
	struct action action_kept;
	struct snapshot snapshot_kept;
	struct ruling first;

	world_guard(world, "who", GUARD_PASS_THRU, POINT_ACTION);
	world_rule(world, "ask", VERDICT_ASK)->when = (struct govern_when){ .options = world_words(world, "-f") };
	allow_all();
	put_grant(GRANT_WAIVER, "ask");
	IGNORE(world_view(world) == NULL); /* it fills world->view, which is compared, too */
	memcpy(kept, world, sizeof(*kept));
	memcpy(&action_kept, &action, sizeof(action));
	memcpy(&snapshot_kept, &snapshot, sizeof(snapshot));
	memset(&ruling, 0xaa, sizeof(ruling));
	judge(&world->view, &action, &snapshot, NOW, &ruling);
	memcpy(&first, &ruling, sizeof(first));
	memset(&ruling, 0x55, sizeof(ruling));
	judge(&world->view, &action, &snapshot, NOW, &ruling);
	ck_assert(memcmp(&first, &ruling, sizeof(first)) == 0);
	ck_assert(memcmp(kept, world, sizeof(*kept)) == 0);
	ck_assert(memcmp(&action_kept, &action, sizeof(action)) == 0);
	ck_assert(memcmp(&snapshot_kept, &snapshot, sizeof(snapshot)) == 0);
}
END_TEST

Suite *suite_make(void)
{
	const TTest *const tests[] = {
		zeros_are_denied, numbers_that_are_none_of_their_enum_are_denied,
		without_a_rule_an_action_is_denied, the_strictest_rule_wins_and_all_are_listed,
		high_risk_is_never_allowed_in_silence, unless_takes_a_rule_out,
		a_deny_rule_by_path_or_option_needs_only_one, a_phase_that_binds_stops_its_classes,
		a_tier_is_a_ceiling, an_environment_is_for_its_tier_and_its_owners, apply_needs_its_plan,
		run_needs_its_check, a_question_is_answered_by_an_identical_grant_alone,
		a_plan_step_is_no_grant_for_critical_work, a_grant_never_lifts_a_denial,
		what_became_of_the_question_is_told, a_waiver_takes_out_what_it_names_and_no_more,
		a_guard_that_does_not_hold_denies, the_guards_of_other_points_are_not_asked,
		a_high_risk_transition_needs_an_approval, a_frozen_capability_is_denied,
		the_fifth_identical_denial_says_so, a_question_changes_nothing_and_is_answered_twice_alike,
	};
	Suite *suite = suite_create("judge");
	TCase *order = tcase_create("order");

	tcase_add_checked_fixture(order, setup, teardown);
	tcase_add_loop_test(order, a_gate_stops_everything_in_every_mode, 0, (int)COUNT(gate_rows));
	for (size_t i = 0; i < COUNT(tests); i++)
		tcase_add_test(order, tests[i]);
	tcase_set_tags(order, "pure");
	suite_add_tcase(suite, order);
	return suite;
}
