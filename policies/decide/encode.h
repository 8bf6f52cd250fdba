/* SPDX-License-Identifier: Apache-2.0 */
/* A question to judge() as bytes, so that a decision in the ledger can be made again from its policy: little-endian,
 * bounded, canonical (what question_decode() takes is what question_encode() writes).
 *
 * Not among the bytes is argv, which a record has as a value of its own with the secrets taken out: the reader
 * hands it over. Nor are paths that the policy does not name: what is below a path of a rule or environment
 * is written as that path, all others as "", which no rule can tell apart. */
#ifndef DECIDE_ENCODE_H
#define DECIDE_ENCODE_H

#include "decide/field.h"
#include "decide/judge.h"

#define QUESTION_BYTES_MAX 65536U
#define QUESTION_TEXT_MAX 4096U      /* of one name, path, id or text */
#define QUESTION_PATHS_MAX 1024U

struct buf;

/* Borrows from the bytes and words that it was decoded from. */
struct question_record {
	struct action action;
	struct snapshot snapshot;
	uint64_t now_ns;
	struct field_value fields[FIELD_COUNT];
	struct slice paths[QUESTION_PATHS_MAX];
};

/* Appends the question. `govern` is the policy that it is asked of. Returns 0; -E2BIG: it is larger than a record
 * may be, and cannot be made again; -ENOMEM, -ENOSPC of the buffer. */
int question_encode(const struct govern_view *govern, const struct action *action,
		    const struct snapshot *snapshot, uint64_t now_ns, struct buf *buf) MUST_USE;
/* `argv` are the words of the recorded command. Returns 0 or -EINVAL. */
int question_decode(struct slice bytes, const struct slice *argv, uint32_t argc,
		    struct question_record *ret_record) MUST_USE;

#endif
