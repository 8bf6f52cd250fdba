/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/govern.h"

#include <errno.h>
#include <limits.h>

#include "base/parse.h"
#include "base/text.h"

#define NEAREST_KEYS_MAX 48U
/* JSON numbers are doubles: whole numbers are exact below 2^53 (RFC 8785, RFC 7493). */
#define SIZE_BYTES_MAX (1ULL << 50)
#define DURATION_NS_MAX (3650ULL * 86400U * 1000000000U)
#define MS_NS 1000000U

const char *reader_show(const struct reader *reader, const struct yaml_node *node, char to[SHOWN_MAX])
{
	if (node->kind == YAML_MAPPING)
		return "a mapping";
	if (node->kind == YAML_SEQUENCE)
		return "a list";
	if (node->text_len == 0)
		return "nothing";
	to[0] = '"';
	text_escape(to + 1, SHOWN_MAX - 2, yaml_text(reader->yaml, node));
	to[strlen(to) + 1] = '\0';
	to[strlen(to)] = '"';
	return to;
}

bool reader_list(struct reader *reader, const struct yaml_node *node, const char *what)
{
	char shown[SHOWN_MAX];

	if (node->kind == YAML_SEQUENCE && node->first != YAML_NONE)
		return true;
	reader_fail(reader, node, "a list of %s belongs here, not %s", what,
		    node->kind == YAML_SEQUENCE ? "an empty one" : reader_show(reader, node, shown));
	return false;
}

bool reader_text(struct reader *reader, const struct yaml_node *node, struct slice *ret_text)
{
	char shown[SHOWN_MAX];
	struct slice text = yaml_text(reader->yaml, node);
	const char *type;

	if (node->kind != YAML_SCALAR) {
		reader_fail(reader, node, "text belongs here, not %s", reader_show(reader, node, shown));
		return false;
	}
	type = yaml_scalar_type(text, node->plain);
	if (strcmp(type, "text") != 0) {
		reader_fail(reader, node, "text belongs here, not a %s; write %s in quotes", type,
			    reader_show(reader, node, shown));
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f)
			continue;
		reader_fail(reader, node, "control characters are not allowed in text");
		return false;
	}
	*ret_text = text;
	return true;
}

/* A scalar that carries a number or a unit. */
/* A quantity is one with quotes and without (JSON has no other way for units). */
static bool reader_quantity(struct reader *reader, const struct yaml_node *node, const char *what,
			    struct slice *ret_text)
{
	char shown[SHOWN_MAX];

	if (node->kind == YAML_SCALAR) {
		*ret_text = yaml_text(reader->yaml, node);
		return true;
	}
	reader_fail(reader, node, "%s belongs here, not %s", what, reader_show(reader, node, shown));
	return false;
}

static bool reader_scalar(struct reader *reader, const struct yaml_node *node, const char *what,
			  struct slice *ret_text)
{
	char shown[SHOWN_MAX];

	if (node->kind == YAML_SCALAR && node->plain) {
		*ret_text = yaml_text(reader->yaml, node);
		return true;
	}
	reader_fail(reader, node, "%s belongs here%s, not %s", what,
		    node->kind == YAML_SCALAR ? " without quotes" : "", reader_show(reader, node, shown));
	return false;
}

static void read_text(struct reader *reader, const struct key *key, const struct yaml_node *node, char *to)
{
	struct slice text;

	if (!reader_text(reader, node, &text))
		return;
	if (text.len == 0)
		reader_fail(reader, node, "\"%s\" must not be empty", key->name);
	else if (text_copy(to, key->max, text) < 0)
		reader_fail(reader, node, "longer than %u bytes", (unsigned int)key->max - 1);
}

static void read_name(struct reader *reader, const struct key *key, const struct yaml_node *node, char *to)
{
	char shown[SHOWN_MAX];

	read_text(reader, key, node, to);
	for (const char *at = to; *at; at++) {
		if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
		    (*at >= '0' && *at <= '9') || *at == '-' || *at == '_' || (*at == '.' && at > to))
			continue;
		reader_fail(reader, node, "%s is not a name; use letters, digits, - _ and .",
			    reader_show(reader, node, shown));
		return;
	}
}

/* The word that somebody meant: in other letters, nearly, or with more around it. */
static const char *nearest_word(struct slice text, const char *const *names)
{
	const char *near = NULL;

	for (size_t i = 0; names[i]; i++) {
		if (strlen(names[i]) == text.len && strncasecmp(names[i], text.data, text.len) == 0)
			return names[i];
		if (memmem(text.data, text.len, names[i], strlen(names[i])))
			near = names[i];
	}
	return near && strlen(near) > 2 ? near : text_nearest(text, names);
}

bool read_word_of(struct reader *reader, const char *what, const struct key_word *words,
		  const struct yaml_node *node, int *ret_value)
{
	const char *names[NEAREST_KEYS_MAX + 1] = { NULL };
	char shown[SHOWN_MAX], list[160] = "";
	struct buf choices = buf_fixed(list, sizeof(list) - 1);
	const char *near;
	struct slice text;
	size_t count = 0;

	if (!reader_text(reader, node, &text))
		return false;
	for (const struct key_word *word = words; word->name && count < NEAREST_KEYS_MAX; word++) {
		if (slice_is(text, word->name)) {
			*ret_value = word->value;
			if (word->value == KEY_WORD_LATER)
				reader_fail(reader, node, "\"%s: %s\" is not supported yet", what, word->name);
			return word->value != KEY_WORD_LATER;
		}
		names[count++] = word->name;
		if (word->value != KEY_WORD_LATER)
			IGNORE(buf_printf(&choices, "%s%s", choices.len ? ", " : "", word->name) < 0);
	}
	near = nearest_word(text, names);
	reader_fail(reader, node, "%s is not a value of \"%s\" (%s)%s%s%s",
		    reader_show(reader, node, shown), what, list, near ? "; did you mean \"" : "",
		    near ? near : "", near ? "\"?" : "");
	return false;
}

static void read_word(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	int value;

	if (read_word_of(reader, key->name, key->words, node, &value) && key->offset != SIZE_MAX)
		memcpy((char *)base + key->offset, &value, sizeof(value));
}

static void read_u32(struct reader *reader, const struct key *key, const struct yaml_node *node, uint32_t *ret)
{
	char shown[SHOWN_MAX];
	struct slice text;

	if (!reader_scalar(reader, node, "a whole number", &text))
		return;
	if (parse_u32(text, (uint32_t)key->min, (uint32_t)key->max, ret) < 0)
		reader_fail(reader, node, "%s is not a whole number from %u to %u",
			    reader_show(reader, node, shown), (unsigned int)key->min,
			    (unsigned int)key->max);
}

static void read_duration(struct reader *reader, const struct yaml_node *node, uint64_t *ret_ns)
{
	char shown[SHOWN_MAX];
	struct slice text;
	uint64_t ns;

	if (!reader_quantity(reader, node, "a time such as 60s", &text))
		return;
	if (parse_duration(text, &ns) < 0)
		reader_fail(reader, node, "%s is not a time; write it like 200ms, 60s, 15m, 4h or 7d",
			    reader_show(reader, node, shown));
	else if (ns < MS_NS || ns > DURATION_NS_MAX)
		reader_fail(reader, node, "%s is not from 1ms to 3650d", reader_show(reader, node, shown));
	else
		*ret_ns = ns;
}

static void read_size(struct reader *reader, const struct yaml_node *node, uint64_t *ret_bytes)
{
	char shown[SHOWN_MAX];
	struct slice text;
	uint64_t bytes;

	if (!reader_quantity(reader, node, "a size such as 8GiB", &text))
		return;
	if (parse_size(text, &bytes) < 0)
		reader_fail(reader, node, "%s is not a size; write it like 64KiB, 512MiB or 8GiB",
			    reader_show(reader, node, shown));
	else if (bytes == 0 || bytes > SIZE_BYTES_MAX)
		reader_fail(reader, node, "%s is not from 1B to 1024TiB", reader_show(reader, node, shown));
	else
		*ret_bytes = bytes;
}

/* "4", "4.0" or "0.25" (at most three digits behind the point) in thousandths. */
static int parse_milli(struct slice text, uint64_t *ret_milli)
{
	const char *point = text.len ? memchr(text.data, '.', text.len) : NULL;
	struct slice whole = slice_new(text.data, point ? (size_t)(point - text.data) : text.len);
	struct slice part = point ? slice_new(point + 1, text.len - whole.len - 1) : slice_new("0", 1);
	uint32_t cores, fraction = 0;

	if (parse_u32(whole, 0, 4096, &cores) < 0 || part.len == 0 || part.len > 3)
		return -EINVAL;
	for (size_t i = 0; i < 3; i++) {
		char digit = i < part.len ? part.data[i] : '0';

		if (digit < '0' || digit > '9')
			return -EINVAL;
		fraction = fraction * 10 + (uint32_t)(digit - '0');
	}
	if (cores * 1000U + fraction < 10)
		return -ERANGE;
	*ret_milli = cores * 1000U + fraction;
	return 0;
}

static void read_cpu(struct reader *reader, const struct yaml_node *node, uint64_t *ret_milli)
{
	char shown[SHOWN_MAX];
	struct slice text;

	if (!reader_quantity(reader, node, "a number of processors such as 4.0", &text))
		return;
	if (parse_milli(text, ret_milli) < 0)
		reader_fail(reader, node, "%s is not a number of processors from 0.01 to 4096 such as "
			    "4.0 or 0.5", reader_show(reader, node, shown));
}

void read_tier(struct reader *reader, const struct yaml_node *node, uint32_t *ret_tier)
{
	char shown[SHOWN_MAX];
	struct slice text;

	if (!reader_text(reader, node, &text))
		return;
	if (text.len == 2 && text.data[0] == 'T' && text.data[1] >= '0' && text.data[1] <= '4')
		*ret_tier = (uint32_t)(text.data[1] - '0');
	else
		reader_fail(reader, node, "%s is not a tier; tiers are T0, T1, T2, T3 and T4",
			    reader_show(reader, node, shown));
}

/* `number`: in quotes it would be a text. */
static void read_constant(struct reader *reader, const struct yaml_node *node, const char *wanted, bool number)
{
	char shown[SHOWN_MAX];

	if (node->kind != YAML_SCALAR || (number && !node->plain) || !slice_is(yaml_text(reader->yaml, node), wanted))
		reader_fail(reader, node, "only %s is possible here, not %s", wanted,
			    reader_show(reader, node, shown));
}

/* The base was found before anything was understood: by its line, or not at all. */
static void read_extends(struct reader *reader, const struct yaml_node *node)
{
	char shown[SHOWN_MAX];

	if (!reader->base || reader->base[0] == '\0' || node->kind != YAML_SCALAR ||
	    !slice_is(yaml_text(reader->yaml, node), reader->base))
		reader_fail(reader, node, "%s cannot be extended: `extends: NAME` stands on a line of its own, from "
			    "its first column on, and NAME is a shipped policy", reader_show(reader, node, shown));
}

/* Lists note their entries themselves. */
static void note_value(struct reader *reader, const struct key *key, const struct yaml_node *node,
		       const void *base)
{
	if (reader->notes && node->kind == YAML_SCALAR && key->offset != SIZE_MAX)
		policy_notes_add(reader->notes,
				 (size_t)((const char *)base - (const char *)reader->policy) + key->offset,
				 reader->layer, slice_of(""), reader->document, node->line);
}

void read_value(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	void *field = key->offset == SIZE_MAX ? NULL : (char *)base + key->offset;

	switch (key->type) {
	case KEY_UNSUPPORTED:
		return;
	case KEY_EXTENDS:
		read_extends(reader, node);
		return;
	case KEY_SECTION:
		read_mapping(reader, key->keys, node, base);
		return;
	case KEY_SCHEMA:
		read_constant(reader, node, "1", true);
		return;
	case KEY_CALLER:
		read_constant(reader, node, "caller", false);
		return;
	case KEY_NAME:
		read_name(reader, key, node, field);
		return;
	case KEY_TEXT:
		read_text(reader, key, node, field);
		return;
	case KEY_WORD:
		read_word(reader, key, node, base);
		return;
	case KEY_TIER:
		read_tier(reader, node, field);
		return;
	case KEY_U32:
		read_u32(reader, key, node, field);
		return;
	case KEY_DURATION:
		read_duration(reader, node, field);
		return;
	case KEY_SIZE:
		read_size(reader, node, field);
		return;
	case KEY_CPU:
		read_cpu(reader, node, field);
		return;
	case KEY_WORKSPACE:
		read_workspace(reader, node, field);
		return;
	case KEY_PATHS:
	case KEY_GLOBS:
	case KEY_ENV:
	case KEY_NET_CONNECT:
	case KEY_NET_BIND:
	case KEY_PORTS:
		read_list(reader, key, node, field);
		return;
	case KEY_FEATURES:
		read_features(reader, node, field);
		return;
	case KEY_BASELINES:
		read_baselines(reader, node);
		return;
	case KEY_SECRETS:
		read_secrets(reader, node);
		return;
	case KEY_SECRET_FILE:
	case KEY_SECRET_ENV:
	case KEY_SECRET_COMMAND:
		read_secret_source(reader, key, node, field);
		return;
	case KEY_RESPONSE:
		read_response(reader, key, node, field);
		return;
	case KEY_OVERRIDES:
		read_overrides(reader, node);
		return;
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
		read_govern_value(reader, key, node, base);
		return;
	}
}

static void fail_unknown(struct reader *reader, const struct key *keys, const struct yaml_node *node)
{
	const char *names[NEAREST_KEYS_MAX + 1] = { NULL };
	char shown[SHOWN_MAX];
	const char *near;
	size_t count = 0;

	for (; keys->name && count < NEAREST_KEYS_MAX; keys++)
		names[count++] = keys->name;
	if (slice_is(yaml_text(reader->yaml, node), "<<")) {
		reader_fail(reader, node, "merge keys (<<) are not allowed; write the values out");
		return;
	}
	near = text_nearest(yaml_text(reader->yaml, node), names);
	reader_fail(reader, node, "%s is not known here%s%s%s", reader_show(reader, node, shown),
		    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Keys of a mapping are compared as text, so that a duplicate is found however it is quoted. */
bool mapping_is_duplicate(const struct reader *reader, const struct yaml_node *mapping, const struct yaml_node *key)
{
	for (uint32_t at = mapping->first; at != YAML_NONE;) {
		const struct yaml_node *node = yaml_node(reader->yaml, at);

		if (node == key)
			return false;
		if (node->kind == YAML_SCALAR &&
		    slice_eq(yaml_text(reader->yaml, node), yaml_text(reader->yaml, key)))
			return true;
		at = yaml_node(reader->yaml, node->next)->next;
	}
	return false;
}

static void read_pair(struct reader *reader, const struct key *keys, const struct yaml_node *mapping,
		      const struct yaml_node *name, void *base)
{
	const struct yaml_node *value = yaml_node(reader->yaml, name->next);
	char shown[SHOWN_MAX];

	if (name->kind != YAML_SCALAR) {
		reader_fail(reader, name, "a key belongs here, not %s", reader_show(reader, name, shown));
		return;
	}
	if (mapping_is_duplicate(reader, mapping, name)) {
		reader_fail(reader, name, "%s stands here twice", reader_show(reader, name, shown));
		return;
	}
	for (const struct key *key = keys; key->name; key++) {
		if (!slice_is(yaml_text(reader->yaml, name), key->name))
			continue;
		if (key->type == KEY_UNSUPPORTED)
			reader_fail(reader, name, "\"%s\" is not supported yet", key->name);
		else
			read_value(reader, key, value, base);
		note_value(reader, key, value, base);
		return;
	}
	fail_unknown(reader, keys, name);
}

void read_mapping(struct reader *reader, const struct key *keys, const struct yaml_node *node, void *base)
{
	char shown[SHOWN_MAX];

	if (node->kind != YAML_MAPPING) {
		reader_fail(reader, node, "keys belong here (%s, ...), not %s", keys[0].name,
			    reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);

		read_pair(reader, keys, node, name, base);
		at = yaml_node(reader->yaml, name->next)->next;
	}
}
