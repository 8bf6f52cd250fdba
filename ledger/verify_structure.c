/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's own structures: pages, free list, and indexes, which lead queries to rows, so that a
 * doctored one could hide what its table still has. Checked by a thread with a connection of its own,
 * beside the replay, with which it shares nothing. What it finds counts only after all stages before
 * found nothing, as if it came last.
 *
 * The thread's snapshot is taken first and ends at `limit`; when the replay gets there, what it gave
 * for the indexes so far is kept, to be compared with what they hold. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/text.h"
#include "ledger/schema.h"
#include "ledger/verify_pass.h"

#define LINES 4U
#define LINE_TEXT 161U

struct verify_structure {
	pthread_t thread;
	struct reader *reader;      /* the thread's until it is joined */
	uint64_t limit;             /* records in its snapshot */
	struct verify_index_key key;
	struct verify_index_sums given;  /* by the replay, up to `limit` */
	struct verify_index_sums held;   /* by the file's indexes */
	bool descends[VERIFY_INDEXES];   /* has an entry that cannot be where it is */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_given, ended;       /* under the lock: `given` is whole, or will never be */
	int result;
	struct error err;
	size_t count;
	char lines[LINES][LINE_TEXT];
};

/* ---- the thread ---- */

static void keep(struct verify_structure *structure, struct slice line)
{
	if (structure->count == LINES)
		return;
	line.len = MIN(line.len, (size_t)LINE_TEXT - 1);
	IGNORE(text_copy(structure->lines[structure->count++], LINE_TEXT, line) < 0);
}

static int pragma(struct verify_structure *structure, const char *sql)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	struct error *err = &structure->err;
	int r = reader_prepare(structure->reader, sql, &rows, err);

	if (r < 0)
		return r;
	while ((r = reader_step(structure->reader, rows, err)) > 0) {
		if (!slice_is(reader_cell(rows, 0), "ok"))
			keep(structure, reader_cell(rows, 0));
	}
	return r;
}

static int check_tables(struct verify_structure *structure)
{
	int r = pragma(structure, "PRAGMA quick_check(4)");

	for (size_t i = 0; r == 0 && i < schema_table_count; i++) {
		char sql[96];

		if (strcmp(schema_tables[i].name, "event") == 0)
			continue;
		IGNORE(snprintf(sql, sizeof(sql), "PRAGMA integrity_check(%s)",
				schema_tables[i].name) < 0);
		r = pragma(structure, sql);
	}
	return r;
}

static bool wait_given(struct verify_structure *structure)
{
	bool given;

	pthread_mutex_lock(&structure->lock);
	while (!structure->is_given && !structure->ended)
		pthread_cond_wait(&structure->changed, &structure->lock);
	given = structure->is_given;
	pthread_mutex_unlock(&structure->lock);
	return given;
}

/* SQLite says it better, and slower: only when something is wrong. */
static int name_index_fault(struct verify_structure *structure, const char *name)
{
	char line[LINE_TEXT];
	int r = pragma(structure, "PRAGMA integrity_check(4)");

	IGNORE(snprintf(line, sizeof(line), "index %s is not what the records give", name) < 0);
	if (r == 0 && structure->count == 0)
		keep(structure, slice_of(line));
	return r;
}

/* All of them before the replay has given anything: it takes as long as they do. */
static int read_indexes(struct verify_structure *structure)
{
	int r = 0;

	for (size_t i = 0; i < VERIFY_INDEXES && r >= 0; i++) {
		r = verify_index_read(structure->reader, &structure->key, i, &structure->held.products[i],
				      &structure->err);
		structure->descends[i] = r == 0;
	}
	return r < 0 ? r : 0;
}

static int compare_indexes(struct verify_structure *structure)
{
	for (size_t i = 0; i < VERIFY_INDEXES; i++) {
		if (structure->descends[i] || structure->held.products[i] != structure->given.products[i])
			return name_index_fault(structure, verify_index_name(i));
	}
	return 0;
}

static void *run(void *context)
{
	struct verify_structure *structure = context;

	structure->result = check_tables(structure);
	if (structure->result == 0 && structure->count == 0)
		structure->result = read_indexes(structure);
	if (structure->result == 0 && structure->count == 0 && wait_given(structure))
		structure->result = compare_indexes(structure);
	return NULL;
}

/* ---- the caller ---- */

static struct verify_structure *structure_free(struct verify_structure *structure)
{
	pthread_cond_destroy(&structure->changed);
	pthread_mutex_destroy(&structure->lock);
	reader_free(structure->reader);
	free(structure);
	return NULL;
}

static int start(struct verify_structure *structure, struct verify_pass *pass, struct error *err)
{
	int r = verify_index_start(&structure->key, &structure->given);

	if (r < 0)
		return error_set(err, r, "draw a random number");
	r = reader_open(pass->reader->path, pass->options->deadline_ms, &structure->reader, err);
	if (r == 0)
		r = reader_begin(structure->reader, err);
	if (r == 0)
		r = reader_size(structure->reader, &structure->limit, err);
	if (r < 0)
		return r;
	r = -pthread_create(&structure->thread, NULL, run, structure);
	return r < 0 ? error_set(err, r, "start a thread") : 0;
}

int verify_structure_start(struct verify_pass *pass, struct error *err)
{
	struct verify_structure *structure;
	int r;

	if (pass->options->quick)
		return 0;
	structure = calloc(1, sizeof(*structure));
	if (!structure)
		return error_set(err, -ENOMEM, "check the file's structure");
	pthread_mutex_init(&structure->lock, NULL);
	pthread_cond_init(&structure->changed, NULL);
	r = start(structure, pass, err);
	if (r < 0)
		structure_free(structure);
	else
		pass->structure = structure;
	return r;
}

static void tell(struct verify_structure *structure, bool *what)
{
	pthread_mutex_lock(&structure->lock);
	*what = true;
	pthread_cond_signal(&structure->changed);
	pthread_mutex_unlock(&structure->lock);
}

void verify_structure_row(struct verify_pass *pass, const struct event_row *row)
{
	struct verify_structure *structure = pass->structure;
	uint64_t seq = (uint64_t)row->cells[EVENT_SEQ];

	if (!structure || seq >= structure->limit)
		return;
	verify_index_add(&structure->key, &structure->given, row);
	if (seq + 1 == structure->limit)
		tell(structure, &structure->is_given);
}

static void join(struct verify_structure *structure)
{
	tell(structure, &structure->ended);
	pthread_join(structure->thread, NULL);
}

int verify_structure(struct verify_pass *pass, struct error *err)
{
	struct verify_structure *structure = pass->structure;
	int r;

	if (!structure)
		return 0;
	join(structure);
	for (size_t i = 0; i < structure->count; i++)
		verify_find(pass, -1, "the file's structure: %s", structure->lines[i]);
	if (!structure->is_given && structure->result == 0 && structure->limit > 0)
		verify_find(pass, (int64_t)pass->next, "is missing: the log had %llu records when verify began",
			    (unsigned long long)structure->limit);
	r = structure->result;
	if (r < 0 && err)
		*err = structure->err;
	pass->structure = structure_free(structure);
	return r;
}

void verify_structure_finish(struct verify_pass *pass)
{
	if (!pass->structure) /* not asked for, or waited for */
		return;
	sqlite3_interrupt(pass->structure->reader->db);
	join(pass->structure);
	pass->structure = structure_free(pass->structure);
}
