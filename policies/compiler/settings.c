/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers, plans, phases, the error budget, the lease: usual values, and what holds between all of it. */
#include "compiler/govern.h"

#include "base/text.h"

#define MINUTE_NS (60ULL * 1000000000U)
#define DAY_NS (1440U * MINUTE_NS)

/* ---- usual values ---- */

void settings_start(struct policy *policy)
{
	struct govern_settings *settings = &policy->govern.settings;

	settings->std_tool = settings->std_workspace = settings->std_unknown = GOVERN_NONE;
	settings->plan_ttl_ns = DAY_NS;
	settings->phases_enforce = PHASES_AUTO;
	settings->rework = GOVERN_REWORK;
	for (unsigned int i = 0; i < PHASE_COUNT; i++)
		settings->phases[i].exit_guard = GOVERN_NONE;
	for (unsigned int i = 0; i < RISK_COUNT; i++)
		settings->approvals[i] = (struct govern_approval){
			.role = i == RISK_CRITICAL ? ROLE_ADMIN : ROLE_OPERATOR, .self = i != RISK_CRITICAL,
			.count = 1, .uses = 1, .ttl_ns = 15U * MINUTE_NS,
		};
}

/* ---- sections that are there or not ---- */

static bool min_tier_present(const struct policy *policy, const void *base)
{
	(void)base;
	return policy->govern.settings.min_tier > 0;
}
const struct key_hooks min_tier_hooks = { .present = min_tier_present };

static bool is_gated(const struct policy *policy, const void *base)
{
	(void)base;
	return policy->govern.rules_count > 0;
}
const struct key_hooks approvals_hooks = { .present = is_gated };
const struct key_hooks plans_hooks = { .present = is_gated };

static void approval_finish(struct reader *reader, const struct yaml_node *node, void *group)
{
	struct govern_approval *approval = group;

	if (approval->count > 1 && approval->self && mapping_find(reader, node, "self"))
		reader_fail(reader, node, "with `count` above 1 nobody answers alone: `self: true` has no effect");
	if (approval->of.count > 0 && approval->of.count < approval->count)
		reader_fail(reader, node, "%u people must agree, but `of` names %u", approval->count, approval->of.count);
	approval->self = approval->self && approval->count == 1;
}
const struct key_hooks approval_hooks = { .finish = approval_finish };

static void phases_finish(struct reader *reader, const struct yaml_node *node, void *group)
{
	const struct govern_settings *settings = &reader->policy->govern.settings;

	(void)group;
	if (settings->phases_enforce == PHASES_STRICT && (settings->optional_phases & 1U << PHASE_PLAN))
		reader_fail(reader, mapping_find(reader, node, "optional") ? mapping_find(reader, node, "optional") : node,
			    "with `enforce: strict` PLAN cannot be optional");
}

static bool phases_present(const struct policy *policy, const void *base)
{
	(void)base;
	return govern_phases_said(&policy->govern.settings);
}
const struct key_hooks phases_hooks = { .finish = phases_finish, .present = phases_present };

static void read_phase_write(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	static const struct key paths = { .name = "write", .type = KEY_WORDS, .min = WORDS_PATH };
	struct govern_phase *phase = base;

	(void)key;
	phase->has_write = 1;
	/* An empty list says that nothing may be changed. */
	if (node->kind != YAML_SEQUENCE || node->first != YAML_NONE)
		read_words(reader, &paths, node, &phase->write);
}

static struct json_t *phase_write_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_phase *phase = base;

	(void)key;
	return phase->has_write ? words_json(policy, phase->write) : NULL;
}
const struct key_hooks phase_write_special = { .read = read_phase_write, .json = phase_write_json };

static void budget_start(struct reader *reader, const struct yaml_node *node, void *group)
{
	struct govern_budget *budget = &reader->policy->govern.settings.budget;

	(void)node;
	(void)group;
	if (budget->set)
		return;
	*budget = (struct govern_budget){
		.max_total = 12, .max_same = 3, .max_procedure = 1, .soft_at = 500, .on_exceed = ON_VIOLATE,
		.count = 1U << ERROR_DENIED | 1U << ERROR_REPORTED | 1U << ERROR_CHECK_FAILED | 1U << ERROR_CRASH,
		.set = 1,
	};
}

static bool budget_present(const struct policy *policy, const void *base)
{
	(void)base;
	return policy->govern.settings.budget.set;
}
const struct key_hooks budget_hooks = { .start = budget_start, .present = budget_present };

static void lease_start(struct reader *reader, const struct yaml_node *node, void *group)
{
	struct govern_lease *lease = &reader->policy->govern.settings.lease;

	(void)node;
	(void)group;
	if (lease->ttl_ns == 0)
		lease->ttl_ns = 5U * MINUTE_NS;
}

static void lease_finish(struct reader *reader, const struct yaml_node *node, void *group)
{
	static const char *const names[] = { "workspace", "cwd", NULL };
	const struct govern_lease *lease = &reader->policy->govern.settings.lease;
	const struct yaml_node *resource = mapping_find(reader, node, "resource");

	(void)group;
	if (lease->resource.len == 0)
		reader_fail(reader, node, "a lease has a \"resource\", such as \"workspace:${workspace}\"");
	else if (resource)
		IGNORE(check_variables(reader, resource, yaml_text(reader->yaml, resource), names, NULL));
}

static bool lease_present(const struct policy *policy, const void *base)
{
	(void)base;
	return policy->govern.settings.lease.resource.len > 0;
}
const struct key_hooks lease_hooks = { .start = lease_start, .finish = lease_finish, .present = lease_present };

/* ---- high_risk_transitions ---- */

static void read_transitions(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	uint32_t bits = 0;
	int value;

	(void)base;
	if (node->kind != YAML_SEQUENCE) {
		IGNORE(reader_list(reader, node, "COMPLETED, FAILED, REVOKED"));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next) {
		if (read_word_of(reader, key->name, status_words, yaml_node(reader->yaml, at), &value))
			bits |= 1U << value;
	}
	reader->policy->govern.settings.high_risk_transitions = (uint16_t)bits;
}

static struct json_t *transitions_json(const struct policy *policy, const struct key *key, const void *base)
{
	struct json_t *array = NULL;

	(void)key;
	(void)base;
	for (const struct key_word *word = status_words; word->name; word++) {
		if (policy->govern.settings.high_risk_transitions >> word->value & 1U)
			array = json_add(array, json_text(word->name));
	}
	return array;
}
const struct key_hooks transitions_special = { .read = read_transitions, .json = transitions_json };

/* ---- the whole ---- */

/* A key that is accepted has an effect: without rules nothing is judged. */
static void check_gate(struct reader *reader, const struct yaml_node *root)
{
	static const char *const keys[] = { "capabilities", "environments", "guards", "approvals", "plans", "include" };
	const struct policy *policy = reader->policy;

	if (policy->govern.rules_count > 0)
		return;
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct yaml_node *node = mapping_find(reader, root, keys[i]);

		if (node)
			reader_fail(reader, node, "\"%s\" has no effect without `rules`, which say what is allowed", keys[i]);
	}
	/* `learn` is T1 and an overlay, too. */
	if (policy->mode == MODE_PERMISSIVE)
		reader_fail(reader, root, "`mode: permissive` has no effect without `rules`: what the kernel refuses stays refused");
}

static void check_tiers(struct reader *reader, const struct yaml_node *root)
{
	const struct policy *policy = reader->policy;
	const struct yaml_node *agent = mapping_find(reader, root, "agent");
	uint32_t least = policy->govern.settings.min_tier;

	if (policy->mode == MODE_LEARN && least > 1)
		reader_fail(reader, agent ? agent : root, "`mode: learn` runs at T1, below agent.min_tier T%u", least);
	else if (least > policy->tier)
		reader_fail(reader, agent ? agent : root, "agent.min_tier T%u is above agent.tier T%u: no run could start",
			    least, policy->tier);
}

/* `learn` is permissive at T1, with changes kept apart. */
static void settle_mode(struct policy *policy)
{
	if (policy->mode != MODE_LEARN)
		return;
	policy->tier = MIN(policy->tier, 1U);
	if (policy->workspace_mode == WORKSPACE_DIRECT)
		policy->workspace_mode = WORKSPACE_OVERLAY;
}

void govern_finish(struct reader *reader, const struct yaml_node *root)
{
	struct policy *policy = reader->policy;
	struct govern_settings *settings = &policy->govern.settings;

	check_gate(reader, root);
	check_tiers(reader, root);
	settle_mode(policy);
	settings->gated = policy->govern.rules_count > 0;
	if (reader->diagnostics->count == 0 && !govern_order(policy))
		reader_fail(reader, root, "no memory to sort this policy");
}
