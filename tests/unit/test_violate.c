/* SPDX-License-Identifier: Apache-2.0 */
/* Packets are whole for every type, and strikes lead to the response that the policy names. */
#include "bpf/events.h"
#include "bpf/calls.h"
#include "decide/forbidden.h"
#include "ledger/intake_parse.h"
#include "lib/runner.h"
#include "run/violate.h"

static struct rules shipped_rules(void)
{
	return (struct rules){ .responses = {
		[SEVERITY_LOW] = { .bits = RESPONSE_WARN },
		[SEVERITY_MEDIUM] = { .bits = RESPONSE_WARN, .revoke_at = 2 },
		[SEVERITY_HIGH] = { .bits = RESPONSE_REVOKE },
		[SEVERITY_CRITICAL] = { .bits = RESPONSE_REVOKE | RESPONSE_ALERT },
	} };
}

static const enum violation_type types[] = {
	UNRECORDED_ROOT, BASELINE_MUTATION, HEARTBEAT_TIMEOUT, SCOPE_VIOLATION, FORBIDDEN_ACTION,
	SANDBOX_ESCAPE, OBSERVER_GAP, LIMIT_EXCEEDED, GUARD_BYPASS, SELF_TAMPER, STATE_DRIFT,
};

static const struct intake_pair_view *pair_of(const struct intake_view *view, enum detail_key key)
{
	for (size_t i = 0; i < view->fixed.pair_count; i++) {
		if (view->pairs[i].head.key == key)
			return &view->pairs[i];
	}
	return NULL;
}

START_TEST(every_packet_is_whole_and_ledgerd_takes_it)
{
	static char memory[INTAKE_DATAGRAM_MAX];
	static struct intake_view view;
	static const enum detail_key filled[] = {
		DETAIL_TYPE, DETAIL_MESSAGE, DETAIL_REMEDY, DETAIL_REMEDY_AGENT, DETAIL_AGENT,
		DETAIL_POLICY_DIGEST, DETAIL_STRIKES, DETAIL_RESPONSE, DETAIL_TIER,
	};
	const uint8_t digest[32] = { 1, 2, 3 };
	struct rules rules = shipped_rules();
	struct strikes strikes = { 0 };
	struct violation violation;
	struct violation_run run = { .frame = record_frame_now(NULL), .agent = "coder", .tier = 1,
				     .policy_digest = digest };
	struct buf buf = buf_fixed(memory, sizeof(memory));
	struct slice rest;

	violation_make(&rules, &strikes, types[_i], RECORD_EFFECT_OBSERVED, NULL, NULL,
		       slice_of("/etc/x"), &violation);
	ck_assert_int_eq(record_violation(&buf, &run, NULL, &violation), 0);
	rest = buf_slice(&buf);
	ck_assert_int_eq(intake_parse_next(&rest, &view), 1);
	ck_assert_uint_eq(rest.len, 0);
	ck_assert_uint_eq(view.fixed.kind, RECORD_VIOLATION);
	ck_assert_uint_ne(view.fixed.sev, RECORD_SEV_NONE);
	ck_assert_uint_eq(view.fixed.effect, RECORD_EFFECT_OBSERVED);
	ck_assert(view.rule.len > 0);
	for (size_t i = 0; i < COUNT(filled); i++) {
		const struct intake_pair_view *pair = pair_of(&view, filled[i]);

		ck_assert_msg(pair, "%s has no detail %d", violation_name(types[_i]), filled[i]);
		ck_assert(pair->head.type == PAIR_UINT || pair->bytes.len > 0);
	}
}
END_TEST

START_TEST(a_decision_gives_rule_and_remedy)
{
	struct rules rules = shipped_rules();
	struct strikes strikes = { 0 };
	struct decision decision = { .rule = slice_of("files.deny_write"), .reason = "protected",
				     .remedy = "edit files.deny_write", .remedy_agent = "leave it" };
	struct violation violation;

	violation_make(&rules, &strikes, SCOPE_VIOLATION, RECORD_EFFECT_PREVENTED, &decision, NULL,
		       slice_of("/w/.git/config"), &violation);
	ck_assert(slice_is(violation.rule, "files.deny_write"));
	ck_assert_str_eq(violation.message, "protected");
	ck_assert_str_eq(violation.remedy, "edit files.deny_write");
	ck_assert_str_eq(violation.remedy_agent, "leave it");
}
END_TEST

START_TEST(medium_revokes_at_the_second_of_the_same_type_and_types_do_not_add_up)
{
	struct rules rules = shipped_rules();
	struct strikes strikes = { 0 };
	struct violation violation;
	static const struct { enum violation_type type; bool revokes; uint32_t nth; } steps[] = {
		{ SCOPE_VIOLATION, false, 1 }, { FORBIDDEN_ACTION, false, 1 },
		{ LIMIT_EXCEEDED, false, 1 }, { SCOPE_VIOLATION, true, 2 },
		{ FORBIDDEN_ACTION, true, 2 },
	};

	for (size_t i = 0; i < COUNT(steps); i++) {
		violation_make(&rules, &strikes, steps[i].type, RECORD_EFFECT_PREVENTED, NULL, NULL,
			       (struct slice){ 0 }, &violation);
		ck_assert_msg(violation.revokes == steps[i].revokes && violation.nth == steps[i].nth,
			      "step %zu: revokes %d, nth %u", i, violation.revokes, violation.nth);
	}
	ck_assert_uint_eq(strikes.total, COUNT(steps));
}
END_TEST

START_TEST(high_and_critical_revoke_at_once)
{
	static const enum violation_type severe[] = { HEARTBEAT_TIMEOUT, OBSERVER_GAP,
						      UNRECORDED_ROOT, SANDBOX_ESCAPE,
						      BASELINE_MUTATION, GUARD_BYPASS };
	struct rules rules = shipped_rules();
	struct strikes strikes = { 0 };
	struct violation violation;

	violation_make(&rules, &strikes, severe[_i], RECORD_EFFECT_OBSERVED, NULL, NULL,
		       (struct slice){ 0 }, &violation);
	ck_assert_msg(violation.revokes, "%s did not revoke", violation_name(severe[_i]));
}
END_TEST

START_TEST(a_type_that_does_not_exist_revokes)
{
	struct rules rules = shipped_rules();
	struct strikes strikes = { 0 };
	struct violation violation;

	violation_make(&rules, &strikes, (enum violation_type)VIOLATION_TYPE_LIMIT,
		       RECORD_EFFECT_OBSERVED, NULL, NULL, (struct slice){ 0 }, &violation);
	ck_assert(violation.revokes);
	ck_assert(violation.message[0] && violation.remedy[0] && violation.rule.len);
}
END_TEST

START_TEST(the_kernel_decides_what_the_policy_says_and_needs_no_path)
{
	struct rules rules = shipped_rules();
	struct kernel_rule to[KERNEL_DECIDES];

	violation_kernel_rules(&rules, to);
	ck_assert_uint_eq(to[KERNEL_FORBIDDEN].type, VIOLATION_NONE);
	ck_assert_uint_eq(to[KERNEL_NET].type, VIOLATION_NONE);
	ck_assert_uint_eq(to[KERNEL_ROOT].type, UNRECORDED_ROOT);
	ck_assert_uint_eq(to[KERNEL_ROOT].revoke_at, 1);
	ck_assert_uint_eq(to[KERNEL_ESCAPE].type, SANDBOX_ESCAPE);
	ck_assert_uint_eq(to[KERNEL_ESCAPE].revoke_at, 1);
	rules.on_forbidden = rules.net_on_scope = ON_VIOLATE;
	violation_kernel_rules(&rules, to);
	ck_assert_uint_eq(to[KERNEL_FORBIDDEN].type, FORBIDDEN_ACTION);
	ck_assert_uint_eq(to[KERNEL_FORBIDDEN].revoke_at, 2);
	ck_assert_uint_eq(to[KERNEL_NET].type, SCOPE_VIOLATION);
	ck_assert_uint_eq(to[KERNEL_NET].revoke_at, 2);
	rules.responses[SEVERITY_MEDIUM].revoke_at = 0;
	violation_kernel_rules(&rules, to);
	ck_assert_uint_eq(to[KERNEL_NET].revoke_at, 0);
}
END_TEST

START_TEST(strikes_of_kernel_and_user_space_make_one_count)
{
	struct rules rules = shipped_rules();
	struct strikes strikes = { 0 };
	struct user_strikes told = { 0 };
	struct event_head event = { .violation = FORBIDDEN_ACTION, .strike = 3 };
	struct violation violation;

	/* Two records before this one were lost. */
	violation_follow(&strikes, &event);
	violation_make(&rules, &strikes, FORBIDDEN_ACTION, RECORD_EFFECT_PREVENTED, NULL, NULL,
		       slice_of(""), &violation);
	ck_assert_uint_eq(violation.nth, 3);
	/* The kernel did not know of one that we had counted. */
	event.strike = 2;
	violation_follow(&strikes, &event);
	violation_make(&rules, &strikes, FORBIDDEN_ACTION, RECORD_EFFECT_PREVENTED, NULL, NULL,
		       slice_of(""), &violation);
	ck_assert_uint_eq(violation.nth, 4);
	ck_assert(violation_tell(&told, SCOPE_VIOLATION));
	ck_assert_uint_eq(told.count[KERNEL_NET], 1);
	ck_assert(!violation_tell(&told, LIMIT_EXCEEDED));
}
END_TEST

/* A call that decide() denies but the kernel side does not know would be no strike without us. */
START_TEST(the_kernel_side_knows_every_forbidden_call_and_no_other)
{
	for (size_t i = 0; i < forbidden_call_count; i++) {
		const struct forbidden_call *call = &forbidden_calls[i];

		ck_assert_int_lt(call->number, CALLS_MAX);
		ck_assert_msg(calls[call->number].forbidden ||
				      calls[call->number].class == CALL_CLONE3,
			      "%s is not in bpf/calls.h", call->name);
	}
	for (int number = 0; number < CALLS_MAX; number++)
		ck_assert_msg(!calls[number].forbidden || forbidden_call(number),
			      "call %d is no forbidden one", number);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("violate");
	TCase *packet = tcase_create("packet"), *strikes = tcase_create("strikes");

	tcase_set_tags(packet, "pure");
	tcase_set_tags(strikes, "pure");
	tcase_add_loop_test(packet, every_packet_is_whole_and_ledgerd_takes_it, 0,
			    (int)COUNT(types));
	tcase_add_test(packet, a_decision_gives_rule_and_remedy);
	tcase_add_test(strikes, medium_revokes_at_the_second_of_the_same_type_and_types_do_not_add_up);
	tcase_add_loop_test(strikes, high_and_critical_revoke_at_once, 0, 6);
	tcase_add_test(strikes, a_type_that_does_not_exist_revokes);
	tcase_add_test(strikes, the_kernel_decides_what_the_policy_says_and_needs_no_path);
	tcase_add_test(strikes, strikes_of_kernel_and_user_space_make_one_count);
	tcase_add_test(strikes, the_kernel_side_knows_every_forbidden_call_and_no_other);
	suite_add_tcase(suite, packet);
	suite_add_tcase(suite, strikes);
	return suite;
}
