/* SPDX-License-Identifier: Apache-2.0 */
/* What a project file may say about actions: more denials, a higher risk, a smaller error budget. Nothing else. */
#include "compiler/tighten_govern.h"

#include "base/text.h"
#include "compiler/govern.h"

/* Every pair of a mapping. */
#define FOR_EACH_PAIR(reader, mapping, name, value) \
	for (const struct yaml_node *value, *name = (mapping)->first == YAML_NONE ? NULL : \
	     yaml_node((reader)->yaml, (mapping)->first); \
	     name && (value = yaml_node((reader)->yaml, name->next)); \
	     name = value->next == YAML_NONE ? NULL : yaml_node((reader)->yaml, value->next))

static bool is_mapping(struct reader *reader, const struct yaml_node *node, const char *what)
{
	char shown[SHOWN_MAX];

	if (node->kind == YAML_MAPPING)
		return true;
	reader_fail(reader, node, "named %s belong here, not %s", what, reader_show(reader, node, shown));
	return false;
}

void tighten_rules(struct reader *reader, const struct yaml_node *node)
{
	const struct policy *policy = reader->policy;
	uint32_t before = policy->govern.rules_count, wrong = reader->diagnostics->count;
	char shown[SHOWN_MAX];

	if (!is_mapping(reader, node, "rules"))
		return;
	if (before == 0) {
		reader_fail(reader, node, "the policy \"%s\" has no rules; with one, all that it does not name would be refused",
			    policy->name);
		return;
	}
	FOR_EACH_PAIR(reader, node, name, value) {
		if (table_find(policy, TABLE_RULES, yaml_text(reader->yaml, name)) >= 0)
			reader_fail(reader, name, "the policy has a rule %s; choose another name", reader_show(reader, name, shown));
	}
	if (reader->diagnostics->count > wrong)
		return;
	read_table(reader, TABLE_RULES, node);
	for (uint32_t i = before; i < policy->govern.rules_count; i++) {
		if (policy->govern.rules[i].verdict != VERDICT_DENY)
			reader_fail(reader, reader->naming->names[TABLE_RULES][i], "a project file adds rules that deny, and no others");
	}
}

static void raise_risk(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value)
{
	struct policy *policy = reader->policy;
	int found = table_find(policy, TABLE_CAPABILITIES, yaml_text(reader->yaml, name)), risk;
	const struct yaml_node *node = mapping_find(reader, value, "risk");
	struct govern_capability *capability;
	char shown[SHOWN_MAX];

	reader_show(reader, name, shown);
	if (found < 0) {
		reader_fail(reader, name, "%s is not a capability of the policy \"%s\"", shown, policy->name);
		return;
	}
	if (!node || yaml_node(reader->yaml, yaml_node(reader->yaml, value->first)->next)->next != YAML_NONE) {
		reader_fail(reader, value, "a project file may raise the \"risk\" of %s, and nothing else", shown);
		return;
	}
	capability = &policy->govern.capabilities[found];
	if (!read_word_of(reader, "risk", risk_words, node, &risk))
		return;
	if (risk < capability->risk)
		reader_fail(reader, node, "%s would widen \"risk\" of %s, which is %s; write a higher one", risk_name((enum risk)risk),
			    shown, risk_name((enum risk)capability->risk));
	else
		capability->risk = (uint8_t)risk;
}

void tighten_capabilities(struct reader *reader, const struct yaml_node *node)
{
	char shown[SHOWN_MAX];

	if (!is_mapping(reader, node, "capabilities"))
		return;
	FOR_EACH_PAIR(reader, node, name, value) {
		if (mapping_is_duplicate(reader, node, name))
			reader_fail(reader, name, "%s stands here twice", reader_show(reader, name, shown));
		else
			raise_risk(reader, name, value);
	}
}

static void lower(struct reader *reader, const struct yaml_node *node, const char *key, uint32_t said, uint32_t *has)
{
	const struct yaml_node *value = mapping_find(reader, node, key);

	if (value && said > *has)
		reader_fail(reader, value, "%u would widen \"%s\" of the policy \"%s\", which is %u; write a lower one", said, key,
			    reader->policy->name, *has);
	else if (value)
		*has = said;
}

void tighten_budget(struct reader *reader, const struct yaml_node *node, const struct govern_budget *said)
{
	struct govern_budget *has = &reader->policy->govern.settings.budget;
	const struct yaml_node *value;

	if (!has->set) {
		*has = *said;
		return;
	}
	lower(reader, node, "max_total_errors", said->max_total, &has->max_total);
	lower(reader, node, "max_same_error_repeats", said->max_same, &has->max_same);
	lower(reader, node, "max_procedure_violations", said->max_procedure, &has->max_procedure);
	value = mapping_find(reader, node, "soft_at");
	if (value && (said->soft_at == 0 || (has->soft_at != 0 && said->soft_at > has->soft_at)))
		reader_fail(reader, value, "this would widen \"soft_at\"; the run pauses earlier with a lower one");
	else if (value)
		has->soft_at = said->soft_at;
	value = mapping_find(reader, node, "count");
	if (value && (said->count & has->count) != has->count)
		reader_fail(reader, value, "this would widen \"count\"; keep all that the policy counts, and add to it");
	else if (value)
		has->count = said->count;
	value = mapping_find(reader, node, "on_exceed");
	if (value && has->on_exceed == ON_VIOLATE && said->on_exceed != ON_VIOLATE)
		reader_fail(reader, value, "this would widen \"on_exceed\", which is `violate`");
	else if (value)
		has->on_exceed = said->on_exceed;
}
