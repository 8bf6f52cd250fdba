/* SPDX-License-Identifier: Apache-2.0 */
/* The border of root for a policy's tables. Nothing is changed and nothing allocated; what passes can be
 * walked without another look: indices lead into their tables, texts are terminated, composites cannot be
 * cyclic, and no element is in two lists, which bounds the work of every walk. */
#include "decide/field.h"
#include "decide/govern_image.h"

struct checker {
	struct govern_view view;
	uint64_t used[TABLE_COUNT];      /* elements that lists refer to */
	const char *table;               /* where we are, for the error */
	uint32_t index;
	const char *flaw;                /* the first one; NULL = none */
	uint8_t depth[GOVERN_GUARDS_MAX];/* of composites; 1 = a guard of its own */
};

/* Every condition is asked, the first that fails is told; what follows may rely on nothing before. */
static bool want(struct checker *checker, bool holds, const char *flaw)
{
	if (!holds && !checker->flaw)
		checker->flaw = flaw;
	return holds;
}

static bool has_text(struct checker *checker, struct policy_string text, uint32_t max, const char *flaw)
{
	const struct govern_view *view = &checker->view;

	if (!want(checker, text.len <= max && text.offset < view->strings_len &&
		  text.len < view->strings_len - text.offset, flaw))
		return false;
	return want(checker, memchr(view->strings + text.offset, '\0', (size_t)text.len + 1) ==
		    view->strings + text.offset + text.len, flaw);
}

static void has_id(struct checker *checker, struct policy_string id)
{
	if (has_text(checker, id, GOVERN_ID_MAX, "id"))
		want(checker, id.len > 0, "id");
}

/* A text that need not be there: {0, 0} even where there are no strings at all. */
static void may_have_text(struct checker *checker, struct policy_string text, const char *flaw)
{
	if (text.len > 0 || text.offset > 0)
		IGNORE(has_text(checker, text, GOVERN_TEXT_MAX, flaw)); /* it is kept in checker->flaw */
}

static bool has_list(struct checker *checker, struct govern_list list, enum govern_table_id id, uint32_t least,
		     const char *flaw)
{
	uint32_t count = govern_table_count(&checker->view, id);

	checker->used[id] += list.count;
	return want(checker, list.first <= count && list.count <= count - list.first && list.count >= least,
		    flaw);
}

static void has_words(struct checker *checker, struct govern_list list, const char *flaw)
{
	IGNORE(has_list(checker, list, TABLE_words, 0, flaw)); /* it is kept in checker->flaw */
}

static void has_zeros(struct checker *checker, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		want(checker, bytes[i] == 0, "reserved byte");
}

static bool is_index(uint16_t index, uint32_t count)
{
	return index == GOVERN_NONE || index < count;
}

/* Bits at or above `count` are not set. */
static bool bits_below(const uint32_t *bits, uint32_t words, uint32_t count)
{
	for (uint32_t i = count; i < words * 32; i++)
		if (bits[i / 32] & 1U << i % 32)
			return false;
	return true;
}

static bool any_bit(const uint32_t *bits, uint32_t words)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < words; i++)
		all |= bits[i];
	return all != 0;
}

/* ---- the tables, one function each ---- */

static void check_word(struct checker *checker, const void *row)
{
	const struct policy_string *word = row;

	IGNORE(has_text(checker, *word, GOVERN_TEXT_MAX, "text")); /* it is kept in checker->flaw */
}

static void check_capability(struct checker *checker, const void *row)
{
	const struct govern_capability *c = row;
	uint32_t count = checker->view.capabilities_count;

	has_id(checker, c->id);
	may_have_text(checker, c->description, "description");
	may_have_text(checker, c->justification, "justification");
	may_have_text(checker, c->manual, "manual");
	want(checker, c->operation < OPERATION_COUNT && c->risk < RISK_COUNT && c->action_class < ACT_COUNT &&
	     c->plan_need <= PLAN_BOUND && c->way_back <= WAY_BACK_MANUAL && c->effects <= EFFECTS_EXTERNAL &&
	     c->state <= CAPABILITY_DEPRECATED, "enum");
	want(checker, c->flags <= (CAPABILITY_REVERSIBLE | CAPABILITY_SHORT_CLUSTERS | CAPABILITY_ASKS) &&
	     c->reserved == 0, "flags");
	want(checker, is_index(c->check, count), "check");
	want(checker, is_index(c->way_back_capability, count) &&
	     (c->way_back_capability == GOVERN_NONE) == (c->way_back != WAY_BACK_CAPABILITY), "compensation");
	want(checker, capability_flaws(c) == 0, "risk: it is not consistent");
	has_words(checker, c->way_back_argv, "compensation");
	has_words(checker, c->takes_value, "takes_value");
	has_words(checker, c->unless, "unless");
	want(checker, has_list(checker, c->patterns, TABLE_patterns, 0, "exec"), "exec");
	want(checker, has_list(checker, c->captures, TABLE_captures, 0, "capture"), "capture");
}

static void check_pattern(struct checker *checker, const void *row)
{
	const struct govern_pattern *pattern = row;

	want(checker, has_list(checker, pattern->programs, TABLE_words, 1, "programs"), "programs");
	want(checker, has_list(checker, pattern->elements, TABLE_choices, 0, "elements"), "elements");
}

static void check_choice(struct checker *checker, const void *row)
{
	const struct govern_choice *choice = row;

	want(checker, has_list(checker, choice->words, TABLE_words, 1, "words"), "words");
	want(checker, choice->option <= 1, "option");
}

static void check_capture(struct checker *checker, const void *row)
{
	const struct govern_capture *capture = row;

	has_id(checker, capture->name);
	want(checker, has_list(checker, capture->argv, TABLE_words, 1, "argv"), "argv");
}

/* What is empty would look at nothing, and so match everything. */
static bool looks_at_something(const struct govern_when *when)
{
	return when->any || when->classes || when->risks || when->operations || when->environments ||
	       when->phases || when->has_capabilities || when->principals.count || when->exes.count ||
	       when->options.count || when->paths_under.count;
}

static void check_when(struct checker *checker, const struct govern_when *when)
{
	const struct govern_view *view = &checker->view;

	want(checker, when->any <= 1 && when->has_capabilities <= 1 && when->reserved == 0, "when");
	want(checker, looks_at_something(when), "when: it is empty");
	want(checker, when->classes < 1U << ACT_COUNT && when->risks < 1U << RISK_COUNT &&
	     when->operations < 1U << OPERATION_COUNT && when->phases < 1U << PHASE_COUNT, "when");
	want(checker, bits_below(&when->environments, 1, view->environments_count), "when: environment");
	want(checker, bits_below(when->capabilities, COUNT(when->capabilities), view->capabilities_count) &&
	     any_bit(when->capabilities, COUNT(when->capabilities)) == when->has_capabilities,
	     "when: capability");
	has_words(checker, when->principals, "when: principal");
	has_words(checker, when->exes, "when: exe");
	has_words(checker, when->options, "when: option");
	has_words(checker, when->paths_under, "when: path_under");
}

static void check_rule(struct checker *checker, const void *row)
{
	const struct govern_view *view = &checker->view;
	const struct govern_rule *rule = row;

	has_id(checker, rule->id);
	may_have_text(checker, rule->reason, "reason");
	may_have_text(checker, rule->accept_reason, "accept_risk");
	check_when(checker, &rule->when);
	has_zeros(checker, rule->reserved, sizeof(rule->reserved));
	want(checker, rule->verdict <= VERDICT_ALLOW, "verdict");
	want(checker, rule->on == ON_DENY || (rule->on == ON_VIOLATE && rule->verdict == VERDICT_DENY), "on");
	want(checker, rule->accepts == 0 || (rule->accepts <= RISK_COUNT && rule->verdict == VERDICT_ALLOW),
	     "accept_risk");
	if (!want(checker, bits_below(rule->unless, COUNT(rule->unless), view->rules_count), "unless"))
		return;
	/* Else a denial could be taken out by a rule that is added. */
	for (uint32_t i = 0; i < view->rules_count; i++)
		if (rule->unless[i / 32] & 1U << i % 32)
			want(checker, view->rules[i].verdict == VERDICT_ALLOW && view->rules[i].accepts > 0 &&
			     &view->rules[i] != rule, "unless");
}

static void check_environment(struct checker *checker, const void *row)
{
	const struct govern_environment *environment = row;

	has_id(checker, environment->id);
	want(checker, environment->environment_class <= ENVIRONMENT_PROD && environment->min_tier < GOVERN_TIERS &&
	     environment->on <= ON_VIOLATE, "enum");
	has_zeros(checker, environment->reserved, sizeof(environment->reserved));
	has_words(checker, environment->owners, "owners");
	has_words(checker, environment->nets, "net");
	has_words(checker, environment->paths, "path");
	has_words(checker, environment->env, "env");
}

static void check_parts(struct checker *checker, const struct govern_guard *guard)
{
	const struct govern_view *view = &checker->view;
	uint8_t deepest = 0;

	want(checker, guard->logic != LOGIC_NOT || guard->parts.count == 1, "not: more than one part");
	for (uint32_t i = 0; i < guard->parts.count; i++) {
		uint32_t part = view->guard_parts[guard->parts.first + i];

		if (!want(checker, part < checker->index, "part: it must stand before its composite"))
			return;
		deepest = MAX(deepest, checker->depth[part]);
	}
	want(checker, deepest < GOVERN_DEPTH_MAX, "composite: too deep");
	checker->depth[checker->index] = (uint8_t)MIN(deepest + 1U, GOVERN_DEPTH_MAX);
}

static void check_guard_type(struct checker *checker, const struct govern_guard *guard)
{
	switch ((enum guard_type)guard->type) {
	case GUARD_CERBERUS:
		want(checker, guard->min_children <= guard->max_children, "min_children");
		return;
	case GUARD_CRITERIA:
		want(checker, guard->logic != LOGIC_NOT && guard->conditions.count > 0, "criteria: it is empty");
		return;
	case GUARD_ROUTE:
		want(checker, field_type((enum field_id)guard->field) == TYPE_TEXT, "attribute");
		want(checker, guard->routes.count > 0 || guard->usual.count > 0, "routes: there are none");
		return;
	case GUARD_TTL:
		want(checker, field_type((enum field_id)guard->field) == TYPE_TIME, "field");
		return;
	case GUARD_COMPOSITE:
		check_parts(checker, guard);
		return;
	case GUARD_PASS_THRU:
	case GUARD_TYPE_COUNT:
		return;
	}
}

static void check_guard(struct checker *checker, const void *row)
{
	const struct govern_guard *guard = row;
	bool has_phase = guard->point == POINT_PHASE_ENTER || guard->point == POINT_PHASE_EXIT;
	bool good;

	has_id(checker, guard->id);
	good = want(checker, guard->type < GUARD_TYPE_COUNT && guard->point < POINT_COUNT &&
		    guard->phase < PHASE_COUNT && guard->logic <= LOGIC_NOT && guard->on_fail <= FAIL_VIOLATE &&
		    guard->field < FIELD_COUNT, "enum");
	want(checker, has_phase || guard->phase == 0, "phase");
	checker->depth[checker->index] = 1;
	/* A list that its type does not read is a member that somebody forgot. */
	good &= has_list(checker, guard->conditions, TABLE_conditions, 0, "conditions");
	good &= has_list(checker, guard->parts, TABLE_guard_parts, guard->type == GUARD_COMPOSITE, "parts");
	good &= has_list(checker, guard->routes, TABLE_routes, 0, "routes");
	good &= has_list(checker, guard->usual, TABLE_words, 0, "default");
	good &= want(checker, (guard->conditions.count == 0 || guard->type == GUARD_CRITERIA) &&
		     (guard->parts.count == 0 || guard->type == GUARD_COMPOSITE) &&
		     (guard->routes.count + guard->usual.count == 0 || guard->type == GUARD_ROUTE), "type");
	if (good)
		check_guard_type(checker, guard);
}

/* Which values an operator is written with, and whether the field can ever be compared with them. */
static bool condition_fits(const struct govern_condition *condition)
{
	enum field_kind own = field_type((enum field_id)condition->field);

	switch ((enum compare)condition->compare) {
	case COMPARE_EQ:
	case COMPARE_NE:
		return condition->type == own && own != TYPE_TIME;
	case COMPARE_GT:
	case COMPARE_GE:
	case COMPARE_LT:
	case COMPARE_LE:
		return condition->type == own && own == TYPE_NUMBER;
	case COMPARE_CONTAINS:
	case COMPARE_NOT_CONTAINS:
	case COMPARE_GLOB:
		return condition->type == own && own == TYPE_TEXT;
	case COMPARE_EXISTS:
	case COMPARE_NOT_EXISTS:
		return condition->type == TYPE_ABSENT;
	case COMPARE_IN:
		return condition->type == TYPE_LIST && own == TYPE_TEXT && condition->list.count > 0;
	case COMPARE_COUNT:
		break;
	}
	return false;
}

static void check_condition(struct checker *checker, const void *row)
{
	const struct govern_condition *condition = row;

	if (!want(checker, condition->field < FIELD_COUNT && condition->compare < COMPARE_COUNT &&
		  condition->reserved == 0, "enum"))
		return;
	want(checker, condition_fits(condition), "its operator and its value do not fit the field");
	want(checker, condition->type != TYPE_BOOL || (condition->number & ~1LL) == 0, "bool");
	may_have_text(checker, condition->text, "text");
	has_words(checker, condition->list, "in");
}

static void check_route(struct checker *checker, const void *row)
{
	const struct govern_route *route = row;

	may_have_text(checker, route->value, "value");
	want(checker, has_list(checker, route->targets, TABLE_words, 1, "targets"), "targets");
}

static void check_part(struct checker *checker, const void *row)
{
	uint32_t part;

	memcpy(&part, row, sizeof(part));
	want(checker, part < checker->view.guards_count, "index");
}

static void (*const row_checks[TABLE_COUNT])(struct checker *checker, const void *row) = {
	[TABLE_capabilities] = check_capability, [TABLE_patterns] = check_pattern,
	[TABLE_choices] = check_choice, [TABLE_captures] = check_capture, [TABLE_rules] = check_rule,
	[TABLE_environments] = check_environment, [TABLE_guards] = check_guard,
	[TABLE_guard_parts] = check_part, [TABLE_conditions] = check_condition,
	[TABLE_routes] = check_route, [TABLE_words] = check_word,
};

/* ---- settings ---- */

static void check_approval(struct checker *checker, const struct govern_approval *approval)
{
	want(checker, approval->role < ROLE_COUNT && approval->self <= 1, "approvals");
	want(checker, approval->role == ROLE_NONE || (approval->count > 0 && approval->uses > 0), "approvals");
	want(checker, approval->reserved2 == 0, "approvals");
	has_zeros(checker, approval->reserved, sizeof(approval->reserved));
	has_words(checker, approval->of, "approvals: of");
}

static void check_phase(struct checker *checker, const struct govern_phase *phase)
{
	want(checker, phase->require_classes < 1U << ACT_COUNT && phase->has_write <= 1 && phase->reserved2 == 0,
	     "phases");
	want(checker, is_index(phase->exit_guard, checker->view.guards_count), "phases: exit_guard");
	want(checker, phase->min_confidence >= 0 && phase->min_confidence <= GOVERN_NUMBER_ONE,
	     "phases: min_confidence");
	has_zeros(checker, phase->reserved, sizeof(phase->reserved));
	has_words(checker, phase->write, "phases: write");
	has_words(checker, phase->artifacts, "phases: artifacts");
	has_words(checker, phase->needs, "phases: needs");
}

static void check_settings(struct checker *checker)
{
	const struct govern_settings *s = checker->view.settings;
	uint32_t capabilities = checker->view.capabilities_count;

	checker->table = "settings";
	checker->index = 0;
	want(checker, s->gated <= 1 && s->auto_approve <= RISK_COUNT && s->phases_enforce <= PHASES_STRICT &&
	     s->min_tier < GOVERN_TIERS && s->auto_allow_hooks <= 1 && s->reserved == 0, "enum");
	want(checker, s->optional_phases < 1U << PHASE_COUNT && s->high_risk_transitions < 1U << GOVERN_STATUSES,
	     "bits");
	want(checker, is_index(s->std_tool, capabilities) && is_index(s->std_workspace, capabilities) &&
	     is_index(s->std_unknown, capabilities), "std");
	for (uint32_t i = 0; i < RISK_COUNT; i++)
		check_approval(checker, &s->approvals[i]);
	for (uint32_t i = 0; i < PHASE_COUNT; i++)
		check_phase(checker, &s->phases[i]);
	want(checker, s->budget.on_exceed <= ON_VIOLATE && s->budget.count < 1U << ERROR_SOURCE_COUNT &&
	     s->budget.soft_at <= 1000 && s->budget.set <= 1, "budget");
	has_zeros(checker, s->budget.reserved, sizeof(s->budget.reserved));
	may_have_text(checker, s->lease.resource, "lease");
	want(checker, s->lease.renew <= RENEW_EXPLICIT && s->lease.wait <= 1, "lease");
	has_zeros(checker, s->lease.reserved, sizeof(s->lease.reserved));
}

/* ---- the whole ---- */

/* The answer must not depend on which of two comes first. */
static void check_ids(struct checker *checker, enum govern_table_id id)
{
	const char *rows = govern_table_rows(&checker->view, id);
	uint32_t count = govern_table_count(&checker->view, id);

	checker->table = govern_tables[id].name;
	for (uint32_t i = 0; i < count && !checker->flaw; i++) {
		struct policy_string own, other;

		checker->index = i;
		memcpy(&own, rows + i * govern_tables[id].size, sizeof(own)); /* id is the first member */
		for (uint32_t j = 0; j < i; j++) {
			memcpy(&other, rows + j * govern_tables[id].size, sizeof(other));
			want(checker, !slice_eq(govern_text(&checker->view, own),
						govern_text(&checker->view, other)), "id: it is there twice");
		}
	}
}

static void check_table(struct checker *checker, enum govern_table_id id)
{
	const char *rows = govern_table_rows(&checker->view, id);
	uint32_t count = govern_table_count(&checker->view, id);

	checker->table = govern_tables[id].name;
	for (uint32_t i = 0; i < count && !checker->flaw; i++) {
		checker->index = i;
		row_checks[id](checker, rows + i * govern_tables[id].size);
	}
}

static int say_flaw(const struct checker *checker, struct error *err)
{
	return error_say(err, -EINVAL, "the policy's %s, entry %u, are not acceptable: %s", checker->table,
			 checker->index, checker->flaw);
}

/* Zeros up to the next part. Returns where it starts, or 0. */
static size_t next_part(const char *bytes, size_t len, size_t at, size_t size)
{
	size_t end = at + size, next = (end + GOVERN_ALIGN - 1) & ~(size_t)(GOVERN_ALIGN - 1);

	if (next > len)
		return 0;
	for (; end < next; end++)
		if (bytes[end] != 0)
			return 0;
	return next;
}

/* Finds the parts. Their contents are not looked at, except that strings end in NUL. */
static int find_parts(struct checker *checker, const char *bytes, size_t len)
{
	struct govern_view *view = &checker->view;
	const struct govern_head *head = (const void *)bytes;
	size_t at = sizeof(*head), next;

	if (len < sizeof(*head) + sizeof(*view->settings) || head->version != GOVERN_VERSION ||
	    head->reserved != 0 || head->strings_len > GOVERN_STRINGS_MAX)
		return -EINVAL;
	view->settings = (const void *)(bytes + at);
	at += sizeof(*view->settings);
	for (enum govern_table_id id = 0; id < TABLE_COUNT; id++) {
		const char *rows = bytes + at;

		if (head->counts[id] > govern_tables[id].max)
			return -EINVAL;
		next = next_part(bytes, len, at, head->counts[id] * govern_tables[id].size);
		if (next == 0)
			return -EINVAL;
		memcpy((char *)view + govern_tables[id].count_at, &head->counts[id], sizeof(head->counts[id]));
		memcpy((char *)view + govern_tables[id].rows_at, &rows, sizeof(rows));
		at = next;
	}
	view->strings = bytes + at;
	view->strings_len = head->strings_len;
	return next_part(bytes, len, at, head->strings_len) == len ? 0 : -EINVAL;
}

static int check_parts_of(struct checker *checker, struct error *err)
{
	for (enum govern_table_id id = 0; id < TABLE_COUNT && !checker->flaw; id++)
		check_table(checker, id);
	if (!checker->flaw)
		check_settings(checker);
	for (enum govern_table_id id = 0; id < TABLE_COUNT && !checker->flaw; id++) {
		checker->table = govern_tables[id].name;
		want(checker, checker->used[id] <= govern_table_count(&checker->view, id),
		     "lists: an element belongs to two");
		if (id == TABLE_capabilities || id == TABLE_rules || id == TABLE_environments || id == TABLE_guards)
			check_ids(checker, id);
	}
	return checker->flaw ? say_flaw(checker, err) : 0;
}

int govern_view_check(const struct govern_view *view, struct error *err)
{
	struct checker checker = { .view = *view };

	for (enum govern_table_id id = 0; id < TABLE_COUNT; id++) {
		if (govern_table_count(view, id) > govern_tables[id].max)
			return error_say(err, -EINVAL, "the policy's tables are not acceptable: size");
	}
	return check_parts_of(&checker, err);
}

int govern_check(const void *bytes, size_t len, struct govern_view *ret_view, struct error *err)
{
	struct checker checker = { 0 };
	int r;

	if (!bytes || (uintptr_t)bytes % GOVERN_ALIGN != 0 || find_parts(&checker, bytes, len) < 0)
		return error_say(err, -EINVAL, "the policy's tables are not acceptable: size");
	r = check_parts_of(&checker, err);
	if (r == 0)
		*ret_view = checker.view;
	return r;
}
