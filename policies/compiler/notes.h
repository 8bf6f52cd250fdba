/* SPDX-License-Identifier: Apache-2.0 */
/* Why an entry of a policy is there: the comment behind it on its line, else the comment on lines of its
 * own above it in the same list, which holds up to an empty line or the next comment. A value that is no
 * list has the comment behind it. For people only: comments are part of no digest. */
#ifndef COMPILER_NOTES_H
#define COMPILER_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct policy_note {
	size_t field;            /* offset of the value or list in struct policy */
	uint32_t layer;          /* of the policy_source that says it */
	uint32_t text_offset, text_len;     /* the entry; empty for what is no list */
	uint32_t reason_offset, reason_len; /* empty: no comment */
};

struct policy_notes {
	struct buf items;        /* struct policy_note[] */
	struct buf text;
};

struct policy_notes policy_notes_new(void);
void policy_notes_finish(struct policy_notes *notes);

/* Adds one. `line` is from 1. Nothing happens when `notes` is NULL; what does not fit is left out. */
void policy_notes_add(struct policy_notes *notes, size_t field, uint32_t layer, struct slice text,
		      struct slice document, uint32_t line);

/* The last one for this field and entry, or NULL. */
const struct policy_note *policy_notes_find(const struct policy_notes *notes, size_t field, struct slice text);
struct slice policy_notes_reason(const struct policy_notes *notes, const struct policy_note *note);

/* The comment that belongs to a line of a document, without its #, lines joined by blanks; appended to
 * `to`. `list`: also the one above. */
void comment_of(struct slice document, uint32_t line, bool list, struct buf *to);

#endif
