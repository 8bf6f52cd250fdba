/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/project.h"
#include "ledger/schema.h"
#include "lib/runner.h"

struct log {
	sqlite3 *db;
	struct projector *projector;
	uint64_t size;
};

static struct log log_new(void)
{
	struct log log = { 0 };
	struct error err = { 0 };

	ck_assert_int_eq(sqlite3_open(":memory:", &log.db), SQLITE_OK);
	ck_assert_msg(schema_make(log.db, SCHEMA_LEDGER, &err) == 0, "%s", err.text);
	ck_assert_msg(projector_new(log.db, &log.projector, &err) == 0, "%s", err.text);
	return log;
}

static void log_free(struct log *log)
{
	log->projector = projector_free(log->projector);
	ck_assert_int_eq(sqlite3_close(log->db), SQLITE_OK);
}

static int add(struct log *log, const struct record *record)
{
	uint8_t bytes[4096];
	struct error err = { 0 };
	ssize_t len = record_encode(record, bytes, sizeof(bytes));
	int r;

	ck_assert_int_gt(len, 0);
	r = projector_replay(log->projector, log->size, slice_new(bytes, (size_t)len), &err);
	ck_assert_msg(r != -EIO, "%s", err.text);
	if (r == 0)
		log->size++;
	return r;
}

/* All columns of the first row, "|" between them, NULL as "-". */
static const char *row(const struct log *log, const char *sql)
{
	static char text[512];
	struct buf out = buf_fixed(text, sizeof(text) - 1);
	sqlite3_stmt *statement;

	memset(text, 0, sizeof(text));
	ck_assert_msg(sqlite3_prepare_v2(log->db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s",
		      sql, sqlite3_errmsg(log->db));
	if (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const unsigned char *cell = sqlite3_column_text(statement, i);

			IGNORE(buf_printf(&out, "%s%s", i ? "|" : "",
					  cell ? (const char *)cell : "-") < 0);
		}
	}
	sqlite3_finalize(statement);
	return text;
}

#define UINT(k, v) { .key = (k), .type = PAIR_UINT, .number = (v) }
#define TEXT(k, v) { .key = (k), .type = PAIR_TEXT, .bytes = { (v), sizeof(v) - 1 } }
#define BYTES(k, v, n) { .key = (k), .type = PAIR_BYTES, .bytes = { (v), (n) } }

static const char digest[33] = "0123456789abcdef0123456789abcdef";

static const struct record genesis = {
	.kind = RECORD_GENESIS, .ts_ns = 100, .mono_ns = 10, .has_boot = true,
	.pair_count = 5, .pairs = {
		TEXT(DETAIL_ORIGIN, "o"), UINT(DETAIL_GENERATION, 1), TEXT(DETAIL_VKEY, "v"),
		TEXT(DETAIL_SEAL_VKEY, "s"), UINT(DETAIL_EPOCH, 1),
	},
};

static struct record of_run(enum record_kind kind, uint64_t rseq)
{
	struct record record = { .kind = kind, .ts_ns = 1000 + rseq, .mono_ns = 1,
				 .has_run = true, .run = { 7 }, .rseq = rseq };

	return record;
}

static void set(struct record *record, struct record_pair pair)
{
	ck_assert_int_eq(record_set_pair(record, pair), 0);
}

static struct log log_with_run(void)
{
	struct log log = log_new();
	struct record start = of_run(RECORD_RUN_START, 0);

	set(&start, (struct record_pair)BYTES(DETAIL_POLICY_DIGEST, digest, 32));
	set(&start, (struct record_pair)TEXT(DETAIL_OWNER, "user:u1"));
	set(&start, (struct record_pair)UINT(DETAIL_TIER, 2));
	ck_assert_int_eq(add(&log, &genesis), 0);
	ck_assert_int_eq(add(&log, &start), 0);
	return log;
}

START_TEST(genesis_makes_the_meta_row_and_the_first_seal_key)
{
	struct log log = log_new();

	ck_assert_int_eq(add(&log, &genesis), 0);
	ck_assert_str_eq(row(&log, "SELECT * FROM log_meta"), "0|o|1|100|v|1|0");
	ck_assert_str_eq(row(&log, "SELECT * FROM seal_key"), "1|s|0|0");
	ck_assert_str_eq(row(&log, "SELECT * FROM time_idx"), "0|100|10");
	ck_assert_str_eq(row(&log, "SELECT seq,ts_ns,run,rseq,proc,kind,verdict,sev,obj,obj2,"
			     "rec_len = length(rec) FROM event"), "0|100|-1|-1|-1|0|0|0|-|-|1");
	log_free(&log);
}
END_TEST

START_TEST(leaf_0_is_genesis_and_nothing_else_is)
{
	struct log log = log_new();
	struct record tick = { .kind = RECORD_TICK };

	ck_assert_int_eq(add(&log, &tick), -EINVAL);
	ck_assert_int_eq(add(&log, &genesis), 0);
	ck_assert_int_eq(add(&log, &genesis), -EINVAL);
	ck_assert_int_eq(add(&log, &tick), 0);
	log_free(&log);
}
END_TEST

START_TEST(a_run_is_its_records)
{
	struct log log = log_with_run();
	struct record state = of_run(RECORD_RUN_STATE, 1), phase = of_run(RECORD_RUN_PHASE, 2),
		      counter = of_run(RECORD_RUN_COUNTER, 3), end = of_run(RECORD_RUN_END, 4);

	ck_assert_str_eq(row(&log, "SELECT id,agent,parent,owner,policy,tier,status,reason,phase,"
			     "start_ns,end_ns,upd FROM run"),
			 "1|-1|-|user:u1|0123456789abcdef0123456789abcdef|2|1|-|0|1000|-|1");
	set(&state, (struct record_pair)TEXT(DETAIL_STATUS_TO, "running"));
	ck_assert_int_eq(add(&log, &state), 0);
	set(&phase, (struct record_pair)UINT(DETAIL_PHASE_TO, 3));
	ck_assert_int_eq(add(&log, &phase), 0);
	ck_assert_str_eq(row(&log, "SELECT status,phase,upd FROM run"), "2|3|3");
	set(&counter, (struct record_pair)TEXT(DETAIL_SUBJECT, "errors"));
	set(&counter, (struct record_pair)UINT(DETAIL_COUNT, 1));
	ck_assert_int_eq(add(&log, &counter), 0);
	counter.rseq++;
	set(&counter, (struct record_pair)UINT(DETAIL_COUNT, 2));
	ck_assert_int_eq(add(&log, &counter), 0);
	ck_assert_str_eq(row(&log, "SELECT run,key,n,upd FROM run_counter"), "1|errors|2|5");
	set(&end, (struct record_pair)UINT(DETAIL_STATUS_TO, 7));
	set(&end, (struct record_pair)UINT(DETAIL_EXIT_CODE, 123));
	set(&end, (struct record_pair)UINT(DETAIL_RECORDS, 6));
	set(&end, (struct record_pair)UINT(DETAIL_LOST, 0));
	ck_assert_int_eq(add(&log, &end), 0);
	ck_assert_str_eq(row(&log, "SELECT status,phase,end_ns,end_seq,exit_code,rcount,lost,upd"
			     " FROM run"), "7|3|1004|6|123|6|0|6");
	log_free(&log);
}
END_TEST

START_TEST(a_run_begins_once)
{
	struct log log = log_with_run();
	struct record again = of_run(RECORD_RUN_START, 1);

	set(&again, (struct record_pair)BYTES(DETAIL_POLICY_DIGEST, digest, 32));
	ck_assert_int_eq(add(&log, &again), -EEXIST);
	ck_assert_str_eq(row(&log, "SELECT count(*) FROM event"), "2");
	log_free(&log);
}
END_TEST

START_TEST(processes_link_to_parents_known_before_or_after)
{
	struct log log = log_with_run();
	struct record fork = of_run(RECORD_FORK, 1), act = of_run(RECORD_OPEN_WRITE, 2),
		      exec = of_run(RECORD_EXEC, 4), exit = of_run(RECORD_EXIT, 5);
	static const char parent[17] = "PPPPPPPPPPPPPPPP";

	/* Rings do not keep the order: the child acts before its fork is seen. */
	act.has_proc = true;
	act.proc[0] = 1;
	act.pid = 10;
	act.obj = slice_of("/w/file");
	ck_assert_int_eq(add(&log, &act), 0);
	ck_assert_str_eq(row(&log, "SELECT id,run,parent,pid,exe FROM proc"), "2|1|-|10|-");
	act.rseq = 3;
	memcpy(act.proc, parent, 16);
	act.pid = 9;
	ck_assert_int_eq(add(&log, &act), 0);
	fork.has_proc = true;
	fork.proc[0] = 1;
	fork.pid = 10;
	set(&fork, (struct record_pair)BYTES(DETAIL_PARENT, parent, 16));
	ck_assert_int_eq(add(&log, &fork), 0);
	ck_assert_str_eq(row(&log, "SELECT id,parent FROM proc WHERE pid = 10"), "2|3");
	exec.has_proc = true;
	exec.proc[0] = 1;
	exec.obj = slice_of("/bin/sh");
	set(&exec, (struct record_pair)TEXT(DETAIL_COMM, "sh"));
	ck_assert_int_eq(add(&log, &exec), 0);
	exit.has_proc = true;
	exit.proc[0] = 1;
	set(&exit, (struct record_pair)UINT(DETAIL_SIGNAL, 9));
	ck_assert_int_eq(add(&log, &exit), 0);
	ck_assert_str_eq(row(&log, "SELECT exe,comm,exec_seq,exit_seq,exit_code FROM proc"
			     " WHERE id = 2"), "10|sh|5|6|137");
	ck_assert_str_eq(row(&log, "SELECT v FROM name WHERE id = 10"), "/bin/sh");
	log_free(&log);
}
END_TEST

START_TEST(names_are_kept_once_per_kind_of_name)
{
	struct log log = log_with_run();
	struct record rename = of_run(RECORD_RENAME, 1), dns = of_run(RECORD_DNS, 2);

	rename.obj = slice_of("a");
	rename.obj2 = slice_of("b");
	ck_assert_int_eq(add(&log, &rename), 0);
	ck_assert_int_eq(add(&log, &rename), 0);
	dns.obj = slice_of("a");
	ck_assert_int_eq(add(&log, &dns), 0);
	ck_assert_str_eq(row(&log, "SELECT count(*), group_concat(id || ':' || t || ':' || v)"
			     " FROM (SELECT * FROM name ORDER BY id)"), "3|4:1:a,5:1:b,8:3:a");
	ck_assert_str_eq(row(&log, "SELECT obj,obj2 FROM event WHERE seq = 3"), "4|5");
	log_free(&log);
}
END_TEST

START_TEST(a_revocation_names_its_violation_and_its_end)
{
	struct log log = log_with_run();
	struct record violation = of_run(RECORD_VIOLATION, 1),
		      intent = of_run(RECORD_REVOKE_INTENT, 2),
		      done = of_run(RECORD_REVOKE_DONE, 3);

	violation.sev = RECORD_SEV_MEDIUM;
	violation.effect = RECORD_EFFECT_PREVENTED;
	violation.rule = slice_of("files.write");
	set(&violation, (struct record_pair)UINT(DETAIL_TYPE, 11));
	set(&violation, (struct record_pair)UINT(DETAIL_RESPONSE, 2));
	ck_assert_int_eq(add(&log, &violation), 0);
	ck_assert_str_eq(row(&log, "SELECT * FROM violation"), "2|1|-|11|2|files.write|1|2");
	ck_assert_int_eq(add(&log, &intent), 0);
	ck_assert_str_eq(row(&log, "SELECT * FROM revocation"), "3|1|2|-|-|-|-|1");
	set(&done, (struct record_pair)UINT(DETAIL_KILLED, 3));
	set(&done, (struct record_pair)UINT(DETAIL_SURVIVORS, 0));
	set(&done, (struct record_pair)UINT(DETAIL_MICROSECONDS, 1100));
	ck_assert_int_eq(add(&log, &done), 0);
	ck_assert_str_eq(row(&log, "SELECT * FROM revocation"), "3|1|2|4|3|0|1100|0");
	log_free(&log);
}
END_TEST

START_TEST(an_operators_revocation_has_no_cause_and_survivors_make_it_incomplete)
{
	struct log log = log_with_run();
	struct record intent = of_run(RECORD_REVOKE_INTENT, 1), done = of_run(RECORD_REVOKE_DONE, 2);

	ck_assert_int_eq(add(&log, &intent), 0);
	set(&done, (struct record_pair)UINT(DETAIL_SURVIVORS, 1));
	ck_assert_int_eq(add(&log, &done), 0);
	ck_assert_str_eq(row(&log, "SELECT cause,incomplete FROM revocation"), "-1|1");
	log_free(&log);
}
END_TEST

START_TEST(gaps_and_clocks_have_rows)
{
	struct log log = log_with_run();
	struct record gap = { .kind = RECORD_GAP }, clock = { .kind = RECORD_CLOCK, .ts_ns = 50,
		.mono_ns = 80, .has_boot = true };

	set(&gap, (struct record_pair)UINT(DETAIL_RING, 1));
	set(&gap, (struct record_pair)UINT(DETAIL_CPU, 2));
	set(&gap, (struct record_pair)UINT(DETAIL_FROM, 10));
	set(&gap, (struct record_pair)UINT(DETAIL_TO, 12));
	set(&gap, (struct record_pair)UINT(DETAIL_LOST, 3));
	set(&gap, (struct record_pair)TEXT(DETAIL_CAUSE, "ring_full"));
	ck_assert_int_eq(add(&log, &gap), 0);
	ck_assert_str_eq(row(&log, "SELECT * FROM gap"), "2|-|1|2|10|12|3|1");
	ck_assert_int_eq(add(&log, &clock), 0);
	ck_assert_str_eq(row(&log, "SELECT seq,length(boot),offset_ns FROM clock_seg"), "3|16|-30");
	log_free(&log);
}
END_TEST

START_TEST(what_a_kind_must_have_is_asked_for)
{
	static const enum record_kind kinds[] = {
		RECORD_RUN_START, RECORD_RUN_STATE, RECORD_RUN_PHASE, RECORD_RUN_COUNTER,
		RECORD_VIOLATION,
	};
	struct record record = of_run(kinds[_i], 1), orphan = record;
	struct projection projection;

	ck_assert_int_eq(project(5, &record, &projection), -EINVAL);
	set(&orphan, (struct record_pair)UINT(DETAIL_TYPE, 11));
	set(&orphan, (struct record_pair)UINT(DETAIL_COUNT, 1));
	set(&orphan, (struct record_pair)TEXT(DETAIL_SUBJECT, "x"));
	set(&orphan, (struct record_pair)UINT(DETAIL_STATUS_TO, 1));
	set(&orphan, (struct record_pair)UINT(DETAIL_PHASE_TO, 1));
	set(&orphan, (struct record_pair)BYTES(DETAIL_POLICY_DIGEST, digest, 32));
	ck_assert_int_eq(project(5, &orphan, &projection), 0);
	orphan.has_run = false;
	ck_assert_int_eq(project(5, &orphan, &projection), -EINVAL);
}
END_TEST

START_TEST(an_unknown_word_is_refused)
{
	struct record state = of_run(RECORD_RUN_STATE, 1);
	struct projection projection;

	set(&state, (struct record_pair)TEXT(DETAIL_STATUS_TO, "FLYING"));
	ck_assert_int_eq(project(5, &state, &projection), -EINVAL);
	set(&state, (struct record_pair)UINT(DETAIL_STATUS_TO, 4711));
	ck_assert_int_eq(project(5, &state, &projection), -EINVAL);
}
END_TEST

/* ---- rebuild ---- */

static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 1664525U + 1013904223U;
	return (random_state >> 8) % limit;
}

static struct record random_record(uint64_t rseq)
{
	static const enum record_kind kinds[] = {
		RECORD_OPEN_WRITE, RECORD_RENAME, RECORD_EXEC, RECORD_FORK, RECORD_EXIT,
		RECORD_CONNECT, RECORD_DNS, RECORD_TICK, RECORD_REVOKE_INTENT, RECORD_REVOKE_DONE,
	};
	static const char *const names[] = { "/a", "/b", "/c", "d" };
	struct record record = of_run(kinds[random_below(COUNT(kinds))], rseq);
	static char parent[16];

	record.has_proc = random_below(4) != 0;
	record.proc[0] = (uint8_t)random_below(40);
	record.obj = random_below(3) ? slice_of(names[random_below(4)]) : slice_of("");
	record.obj2 = random_below(3) ? slice_of("") : slice_of(names[random_below(4)]);
	parent[0] = (char)random_below(40);
	if (random_below(2))
		set(&record, (struct record_pair)BYTES(DETAIL_PARENT, parent, 16));
	return record;
}

static void copy_events(struct log *from, struct log *to)
{
	sqlite3_stmt *statement;
	struct error err = { 0 };

	ck_assert_int_eq(sqlite3_prepare_v2(from->db, "SELECT rec FROM event ORDER BY seq", -1,
					    &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		struct slice rec = slice_new(sqlite3_column_blob(statement, 0),
					     (size_t)sqlite3_column_bytes(statement, 0));

		ck_assert_int_eq(projector_replay(to->projector, to->size, rec, &err), 0);
		to->size++;
		/* A rebuild without caches gives the same ids. */
		if (random_below(10) == 0)
			projector_forget(to->projector);
	}
	sqlite3_finalize(statement);
}

static void compare_tables(const struct log *a, const struct log *b)
{
	for (size_t i = 0; i < schema_table_count; i++) {
		char sql[512];
		sqlite3_stmt *x, *y;
		int step;

		snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY %s", schema_tables[i].columns,
			 schema_tables[i].name, schema_tables[i].order);
		ck_assert_int_eq(sqlite3_prepare_v2(a->db, sql, -1, &x, NULL), SQLITE_OK);
		ck_assert_int_eq(sqlite3_prepare_v2(b->db, sql, -1, &y, NULL), SQLITE_OK);
		while ((step = sqlite3_step(x)) == SQLITE_ROW) {
			ck_assert_msg(sqlite3_step(y) == SQLITE_ROW, "%s", schema_tables[i].name);
			for (int at = 0; at < sqlite3_column_count(x); at++) {
				int len = sqlite3_column_bytes(x, at);

				ck_assert_int_eq(sqlite3_column_type(x, at),
						 sqlite3_column_type(y, at));
				ck_assert_int_eq(len, sqlite3_column_bytes(y, at));
				ck_assert(len == 0 ||
					  memcmp(sqlite3_column_blob(x, at),
						 sqlite3_column_blob(y, at), (size_t)len) == 0);
			}
		}
		ck_assert_int_eq(step, SQLITE_DONE);
		ck_assert_int_eq(sqlite3_step(y), SQLITE_DONE);
		sqlite3_finalize(x);
		sqlite3_finalize(y);
	}
}

START_TEST(a_rebuild_of_a_random_log_equals_the_live_tables)
{
	struct log live = log_with_run(), rebuilt = log_new();

	random_state = 4711U + (uint32_t)_i;
	printf("seed %u\n", random_state);
	for (uint64_t i = 1; i < 700; i++) {
		struct record record = random_record(i);

		ck_assert_int_eq(add(&live, &record), 0);
	}
	copy_events(&live, &rebuilt);
	compare_tables(&live, &rebuilt);
	log_free(&live);
	log_free(&rebuilt);
}
END_TEST

/* ---- schema ---- */

static const char *const plants[] = {
	"CREATE TABLE extra(a)", "CREATE VIEW v AS SELECT 1", "CREATE INDEX i ON event(ts_ns)",
	"CREATE TRIGGER t AFTER INSERT ON event BEGIN SELECT 1; END",
	"DROP INDEX event_run", "DROP TRIGGER cp_del", "DROP TABLE time_idx",
	"ALTER TABLE event ADD COLUMN extra INTEGER", "ALTER TABLE run RENAME TO ran",
	"DROP INDEX event_bad; CREATE INDEX event_bad ON event(verdict) WHERE verdict > 1",
};

START_TEST(a_schema_that_is_not_ours_is_found)
{
	struct log log = log_new();
	struct error err = { 0 };

	ck_assert_int_eq(schema_check(log.db, SCHEMA_LEDGER, &err), 0);
	log.projector = projector_free(log.projector);
	ck_assert_msg(sqlite3_exec(log.db, plants[_i], NULL, NULL, NULL) == SQLITE_OK, "%s",
		      sqlite3_errmsg(log.db));
	ck_assert_msg(schema_check(log.db, SCHEMA_LEDGER, &err) == -EBADMSG, "%s passed", plants[_i]);
	ck_assert_msg(err.text[0] != '\0', "no text for %s", plants[_i]);
	log_free(&log);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("project");
	TCase *rows = tcase_create("rows"), *schema = tcase_create("schema");

	tcase_add_test(rows, genesis_makes_the_meta_row_and_the_first_seal_key);
	tcase_add_test(rows, leaf_0_is_genesis_and_nothing_else_is);
	tcase_add_test(rows, a_run_is_its_records);
	tcase_add_test(rows, a_run_begins_once);
	tcase_add_test(rows, processes_link_to_parents_known_before_or_after);
	tcase_add_test(rows, names_are_kept_once_per_kind_of_name);
	tcase_add_test(rows, a_revocation_names_its_violation_and_its_end);
	tcase_add_test(rows, an_operators_revocation_has_no_cause_and_survivors_make_it_incomplete);
	tcase_add_test(rows, gaps_and_clocks_have_rows);
	tcase_add_loop_test(rows, what_a_kind_must_have_is_asked_for, 0, 5);
	tcase_add_test(rows, an_unknown_word_is_refused);
	tcase_add_loop_test(rows, a_rebuild_of_a_random_log_equals_the_live_tables, 0, 5);
	tcase_set_tags(rows, "pure");
	suite_add_tcase(suite, rows);
	tcase_add_loop_test(schema, a_schema_that_is_not_ours_is_found, 0, (int)COUNT(plants));
	tcase_set_tags(schema, "pure");
	suite_add_tcase(suite, schema);
	return suite;
}
