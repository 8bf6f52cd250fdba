/* SPDX-License-Identifier: Apache-2.0 */
/* A document and those that it extends. Reading files is the parent's work and understanding them the
 * compiler's, which may be a confined child without files: so the one line that names a base is found
 * without a parser, and the compiler says when the document means another one. */
#include "compiler/source.h"

#include <errno.h>

#include "base/text.h"

#define EXIT_POLICY_INVALID 120

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* `extends: NAME` and nothing else but blanks and a comment. */
static bool take_line(struct slice line, char ret_name[POLICY_NAME_MAX])
{
	static const char key[] = "extends: ";
	size_t start = sizeof(key) - 1, at = start;

	if (!slice_starts(line, slice_new(key, start)))
		return false;
	while (at < line.len && name_char(line.data[at]))
		at++;
	if (text_copy(ret_name, POLICY_NAME_MAX, slice_new(line.data + start, at - start)) < 0 || at == start)
		return false;
	while (at < line.len && (line.data[at] == ' ' || line.data[at] == '\r'))
		at++;
	return at == line.len || (line.data[at] == '#' && line.data[at - 1] == ' ');
}

bool policy_base_name(struct slice document, char ret_name[POLICY_NAME_MAX])
{
	while (document.len > 0) {
		const char *end = memchr(document.data, '\n', document.len);
		size_t len = end ? (size_t)(end - document.data) : document.len;

		if (take_line(slice_new(document.data, len), ret_name))
			return true;
		len += end != NULL;
		document = slice_new(document.data + len, document.len - len);
	}
	ret_name[0] = '\0';
	return false;
}

static int too_deep(const struct policy_source *source, struct error *err)
{
	error_say(err, -ELOOP, "policy '%s' extends policies %u deep", source->layers[0].path,
		  POLICY_LAYERS_MAX - 1);
	error_next(err, "extend one of those further up: `bailiff policy show NAME` says what it extends");
	error_exit(err, EXIT_POLICY_INVALID);
	return -ELOOP;
}

static int read_layer(const char *name, struct policy_source *source, struct error *err)
{
	struct policy_layer *layer = &source->layers[source->count];
	int r;

	if (source->count == POLICY_LAYERS_MAX)
		return too_deep(source, err);
	layer->bytes = buf_growing(POLICY_BYTES_MAX + 1);
	source->count++;
	r = source->count == 1 ? policy_find(name, layer->path, err) : policy_find_shipped(name, layer->path, err);
	return r < 0 ? r : policy_read_owned(layer->path, &layer->bytes, &layer->owner, err);
}

int policy_source_read(const char *name, struct policy_source *ret_source, struct error *err)
{
	char base[POLICY_NAME_MAX];
	int r;

	*ret_source = (struct policy_source){ 0 };
	r = read_layer(name, ret_source, err);
	while (r == 0) {
		struct policy_layer *layer = &ret_source->layers[ret_source->count - 1];

		if (!policy_base_name(buf_slice(&layer->bytes), base))
			break;
		IGNORE(text_copy(layer->extends, sizeof(layer->extends), slice_of(base)));
		r = read_layer(base, ret_source, err);
	}
	for (uint32_t i = 0; r == 0 && i < ret_source->count; i++)
		r = policy_packs_read(ret_source, i, err);
	if (r < 0)
		error_exit(err, EXIT_POLICY_INVALID);
	return r;
}

void policy_source_finish(struct policy_source *source)
{
	for (uint32_t i = 0; i < source->count; i++)
		buf_finish(&source->layers[i].bytes);
	for (uint32_t i = 0; i < source->pack_count; i++)
		buf_finish(&source->packs[i].bytes);
	source->count = source->pack_count = 0;
}

const char *policy_source_path(const struct policy_source *source, uint32_t layer)
{
	if (layer >= POLICY_PACK_LAYER && layer - POLICY_PACK_LAYER < source->pack_count)
		return source->packs[layer - POLICY_PACK_LAYER].path;
	return source->layers[source->count > 0 ? MIN(layer, source->count - 1) : 0].path;
}
