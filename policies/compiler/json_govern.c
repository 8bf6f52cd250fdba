/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form of the tables. What is not set, or has no effect, is left out: a policy without rules has
 * the digest that it had before there were any. */
#include <jansson.h>

#include "base/text.h"
#include "compiler/govern.h"

json_t *json_text(const char *text)
{
	return json_string(text);
}

json_t *json_number(int64_t number)
{
	return json_integer(number);
}

json_t *json_truth(bool value)
{
	return json_boolean(value);
}

json_t *json_word(const struct key_word *words, int value)
{
	for (; words->name; words++) {
		if (words->value == value)
			return json_string(words->name);
	}
	return NULL;
}

json_t *json_put(json_t *object, const char *name, json_t *value)
{
	if (!object)
		object = json_object();
	IGNORE(json_object_set_new(object, name, value) < 0);
	return object;
}

json_t *json_pair(const char *name, json_t *value)
{
	return json_put(NULL, name, value);
}

json_t *json_add(json_t *array, json_t *value)
{
	if (!array)
		array = json_array();
	IGNORE(json_array_append_new(array, value) < 0);
	return array;
}

json_t *words_json(const struct policy *policy, struct govern_list list)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < list.count; i++)
		array = json_add(array, json_string(policy_text(policy, policy->govern.words[list.first + i])));
	return array;
}

json_t *references_json(const struct policy *policy, enum table table, const uint32_t *bits)
{
	const uint32_t *count = (const void *)((const char *)&policy->govern + table_rows[table].count);
	json_t *array = NULL;

	for (uint32_t i = 0; i < *count; i++) {
		if (bits[i / 32] >> (i % 32) & 1U)
			array = json_add(array, json_string(table_name(policy, table, i)));
	}
	return array;
}

static json_t *bits_json(const struct key *key, const void *field)
{
	json_t *array = NULL;
	uint32_t bits;

	if (key->max == 1)
		bits = *(const uint8_t *)field;
	else
		bits = key->max == 2 ? *(const uint16_t *)field : *(const uint32_t *)field;
	for (const struct key_word *word = key->words; word->name; word++) {
		if (bits >> word->value & 1U)
			array = json_add(array, json_string(word->name));
	}
	return array;
}

/* The eight-byte ones have 0 for "not set". */
static json_t *fraction_json(const struct key *key, const void *field)
{
	uint64_t value = key->min == sizeof(uint32_t) ? *(const uint32_t *)field : *(const uint64_t *)field;
	char text[32];
	int len;

	if (value == 0)
		return key->min == sizeof(uint32_t) ? json_string("0") : NULL;
	if (value == key->max)
		return json_string("1");
	len = snprintf(text, sizeof(text), "0.%0*llu", key->max == 1000 ? 3 : 6, (unsigned long long)value);
	while (len > 0 && text[len - 1] == '0')
		text[--len] = '\0';
	return json_string(text);
}

static json_t *table_json(const struct policy *policy, enum table table)
{
	const struct table_row *row = &table_rows[table];
	const uint32_t *count = (const void *)((const char *)&policy->govern + row->count);
	json_t *object = NULL;

	for (uint32_t i = 0; i < *count; i++) {
		const char *entry = (const char *)&policy->govern + row->items + i * row->size;
		const struct key *keys = row->keys(NULL, NULL, (void *)(uintptr_t)entry);

		object = json_put(object, table_name(policy, table, i), keys_json(policy, keys, entry));
	}
	return object;
}

static json_t *group_json(const struct policy *policy, const struct key *key, const void *group)
{
	json_t *object = keys_json(policy, key->keys, group);

	if (json_object_size(object) > 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *string_json(const struct policy *policy, const struct policy_string *string)
{
	return string->len > 0 ? json_stringn(policy_text(policy, *string), string->len) : NULL;
}

json_t *govern_value_json(const struct policy *policy, const struct key *key, const void *base)
{
	const void *field = key->offset == SIZE_MAX ? NULL : (const char *)base + key->offset;
	const struct govern_list *list = field;

	if (key->type == KEY_GROUP)
		return group_json(policy, key, field);
	if (key->type == KEY_TABLE)
		return table_json(policy, (enum table)key->min);
	if (key->type == KEY_STRING)
		return string_json(policy, field);
	if (key->type == KEY_WORD8)
		return json_word(key->words, *(const uint8_t *)field);
	if (key->type == KEY_BITS)
		return bits_json(key, field);
	if (key->type == KEY_BIT)
		return json_truth((*(const uint8_t *)field & key->min) == key->min);
	if (key->type == KEY_TIER8)
		return json_sprintf("T%u", *(const uint8_t *)field);
	if (key->type == KEY_U8)
		return json_integer(*(const uint8_t *)field);
	if (key->type == KEY_FRACTION)
		return fraction_json(key, field);
	if (key->type == KEY_WORDS)
		return list->count > 0 ? words_json(policy, *list) : NULL;
	if (key->type == KEY_REFERENCE)
		return *(const uint16_t *)field == GOVERN_NONE ? NULL :
		       json_string(table_name(policy, (enum table)key->min, *(const uint16_t *)field));
	if (key->type == KEY_REFERENCES)
		return references_json(policy, (enum table)key->min, field);
	return key->hooks && key->hooks->json ? key->hooks->json(policy, key, base) : NULL;
}
