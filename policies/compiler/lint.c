/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/lint.h"

#include <stdarg.h>

#include "compiler/govern.h"

struct linter {
	const struct policy *policy;
	lint_fn say;
	void *context;
	uint32_t count;
};

static void PRINTF_LIKE(4, 5) say(struct linter *linter, const char *table, const char *name, const char *fmt, ...)
{
	char where[2 * POLICY_NAME_MAX], text[320];
	va_list args;

	IGNORE(snprintf(where, sizeof(where), "%s%s%s", table, name ? "." : "", name ? name : "") < 0);
	va_start(args, fmt);
	IGNORE(vsnprintf(text, sizeof(text), fmt, args) < 0);
	va_end(args);
	linter->say(linter->context, where, text);
	linter->count++;
}

/* ---- rules that another one always beats ---- */

static bool has_bit(const uint32_t *bits, uint32_t i)
{
	return bits[i / 32] >> (i % 32) & 1U;
}

static bool fits(const struct govern *govern, const struct govern_when *when, uint32_t i)
{
	const struct govern_capability *capability = &govern->capabilities[i];

	return when->any || ((!when->has_capabilities || has_bit(when->capabilities, i)) &&
			     (when->risks == 0 || (when->risks >> capability->risk & 1U)) &&
			     (when->classes == 0 || (when->classes >> capability->action_class & 1U)) &&
			     (when->operations == 0 || (when->operations >> capability->operation & 1U)));
}

/* Whether `other` matches whatever `rule` matches: it looks at capabilities alone, and at all of the rule's. */
static bool covers(const struct govern *govern, const struct govern_when *other, const struct govern_when *rule)
{
	if (!other->any && (other->principals.count + other->exes.count + other->options.count +
			    other->paths_under.count > 0 || other->environments || other->phases))
		return false;
	for (uint32_t i = 0; i < govern->capabilities_count; i++) {
		if (fits(govern, rule, i) && !fits(govern, other, i))
			return false;
	}
	return true;
}

static void lint_beaten(struct linter *linter, uint32_t i)
{
	const struct govern *govern = &linter->policy->govern;
	const struct govern_rule *rule = &govern->rules[i];

	for (uint32_t j = 0; j < govern->rules_count; j++) {
		const struct govern_rule *other = &govern->rules[j];
		const char *name = table_name(linter->policy, TABLE_RULES, j);

		if (other->verdict >= rule->verdict || has_bit(other->unless, i) ||
		    !covers(govern, &other->when, &rule->when))
			continue;
		if (rule->accepts > 0)
			say(linter, "rules", table_name(linter->policy, TABLE_RULES, i), "never wins: \"%s\" matches all that "
			    "it matches, and is stricter; write `unless: [%s]` in \"%s\"", name,
			    table_name(linter->policy, TABLE_RULES, i), name);
		else
			say(linter, "rules", table_name(linter->policy, TABLE_RULES, i), "never wins: \"%s\" matches all that "
			    "it matches, and is stricter", name);
	}
}

/* Without its own accept_risk an allow rule for HIGH asks: said where it can do nothing else. */
static void lint_accept(struct linter *linter, uint32_t i)
{
	const struct govern_rule *rule = &linter->policy->govern.rules[i];

	if (rule->accepts >= 1 + RISK_HIGH)
		say(linter, "rules", table_name(linter->policy, TABLE_RULES, i), "allows up to %s without asking: %s",
		    risk_name((enum risk)(rule->accepts - 1)), policy_text(linter->policy, rule->accept_reason));
}

static void lint_deprecated(struct linter *linter)
{
	const struct govern *govern = &linter->policy->govern;

	for (uint32_t i = 0; i < govern->capabilities_count; i++) {
		const char *name = table_name(linter->policy, TABLE_CAPABILITIES, i);

		if (govern->capabilities[i].state != CAPABILITY_DEPRECATED)
			continue;
		say(linter, "capabilities", name, "is deprecated");
		for (uint32_t j = 0; j < govern->rules_count; j++) {
			if (govern->rules[j].when.has_capabilities && has_bit(govern->rules[j].when.capabilities, i))
				say(linter, "rules", table_name(linter->policy, TABLE_RULES, j), "names \"%s\", which is deprecated",
				    name);
		}
	}
}

/* ---- guards that no run without a plan passes ---- */

static bool is_plan_field(uint16_t field)
{
	const char *name = field < FIELD_COUNT ? field_name((enum field_id)field) : NULL;

	return name && slice_starts(slice_of(name), slice_of("plan."));
}

static bool needs_plan(const struct govern *govern, const struct govern_guard *guard)
{
	if (guard->type == GUARD_TTL)
		return is_plan_field(guard->field);
	for (uint32_t i = 0; guard->type == GUARD_CRITERIA && i < guard->conditions.count; i++) {
		const struct govern_condition *condition = &govern->conditions[guard->conditions.first + i];

		if (is_plan_field(condition->field) && condition->compare != COMPARE_NOT_EXISTS)
			return guard->logic == LOGIC_ALL || guard->conditions.count == 1;
	}
	return false;
}

static void lint_guards(struct linter *linter)
{
	const struct govern *govern = &linter->policy->govern;

	for (uint32_t i = 0; i < govern->guards_count; i++) {
		if (govern->guards[i].point == POINT_RUN_START && needs_plan(govern, &govern->guards[i]))
			say(linter, "guards", table_name(linter->policy, TABLE_GUARDS, i), "asks for a plan at run_start, where no run "
			    "has one yet: every start is refused. Make it a part of a composite `any` beside {field: plan.id, "
			    "not_exists: true}");
	}
}

static void lint_severities(struct linter *linter)
{
	for (unsigned int i = 1; i < VIOLATION_TYPE_LIMIT; i++) {
		uint8_t own = linter->policy->severity_override[i];

		if (own > 0 && (enum severity)(own - 1) < violation_severity((enum violation_type)i))
			say(linter, "violations.override", violation_name((enum violation_type)i), "is lowered from %s to %s",
			    severity_name(violation_severity((enum violation_type)i)), severity_name((enum severity)(own - 1)));
	}
}

uint32_t policy_lint_odd(const struct policy *policy, lint_fn lint, void *context)
{
	struct linter linter = { .policy = policy, .say = lint, .context = context };

	for (uint32_t i = 0; i < policy->govern.rules_count; i++) {
		lint_beaten(&linter, i);
		lint_accept(&linter, i);
	}
	lint_deprecated(&linter);
	lint_guards(&linter);
	lint_severities(&linter);
	if (policy->mode != MODE_ENFORCE)
		say(&linter, "mode", NULL, "is %s: what rules and guards refuse is recorded, and happens",
		    policy->mode == MODE_LEARN ? "learn" : "permissive");
	return linter.count;
}
