/* SPDX-License-Identifier: Apache-2.0 */
/* Filters, following names, the check of what is shown, sentences and JSON; proofs. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "base/ulid.h"
#include "ledger/prove.h"
#include "ledger/query.h"
#include "ledger/render.h"
#include "lib/runner.h"
#include "lib/sample_log.h"

static struct sample_log sample;
static struct ledger *ledger;

static void setup(void)
{
	struct error err = { 0 };

	sample_log_make(&sample, 0, NULL);
	ck_assert_msg(ledger_open(sample.dir, 0, &ledger, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
	ledger = ledger_free(ledger);
	sample_log_remove(&sample);
}

struct seen {
	uint64_t seqs[1024];
	size_t count;
	uint64_t damaged;
};

static int see(void *context, const struct ledger_hit *hit)
{
	struct seen *seen = context;

	ck_assert_uint_lt(seen->count, COUNT(seen->seqs));
	seen->seqs[seen->count++] = hit->seq;
	seen->damaged += !hit->intact;
	return 0;
}

static struct ledger_answer ask(const struct ledger_filter *filter, struct seen *seen)
{
	struct ledger_answer answer;
	struct error err = { 0 };
	int r;

	memset(seen, 0, sizeof(*seen));
	r = ledger_query(ledger, filter, see, seen, &answer, &err);
	ck_assert_msg(r == 0, "query gave %d: %s", r, err.text);
	ck_assert_uint_eq(answer.found, seen->count);
	return answer;
}

START_TEST(without_a_filter_every_record_comes_in_order_and_intact)
{
	struct ledger_filter filter = { 0 };
	struct seen seen;
	struct ledger_answer answer = ask(&filter, &seen);

	ck_assert_uint_eq(seen.count, sample.size);
	for (size_t i = 0; i < seen.count; i++)
		ck_assert_uint_eq(seen.seqs[i], i);
	ck_assert_uint_eq(seen.damaged, 0);
	ck_assert_uint_eq(answer.signed_size, sample.size);
	ck_assert(!answer.unsigned_late);
}
END_TEST

START_TEST(newest_first_and_a_limit_give_the_end_backwards)
{
	struct ledger_filter filter = { .newest_first = true, .limit = 3 };
	struct seen seen;

	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(seen.seqs[i], sample.size - 1 - i);
	filter.limit = 0;
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, sample.size);
	ck_assert_uint_eq(seen.seqs[seen.count - 1], 0);
}
END_TEST

START_TEST(filters_of_different_kinds_are_joined_by_and)
{
	struct ledger_filter filter = { .has_run = true };
	struct seen seen;

	memcpy(filter.run, sample.run_b, sizeof(filter.run));
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, SAMPLE_TELEMETRY + 6);
	filter.any_kind[RECORD_RENAME] = filter.any_kind[RECORD_EXIT] = true;
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.seqs[0], sample.rename_seq);
	filter.pids[filter.pid_count++] = 4711;
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 0);
	filter.pids[filter.pid_count++] = 5001;
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 2);
}
END_TEST

START_TEST(a_verdict_finds_the_refusal)
{
	struct ledger_filter filter = { .verdicts = 1U << RECORD_VERDICT_DENY };
	struct seen seen;

	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.seqs[0], sample.refused_seq);
}
END_TEST

START_TEST(numbers_and_times_limit_the_window)
{
	struct ledger_filter filter = { .seq_from = 5, .seq_to = 9 };
	struct seen seen;

	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 5);
	ck_assert_uint_eq(seen.seqs[0], 5);
	filter = (struct ledger_filter){ .since_ns = 1700000000000000000ULL + 5000000,
					 .until_ns = 1700000000000000000ULL + 8000000 };
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 3);
}
END_TEST

START_TEST(names_are_matched_whole_or_as_globs)
{
	struct ledger_filter filter = { .names = { "/srv/app/file1" }, .name_count = 1 };
	struct seen seen;

	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, SAMPLE_TELEMETRY / 40);
	filter.names[0] = "/srv/app/file?";
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, SAMPLE_TELEMETRY / 4);
	filter.names[0] = "/nowhere/*";
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(a_renamed_file_is_followed_to_its_former_name)
{
	struct ledger_filter filter = { .names = { "/srv/app/deploy.yml" }, .name_count = 1 };
	struct error err = { 0 };
	struct seen seen;

	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 1); /* control: by its name alone only the rename is found */
	ck_assert_int_eq(ledger_follow(ledger, &filter, &err), 0);
	ck_assert_uint_eq(filter.name_count, 2);
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.seqs[0], sample.rename_seq - 1);
}
END_TEST

static const struct damage {
	const char *sql;
	bool hash;                  /* the bytes were changed, not a column */
} damages[] = {
	{ "UPDATE event SET verdict = 0 WHERE seq = 9", false },
	{ "UPDATE event SET ts_ns = ts_ns + 1 WHERE seq = 9", false },
	{ "UPDATE event SET run = -1 WHERE seq = 9", false },
	{ "UPDATE event SET proc = -1 WHERE seq = 9", false },
	{ "UPDATE event SET obj = NULL WHERE seq = 9", false },
	{ "UPDATE name SET v = x'2f746d70' WHERE id = (SELECT obj FROM event WHERE seq = 9)", false },
	{ "UPDATE event SET rec = (SELECT rec FROM event WHERE seq = 10) WHERE seq = 9", true },
	{ "UPDATE event SET rec = x'a0' WHERE seq = 9", true },
	{ "UPDATE tile SET hashes = zeroblob(32 * w) WHERE level = 0 AND n = 0", false },
};

START_TEST(what_was_changed_is_shown_as_damaged)
{
	struct ledger_filter filter = { .seq_from = 9, .seq_to = 9 };
	struct ledger_answer answer;
	struct sample_log copy;
	struct error err = { 0 };
	struct seen seen;

	ask(&filter, &seen);
	ck_assert_uint_eq(seen.damaged, 0); /* control */
	sample_log_copy(&sample, &copy);
	ck_assert_int_gt(sample_log_tamper(copy.db, damages[_i].sql, 0), 0);
	ledger_free(ledger);
	ck_assert_msg(ledger_open(copy.dir, 0, &ledger, &err) == 0, "%s", err.text);
	answer = ask(&filter, &seen);
	ck_assert_msg(seen.damaged == 1 && answer.mismatched + answer.undecodable == 1,
		      "not noticed: %s", damages[_i].sql);
	sample_log_remove(&copy);
}
END_TEST

START_TEST(a_run_is_found_by_its_tail_and_only_if_that_is_unique)
{
	uint8_t uid[16];
	struct error err = { 0 };
	char text[ULID_TEXT_LEN + 1];
	struct ulid ulid;

	memcpy(ulid.bytes, sample.run_a, sizeof(ulid.bytes));
	ulid_text(&ulid, text);
	ck_assert_int_eq(ledger_run_find(ledger, slice_of(text), uid, &err), 0);
	ck_assert_mem_eq(uid, sample.run_a, 16);
	ck_assert_int_eq(ledger_run_find(ledger, slice_of(text + ULID_TEXT_LEN - 4), uid, &err), 0);
	ck_assert_mem_eq(uid, sample.run_a, 16);
	ck_assert_int_eq(ledger_run_find(ledger, slice_of("@last"), uid, &err), 0);
	ck_assert_mem_eq(uid, sample.run_b, 16);
	ck_assert_int_eq(ledger_run_find(ledger, slice_of("ABC"), uid, &err), -EINVAL);
	ck_assert_int_eq(ledger_run_find(ledger, slice_of("ZZZZZZ"), uid, &err), -ENOENT);
}
END_TEST

struct processes {
	struct ledger_process rows[8];
	size_t count;
};

static int keep_process(void *context, const struct ledger_process *process)
{
	struct processes *processes = context;

	processes->rows[processes->count++] = *process;
	return 0;
}

START_TEST(processes_come_with_parents_and_counts)
{
	struct processes processes = { 0 };
	struct error err = { 0 };

	ck_assert_int_eq(ledger_processes(ledger, sample.run_a, keep_process, &processes, &err), 0);
	ck_assert_uint_eq(processes.count, 2);
	ck_assert_uint_eq(processes.rows[0].pid, 4099);
	ck_assert_uint_eq(processes.rows[1].pid, 4123);
	ck_assert_uint_eq(processes.rows[0].parent, LEDGER_NO_PARENT);
	ck_assert_uint_eq(processes.rows[1].parent, processes.rows[0].id);
	ck_assert_uint_eq(processes.rows[1].network, 1);
	ck_assert_uint_eq(processes.rows[1].refused, 1);
}
END_TEST

/* ---- rendering ---- */

struct shown {
	struct buf sentence, json;
};

static int show(void *context, const struct ledger_hit *hit)
{
	struct shown *shown = context;

	render_sentence(&shown->sentence, hit);
	render_json(&shown->json, hit);
	return 0;
}

static void shown_finish(struct shown *shown)
{
	buf_finish(&shown->sentence);
	buf_finish(&shown->json);
}

static void render_one(uint64_t seq, struct shown *shown)
{
	struct ledger_filter filter = { .seq_from = seq, .seq_to = seq };
	struct ledger_answer answer;
	struct error err = { 0 };

	shown->sentence = buf_growing(RENDER_MAX);
	shown->json = buf_growing(RENDER_MAX);
	ck_assert_int_eq(ledger_query(ledger, &filter, show, shown, &answer, &err), 0);
	ck_assert_uint_eq(answer.found, 1);
}

START_TEST(a_refusal_is_a_sentence_that_cannot_move_the_cursor)
{
	cleanup_with(shown_finish) struct shown shown;

	render_one(sample.refused_seq, &shown);
	ck_assert_msg(slice_is(buf_slice(&shown.sentence),
			       "curl(4123) was refused to write /etc/x\\x1b[2J (EACCES)"),
		      "%.*s", (int)shown.sentence.len, shown.sentence.data);
}
END_TEST

START_TEST(every_record_is_one_line_of_json)
{
	for (uint64_t seq = 0; seq < sample.size; seq += 1 + seq / 30) {
		cleanup_with(shown_finish) struct shown shown = { 0 };
		json_t *object;

		render_one(seq ? seq : 1, &shown);
		ck_assert(!shown.json.failed);
		ck_assert_ptr_null(memchr(shown.json.data, '\n', shown.json.len));
		ck_assert_ptr_null(memchr(shown.json.data, 0x1b, shown.json.len));
		object = json_loadb(shown.json.data, shown.json.len, JSON_REJECT_DUPLICATES, NULL);
		ck_assert_msg(object, "record %lu: %.*s", (unsigned long)seq, (int)shown.json.len,
			      shown.json.data);
		ck_assert(json_is_true(json_object_get(object, "intact")));
		ck_assert(json_is_string(json_object_get(object, "ts_ns"))); /* above 2^53 */
		ck_assert(json_is_string(json_object_get(object, "kind")));
		json_decref(object);
	}
}
END_TEST

START_TEST(a_secret_of_the_command_line_is_nowhere)
{
	for (uint64_t seq = 1; seq < 20; seq++) {
		cleanup_with(shown_finish) struct shown shown;

		render_one(seq, &shown);
		ck_assert_ptr_null(memmem(shown.json.data, shown.json.len, "hunter2", 7));
		ck_assert_ptr_null(memmem(shown.sentence.data, shown.sentence.len, "hunter2", 7));
	}
}
END_TEST

START_TEST(without_values_the_command_line_is_withheld)
{
	struct ledger_filter filter = { .limit = 1 };
	cleanup_with(shown_finish) struct shown shown;
	struct error err = { 0 };
	struct seen seen;

	ck_assert_int_eq(unlink(sample.values), 0);
	ledger_free(ledger);
	ck_assert_int_eq(ledger_open(sample.dir, 0, &ledger, &err), 0);
	filter.any_kind[RECORD_EXEC] = true;
	ask(&filter, &seen);
	ck_assert_uint_eq(seen.count, 1);
	render_one(seen.seqs[0], &shown);
	ck_assert_ptr_nonnull(memmem(shown.sentence.data, shown.sentence.len, "<withheld>", 10));
}
END_TEST

/* ---- proofs ---- */

START_TEST(every_record_can_be_proved_and_nothing_else)
{
	for (uint64_t seq = 0; seq < sample.size; seq += 1 + seq / 40) {
		cleanup_with(buf_finish) struct buf proof = buf_growing(PROVE_MAX);
		cleanup_with(buf_finish) struct buf rec = buf_growing(RECORD_MAX);
		struct note_checkpoint checkpoint;
		struct prove_facts facts;
		struct error err = { 0 };
		struct note_key key;
		struct slice note;
		uint64_t index;

		ck_assert_msg(prove_record(ledger, seq, &proof, &rec, &facts, &err) == 0, "%s",
			      err.text);
		ck_assert_int_eq(ledger_checkpoint(ledger, 0, &note, &checkpoint, &err), 1);
		ck_assert_uint_eq(facts.size, checkpoint.size);
		/* With another key, or about other bytes, it proves nothing. */
		ck_assert_int_eq(note_key_of_seed(slice_of(ledger_origin(ledger)),
						  (uint8_t[32]){ 1 }, &key), 0);
		ck_assert_int_eq(prove_check(buf_slice(&proof), buf_slice(&rec), &key, &index,
					     &checkpoint, &err), -EBADMSG);
	}
}
END_TEST

START_TEST(a_record_that_does_not_exist_is_not_proved)
{
	cleanup_with(buf_finish) struct buf proof = buf_growing(PROVE_MAX);
	cleanup_with(buf_finish) struct buf rec = buf_growing(RECORD_MAX);
	struct prove_facts facts;
	struct error err = { 0 };

	ck_assert_int_eq(prove_record(ledger, sample.size, &proof, &rec, &facts, &err), -ENOENT);
}
END_TEST

START_TEST(a_changed_record_is_not_proved)
{
	cleanup_with(buf_finish) struct buf proof = buf_growing(PROVE_MAX);
	cleanup_with(buf_finish) struct buf rec = buf_growing(RECORD_MAX);
	struct prove_facts facts;
	struct error err = { 0 };
	struct sample_log copy;

	sample_log_copy(&sample, &copy);
	ck_assert_int_eq(sample_log_tamper(copy.db, "UPDATE event SET rec = (SELECT rec FROM event"
					   " WHERE seq = 10) WHERE seq = 9", 0), 1);
	ledger_free(ledger);
	ck_assert_int_eq(ledger_open(copy.dir, 0, &ledger, &err), 0);
	ck_assert_int_eq(prove_record(ledger, 9, &proof, &rec, &facts, &err), -EBADMSG);
	sample_log_remove(&copy);
}
END_TEST

static int note_digest(void *context, const struct ledger_hit *hit)
{
	struct slice digest = record_bytes(&hit->record, DETAIL_POLICY_DIGEST);

	ck_assert_uint_eq(digest.len, 32);
	memcpy(context, digest.data, 32);
	return 1;
}

START_TEST(the_policy_of_a_run_is_found_by_its_digest_and_hashed_again)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(4096);
	struct ledger_filter filter = { .limit = 1 };
	struct ledger_answer answer;
	struct sample_log copy;
	struct error err = { 0 };
	uint8_t digest[32], other[32] = { 1 };

	filter.any_kind[RECORD_RUN_START] = true;
	ck_assert_int_eq(ledger_query(ledger, &filter, note_digest, digest, &answer, &err), 1);
	ck_assert_int_eq(ledger_document(ledger, digest, &bytes, &err), 1);
	ck_assert(slice_is(buf_slice(&bytes), "{\"name\":\"sample\"}"));
	ck_assert_int_eq(ledger_document(ledger, other, &bytes, &err), 0);

	sample_log_copy(&sample, &copy);
	ck_assert_int_eq(sample_log_tamper(copy.db, "UPDATE doc SET data = CAST('{}' AS BLOB)", 0), 1);
	ledger_free(ledger);
	ck_assert_int_eq(ledger_open(copy.dir, 0, &ledger, &err), 0);
	ck_assert_int_eq(ledger_document(ledger, digest, &bytes, &err), -EBADMSG);
	sample_log_remove(&copy);
}
END_TEST

START_TEST(a_reader_writes_nothing)
{
	struct ledger_filter filter = { 0 };
	struct seen seen;
	sqlite3 *db = NULL;

	ask(&filter, &seen);
	ck_assert_int_eq(sqlite3_open_v2(sample.db, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	/* No lock of ours is left that would stop the writer. */
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE; ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("query");
	TCase *queries = tcase_create("queries"), *damaged = tcase_create("damage");
	TCase *rendering = tcase_create("rendering"), *proofs = tcase_create("proofs");

	tcase_add_checked_fixture(queries, setup, teardown);
	tcase_add_test(queries, without_a_filter_every_record_comes_in_order_and_intact);
	tcase_add_test(queries, newest_first_and_a_limit_give_the_end_backwards);
	tcase_add_test(queries, filters_of_different_kinds_are_joined_by_and);
	tcase_add_test(queries, a_verdict_finds_the_refusal);
	tcase_add_test(queries, numbers_and_times_limit_the_window);
	tcase_add_test(queries, names_are_matched_whole_or_as_globs);
	tcase_add_test(queries, a_renamed_file_is_followed_to_its_former_name);
	tcase_add_test(queries, a_run_is_found_by_its_tail_and_only_if_that_is_unique);
	tcase_add_test(queries, processes_come_with_parents_and_counts);
	tcase_add_test(queries, the_policy_of_a_run_is_found_by_its_digest_and_hashed_again);
	tcase_add_test(queries, a_reader_writes_nothing);
	tcase_add_checked_fixture(damaged, setup, teardown);
	tcase_add_loop_test(damaged, what_was_changed_is_shown_as_damaged, 0, (int)COUNT(damages));
	tcase_add_checked_fixture(rendering, setup, teardown);
	tcase_add_test(rendering, a_refusal_is_a_sentence_that_cannot_move_the_cursor);
	tcase_add_test(rendering, every_record_is_one_line_of_json);
	tcase_add_test(rendering, a_secret_of_the_command_line_is_nowhere);
	tcase_add_test(rendering, without_values_the_command_line_is_withheld);
	tcase_add_checked_fixture(proofs, setup, teardown);
	tcase_add_test(proofs, every_record_can_be_proved_and_nothing_else);
	tcase_add_test(proofs, a_record_that_does_not_exist_is_not_proved);
	tcase_add_test(proofs, a_changed_record_is_not_proved);
	tcase_set_timeout(queries, 20);
	tcase_set_timeout(damaged, 20);
	tcase_set_timeout(rendering, 20);
	tcase_set_timeout(proofs, 20);
	suite_add_tcase(suite, queries);
	suite_add_tcase(suite, damaged);
	suite_add_tcase(suite, rendering);
	suite_add_tcase(suite, proofs);
	return suite;
}
