/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical JSON by RFC 8785. Names are ASCII, numbers are whole and below 2^53, and the compiler
 * has refused control characters; so jansson's compact form with sorted keys is that form. */
/* The one digest of a launch: EVP would read openssl.cnf and list all algorithms first, 1 ms. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <jansson.h>
#include <openssl/sha.h>

#include "base/text.h"
#include "compiler/compile.h"
#include "compiler/govern.h"

#define MS_NS 1000000U

static json_t *text_json(const struct policy *policy, struct policy_string string)
{
	return json_stringn(policy_text(policy, string), string.len);
}

static json_t *list_json(const struct policy *policy, const struct policy_list *list)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < list->count; i++)
		IGNORE(json_array_append_new(array, text_json(policy, list->items[i])) < 0);
	return array;
}

static json_t *word_json(const struct key *key, const void *field)
{
	int value;

	memcpy(&value, field, sizeof(value));
	for (const struct key_word *word = key->words; word->name; word++)
		if (word->value == value)
			return json_string(word->name);
	return NULL;
}

static json_t *features_json(uint32_t bits)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < FEATURE_COUNT; i++)
		if (bits & (1U << i))
			IGNORE(json_array_append_new(array, json_string(feature_infos[i].name)) < 0);
	return array;
}

static json_t *response_json(const struct response *response)
{
	json_t *array = json_array();

	if (array && (response->bits & RESPONSE_ALERT))
		IGNORE(json_array_append_new(array, json_string("alert")) < 0);
	if (array && (response->bits & RESPONSE_REVOKE))
		IGNORE(json_array_append_new(array, json_string("revoke")) < 0);
	if (array && response->revoke_at > 0)
		IGNORE(json_array_append_new(array, json_sprintf("revoke@%u", response->revoke_at)) < 0);
	if (array && (response->bits & RESPONSE_WARN))
		IGNORE(json_array_append_new(array, json_string("warn")) < 0);
	return array;
}

static json_t *overrides_json(const uint8_t *overrides)
{
	json_t *object = json_object();

	for (unsigned int i = 1; object && i < VIOLATION_TYPE_LIMIT; i++)
		if (overrides[i] > 0)
			IGNORE(json_object_set_new(object, violation_name((enum violation_type)i),
				json_string(severity_name((enum severity)(overrides[i] - 1)))) < 0);
	return object;
}

static json_t *baselines_json(const struct policy *policy)
{
	json_t *object = json_object();

	for (uint32_t i = 0; object && i < policy->baseline_count; i++)
		IGNORE(json_object_set_new(object, policy_text(policy, policy->baselines[i].id),
			keys_json(policy, baseline_keys, &policy->baselines[i])) < 0);
	return object;
}

/* A policy without secrets has no such key, so that its digest is what it was. */
static json_t *secrets_json(const struct policy *policy)
{
	json_t *object = policy->secret_count > 0 ? json_object() : NULL;

	for (uint32_t i = 0; object && i < policy->secret_count; i++)
		IGNORE(json_object_set_new(object, policy_text(policy, policy->secrets[i].name),
			keys_json(policy, secret_keys, &policy->secrets[i])) < 0);
	return object;
}

static json_t *source_json(const struct policy *policy, const struct key *key,
			   const struct policy_secret *secret)
{
	static const enum secret_source sources[] = {
		[KEY_SECRET_FILE] = SECRET_FILE, [KEY_SECRET_ENV] = SECRET_ENV,
		[KEY_SECRET_COMMAND] = SECRET_COMMAND,
	};
	json_t *array;

	if (secret->source != sources[key->type])
		return NULL;
	if (secret->source != SECRET_COMMAND)
		return text_json(policy, secret->words[0]);
	array = json_array();
	for (uint32_t i = 0; array && i < secret->word_count; i++)
		IGNORE(json_array_append_new(array, text_json(policy, secret->words[i])) < 0);
	return array;
}

/* Whole numbers that are 0 are "not set" and stay out. */
static json_t *number_json(uint64_t value)
{
	return value > 0 ? json_integer((json_int_t)value) : NULL;
}

/* With their units, as a document writes them: the form can be compiled again. */
static json_t *duration_json(uint64_t ns)
{
	return ns > 0 ? json_sprintf("%llums", (unsigned long long)(ns / MS_NS)) : NULL;
}

static json_t *size_json(uint64_t bytes)
{
	return bytes > 0 ? json_sprintf("%lluB", (unsigned long long)bytes) : NULL;
}

static json_t *cpu_json(uint64_t milli)
{
	return milli > 0 ? json_sprintf("%llu.%03llu", (unsigned long long)(milli / 1000U),
					(unsigned long long)(milli % 1000U)) : NULL;
}

static json_t *value_json(const struct policy *policy, const struct key *key, const void *base)
{
	const void *field = key->offset == SIZE_MAX ? NULL : (const char *)base + key->offset;

	switch (key->type) {
	case KEY_UNSUPPORTED:
	case KEY_EXTENDS:
		return NULL;
	case KEY_SECTION:
		return keys_json(policy, key->keys, base);
	case KEY_SCHEMA:
		return json_integer(1);
	case KEY_CALLER:
		return json_string("caller");
	case KEY_NAME:
	case KEY_TEXT:
		return *(const char *)field ? json_string(field) : NULL;
	case KEY_WORD:
		return field ? word_json(key, field) : json_string(key->words[0].name);
	case KEY_TIER:
		return json_sprintf("T%u", *(const uint32_t *)field);
	case KEY_U32:
		return key->min == 0 ? json_integer(*(const uint32_t *)field) : number_json(*(const uint32_t *)field);
	case KEY_DURATION:
		return duration_json(*(const uint64_t *)field);
	case KEY_SIZE:
		return size_json(*(const uint64_t *)field);
	case KEY_CPU:
		return cpu_json(*(const uint64_t *)field);
	case KEY_WORKSPACE:
		return text_json(policy, *(const struct policy_string *)field);
	case KEY_PATHS:
	case KEY_GLOBS:
	case KEY_ENV:
	case KEY_NET_CONNECT:
	case KEY_NET_BIND:
	case KEY_PORTS:
		return list_json(policy, field);
	case KEY_FEATURES:
		return features_json(*(const uint32_t *)field);
	case KEY_BASELINES:
		return baselines_json(policy);
	case KEY_SECRETS:
		return secrets_json(policy);
	case KEY_SECRET_FILE:
	case KEY_SECRET_ENV:
	case KEY_SECRET_COMMAND:
		return source_json(policy, key, base);
	case KEY_RESPONSE:
		return response_json(field);
	case KEY_OVERRIDES:
		return overrides_json(field);
	case KEY_GROUP:
	case KEY_TABLE:
	case KEY_STRING:
	case KEY_WORD8:
	case KEY_BITS:
	case KEY_BIT:
	case KEY_TIER8:
	case KEY_U8:
	case KEY_FRACTION:
	case KEY_WORDS:
	case KEY_REFERENCE:
	case KEY_REFERENCES:
	case KEY_SPECIAL:
		return govern_value_json(policy, key, base);
	}
	return NULL;
}

json_t *keys_json(const struct policy *policy, const struct key *keys, const void *base)
{
	json_t *object = json_object();

	for (; object && keys->name; keys++) {
		bool present = !keys->hooks || !keys->hooks->present || keys->hooks->present(policy, base);
		json_t *value = present ? value_json(policy, keys, base) : NULL;

		if (value)
			IGNORE(json_object_set_new(object, keys->name, value) < 0);
	}
	return object;
}

static json_t *projects_json(const struct policy *policy)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < policy->project_count; i++) {
		char hex[65];

		text_hex(hex, policy->projects[i].digest, 32);
		IGNORE(json_array_append_new(array, json_pack("{s:o, s:s}", "path",
			text_json(policy, policy->projects[i].path), "sha256", hex)) < 0);
	}
	return array;
}

int policy_json(const struct policy *policy, struct buf *json)
{
	json_t *object = keys_json(policy, policy_keys, policy);
	char *text = NULL;
	int r;

	if (object && policy->project_count > 0)
		IGNORE(json_object_set_new(object, "project", projects_json(policy)) < 0);
	text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	r = text ? buf_text(json, text) : -ENOMEM;

	free(text);
	json_decref(object);
	return r;
}

int policy_digest(struct slice json, uint8_t ret_digest[32])
{
	SHA256_CTX context;

	if (SHA256_Init(&context) != 1 || SHA256_Update(&context, json.data, json.len) != 1 ||
	    SHA256_Final(ret_digest, &context) != 1)
		return -EIO;
	return 0;
}
