/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of verify share while it runs; for verify*.c only. */
#ifndef LEDGER_VERIFY_PASS_H
#define LEDGER_VERIFY_PASS_H

#include "ledger/chain.h"
#include "ledger/edge.h"
#include "ledger/project.h"
#include "ledger/reader.h"
#include "ledger/verify.h"
#include "ledger/verify_batch.h"
#include "ledger/verify_index.h"

struct verify_structure;

struct verify_pass {
	const struct verify_options *options;
	struct reader *reader;
	struct verify_report *report;
	sqlite3 *replica;           /* derived from the records alone */
	struct projector *projector;
	struct verify_worker *worker;
	struct verify_batch *filling; /* where verify_row() of the reader puts its rows */
	struct tree_frontier frontier;
	struct edge edge;           /* of the replica's tiles */
	struct chain chain;
	uint64_t next;              /* the seq that must come */
	struct verify_structure *structure; /* runs beside the replay; NULL: not asked for */
};

struct verify_memory {              /* what this user's verify last found sound */
	bool known;
	char vkey[NOTE_VKEY_MAX];
	struct note_checkpoint checkpoint;
};

/* Adds a finding, which makes the result FAIL. `seq` < 0: about no record. */
void verify_find(struct verify_pass *pass, int64_t seq, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* verify_replay.c: the records. Everything returns 0 or -errno when it cannot go on; what is wrong
 * with the ledger is a finding and no error. */
int verify_replica_open(struct verify_pass *pass, struct error *err) MUST_USE;
void verify_replica_close(struct verify_pass *pass);
/* Replays at most one page from pass->next on. Returns the number of records, 0 at the end or when
 * a finding ends the replay. */
int verify_replay_page(struct verify_pass *pass, struct error *err) MUST_USE;
/* The root of the replayed records below `size`. */
int verify_root(struct verify_pass *pass, uint64_t size, struct tree_hash *ret_root) MUST_USE;

/* verify_state.c: every cell. */
/* The event's own columns. */
int verify_event(struct verify_pass *pass, const struct verify_row *row, const struct event_row *want,
		 struct error *err) MUST_USE;
int verify_tiles(struct verify_pass *pass, struct error *err) MUST_USE;
int verify_tables(struct verify_pass *pass, struct error *err) MUST_USE;
int verify_docs(struct verify_pass *pass, struct error *err) MUST_USE;
int verify_values(struct verify_pass *pass, struct error *err) MUST_USE;

/* verify_structure.c: pages and indexes. Started first, waited for last; finish() ends it early. */
int verify_structure_start(struct verify_pass *pass, struct error *err) MUST_USE;
/* Each row that the replay gives, in order. */
void verify_structure_row(struct verify_pass *pass, const struct event_row *row);
int verify_structure(struct verify_pass *pass, struct error *err) MUST_USE;
void verify_structure_finish(struct verify_pass *pass);

/* verify_seal.c: checkpoints and their signatures. *ret_newest is the newest valid one, with size 0
 * when there is none. */
int verify_seals(struct verify_pass *pass, struct note_checkpoint *ret_newest,
		 struct error *err) MUST_USE;

/* verify_trust.c: which key we believe in, and what we saw before. */
int verify_memory_load(const char *dir, const char *origin, struct verify_memory *ret_memory,
		       struct error *err) MUST_USE;
int verify_memory_save(const char *dir, const struct verify_memory *memory,
		       struct error *err) MUST_USE;
/* Compares the ledger's identity key with the trusted one. */
int verify_trusted(struct verify_pass *pass, const struct verify_memory *memory,
		   struct error *err) MUST_USE;
/* Compares the log with the memory and with options->checkpoint. */
int verify_kept(struct verify_pass *pass, const struct verify_memory *memory,
		struct error *err) MUST_USE;

#endif
