/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the table of keys, so that what is shown is what is known. */
#include "cli/policy_show.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "compiler/keys.h"
#include "compiler/shown.h"

#define VALUE_MAX 128U
#define DOC_COLUMN 46

struct shower {
	const struct policy *policy;
	const struct policy_source *source;
	const struct policy_notes *notes;
};

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

/* "default" for the document of that name that a policy extends; "" for its own. */
static void layer_name(const struct shower *shower, uint32_t layer, char to[POLICY_NAME_MAX])
{
	const char *path, *slash;
	size_t len;

	to[0] = '\0';
	if (layer == 0 || layer >= shower->source->count)
		return;
	path = shower->source->layers[layer].path;
	slash = strrchr(path, '/');
	path = slash ? slash + 1 : path;
	len = strlen(path);
	IGNORE(text_copy(to, POLICY_NAME_MAX, slice_new(path, len > 5 ? len - 5 : len)) < 0);
}

/* Why it is there, and which policy says so. False when there is nothing to say. */
static bool format_note(const struct shower *shower, const void *field, struct slice text, char *to, size_t size)
{
	size_t offset = (size_t)((const char *)field - (const char *)shower->policy);
	const struct policy_note *note = policy_notes_find(shower->notes, offset, text);
	char name[POLICY_NAME_MAX], reason[512];

	/* Where a setting comes from is said only with its reason; of an entry of a list always. */
	if (!note || (text.len == 0 && note->reason_len == 0))
		return false;
	layer_name(shower, note->layer, name);
	text_escape(reason, sizeof(reason), policy_notes_reason(shower->notes, note));
	IGNORE(snprintf(to, size, "%s%s%s%s%s", reason, name[0] && reason[0] ? " " : "", name[0] ? "[" : "",
			name, name[0] ? "]" : "") < 0);
	return to[0] != '\0';
}

static void print_list(const struct shower *shower, unsigned int depth, const struct policy_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct slice text = slice_of(policy_text(shower->policy, list->items[i]));
		char shown[512], left[600], why[640];

		text_escape(shown, sizeof(shown), text);
		IGNORE(snprintf(left, sizeof(left), "%*s- %s", (int)(2 * depth + 2), "", shown) < 0);
		if (format_note(shower, list, text, why, sizeof(why)))
			printf("%-*s# %s\n", DOC_COLUMN, left, why);
		else
			printf("%s\n", left);
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
	case KEY_EXTENDS:
		return;
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
	case KEY_PORTS:
	case KEY_BASELINES:
	case KEY_SECRETS:
	case KEY_SECRET_FILE:
	case KEY_SECRET_ENV:
	case KEY_SECRET_COMMAND:
	case KEY_OVERRIDES:
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

static void print_keys(const struct shower *shower, const struct key *keys, const void *base,
		       unsigned int depth);

static void print_more(const struct shower *shower, const struct key *key, const void *field,
		       unsigned int depth)
{
	const struct policy *policy = shower->policy;
	const uint8_t *overrides = field;

	if (key->type == KEY_PATHS || key->type == KEY_GLOBS || key->type == KEY_ENV ||
	    key->type == KEY_NET_CONNECT || key->type == KEY_NET_BIND || key->type == KEY_PORTS)
		print_list(shower, depth, field);
	for (uint32_t i = 0; key->type == KEY_BASELINES && i < policy->baseline_count; i++) {
		printf("%*s%s:\n", (int)(2 * depth + 2), "", policy_text(policy, policy->baselines[i].id));
		print_keys(shower, baseline_keys, &policy->baselines[i], depth + 2);
	}
	if (key->type == KEY_SECRETS)
		print_secrets(policy, depth);
	for (unsigned int i = 1; key->type == KEY_OVERRIDES && i < VIOLATION_TYPE_LIMIT; i++)
		if (overrides[i] > 0)
			printf("%*s%s: %s\n", (int)(2 * depth + 2), "",
			       violation_name((enum violation_type)i),
			       severity_name((enum severity)(overrides[i] - 1)));
}

static void print_value(const struct shower *shower, const struct key *key, const void *field,
			unsigned int depth)
{
	char value[VALUE_MAX], why[640];

	format_value(value, shower->policy, key, field);
	print_line(depth, key->name, value, key->doc);
	if (field && format_note(shower, field, slice_of(""), why, sizeof(why)))
		printf("%*s# because: %s\n", DOC_COLUMN, "", why);
	print_more(shower, key, field, depth);
}

/* What has a form of its own is shown as a document writes it. */
static bool is_tabular(enum key_type type)
{
	return type >= KEY_GROUP;
}

static void print_tabular(const struct shower *shower, const struct key *key, const void *base, unsigned int depth)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(1U << 20);
	char value[VALUE_MAX], *line;

	if (!policy_shown(shower->policy, key, base, (int)depth + 1, &text) || buf_append(&text, "", 1) < 0)
		return;
	/* A value is on the line of its key, a mapping or long list below. */
	line = strchr(text.data, '\n');
	if (key->type == KEY_GROUP || key->type == KEY_TABLE)
		printf("\n");
	IGNORE(text_copy(value, sizeof(value), slice_new(text.data + (text.data[0] == ' '),
							  line ? (size_t)(line - text.data) - (text.data[0] == ' ') : 0)));
	print_line(depth, key->name, value, key->doc);
	if (line)
		printf("%s", line + 1);
}

static void print_keys(const struct shower *shower, const struct key *keys, const void *base,
		       unsigned int depth)
{
	for (; keys->name; keys++) {
		const void *field = keys->offset == SIZE_MAX ? NULL : (const char *)base + keys->offset;

		if (keys->type == KEY_UNSUPPORTED || keys->type == KEY_EXTENDS)
			continue;
		if (is_tabular(keys->type)) {
			print_tabular(shower, keys, base, depth);
			continue;
		}
		if (keys->type == KEY_SECTION) {
			printf("\n");
			print_line(depth, keys->name, "", keys->doc);
			print_keys(shower, keys->keys, shower->policy, depth + 1);
			continue;
		}
		print_value(shower, keys, field, depth);
	}
}

void policy_print(const struct policy *policy, const struct policy_source *source,
		  const struct policy_notes *notes, const uint8_t digest[32])
{
	const struct shower shower = { .policy = policy, .source = source, .notes = notes };
	char hex[65], shown[512];

	text_hex(hex, digest, 32);
	for (uint32_t i = 0; i < source->pack_count; i++) {
		text_escape(shown, sizeof(shown), slice_of(source->packs[i].path));
		printf("# includes %s\n", shown);
	}
	for (uint32_t i = 0; i < source->count; i++) {
		auto_free char *clean = NULL;

		if (path_absolute(".", source->layers[i].path, &clean) < 0)
			continue;
		text_escape(shown, sizeof(shown), slice_of(source->layers[i].path[0] == '/' ? clean :
							   source->layers[i].path));
		printf("# %s%s\n", i == 0 ? "" : "extends ", shown);
	}
	printf("# sha256:%s\n", hex);
	print_keys(&shower, policy_keys, policy, 0);
}
