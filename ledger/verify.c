/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a verify, and its verdict. */
#include "ledger/verify.h"

#include <errno.h>
#include <stdarg.h>

#include "base/text.h"
#include "ledger/record.h"
#include "ledger/verify_pass.h"

#define LATE_NS 5000000000ULL       /* a record must be signed within this time */

void verify_find(struct verify_pass *pass, int64_t seq, const char *fmt, ...)
{
	struct verify_report *report = pass->report;
	struct verify_finding *finding;
	char text[VERIFY_FINDING_TEXT];
	va_list args;

	if (seq >= 0 && (!report->has_bad || (uint64_t)seq < report->bad_seq)) {
		report->has_bad = true;
		report->bad_seq = (uint64_t)seq;
	}
	if (report->finding_count >= VERIFY_FINDINGS_MAX) {
		report->findings_more++;
		return;
	}
	finding = &report->findings[report->finding_count++];
	va_start(args, fmt);
	IGNORE(vsnprintf(text, sizeof(text), fmt, args) < 0);
	va_end(args);
	finding->has_seq = seq >= 0;
	finding->seq = seq >= 0 ? (uint64_t)seq : 0;
	text_escape(finding->text, sizeof(finding->text), slice_of(text));
}

static int replay_all(struct verify_pass *pass, struct error *err)
{
	int r;

	do {
		r = verify_replay_page(pass, err);
	} while (r > 0 && pass->report->finding_count == 0);
	return r < 0 ? r : 0;
}

/* Behind the last checkpoint. */
static int count_unsigned(struct verify_pass *pass, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	struct verify_report *report = pass->report;
	uint64_t now = reader_realtime_ns();
	int r;

	if (report->signed_size >= report->size)
		return 0;
	r = reader_prepare(pass->reader, "SELECT ts_ns FROM event WHERE seq = ?", &row, err);
	if (r < 0)
		return r;
	sqlite3_bind_int64(row, 1, (int64_t)report->signed_size);
	r = reader_step(pass->reader, row, err);
	if (r > 0) {
		uint64_t ts_ns = (uint64_t)sqlite3_column_int64(row, 0);

		report->unsigned_age_ns = now > ts_ns ? now - ts_ns : 0;
		report->unsigned_late = report->unsigned_age_ns > LATE_NS;
	}
	return r < 0 ? r : 0;
}

static int stage_evidence(struct verify_pass *pass, const struct verify_memory *memory,
			  struct note_checkpoint *newest, struct error *err)
{
	int r = verify_tiles(pass, err);

	if (r == 0)
		r = verify_seals(pass, newest, err);
	return r < 0 ? r : verify_kept(pass, memory, err);
}

static int stage_state(struct verify_pass *pass, const struct verify_memory *memory,
		       struct note_checkpoint *newest, struct error *err)
{
	int r = verify_tables(pass, err);

	(void)memory;
	(void)newest;
	return r < 0 ? r : verify_docs(pass, err);
}

static int stage_rest(struct verify_pass *pass, const struct verify_memory *memory,
		      struct note_checkpoint *newest, struct error *err)
{
	int r;

	(void)memory;
	pass->report->signed_size = newest->size;
	r = count_unsigned(pass, err);
	if (r == 0)
		r = verify_values(pass, err);
	return r < 0 ? r : verify_structure(pass, err);
}

/* Each stage only if the one before it found nothing: a bad record makes bad state, and what follows
 * from it would hide it. */
static int (*const stages[])(struct verify_pass *, const struct verify_memory *,
			     struct note_checkpoint *, struct error *) = {
	stage_evidence, stage_state, stage_rest,
};

/* Everything that must be seen in one state of the file. */
static int check_whole(struct verify_pass *pass, const struct verify_memory *memory,
		       struct note_checkpoint *newest, struct error *err)
{
	struct verify_report *report = pass->report;
	int r = replay_all(pass, err);

	report->size = pass->next;
	if (r == 0 && pass->next == 0)
		verify_find(pass, -1, "the log is empty: it has not even its first record");
	for (size_t i = 0; r == 0 && report->finding_count == 0 && i < COUNT(stages); i++)
		r = stages[i](pass, memory, newest, err);
	report->signed_size = newest->size;
	return r;
}

static int check(struct verify_pass *pass, const struct verify_memory *memory,
		 struct note_checkpoint *newest, struct error *err)
{
	struct error cause = { 0 };
	int r = verify_replica_open(pass, err);

	if (r < 0)
		return r;
	r = verify_structure_start(pass, err);
	if (r < 0)
		return r;
	/* First in short snapshots, so that a live log is not held up; then the rest in one. */
	r = replay_all(pass, &cause);
	if (r == 0)
		r = reader_begin(pass->reader, &cause);
	if (r == 0)
		r = check_whole(pass, memory, newest, &cause);
	reader_end(pass->reader);
	if (r == -EBADMSG) { /* it opened as ours, so this is damage and no other format */
		verify_find(pass, (int64_t)pass->next, "cannot be read: %s", cause.text);
		return 0;
	}
	if (r < 0 && err)
		*err = cause;
	return r;
}

static enum verify_result judge(const struct verify_report *report)
{
	if (report->finding_count)
		return VERIFY_FAIL;
	if (report->trust == VERIFY_TRUST_NONE || report->gaps || report->unsigned_late ||
	    report->witness_unchecked)
		return VERIFY_DEGRADED;
	return VERIFY_PASS;
}

/* Only what was found sound is remembered, and never less than before. That it cannot be kept
 * changes nothing about the ledger: the report says so. */
static void remember(const struct verify_pass *pass, const struct verify_memory *before,
		     const struct note_checkpoint *newest)
{
	struct verify_memory memory = { .known = true, .checkpoint = *newest };
	struct error unused = { 0 };

	if (!pass->options->memory_dir || pass->report->result == VERIFY_FAIL || newest->size == 0)
		return;
	if (before->known && before->checkpoint.size > newest->size)
		memory.checkpoint = before->checkpoint;
	memcpy(memory.vkey, pass->reader->meta.vkey, sizeof(memory.vkey));
	pass->report->remembered =
		verify_memory_save(pass->options->memory_dir, &memory, &unused) == 0;
}

int verify_run(const struct verify_options *options, struct verify_report *ret_report,
	       struct error *err)
{
	cleanup_with(reader_free_p) struct reader *reader = NULL;
	struct note_checkpoint newest = { 0 };
	struct verify_pass pass = { .options = options, .report = ret_report };
	struct verify_memory memory;
	int r;

	memset(ret_report, 0, sizeof(*ret_report));
	r = reader_open(options->path, options->deadline_ms, &reader, err);
	if (r < 0)
		return r;
	pass.reader = reader;
	memcpy(ret_report->origin, reader->meta.origin, sizeof(ret_report->origin));
	r = verify_memory_load(options->memory_dir, reader->meta.origin, &memory, err);
	if (r == 0)
		r = verify_trusted(&pass, &memory, err);
	if (r == 0 && ret_report->finding_count == 0)
		r = check(&pass, &memory, &newest, err);
	verify_structure_finish(&pass);
	verify_replica_close(&pass);
	if (r < 0)
		return r;
	ret_report->result = judge(ret_report);
	remember(&pass, &memory, &newest);
	return 0;
}
