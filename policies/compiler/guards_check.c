/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of a guard's keys, and between guards: none stands on itself, none is without use. */
#include "compiler/govern.h"

#include "base/text.h"

/* What a type cannot be without. An empty list would mean allow in many systems; here it is no list. */
static const char *missing_of(const struct govern_guard *guard)
{
	switch ((enum guard_type)guard->type) {
	case GUARD_CRITERIA:
		return guard->conditions.count == 0 ? "conditions: `all` or `any`" : NULL;
	case GUARD_ROUTE:
		if (guard->field == FIELD_COUNT)
			return "an `attribute`";
		return guard->routes.count + guard->usual.count == 0 ? "`routes` or a `default`" : NULL;
	case GUARD_TTL:
		return guard->field == FIELD_COUNT ? "a `field`" : NULL;
	case GUARD_COMPOSITE:
		return guard->parts.count == 0 ? "parts: `all`, `any` or `not`" : NULL;
	case GUARD_CERBERUS:
	case GUARD_PASS_THRU:
	case GUARD_TYPE_COUNT:
		break;
	}
	return NULL;
}

void guard_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry)
{
	const struct govern_guard *guard = entry;
	const char *missing = missing_of(guard);
	char shown[SHOWN_MAX];

	reader_show(reader, name, shown);
	if (!mapping_find(reader, value, "type"))
		reader_fail(reader, name, "the guard %s lacks a \"type\"", shown);
	else if (missing)
		reader_fail(reader, name, "the guard %s lacks %s", shown, missing);
	if (guard->type == GUARD_CERBERUS && guard->min_children > guard->max_children)
		reader_fail(reader, name, "the guard %s wants at least %u children and at most %u", shown,
			    guard->min_children, guard->max_children);
	if (mapping_find(reader, value, "on_fail") && !mapping_find(reader, value, "at"))
		reader_fail(reader, mapping_find(reader, value, "on_fail"), "\"on_fail\" has no effect without `at`");
}

/* "a > b > a" from a guard that stands on itself. */
static void cycle_path(const struct policy *policy, const uint32_t *depths, uint32_t start, struct buf *path)
{
	const struct govern *govern = &policy->govern;
	uint64_t seen = 0;
	uint32_t at = start;

	/* Whoever is in or above a cycle has a part that is. */
	while (!(seen >> at & 1U)) {
		const struct govern_list *parts = &govern->guards[at].parts;
		uint32_t next = at;

		seen |= 1ULL << at;
		IGNORE(buf_printf(path, "%s > ", table_name(policy, TABLE_GUARDS, at)) < 0);
		for (uint32_t i = 0; i < parts->count; i++) {
			if (depths[govern->guard_parts[parts->first + i]] == GUARD_CYCLE)
				next = govern->guard_parts[parts->first + i];
		}
		at = next;
	}
	IGNORE(buf_text(path, table_name(policy, TABLE_GUARDS, at)) < 0);
}

static bool is_used(const struct govern *govern, uint32_t guard)
{
	if (govern->guards[guard].point != POINT_NONE)
		return true;
	for (uint32_t i = 0; i < govern->guard_parts_count; i++) {
		if (govern->guard_parts[i] == guard)
			return true;
	}
	for (unsigned int i = 0; i < PHASE_COUNT; i++) {
		if (govern->settings.phases[i].exit_guard == guard)
			return true;
	}
	return false;
}

void guards_check(struct reader *reader)
{
	const struct govern *govern = &reader->policy->govern;
	uint32_t depths[GOVERN_GUARDS_MAX];
	bool said = false;

	guard_depths(govern, depths);
	for (uint32_t i = 0; i < govern->guards_count; i++) {
		const struct yaml_node *name = reader->naming->names[TABLE_GUARDS][i];
		char memory[160] = "", shown[SHOWN_MAX];
		struct buf path = buf_fixed(memory, sizeof(memory) - 1);

		if (!name)
			continue;
		reader_show(reader, name, shown);
		if (depths[i] == GUARD_CYCLE && !said) {
			cycle_path(reader->policy, depths, i, &path);
			reader_fail(reader, name, "the guard %s stands on itself: %s; take one of them out", shown, memory);
			said = true;
		} else if (depths[i] != GUARD_CYCLE && depths[i] > GUARD_DEPTH_MAX) {
			reader_fail(reader, name, "the guard %s is composed %u deep; at most %u", shown, depths[i],
				    GUARD_DEPTH_MAX);
		} else if (!is_used(govern, i)) {
			reader_fail(reader, name, "the guard %s is asked nowhere: give it `at`, or name it in a composite or an "
				    "exit_guard", shown);
		}
	}
}
