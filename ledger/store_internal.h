/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share. Nobody else includes this. */
#ifndef LEDGER_STORE_INTERNAL_H
#define LEDGER_STORE_INTERNAL_H

#include "ledger/chain.h"
#include "ledger/edge.h"
#include "ledger/keys.h"
#include "ledger/note.h"
#include "ledger/project.h"
#include "ledger/resent.h"
#include "ledger/reserve.h"
#include "ledger/store.h"
#include "ledger/store_db.h"

#define SALT_LEN 16U
#define SALT_POOL (SALT_LEN * 64U)

struct store {
	int generation_fd, keys_fd, lock_fd;  /* owned */
	sqlite3 *db, *values;
	sqlite3_stmt *add_value, *add_doc, *find_doc, *find_run, *last_of_run, *add_checkpoint;
	struct projector *projector;
	struct tree_hasher *hasher;
	struct tree_frontier frontier;
	struct edge edge;
	struct chain chain;
	struct resent *resent;                /* NULL once nothing is sent again */
	struct reserve reserve;
	bool full;                            /* the reserve is given back */
	struct keys keys;
	struct note_key identity, seal;
	uint8_t boot_id[16];
	int64_t clock_offset_ns;              /* of the newest clock record */
	uint64_t signed_size;                 /* of the newest durable checkpoint */
	uint32_t pending;
	bool in_transaction, in_values, broken;
	bool started;                         /* records come from producers now */
	struct checkpoint_hint last_hint;     /* of the newest record */
	uint8_t salts[SALT_POOL];
	size_t salts_left;
	uint8_t record[RECORD_MAX];           /* bytes of the record being appended */
};

/* ---- store.c ---- */
int store_begin(struct store *store, struct error *err) MUST_USE;
/* Nothing more is taken. Returns `code`. */
int store_broken(struct store *store, int code);

/* ---- store_sign.c ---- */
/* Signs the present size and adds the row to the open transaction. */
int store_sign(struct store *store, struct error *err) MUST_USE;
/* Writes the newest durable checkpoint's note to keys/last, where a log that was rolled back, or
 * deleted, is found out at the next start. */
int store_remember(struct store *store, struct error *err) MUST_USE;
/* -EBADMSG when keys/last knows a longer log than this one, or another one. */
int store_check_remembered(struct store *store, struct error *err) MUST_USE;
/* Checks the newest checkpoint against the tree and sets signed_size. */
int store_check_signed(struct store *store, struct error *err) MUST_USE;

/* ---- store_recover.c ---- */
/* Loads size, frontier and edge; compares the last records with tiles and columns. */
int store_recover(struct store *store, struct error *err) MUST_USE;
/* The records that every start writes: genesis on an empty log, recover after a disorderly end,
 * log_start, clock. */
int store_log_start(struct store *store, struct error *err) MUST_USE;

#endif
