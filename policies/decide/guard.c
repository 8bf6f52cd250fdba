/* SPDX-License-Identifier: Apache-2.0 */
/* Guards, behaviour model section 6: fail-closed predicates over a snapshot. Each guard that is needed is asked
 * once, in the order of the table; since parts stand before their composite, no recursion is needed. */
#include "base/text.h"
#include "decide/question.h"

#define ONE GOVERN_NUMBER_ONE

static const char *const plan_statuses[] = {
	[PLAN_DRAFT] = "DRAFT", [PLAN_SUBMITTED] = "SUBMITTED", [PLAN_APPROVED] = "APPROVED",
	[PLAN_ACTIVE] = "ACTIVE", [PLAN_COMPLETED] = "COMPLETED", [PLAN_REJECTED] = "REJECTED",
	[PLAN_EXPIRED] = "EXPIRED", [PLAN_ABORTED] = "ABORTED",
};

static struct field_value text_value(const char *text)
{
	return text ? (struct field_value){ .type = TYPE_TEXT, .text = slice_of(text) } :
		      (struct field_value){ .type = TYPE_ABSENT };
}

static struct field_value number_value(uint32_t number)
{
	return (struct field_value){ .type = TYPE_NUMBER, .number = (int64_t)number * ONE };
}

static struct field_value capability_value(const struct question *question)
{
	if (!question->capability)
		return text_value(NULL);
	return (struct field_value){ .type = TYPE_TEXT,
				     .text = govern_text(question->govern, question->capability->id) };
}

/* What judge() knows is never taken from the list, where it could say something else. */
static struct field_value field_of(const struct question *question, enum field_id field)
{
	const struct snapshot *snapshot = question->snapshot;
	bool is_request = question->action->kind != ACTION_NONE;

	if (field == FIELD_REQUEST_RISK)
		return text_value(is_request ? risk_name((enum risk)question->risk) : NULL);
	if (field == FIELD_REQUEST_CLASS)
		return text_value(is_request ? class_name((enum action_class)question->action_class) : NULL);
	if (field == FIELD_REQUEST_OPERATION)
		return text_value(is_request ? operation_name((enum operation)question->operation) : NULL);
	if (field == FIELD_REQUEST_CAPABILITY)
		return capability_value(question);
	if (field == FIELD_RUN_PHASE)
		return text_value(phase_name((enum phase)snapshot->phase));
	if (field == FIELD_RUN_TIER)
		return number_value(snapshot->tier);
	if (field == FIELD_CHILDREN_COUNT)
		return number_value(snapshot->children);
	if (field == FIELD_CHILDREN_LIVE)
		return number_value(snapshot->children_live);
	if (field == FIELD_PLAN_STATUS)
		return text_value(snapshot->plan_status < COUNT(plan_statuses) ?
				  plan_statuses[snapshot->plan_status] : NULL);
	return snapshot->fields && field < FIELD_COUNT ? snapshot->fields[field] : text_value(NULL);
}

/* The value when it is there and of the field's own type: null and other types are no values. */
static bool right_value(const struct question *question, enum field_id field, struct field_value *ret_value)
{
	*ret_value = field_of(question, field);
	return ret_value->type == field_type(field) && ret_value->type > TYPE_NULL;
}

static bool contains(struct slice text, struct slice part)
{
	if (part.len == 0)
		return true;
	return text.len >= part.len && memmem(text.data, text.len, part.data, part.len) != NULL;
}

static bool compare_text(const struct question *question, const struct govern_condition *condition,
			 struct slice value)
{
	struct slice wanted = govern_text(question->govern, condition->text);
	char digest[7 + 2 * sizeof(question->snapshot->policy_digest) + 1] = "sha256:";

	if (slice_is(wanted, "${policy_digest}")) {
		text_hex(digest + 7, question->snapshot->policy_digest, sizeof(question->snapshot->policy_digest));
		wanted = slice_of(digest);
	}
	switch ((enum compare)condition->compare) {
	case COMPARE_EQ:
		return slice_eq(value, wanted);
	case COMPARE_NE:
		return !slice_eq(value, wanted);
	case COMPARE_CONTAINS:
		return contains(value, wanted);
	case COMPARE_NOT_CONTAINS:
		return !contains(value, wanted);
	case COMPARE_GLOB:
		return text_matches(wanted, value);
	case COMPARE_IN:
		return govern_has_word(question->govern, condition->list, value);
	case COMPARE_EXISTS:
		return true;
	case COMPARE_GT:
	case COMPARE_GE:
	case COMPARE_LT:
	case COMPARE_LE:
	case COMPARE_NOT_EXISTS:
	case COMPARE_COUNT:
		break;
	}
	return false;
}

static bool compare_number(const struct govern_condition *condition, int64_t value)
{
	switch ((enum compare)condition->compare) {
	case COMPARE_EQ:
		return value == condition->number;
	case COMPARE_NE:
		return value != condition->number;
	case COMPARE_GT:
		return value > condition->number;
	case COMPARE_GE:
		return value >= condition->number;
	case COMPARE_LT:
		return value < condition->number;
	case COMPARE_LE:
		return value <= condition->number;
	case COMPARE_EXISTS:
		return true;
	case COMPARE_CONTAINS:
	case COMPARE_NOT_CONTAINS:
	case COMPARE_NOT_EXISTS:
	case COMPARE_IN:
	case COMPARE_GLOB:
	case COMPARE_COUNT:
		break;
	}
	return false;
}

static bool condition_holds(const struct question *question, const struct govern_condition *condition)
{
	enum field_id field = (enum field_id)condition->field;
	struct field_value value;

	if (condition->compare == COMPARE_NOT_EXISTS)
		return field_of(question, field).type == TYPE_ABSENT;
	/* Missing, null or of another type: false, for ne and not_contains, too. */
	if (!right_value(question, field, &value))
		return false;
	if (value.type == TYPE_TEXT)
		return compare_text(question, condition, value.text);
	return compare_number(condition, value.number);
}

static bool criteria_hold(const struct question *question, const struct govern_guard *guard)
{
	bool any = guard->logic == LOGIC_ANY;

	for (uint32_t i = 0; i < guard->conditions.count; i++)
		if (condition_holds(question, &question->govern->conditions[guard->conditions.first + i]) == any)
			return any;
	return !any && guard->conditions.count > 0;
}

static bool has_text(const struct question *question, enum field_id field)
{
	struct field_value value;

	return right_value(question, field, &value) && value.text.len > 0;
}

static bool children_are_joined(const struct question *question, const struct govern_guard *guard)
{
	const struct snapshot *snapshot = question->snapshot;

	return has_text(question, FIELD_RUN_STATUS) && !(snapshot->gates & (GATE_TOKEN | GATE_LEASE)) &&
	       snapshot->children_live == 0 && !(snapshot->children_status & ~(uint32_t)guard->accept) &&
	       snapshot->children >= guard->min_children && snapshot->children <= guard->max_children &&
	       snapshot->point_age_ns <= guard->max_ns;
}

struct govern_list guard_targets(const struct question *question, uint16_t index)
{
	const struct govern_view *govern = question->govern;
	const struct govern_guard *guard = &govern->guards[index];
	struct field_value value;

	if (guard->type != GUARD_ROUTE || !right_value(question, (enum field_id)guard->field, &value) ||
	    value.type != TYPE_TEXT)
		return (struct govern_list){ 0 };
	for (uint32_t i = 0; i < guard->routes.count; i++) {
		const struct govern_route *route = &govern->routes[guard->routes.first + i];

		if (slice_eq(govern_text(govern, route->value), value.text))
			return route->targets;
	}
	return guard->usual;
}

static bool is_fresh(const struct question *question, const struct govern_guard *guard)
{
	struct field_value value;

	/* A time that is still to come is none: its age would be a huge number or a negative one. */
	return right_value(question, (enum field_id)guard->field, &value) && value.type == TYPE_TIME &&
	       value.number >= 0 && (uint64_t)value.number <= question->now_ns &&
	       question->now_ns - (uint64_t)value.number <= guard->max_ns;
}

static bool parts_hold(const struct govern_view *govern, const struct govern_guard *guard, uint64_t holding)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < guard->parts.count; i++)
		held += holding >> govern->guard_parts[guard->parts.first + i] & 1U;
	switch ((enum guard_logic)guard->logic) {
	case LOGIC_ALL:
		return held == guard->parts.count && held > 0;
	case LOGIC_ANY:
		return held > 0;
	case LOGIC_NOT:
		return held == 0 && guard->parts.count > 0;
	}
	return false;
}

/* `holding`: the answers of all guards with a smaller index that were asked. */
static bool holds(const struct question *question, uint16_t index, uint64_t holding)
{
	const struct govern_guard *guard = &question->govern->guards[index];

	switch ((enum guard_type)guard->type) {
	case GUARD_CERBERUS:
		return children_are_joined(question, guard);
	case GUARD_PASS_THRU:
		return has_text(question, FIELD_RUN_STATUS) && has_text(question, FIELD_AGENT_NAME) &&
		       !(question->snapshot->gates & GATE_TOKEN);
	case GUARD_CRITERIA:
		return criteria_hold(question, guard);
	case GUARD_ROUTE:
		return guard_targets(question, index).count > 0;
	case GUARD_TTL:
		return is_fresh(question, guard);
	case GUARD_COMPOSITE:
		return parts_hold(question->govern, guard, holding);
	case GUARD_TYPE_COUNT:
		break;
	}
	return false;
}

/* With the parts of composites, and theirs. */
static uint64_t with_parts(const struct govern_view *govern, uint64_t ids)
{
	for (uint32_t i = govern->guards_count; i-- > 0;) {
		const struct govern_guard *guard = &govern->guards[i];

		if (!(ids >> i & 1U) || guard->type != GUARD_COMPOSITE)
			continue;
		for (uint32_t part = 0; part < guard->parts.count; part++)
			ids |= 1ULL << govern->guard_parts[guard->parts.first + part];
	}
	return ids;
}

uint64_t guards_false(const struct question *question, uint64_t ids)
{
	uint64_t asked = with_parts(question->govern, ids), holding = 0;

	for (uint64_t left = asked; left; left &= left - 1) {
		uint16_t index = (uint16_t)__builtin_ctzll(left);

		if (holds(question, index, holding))
			holding |= 1ULL << index;
	}
	return ids & ~holding;
}

uint64_t guards_at(const struct question *question, enum guard_point point, enum phase phase)
{
	const struct govern_view *govern = question->govern;
	bool has_phase = point == POINT_PHASE_ENTER || point == POINT_PHASE_EXIT;
	uint16_t own = GOVERN_NONE;
	uint64_t ids = 0;

	if (point == POINT_PHASE_EXIT && (unsigned int)phase < PHASE_COUNT)
		own = govern->settings->phases[phase].exit_guard;
	for (uint32_t i = 0; i < govern->guards_count; i++) {
		const struct govern_guard *guard = &govern->guards[i];
		bool here = guard->point == point && (!has_phase || guard->phase == phase);

		if ((here || i == own) && !is_waived(question, govern_text(govern, guard->id)))
			ids |= 1ULL << i;
	}
	return ids;
}

bool guard_holds(const struct govern_view *govern, uint16_t guard, const struct action *action,
		 const struct snapshot *snapshot, uint64_t now_ns, struct govern_list *ret_targets)
{
	struct question question;

	if (ret_targets)
		*ret_targets = (struct govern_list){ 0 };
	if (!question_init(&question, govern, action, snapshot, now_ns) || guard >= govern->guards_count)
		return false;
	if (ret_targets)
		*ret_targets = guard_targets(&question, guard);
	return guards_false(&question, 1ULL << guard) == 0;
}
