/* SPDX-License-Identifier: Apache-2.0 */
/* The image of a policy's tables: what is written is read again, what is broken anywhere is refused. */
#include <errno.h>

#include "base/buf.h"
#include "base/error.h"
#include "lib/govern_world.h"
#include "lib/runner.h"

static struct govern_world *world;

/* One of everything. */
static void setup(void)
{
	struct govern_guard *guard;
	struct govern_rule *rule;

	world = world_new();
	world_capability(world, "vcs.push", RISK_HIGH, ACT_APPLY);
	world_exec(world, "git push --force|-f");
	world->govern.capabilities[3].takes_value = world_words(world, "-C");
	world->govern.capabilities[3].captures = (struct govern_list){ 0, 1 };
	world->govern.captures[world->govern.captures_count++] = (struct govern_capture){
		.name = world_text(world, "sha"), .argv = world_words(world, "git rev-parse HEAD"),
	};
	rule = world_rule(world, "clean", VERDICT_ALLOW);
	rule_capability(rule, 3);
	rule->accepts = 1 + RISK_HIGH;
	rule = world_rule(world, "ask", VERDICT_ASK);
	rule->unless[0] = 1;
	rule->when = (struct govern_when){ .risks = 1U << RISK_HIGH, .principals = world_words(world, "agent:*") };
	rule = world_rule(world, "never", VERDICT_DENY);
	rule->on = ON_VIOLATE;
	rule->reason = world_text(world, "no");
	world_environment(world, "prod", ENVIRONMENT_PROD, ON_VIOLATE)->nets = world_words(world, "10.0.0.0/8");
	rule->when.environments = 1;
	world_guard(world, "who", GUARD_PASS_THRU, POINT_NONE);
	world_guard(world, "planned", GUARD_CRITERIA, POINT_NONE);
	world_condition(world, FIELD_PLAN_STATUS, COMPARE_EQ, "APPROVED", 0);
	world_condition(world, FIELD_PLAN_CONFIDENCE, COMPARE_GE, NULL, 700000);
	world_condition(world, FIELD_PLAN_ID, COMPARE_NOT_EXISTS, NULL, 0);
	world_condition(world, FIELD_RUN_TASK, COMPARE_IN, "a b", 0);
	world_condition(world, FIELD_AGENT_SUSPENDED, COMPARE_NE, NULL, 1);
	guard = world_guard(world, "route", GUARD_ROUTE, POINT_APPROVAL_CREATE);
	guard->field = FIELD_REQUEST_RISK;
	world_route(world, guard, "HIGH", "role:operator");
	guard = world_guard(world, "fresh", GUARD_TTL, POINT_NONE);
	guard->field = FIELD_PLAN_APPROVED_AT;
	guard = world_guard(world, "both", GUARD_COMPOSITE, POINT_PHASE_ENTER);
	guard->phase = PHASE_EXECUTE;
	world_part(world, guard, 0);
	world_part(world, guard, 3);
	world->govern.settings.phases[PHASE_PLAN].exit_guard = 1;
}

static void teardown(void)
{
	free(world);
}

static int check(struct error *err)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(1U << 20);
	cleanup_with(buf_finish) struct buf again = buf_growing(1U << 20);
	struct govern_view view = { 0 };
	int r;

	ck_assert_int_eq(govern_write(world_view(world), &buf), 0);
	r = govern_check(buf.data, buf.len, &view, err);
	if (r == 0) {
		ck_assert_int_eq(govern_write(&view, &again), 0);
		ck_assert_msg(slice_eq(buf_slice(&buf), buf_slice(&again)), "not canonical");
	} else {
		ck_assert_msg(!view.settings, "it failed, yet wrote its output");
	}
	return r;
}

START_TEST(what_is_written_is_accepted_and_written_again)
{
	struct error err = { 0 };

	ck_assert_msg(check(&err) == 0, "%s", err.text);
}
END_TEST

START_TEST(an_empty_policy_is_accepted_and_no_bytes_are_not)
{
	struct error err = { 0 };
	struct govern_view view;

	memset(&world->govern, 0, sizeof(world->govern));
	world->govern.settings.std_tool = world->govern.settings.std_workspace = GOVERN_NONE;
	world->govern.settings.std_unknown = GOVERN_NONE;
	for (uint32_t i = 0; i < PHASE_COUNT; i++)
		world->govern.settings.phases[i].exit_guard = GOVERN_NONE;
	world->strings_len = 0;
	ck_assert_msg(check(&err) == 0, "%s", err.text);
	ck_assert_int_eq(govern_check(NULL, 0, &view, &err), -EINVAL);
	ck_assert_int_eq(govern_check("", 0, &view, &err), -EINVAL);
}
END_TEST

START_TEST(bytes_that_are_cut_longer_or_not_aligned_are_refused)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(1U << 20);
	struct govern_view view;

	ck_assert_int_eq(govern_write(world_view(world), &buf), 0);
	for (size_t len = 0; len < buf.len; len++)
		ck_assert_msg(govern_check(buf.data, len, &view, NULL) == -EINVAL, "%zu bytes passed", len);
	ck_assert_int_eq(govern_check(buf.data, buf.len, &view, NULL), 0);
	ck_assert_ptr_nonnull(buf_reserve(&buf, 8));
	ck_assert_int_eq(govern_check(buf.data, buf.len, &view, NULL), -EINVAL);
	memmove(buf.data + 4, buf.data, buf.len - 8);
	ck_assert_int_eq(govern_check(buf.data + 4, buf.len - 8, &view, NULL), -EINVAL);
}
END_TEST

/* Each breaks one thing of the whole policy, and is named by the error. */
#define BREAKS(X) \
	X("id: it is there twice", govern.capabilities[3].id = govern.capabilities[0].id) \
	X("id", govern.capabilities[3].id.len = 0) X("id", govern.rules[0].id.len = 65) \
	X("id", govern.rules[0].id.offset = UINT32_MAX) X("id", govern.guards[0].id.len++) \
	X("id: it is there twice", govern.rules[0].id = govern.rules[1].id) \
	X("id: it is there twice", govern.guards[0].id = govern.guards[1].id) \
	X("enum", govern.capabilities[3].risk = RISK_COUNT) X("enum", govern.capabilities[3].operation = 9) \
	X("enum", govern.capabilities[3].action_class = ACT_COUNT) X("enum", govern.capabilities[3].state = 3) \
	X("enum", govern.capabilities[3].plan_need = 3) X("flags", govern.capabilities[3].flags = 8) \
	X("flags", govern.capabilities[3].reserved = 1) X("check", govern.capabilities[3].check = 4) \
	X("compensation", govern.capabilities[3].way_back = WAY_BACK_CAPABILITY) \
	X("compensation", govern.capabilities[3].way_back_capability = 0) \
	X("risk: it is not consistent", govern.capabilities[3].risk = RISK_MEDIUM) \
	X("exec", govern.capabilities[3].patterns.first = 1) X("exec", govern.capabilities[3].patterns.count = 2) \
	X("exec", govern.capabilities[3].patterns.count = UINT32_MAX) \
	X("lists: an element belongs to two", govern.capabilities[2].patterns.count = 1) \
	X("takes_value", govern.capabilities[3].takes_value.count = 4096) \
	X("programs", govern.patterns[0].programs.count = 0) X("elements", govern.patterns[0].elements.first = 9) \
	X("words", govern.choices[0].words.count = 0) X("option", govern.choices[0].option = 2) \
	X("argv", govern.captures[0].argv.count = 0) X("id", govern.captures[0].name.len = 0) \
	X("when: it is empty", govern.rules[2].when = (struct govern_when){ 0 }) \
	X("when", govern.rules[2].when.any = 2) X("when", govern.rules[2].when.classes = 0x80) \
	X("when", govern.rules[2].when.risks = 0x10) X("when", govern.rules[2].when.reserved = 1) \
	X("when: environment", govern.rules[2].when.environments = 2) \
	X("when", govern.rules[2].when.phases = 1U << PHASE_COUNT) \
	X("when: capability", govern.rules[0].when.capabilities[0] = 0) \
	X("when: capability", govern.rules[0].when.capabilities[0] = 1U << 4) \
	X("when: capability", govern.rules[0].when.has_capabilities = 0; govern.rules[0].when.any = 1) \
	X("when: principal", govern.rules[1].when.principals.first = 4000) \
	X("verdict", govern.rules[2].verdict = 3) X("on", govern.rules[2].on = ON_ASK) \
	X("on", govern.rules[1].on = ON_VIOLATE) X("accept_risk", govern.rules[1].accepts = 1) \
	X("accept_risk", govern.rules[0].accepts = RISK_COUNT + 1) X("unless", govern.rules[1].unless[0] = 8) \
	X("unless", govern.rules[1].unless[0] = 4) X("unless", govern.rules[0].unless[0] = 1) \
	X("unless", govern.rules[0].accepts = 0) X("unless", govern.rules[1].unless[3] = 1U << 31) \
	X("reserved byte", govern.rules[2].reserved[4] = 1) \
	X("enum", govern.environments[0].min_tier = 5) X("enum", govern.environments[0].on = 3) \
	X("enum", govern.environments[0].environment_class = 2) \
	X("net", govern.environments[0].nets.first = UINT32_MAX) \
	X("enum", govern.guards[0].type = GUARD_TYPE_COUNT) X("enum", govern.guards[0].point = POINT_COUNT) \
	X("enum", govern.guards[0].field = FIELD_COUNT) X("phase", govern.guards[0].phase = PHASE_PLAN) \
	X("enum", govern.guards[4].phase = PHASE_COUNT) X("min_children", govern.guards[0].type = GUARD_CERBERUS; \
	  govern.guards[0].min_children = 1) \
	X("criteria: it is empty", govern.guards[1].conditions.count = 0) \
	X("criteria: it is empty", govern.guards[1].logic = LOGIC_NOT) \
	X("type", govern.guards[1].type = GUARD_PASS_THRU) X("attribute", govern.guards[2].field = FIELD_RUN_TIER) \
	X("routes: there are none", govern.guards[2].routes.count = 0) \
	X("field", govern.guards[3].field = FIELD_RUN_TASK) X("parts", govern.guards[4].parts.count = 0) \
	X("not: more than one part", govern.guards[4].logic = LOGIC_NOT) \
	X("part: it must stand before its composite", govern.guard_parts[0] = 4) \
	X("index", govern.guards[4].parts.count = 1; govern.guard_parts[1] = 5) \
	X("its operator and its value do not fit the field", govern.conditions[0].compare = COMPARE_GT) \
	X("its operator and its value do not fit the field", govern.conditions[0].type = TYPE_NUMBER) \
	X("its operator and its value do not fit the field", govern.conditions[1].compare = COMPARE_CONTAINS) \
	X("its operator and its value do not fit the field", govern.conditions[2].type = TYPE_BOOL) \
	X("its operator and its value do not fit the field", govern.conditions[3].list.count = 0) \
	X("bool", govern.conditions[4].number = 2) X("enum", govern.conditions[0].field = FIELD_COUNT) \
	X("enum", govern.conditions[0].compare = COMPARE_COUNT) X("enum", govern.conditions[0].reserved = 1) \
	X("targets", govern.routes[0].targets.count = 0) X("text", govern.words[0].len = 4097) \
	X("text", govern.words[0].offset = 65535) X("text", govern.words[0].len++) \
	X("enum", govern.settings.gated = 2) X("enum", govern.settings.phases_enforce = 3) \
	X("bits", govern.settings.optional_phases = 1U << PHASE_COUNT) X("bits", \
	  govern.settings.high_risk_transitions = 1U << 8) X("std", govern.settings.std_tool = 4) \
	X("enum", govern.settings.reserved = 1) X("enum", govern.settings.min_tier = 5) \
	X("approvals", govern.settings.approvals[2].role = ROLE_COUNT) \
	X("approvals", govern.settings.approvals[2].count = 0) \
	X("approvals: of", govern.settings.approvals[2].of.first = 9999) \
	X("phases: exit_guard", govern.settings.phases[2].exit_guard = 5) \
	X("phases: min_confidence", govern.settings.phases[2].min_confidence = 1000001) \
	X("phases", govern.settings.phases[2].require_classes = 0x80) \
	X("budget", govern.settings.budget.on_exceed = 3) X("budget", govern.settings.budget.count = 0x40) \
	X("lease", govern.settings.lease.renew = 2) X("lease", govern.settings.lease.resource.len = 5000)

#define BREAK_COUNT(want, ...) + 1
enum { BREAK_ALL = BREAKS(BREAK_COUNT) };
#undef BREAK_COUNT

/* Applies the nth of BREAKS and says what the error must name. */
static const char *break_nth(int nth)
{
#define govern world->govern
#define BREAK_ONE(want, ...) if (nth-- == 0) { __VA_ARGS__; return want; }
	BREAKS(BREAK_ONE)
#undef BREAK_ONE
#undef govern
	return "?";
}

START_TEST(each_broken_thing_is_refused_by_its_name)
{
	const char *want = break_nth(_i);
	struct error err = { 0 };
	int r = check(&err);

	ck_assert_msg(r == -EINVAL, "case %d (%s) passed", _i, want);
	ck_assert_msg(strlen(err.text) >= strlen(want) &&
		      strcmp(err.text + strlen(err.text) - strlen(want), want) == 0,
		      "case %d: want '%s', got '%s'", _i, want, err.text);
}
END_TEST

START_TEST(composites_may_be_eight_deep_and_no_deeper)
{
	struct error err = { 0 };
	uint32_t part = 4;           /* two deep */

	for (int depth = 3; depth <= 9; depth++) {
		char id[8];
		struct govern_guard *guard;

		IGNORE(snprintf(id, sizeof(id), "d%d", depth) < 0); /* it fits */
		guard = world_guard(world, id, GUARD_COMPOSITE, POINT_NONE);
		world_part(world, guard, part);
		part = world->govern.guards_count - 1;
		ck_assert_msg(check(&err) == (depth <= 8 ? 0 : -EINVAL), "%d deep: %s", depth, err.text);
	}
}
END_TEST

START_TEST(the_next_phase_is_that_of_the_table)
{
	static const char *const want[PHASE_COUNT + 1] = {
		"PREFLIGHT", "PLAN", "EXECUTE", "VERIFY", "PACKAGE", "REPORT", "EXIT", NULL, NULL, NULL,
	};
	const char *name = phase_name(next_phase((enum phase)_i));

	ck_assert_msg(name == want[_i] || (name && want[_i] && strcmp(name, want[_i]) == 0), "after %d: %s", _i,
		      name ? name : "none");
}
END_TEST

START_TEST(every_number_of_an_enum_has_a_name_and_the_next_has_none)
{
#define NAMED(function, type, count) do { \
		for (unsigned int i = 0; i < (count); i++) \
			ck_assert_msg(function((enum type)i) != NULL, #function " of %u", i); \
		ck_assert_ptr_null(function((enum type)(count))); \
	} while (0)
	NAMED(risk_name, risk, RISK_COUNT);
	NAMED(class_name, action_class, ACT_COUNT);
	NAMED(operation_name, operation, OPERATION_COUNT);
	NAMED(phase_name, phase, PHASE_COUNT);
	NAMED(blocked_name, blocked_by, BLOCKED_COUNT);
	NAMED(step_name, judge_step, STEP_COUNT);
	NAMED(field_name, field_id, FIELD_COUNT);
#undef NAMED
	ck_assert_str_eq(risk_name(RISK_CRITICAL), "CRITICAL");
	ck_assert_str_eq(class_name(ACT_DESTROY), "destroy");
	ck_assert_str_eq(phase_name(PHASE_REVOKED), "REVOKED");
	ck_assert_str_eq(blocked_name(BLOCKED_GUARD_DENY), "GUARD_DENY");
}
END_TEST

START_TEST(fields_are_found_by_their_names_and_no_others)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		ck_assert_uint_eq(field_find(slice_of(field_name((enum field_id)i))), i);
	ck_assert_uint_eq(field_find(slice_of("plan.statu")), FIELD_COUNT);
	ck_assert_uint_eq(field_find(slice_of("")), FIELD_COUNT);
	ck_assert_uint_eq(field_type(FIELD_PLAN_CONFIDENCE), TYPE_NUMBER);
	ck_assert_uint_eq(field_type(FIELD_COUNT), TYPE_ABSENT);
}
END_TEST

/* The cases of section 4.2. */
static const struct flaw_row {
	enum operation operation;
	bool reversible, way_back;
	enum risk risk;
	enum action_class action_class;
	uint32_t want;
} flaw_rows[] = {
	{ OPERATION_WRITE, false, true, RISK_LOW, ACT_OTHER, FLAW_IRREVERSIBLE },
	{ OPERATION_WRITE, false, true, RISK_MEDIUM, ACT_OTHER, FLAW_IRREVERSIBLE },
	{ OPERATION_WRITE, false, true, RISK_HIGH, ACT_OTHER, 0 },
	{ OPERATION_WRITE, false, false, RISK_LOW, ACT_OTHER, FLAW_IRREVERSIBLE | FLAW_NO_WAY_BACK },
	{ OPERATION_WRITE, false, false, RISK_HIGH, ACT_OTHER, FLAW_NO_WAY_BACK },
	{ OPERATION_WRITE, false, false, RISK_CRITICAL, ACT_OTHER, 0 },
	{ OPERATION_WRITE, true, false, RISK_LOW, ACT_OTHER, 0 },
	{ OPERATION_DELETE, true, true, RISK_MEDIUM, ACT_OTHER, FLAW_DELETE },
	{ OPERATION_DELETE, true, true, RISK_HIGH, ACT_OTHER, 0 },
	{ OPERATION_EXECUTE, true, true, RISK_MEDIUM, ACT_APPLY, FLAW_CLASS },
	{ OPERATION_EXECUTE, true, true, RISK_LOW, ACT_DESTROY, FLAW_CLASS },
	{ OPERATION_EXECUTE, true, true, RISK_HIGH, ACT_DESTROY, 0 },
	{ OPERATION_EXECUTE, true, true, RISK_LOW, ACT_RUN, 0 },
};

START_TEST(the_risk_of_a_capability_is_consistent_as_its_row_says)
{
	const struct flaw_row *row = &flaw_rows[_i];
	struct govern_capability capability = {
		.operation = (uint8_t)row->operation, .risk = (uint8_t)row->risk,
		.action_class = (uint8_t)row->action_class, .flags = row->reversible ? CAPABILITY_REVERSIBLE : 0,
		.way_back = row->way_back ? WAY_BACK_SNAPSHOT : WAY_BACK_NONE,
	};

	ck_assert_msg(capability_flaws(&capability) == row->want, "row %d: %x", _i, capability_flaws(&capability));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("govern");
	TCase *image = tcase_create("image"), *names = tcase_create("names");

	tcase_add_checked_fixture(image, setup, teardown);
	tcase_add_test(image, what_is_written_is_accepted_and_written_again);
	tcase_add_test(image, an_empty_policy_is_accepted_and_no_bytes_are_not);
	tcase_add_test(image, bytes_that_are_cut_longer_or_not_aligned_are_refused);
	tcase_add_loop_test(image, each_broken_thing_is_refused_by_its_name, 0, BREAK_ALL);
	tcase_add_test(image, composites_may_be_eight_deep_and_no_deeper);
	tcase_add_loop_test(names, the_next_phase_is_that_of_the_table, 0, PHASE_COUNT + 1);
	tcase_add_test(names, every_number_of_an_enum_has_a_name_and_the_next_has_none);
	tcase_add_test(names, fields_are_found_by_their_names_and_no_others);
	tcase_add_loop_test(names, the_risk_of_a_capability_is_consistent_as_its_row_says, 0,
			    (int)COUNT(flaw_rows));
	tcase_set_tags(image, "pure");
	tcase_set_tags(names, "pure");
	suite_add_tcase(suite, image);
	suite_add_tcase(suite, names);
	return suite;
}
