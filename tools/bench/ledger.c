/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger against raw SQLite, in turns, in one process run, on one file system. Append: structs to a
 * real bailiff-ledgerd until its last ack, 1 000 records per commit, against the same rows inserted by
 * sqlite alone: same columns, same indexes on event, FULL, same transactions; no tree, no names, no
 * signature. Verify: `bailiff ledger verify` against SELECT rec and one SHA-256 of each.
 *
 *   ledger RECORDS ROUNDS      prints one JSON line per round and subject */
#include <fcntl.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/parse.h"
#include "lib/ledgerd.h"

#define COMMIT_RECORDS 1000U
#define FILES 997U           /* different names: real trees repeat theirs */

static struct ledgerd ledgerd;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "ledger: %s failed\n", what);
	exit(1);
}

static void print(const char *what, uint64_t records, uint64_t took_ns)
{
	printf("{\"what\":\"%s\",\"per_second\":%.0f}\n", what,
	       (double)records * 1e9 / (double)took_ns);
	fflush(stdout);
}

static void file_name(char *name, size_t size, uint64_t i)
{
	IGNORE(snprintf(name, size, "/home/agent/project/src/module/part-%03llu/file-%06llu.c",
			(unsigned long long)(i % FILES % 31), (unsigned long long)(i % FILES)) < 0);
}

static void append_ours(const uint8_t run[16], uint64_t records)
{
	char name[96];

	for (uint64_t i = 0; i < records; i++) {
		size_t at;
		struct intake_record *record = ledgerd_record(&ledgerd, RECORD_OPEN_WRITE, run, &at);

		must(record != NULL, "a record");
		record->proc_pid = 4711;
		record->proc_start_ns = 1000000007;
		record->dev = 65024;
		record->ino = 1000 + i % FILES;
		record->effect = RECORD_EFFECT_OBSERVED;
		file_name(name, sizeof(name), i);
		must(intake_obj(&ledgerd.batch, at, slice_of(name)) == 0, "an object");
		must(intake_uint(&ledgerd.batch, at, DETAIL_FLAGS, 1) == 0, "a detail");
		must(intake_end(&ledgerd.batch, at) == 0, "the end of a record");
		/* No wait: as the supervisor does, the next are made while these are written. */
		if ((i + 1) % COMMIT_RECORDS == 0)
			must(ledgerd_send(&ledgerd) == 0, "sending");
		while (ledgerd_answer(&ledgerd, 0) == 1)
			;
	}
	must(ledgerd_flush(&ledgerd) == 0, "the last ack");
}

static void run_sql(sqlite3 *db, const char *sql)
{
	char *text = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK)
		return;
	fprintf(stderr, "ledger: %s: %s\n", sql, text);
	exit(1);
}

static sqlite3 *open_raw(const char *path)
{
	sqlite3 *db;

	must(sqlite3_open(path, &db) == SQLITE_OK, "opening the raw database");
	run_sql(db, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		    "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000;"
		    "CREATE TABLE event(seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, run INTEGER NOT NULL,"
		    " rseq INTEGER NOT NULL, proc INTEGER NOT NULL, kind INTEGER NOT NULL, verdict INTEGER NOT"
		    " NULL, sev INTEGER NOT NULL, obj INTEGER, obj2 INTEGER, rec BLOB, rec_len INTEGER NOT NULL)"
		    " STRICT; CREATE INDEX event_run ON event(run); CREATE INDEX event_proc ON event(proc);"
		    "CREATE INDEX event_file ON event(seq >> 12, obj) WHERE obj IS NOT NULL AND kind BETWEEN 16 AND 31;"
		    "CREATE INDEX event_bad ON event(verdict) WHERE verdict > 0;"
		    "CREATE INDEX event_ctl ON event(kind) WHERE kind >= 128;");
	return db;
}

static void append_raw(sqlite3 *db, uint64_t from, uint64_t records)
{
	static uint8_t rec[190];
	sqlite3_stmt *insert;

	memset(rec, 0x5a, sizeof(rec));
	must(sqlite3_prepare_v2(db, "INSERT INTO event VALUES(?,?,3,?,5,17,0,0,?,NULL,?,?)", -1, &insert,
				NULL) == SQLITE_OK, "preparing");
	for (uint64_t i = 0; i < records; i++) {
		if (i % COMMIT_RECORDS == 0)
			run_sql(db, "BEGIN IMMEDIATE");
		sqlite3_bind_int64(insert, 1, (sqlite3_int64)(from + i));
		sqlite3_bind_int64(insert, 2, (sqlite3_int64)now_realtime_ns());
		sqlite3_bind_int64(insert, 3, (sqlite3_int64)(from + i));
		sqlite3_bind_int64(insert, 4, (sqlite3_int64)(2 * (i % FILES)));
		sqlite3_bind_blob(insert, 5, rec, sizeof(rec), SQLITE_STATIC);
		sqlite3_bind_int64(insert, 6, sizeof(rec));
		must(sqlite3_step(insert) == SQLITE_DONE, "inserting");
		sqlite3_reset(insert);
		if ((i + 1) % COMMIT_RECORDS == 0 || i + 1 == records)
			run_sql(db, "COMMIT");
	}
	sqlite3_finalize(insert);
}

static void verify_ours(const char *path)
{
	const char *bin = getenv("BAILIFF_BIN");
	char program[512];
	int status;
	pid_t pid;

	IGNORE(snprintf(program, sizeof(program), "%s/bailiff", bin ? bin : "out/release/bin") < 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null_fd, STDOUT_FILENO);
		dup2(null_fd, STDERR_FILENO);
		execl(program, program, "ledger", "--db", path, "verify", "--no-memory", (char *)NULL);
		_exit(126);
	}
	/* 3: sound, without a key that was given to us. */
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		     (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3), "bailiff ledger verify");
}

static uint64_t verify_raw(const char *path)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	sqlite3_stmt *select;
	uint64_t count = 0;
	sqlite3 *db;

	must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK, "opening the ledger");
	must(sqlite3_prepare_v2(db, "SELECT rec FROM event ORDER BY seq", -1, &select, NULL) == SQLITE_OK,
	     "reading the ledger");
	for (; sqlite3_step(select) == SQLITE_ROW; count++) {
		EVP_DigestInit_ex2(context, sha256, NULL);
		EVP_DigestUpdate(context, sqlite3_column_blob(select, 0),
				 (size_t)sqlite3_column_bytes(select, 0));
		EVP_DigestFinal_ex(context, hash, NULL);
	}
	sqlite3_finalize(select);
	sqlite3_close(db);
	EVP_MD_CTX_free(context);
	EVP_MD_free(sha256);
	return count;
}

static uint64_t timed(uint64_t begin_ns)
{
	return now_monotonic_ns() - begin_ns;
}

int main(int argc, char **argv)
{
	static const uint8_t run[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	char raw_path[128], path[128];
	uint64_t records, rounds, begin_ns, count = 0;
	sqlite3 *raw;

	if (argc != 3 || parse_u64(slice_of(argv[1]), 1, 100000000, &records) < 0 ||
	    parse_u64(slice_of(argv[2]), 1, 100, &rounds) < 0) {
		fprintf(stderr, "ledger RECORDS ROUNDS\n");
		return 2;
	}
	ledgerd_init(&ledgerd);
	IGNORE(snprintf(raw_path, sizeof(raw_path), "%s/raw.db", ledgerd.dir) < 0);
	IGNORE(snprintf(path, sizeof(path), "%s/1/ledger.db", ledgerd.dir) < 0);
	must(ledgerd_start(&ledgerd) == 0, "starting bailiff-ledgerd");
	must(ledgerd_begin_run(&ledgerd, run) == 0, "beginning a run");
	raw = open_raw(raw_path);
	for (uint64_t round = 0; round < rounds; round++) {
		begin_ns = now_monotonic_ns();
		append_ours(run, records);
		print("append", records, timed(begin_ns));
		begin_ns = now_monotonic_ns();
		append_raw(raw, round * records, records);
		print("append raw", records, timed(begin_ns));
	}
	sqlite3_close(raw);
	must(ledgerd_message(&ledgerd, INTAKE_STOP, FD_NONE, NULL) == 0, "stopping");
	IGNORE(ledgerd_end(&ledgerd));
	for (uint64_t round = 0; round < rounds; round++) {
		begin_ns = now_monotonic_ns();
		count = verify_raw(path);
		print("verify raw", count, timed(begin_ns));
		begin_ns = now_monotonic_ns();
		verify_ours(ledgerd.dir);
		print("verify", count, timed(begin_ns));
	}
	ledgerd_done(&ledgerd);
	return 0;
}
