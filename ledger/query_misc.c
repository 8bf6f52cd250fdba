/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the past, values, checkpoints, and whether something new came. */
#include <errno.h>

#include "ledger/query_internal.h"

int ledger_poll(struct ledger *ledger, bool *ret_changed, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	int r = reader_prepare(ledger->reader, "PRAGMA data_version", &row, err);

	if (r == 0)
		r = reader_step(ledger->reader, row, err);
	if (r < 0)
		return r;
	*ret_changed = sqlite3_column_int64(row, 0) != ledger->data_version;
	ledger->data_version = sqlite3_column_int64(row, 0);
	return 0;
}

/* ---- names of the past ---- */

static bool is_known(const struct ledger_filter *filter, struct slice name)
{
	bool found = false;

	for (uint32_t i = 0; !found && i < filter->name_count; i++)
		found = slice_is(name, filter->names[i]);
	return found;
}

static int add_name(struct ledger *ledger, struct ledger_filter *filter, struct slice name,
		    uint64_t until)
{
	char *copy;

	if (filter->name_count >= LEDGER_NAMES_MAX || ledger->followed_count >= LEDGER_NAMES_MAX ||
	    !name.len || memchr(name.data, '\0', name.len) || is_known(filter, name))
		return 0;
	copy = strndup(name.data, name.len);
	if (!copy)
		return -ENOMEM;
	ledger->followed[ledger->followed_count++] = copy;
	filter->names[filter->name_count] = copy;
	filter->name_until[filter->name_count++] = until;
	return 0;
}

static int follow_one(struct ledger *ledger, struct ledger_filter *filter, uint32_t at,
		      sqlite3_stmt *rows, struct error *err)
{
	const char *name = filter->names[at];
	uint64_t until = filter->name_until[at];
	int r;

	sqlite3_bind_blob(rows, 1, name, (int)strlen(name), SQLITE_STATIC);
	while ((r = reader_step(ledger->reader, rows, err)) > 0) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(rows, 0);

		if (until && seq >= until)
			continue;
		if (add_name(ledger, filter, reader_cell(rows, 1), seq) < 0) {
			r = error_set(err, -ENOMEM, "follow '%s'", name);
			break;
		}
	}
	sqlite3_reset(rows);
	return r;
}

int ledger_follow(struct ledger *ledger, struct ledger_filter *filter, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	int r = reader_prepare(ledger->reader, "SELECT e.seq, f.v FROM name t"
			       " JOIN event e ON e.obj2 = t.id AND e.obj2 IS NOT NULL"
			       " JOIN name f ON f.id = e.obj WHERE t.v = ? AND e.kind IN (20, 21)"
			       " AND e.verdict < 2 ORDER BY e.seq DESC", &rows, err);

	/* The list grows while it is walked: each name found may have had one before. A glob
	 * stands for too much to be followed. */
	for (uint32_t i = 0; r == 0 && i < filter->name_count; i++) {
		if (i > 0 || query_is_plain(filter->names[i]))
			r = follow_one(ledger, filter, i, rows, err);
	}
	return r;
}

/* ---- values ---- */

int ledger_value(struct ledger *ledger, const struct record_value *value, struct slice *ret_value,
		 struct error *err)
{
	struct reader *reader = ledger->reader;
	int r;

	if (!reader->values)
		return 0;
	if (!ledger->value &&
	    sqlite3_prepare_v2(reader->values, "SELECT data FROM value WHERE digest = ?", -1,
			       &ledger->value, NULL) != SQLITE_OK)
		return error_say(err, -EIO, "read values.db: %s", sqlite3_errmsg(reader->values));
	sqlite3_reset(ledger->value);
	sqlite3_bind_blob(ledger->value, 1, value->commit, sizeof(value->commit), SQLITE_TRANSIENT);
	r = reader_step(reader, ledger->value, err);
	if (r < 0)
		return r;
	if (r == 0 || sqlite3_column_type(ledger->value, 0) == SQLITE_NULL)
		return -ENODATA;
	*ret_value = reader_cell(ledger->value, 0);
	return 1;
}

/* ---- checkpoints ---- */

int ledger_checkpoint(struct ledger *ledger, uint64_t size, struct slice *ret_note,
		      struct note_checkpoint *ret_checkpoint, struct error *err)
{
	struct note note;
	int r = 0;

	if (!ledger->checkpoint)
		r = reader_prepare(ledger->reader, "SELECT note FROM checkpoint WHERE ?1 = 0 OR"
				   " size = ?1 ORDER BY size DESC LIMIT 1", &ledger->checkpoint,
				   err);
	if (r < 0)
		return r;
	sqlite3_reset(ledger->checkpoint);
	sqlite3_bind_int64(ledger->checkpoint, 1, (int64_t)size);
	r = reader_step(ledger->reader, ledger->checkpoint, err);
	if (r <= 0)
		return r;
	*ret_note = reader_cell(ledger->checkpoint, 0);
	if (note_parse(*ret_note, &note) < 0 || note_checkpoint_parse(note.body, ret_checkpoint) < 0)
		return error_say(err, -EBADMSG, "the newest checkpoint is not a signed note; "
						"`bailiff ledger verify` says more");
	return 1;
}
