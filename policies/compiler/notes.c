/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/notes.h"

#define NOTES_MAX 4096U
#define NOTES_TEXT_MAX (1U << 20)

/* ---- comments ---- */

static struct slice line_at(struct slice document, uint32_t line)
{
	for (; line > 1 && document.len > 0; line--) {
		const char *end = memchr(document.data, '\n', document.len);
		size_t used = end ? (size_t)(end - document.data) + 1 : document.len;

		document = slice_new(document.data + used, document.len - used);
	}
	if (document.len > 0) {
		const char *end = memchr(document.data, '\n', document.len);

		document.len = end ? (size_t)(end - document.data) : document.len;
	}
	return document;
}

static size_t indent_of(struct slice line)
{
	size_t at = 0;

	while (at < line.len && line.data[at] == ' ')
		at++;
	return at;
}

static bool is_comment(struct slice line)
{
	size_t at = indent_of(line);

	return at < line.len && line.data[at] == '#';
}

static bool opens_quote(struct slice line, size_t at)
{
	return (line.data[at] == '"' || line.data[at] == '\'') &&
	       (at == 0 || memchr(" [{,:-", line.data[at - 1], 6) != NULL);
}

/* Where the # of a comment stands: at the start or behind a blank, and not inside of quotes. */
static size_t comment_start(struct slice line)
{
	for (size_t at = 0; at < line.len; at++) {
		if (line.data[at] == '#' && (at == 0 || line.data[at - 1] == ' '))
			return at;
		if (opens_quote(line, at)) {
			const char *end = memchr(line.data + at + 1, line.data[at], line.len - at - 1);

			if (!end)
				return line.len;
			at = (size_t)(end - line.data);
		}
	}
	return line.len;
}

static void append_comment(struct slice line, size_t at, struct buf *to)
{
	size_t end = line.len;

	while (at < line.len && (line.data[at] == '#' || line.data[at] == ' '))
		at++;
	while (end > at && (line.data[end - 1] == ' ' || line.data[end - 1] == '\r'))
		end--;
	if (at < end && to->len > 0)
		IGNORE(buf_append(to, " ", 1) < 0);
	IGNORE(buf_append(to, line.data + at, end - at) < 0); /* remembered in to->failed */
}

/* The last line of the comment above, or 0. Neighbours of the same list are passed. */
static uint32_t comment_above(struct slice document, uint32_t line)
{
	size_t indent = indent_of(line_at(document, line));

	while (--line > 0) {
		struct slice above = line_at(document, line);

		if (indent_of(above) == above.len || indent_of(above) < indent)
			return 0;
		if (is_comment(above))
			return line;
	}
	return 0;
}

void comment_of(struct slice document, uint32_t line, bool list, struct buf *to)
{
	struct slice own = line_at(document, line);
	size_t at = comment_start(own);
	uint32_t last, first;

	if (at < own.len) {
		append_comment(own, at, to);
		return;
	}
	last = list ? comment_above(document, line) : 0;
	first = last;
	while (first > 1 && is_comment(line_at(document, first - 1)))
		first--;
	for (; last > 0 && first <= last; first++)
		append_comment(line_at(document, first), 0, to);
}

/* ---- notes ---- */

struct policy_notes policy_notes_new(void)
{
	return (struct policy_notes){ .items = buf_growing(NOTES_MAX * sizeof(struct policy_note)),
				      .text = buf_growing(NOTES_TEXT_MAX) };
}

void policy_notes_finish(struct policy_notes *notes)
{
	buf_finish(&notes->items);
	buf_finish(&notes->text);
}

void policy_notes_add(struct policy_notes *notes, size_t field, uint32_t layer, struct slice text,
		      struct slice document, uint32_t line)
{
	cleanup_with(buf_finish) struct buf reason = buf_growing(4096);
	struct policy_note note = { .field = field, .layer = layer };

	if (!notes)
		return;
	comment_of(document, line, text.len > 0, &reason);
	note.text_offset = (uint32_t)notes->text.len;
	note.text_len = (uint32_t)text.len;
	IGNORE(buf_append(&notes->text, text.data, text.len) < 0); /* remembered in text.failed */
	note.reason_offset = (uint32_t)notes->text.len;
	note.reason_len = (uint32_t)reason.len;
	IGNORE(buf_append(&notes->text, reason.data, reason.len) < 0);
	if (!notes->text.failed)
		IGNORE(buf_append(&notes->items, &note, sizeof(note)) < 0);
}

const struct policy_note *policy_notes_find(const struct policy_notes *notes, size_t field, struct slice text)
{
	const struct policy_note *items = (const void *)notes->items.data;

	for (size_t i = notes->items.len / sizeof(*items); i > 0; i--) {
		const struct policy_note *note = &items[i - 1];

		if (note->field == field &&
		    slice_eq(text, slice_new(notes->text.data + note->text_offset, note->text_len)))
			return note;
	}
	return NULL;
}

struct slice policy_notes_reason(const struct policy_notes *notes, const struct policy_note *note)
{
	return slice_new(notes->text.data + note->reason_offset, note->reason_len);
}
