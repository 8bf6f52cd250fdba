/* SPDX-License-Identifier: Apache-2.0 */
/* A record for people, as an English sentence, and for programs, as one line of JSON. What agents
 * chose is escaped: neither form can move a cursor, end a line or turn text around. */
#ifndef LEDGER_RENDER_H
#define LEDGER_RENDER_H

#include "base/buf.h"
#include "ledger/query.h"

#define RENDER_MAX 262144U          /* bytes of one record in either form, at most */

/* "curl(4123)", "pid 4123", or nothing when the record names no process. All of these append to
 * `buf` without a newline; what does not fit is left out and sets buf->failed. */
void render_process(struct buf *buf, const struct ledger_hit *hit);
/* What happened, without its subject: "connected to 10.30.0.5:443", "was refused to write ...". */
void render_what(struct buf *buf, const struct ledger_hit *hit);
/* Both: "curl(4123) was refused to connect to 10.30.0.5:443". */
void render_sentence(struct buf *buf, const struct ledger_hit *hit);
/* One object. Numbers above 2^53 are strings; what is absent is null; bytes that are not UTF-8 are
 * in NAME_b64 beside NAME (null). */
void render_json(struct buf *buf, const struct ledger_hit *hit);
/* The command line behind an exec, words quoted where needed; "<withheld>" when this user may not
 * read values, "<redacted>" when it was removed. False when the record has none. */
bool render_argv(struct buf *buf, const struct ledger_hit *hit);

/* A JSON string with its quotes; `text` must be valid UTF-8. */
void render_json_string(struct buf *buf, struct slice text);
/* "name":"text", or "name":null,"name_b64":"..." */
void render_json_bytes(struct buf *buf, const char *name, struct slice bytes);
/* Escaped for a terminal. */
void render_text(struct buf *buf, struct slice text);
/* The last 8 characters of the run's ULID, as people use them. */
#define RENDER_RUN_LEN 8U
void render_run(const uint8_t run[16], char to[RENDER_RUN_LEN + 1]);

#endif
