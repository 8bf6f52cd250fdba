/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sample_log.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "ledger/project.h"
#include "ledger/store.h"
#include "ledger/tree.h"

static const char policy[] = "{\"name\":\"sample\"}";

struct maker {
	struct store *store;
	uint64_t now_ns;
	uint8_t policy[32];
};

static struct record base(struct maker *maker, enum record_kind kind, const uint8_t *run)
{
	struct record record = { .kind = kind };

	maker->now_ns += 1000000;
	record.ts_ns = maker->now_ns;
	record.mono_ns = maker->now_ns - 1000000000000;
	if (run) {
		record.has_run = true;
		memcpy(record.run, run, sizeof(record.run));
	}
	return record;
}

static void by_process(struct maker *maker, struct record *record, uint32_t pid)
{
	record->has_proc = true;
	record->pid = pid;
	ck_assert_int_eq(proc_identity(store_boot_id(maker->store), pid, pid * 1000ULL,
				       record->proc), 0);
}

static void number(struct record *record, enum detail_key key, uint64_t value)
{
	struct record_pair pair = { .key = (uint16_t)key, .type = PAIR_UINT, .number = value };

	ck_assert_int_eq(record_set_pair(record, pair), 0);
}

static void text(struct record *record, enum detail_key key, const char *value)
{
	struct record_pair pair = { .key = (uint16_t)key, .type = PAIR_TEXT,
				    .bytes = slice_of(value) };

	ck_assert_int_eq(record_set_pair(record, pair), 0);
}

static uint64_t add(struct maker *maker, struct record *record)
{
	struct error err = { 0 };
	uint64_t seq = store_size(maker->store);
	int r = store_append(maker->store, record, &err);

	ck_assert_msg(r == 0, "append kind %d: %s (%d)", (int)record->kind, err.text, r);
	return seq;
}

static void begin_run(struct maker *maker, const uint8_t *run, const char *name)
{
	struct record record = base(maker, RECORD_RUN_START, run);
	struct record_pair digest = { .key = DETAIL_POLICY_DIGEST, .type = PAIR_BYTES,
				      .bytes = slice_new(maker->policy, 32) };

	text(&record, DETAIL_OWNER, "user:u1");
	text(&record, DETAIL_AGENT, "coder");
	text(&record, DETAIL_POLICY_NAME, name);
	text(&record, DETAIL_WORKSPACE, "/srv/app");
	ck_assert_int_eq(record_set_pair(&record, digest), 0);
	add(maker, &record);
}

static void end_run(struct maker *maker, const uint8_t *run, const char *status)
{
	struct record record = base(maker, RECORD_RUN_END, run);

	text(&record, DETAIL_STATUS_TO, status);
	number(&record, DETAIL_EXIT_CODE, 0);
	number(&record, DETAIL_LOST, 0);
	add(maker, &record);
}

static void exec(struct maker *maker, const uint8_t *run, uint32_t pid, const char *exe,
		 const char *comm)
{
	static const char argv[] = "curl\0--token\0hunter2";
	struct intake_value head = { .label = VALUE_ARGV, .len = sizeof(argv),
				     .size = sizeof(argv) };
	struct record record = base(maker, RECORD_EXEC, run);
	struct error err = { 0 };

	by_process(maker, &record, pid);
	record.obj = slice_of(exe);
	text(&record, DETAIL_COMM, comm);
	record.value_count = 1;
	ck_assert_int_eq(store_value(maker->store, &head, slice_new(argv, sizeof(argv)),
				     &record.values[0], &err), 0);
	add(maker, &record);
}

static void file(struct maker *maker, enum record_kind kind, const uint8_t *run, uint32_t pid,
		 const char *path, const char *path2)
{
	struct record record = base(maker, kind, run);

	by_process(maker, &record, pid);
	record.obj = slice_of(path);
	record.obj2 = slice_of(path2);
	record.has_ino = true;
	record.dev = 8;
	record.ino = 4711;
	add(maker, &record);
}

static void make_run_a(struct maker *maker, struct sample_log *log)
{
	struct record record;
	struct record_pair parent = { .key = DETAIL_PARENT, .type = PAIR_BYTES };
	uint8_t identity[16];

	begin_run(maker, log->run_a, "strict");
	exec(maker, log->run_a, 4099, "/usr/bin/bash", "bash");
	record = base(maker, RECORD_FORK, log->run_a);
	by_process(maker, &record, 4099);
	memcpy(identity, record.proc, sizeof(identity));
	by_process(maker, &record, 4123);
	parent.bytes = slice_new(identity, sizeof(identity));
	ck_assert_int_eq(record_set_pair(&record, parent), 0);
	add(maker, &record);
	exec(maker, log->run_a, 4123, "/usr/bin/curl", "curl");
	record = base(maker, RECORD_CONNECT, log->run_a);
	by_process(maker, &record, 4123);
	record.obj = slice_of("10.30.0.5:443");
	add(maker, &record);
	record = base(maker, RECORD_RUN_COUNTER, log->run_a);
	text(&record, DETAIL_SUBJECT, "strikes.SCOPE_VIOLATION");
	number(&record, DETAIL_COUNT, 2);
	add(maker, &record);
	record = base(maker, RECORD_DECISION, log->run_a);
	by_process(maker, &record, 4123);
	record.obj = slice_of("/etc/x\x1b[2J");
	record.verdict = RECORD_VERDICT_DENY;
	record.effect = RECORD_EFFECT_PREVENTED;
	record.rule = slice_of("files.write");
	record.has_ret = true;
	record.ret = -13;
	text(&record, DETAIL_VERB, "write");
	text(&record, DETAIL_REMEDY, "add /etc/x to files.write in the policy");
	log->refused_seq = add(maker, &record);
	record = base(maker, RECORD_VIOLATION, log->run_a);
	by_process(maker, &record, 4123);
	record.obj = slice_of("/etc/x");
	record.sev = RECORD_SEV_HIGH;
	record.effect = RECORD_EFFECT_PREVENTED;
	record.rule = slice_of("files.write");
	text(&record, DETAIL_TYPE, "SCOPE_VIOLATION");
	text(&record, DETAIL_REMEDY, "add /etc/x to files.write in the policy");
	log->violation_seq = add(maker, &record);
	record = base(maker, RECORD_REVOKE_INTENT, log->run_a);
	add(maker, &record);
	record = base(maker, RECORD_REVOKE_DONE, log->run_a);
	number(&record, DETAIL_KILLED, 2);
	number(&record, DETAIL_SURVIVORS, 0);
	number(&record, DETAIL_MICROSECONDS, 1100);
	add(maker, &record);
	end_run(maker, log->run_a, "REVOKED");
}

static void make_run_b(struct maker *maker, struct sample_log *log)
{
	struct record record;
	char path[64];

	begin_run(maker, log->run_b, "default");
	exec(maker, log->run_b, 5001, "/usr/bin/python3", "python3");
	for (unsigned int i = 0; i < SAMPLE_TELEMETRY; i++) {
		IGNORE(snprintf(path, sizeof(path), "/srv/app/file%u", i % 40) < 0);
		file(maker, i % 3 ? RECORD_OPEN_WRITE : RECORD_CREATE, log->run_b, 5001, path, NULL);
	}
	file(maker, RECORD_OPEN_WRITE, log->run_b, 5001, "/srv/app/deploy.tmp", NULL);
	log->rename_seq = store_size(maker->store);
	file(maker, RECORD_RENAME, log->run_b, 5001, "/srv/app/deploy.tmp", "/srv/app/deploy.yml");
	record = base(maker, RECORD_EXIT, log->run_b);
	by_process(maker, &record, 5001);
	number(&record, DETAIL_EXIT_CODE, 3);
	add(maker, &record);
	end_run(maker, log->run_b, "COMPLETED");
}

static void names_of(struct sample_log *log)
{
	IGNORE(snprintf(log->db, sizeof(log->db), "%s/1/ledger.db", log->dir) < 0);
	IGNORE(snprintf(log->values, sizeof(log->values), "%s/1/values.db", log->dir) < 0);
}

static void directory(struct sample_log *log)
{
	ck_assert_int_eq(text_copy(log->dir, sizeof(log->dir),
				   slice_of("/tmp/bailiff-sample-XXXXXX")), 0);
	ck_assert_ptr_nonnull(mkdtemp(log->dir));
	names_of(log);
}

static void copy_file(const char *from, const char *to)
{
	auto_close int in = open(from, O_RDONLY | O_CLOEXEC);
	auto_close int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char bytes[65536];
	ssize_t len;

	ck_assert_msg(in >= 0 && out >= 0, "copy '%s' to '%s'", from, to);
	while ((len = io_read(in, bytes, sizeof(bytes))) > 0)
		ck_assert_int_eq(io_write(out, bytes, (size_t)len), 0);
	ck_assert_int_eq(len, 0);
}

/* Into one file, as a copy without its WAL would lose the newest records. */
static void fold(const char *db)
{
	sqlite3 *handle = NULL;

	ck_assert_int_eq(sqlite3_open(db, &handle), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(handle);
}

void sample_log_copy(const struct sample_log *log, struct sample_log *ret_copy)
{
	char sub[80];

	*ret_copy = *log;
	directory(ret_copy);
	IGNORE(snprintf(sub, sizeof(sub), "%s/1", ret_copy->dir) < 0);
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	fold(log->db);
	fold(log->values);
	sample_log_restore(log, ret_copy);
}

void sample_log_restore(const struct sample_log *log, const struct sample_log *copy)
{
	copy_file(log->db, copy->db);
	copy_file(log->values, copy->values);
}

/* The store as ledgerd opens it. */
static void open_store(struct maker *maker, const struct sample_log *log)
{
	auto_close int dir_fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err = { 0 };

	ck_assert_int_ge(dir_fd, 0);
	ck_assert_msg(store_open(dir_fd, &maker->store, &err) == 0, "%s", err.text);
}

static void close_store(struct maker *maker, struct sample_log *log)
{
	struct error err = { 0 };

	ck_assert_msg(store_stop(maker->store, &err) == 0, "%s", err.text);
	log->size = store_size(maker->store);
	maker->store = store_free(maker->store);
}

static void keep_policy(struct maker *maker)
{
	struct tree_hasher *hasher = NULL;
	struct tree_hash digest;
	struct error err = { 0 };

	ck_assert_int_eq(tree_hasher_new(&hasher), 0);
	ck_assert_int_eq(tree_digest(hasher, slice_of(policy), &digest), 0);
	memcpy(maker->policy, digest.bytes, sizeof(maker->policy));
	ck_assert_int_eq(store_doc(maker->store, maker->policy, slice_of(policy), &err), 0);
	tree_hasher_free(hasher);
}

void sample_log_make(struct sample_log *log, int gap, struct sample_log *ret_older)
{
	struct maker maker = { .now_ns = 1700000000000000000ULL };

	memset(log, 0, sizeof(*log));
	memset(log->run_a, 0xa1, sizeof(log->run_a));
	memset(log->run_b, 0xb2, sizeof(log->run_b));
	directory(log);
	open_store(&maker, log);
	keep_policy(&maker);
	make_run_a(&maker, log);
	close_store(&maker, log);
	if (ret_older)
		sample_log_copy(log, ret_older);
	open_store(&maker, log);
	if (gap) {
		struct record record = base(&maker, RECORD_GAP, NULL);

		number(&record, DETAIL_LOST, 7);
		text(&record, DETAIL_CAUSE, "ring_full");
		add(&maker, &record);
	}
	make_run_b(&maker, log);
	close_store(&maker, log);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

void sample_log_remove(const struct sample_log *log)
{
	IGNORE(nftw(log->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS)); /* below /tmp: no harm left */
}

void sample_log_edit(const char *db, struct sample_editor *editor)
{
	static const char guards[] = "SELECT sql FROM sqlite_schema WHERE type = 'trigger'";
	static const char drop[] =
		"DROP TRIGGER IF EXISTS event_del; DROP TRIGGER IF EXISTS event_upd;"
		"DROP TRIGGER IF EXISTS meta_upd; DROP TRIGGER IF EXISTS cp_upd;"
		"DROP TRIGGER IF EXISTS cp_del; PRAGMA ignore_check_constraints = ON;"
		"PRAGMA journal_mode = DELETE;";
	sqlite3_stmt *statement = NULL;

	memset(editor, 0, sizeof(*editor));
	ck_assert_int_eq(sqlite3_open(db, &editor->db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(editor->db, guards, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW && editor->trigger_count < 16)
		editor->triggers[editor->trigger_count++] =
			strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	ck_assert_int_eq(sqlite3_exec(editor->db, drop, NULL, NULL, NULL), SQLITE_OK);
}

void sample_log_close(struct sample_editor *editor)
{
	while (editor->trigger_count-- > 0) {
		char *trigger = editor->triggers[editor->trigger_count];

		ck_assert_int_eq(sqlite3_exec(editor->db, trigger, NULL, NULL, NULL), SQLITE_OK);
		free(trigger);
	}
	ck_assert_int_eq(sqlite3_close(editor->db), SQLITE_OK);
}

int sample_log_tamper(const char *db, const char *sql, int64_t bound)
{
	struct sample_editor editor;
	sqlite3_stmt *statement = NULL;
	int changes, step;

	sample_log_edit(db, &editor);
	ck_assert_msg(sqlite3_prepare_v2(editor.db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s",
		      sql, sqlite3_errmsg(editor.db));
	if (sqlite3_bind_parameter_count(statement) > 0)
		ck_assert_int_eq(sqlite3_bind_int64(statement, 1, bound), SQLITE_OK);
	do {
		step = sqlite3_step(statement);
	} while (step == SQLITE_ROW);
	ck_assert_msg(step == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(editor.db));
	changes = sqlite3_changes(editor.db);
	sqlite3_finalize(statement);
	sample_log_close(&editor);
	return changes;
}
