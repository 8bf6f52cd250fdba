/* SPDX-License-Identifier: Apache-2.0 */
/* Guards: where they are asked, conditions with typed fields, routes, and guards made of guards. */
#include "compiler/govern.h"

#include "base/text.h"

#define JOIN_TIMEOUT_NS (3600ULL * 1000000000U)
#define MAX_AGE_NS (86400ULL * 1000000000U)

const struct key *guard_keys_of(struct reader *reader, const struct yaml_node *value, void *entry)
{
	struct govern_guard *guard = entry;

	(void)reader;
	(void)value;
	return guard_keys[guard->type];
}

void guard_start(struct reader *reader, const struct yaml_node *value, void *entry)
{
	const struct yaml_node *type = mapping_find(reader, value, "type");
	struct govern_guard *guard = entry;
	int found = GUARD_PASS_THRU;

	/* An unknown type is said when its key is read. */
	for (const struct key_word *word = guard_type_words; type && type->kind == YAML_SCALAR && word->name; word++) {
		if (slice_is(yaml_text(reader->yaml, type), word->name))
			found = word->value;
	}
	guard->type = (uint8_t)found;
	guard->field = guard->type == GUARD_ROUTE || guard->type == GUARD_TTL ? FIELD_COUNT : 0;
	if (guard->type == GUARD_CERBERUS) {
		guard->min_children = 1;
		guard->max_children = 100;
		guard->accept = 1U << RUN_STATUS_COMPLETED;
		guard->max_ns = JOIN_TIMEOUT_NS;
	}
	if (guard->type == GUARD_TTL)
		guard->max_ns = MAX_AGE_NS;
}

/* ---- at ---- */

static const struct key_word point_words[] = {
	{ "run_start", POINT_RUN_START }, { "phase_enter", POINT_PHASE_ENTER }, { "phase_exit", POINT_PHASE_EXIT },
	{ "action", POINT_ACTION }, { "approval_create", POINT_APPROVAL_CREATE },
	{ "stage_enter", KEY_WORD_LATER }, { "stage_join", KEY_WORD_LATER }, { "run_exit", POINT_RUN_EXIT }, { NULL, 0 },
};

static const struct key_word *find_word(const struct key_word *words, struct slice text)
{
	for (; words->name; words++) {
		if (slice_is(text, words->name))
			return words;
	}
	return NULL;
}

static void read_at(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_guard *guard = base;
	const struct key_word *point, *phase = NULL;
	const char *colon;
	char shown[SHOWN_MAX];
	struct slice text;
	bool wants_phase;
	size_t len;

	(void)key;
	if (!reader_text(reader, node, &text))
		return;
	colon = text.len ? memchr(text.data, ':', text.len) : NULL;
	len = colon ? (size_t)(colon - text.data) : text.len;
	point = find_word(point_words, slice_new(text.data, len));
	wants_phase = point && (point->value == POINT_PHASE_ENTER || point->value == POINT_PHASE_EXIT);
	if (colon)
		phase = find_word(phase_words, slice_new(colon + 1, text.len - len - 1));
	if (point && point->value == KEY_WORD_LATER) {
		reader_fail(reader, node, "\"at: %s\" is not supported yet", point->name);
	} else if (!point || wants_phase != (phase != NULL) || (colon && !wants_phase)) {
		reader_fail(reader, node, "%s is no point; write run_start, phase_enter:PHASE, phase_exit:PHASE, action, "
			    "approval_create or run_exit, with a PHASE such as EXECUTE", reader_show(reader, node, shown));
	} else {
		guard->point = (uint8_t)point->value;
		guard->phase = phase ? (uint8_t)phase->value : 0;
	}
}

static struct json_t *at_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_guard *guard = base;
	char text[48];

	(void)policy;
	(void)key;
	for (const struct key_word *word = point_words; word->name; word++) {
		if (word->value != guard->point)
			continue;
		IGNORE(snprintf(text, sizeof(text), "%s%s%s", word->name,
				guard->point == POINT_PHASE_ENTER || guard->point == POINT_PHASE_EXIT ? ":" : "",
				guard->point == POINT_PHASE_ENTER || guard->point == POINT_PHASE_EXIT ?
				phase_words[guard->phase].name : "") < 0);
		return json_text(text);
	}
	return NULL;
}
static bool on_fail_present(const struct policy *policy, const void *base)
{
	(void)policy;
	return ((const struct govern_guard *)base)->point != POINT_NONE;
}
const struct key_hooks on_fail_hooks = { .present = on_fail_present };
const struct key_hooks at_special = { .read = read_at, .json = at_json };

/* ---- fields ---- */

static bool read_field(struct reader *reader, const struct yaml_node *node, uint16_t *ret_field)
{
	const char *names[FIELD_COUNT + 1] = { NULL };
	char shown[SHOWN_MAX];
	enum field_id field;
	struct slice text;
	const char *near;

	if (!reader_text(reader, node, &text))
		return false;
	field = field_find(text);
	if (slice_starts(text, slice_of("stage.")) && field < FIELD_COUNT) {
		reader_fail(reader, node, "%s is not supported yet", reader_show(reader, node, shown));
		return false;
	}
	if (field < FIELD_COUNT) {
		*ret_field = (uint16_t)field;
		return true;
	}
	for (size_t i = 0; i < FIELD_COUNT; i++)
		names[i] = field_name((enum field_id)i);
	near = text_nearest(text, names);
	reader_fail(reader, node, "%s is not a field%s%s%s", reader_show(reader, node, shown),
		    near ? "; did you mean \"" : " (run.*, agent.*, plan.*, request.*, counters.*, children.*, output.*)",
		    near ? near : "", near ? "\"?" : "");
	return false;
}

static struct json_t *field_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_guard *guard = base;

	(void)policy;
	(void)key;
	return guard->field < FIELD_COUNT ? json_text(field_name((enum field_id)guard->field)) : NULL;
}

static void read_attribute(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_guard *guard = base;

	(void)key;
	if (read_field(reader, node, &guard->field) && field_type((enum field_id)guard->field) != TYPE_TEXT)
		reader_fail(reader, node, "%s is no text; routes are chosen by one",
			    field_name((enum field_id)guard->field));
}
const struct key_hooks attribute_special = { .read = read_attribute, .json = field_json };

static void read_time_field(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_guard *guard = base;

	(void)key;
	if (read_field(reader, node, &guard->field) && field_type((enum field_id)guard->field) != TYPE_TIME)
		reader_fail(reader, node, "%s is no time; such are run.started_at and plan.approved_at",
			    field_name((enum field_id)guard->field));
}
const struct key_hooks time_field_special = { .read = read_time_field, .json = field_json };

bool read_condition_field(struct reader *reader, const struct yaml_node *node, uint16_t *ret_field)
{
	return read_field(reader, node, ret_field);
}

/* ---- routes ---- */

static void read_route(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value)
{
	static const struct key targets = { .name = "routes", .type = KEY_WORDS, .min = WORDS_APPROVER };
	struct govern *govern = &reader->policy->govern;
	struct govern_route *route = &govern->routes[govern->routes_count];
	struct slice text;

	if (govern->routes_count == GOVERN_ROUTES_MAX) {
		reader_fail(reader, name, "more than %u routes", GOVERN_ROUTES_MAX);
		return;
	}
	if (!reader_text(reader, name, &text) || !govern_keep(reader, name, text, &route->value))
		return;
	read_words(reader, &targets, value, &route->targets);
	govern->routes_count++;
}

static int by_value(const void *a, const void *b, void *policy)
{
	return govern_compare(policy, ((const struct govern_route *)a)->value, ((const struct govern_route *)b)->value);
}

static void read_routes(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern *govern = &reader->policy->govern;
	struct govern_guard *guard = base;
	char shown[SHOWN_MAX];

	(void)key;
	if (node->kind != YAML_MAPPING || node->first == YAML_NONE) {
		reader_fail(reader, node, "values and who answers belong here, such as HIGH: [\"role:operator\"], not %s",
			    node->kind == YAML_MAPPING ? "an empty mapping" : reader_show(reader, node, shown));
		return;
	}
	guard->routes = (struct govern_list){ .first = govern->routes_count };
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);

		at = yaml_node(reader->yaml, name->next)->next;
		if (mapping_is_duplicate(reader, node, name))
			reader_fail(reader, name, "%s stands here twice", reader_show(reader, name, shown));
		else
			read_route(reader, name, yaml_node(reader->yaml, name->next));
	}
	guard->routes.count = govern->routes_count - guard->routes.first;
	qsort_r(&govern->routes[guard->routes.first], guard->routes.count, sizeof(govern->routes[0]), by_value,
		reader->policy);
}

static struct json_t *routes_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_guard *guard = base;
	struct json_t *object = NULL;

	(void)key;
	for (uint32_t i = 0; i < guard->routes.count; i++) {
		const struct govern_route *route = &policy->govern.routes[guard->routes.first + i];

		object = json_put(object, policy_text(policy, route->value), words_json(policy, route->targets));
	}
	return object;
}
const struct key_hooks routes_special = { .read = read_routes, .json = routes_json };

/* ---- guards of guards ---- */

static void read_parts(struct reader *reader, const struct yaml_node *node, struct govern_guard *guard,
		       enum guard_logic logic)
{
	struct govern *govern = &reader->policy->govern;
	const struct yaml_node *item = node;

	if (logic != LOGIC_NOT && !reader_list(reader, node, "guards"))
		return;
	if (guard->parts.count > 0) {
		reader_fail(reader, node, "a composite has one of all, any and not");
		return;
	}
	guard->logic = (uint8_t)logic;
	guard->parts.first = govern->guard_parts_count;
	if (logic != LOGIC_NOT)
		item = yaml_node(reader->yaml, node->first);
	for (;;) {
		if (govern->guard_parts_count == GOVERN_CONDITIONS_MAX) {
			reader_fail(reader, node, "too many parts of guards");
			return;
		}
		add_reference(reader, item, TABLE_GUARDS, REFERENCE_INDEX32, &govern->guard_parts[govern->guard_parts_count]);
		govern->guard_parts_count++;
		guard->parts.count++;
		if (logic == LOGIC_NOT || item->next == YAML_NONE)
			return;
		item = yaml_node(reader->yaml, item->next);
	}
}

static void read_all_parts(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	read_parts(reader, node, base, LOGIC_ALL);
}
static void read_any_parts(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	read_parts(reader, node, base, LOGIC_ANY);
}
static void read_not_part(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	read_parts(reader, node, base, LOGIC_NOT);
}

static struct json_t *parts_json(const struct policy *policy, const struct govern_guard *guard, enum guard_logic logic)
{
	struct json_t *array = NULL;

	if (guard->parts.count == 0 || guard->logic != logic)
		return NULL;
	for (uint32_t i = 0; i < guard->parts.count; i++) {
		const char *name = table_name(policy, TABLE_GUARDS, policy->govern.guard_parts[guard->parts.first + i]);

		if (logic == LOGIC_NOT)
			return json_text(name);
		array = json_add(array, json_text(name));
	}
	return array;
}
static struct json_t *all_parts_json(const struct policy *policy, const struct key *key, const void *base)
{
	(void)key;
	return parts_json(policy, base, LOGIC_ALL);
}
static struct json_t *any_parts_json(const struct policy *policy, const struct key *key, const void *base)
{
	(void)key;
	return parts_json(policy, base, LOGIC_ANY);
}
static struct json_t *not_part_json(const struct policy *policy, const struct key *key, const void *base)
{
	(void)key;
	return parts_json(policy, base, LOGIC_NOT);
}
const struct key_hooks all_parts_special = { .read = read_all_parts, .json = all_parts_json };
const struct key_hooks any_parts_special = { .read = read_any_parts, .json = any_parts_json };
const struct key_hooks not_part_special = { .read = read_not_part, .json = not_part_json };
