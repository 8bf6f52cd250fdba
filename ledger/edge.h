/* SPDX-License-Identifier: Apache-2.0 */
/* The right edge of the tiles, in memory: a full tile is written once, a partial one once per
 * commit. */
#ifndef LEDGER_EDGE_H
#define LEDGER_EDGE_H

#include "base/error.h"
#include "ledger/store_db.h"
#include "ledger/tree.h"

struct edge_tile {
	uint64_t n;
	uint32_t width;
	bool dirty;
	struct tree_hash hashes[TREE_TILE_WIDTH];
};

struct edge {
	sqlite3_stmt *write, *read;       /* owned */
	struct edge_tile tiles[TREE_TILE_LEVELS];
	struct tree_source source;        /* tiles of the database, committed or not */
};

/* Prepares and loads the right edge of a tree of `size` leaves. -EBADMSG when a tile is missing or
 * short. `edge` must stay where it is. */
int edge_open(struct edge *edge, sqlite3 *db, uint64_t size, struct error *err) MUST_USE;
void edge_finish(struct edge *edge);
int edge_put(struct edge *edge, const struct tree_entry *entry, struct error *err) MUST_USE;
/* Writes the partial tiles that changed. */
int edge_flush(struct edge *edge, struct error *err) MUST_USE;

#endif
