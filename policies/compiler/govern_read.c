/* SPDX-License-Identifier: Apache-2.0 */
/* The types of the tables' keys, entries by their names, and names that stand for entries. */
#include "compiler/govern.h"

#include "base/parse.h"
#include "base/text.h"

#define ROW(table, field, entry, most, one, many, dotted) \
	{ .what = one, .plural = many, .count = offsetof(struct govern, table##_count), \
	  .items = offsetof(struct govern, table), .size = sizeof(struct govern_##entry), .max = most, .dots = dotted, \
	  .keys = field##_keys_of, .start = field##_start, .finish = field##_finish }

const struct table_row table_rows[TABLE_COUNT] = {
	[TABLE_CAPABILITIES] = ROW(capabilities, capability, capability, GOVERN_CAPABILITIES_MAX, "a capability",
				   "capabilities", true),
	[TABLE_RULES] = ROW(rules, rule, rule, GOVERN_RULES_MAX, "a rule", "rules", false),
	[TABLE_GUARDS] = ROW(guards, guard, guard, GOVERN_GUARDS_MAX, "a guard", "guards", false),
	[TABLE_ENVIRONMENTS] = ROW(environments, environment, environment, GOVERN_ENVIRONMENTS_MAX, "an environment",
				   "environments", false),
};

const struct yaml_node *mapping_find(const struct reader *reader, const struct yaml_node *mapping, const char *name)
{
	for (uint32_t at = mapping->kind == YAML_MAPPING ? mapping->first : YAML_NONE; at != YAML_NONE;) {
		const struct yaml_node *key = yaml_node(reader->yaml, at);

		if (slice_is(yaml_text(reader->yaml, key), name))
			return yaml_node(reader->yaml, key->next);
		at = yaml_node(reader->yaml, key->next)->next;
	}
	return NULL;
}

/* ---- the generic types ---- */

static void read_bits(struct reader *reader, const struct key *key, const struct yaml_node *node, void *field)
{
	uint32_t bits = 0;
	int value;

	if (!reader_list(reader, node, "words"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next) {
		if (read_word_of(reader, key->name, key->words, yaml_node(reader->yaml, at), &value))
			bits |= 1U << value;
	}
	if (key->max == 1)
		*(uint8_t *)field = (uint8_t)bits;
	else if (key->max == 2)
		*(uint16_t *)field = (uint16_t)bits;
	else
		*(uint32_t *)field = bits;
}

static void read_bit(struct reader *reader, const struct key *key, const struct yaml_node *node, uint8_t *field)
{
	struct slice text = node->kind == YAML_SCALAR ? yaml_text(reader->yaml, node) : slice_of("");
	char shown[SHOWN_MAX];

	if (!node->plain || (!slice_is(text, "true") && !slice_is(text, "false"))) {
		reader_fail(reader, node, "\"%s\" is true or false, not %s", key->name, reader_show(reader, node, shown));
		return;
	}
	*field = (uint8_t)(slice_is(text, "true") ? *field | key->min : *field & ~key->min);
}

/* "0.7" in parts of `scale` (a power of ten). */
static bool parse_fraction(struct slice text, uint64_t scale, uint64_t *ret)
{
	uint64_t value = 0, unit = scale;

	if (slice_is(text, "1") || slice_is(text, "1.0")) {
		*ret = scale;
		return true;
	}
	if (slice_is(text, "0")) {
		*ret = 0;
		return true;
	}
	if (text.len < 3 || text.data[0] != '0' || text.data[1] != '.')
		return false;
	for (size_t i = 2; i < text.len; i++) {
		unit /= 10;
		if (unit == 0 || text.data[i] < '0' || text.data[i] > '9')
			return false;
		value += unit * (uint64_t)(text.data[i] - '0');
	}
	*ret = value;
	return true;
}

static void read_fraction(struct reader *reader, const struct key *key, const struct yaml_node *node, void *field)
{
	char shown[SHOWN_MAX];
	uint64_t value;

	if (node->kind != YAML_SCALAR || !parse_fraction(yaml_text(reader->yaml, node), key->max, &value))
		reader_fail(reader, node, "%s is not a part of one such as 0.7", reader_show(reader, node, shown));
	else if (key->min == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)value;
	else
		*(int64_t *)field = (int64_t)value;
}

static void read_u8(struct reader *reader, const struct key *key, const struct yaml_node *node, uint8_t *ret)
{
	char shown[SHOWN_MAX];
	uint32_t value;

	if (node->kind != YAML_SCALAR || !node->plain ||
	    parse_u32(yaml_text(reader->yaml, node), (uint32_t)key->min, (uint32_t)key->max, &value) < 0)
		reader_fail(reader, node, "%s is not a whole number from %u to %u", reader_show(reader, node, shown),
			    (unsigned int)key->min, (unsigned int)key->max);
	else
		*ret = (uint8_t)value;
}

static void read_string(struct reader *reader, const struct key *key, const struct yaml_node *node,
			struct policy_string *ret)
{
	struct slice text;

	if (!reader_text(reader, node, &text))
		return;
	if (text.len == 0)
		reader_fail(reader, node, "\"%s\" must not be empty", key->name);
	else if (text.len >= key->max)
		reader_fail(reader, node, "longer than %u bytes", (unsigned int)key->max - 1);
	else
		IGNORE(govern_keep(reader, node, text, ret));
}

static void read_references(struct reader *reader, const struct key *key, const struct yaml_node *node, void *bits)
{
	enum table table = (enum table)key->min;

	if (!reader_list(reader, node, table_rows[table].plural))
		return;
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next)
		add_reference(reader, yaml_node(reader->yaml, at), table, REFERENCE_BIT, bits);
}

static void read_group(struct reader *reader, const struct key *key, const struct yaml_node *node, void *group)
{
	const struct key_hooks *hooks = key->hooks;

	if (hooks && hooks->start)
		hooks->start(reader, node, group);
	read_mapping(reader, key->keys, node, group);
	if (hooks && hooks->finish && node->kind == YAML_MAPPING)
		hooks->finish(reader, node, group);
}

void read_govern_value(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	void *field = key->offset == SIZE_MAX ? NULL : (char *)base + key->offset;
	uint32_t tier = 0;
	int value;

	if (key->type == KEY_GROUP)
		read_group(reader, key, node, field);
	else if (key->type == KEY_TABLE)
		read_table(reader, (enum table)key->min, node);
	else if (key->type == KEY_STRING)
		read_string(reader, key, node, field);
	else if (key->type == KEY_WORD8 && read_word_of(reader, key->name, key->words, node, &value))
		*(uint8_t *)field = (uint8_t)value;
	else if (key->type == KEY_BITS)
		read_bits(reader, key, node, field);
	else if (key->type == KEY_BIT)
		read_bit(reader, key, node, field);
	else if (key->type == KEY_TIER8) {
		tier = *(uint8_t *)field;
		read_tier(reader, node, &tier);
		*(uint8_t *)field = (uint8_t)tier;
	} else if (key->type == KEY_U8)
		read_u8(reader, key, node, field);
	else if (key->type == KEY_FRACTION)
		read_fraction(reader, key, node, field);
	else if (key->type == KEY_WORDS)
		read_words(reader, key, node, field);
	else if (key->type == KEY_REFERENCE)
		add_reference(reader, node, (enum table)key->min, REFERENCE_INDEX16, field);
	else if (key->type == KEY_REFERENCES)
		read_references(reader, key, node, field);
	else if (key->type == KEY_SPECIAL)
		key->hooks->read(reader, key, node, base);
}

/* ---- entries ---- */

int table_find(const struct policy *policy, enum table table, struct slice name)
{
	const uint32_t *count = (const void *)((const char *)&policy->govern + table_rows[table].count);

	for (uint32_t i = 0; i < *count; i++) {
		if (slice_is(name, table_name(policy, table, i)))
			return (int)i;
	}
	return -1;
}

static bool name_is_good(struct slice name, bool dots)
{
	bool word = false;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (word && (c == '-' || c == '_')))
			word = true;
		else if (dots && c == '.' && word)
			word = false;
		else
			return false;
	}
	return word && name.len < POLICY_NAME_MAX;
}

/* A new entry, or that of an extended policy or a pack, which this one replaces. */
static void *make_entry(struct reader *reader, enum table table, const struct yaml_node *name, struct slice id,
			uint32_t *ret_index)
{
	const struct table_row *row = &table_rows[table];
	struct govern *govern = &reader->policy->govern;
	uint32_t *count = table_count(govern, table);
	int found = table_find(reader->policy, table, id);
	void *entry;

	if (found < 0 && *count == row->max) {
		reader_fail(reader, name, "more than %u %s", row->max, row->plural);
		return NULL;
	}
	*ret_index = found < 0 ? *count : (uint32_t)found;
	entry = table_entry(govern, table, *ret_index);
	memset(entry, 0, row->size);
	if (!govern_keep(reader, name, id, entry))
		return NULL;
	*count += found < 0;
	return entry;
}

static void read_entry(struct reader *reader, enum table table, const struct yaml_node *name,
		       const struct yaml_node *value)
{
	const struct table_row *row = &table_rows[table];
	char shown[SHOWN_MAX];
	uint32_t index, before;
	struct slice id;
	void *entry;

	if (!reader_text(reader, name, &id))
		return;
	if (!name_is_good(id, row->dots)) {
		reader_fail(reader, name, "%s is no name of %s: a-z, 0-9, - and _%s", reader_show(reader, name, shown),
			    row->what, row->dots ? " in words joined by dots" : "");
		return;
	}
	entry = make_entry(reader, table, name, id, &index);
	if (!entry)
		return;
	reader->naming->names[table][index] = name;
	reader->naming->values[table][index] = value;
	before = reader->diagnostics->count;
	row->start(reader, value, entry);
	read_mapping(reader, row->keys(reader, value, entry), value, entry);
	/* What is wrong already would be said twice. */
	if (reader->diagnostics->count == before)
		row->finish(reader, name, value, entry);
}

void read_table(struct reader *reader, enum table table, const struct yaml_node *node)
{
	char shown[SHOWN_MAX];

	if (reader->project)
		return;
	if (node->kind != YAML_MAPPING) {
		reader_fail(reader, node, "named %s belong here, not %s", table_rows[table].plural,
			    reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);
		const struct yaml_node *value = yaml_node(reader->yaml, name->next);

		at = value->next;
		if (mapping_is_duplicate(reader, node, name))
			reader_fail(reader, name, "%s stands here twice", reader_show(reader, name, shown));
		else
			read_entry(reader, table, name, value);
	}
}

/* ---- names that stand for entries ---- */

void add_reference(struct reader *reader, const struct yaml_node *node, enum table table, enum reference_kind kind,
		   void *field)
{
	struct naming *naming = reader->naming;
	struct slice text;

	if (!reader_text(reader, node, &text))
		return;
	if (naming->reference_count == NAMING_REFERENCES_MAX) {
		reader_fail(reader, node, "this document names too much");
		return;
	}
	naming->references[naming->reference_count++] =
		(struct reference){ .table = table, .kind = kind, .node = node, .field = field };
}

static void fail_reference(struct reader *reader, const struct reference *reference)
{
	const struct table_row *row = &table_rows[reference->table];
	const char *names[NAMING_ENTRIES_MAX + 1] = { NULL };
	uint32_t count = *table_count(&reader->policy->govern, reference->table);
	struct slice text = yaml_text(reader->yaml, reference->node);
	char shown[SHOWN_MAX];
	const char *near;

	reader_show(reader, reference->node, shown);
	if (reference->is_way_back) {
		reader_fail(reader, reference->node, RISK_CHECK "compensation capability %s is not defined", shown);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		names[i] = table_name(reader->policy, reference->table, i);
	near = text_nearest(text, names);
	reader_fail(reader, reference->node, "%s is not %s of this policy%s%s%s", shown, row->what,
		    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void resolve(struct reader *reader, const struct reference *reference)
{
	int found = table_find(reader->policy, reference->table, yaml_text(reader->yaml, reference->node));

	if (found < 0)
		fail_reference(reader, reference);
	else if (reference->kind == REFERENCE_INDEX16)
		*(uint16_t *)reference->field = (uint16_t)found;
	else if (reference->kind == REFERENCE_INDEX32)
		*(uint32_t *)reference->field = (uint32_t)found;
	else
		((uint32_t *)reference->field)[found / 32] |= 1U << (found % 32);
}

void govern_finish_document(struct reader *reader)
{
	const struct naming *naming = reader->naming;
	struct govern *govern = &reader->policy->govern;

	for (uint32_t i = 0; i < naming->reference_count; i++)
		resolve(reader, &naming->references[i]);
	if (reader->diagnostics->count > 0)
		return;
	for (uint32_t i = 0; i < govern->capabilities_count; i++) {
		if (naming->names[TABLE_CAPABILITIES][i])
			capability_check(reader, naming->names[TABLE_CAPABILITIES][i],
					 naming->values[TABLE_CAPABILITIES][i], &govern->capabilities[i]);
	}
	for (uint32_t i = 0; i < govern->rules_count; i++) {
		if (naming->names[TABLE_RULES][i])
			rule_check(reader, naming->names[TABLE_RULES][i], &govern->rules[i]);
	}
	guards_check(reader);
	if (reader->diagnostics->count == 0)
		line_tests_run(reader);
}
