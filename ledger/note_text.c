/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint body, and base64 that has one text per value. */
#include "ledger/note.h"

#include <errno.h>

#include "base/parse.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t note_base64(char *to, const uint8_t *bytes, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		to[out++] = alphabet[group >> 18 & 63U];
		to[out++] = alphabet[group >> 12 & 63U];
		to[out++] = left > 1 ? alphabet[group >> 6 & 63U] : '=';
		to[out++] = left > 2 ? alphabet[group & 63U] : '=';
	}
	to[out] = '\0';
	return out;
}

/* -1 for a character that is none of the 64. */
static int sextet(char c)
{
	const char *at = c ? memchr(alphabet, c, sizeof(alphabet) - 1) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

ssize_t note_unbase64(struct slice text, uint8_t *bytes, size_t size)
{
	size_t pad = 0, len;

	if (text.len % 4 != 0)
		return -EBADMSG;
	while (pad < 2 && pad < text.len && text.data[text.len - 1 - pad] == '=')
		pad++;
	len = text.len / 4 * 3 - pad;
	if (len > size)
		return -EBADMSG;
	for (size_t i = 0, out = 0; i < text.len; i += 4) {
		uint32_t group = 0;

		for (size_t k = 0; k < 4; k++) {
			int value = i + k < text.len - pad ? sextet(text.data[i + k]) : 0;

			if (value < 0)
				return -EBADMSG;
			group = group << 6 | (uint32_t)value;
		}
		for (size_t k = 0; k < 3; k++) {
			uint8_t byte = (uint8_t)(group >> (16 - 8 * k));

			if (out < len)
				bytes[out++] = byte;
			else if (byte != 0)
				return -EBADMSG; /* bits behind the end: another text of this value */
		}
	}
	return (ssize_t)len;
}

int note_checkpoint_write(struct buf *body, const struct note_checkpoint *checkpoint)
{
	char root[48];

	if (!checkpoint->origin[0] || strchr(checkpoint->origin, '\n'))
		return -EINVAL;
	note_base64(root, checkpoint->root.bytes, TREE_HASH_LEN);
	return buf_printf(body, "%s\n%llu\n%s\n", checkpoint->origin,
			  (unsigned long long)checkpoint->size, root);
}

static bool next_line(struct slice *rest, struct slice *ret_line)
{
	const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;

	if (!end)
		return false;
	*ret_line = slice_new(rest->data, (size_t)(end - rest->data));
	rest->len -= ret_line->len + 1;
	rest->data = end + 1;
	return true;
}

int note_checkpoint_parse(struct slice body, struct note_checkpoint *ret_checkpoint)
{
	struct note_checkpoint checkpoint = { 0 };
	struct slice origin, size, root;

	if (!next_line(&body, &origin) || !next_line(&body, &size) || !next_line(&body, &root) ||
	    body.len != 0)
		return -EBADMSG;
	if (origin.len == 0 || origin.len >= sizeof(checkpoint.origin) ||
	    memchr(origin.data, '\0', origin.len))
		return -EBADMSG;
	memcpy(checkpoint.origin, origin.data, origin.len);
	if (parse_u64(size, 0, TREE_SIZE_MAX, &checkpoint.size) < 0)
		return -EBADMSG;
	if (note_unbase64(root, checkpoint.root.bytes, TREE_HASH_LEN) != (ssize_t)TREE_HASH_LEN)
		return -EBADMSG;
	*ret_checkpoint = checkpoint;
	return 0;
}
