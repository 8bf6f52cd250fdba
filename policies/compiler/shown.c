/* SPDX-License-Identifier: Apache-2.0 */
/* A value of the tables as lines that a document could have, for people. */
#include <jansson.h>

#include "compiler/govern.h"
#include "compiler/shown.h"

#define DEPTH_MAX 8

static bool is_short(const json_t *value)
{
	size_t len = 0;

	for (size_t i = 0; i < json_array_size(value); i++) {
		if (!json_is_string(json_array_get(value, i)))
			return false;
		len += json_string_length(json_array_get(value, i)) + 2;
	}
	return len < 90;
}

static void put_text(struct buf *to, const json_t *value)
{
	const char *text = json_string_value(value);
	bool quote = text[0] == '\0' || strpbrk(text, ":#{}[]\"'|*&!%@`,>\\") || text[0] == '-' || text[0] == ' ';
	char *quoted = quote ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	IGNORE(buf_text(to, quoted ? quoted : text) < 0);
	free(quoted);
}

static void put_value(struct buf *to, const json_t *value, int depth);

static void put_list(struct buf *to, const json_t *value, int depth)
{
	if (is_short(value)) {
		IGNORE(buf_text(to, " [") < 0);
		for (size_t i = 0; i < json_array_size(value); i++) {
			IGNORE(buf_text(to, i > 0 ? ", " : "") < 0);
			put_text(to, json_array_get(value, i));
		}
		IGNORE(buf_text(to, "]\n") < 0);
		return;
	}
	IGNORE(buf_text(to, "\n") < 0);
	for (size_t i = 0; i < json_array_size(value); i++) {
		char *text = json_dumps(json_array_get(value, i), JSON_COMPACT | JSON_ENCODE_ANY);

		IGNORE(buf_printf(to, "%*s- %s\n", 2 * depth, "", text ? text : "") < 0);
		free(text);
	}
}

static void put_mapping(struct buf *to, const json_t *value, int depth)
{
	const char *names[256];
	size_t count = 0;
	const char *name;
	json_t *item;

	json_object_foreach((json_t *)(uintptr_t)value, name, item) {
		if (count < COUNT(names))
			names[count++] = name;
	}
	/* jansson keeps them as they were added: sorted tables, keys as the table of keys has them. */
	IGNORE(buf_text(to, "\n") < 0);
	for (size_t i = 0; i < count; i++) {
		IGNORE(buf_printf(to, "%*s%s:", 2 * depth, "", names[i]) < 0);
		put_value(to, json_object_get(value, names[i]), depth + 1);
	}
}

static void put_value(struct buf *to, const json_t *value, int depth)
{
	if (json_is_object(value) && depth < DEPTH_MAX) {
		put_mapping(to, value, depth);
	} else if (json_is_array(value)) {
		put_list(to, value, depth);
	} else if (json_is_string(value)) {
		IGNORE(buf_text(to, " ") < 0);
		put_text(to, value);
		IGNORE(buf_text(to, "\n") < 0);
	} else {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		IGNORE(buf_printf(to, " %s\n", text ? text : "") < 0);
		free(text);
	}
}

bool policy_shown(const struct policy *policy, const struct key *key, const void *base, int depth, struct buf *to)
{
	bool present = !key->hooks || !key->hooks->present || key->hooks->present(policy, base);
	json_t *value = present ? govern_value_json(policy, key, base) : NULL;

	if (value)
		put_value(to, value, depth);
	json_decref(value);
	return value != NULL;
}

bool capability_shown(const struct policy *policy, uint32_t i, struct buf *to)
{
	json_t *value = keys_json(policy, capability_keys, &policy->govern.capabilities[i]);

	if (value)
		put_value(to, value, 1);
	json_decref(value);
	return value != NULL;
}
