/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, and environments beside them: what holds between their keys, and which can never match. */
#include "compiler/govern.h"

#include "base/text.h"

/* In these the agent is not running. */
#define PHASES_WITHOUT_AGENT (1U << PHASE_BOOTSTRAP | 1U << PHASE_PREFLIGHT | 1U << PHASE_EXIT | 1U << PHASE_REVOKED)

const struct key *rule_keys_of(struct reader *reader, const struct yaml_node *value, void *entry)
{
	(void)reader;
	(void)value;
	(void)entry;
	return rule_keys;
}

void rule_start(struct reader *reader, const struct yaml_node *value, void *entry)
{
	(void)reader;
	(void)value;
	(void)entry;
}

static void read_when(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_rule *rule = base;

	if (node->kind == YAML_SCALAR && slice_is(yaml_text(reader->yaml, node), "any"))
		rule->when.any = 1;
	else if (node->kind == YAML_MAPPING && node->first == YAML_NONE)
		reader_fail(reader, node, "an empty \"when\"; for every action write `when: any`");
	else
		read_mapping(reader, key->keys, node, &rule->when);
}

static struct json_t *when_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_rule *rule = base;

	return rule->when.any ? json_text("any") : keys_json(policy, key->keys, &rule->when);
}
const struct key_hooks when_special = { .read = read_when, .json = when_json };

static void read_capabilities(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	static const struct key names = { .name = "capability", .type = KEY_REFERENCES, .min = TABLE_CAPABILITIES,
					  .offset = offsetof(struct govern_when, capabilities) };
	struct govern_when *when = base;

	(void)key;
	when->has_capabilities = 1;
	read_govern_value(reader, &names, node, when);
}

static struct json_t *capabilities_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_when *when = base;

	(void)key;
	return references_json(policy, TABLE_CAPABILITIES, when->capabilities);
}
const struct key_hooks when_capability_special = { .read = read_capabilities, .json = capabilities_json };

static void accept_finish(struct reader *reader, const struct yaml_node *node, void *group)
{
	const struct govern_rule *rule = group;

	if (rule->accepts == 0 || rule->accept_reason.len == 0)
		reader_fail(reader, node, "accept_risk says `up_to` which risk, and the `reason`");
}
const struct key_hooks accept_hooks = { .finish = accept_finish };

static bool rule_on_present(const struct policy *policy, const void *base)
{
	const struct govern_rule *rule = base;

	(void)policy;
	return rule->verdict == VERDICT_DENY;
}
const struct key_hooks rule_on_hooks = { .present = rule_on_present };

void rule_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry)
{
	const struct govern_rule *rule = entry;
	char shown[SHOWN_MAX];

	reader_show(reader, name, shown);
	if (!mapping_find(reader, value, "when"))
		reader_fail(reader, name, "the rule %s has no \"when\"; for every action write `when: any`", shown);
	if (!mapping_find(reader, value, "decision"))
		reader_fail(reader, name, "the rule %s has no \"decision\": allow, require_approval or deny", shown);
	if (rule->accepts > 0 && rule->verdict != VERDICT_ALLOW)
		reader_fail(reader, mapping_find(reader, value, "accept_risk"), "accept_risk is for rules that allow");
	if (mapping_find(reader, value, "on") && rule->verdict != VERDICT_DENY)
		reader_fail(reader, mapping_find(reader, value, "on"), "\"on\" is for rules that deny");
	if (mapping_find(reader, value, "unless") && rule->verdict == VERDICT_ALLOW)
		reader_fail(reader, mapping_find(reader, value, "unless"), "\"unless\" is for rules that deny or ask");
}

/* ---- rules that never match ---- */

static bool names_bit(const uint32_t *bits, uint32_t i)
{
	return bits[i / 32] >> (i % 32) & 1U;
}

static bool fits(const struct govern_when *when, uint32_t risk, uint32_t action_class, uint32_t operation)
{
	return (when->risks == 0 || (when->risks >> risk & 1U)) &&
	       (when->classes == 0 || (when->classes >> action_class & 1U)) &&
	       (when->operations == 0 || (when->operations >> operation & 1U));
}

/* What no capability names is HIGH, of class other and EXECUTE. */
static bool any_fits(const struct govern *govern, const struct govern_when *when)
{
	if (!when->has_capabilities && govern->settings.std_unknown == GOVERN_NONE &&
	    fits(when, RISK_HIGH, ACT_OTHER, OPERATION_EXECUTE))
		return true;
	for (uint32_t i = 0; i < govern->capabilities_count; i++) {
		const struct govern_capability *capability = &govern->capabilities[i];

		if ((!when->has_capabilities || names_bit(when->capabilities, i)) &&
		    fits(when, capability->risk, capability->action_class, capability->operation))
			return true;
	}
	return false;
}

void rule_check(struct reader *reader, const struct yaml_node *name, const struct govern_rule *rule)
{
	const struct policy *policy = reader->policy;
	const struct govern *govern = &policy->govern;
	char shown[SHOWN_MAX];

	reader_show(reader, name, shown);
	if (!rule->when.any && !any_fits(govern, &rule->when))
		reader_fail(reader, name, "the rule %s can never match: %s has the class, risk and operation that its \"when\" "
			    "asks for", shown, rule->when.has_capabilities ? "none of the capabilities that it names" :
			    "no capability");
	if (rule->when.phases != 0 && (rule->when.phases & ~PHASES_WITHOUT_AGENT) == 0)
		reader_fail(reader, name, "the rule %s can never match: the agent does not run in these phases", shown);
	for (uint32_t i = 0; i < govern->rules_count; i++) {
		const struct govern_rule *other = &govern->rules[i];

		if (names_bit(rule->unless, i) && (other->verdict != VERDICT_ALLOW || other->accepts == 0))
			reader_fail(reader, name, "the rule %s: \"unless\" names \"%s\", which is no allow rule with "
				    "accept_risk", shown, table_name(policy, TABLE_RULES, i));
	}
}

/* ---- environments ---- */

const struct key *environment_keys_of(struct reader *reader, const struct yaml_node *value, void *entry)
{
	(void)reader;
	(void)value;
	(void)entry;
	return environment_keys;
}

/* Who may use which by default: model 7.1. */
void environment_start(struct reader *reader, const struct yaml_node *value, void *entry)
{
	const struct yaml_node *node = mapping_find(reader, value, "class");
	struct govern_environment *environment = entry;

	environment->on = ON_VIOLATE;
	environment->min_tier = node && node->kind == YAML_SCALAR && slice_is(yaml_text(reader->yaml, node), "prod") ? 3 : 2;
}

void environment_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry)
{
	const struct govern_environment *environment = entry;
	char shown[SHOWN_MAX];

	reader_show(reader, name, shown);
	if (!mapping_find(reader, value, "class"))
		reader_fail(reader, name, "the environment %s has no \"class\": prod or pool", shown);
	if (environment->nets.count + environment->paths.count + environment->env.count == 0)
		reader_fail(reader, name, "the environment %s has no \"match\": net, path or env", shown);
}
