/* SPDX-License-Identifier: Apache-2.0 */
/* Order has no meaning, so equal policies have equal tables: entries are sorted by their names, guards behind
 * their parts, so that the one that judges needs no recursion. */
#include "compiler/govern.h"

#include "base/text.h"

#define BITS_WORDS (GOVERN_RULES_MAX / 32)

struct order {
	struct policy *policy;
	enum table table;
	uint32_t depths[GOVERN_GUARDS_MAX];
	uint16_t to[TABLE_COUNT][NAMING_ENTRIES_MAX]; /* of an old index the new one */
};

/* Each pass deepens whatever stands on another; in a cycle that never ends. */
void guard_depths(const struct govern *govern, uint32_t ret_depths[GOVERN_GUARDS_MAX])
{
	memset(ret_depths, 0, sizeof(uint32_t) * GOVERN_GUARDS_MAX);
	for (uint32_t pass = 0; pass <= govern->guards_count; pass++) {
		for (uint32_t i = 0; i < govern->guards_count; i++) {
			const struct govern_list *parts = &govern->guards[i].parts;

			for (uint32_t j = 0; j < parts->count; j++)
				ret_depths[i] = MAX(ret_depths[i], ret_depths[govern->guard_parts[parts->first + j]] + 1);
			if (ret_depths[i] > govern->guards_count)
				ret_depths[i] = govern->guards_count + 1;
		}
	}
	for (uint32_t i = 0; i < govern->guards_count; i++) {
		if (ret_depths[i] > govern->guards_count)
			ret_depths[i] = GUARD_CYCLE;
	}
}

static int by_name(const void *a, const void *b, void *context)
{
	const struct order *order = context;
	uint16_t left = *(const uint16_t *)a, right = *(const uint16_t *)b;

	if (order->table == TABLE_GUARDS && order->depths[left] != order->depths[right])
		return order->depths[left] < order->depths[right] ? -1 : 1;
	return strcmp(table_name(order->policy, order->table, left), table_name(order->policy, order->table, right));
}

static bool sort_table(struct order *order, enum table table)
{
	struct govern *govern = &order->policy->govern;
	uint32_t count = *table_count(govern, table);
	size_t size = table_rows[table].size;
	auto_free char *old = malloc(count * size + 1);
	uint16_t from[NAMING_ENTRIES_MAX];

	if (!old)
		return false;
	for (uint16_t i = 0; i < count; i++)
		from[i] = i;
	order->table = table;
	qsort_r(from, count, sizeof(from[0]), by_name, order);
	memcpy(old, table_entry(govern, table, 0), count * size);
	for (uint16_t i = 0; i < count; i++) {
		memcpy(table_entry(govern, table, i), old + from[i] * size, size);
		order->to[table][from[i]] = i;
	}
	return true;
}

static void move_index(const struct order *order, enum table table, uint16_t *index)
{
	if (*index != GOVERN_NONE)
		*index = order->to[table][*index];
}

static void move_bits(const struct order *order, enum table table, uint32_t *bits, uint32_t words)
{
	uint32_t moved[BITS_WORDS] = { 0 };

	for (uint32_t i = 0; i < words * 32; i++) {
		uint32_t to = bits[i / 32] >> (i % 32) & 1U ? order->to[table][i] : UINT32_MAX;

		if (to != UINT32_MAX)
			moved[to / 32] |= 1U << (to % 32);
	}
	memcpy(bits, moved, words * sizeof(*bits));
}

static int by_number(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void move_parts(const struct order *order, struct govern *govern)
{
	for (uint32_t i = 0; i < govern->guard_parts_count; i++)
		govern->guard_parts[i] = order->to[TABLE_GUARDS][govern->guard_parts[i]];
	for (uint32_t i = 0; i < govern->guards_count; i++)
		qsort(&govern->guard_parts[govern->guards[i].parts.first], govern->guards[i].parts.count, sizeof(uint32_t),
		      by_number);
}

static void move_references(const struct order *order, struct govern *govern)
{
	struct govern_settings *settings = &govern->settings;

	for (uint32_t i = 0; i < govern->capabilities_count; i++) {
		move_index(order, TABLE_CAPABILITIES, &govern->capabilities[i].check);
		move_index(order, TABLE_CAPABILITIES, &govern->capabilities[i].way_back_capability);
	}
	for (uint32_t i = 0; i < govern->rules_count; i++) {
		struct govern_rule *rule = &govern->rules[i];

		move_bits(order, TABLE_CAPABILITIES, rule->when.capabilities, COUNT(rule->when.capabilities));
		move_bits(order, TABLE_ENVIRONMENTS, &rule->when.environments, 1);
		move_bits(order, TABLE_RULES, rule->unless, COUNT(rule->unless));
	}
	move_parts(order, govern);
	for (unsigned int i = 0; i < PHASE_COUNT; i++)
		move_index(order, TABLE_GUARDS, &settings->phases[i].exit_guard);
}

static uint16_t std_of(const struct policy *policy, const char *name)
{
	int found = table_find(policy, TABLE_CAPABILITIES, slice_of(name));

	return found < 0 ? GOVERN_NONE : (uint16_t)found;
}

void govern_std(struct policy *policy)
{
	struct govern_settings *settings = &policy->govern.settings;

	settings->std_tool = std_of(policy, "exec.tool");
	settings->std_workspace = std_of(policy, "exec.workspace");
	settings->std_unknown = std_of(policy, "exec.unknown");
}

bool govern_order(struct policy *policy)
{
	auto_free struct order *order = calloc(1, sizeof(*order));

	if (!order)
		return false;
	order->policy = policy;
	guard_depths(&policy->govern, order->depths);
	for (unsigned int table = 0; table < TABLE_COUNT; table++) {
		if (!sort_table(order, (enum table)table))
			return false;
	}
	move_references(order, &policy->govern);
	govern_std(policy);
	return true;
}
