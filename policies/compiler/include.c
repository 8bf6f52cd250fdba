/* SPDX-License-Identifier: Apache-2.0 */
/* `include: [std, {file: own.pack.yaml, sha256: ...}]`. As with `extends`, whoever reads files finds the packs
 * without a parser, and the compiler says when the document means others. */
#include "compiler/govern.h"
#include "compiler/source.h"

#include <errno.h>

#include "base/text.h"

#define EXIT_POLICY_INVALID 120
#define HEX_DIGITS 64U

/* ---- without a parser ---- */

static bool is_mark(char c)
{
	return c == '[' || c == ']' || c == '{' || c == '}' || c == ',';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '"' || c == '\'';
}

/* The next mark or word; false at the end. */
static bool take_token(struct slice *rest, struct slice *ret_token)
{
	size_t at = 0, end;

	while (at < rest->len && (is_blank(rest->data[at]) || rest->data[at] == '#')) {
		if (rest->data[at] == '#')
			while (at < rest->len && rest->data[at] != '\n')
				at++;
		else
			at++;
	}
	end = at < rest->len && is_mark(rest->data[at]) ? at + 1 : at;
	while (end < rest->len && end >= at && !is_mark(rest->data[at]) && !is_mark(rest->data[end]) &&
	       !is_blank(rest->data[end]))
		end++;
	*ret_token = slice_new(rest->data + at, end - at);
	*rest = slice_new(rest->data + end, rest->len - end);
	return ret_token->len > 0;
}

/* Behind `include:` at the beginning of a line. */
static bool find_include(struct slice *document)
{
	while (document->len > 0) {
		const char *end = memchr(document->data, '\n', document->len);
		size_t len = end ? (size_t)(end - document->data) + 1 : document->len;

		if (slice_starts(*document, slice_of("include:"))) {
			*document = slice_new(document->data + 8, document->len - 8);
			return true;
		}
		*document = slice_new(document->data + len, document->len - len);
	}
	return false;
}

uint32_t policy_pack_names(struct slice document, struct policy_pack_name ret_names[POLICY_PACKS_MAX])
{
	bool inside = false, is_file = false, is_digest = false;
	uint32_t count = 0;
	struct slice token;

	if (!find_include(&document) || !take_token(&document, &token) || !slice_is(token, "["))
		return 0;
	while (take_token(&document, &token) && !slice_is(token, "]") && count < POLICY_PACKS_MAX) {
		struct policy_pack_name *name = &ret_names[count];

		if (slice_is(token, "{"))
			*name = (struct policy_pack_name){ 0 };
		if (slice_is(token, "{") || slice_is(token, "}")) {
			inside = slice_is(token, "{");
			count += !inside;
		} else if (inside && slice_is(token, "file:")) {
			is_file = true;
		} else if (inside && slice_is(token, "sha256:")) {
			is_digest = true;
		} else if (!slice_is(token, ",") && (inside ? is_file || is_digest : true)) {
			if (!inside)
				*name = (struct policy_pack_name){ .shipped = true };
			if (inside && is_digest)
				name->sha256 = token;
			else
				name->name = token;
			is_file = is_digest = false;
			count += !inside;
		}
	}
	return count;
}

static int shipped_path(const char *document, struct slice name, char path[POLICY_PATH_MAX], struct error *err)
{
	char file[POLICY_NAME_MAX], shown[128];
	struct error ignored = { 0 };

	if (snprintf(file, sizeof(file), "%.*s.pack", (int)MIN(name.len, 40U), name.data) > 0 &&
	    policy_find_shipped(file, path, &ignored) == 0)
		return 0;
	text_escape(shown, sizeof(shown), name);
	error_say(err, -ENOENT, "there is no pack '%s', which '%s' includes", shown, document);
	return error_next(err, "the shipped pack is `std`; a file is {file: %s.yaml, sha256: ...}", shown);
}

/* A file that is not absolute lies beside the document that names it. */
static int file_path(const char *document, struct slice name, struct slice digest, char path[POLICY_PATH_MAX], struct error *err)
{
	const char *slash = strrchr(document, '/');
	struct buf to = buf_fixed(path, POLICY_PATH_MAX);

	if (slash && name.len > 0 && name.data[0] != '/')
		IGNORE(buf_append(&to, document, (size_t)(slash - document) + 1) < 0);
	IGNORE(buf_append(&to, name.data, name.len) < 0 || buf_append(&to, "", 1) < 0);
	if (name.len > 0 && digest.len == HEX_DIGITS && !to.failed)
		return 0;
	error_say(err, -EINVAL, "'%s': an include has a file and its sha256", document);
	return error_next(err, "write include: [{file: own.pack.yaml, sha256: ...}]");
}

int policy_packs_read(struct policy_source *source, uint32_t of, struct error *err)
{
	struct policy_layer *layer = &source->layers[of];
	struct policy_pack_name names[POLICY_PACKS_MAX];
	uint32_t count = policy_pack_names(layer->bytes.data ? buf_slice(&layer->bytes) : slice_of(""), names);

	for (uint32_t i = 0; i < count; i++) {
		struct policy_pack *pack = &source->packs[source->pack_count];
		int r;

		if (source->pack_count == POLICY_PACKS_MAX) {
			error_say(err, -E2BIG, "'%s' includes more than %u packs", layer->path, POLICY_PACKS_MAX);
			return error_next(err, "put them together in one");
		}
		r = names[i].shipped ? shipped_path(layer->path, names[i].name, pack->path, err) :
				       file_path(layer->path, names[i].name, names[i].sha256, pack->path, err);
		if (r < 0)
			return r;
		pack->of = of;
		pack->name = names[i];
		pack->bytes = buf_growing(POLICY_BYTES_MAX + 1);
		source->pack_count++;
		r = policy_read(pack->path, &pack->bytes, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- with one ---- */

static void check_digest(struct reader *reader, const struct yaml_node *node, const struct policy_pack *pack)
{
	char hex[HEX_DIGITS + 1];
	uint8_t digest[32];

	if (policy_digest(pack->bytes.data ? buf_slice(&pack->bytes) : slice_of(""), digest) < 0)
		return;
	text_hex(hex, digest, sizeof(digest));
	if (!slice_is(yaml_text(reader->yaml, node), hex))
		reader_fail(reader, node, "the file has another content, sha256 %s", hex);
}

static bool is_pack(struct reader *reader, const struct yaml_node *node, const struct policy_pack *pack)
{
	const struct yaml_node *file = mapping_find(reader, node, "file"), *digest = mapping_find(reader, node, "sha256");

	if (node->kind == YAML_SCALAR)
		return pack->name.shipped && slice_eq(pack->name.name, yaml_text(reader->yaml, node));
	if (!file || !digest || pack->name.shipped || !slice_eq(pack->name.name, yaml_text(reader->yaml, file)) ||
	    !slice_eq(pack->name.sha256, yaml_text(reader->yaml, digest)))
		return false;
	check_digest(reader, digest, pack);
	return true;
}

static void read_include(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	const struct policy_source *source = reader->source;
	char shown[SHOWN_MAX];
	uint32_t i = 0;

	(void)key;
	(void)base;
	if (!reader_list(reader, node, "packs"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(reader->yaml, at);

		at = item->next;
		while (source && i < source->pack_count && source->packs[i].of != reader->layer)
			i++;
		if (source && i < source->pack_count && is_pack(reader, item, &source->packs[i++]))
			continue;
		reader_fail(reader, item, "%s cannot be included: `include: [std, {file: F, sha256: H}]` begins in the first "
			    "column of a line", reader_show(reader, item, shown));
		return;
	}
}
const struct key_hooks include_special = { .read = read_include };

/* ---- what stands in a pack ---- */

static void read_pack_text(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct slice text;

	(void)key;
	(void)base;
	IGNORE(reader_text(reader, node, &text));
}
static const struct key_hooks pack_text = { .read = read_pack_text };

#define PACK_TABLE(key_name, table) { .name = key_name, .type = KEY_TABLE, .min = table }
const struct key pack_keys[] = {
	{ .name = "schema", .type = KEY_SCHEMA },
	{ .name = "pack", .type = KEY_SPECIAL, .hooks = &pack_text },
	{ .name = "description", .type = KEY_SPECIAL, .hooks = &pack_text },
	PACK_TABLE("capabilities", TABLE_CAPABILITIES), PACK_TABLE("rules", TABLE_RULES),
	PACK_TABLE("guards", TABLE_GUARDS), PACK_TABLE("environments", TABLE_ENVIRONMENTS),
	{ 0 },
};
