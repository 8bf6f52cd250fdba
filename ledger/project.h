/* SPDX-License-Identifier: Apache-2.0 */
/* project(seq, rec): what a record changes in the tables, as a pure function of the log. The writer
 * applies it to the live database, verify and rebuild to an empty one (":memory:" with
 * schema_make()) and compare: whatever differs was not written by us.
 *
 * Two steps, so that the first stays pure and testable without a database: project() says what
 * changes, by content (run ULIDs, process identities, name bytes); projector_apply() finds the row
 * ids and writes. Ids are positions: a row's id is the seq of the record that made it (2*seq or
 * 2*seq+1 for names), so a rebuild gives the same ids. Tables by this file: log_meta event
 * seal_key clock_seg time_idx name gap run run_counter proc violation revocation. Not by this file:
 * tile and checkpoint (from the tree and the keys; checkpoint.ts_ns and .reason are those of the
 * last record below its size, see project_checkpoint()), doc (by its digest). */
#ifndef LEDGER_PROJECT_H
#define LEDGER_PROJECT_H

#include <sqlite3.h>

#include "base/error.h"
#include "ledger/record.h"

#define TIME_IDX_EVERY 256U

/* name.t */
enum name_type { NAME_PATH = 1, NAME_ADDRESS = 2, NAME_HOST = 3, NAME_OTHER = 4 };

/* What a record does to run, proc, revocation and so on; at most one per kind, `proc` aside. */
enum change_kind {
	CHANGE_NONE,
	CHANGE_META,          /* genesis: log_meta and the first seal_key */
	CHANGE_CLOCK,         /* clock_seg */
	CHANGE_GAP,
	CHANGE_RUN_NEW, CHANGE_RUN_STATE, CHANGE_RUN_PHASE, CHANGE_RUN_COUNTER, CHANGE_RUN_END,
	CHANGE_VIOLATION,
	CHANGE_REVOKE_INTENT, CHANGE_REVOKE_DONE,
};

/* For numbers that are absent: column NULL. */
struct maybe { bool set; int64_t number; };

/* Borrows from the record. */
struct projection {
	uint64_t seq;
	const struct record *record;
	enum name_type obj_type;      /* of obj and obj2 */
	enum change_kind change;
	bool time_idx;                /* seq is a multiple of TIME_IDX_EVERY */

	struct slice text, text2;     /* META: origin, identity vkey. RUN_NEW: owner. COUNTER: key.
	                               * VIOLATION: rule */
	struct slice bytes;           /* META: seal vkey. RUN_NEW: policy digest, 32 bytes */
	struct maybe n[6];            /* META: generation, epoch. CLOCK: offset_ns.
	                               * GAP: ring, cpu, from, to, n, cause.
	                               * RUN_NEW: tier, status, phase. STATE: status, reason.
	                               * PHASE: phase. COUNTER: n.
	                               * END: status, reason, exit code, records, lost.
	                               * VIOLATION: type, response. DONE: killed, survivors, us */

	/* The process row: with record->proc, on fork, exec, exit or any first naming. */
	bool has_parent;
	uint8_t parent[16];
	struct slice comm;            /* exec */
	struct maybe exit_code;       /* exit */
};

/* Returns 0, or -EINVAL when the record lacks or mistypes what its kind must have (the writer
 * refuses such a record, so a log never holds one). */
int project(uint64_t seq, const struct record *record, struct projection *ret_projection) MUST_USE;

/* Prepared statements and look-up caches over one open database. */
struct projector;
int projector_new(sqlite3 *db, struct projector **ret_projector, struct error *err) MUST_USE;
struct projector *projector_free(struct projector *projector);
/* Writes everything that the record changes; its row of `event`, with `rec` as its bytes, may wait
 * for projector_flush(), which must come before COMMIT. Call in a transaction. After a ROLLBACK call projector_forget(). Returns 0; -EEXIST (a second run_start of
 * a run; nothing was written); or -EIO (roll back). A record of a run that has no run_start gets
 * run -1; changes of such a run change nothing. */
int projector_apply(struct projector *projector, const struct projection *projection,
		    struct slice rec, struct error *err) MUST_USE;

int projector_flush(struct projector *projector, struct error *err) MUST_USE;

/* The columns of event but `rec`, in their order; -1 in obj and obj2 is NULL. */
enum event_column {
	EVENT_SEQ, EVENT_TS, EVENT_RUN, EVENT_RSEQ, EVENT_PROC, EVENT_KIND, EVENT_VERDICT, EVENT_SEV,
	EVENT_OBJ, EVENT_OBJ2, EVENT_REC, EVENT_REC_LEN, EVENT_COLUMNS,
};
struct event_row { int64_t cells[EVENT_COLUMNS]; };  /* [EVENT_REC] is not used */

/* The same without a row in `event`: *ret_row says what it would hold. For verify, which compares
 * that with the file: to write it only to read it again costs more than all the rest. */
int projector_derive(struct projector *projector, const struct projection *projection,
		     struct slice rec, struct event_row *ret_row, struct error *err) MUST_USE;
/* Drops the caches, and rows that wait. */
void projector_forget(struct projector *projector);

/* project(), projector_apply() and projector_flush() of decoded bytes: what verify and rebuild call for each event.rec
 * in seq order. -EBADMSG when the bytes are no record. */
int projector_replay(struct projector *projector, uint64_t seq, struct slice rec,
		     struct error *err) MUST_USE;

/* The hint columns of a checkpoint row are derived, too: those of record size-1. */
struct checkpoint_hint { int64_t ts_ns; int64_t reason; };
struct checkpoint_hint project_checkpoint(const struct record *last);

/* doc.type: 1 = JSON object, 2 = anything else. */
int64_t project_doc_type(struct slice data);

/* First 16 bytes of SHA-256(boot_id || be32 pid || be64 start_boottime_ns). Returns 0 or -EIO. */
int proc_identity(const uint8_t boot_id[16], uint32_t pid, uint64_t start_ns,
		  uint8_t ret_identity[16]) MUST_USE;

#endif
