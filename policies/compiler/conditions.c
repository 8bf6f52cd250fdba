/* SPDX-License-Identifier: Apache-2.0 */
/* {field: plan.confidence, ge: 0.7}: the value has the type of its field, and where a field has a closed list of
 * values, it is one of them. */
#include "compiler/govern.h"

#include "base/parse.h"
#include "base/text.h"

#define NUMBER_WHOLE_MAX 9000000000ULL

static const char *const policy_variables[] = { "policy_digest", NULL };

static const struct key_word run_status_words[] = {
	{ "PENDING", 0 }, { "STARTING", 0 }, { "RUNNING", 0 }, { "PAUSED", 0 }, { "RECOVERING", 0 },
	{ "COMPLETED", 0 }, { "FAILED", 0 }, { "REVOKED", 0 }, { NULL, 0 },
};
static const struct key_word plan_status_words[] = {
	{ "DRAFT", 0 }, { "SUBMITTED", 0 }, { "APPROVED", 0 }, { "ACTIVE", 0 }, { "COMPLETED", 0 }, { "REJECTED", 0 },
	{ "EXPIRED", 0 }, { "ABORTED", 0 }, { NULL, 0 },
};
static const struct key_word maturity_words[] = { { "draft", 0 }, { "refined", 0 }, { "final", 0 }, { NULL, 0 } };

/* Fields with a closed list of values. */
static const struct {
	enum field_id field;
	const struct key_word *words;
} closed[] = {
	{ FIELD_RUN_STATUS, run_status_words }, { FIELD_RUN_PHASE, phase_words },
	{ FIELD_PLAN_STATUS, plan_status_words }, { FIELD_REQUEST_RISK, risk_words },
	{ FIELD_REQUEST_CLASS, class_words }, { FIELD_REQUEST_OPERATION, operation_words },
	{ FIELD_OUTPUT_MATURITY, maturity_words },
};

/* ---- which comparison a type has ---- */

#define BIT(compare) (1U << (compare))
#define ORDERED (BIT(COMPARE_GT) | BIT(COMPARE_GE) | BIT(COMPARE_LT) | BIT(COMPARE_LE))
#define PRESENCE (BIT(COMPARE_EXISTS) | BIT(COMPARE_NOT_EXISTS))
#define EQUALITY (BIT(COMPARE_EQ) | BIT(COMPARE_NE))

static uint32_t compares_of(enum field_kind type)
{
	switch (type) {
	case TYPE_TEXT:
		return EQUALITY | PRESENCE | BIT(COMPARE_CONTAINS) | BIT(COMPARE_NOT_CONTAINS) | BIT(COMPARE_IN) |
		       BIT(COMPARE_GLOB);
	case TYPE_NUMBER:
		return EQUALITY | PRESENCE | ORDERED;
	case TYPE_BOOL:
		return EQUALITY | PRESENCE;
	case TYPE_TIME:
	case TYPE_ABSENT:
	case TYPE_NULL:
	case TYPE_LIST:
		break;
	}
	return PRESENCE;
}

/* ---- values ---- */

/* "0.7", "50000", "-3" in millionths; "T3" for tiers. */
static bool parse_number(struct slice text, bool tier, int64_t *ret)
{
	bool minus = text.len > 1 && text.data[0] == '-';
	uint64_t whole, part = 0, unit = GOVERN_NUMBER_ONE;
	const char *point;
	size_t len;

	if (tier && text.len == 2 && text.data[0] == 'T' && text.data[1] >= '0' && text.data[1] <= '4') {
		*ret = (text.data[1] - '0') * GOVERN_NUMBER_ONE;
		return true;
	}
	if (minus)
		text = slice_new(text.data + 1, text.len - 1);
	point = text.len ? memchr(text.data, '.', text.len) : NULL;
	len = point ? (size_t)(point - text.data) : text.len;
	if (parse_u64(slice_new(text.data, len), 0, NUMBER_WHOLE_MAX, &whole) < 0 || (point && len + 1 == text.len))
		return false;
	for (size_t i = len + 1; point && i < text.len; i++) {
		unit /= 10;
		if (unit == 0 || text.data[i] < '0' || text.data[i] > '9')
			return false;
		part += unit * (uint64_t)(text.data[i] - '0');
	}
	*ret = (int64_t)(whole * GOVERN_NUMBER_ONE + part) * (minus ? -1 : 1);
	return true;
}

static void read_number(struct reader *reader, const struct yaml_node *node, struct govern_condition *condition)
{
	bool tier = condition->field == FIELD_RUN_TIER || condition->field == FIELD_AGENT_TIER;
	char shown[SHOWN_MAX];

	condition->type = TYPE_NUMBER;
	if (node->kind != YAML_SCALAR || !parse_number(yaml_text(reader->yaml, node), tier, &condition->number))
		reader_fail(reader, node, "%s is a number; %s is none%s", field_name((enum field_id)condition->field),
			    reader_show(reader, node, shown), tier ? ", and no tier such as T2" : " such as 0.7 or 50000");
}

static void read_boolean(struct reader *reader, const struct yaml_node *node, struct govern_condition *condition)
{
	struct slice text = node->kind == YAML_SCALAR && node->plain ? yaml_text(reader->yaml, node) : slice_of("");
	char shown[SHOWN_MAX];

	condition->type = TYPE_BOOL;
	condition->number = slice_is(text, "true");
	if (!slice_is(text, "true") && !slice_is(text, "false"))
		reader_fail(reader, node, "true or false belongs here, not %s", reader_show(reader, node, shown));
}

static void read_presence(struct reader *reader, const struct yaml_node *node)
{
	struct govern_condition condition = { 0 };
	uint32_t before = reader->diagnostics->count;

	read_boolean(reader, node, &condition);
	if (reader->diagnostics->count == before && !condition.number)
		reader_fail(reader, node, "write `exists: true` or `not_exists: true`");
}

static void check_closed(struct reader *reader, const struct yaml_node *node, uint16_t field, struct slice text)
{
	const char *names[16] = { NULL };
	const struct key_word *words = NULL;
	char shown[SHOWN_MAX];
	const char *near;
	size_t count = 0;

	for (size_t i = 0; i < COUNT(closed); i++)
		words = closed[i].field == (enum field_id)field ? closed[i].words : words;
	for (; words && words->name && count + 1 < COUNT(names); words++) {
		if (slice_is(text, words->name))
			return;
		names[count++] = words->name;
	}
	if (count == 0)
		return;
	near = text_nearest(text, names);
	reader_fail(reader, node, "%s can never be %s%s%s%s", field_name((enum field_id)field),
		    reader_show(reader, node, shown), near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void read_text_value(struct reader *reader, const struct yaml_node *node, struct govern_condition *condition)
{
	struct slice text;

	condition->type = TYPE_TEXT;
	if (!reader_text(reader, node, &text) || !govern_keep(reader, node, text, &condition->text))
		return;
	if (!check_variables(reader, node, text, policy_variables, NULL))
		return;
	if (condition->compare == COMPARE_EQ || condition->compare == COMPARE_NE)
		check_closed(reader, node, condition->field, text);
}

static void read_text_list(struct reader *reader, const struct yaml_node *node, struct govern_condition *condition)
{
	static const struct key words = { .name = "in", .type = KEY_WORDS, .min = WORDS_ANY };

	condition->type = TYPE_LIST;
	read_words(reader, &words, node, &condition->list);
	for (uint32_t at = node->kind == YAML_SEQUENCE ? node->first : YAML_NONE; at != YAML_NONE;
	     at = yaml_node(reader->yaml, at)->next)
		check_closed(reader, yaml_node(reader->yaml, at), condition->field,
			     yaml_text(reader->yaml, yaml_node(reader->yaml, at)));
}

static void read_compared(struct reader *reader, const struct yaml_node *name, const struct yaml_node *node,
			  struct govern_condition *condition)
{
	enum field_kind type = field_type((enum field_id)condition->field);

	if (!(compares_of(type) & BIT(condition->compare)))
		reader_fail(reader, name, "\"%s\" does not compare %s", compare_words[condition->compare].name,
			    field_name((enum field_id)condition->field));
	else if (BIT(condition->compare) & PRESENCE)
		read_presence(reader, node);
	else if (condition->compare == COMPARE_IN)
		read_text_list(reader, node, condition);
	else if (type == TYPE_NUMBER)
		read_number(reader, node, condition);
	else if (type == TYPE_BOOL)
		read_boolean(reader, node, condition);
	else
		read_text_value(reader, node, condition);
}

/* ---- conditions ---- */

static void read_condition(struct reader *reader, const struct yaml_node *node, struct govern_condition *condition)
{
	const struct yaml_node *field = mapping_find(reader, node, "field"), *compared = NULL, *value = NULL;
	char shown[SHOWN_MAX];
	int compare;

	*condition = (struct govern_condition){ 0 };
	if (!field) {
		reader_fail(reader, node, "a condition is {field: NAME, eq: VALUE}, not %s", reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);

		at = yaml_node(reader->yaml, name->next)->next;
		if (slice_is(yaml_text(reader->yaml, name), "field") && yaml_node(reader->yaml, name->next) == field)
			continue;
		if (!read_word_of(reader, "comparison", compare_words, name, &compare))
			return;
		if (compared) {
			reader_fail(reader, name, "a condition compares once; write two conditions");
			return;
		}
		compared = name;
		value = yaml_node(reader->yaml, name->next);
		condition->compare = (uint8_t)compare;
	}
	if (!compared)
		reader_fail(reader, node, "a condition says what the field is compared with: eq, ne, gt, ge, lt, le, "
			    "contains, not_contains, exists, not_exists, in or glob");
	else if (read_condition_field(reader, field, &condition->field))
		read_compared(reader, compared, value, condition);
}

static int by_condition(const void *a, const void *b, void *policy)
{
	const struct govern_condition *left = a, *right = b;

	if (left->field != right->field)
		return left->field < right->field ? -1 : 1;
	if (left->compare != right->compare)
		return left->compare < right->compare ? -1 : 1;
	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return govern_compare(policy, left->text, right->text);
}

static void read_conditions(struct reader *reader, const struct yaml_node *node, struct govern_guard *guard,
			    enum guard_logic logic)
{
	struct govern *govern = &reader->policy->govern;

	if (!reader_list(reader, node, "conditions"))
		return;
	if (guard->conditions.count > 0) {
		reader_fail(reader, node, "a criteria_gate has `all` or `any`");
		return;
	}
	guard->logic = (uint8_t)logic;
	guard->conditions.first = govern->conditions_count;
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next) {
		if (govern->conditions_count == GOVERN_CONDITIONS_MAX) {
			reader_fail(reader, node, "more than %u conditions", GOVERN_CONDITIONS_MAX);
			return;
		}
		read_condition(reader, yaml_node(reader->yaml, at), &govern->conditions[govern->conditions_count]);
		govern->conditions_count++;
		guard->conditions.count++;
	}
	qsort_r(&govern->conditions[guard->conditions.first], guard->conditions.count, sizeof(govern->conditions[0]),
		by_condition, reader->policy);
}

static void read_all_conditions(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	read_conditions(reader, node, base, LOGIC_ALL);
}
static void read_any_conditions(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	read_conditions(reader, node, base, LOGIC_ANY);
}

/* ---- JSON ---- */

static struct json_t *number_text(int64_t number)
{
	uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	char text[48];
	int len;

	if (number % GOVERN_NUMBER_ONE == 0)
		return json_number(number / GOVERN_NUMBER_ONE);
	len = snprintf(text, sizeof(text), "%s%llu.%06llu", number < 0 ? "-" : "",
		       (unsigned long long)(size / GOVERN_NUMBER_ONE), (unsigned long long)(size % GOVERN_NUMBER_ONE));
	while (len > 0 && text[len - 1] == '0')
		text[--len] = '\0';
	return json_text(text);
}

static struct json_t *compared_json(const struct policy *policy, const struct govern_condition *condition)
{
	if (condition->type == TYPE_ABSENT)
		return json_truth(true);
	if (condition->type == TYPE_BOOL)
		return json_truth(condition->number != 0);
	if (condition->type == TYPE_NUMBER)
		return number_text(condition->number);
	if (condition->type == TYPE_LIST)
		return words_json(policy, condition->list);
	return json_text(policy_text(policy, condition->text));
}

static struct json_t *conditions_json(const struct policy *policy, const struct govern_guard *guard, enum guard_logic logic)
{
	struct json_t *array = NULL;

	for (uint32_t i = 0; guard->logic == logic && i < guard->conditions.count; i++) {
		const struct govern_condition *condition = &policy->govern.conditions[guard->conditions.first + i];
		struct json_t *object = json_pair("field", json_text(field_name((enum field_id)condition->field)));

		array = json_add(array, json_put(object, compare_words[condition->compare].name,
						 compared_json(policy, condition)));
	}
	return array;
}
static struct json_t *all_conditions_json(const struct policy *policy, const struct key *key, const void *base)
{
	(void)key;
	return conditions_json(policy, base, LOGIC_ALL);
}
static struct json_t *any_conditions_json(const struct policy *policy, const struct key *key, const void *base)
{
	(void)key;
	return conditions_json(policy, base, LOGIC_ANY);
}
const struct key_hooks all_conditions_special = { .read = read_all_conditions, .json = all_conditions_json };
const struct key_hooks any_conditions_special = { .read = read_any_conditions, .json = any_conditions_json };
