/* SPDX-License-Identifier: Apache-2.0 */
/* The statements, and the rows that a record changes by its kind. */
#include "ledger/projector_internal.h"

const char *const projector_sql[SQL_COUNT] = {
	[SQL_TIME] = "INSERT INTO time_idx VALUES(?,?,?)",
	[SQL_NAME_FIND] = "SELECT id FROM name WHERE v = ? AND t = ?",
	[SQL_NAME_ADD] = "INSERT INTO name(v, t, id) VALUES(?,?,?)",
	[SQL_RUN_FIND] = "SELECT id FROM run WHERE uid = ?",
	[SQL_PROC_FIND] = "SELECT id FROM proc WHERE uid = ?",
	[SQL_PROC_ADD] = "INSERT INTO proc(id, uid, run, parent, pid, start_ns)"
			 " VALUES(?,?,?,?,?,?)",
	[SQL_PROC_PARENT] = "UPDATE proc SET parent = ? WHERE id = ? AND parent IS NULL",
	[SQL_PROC_EXEC] = "UPDATE proc SET exe = ?, comm = ?, exec_seq = ? WHERE id = ?",
	[SQL_PROC_EXIT] = "UPDATE proc SET exit_seq = ?, exit_code = ? WHERE id = ?",
	[SQL_META] = "INSERT INTO log_meta VALUES(0,?,?,?,?,?,0)",
	[SQL_SEAL_KEY] = "INSERT INTO seal_key VALUES(?,?,0,?)",
	[SQL_CLOCK] = "INSERT INTO clock_seg VALUES(?,?,?)",
	[SQL_GAP] = "INSERT INTO gap VALUES(?,?,?,?,?,?,?,?)",
	[SQL_RUN_ADD] = "INSERT INTO run(id, uid, agent, owner, policy, tier, status, phase,"
			" start_ns, upd) VALUES(?1,?2,-1,?3,?4,?5,?6,?7,?8,?1)",
	[SQL_RUN_STATE] = "UPDATE run SET status = ?, reason = ?, upd = ? WHERE id = ?",
	[SQL_RUN_PHASE] = "UPDATE run SET phase = ?, upd = ? WHERE id = ?",
	[SQL_RUN_COUNTER] = "INSERT INTO run_counter VALUES(?,?,?,?) ON CONFLICT(run, key)"
			    " DO UPDATE SET n = excluded.n, upd = excluded.upd",
	[SQL_RUN_END] = "UPDATE run SET status = ?1, reason = coalesce(?2, reason), end_ns = ?3,"
			" end_seq = ?4, exit_code = ?5, rcount = ?6, lost = ?7, upd = ?4"
			" WHERE id = ?8",
	[SQL_VIOLATION] = "INSERT INTO violation VALUES(?,?,?,?,?,?,?,?)",
	/* The violation that led here is the run's newest one; -1: an operator's wish. */
	[SQL_REVOKE_INTENT] = "INSERT INTO revocation(id, run, cause, incomplete) VALUES(?1, ?2,"
			      " coalesce((SELECT seq FROM violation WHERE run = ?2"
			      " ORDER BY seq DESC LIMIT 1), -1), 1)",
	[SQL_REVOKE_DONE] = "UPDATE revocation SET done_seq = ?1, killed = ?2, survivors = ?3,"
			    " us = ?4, incomplete = coalesce(?3, 1) > 0 WHERE id = (SELECT id FROM"
			    " revocation WHERE run = ?5 AND done_seq IS NULL"
			    " ORDER BY id DESC LIMIT 1)",
};

static int change_meta(struct projector *projector, const struct projection *p)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_META);
	int r;

	bind_text(statement, 1, p->text);
	bind_maybe(statement, 2, p->n[0]);
	sqlite3_bind_int64(statement, 3, (int64_t)p->record->ts_ns);
	bind_text(statement, 4, p->text2);
	sqlite3_bind_int64(statement, 5, RECORD_FORMAT);
	r = run_statement(statement);
	if (r < 0)
		return r;
	statement = statement_of(projector, SQL_SEAL_KEY);
	bind_maybe(statement, 1, p->n[1]);
	bind_text(statement, 2, p->bytes);
	sqlite3_bind_int64(statement, 3, (int64_t)p->seq);
	return run_statement(statement);
}

static int change_log(struct projector *projector, const struct projection *p,
		      const struct ids *ids)
{
	sqlite3_stmt *statement;

	if (p->change == CHANGE_CLOCK) {
		statement = statement_of(projector, SQL_CLOCK);
		sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
		bind_blob(statement, 2, slice_new(p->record->boot, 16));
		bind_maybe(statement, 3, p->n[0]);
		return run_statement(statement);
	}
	statement = statement_of(projector, SQL_GAP);
	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	bind_id(statement, 2, ids->run);
	for (int i = 0; i < 6; i++)
		bind_maybe(statement, 3 + i, p->n[i]);
	return run_statement(statement);
}

static int change_run_new(struct projector *projector, const struct projection *p)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_RUN_ADD);

	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	bind_blob(statement, 2, slice_new(p->record->run, 16));
	bind_text(statement, 3, p->text);
	bind_blob(statement, 4, p->bytes);
	for (int i = 0; i < 3; i++)
		bind_maybe(statement, 5 + i, p->n[i]);
	sqlite3_bind_int64(statement, 8, (int64_t)p->record->ts_ns);
	return run_statement(statement);
}

static int change_run(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement;

	if (run == NONE)
		return 0;
	if (p->change == CHANGE_RUN_STATE) {
		statement = statement_of(projector, SQL_RUN_STATE);
		bind_maybe(statement, 1, p->n[0]);
		bind_maybe(statement, 2, p->n[1]);
		sqlite3_bind_int64(statement, 3, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 4, run);
		return run_statement(statement);
	}
	if (p->change == CHANGE_RUN_PHASE) {
		statement = statement_of(projector, SQL_RUN_PHASE);
		bind_maybe(statement, 1, p->n[0]);
		sqlite3_bind_int64(statement, 2, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 3, run);
		return run_statement(statement);
	}
	statement = statement_of(projector, SQL_RUN_COUNTER);
	sqlite3_bind_int64(statement, 1, run);
	bind_text(statement, 2, p->text);
	bind_maybe(statement, 3, p->n[0]);
	sqlite3_bind_int64(statement, 4, (int64_t)p->seq);
	return run_statement(statement);
}

static int change_run_end(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_RUN_END);

	bind_maybe(statement, 1, p->n[0]);
	bind_maybe(statement, 2, p->n[1]);
	sqlite3_bind_int64(statement, 3, (int64_t)p->record->ts_ns);
	sqlite3_bind_int64(statement, 4, (int64_t)p->seq);
	bind_maybe(statement, 5, p->n[2]);
	bind_maybe(statement, 6, p->n[3]);
	bind_maybe(statement, 7, p->n[4]);
	sqlite3_bind_int64(statement, 8, run);
	return run_statement(statement);
}

static int change_violation(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_VIOLATION);
	const struct record *record = p->record;

	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	sqlite3_bind_int64(statement, 2, run);
	if (record->has_proc)
		bind_blob(statement, 3, slice_new(record->proc, 16));
	else
		sqlite3_bind_null(statement, 3);
	bind_maybe(statement, 4, p->n[0]);
	sqlite3_bind_int64(statement, 5, record->sev);
	bind_text(statement, 6, p->text);
	sqlite3_bind_int64(statement, 7, record->effect);
	bind_maybe(statement, 8, p->n[1]);
	return run_statement(statement);
}

static int change_revocation(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement;

	if (p->change == CHANGE_REVOKE_INTENT) {
		statement = statement_of(projector, SQL_REVOKE_INTENT);
		sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 2, run);
		return run_statement(statement);
	}
	statement = statement_of(projector, SQL_REVOKE_DONE);
	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	for (int i = 0; i < 3; i++)
		bind_maybe(statement, 2 + i, p->n[i]);
	sqlite3_bind_int64(statement, 5, run);
	return run_statement(statement);
}

int projector_change(struct projector *projector, const struct projection *p,
		     const struct ids *ids)
{
	switch (p->change) {
	case CHANGE_NONE:
		return 0;
	case CHANGE_META:
		return change_meta(projector, p);
	case CHANGE_CLOCK:
	case CHANGE_GAP:
		return change_log(projector, p, ids);
	case CHANGE_RUN_NEW:
		return change_run_new(projector, p);
	case CHANGE_RUN_STATE:
	case CHANGE_RUN_PHASE:
	case CHANGE_RUN_COUNTER:
		return change_run(projector, p, ids->run);
	case CHANGE_RUN_END:
		return change_run_end(projector, p, ids->run);
	case CHANGE_VIOLATION:
		return change_violation(projector, p, ids->run);
	case CHANGE_REVOKE_INTENT:
	case CHANGE_REVOKE_DONE:
		return change_revocation(projector, p, ids->run);
	}
	return -EINVAL;
}
