/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/edge.h"

#include <errno.h>
#include <string.h>

/* tree_source over the tile table. */
static int read_tile(void *context, uint32_t level, uint64_t n, uint32_t at, uint32_t count,
		     struct tree_hash *ret_hashes)
{
	struct edge *edge = context;
	struct slice bytes;
	int step, r = -ENOENT;

	sqlite3_bind_int64(edge->read, 1, level);
	sqlite3_bind_int64(edge->read, 2, (int64_t)n);
	step = sqlite3_step(edge->read);
	if (step == SQLITE_ROW) {
		bytes = store_db_bytes(edge->read, 0);
		if (bytes.len >= (size_t)(at + count) * TREE_HASH_LEN) {
			memcpy(ret_hashes, bytes.data + (size_t)at * TREE_HASH_LEN,
			       (size_t)count * TREE_HASH_LEN);
			r = 0;
		}
	} else if (step != SQLITE_DONE) {
		r = -EIO;
	}
	sqlite3_reset(edge->read);
	return r;
}

static int load(struct edge *edge, uint64_t size, struct error *err)
{
	for (uint32_t level = 0; level < TREE_TILE_LEVELS; level++) {
		struct edge_tile *tile = &edge->tiles[level];
		uint64_t hashes = level * TREE_TILE_HEIGHT < 64 ?
				  size >> level * TREE_TILE_HEIGHT : 0;
		int r;

		tile->n = hashes / TREE_TILE_WIDTH;
		tile->width = (uint32_t)(hashes % TREE_TILE_WIDTH);
		if (tile->width == 0)
			continue;
		r = read_tile(edge, level, tile->n, 0, tile->width, tile->hashes);
		if (r < 0)
			return error_say(err, r == -ENOENT ? -EBADMSG : r,
					 "tile %u/%llu of the ledger is missing or short", level,
					 (unsigned long long)tile->n);
	}
	return 0;
}

int edge_open(struct edge *edge, sqlite3 *db, uint64_t size, struct error *err)
{
	int r;

	memset(edge, 0, sizeof(*edge));
	edge->source = (struct tree_source){ .read = read_tile, .context = edge };
	r = store_db_prepare(db, "SELECT hashes FROM tile WHERE level = ? AND n = ?", &edge->read,
			     err);
	if (r == 0)
		r = store_db_prepare(db, "INSERT INTO tile VALUES(?,?,?,?) ON CONFLICT(level, n)"
				     " DO UPDATE SET w = excluded.w, hashes = excluded.hashes",
				     &edge->write, err);
	return r < 0 ? r : load(edge, size, err);
}

void edge_finish(struct edge *edge)
{
	store_db_finalize_p(&edge->read);
	store_db_finalize_p(&edge->write);
}

static int write_tile(struct edge *edge, uint32_t level, struct error *err)
{
	struct edge_tile *tile = &edge->tiles[level];

	sqlite3_bind_int64(edge->write, 1, level);
	sqlite3_bind_int64(edge->write, 2, (int64_t)tile->n);
	sqlite3_bind_int64(edge->write, 3, tile->width);
	sqlite3_bind_blob(edge->write, 4, tile->hashes, (int)(tile->width * TREE_HASH_LEN),
			  SQLITE_STATIC);
	tile->dirty = false;
	return store_db_run(edge->write, err);
}

int edge_put(struct edge *edge, const struct tree_entry *entry, struct error *err)
{
	struct edge_tile *tile = &edge->tiles[entry->level];
	int r;

	if (entry->n != tile->n || entry->at != tile->width)
		return error_say(err, -EBADMSG, "the tree does not continue its tiles");
	tile->hashes[tile->width++] = entry->hash;
	tile->dirty = true;
	if (tile->width < TREE_TILE_WIDTH)
		return 0;
	r = write_tile(edge, entry->level, err);
	tile->n++;
	tile->width = 0;
	return r;
}

int edge_flush(struct edge *edge, struct error *err)
{
	for (uint32_t level = 0; level < TREE_TILE_LEVELS; level++) {
		if (!edge->tiles[level].dirty)
			continue;
		int r = write_tile(edge, level, err);

		if (r < 0)
			return r;
	}
	return 0;
}
