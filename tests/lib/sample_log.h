/* SPDX-License-Identifier: Apache-2.0 */
/* A small ledger with something in every table, made by the writer's own store. */
#ifndef LIB_SAMPLE_LOG_H
#define LIB_SAMPLE_LOG_H

#include <sqlite3.h>
#include <stdint.h>

#define SAMPLE_TELEMETRY 600U       /* records of run B: more than two full tiles */

struct sample_log {
	char dir[64];               /* a temporary directory; ledger in 1/ledger.db below it */
	char db[96];
	char values[96];
	uint8_t run_a[16];          /* refused, violated, revoked */
	uint8_t run_b[16];          /* wrote files and ended well */
	uint64_t size;              /* records, all of them signed */
	uint64_t refused_seq, violation_seq, rename_seq;
};

/* With `gap`, one gap record is in it. `ret_older` (NULL = not wanted) gets a copy of the log as it was
 * in the middle, properly closed. Fails the test when the store does. */
void sample_log_make(struct sample_log *log, int gap, struct sample_log *ret_older);
/* A directory with copies of its two databases, and nothing else. */
void sample_log_copy(const struct sample_log *log, struct sample_log *ret_copy);
/* Puts the databases of `log` over those of `copy`. */
void sample_log_restore(const struct sample_log *log, const struct sample_log *copy);
void sample_log_remove(const struct sample_log *log);

/* Opens a database as a user who may write the file could: without triggers and CHECKs.
 * sample_log_close() puts the triggers back, so that the schema is ours again. */
struct sample_editor {
	sqlite3 *db;
	char *triggers[16];
	int trigger_count;
};
void sample_log_edit(const char *db, struct sample_editor *editor);
void sample_log_close(struct sample_editor *editor);
/* Runs SQL so. `?1` is bound to `number`. Returns the number of changed rows. */
int sample_log_tamper(const char *db, const char *sql, int64_t number);

#endif
