/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/verify_index.h"

#include <errno.h>
#include <sys/random.h>

#define PRIME ((1ULL << 61) - 1)
#define SQL_MAX 256

/* The indexes of schema.c, with their conditions once for SQLite, which uses a partial index only for
 * the same words, and once for us. */
static const struct event_index {
	const char *name, *column, *where;
	enum event_column cell;
	int64_t least, kind_from, kind_to;
	bool in_blocks;             /* `seq >> 12` stands before the column */
} indexes[] = {
	{ "event_run", "run", "", EVENT_RUN, INT64_MIN, 0, INT64_MAX, false },
	{ "event_proc", "proc", "", EVENT_PROC, INT64_MIN, 0, INT64_MAX, false },
	{ "event_file", "obj", " AND obj IS NOT NULL AND kind BETWEEN 16 AND 31", EVENT_OBJ, 0, 16, 31,
	  true },
	{ "event_net", "obj", " AND obj IS NOT NULL AND kind BETWEEN 48 AND 63", EVENT_OBJ, 0, 48, 63,
	  true },
	{ "event_obj2", "obj2", " AND obj2 IS NOT NULL", EVENT_OBJ2, 0, 0, INT64_MAX, false },
	{ "event_bad", "verdict", " AND verdict > 0", EVENT_VERDICT, 1, 0, INT64_MAX, false },
	{ "event_ctl", "kind", " AND kind >= 128", EVENT_KIND, 128, 0, INT64_MAX, false },
};
_Static_assert(COUNT(indexes) == VERIFY_INDEXES, "an index has no sum");

static uint64_t times(uint64_t a, uint64_t b)
{
	unsigned __int128 whole = (unsigned __int128)a * b;
	uint64_t sum = (uint64_t)(whole & PRIME) + (uint64_t)(whole >> 61);

	return sum >= PRIME ? sum - PRIME : sum;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a >= b ? a - b : a + PRIME - b;
}

/* -1, which stands for none, is the only negative number. */
static uint64_t residue(int64_t number)
{
	return number < 0 ? PRIME - 1 : (uint64_t)number;
}

static bool has_residue(int64_t number)
{
	return number >= -1 && number < (int64_t)PRIME - 1;
}

static uint64_t add(const struct verify_index_key *key, uint64_t product, int64_t cell, int64_t seq)
{
	uint64_t entry = times(key->weight, residue(cell)) + residue(seq);

	return times(product, minus(key->point, entry >= PRIME ? entry - PRIME : entry));
}

int verify_index_start(struct verify_index_key *ret_key, struct verify_index_sums *ret_sums)
{
	struct verify_index_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	*ret_key = (struct verify_index_key){ key.point % PRIME, key.weight % PRIME };
	for (size_t i = 0; i < VERIFY_INDEXES; i++)
		ret_sums->products[i] = 1;
	return 0;
}

void verify_index_add(const struct verify_index_key *key, struct verify_index_sums *sums,
		      const struct event_row *row)
{
	for (size_t i = 0; i < COUNT(indexes); i++) {
		int64_t cell = row->cells[indexes[i].cell], kind = row->cells[EVENT_KIND];

		if (cell >= indexes[i].least && kind >= indexes[i].kind_from &&
		    kind <= indexes[i].kind_to)
			sums->products[i] = add(key, sums->products[i], cell, row->cells[EVENT_SEQ]);
	}
}

struct entry { int64_t block, cell, seq; };

struct scan {
	const struct verify_index_key *key;
	bool in_blocks;
	struct entry last;
	uint64_t product;
};

static bool ascends(const struct entry *from, const struct entry *to)
{
	if (to->block != from->block)
		return to->block > from->block;
	return to->cell > from->cell || (to->cell == from->cell && to->seq > from->seq);
}

/* verify_entry(block, cell, seq): true ends the scan, at an entry that cannot be where it is. SQLite
 * takes the values out of the index, the block, too, which it could also reckon. */
static void take_entry(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct scan *scan = sqlite3_user_data(context);
	struct entry entry = { .block = sqlite3_value_int64(values[0]),
			       .cell = sqlite3_value_int64(values[1]),
			       .seq = sqlite3_value_int64(values[2]) };
	bool sound = sqlite3_value_type(values[0]) == SQLITE_INTEGER &&
		     sqlite3_value_type(values[1]) == SQLITE_INTEGER &&
		     entry.block == (scan->in_blocks ? entry.seq >> 12 : 0) &&
		     has_residue(entry.cell) && has_residue(entry.seq) && ascends(&scan->last, &entry);

	(void)count;
	if (sound)
		scan->product = add(scan->key, scan->product, entry.cell, entry.seq);
	scan->last = entry;
	sqlite3_result_int(context, !sound);
}

int verify_index_read(struct reader *reader, const struct verify_index_key *key, size_t at,
		      uint64_t *ret_product, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	const struct event_index *index = &indexes[at];
	struct scan scan = { .key = key, .in_blocks = index->in_blocks, .product = 1,
			     .last = { INT64_MIN, INT64_MIN, INT64_MIN } };
	char sql[SQL_MAX];
	int r = reader_function(reader, "verify_entry", 3, take_entry, &scan, err);

	if (r < 0)
		return r;
	IGNORE(snprintf(sql, sizeof(sql), "SELECT 1 FROM event INDEXED BY %s WHERE verify_entry(%s, %s, seq)%s",
			index->name, index->in_blocks ? "seq >> 12" : "0", index->column, index->where) < 0);
	r = reader_prepare(reader, sql, &rows, err);
	if (r == 0)
		r = reader_step(reader, rows, err);
	if (r < 0)
		return r;
	*ret_product = scan.product;
	return r == 0;
}

const char *verify_index_name(size_t at)
{
	return indexes[at].name;
}
