/* SPDX-License-Identifier: Apache-2.0 */
/* The normative order of the behaviour model, section 5.3, one function for each step. A decision is evaluated without
 * texts first; once more under each waiver when it is not ALLOW; once more without the soft steps when the policy
 * only records them. Only the answer that is given gets its texts. */
#include "decide/question.h"

static const struct answer internal = {
	.blocked_by = BLOCKED_INTERNAL, .rule_id = { "internal", 8 }, .rule = GOVERN_NONE,
};

static struct answer stopped(enum judge_step step, struct slice rule_id, enum blocked_by blocked_by,
			     enum violation_type violation)
{
	struct answer answer = answer_new(VERDICT_DENY, step, rule_id);

	answer.blocked_by = blocked_by;
	answer.violation = violation;
	return answer;
}

/* ---- what the question is about ---- */

bool slice_is_less(struct slice a, struct slice b)
{
	size_t len = MIN(a.len, b.len);
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order < 0 || (order == 0 && a.len < b.len);
}

static uint8_t operation_of(enum action_kind kind)
{
	switch (kind) {
	case ACTION_READ:
		return OPERATION_READ;
	case ACTION_WRITE:
		return OPERATION_WRITE;
	case ACTION_DELETE:
		return OPERATION_DELETE;
	case ACTION_CONNECT:
	case ACTION_LISTEN:
		return OPERATION_NETWORK;
	case ACTION_NONE:
	case ACTION_EXEC:
	case ACTION_TRANSITION:
		break;
	}
	return OPERATION_EXECUTE;
}

bool question_init(struct question *question, const struct govern_view *govern, const struct action *action,
		   const struct snapshot *snapshot, uint64_t now_ns)
{
	*question = (struct question){
		.govern = govern, .action = action, .snapshot = snapshot, .now_ns = now_ns, .index = GOVERN_NONE,
		.risk = RISK_HIGH, .action_class = ACT_OTHER, .operation = operation_of(action->kind),
	};
	if (!govern->settings || (unsigned int)action->kind > ACTION_TRANSITION ||
	    snapshot->mode > MODE_LEARN || snapshot->phase >= PHASE_COUNT || snapshot->tier >= GOVERN_TIERS ||
	    snapshot->grant_count > JUDGE_GRANTS_MAX || (unsigned int)snapshot->answer > ANSWER_NOBODY)
		return false;
	question->index = classify(govern, action);
	if (question->index == GOVERN_NONE)
		return true;
	question->capability = &govern->capabilities[question->index];
	question->risk = question->capability->risk;
	question->action_class = question->capability->action_class;
	question->operation = question->capability->operation;
	return true;
}

/* ---- 2: the run ---- */

static bool gate_stops(const struct question *question, struct answer *ret_answer)
{
	static const struct {
		uint32_t gate;
		enum blocked_by blocked_by;
		enum violation_type violation;
		const char *id;
	} gates[] = {
		{ GATE_KILL_SWITCH, BLOCKED_KILL_SWITCH, VIOLATION_NONE, "gate.kill_switch" },
		{ GATE_NOT_RUNNING, BLOCKED_PHASE, VIOLATION_NONE, "gate.status" },
		{ GATE_LEASE, BLOCKED_LEASE, LOCK_EXPIRED, "gate.lease" },
		{ GATE_BREAKER, BLOCKED_BREAKER, VIOLATION_NONE, "gate.breaker" },
		{ GATE_BUDGET, BLOCKED_BUDGET, ERROR_BUDGET_EXCEEDED, "gate.budget" },
		{ GATE_HEALTH, BLOCKED_HEALTH, VIOLATION_NONE, "gate.health" },
	};
	bool budget_asks = question->govern->settings->budget.on_exceed != ON_VIOLATE;

	for (size_t i = 0; i < COUNT(gates); i++) {
		if (!(question->snapshot->gates & gates[i].gate))
			continue;
		*ret_answer = stopped(STEP_GATE, slice_of(gates[i].id), gates[i].blocked_by, gates[i].violation);
		if (gates[i].gate == GATE_BUDGET && budget_asks)
			ret_answer->violation = VIOLATION_NONE;
		return true;
	}
	return false;
}

#define CLASS(name) (1U << ACT_##name)

/* Section 2.5: what a phase that binds the run leaves to it. An empty row is nothing. */
static bool phase_stops(const struct question *question, struct answer *ret_answer)
{
	static const uint8_t after = CLASS(READ) | CLASS(CHECK) | CLASS(OTHER);
	static const struct {
		const char *id;
		uint8_t classes;
	} phases[PHASE_COUNT] = {
		[PHASE_BOOTSTRAP] = { "phases.BOOTSTRAP", 0 }, [PHASE_PREFLIGHT] = { "phases.PREFLIGHT", 0 },
		[PHASE_PLAN] = { "phases.PLAN", CLASS(READ) | CLASS(CHECK) | CLASS(PLAN) | CLASS(OTHER) },
		[PHASE_EXECUTE] = { "phases.EXECUTE", UINT8_MAX },
		[PHASE_VERIFY] = { "phases.VERIFY", after }, [PHASE_PACKAGE] = { "phases.PACKAGE", after },
		[PHASE_REPORT] = { "phases.REPORT", after }, [PHASE_EXIT] = { "phases.EXIT", 0 },
		[PHASE_REVOKED] = { "phases.REVOKED", 0 },
	};
	uint8_t enforce = question->govern->settings->phases_enforce;
	uint32_t phase = question->snapshot->phase;

	if (enforce == PHASES_OFF || (enforce == PHASES_AUTO && !question->snapshot->phase_reported) ||
	    phases[phase].classes >> question->action_class & 1U)
		return false;
	*ret_answer = stopped(STEP_GATE, slice_of(phases[phase].id), BLOCKED_PHASE, PROCEDURE_VIOLATION);
	return true;
}

/* ---- 3: tier and environments ---- */

static bool tier_stops(const struct question *question, struct answer *ret_answer)
{
	static const uint8_t bystander = CLASS(READ) | CLASS(CHECK) | CLASS(PLAN) | CLASS(OTHER);
	static const uint8_t classes[GOVERN_TIERS] = {
		bystander, bystander | CLASS(RUN), UINT8_MAX, UINT8_MAX, UINT8_MAX,
	};
	static const char *const ids[GOVERN_TIERS] = { "tier.T0", "tier.T1", "tier.T2", "tier.T3", "tier.T4" };
	uint32_t tier = question->snapshot->tier;
	bool is_change = question->action_class == ACT_APPLY || question->action_class == ACT_DESTROY;
	bool is_bound = question->capability && question->capability->plan_need == PLAN_BOUND;

	if (classes[tier] >> question->action_class & 1U && (tier >= 3 || !is_change || !is_bound))
		return false;
	*ret_answer = stopped(STEP_TIER, slice_of(ids[tier]), BLOCKED_TIER, VIOLATION_NONE);
	return true;
}

/* True when the evaluation ends; a floor of ASK does not end it. */
static bool environment_stops(const struct question *question, struct answer *ret_answer)
{
	bool by_tier;
	const struct govern_environment *environment = environment_uncovered(question, &by_tier);
	struct slice id;

	if (!environment)
		return false;
	id = govern_text(question->govern, environment->id);
	if (environment->on == ON_ASK) {
		*ret_answer = answer_new(VERDICT_ASK, STEP_ENVIRONMENT, id);
		return false;
	}
	*ret_answer = stopped(STEP_ENVIRONMENT, id, by_tier ? BLOCKED_TIER : BLOCKED_POLICY_DENY, VIOLATION_NONE);
	if (environment->on == ON_VIOLATE)
		ret_answer->violation = environment_violation(environment);
	return true;
}

/* ---- 4: plan and check ---- */

static bool plan_covers(const struct question *question)
{
	const struct snapshot *snapshot = question->snapshot;

	if (snapshot->plan_status != PLAN_APPROVED && snapshot->plan_status != PLAN_ACTIVE)
		return false;
	if (question->capability->plan_need == PLAN_BOUND)
		return snapshot->plan_cover == COVER_BOUND;
	return snapshot->plan_cover == COVER_INPUTS_DIFFER || snapshot->plan_cover == COVER_ARGV ||
	       snapshot->plan_cover == COVER_BOUND;
}

static bool plan_stops(const struct question *question, struct answer *ret_answer)
{
	const struct govern_capability *capability = question->capability;
	const struct snapshot *snapshot = question->snapshot;
	uint8_t action_class = question->action_class;

	if ((action_class == ACT_APPLY || action_class == ACT_DESTROY) && capability->plan_need != PLAN_NONE &&
	    !is_waived(question, slice_of("plan")) && !plan_covers(question)) {
		*ret_answer = stopped(STEP_PLAN, slice_of("plan"), BLOCKED_POLICY_DENY, APPLY_WITHOUT_PLAN);
		return true;
	}
	if (action_class == ACT_RUN && capability->check != GOVERN_NONE && !is_waived(question, slice_of("check")) &&
	    (snapshot->check != CHECK_OK || snapshot->check_age_ns > capability->check_ttl_ns)) {
		*ret_answer = stopped(STEP_PLAN, slice_of("check"), BLOCKED_POLICY_DENY, RUN_WITHOUT_CHECK);
		return true;
	}
	return false;
}

/* ---- 7: guards ---- */

/* Which of two guards that do not hold gives the denial its name. */
static bool fails_harder(const struct govern_view *govern, const struct govern_guard *a,
			 const struct govern_guard *b)
{
	static const uint8_t rank[] = { [FAIL_WAIT] = 0, [FAIL_DENY] = 1, [FAIL_CANCEL_CHILDREN] = 2,
					[FAIL_VIOLATE] = 3 };

	if (!b || rank[a->on_fail] != rank[b->on_fail])
		return !b || rank[a->on_fail] > rank[b->on_fail];
	return slice_is_less(govern_text(govern, a->id), govern_text(govern, b->id));
}

/* A guard that does not hold turns any answer into a denial; a denial that was there before keeps its name,
 * unless the guard's is a violation. */
static void ask_guards(const struct question *question, uint64_t ids, struct answer *answer)
{
	const struct govern_view *govern = question->govern;
	uint64_t not_held = ids ? guards_false(question, ids) : 0;
	const struct govern_guard *hardest = NULL;

	answer->guards |= ids;
	answer->guards_false |= not_held;
	for (uint64_t left = not_held; left; left &= left - 1) {
		const struct govern_guard *guard = &govern->guards[__builtin_ctzll(left)];

		if (fails_harder(govern, guard, hardest))
			hardest = guard;
	}
	if (!hardest)
		return;
	answer->guard_on_fail = hardest->on_fail;
	if (answer->verdict == VERDICT_DENY && hardest->on_fail != FAIL_VIOLATE)
		return;
	answer->verdict = VERDICT_DENY;
	answer->step = STEP_GUARD;
	answer->blocked_by = BLOCKED_GUARD_DENY;
	answer->rule_id = govern_text(govern, hardest->id);
	answer->rule = GOVERN_NONE;
	answer->violation = hardest->on_fail == FAIL_VIOLATE ? PROCEDURE_VIOLATION : VIOLATION_NONE;
}

/* ---- 8: grants, and the question to a person ---- */

static bool is_zero(const uint8_t digest[32])
{
	static const uint8_t zero[32];

	return memcmp(digest, zero, sizeof(zero)) == 0;
}

static bool grant_is_live(const struct grant *grant, uint64_t now_ns)
{
	return grant->uses > 0 && grant->expires_ns > now_ns;
}

/* The smallest id, so that the order of grants has no meaning; 0: none. */
static uint32_t find_grant(const struct question *question)
{
	const struct snapshot *snapshot = question->snapshot;
	uint32_t id = 0;

	if (is_zero(question->action->digest))
		return 0;
	for (uint32_t i = 0; i < snapshot->grant_count; i++) {
		const struct grant *grant = &snapshot->grants[i];
		uint8_t most = MIN(grant->max_risk, RISK_HIGH);

		if ((grant->kind != GRANT_APPROVAL && grant->kind != GRANT_PLAN_STEP) ||
		    (grant->kind == GRANT_PLAN_STEP && question->risk > most) ||
		    !grant_is_live(grant, question->now_ns) ||
		    memcmp(grant->digest, question->action->digest, sizeof(grant->digest)) != 0)
			continue;
		if (id == 0 || grant->id < id)
			id = grant->id;
	}
	return id;
}

static void seek_consent(const struct question *question, bool soft, struct answer *answer)
{
	static const enum blocked_by answers[] = {
		[ANSWER_REJECTED] = BLOCKED_APPROVAL_REJECTED, [ANSWER_EXPIRED] = BLOCKED_APPROVAL_EXPIRED,
		[ANSWER_NOBODY] = BLOCKED_APPROVAL_REQUIRED,
	};

	if (answer->verdict != VERDICT_ASK)
		return;
	answer->grant = find_grant(question);
	if (answer->grant) {
		answer->verdict = VERDICT_ALLOW;
		answer->step = STEP_GRANT;
		answer->blocked_by = BLOCKED_NOT;
	} else if (question->snapshot->answer != ANSWER_NONE) {
		answer->verdict = VERDICT_DENY;
		answer->blocked_by = answers[question->snapshot->answer];
	} else if (soft) {
		ask_guards(question, guards_at(question, POINT_APPROVAL_CREATE, 0), answer);
	}
}

/* ---- the whole ---- */

/* `soft`: with what a permissive policy only records. */
static struct answer evaluate(const struct question *question, bool soft)
{
	struct answer answer = answer_new(VERDICT_ALLOW, STEP_RULES, slice_of("mode"));
	struct answer by_rules;

	if (question->snapshot->gates & GATE_SELF)
		return stopped(STEP_INVARIANT, slice_of("invariant"), BLOCKED_POLICY_DENY, VIOLATION_NONE);
	if (gate_stops(question, &answer) || (soft && phase_stops(question, &answer)) ||
	    tier_stops(question, &answer) || environment_stops(question, &answer))
		return answer;
	if (soft) {
		if (plan_stops(question, &answer))
			return answer;
		by_rules = rules_answer(question);
		/* What an environment asks for is a floor under the rules. */
		if (answer.verdict == VERDICT_ASK && by_rules.verdict == VERDICT_ALLOW)
			memcpy(answer.rules, by_rules.rules, sizeof(answer.rules));
		else
			answer = by_rules;
		if (answer.verdict == VERDICT_ALLOW && answer.escalates) {
			answer.verdict = VERDICT_ASK;
			answer.step = STEP_RISK;
			answer.blocked_by = BLOCKED_APPROVAL_REQUIRED;
		}
		ask_guards(question, guards_at(question, POINT_ACTION, 0), &answer);
	}
	seek_consent(question, soft, &answer);
	return answer;
}

/* Section 2.3: a transition that the policy calls high-risk needs an approval; the run's gates are not asked,
 * since most transitions are what the supervisor does about them. */
static struct answer evaluate_transition(const struct question *question)
{
	uint16_t risky = question->govern->settings->high_risk_transitions;
	bool asks = question->action->transition >= GOVERN_STATUSES ||
		    risky >> question->action->transition & 1U;
	struct answer answer = answer_new(asks ? VERDICT_ASK : VERDICT_ALLOW, STEP_RULES,
					  slice_of("high_risk_transitions"));

	seek_consent(question, true, &answer);
	return answer;
}

static struct answer evaluate_point(const struct question *question, enum guard_point point, enum phase phase)
{
	struct answer answer = answer_new(VERDICT_ALLOW, STEP_GUARD, slice_of("guards"));

	ask_guards(question, guards_at(question, point, phase), &answer);
	return answer;
}

/* Where guards are asked; POINT_ACTION is the whole order. */
struct place {
	enum guard_point point;
	enum phase phase;
};

/* An answer with the mode applied, beside what it would be without. */
struct moded {
	struct answer answer;
	enum verdict would;
	enum violation_type would_raise;
};

static struct moded in_force(const struct question *question, struct place place)
{
	bool is_transition = question->action->kind == ACTION_TRANSITION;
	struct answer full = place.point != POINT_ACTION ? evaluate_point(question, place.point, place.phase) :
			     is_transition ? evaluate_transition(question) : evaluate(question, true);
	struct moded moded = { full, full.verdict, full.violation };
	struct answer hard = answer_new(VERDICT_ALLOW, STEP_NONE, full.rule_id);

	if (question->snapshot->mode == MODE_ENFORCE || full.verdict == VERDICT_ALLOW ||
	    (is_transition && place.point == POINT_ACTION))
		return moded;
	if (place.point == POINT_ACTION)
		hard = evaluate(question, false);
	if (hard.verdict != VERDICT_ALLOW) {
		moded.answer = hard;
		return moded;
	}
	moded.answer.verdict = VERDICT_ALLOW;
	moded.answer.violation = VIOLATION_NONE;
	moded.answer.grant = hard.grant;
	return moded;
}

static bool is_waiver(const struct question *question, const struct grant *grant)
{
	return grant->kind == GRANT_WAIVER && grant->rule.len > 0 && grant_is_live(grant, question->now_ns) &&
	       (is_zero(grant->digest) ||
		memcmp(grant->digest, question->action->digest, sizeof(grant->digest)) == 0);
}

/* A waiver is used when it makes the answer milder: the one that does most, of equal ones the smallest id. */
static uint32_t apply_waivers(struct question *question, struct place place, struct moded *moded)
{
	const struct snapshot *snapshot = question->snapshot;
	uint32_t used = 0;

	for (uint32_t i = 0; i < snapshot->grant_count && moded->answer.verdict != VERDICT_ALLOW; i++) {
		const struct grant *waiver = &snapshot->grants[i];
		struct moded other;

		if (!is_waiver(question, waiver))
			continue;
		question->waived = waiver->rule;
		other = in_force(question, place);
		question->waived = (struct slice){ 0 };
		if (other.answer.verdict < moded->answer.verdict ||
		    (other.answer.verdict == moded->answer.verdict && (used == 0 || waiver->id > used)))
			continue;
		*moded = other;
		used = waiver->id;
	}
	return used;
}

static void put_guards(uint32_t to[2], uint64_t from)
{
	to[0] = (uint32_t)from;
	to[1] = (uint32_t)(from >> 32);
}

static void fill(const struct question *question, const struct moded *moded, struct ruling *ruling)
{
	const struct answer *answer = &moded->answer;
	uint32_t count = question->govern->environments_count;

	ruling->verdict = answer->verdict;
	ruling->would = moded->would;
	ruling->step = answer->step;
	ruling->blocked_by = answer->blocked_by;
	ruling->violation = answer->violation;
	ruling->would_raise = moded->would_raise;
	ruling->capability = question->index;
	ruling->risk = ruling->approval_risk = question->risk;
	ruling->action_class = question->action_class;
	ruling->operation = question->operation;
	ruling->environments = question->action->environments & (count < 32 ? (1U << count) - 1 : UINT32_MAX);
	memcpy(ruling->rules, answer->rules, sizeof(ruling->rules));
	put_guards(ruling->guards, answer->guards);
	put_guards(ruling->guards_false, answer->guards_false);
	ruling->rule = answer->rule;
	ruling->guard_on_fail = answer->guard_on_fail;
	ruling->grant = answer->grant;
	/* "After 4 identical denied requests the answer carries loop." */
	ruling->loop = answer->verdict == VERDICT_DENY && question->snapshot->same_denied >= 4;
	ruling->rule_id = answer->rule_id;
}

static void judge_at(const struct govern_view *govern, const struct action *action, const struct snapshot *snapshot,
		     uint64_t now_ns, struct place place, struct ruling *ruling)
{
	struct moded moded = { .answer = internal };
	struct question question;
	bool good = question_init(&question, govern, action, snapshot, now_ns);

	/* Padding, too: the same bytes out. */
	memset(ruling, 0, sizeof(*ruling));
	if (good && place.point == POINT_ACTION && action->kind != ACTION_TRANSITION)
		good = action->kind != ACTION_NONE && govern->settings->gated;
	if (good) {
		moded = in_force(&question, place);
		ruling->waiver = apply_waivers(&question, place, &moded);
	}
	fill(&question, &moded, ruling);
	ruling_say(&question, ruling);
}

void judge(const struct govern_view *govern, const struct action *action, const struct snapshot *snapshot,
	   uint64_t now_ns, struct ruling *ret_ruling)
{
	judge_at(govern, action, snapshot, now_ns, (struct place){ .point = POINT_ACTION }, ret_ruling);
}

void judge_point(const struct govern_view *govern, enum guard_point point, enum phase phase,
		 const struct action *action, const struct snapshot *snapshot, uint64_t now_ns,
		 struct ruling *ret_ruling)
{
	judge_at(govern, action, snapshot, now_ns, (struct place){ point, phase }, ret_ruling);
}
