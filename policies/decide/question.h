/* SPDX-License-Identifier: Apache-2.0 */
/* One question to judge(): what it is about, looked up once. For judge.c, guard.c, environment.c, approval.c. */
#ifndef DECIDE_QUESTION_H
#define DECIDE_QUESTION_H

#include "decide/command.h"
#include "decide/field.h"

struct question {
	const struct govern_view *govern;
	const struct action *action;
	const struct snapshot *snapshot;
	uint64_t now_ns;
	const struct govern_capability *capability; /* NULL: none; then the risk is HIGH, the class other */
	uint16_t index;                  /* of it; GOVERN_NONE */
	uint8_t risk, action_class, operation;
	struct slice waived;             /* the rule, guard, environment, "plan" or "check" that is taken out */
};

/* An answer without its texts. Zero is a denial. */
struct answer {
	enum verdict verdict;
	enum judge_step step;
	enum blocked_by blocked_by;
	enum violation_type violation;
	struct slice rule_id;
	uint32_t rules[GOVERN_RULES_MAX / 32];
	uint64_t guards, guards_false;
	uint32_t grant;
	uint16_t rule;
	uint8_t guard_on_fail;
	bool escalates;          /* the permission is one of high risk that no rule accepts */
};

static inline struct answer answer_new(enum verdict verdict, enum judge_step step, struct slice rule_id)
{
	static const enum blocked_by usual[] = {
		[VERDICT_DENY] = BLOCKED_POLICY_DENY, [VERDICT_ASK] = BLOCKED_APPROVAL_REQUIRED,
		[VERDICT_ALLOW] = BLOCKED_NOT,
	};

	return (struct answer){ .verdict = verdict, .step = step, .blocked_by = usual[verdict],
				.rule_id = rule_id, .rule = GOVERN_NONE };
}

/* False when a number is none of its enum: then there is no answer but a denial. */
bool question_init(struct question *question, const struct govern_view *govern, const struct action *action,
		   const struct snapshot *snapshot, uint64_t now_ns);

/* The order of ids, which decides what is equal in all else. */
bool slice_is_less(struct slice a, struct slice b);

static inline bool is_waived(const struct question *question, struct slice id)
{
	return question->waived.len > 0 && slice_eq(question->waived, id);
}

/* * is anything at all, ? one byte: for names, values of variables and texts, which have no components. */
bool text_matches(struct slice pattern, struct slice text);
/* One of the words, as a pattern. */
bool words_match(const struct govern_view *govern, struct govern_list words, struct slice text);
/* A path is one of the words, or below one. */
bool path_is_under(const struct govern_view *govern, struct govern_list words, struct slice path);

/* ---- rule.c ---- */

/* Step 5: the strictest of the rules that match; `escalates` says what step 6 has to know. */
struct answer rules_answer(const struct question *question);

/* ---- guard.c ---- */

/* Guards as bits: those of a point; for PHASE_EXIT with the phase's own. */
uint64_t guards_at(const struct question *question, enum guard_point point, enum phase phase);
/* Those of `ids` that do not hold. */
uint64_t guards_false(const struct question *question, uint64_t ids);
/* Whom a route permits: words, or none. */
struct govern_list guard_targets(const struct question *question, uint16_t guard);

/* ---- environment.c ---- */

/* The strictest environment that the action touches and that the run's tier and owner do not cover;
 * NULL: none. `ret_by_tier`: because of the tier. */
const struct govern_environment *environment_uncovered(const struct question *question, bool *ret_by_tier);

/* ---- judge_text.c ---- */

/* Reason and remedies of a ruling that is complete otherwise. */
void ruling_say(const struct question *question, struct ruling *ruling);

#endif
