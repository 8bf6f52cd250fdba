/* SPDX-License-Identifier: Apache-2.0 */
/* What a capability says beyond single values, and the Risk Consistency Check (behaviour model, 4.2). */
#include "compiler/govern.h"

#include "base/text.h"

#define CHECK_TTL_NS (1800ULL * 1000000000U)

enum kind { KIND_NONE, KIND_READ, KIND_WRITE, KIND_DELETE };
static const struct key_word kind_words[] = {
	{ "read", KIND_READ }, { "write", KIND_WRITE }, { "delete", KIND_DELETE }, { NULL, 0 },
};

/* ---- what is not said ---- */

const struct key *capability_keys_of(struct reader *reader, const struct yaml_node *value, void *entry)
{
	(void)reader;
	(void)value;
	(void)entry;
	return capability_keys;
}

static enum kind kind_of(const struct reader *reader, const struct yaml_node *value)
{
	const struct yaml_node *node = mapping_find(reader, value, "kind");

	for (const struct key_word *word = kind_words; node && node->kind == YAML_SCALAR && word->name; word++) {
		if (slice_is(yaml_text(reader->yaml, node), word->name))
			return (enum kind)word->value;
	}
	return KIND_NONE;
}

void capability_start(struct reader *reader, const struct yaml_node *value, void *entry)
{
	static const struct {
		uint8_t operation, risk, flags, way_back;
	} kinds[] = {
		[KIND_NONE] = { OPERATION_READ, RISK_HIGH, 0, WAY_BACK_NONE },
		[KIND_READ] = { OPERATION_READ, RISK_LOW, CAPABILITY_REVERSIBLE, WAY_BACK_NONE },
		[KIND_WRITE] = { OPERATION_WRITE, RISK_MEDIUM, CAPABILITY_REVERSIBLE, WAY_BACK_NONE },
		[KIND_DELETE] = { OPERATION_DELETE, RISK_HIGH, CAPABILITY_ASKS, WAY_BACK_SNAPSHOT },
	};
	struct govern_capability *capability = entry;
	enum kind kind = kind_of(reader, value);

	capability->operation = kinds[kind].operation;
	capability->risk = kinds[kind].risk;
	capability->flags = kinds[kind].flags;
	capability->way_back = kinds[kind].way_back;
	capability->check = capability->way_back_capability = GOVERN_NONE;
	if (kind == KIND_READ)
		capability->action_class = ACT_READ;
}

static void read_kind(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	int value;

	(void)base;
	IGNORE(read_word_of(reader, key->name, kind_words, node, &value));
}
const struct key_hooks kind_special = { .read = read_kind };

/* ---- risk ---- */

static const struct key risk_keys[] = {
	{ .name = "level", .type = KEY_WORD8, .words = risk_words, .offset = offsetof(struct govern_capability, risk) },
	{ .name = "justification", .type = KEY_STRING, .max = POLICY_TEXT_MAX,
	  .offset = offsetof(struct govern_capability, justification) },
	{ .name = "requires_approval", .type = KEY_BIT, .min = CAPABILITY_ASKS,
	  .offset = offsetof(struct govern_capability, flags) },
	{ 0 },
};

static void read_risk(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_capability *capability = base;
	int value;

	if (node->kind == YAML_MAPPING)
		read_mapping(reader, risk_keys, node, capability);
	else if (read_word_of(reader, key->name, risk_words, node, &value))
		capability->risk = (uint8_t)value;
}

/* ---- check ---- */

static void read_check(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_capability *capability = base;

	(void)key;
	if (node->kind == YAML_SCALAR && slice_is(yaml_text(reader->yaml, node), "none"))
		return;
	add_reference(reader, node, TABLE_CAPABILITIES, REFERENCE_INDEX16, &capability->check);
}

/* ---- the way back ---- */

static void read_way_back_capability(struct reader *reader, const struct yaml_node *node,
				     struct govern_capability *capability)
{
	struct naming *naming = reader->naming;
	uint32_t before = naming->reference_count;

	capability->way_back = WAY_BACK_CAPABILITY;
	add_reference(reader, node, TABLE_CAPABILITIES, REFERENCE_INDEX16, &capability->way_back_capability);
	if (naming->reference_count > before)
		naming->references[before].is_way_back = true;
}

static void read_way_back_run(struct reader *reader, const struct yaml_node *node,
			      struct govern_capability *capability)
{
	static const struct key argv = { .name = "run", .type = KEY_WORDS, .min = WORDS_ARGV };

	capability->way_back = WAY_BACK_RUN;
	read_words(reader, &argv, node, &capability->way_back_argv);
}

static void read_way_back(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value,
			  struct govern_capability *capability)
{
	static const struct key manual = { .name = "manual", .type = KEY_STRING, .max = POLICY_TEXT_MAX,
					   .offset = offsetof(struct govern_capability, manual) };
	struct slice what = yaml_text(reader->yaml, name);
	char shown[SHOWN_MAX];

	if (slice_is(what, "run")) {
		read_way_back_run(reader, value, capability);
	} else if (slice_is(what, "capability")) {
		read_way_back_capability(reader, value, capability);
	} else if (slice_is(what, "manual")) {
		capability->way_back = WAY_BACK_MANUAL;
		read_govern_value(reader, &manual, value, capability);
	} else if (slice_is(what, "snapshot")) {
		capability->way_back = WAY_BACK_SNAPSHOT;
		if (value->kind != YAML_SCALAR || !slice_is(yaml_text(reader->yaml, value), "workspace"))
			reader_fail(reader, value, "only workspace is possible here, not %s",
				    reader_show(reader, value, shown));
	} else {
		reader_fail(reader, name, "%s is no way back; write none, {run: [...]}, {capability: ID}, "
			    "{snapshot: workspace} or {manual: TEXT}", reader_show(reader, name, shown));
	}
}

static void read_compensation(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_capability *capability = base;
	const struct yaml_node *name, *value;
	char shown[SHOWN_MAX];

	(void)key;
	capability->way_back = WAY_BACK_NONE;
	if (node->kind == YAML_SCALAR && slice_is(yaml_text(reader->yaml, node), "none"))
		return;
	name = node->kind == YAML_MAPPING && node->first != YAML_NONE ? yaml_node(reader->yaml, node->first) : NULL;
	value = name ? yaml_node(reader->yaml, name->next) : NULL;
	if (!name || value->next != YAML_NONE)
		reader_fail(reader, node, "one way back belongs here, not %s: none, {run: [...]}, {capability: ID}, "
			    "{snapshot: workspace} or {manual: TEXT}", reader_show(reader, node, shown));
	else
		read_way_back(reader, name, value, capability);
}

/* ---- capture ---- */

static bool capture_name_ok(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return name.len > 0 && name.len < POLICY_NAME_MAX;
}

static void read_capture(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern *govern = &reader->policy->govern;
	struct govern_capability *capability = base;
	char shown[SHOWN_MAX];

	(void)key;
	if (node->kind != YAML_MAPPING) {
		reader_fail(reader, node, "names and commands belong here, not %s", reader_show(reader, node, shown));
		return;
	}
	capability->captures = (struct govern_list){ .first = govern->captures_count };
	for (uint32_t at = node->first; at != YAML_NONE;) {
		static const struct key argv = { .name = "capture", .type = KEY_WORDS, .min = WORDS_ARGV };
		const struct yaml_node *name = yaml_node(reader->yaml, at);
		const struct yaml_node *value = yaml_node(reader->yaml, name->next);
		struct govern_capture *capture = &govern->captures[govern->captures_count];

		at = value->next;
		if (govern->captures_count == GOVERN_CAPTURES_MAX) {
			reader_fail(reader, name, "more than %u captures", GOVERN_CAPTURES_MAX);
			return;
		}
		if (mapping_is_duplicate(reader, node, name) || !capture_name_ok(yaml_text(reader->yaml, name))) {
			reader_fail(reader, name, "%s is not a name of a captured value, or stands here twice: a-z, 0-9 and _",
				    reader_show(reader, name, shown));
			continue;
		}
		if (!govern_keep(reader, name, yaml_text(reader->yaml, name), &capture->name))
			return;
		read_words(reader, &argv, value, &capture->argv);
		govern->captures_count++;
		capability->captures.count++;
	}
}

/* ---- what holds between the keys ---- */

/* R1 to R4; R5 has to know the other capability. */
static void check_risk(struct reader *reader, const struct yaml_node *name, const struct govern_capability *capability)
{
	uint32_t flaws = capability_flaws(capability);
	const char *risk = risk_name((enum risk)capability->risk);

	if (flaws & FLAW_IRREVERSIBLE)
		reader_fail(reader, name, RISK_CHECK "Irreversible side effects (reversible=false) require risk level "
			    "HIGH or CRITICAL, got %s", risk);
	if (flaws & FLAW_DELETE)
		reader_fail(reader, name, RISK_CHECK "DELETE operations require risk level HIGH or CRITICAL, got %s", risk);
	if (flaws & FLAW_NO_WAY_BACK)
		reader_fail(reader, name, RISK_CHECK "Irreversible side effects without compensation require risk level "
			    "CRITICAL, got %s", risk);
	if (flaws & FLAW_CLASS)
		reader_fail(reader, name, RISK_CHECK "class %s requires risk level HIGH or CRITICAL, got %s",
			    class_name((enum action_class)capability->action_class), risk);
}

static bool is_none(const struct reader *reader, const struct yaml_node *value, const char *key)
{
	const struct yaml_node *node = mapping_find(reader, value, key);

	return node && node->kind == YAML_SCALAR && slice_is(yaml_text(reader->yaml, node), "none");
}

static void check_procedure(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value,
			    const struct govern_capability *capability)
{
	bool applies = capability->action_class == ACT_APPLY || capability->action_class == ACT_DESTROY;
	bool runs = capability->action_class == ACT_RUN;
	bool has_plan = mapping_find(reader, value, "plan"), has_check = mapping_find(reader, value, "check");

	if (applies && !has_plan)
		reader_fail(reader, name, "a capability of class apply or destroy says `plan: required`, `bound` or `none`");
	if (!applies && has_plan)
		reader_fail(reader, name, "\"plan\" has no effect here; it is for the classes apply and destroy");
	if (runs && !has_check)
		reader_fail(reader, name, "a capability of class run says `check: ID` of another, or `check: none`");
	if (!runs && has_check)
		reader_fail(reader, name, "\"check\" has no effect here; it is for the class run");
	if (mapping_find(reader, value, "check_ttl") && (!runs || !has_check || is_none(reader, value, "check")))
		reader_fail(reader, name, "\"check_ttl\" has no effect without a `check`");
}

/* `kind: write` depends on what else is said. */
static void settle_kind(struct reader *reader, const struct yaml_node *value, struct govern_capability *capability)
{
	if (kind_of(reader, value) != KIND_WRITE || mapping_find(reader, value, "risk"))
		return;
	if (!(capability->flags & CAPABILITY_REVERSIBLE))
		capability->risk = RISK_HIGH;
	if (capability->risk >= RISK_HIGH)
		capability->flags |= CAPABILITY_ASKS;
}

void capability_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry)
{
	static const char *const none[] = { NULL };
	struct govern_capability *capability = entry;
	const struct yaml_node *way_back = mapping_find(reader, value, "compensation");

	settle_kind(reader, value, capability);
	if (kind_of(reader, value) == KIND_NONE && !mapping_find(reader, value, "operation"))
		reader_fail(reader, name, "\"operation\" is missing: READ, WRITE, DELETE, EXECUTE or NETWORK");
	if (capability->operation == OPERATION_NETWORK && !mapping_find(reader, value, "scope"))
		capability->effects = EFFECTS_NETWORK;
	check_risk(reader, name, capability);
	check_procedure(reader, name, value, capability);
	if (capability->action_class == ACT_RUN && capability->check_ttl_ns == 0 &&
	    !is_none(reader, value, "check"))
		capability->check_ttl_ns = CHECK_TTL_NS;
	if (capability->patterns.count == 0 && capability->unless.count + capability->takes_value.count > 0)
		reader_fail(reader, name, "\"unless\" and \"takes_value\" have no effect without `exec`");
	for (uint32_t i = 0; way_back && i < capability->way_back_argv.count; i++) {
		const struct policy_string *word = &reader->policy->govern.words[capability->way_back_argv.first + i];

		if (!check_variables(reader, way_back, slice_new(policy_text(reader->policy, *word), word->len), none,
				     capability))
			break;
	}
}

void capability_check(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value,
		      const struct govern_capability *capability)
{
	const struct yaml_node *compensation = mapping_find(reader, value, "compensation");
	const struct govern *govern = &reader->policy->govern;
	const struct govern_capability *other;
	const char *id;

	if (capability->check != GOVERN_NONE && govern->capabilities[capability->check].action_class != ACT_CHECK)
		reader_fail(reader, name, "the check \"%s\" is not of class check",
			    table_name(reader->policy, TABLE_CAPABILITIES, capability->check));
	if (capability->way_back_capability == GOVERN_NONE)
		return;
	other = &govern->capabilities[capability->way_back_capability];
	id = table_name(reader->policy, TABLE_CAPABILITIES, capability->way_back_capability);
	if (other == capability)
		reader_fail(reader, compensation, RISK_CHECK "compensation capability \"%s\" is this one itself", id);
	else if (other->operation == OPERATION_DELETE)
		reader_fail(reader, compensation, RISK_CHECK "compensation capability \"%s\" is a DELETE operation", id);
	else if (other->patterns.count == 0)
		reader_fail(reader, compensation, RISK_CHECK "compensation capability \"%s\" has no `exec`, so that nothing "
			    "would be run", id);
}

/* ---- JSON ---- */

static bool plan_present(const struct policy *policy, const void *base)
{
	const struct govern_capability *capability = base;

	(void)policy;
	return capability->action_class == ACT_APPLY || capability->action_class == ACT_DESTROY;
}
const struct key_hooks plan_hooks = { .present = plan_present };

static struct json_t *risk_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_capability *capability = base;

	(void)key;
	if (capability->justification.len == 0 && !(capability->flags & CAPABILITY_ASKS))
		return json_word(risk_words, capability->risk);
	return keys_json(policy, risk_keys, capability);
}
const struct key_hooks risk_special = { .read = read_risk, .json = risk_json };

static struct json_t *check_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_capability *capability = base;

	(void)key;
	if (capability->check == GOVERN_NONE)
		return capability->action_class == ACT_RUN ? json_text("none") : NULL;
	return json_text(table_name(policy, TABLE_CAPABILITIES, capability->check));
}
const struct key_hooks check_special = { .read = read_check, .json = check_json };

static struct json_t *compensation_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_capability *capability = base;

	(void)key;
	switch ((enum way_back)capability->way_back) {
	case WAY_BACK_NONE:
		break;
	case WAY_BACK_RUN:
		return json_pair("run", words_json(policy, capability->way_back_argv));
	case WAY_BACK_CAPABILITY:
		return json_pair("capability", json_text(table_name(policy, TABLE_CAPABILITIES,
								    capability->way_back_capability)));
	case WAY_BACK_SNAPSHOT:
		return json_pair("snapshot", json_text("workspace"));
	case WAY_BACK_MANUAL:
		return json_pair("manual", json_text(policy_text(policy, capability->manual)));
	}
	return json_text("none");
}
const struct key_hooks compensation_special = { .read = read_compensation, .json = compensation_json };

static struct json_t *capture_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_capability *capability = base;
	struct json_t *object = NULL;

	(void)key;
	for (uint32_t i = 0; i < capability->captures.count; i++) {
		const struct govern_capture *capture = &policy->govern.captures[capability->captures.first + i];

		object = json_put(object, policy_text(policy, capture->name), words_json(policy, capture->argv));
	}
	return object;
}
const struct key_hooks capture_special = { .read = read_capture, .json = capture_json };
