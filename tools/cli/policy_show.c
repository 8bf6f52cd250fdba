/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the table of keys, so that what is shown is what is known. */
#include "cli/policy_show.h"

#include "base/text.h"
#include "cli/cli.h"
#include "compiler/keys.h"

#define VALUE_MAX 128U
#define DOC_COLUMN 46

static void print_line(unsigned int depth, const char *name, const char *value, const char *doc)
{
	char left[2 * VALUE_MAX];
	int len = snprintf(left, sizeof(left), "%*s%s:%s%s", (int)(2 * depth), "", name,
			   value[0] ? " " : "", value);

	if (len >= DOC_COLUMN)
		printf("%s\n%*s# %s\n", left, DOC_COLUMN, "", doc);
	else
		printf("%-*s# %s\n", DOC_COLUMN, left, doc);
}

static void print_list(const struct policy *policy, unsigned int depth, const struct policy_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		char shown[512];

		text_escape(shown, sizeof(shown), slice_of(policy_text(policy, list->items[i])));
		printf("%*s- %s\n", (int)(2 * depth + 2), "", shown);
	}
}

static void format_size(char to[VALUE_MAX], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (unit + 1 < COUNT(units) && bytes % 1024 == 0 && bytes >= 1024) {
		bytes /= 1024;
		unit++;
	}
	IGNORE(snprintf(to, VALUE_MAX, "%llu%s", (unsigned long long)bytes, units[unit]) < 0);
}

static void format_features(char to[VALUE_MAX], uint32_t bits)
{
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < FEATURE_COUNT && len < VALUE_MAX; i++)
		if (bits & (1U << i)) {
			int more = snprintf(to + len, VALUE_MAX - len, "%s%s", len ? ", " : "",
					    feature_infos[i].name);

			len += more > 0 ? (size_t)more : 0;
		}
}

static void format_response(char to[VALUE_MAX], const struct response *response)
{
	char at[24] = "";

	if (response->revoke_at > 0)
		IGNORE(snprintf(at, sizeof(at), " revoke@%u", response->revoke_at) < 0);
	IGNORE(snprintf(to, VALUE_MAX, "%s%s%s%s", response->bits & RESPONSE_WARN ? "warn" : "", at,
			response->bits & RESPONSE_REVOKE ? " revoke" : "",
			response->bits & RESPONSE_ALERT ? " alert" : "") < 0);
	if (to[0] == ' ')
		memmove(to, to + 1, strlen(to));
}

static void format_word(char to[VALUE_MAX], const struct key *key, const void *field)
{
	int value = 0;

	if (field)
		memcpy(&value, field, sizeof(value));
	to[0] = '\0';
	for (const struct key_word *word = key->words; word->name; word++)
		if (word->value == value)
			IGNORE(text_copy(to, VALUE_MAX, slice_of(word->name)) < 0);
}

static void format_number(char to[VALUE_MAX], uint64_t value)
{
	to[0] = '\0';
	if (value > 0)
		IGNORE(snprintf(to, VALUE_MAX, "%llu", (unsigned long long)value) < 0);
}

/* The value of a key that fits one line; "" for lists, sections and what is not set. */
static void format_value(char to[VALUE_MAX], const struct policy *policy, const struct key *key,
			 const void *field)
{
	to[0] = '\0';
	switch (key->type) {
	case KEY_SCHEMA:
		IGNORE(text_copy(to, VALUE_MAX, slice_of("1")) < 0);
		return;
	case KEY_CALLER:
		IGNORE(text_copy(to, VALUE_MAX, slice_of("caller")) < 0);
		return;
	case KEY_NAME:
	case KEY_TEXT:
		text_escape(to, VALUE_MAX, slice_of(field));
		return;
	case KEY_WORD:
		format_word(to, key, field);
		return;
	case KEY_TIER:
		IGNORE(snprintf(to, VALUE_MAX, "T%u", *(const uint32_t *)field) < 0);
		return;
	case KEY_U32:
		format_number(to, *(const uint32_t *)field);
		return;
	case KEY_DURATION:
		if (*(const uint64_t *)field > 0)
			text_duration(to, VALUE_MAX, *(const uint64_t *)field);
		return;
	case KEY_SIZE:
		if (*(const uint64_t *)field > 0)
			format_size(to, *(const uint64_t *)field);
		return;
	case KEY_CPU:
		if (*(const uint64_t *)field > 0)
			IGNORE(snprintf(to, VALUE_MAX, "%.3g", (double)*(const uint64_t *)field / 1e3) < 0);
		return;
	case KEY_WORKSPACE:
		text_escape(to, VALUE_MAX, slice_of(policy_text(policy, *(const struct policy_string *)field)));
		return;
	case KEY_FEATURES:
		format_features(to, *(const uint32_t *)field);
		return;
	case KEY_RESPONSE:
		format_response(to, field);
		return;
	case KEY_UNSUPPORTED:
	case KEY_SECTION:
	case KEY_PATHS:
	case KEY_GLOBS:
	case KEY_ENV:
	case KEY_NET_CONNECT:
	case KEY_NET_BIND:
	case KEY_BASELINES:
	case KEY_SECRETS:
	case KEY_SECRET_FILE:
	case KEY_SECRET_ENV:
	case KEY_SECRET_COMMAND:
	case KEY_OVERRIDES:
		return;
	}
}

/* Where they come from; nobody here has seen a value. */
static void print_secrets(const struct policy *policy, unsigned int depth)
{
	static const char *const sources[] = {
		[SECRET_UNSET] = "nowhere", [SECRET_FILE] = "file", [SECRET_ENV] = "env", [SECRET_COMMAND] = "command",
	};

	for (uint32_t i = 0; i < policy->secret_count; i++) {
		const struct policy_secret *secret = &policy->secrets[i];

		printf("%*s%s: %s", (int)(2 * depth + 2), "", policy_text(policy, secret->name),
		       sources[secret->source]);
		for (uint32_t j = 0; j < secret->word_count; j++) {
			char shown[512];

			text_escape(shown, sizeof(shown), slice_of(policy_text(policy, secret->words[j])));
			printf(" %s", shown);
		}
		printf(", as %s\n", secret->as == SECRET_AS_ENV ? "env" : "file");
	}
}

static void print_keys(const struct policy *policy, const struct key *keys, const void *base,
		       unsigned int depth);

static void print_more(const struct policy *policy, const struct key *key, const void *field,
		       unsigned int depth)
{
	const uint8_t *overrides = field;

	if (key->type == KEY_PATHS || key->type == KEY_GLOBS || key->type == KEY_ENV ||
	    key->type == KEY_NET_CONNECT || key->type == KEY_NET_BIND)
		print_list(policy, depth, field);
	for (uint32_t i = 0; key->type == KEY_BASELINES && i < policy->baseline_count; i++) {
		printf("%*s%s:\n", (int)(2 * depth + 2), "", policy_text(policy, policy->baselines[i].id));
		print_keys(policy, baseline_keys, &policy->baselines[i], depth + 2);
	}
	if (key->type == KEY_SECRETS)
		print_secrets(policy, depth);
	for (unsigned int i = 1; key->type == KEY_OVERRIDES && i < VIOLATION_TYPE_LIMIT; i++)
		if (overrides[i] > 0)
			printf("%*s%s: %s\n", (int)(2 * depth + 2), "",
			       violation_name((enum violation_type)i),
			       severity_name((enum severity)(overrides[i] - 1)));
}

static void print_keys(const struct policy *policy, const struct key *keys, const void *base,
		       unsigned int depth)
{
	for (; keys->name; keys++) {
		const void *field = keys->offset == SIZE_MAX ? NULL : (const char *)base + keys->offset;
		char value[VALUE_MAX];

		if (keys->type == KEY_UNSUPPORTED)
			continue;
		if (keys->type == KEY_SECTION) {
			printf("\n");
			print_line(depth, keys->name, "", keys->doc);
			print_keys(policy, keys->keys, policy, depth + 1);
			continue;
		}
		format_value(value, policy, keys, field);
		print_line(depth, keys->name, value, keys->doc);
		print_more(policy, keys, field, depth);
	}
}

void policy_print(const struct policy *policy, const char *path, const uint8_t digest[32])
{
	char hex[65], shown[512];

	text_hex(hex, digest, 32);
	text_escape(shown, sizeof(shown), slice_of(path));
	printf("# %s\n# sha256:%s\n", shown, hex);
	print_keys(policy, policy_keys, policy, 0);
}
