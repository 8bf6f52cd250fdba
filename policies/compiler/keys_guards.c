/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of guards: each type has its own, so that what another type needs is refused as unknown. */
#include "compiler/govern.h"

#define GUARD(field) offsetof(struct govern_guard, field)
#define SPECIAL(key_name, key_special, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_SPECIAL, .hooks = &(key_special) }
#define COUNT_OF(key_name, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_U32, .max = 10000, .offset = where }

const struct key_word guard_type_words[] = {
	{ "cerberus", GUARD_CERBERUS }, { "pass_thru", GUARD_PASS_THRU }, { "criteria_gate", GUARD_CRITERIA },
	{ "directional_filter", GUARD_ROUTE }, { "ttl_check", GUARD_TTL }, { "composite", GUARD_COMPOSITE },
	/* The names that people call them by. */
	{ "join", GUARD_CERBERUS }, { "identity", GUARD_PASS_THRU }, { "criteria", GUARD_CRITERIA },
	{ "route", GUARD_ROUTE }, { "ttl", GUARD_TTL }, { NULL, 0 },
};
static const struct key_word on_fail_words[] = {
	{ "deny", FAIL_DENY }, { "violate", FAIL_VIOLATE }, { NULL, 0 },
};
static const struct key_word join_on_fail_words[] = {
	{ "deny", FAIL_DENY }, { "wait", FAIL_WAIT }, { "cancel_children", FAIL_CANCEL_CHILDREN },
	{ "violate", FAIL_VIOLATE }, { NULL, 0 },
};
const struct key_word compare_words[] = {
	{ "eq", COMPARE_EQ }, { "ne", COMPARE_NE }, { "gt", COMPARE_GT }, { "ge", COMPARE_GE },
	{ "lt", COMPARE_LT }, { "le", COMPARE_LE }, { "contains", COMPARE_CONTAINS },
	{ "not_contains", COMPARE_NOT_CONTAINS }, { "exists", COMPARE_EXISTS },
	{ "not_exists", COMPARE_NOT_EXISTS }, { "in", COMPARE_IN }, { "glob", COMPARE_GLOB },
	{ "equals", COMPARE_EQ }, { "not_equals", COMPARE_NE }, { "gte", COMPARE_GE }, { "lte", COMPARE_LE },
	{ NULL, 0 },
};

#define COMMON \
	{ .name = "type", .doc = "what kind of predicate it is", .type = KEY_WORD8, .words = guard_type_words, \
	  .offset = GUARD(type) }, \
	SPECIAL("at", at_special, "where it is asked; without it, only as a part of others")
#define ON_FAIL(list) \
	{ .name = "on_fail", .doc = "what follows when it does not hold", .type = KEY_WORD8, .words = list, \
	  .offset = GUARD(on_fail), .hooks = &on_fail_hooks }

static const struct key join_keys[] = {
	COMMON, ON_FAIL(join_on_fail_words),
	COUNT_OF("min_children", GUARD(min_children), "at least so many children"),
	COUNT_OF("max_children", GUARD(max_children), "at most so many"),
	{ .name = "accept", .doc = "how each child must have ended", .type = KEY_BITS, .words = status_words,
	  .offset = GUARD(accept), .max = 1 },
	{ .name = "timeout", .doc = "how old the run may be", .type = KEY_DURATION, .offset = GUARD(max_ns) },
	{ 0 },
};
static const struct key identity_keys[] = { COMMON, ON_FAIL(on_fail_words), { 0 } };
static const struct key criteria_keys[] = {
	COMMON, ON_FAIL(on_fail_words),
	SPECIAL("all", all_conditions_special, "conditions that must all hold"),
	SPECIAL("any", any_conditions_special, "conditions of which one must hold"),
	{ 0 },
};
static const struct key route_keys[] = {
	COMMON, ON_FAIL(on_fail_words),
	SPECIAL("attribute", attribute_special, "the field whose value chooses"),
	SPECIAL("routes", routes_special, "for each value who answers"),
	{ .name = "default", .doc = "for any other value", .type = KEY_WORDS, .min = WORDS_APPROVER,
	  .offset = GUARD(usual) },
	{ 0 },
};
static const struct key ttl_keys[] = {
	COMMON, ON_FAIL(on_fail_words),
	SPECIAL("field", time_field_special, "a time"),
	{ .name = "max_age", .doc = "how long ago it may be", .type = KEY_DURATION, .offset = GUARD(max_ns) },
	{ 0 },
};
static const struct key composite_keys[] = {
	COMMON, ON_FAIL(on_fail_words),
	SPECIAL("all", all_parts_special, "guards that must all hold"),
	SPECIAL("any", any_parts_special, "guards of which one must hold"),
	SPECIAL("not", not_part_special, "a guard that must not hold"),
	{ 0 },
};

const struct key *const guard_keys[GUARD_TYPE_COUNT] = {
	[GUARD_CERBERUS] = join_keys, [GUARD_PASS_THRU] = identity_keys, [GUARD_CRITERIA] = criteria_keys,
	[GUARD_ROUTE] = route_keys, [GUARD_TTL] = ttl_keys, [GUARD_COMPOSITE] = composite_keys,
};
