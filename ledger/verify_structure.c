/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's own check of pages and indexes (which lead queries to rows, so that a doctored one could
 * hide what the table still has), in a thread and a connection of its own: it takes about as
 * long as the replay and shares nothing with it. What it says counts only after all stages before it
 * found nothing, as if it came last. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/text.h"
#include "ledger/verify_pass.h"

#define LINES 4
#define LINE_TEXT 161U

struct verify_structure {
	pthread_t thread;
	struct reader *reader;      /* the thread's until it is joined */
	int result;
	struct error err;
	size_t count;
	char lines[LINES][LINE_TEXT];
};

static int check(struct verify_structure *structure)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	struct error *err = &structure->err;
	int r = reader_prepare(structure->reader, "PRAGMA integrity_check(4)", &rows, err);

	if (r < 0)
		return r;
	while ((r = reader_step(structure->reader, rows, err)) > 0) {
		struct slice line = reader_cell(rows, 0);

		if (slice_is(line, "ok") || structure->count == LINES)
			continue;
		line.len = MIN(line.len, (size_t)LINE_TEXT - 1);
		IGNORE(text_copy(structure->lines[structure->count++], LINE_TEXT, line) < 0);
	}
	return r;
}

static void *run(void *context)
{
	struct verify_structure *structure = context;

	structure->result = check(structure);
	return NULL;
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
	r = reader_open(pass->reader->path, pass->options->deadline_ms, &structure->reader, err);
	if (r == 0) {
		r = -pthread_create(&structure->thread, NULL, run, structure);
		if (r < 0)
			error_set(err, r, "check the file's structure");
	}
	if (r < 0) {
		reader_free(structure->reader);
		free(structure);
		return r;
	}
	pass->structure = structure;
	return 0;
}

static void join(struct verify_structure *structure)
{
	pthread_join(structure->thread, NULL);
	structure->reader = reader_free(structure->reader);
}

int verify_structure(struct verify_pass *pass, struct error *err)
{
	struct verify_structure *structure = pass->structure;

	if (!structure)
		return 0;
	join(structure);
	for (size_t i = 0; i < structure->count; i++)
		verify_find(pass, -1, "the file's structure: %s", structure->lines[i]);
	if (structure->result < 0 && err)
		*err = structure->err;
	return structure->result;
}

void verify_structure_finish(struct verify_pass *pass)
{
	struct verify_structure *structure = pass->structure;

	if (structure && structure->reader) { /* nobody waits for it any more */
		sqlite3_interrupt(structure->reader->db);
		join(structure);
	}
	free(structure);
	pass->structure = NULL;
}
