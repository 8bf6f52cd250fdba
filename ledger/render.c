/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences. A kind with a plain shape has a row in `phrases`; the others have a function. */
#include "ledger/render.h"

#include <errno.h>

#include "base/text.h"
#include "base/ulid.h"
#include "ledger/render_people.h"

void render_text(struct buf *buf, struct slice text)
{
	char escaped[4096];

	/* In pieces, as one byte may become four; cut between characters. */
	while (text.len > 0) {
		size_t take = MIN(text.len, (size_t)512);

		while (take < text.len && take > 500 && ((uint8_t)text.data[take] & 0xc0U) == 0x80)
			take--;
		text_escape(escaped, sizeof(escaped), slice_new(text.data, take));
		IGNORE(buf_text(buf, escaped) < 0); /* remembered in buf->failed */
		text.data += take;
		text.len -= take;
	}
}

static void say(struct buf *buf, const char *text)
{
	IGNORE(buf_text(buf, text) < 0); /* remembered in buf->failed */
}

static void say_number(struct buf *buf, const char *before, uint64_t number)
{
	IGNORE(buf_printf(buf, "%s%llu", before, (unsigned long long)number) < 0);
}

void render_run(const uint8_t run[16], char to[RENDER_RUN_LEN + 1])
{
	char text[ULID_TEXT_LEN + 1];
	struct ulid ulid;

	memcpy(ulid.bytes, run, sizeof(ulid.bytes));
	ulid_text(&ulid, text);
	memcpy(to, text + ULID_TEXT_LEN - RENDER_RUN_LEN, RENDER_RUN_LEN + 1);
}

void render_process(struct buf *buf, const struct ledger_hit *hit)
{
	if (!hit->decoded || (!hit->record.has_proc && !hit->record.pid))
		return;
	if (hit->comm.len) {
		render_text(buf, hit->comm);
		IGNORE(buf_printf(buf, "(%u)", hit->record.pid) < 0);
	} else {
		IGNORE(buf_printf(buf, "pid %u", hit->record.pid) < 0);
	}
}

/* A word, or the number when it has none. */
static void say_word(struct buf *buf, const struct record *record, enum detail_key key,
		     enum word_list list)
{
	struct slice word = record_bytes(record, key);
	const char *name;
	uint64_t number;

	if (word.len) {
		render_text(buf, word);
	} else if (record_uint(record, key, &number)) {
		name = word_name(list, number);
		if (name)
			say(buf, name);
		else
			say_number(buf, "", number);
	}
}

static void say_pair(struct buf *buf, const char *before, const struct record *record,
		     enum detail_key key)
{
	const struct record_pair *pair = record_pair(record, key);

	if (!pair)
		return;
	say(buf, before);
	if (pair->type == PAIR_TEXT || pair->type == PAIR_BYTES)
		render_text(buf, pair->bytes);
	else if (pair->type == PAIR_INT)
		IGNORE(buf_printf(buf, "%lld", (long long)pair->number) < 0);
	else if (pair->type == PAIR_BOOL)
		say(buf, pair->number ? "yes" : "no");
	else
		say_number(buf, "", pair->number);
}

/* ---- plain shapes ---- */

struct phrase {
	const char *past, *infinitive; /* before the object */
	const char *between;           /* before the second object; NULL = there is none */
};

static const struct phrase phrases[RECORD_KIND_LIMIT] = {
	[RECORD_CREATE] = { "created", "create", NULL },
	[RECORD_OPEN_WRITE] = { "wrote", "write", NULL },
	[RECORD_CLOSE_WRITE] = { "finished writing", "write", NULL },
	[RECORD_UNLINK] = { "deleted", "delete", NULL },
	[RECORD_RENAME] = { "renamed", "rename", "to" },
	[RECORD_LINK] = { "gave", "give", "the further name" },
	[RECORD_SYMLINK] = { "made the symbolic link", "make the symbolic link", "to" },
	[RECORD_MKDIR] = { "made the directory", "make the directory", NULL },
	[RECORD_RMDIR] = { "removed the directory", "remove the directory", NULL },
	[RECORD_TRUNCATE] = { "truncated", "truncate", NULL },
	[RECORD_CHMOD] = { "changed the mode of", "change the mode of", NULL },
	[RECORD_CHOWN] = { "changed the owner of", "change the owner of", NULL },
	[RECORD_XATTR] = { "changed an attribute of", "change an attribute of", NULL },
	[RECORD_MKNOD] = { "made the node", "make the node", NULL },
	[RECORD_MMAP_WRITE] = { "wrote, by a way not seen otherwise,", "write", NULL },
	[RECORD_OPEN_READ] = { "read", "read", NULL },
	[RECORD_READ_SUMMARY] = { "read", "read", NULL },
	[RECORD_EXEC] = { "ran", "run", NULL },
	[RECORD_EXEC_CLAIM] = { "asked to run", "run", NULL },
	[RECORD_PTRACE] = { "traced", "trace", NULL },
	[RECORD_CONNECT] = { "connected to", "connect to", NULL },
	[RECORD_BIND] = { "bound", "bind", NULL },
	[RECORD_LISTEN] = { "listened on", "listen on", NULL },
	[RECORD_ACCEPT] = { "accepted a connection from", "accept a connection from", NULL },
	[RECORD_SEND] = { "sent to", "send to", NULL },
	[RECORD_DNS] = { "asked for the address of", "ask for the address of", NULL },
	[RECORD_FLOW_END] = { "ended the connection to", "go on with the connection to", NULL },
	[RECORD_MOUNT_DENIED] = { "mounted", "mount", NULL },
};

static void say_failure(struct buf *buf, const struct record *record)
{
	if (record->has_ret && record->ret < 0)
		IGNORE(buf_printf(buf, " (%s)", errno_name((int)MAX(record->ret, INT64_C(-4095)))) < 0);
}

/* How the verdict turns "created x" into "was refused to create x". */
static const char *turned(const struct record *record)
{
	switch ((enum record_verdict)record->verdict) {
	case RECORD_VERDICT_DENY:
		return "was refused to ";
	case RECORD_VERDICT_HELD:
		return "was held when it wanted to ";
	case RECORD_VERDICT_KILLED:
		return "was killed when it wanted to ";
	case RECORD_VERDICT_ERROR:
		return "failed to ";
	case RECORD_VERDICT_NONE:
	case RECORD_VERDICT_WARN:
		break;
	}
	return record->has_ret && record->ret < 0 ? "failed to " : NULL;
}

/* Of a connection through the relay: the name that it was for, what went over it and how long. */
static void say_flow(struct buf *buf, const struct record *record)
{
	char text[32];
	uint64_t number;

	if (record->kind == RECORD_DNS)
		say_pair(buf, ": ", record, DETAIL_NAMES);
	if (record_bytes(record, DETAIL_HOST).len) {
		say_pair(buf, " (", record, DETAIL_HOST);
		say(buf, ")");
	}
	if (record->kind != RECORD_FLOW_END)
		return;
	if (record_uint(record, DETAIL_BYTES, &number))
		IGNORE(buf_printf(buf, ", sent %llu", (unsigned long long)number) < 0);
	if (record_uint(record, DETAIL_BYTES_IN, &number))
		IGNORE(buf_printf(buf, " and received %llu bytes", (unsigned long long)number) < 0);
	if (record_uint(record, DETAIL_MICROSECONDS, &number)) {
		text_duration(text, sizeof(text), number * 1000);
		IGNORE(buf_printf(buf, " in %s", text) < 0);
	}
}

static void say_phrase(struct buf *buf, const struct ledger_hit *hit, const struct phrase *phrase)
{
	const struct record *record = &hit->record;
	const char *turn = turned(record);
	uint64_t number;

	IGNORE(buf_printf(buf, "%s%s ", turn ? turn : "", turn ? phrase->infinitive : phrase->past) < 0);
	render_text(buf, record->obj);
	if (phrase->between && record->obj2.len) {
		IGNORE(buf_printf(buf, " %s ", phrase->between) < 0);
		render_text(buf, record->obj2);
	}
	if (record->kind == RECORD_CHMOD && record_uint(record, DETAIL_MODE, &number))
		IGNORE(buf_printf(buf, " to %04llo", (unsigned long long)number & 07777U) < 0);
	if (record->kind == RECORD_CHOWN)
		say_pair(buf, " to uid ", record, DETAIL_UID);
	if (record->kind == RECORD_EXEC && record->value_count) {
		say(buf, ": ");
		IGNORE(render_argv(buf, hit)); /* there is one */
	}
	if (record->kind >= RECORD_CONNECT && record->kind <= RECORD_FLOW_END)
		say_flow(buf, record);
	if (record_uint(record, DETAIL_COUNT, &number) && number > 1)
		IGNORE(buf_printf(buf, ", %llu times", (unsigned long long)number) < 0);
	say_failure(buf, record);
}

/* ---- the others ---- */

static void say_fork(struct buf *buf, const struct ledger_hit *hit)
{
	(void)hit;
	say(buf, "was started by its parent");
}

static void say_exit(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	if (record_pair(record, DETAIL_SIGNAL))
		say_pair(buf, "was ended by signal ", record, DETAIL_SIGNAL);
	else if (record_pair(record, DETAIL_EXIT_CODE))
		say_pair(buf, "ended with status ", record, DETAIL_EXIT_CODE);
	else
		say(buf, "ended");
}

static void say_signal(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	const char *turn = turned(record);

	IGNORE(buf_printf(buf, "%s%s", turn ? turn : "", turn ? "send a signal" : "sent a signal") < 0);
	say_pair(buf, " ", record, DETAIL_SIGNAL);
	if (record->obj.len)
		say(buf, " to ");
	render_text(buf, record->obj);
	say_failure(buf, record);
}

static void say_cred(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "changed its credentials");
	say_pair(buf, " to uid ", &hit->record, DETAIL_UID);
}

static void say_syscall(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "was refused a system call");
	say_pair(buf, " ", &hit->record, DETAIL_SYSCALL);
	if (hit->record.obj.len)
		say(buf, " on ");
	render_text(buf, hit->record.obj);
	say_failure(buf, &hit->record);
}

static void say_escape(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "tried to leave its sandbox");
	say_pair(buf, ": ", &hit->record, DETAIL_MESSAGE);
	if (hit->record.obj.len)
		say(buf, " ");
	render_text(buf, hit->record.obj);
}

static void say_decision(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	const char *turn = turned(record);
	struct slice verb = record_bytes(record, DETAIL_VERB);
	uint64_t count;

	say(buf, turn ? turn : "was allowed to ");
	if (slice_is(verb, "syscall"))
		say(buf, "make system call");
	else if (slice_is(verb, "connect"))
		say(buf, "connect to");
	else if (slice_is(verb, "exec"))
		say(buf, "run");
	else if (verb.len)
		render_text(buf, verb);
	else
		say(buf, "do this:");
	say_pair(buf, " ", record, DETAIL_SYSCALL);
	if (record->obj.len)
		say(buf, " ");
	render_text(buf, record->obj);
	if (record->obj2.len) {
		say(buf, " to ");
		render_text(buf, record->obj2);
	}
	if (record_uint(record, DETAIL_COUNT, &count) && count > 1)
		IGNORE(buf_printf(buf, ", %llu times", (unsigned long long)count) < 0);
	if (slice_is(verb, "connect"))
		say_flow(buf, record);
	say_failure(buf, record);
	say_pair(buf, ": ", record, DETAIL_REASON);
}

static void say_violation(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	const char *sev = word_name(WORDS_SEV, record->sev);
	const char *effect = word_name(WORDS_EFFECT, record->effect);

	say(buf, "committed ");
	say_word(buf, record, DETAIL_TYPE, WORDS_VIOLATION);
	IGNORE(buf_printf(buf, " (%s%s%s)", sev && *sev ? sev : "no severity",
			  effect && *effect ? ", effect " : "", effect ? effect : "") < 0);
	say_pair(buf, ": ", record, DETAIL_MESSAGE);
	if (record->obj.len && !record_pair(record, DETAIL_MESSAGE)) {
		say(buf, ": ");
		render_text(buf, record->obj);
	}
}

static void say_run_start(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	say(buf, "the run began");
	say_pair(buf, ", agent ", record, DETAIL_AGENT);
	say_pair(buf, ", owner ", record, DETAIL_OWNER);
	say_pair(buf, ", policy ", record, DETAIL_POLICY_NAME);
	say_pair(buf, ", workspace ", record, DETAIL_WORKSPACE);
}

static void say_run_state(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "the run is now ");
	say_word(buf, &hit->record, DETAIL_STATUS_TO, WORDS_STATUS);
	if (record_bytes(&hit->record, DETAIL_REASON).len)
		say_pair(buf, ": ", &hit->record, DETAIL_REASON);
}

static void say_run_phase(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "the run is now in phase ");
	say_word(buf, &hit->record, DETAIL_PHASE_TO, WORDS_PHASE);
}

static void say_run_counter(struct buf *buf, const struct ledger_hit *hit)
{
	say_pair(buf, "counter ", &hit->record, DETAIL_SUBJECT);
	say_pair(buf, " is now ", &hit->record, DETAIL_COUNT);
}

static void say_run_end(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	say(buf, "the run ended ");
	say_word(buf, record, DETAIL_STATUS_TO, WORDS_STATUS);
	say_pair(buf, " with status ", record, DETAIL_EXIT_CODE);
	say_pair(buf, " by signal ", record, DETAIL_SIGNAL);
	if (record_bytes(record, DETAIL_REASON).len) /* a number is the table run's business */
		say_pair(buf, ", reason ", record, DETAIL_REASON);
	say_pair(buf, "; records ", record, DETAIL_RECORDS);
	say_pair(buf, ", lost ", record, DETAIL_LOST);
}

static void say_revoke_intent(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "the revocation of the run began");
	say_pair(buf, ": ", &hit->record, DETAIL_REASON);
}

static void say_revoke_done(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	uint64_t us;

	say(buf, "the revocation is done");
	say_pair(buf, ": killed ", record, DETAIL_KILLED);
	say_pair(buf, ", survivors ", record, DETAIL_SURVIVORS);
	if (record_uint(record, DETAIL_MICROSECONDS, &us))
		IGNORE(buf_printf(buf, ", %llu.%llu ms", (unsigned long long)us / 1000,
				  (unsigned long long)us % 1000 / 100) < 0);
}

static void say_gap(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	say(buf, "GAP: events were lost");
	say_pair(buf, ", ", record, DETAIL_LOST);
	say(buf, ", cause ");
	say_word(buf, record, DETAIL_CAUSE, WORDS_GAP_CAUSE);
}

static void say_genesis(struct buf *buf, const struct ledger_hit *hit)
{
	say_pair(buf, "the log began: ", &hit->record, DETAIL_ORIGIN);
}

static void say_recover(struct buf *buf, const struct ledger_hit *hit)
{
	say(buf, "the log was taken up again after it had not been closed");
	say_pair(buf, "; signed were the records below ", &hit->record, DETAIL_FROM);
}

static void say_fixed(struct buf *buf, const struct ledger_hit *hit)
{
	const char *text = hit->record.kind == RECORD_LOG_START ? "the ledger was opened for writing" :
			   hit->record.kind == RECORD_LOG_STOP ? "the ledger was closed in order" :
			   hit->record.kind == RECORD_CLOCK ? "the clock was read" :
			   hit->record.kind == RECORD_TICK ? "the ledger is alive" :
			   hit->record.kind == RECORD_FREEZE ? "the run was frozen" :
			   "the sign of life is overdue";

	say(buf, text);
}

static void say_intervention(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	render_text(buf, record->by.len ? record->by : slice_of("somebody"));
	say_pair(buf, " asked for ", record, DETAIL_VERB);
	if (record->obj.len)
		say(buf, " of ");
	render_text(buf, record->obj);
	say_pair(buf, ": ", record, DETAIL_REASON);
	say_failure(buf, record);
}

/* What became of an overlay: whose it was, and what was told of it. */
static void say_workspace(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	render_text(buf, record->by.len ? record->by : slice_of("somebody"));
	say_pair(buf, " did a ", record, DETAIL_VERB);
	say_pair(buf, " of run ", record, DETAIL_SUBJECT);
	say(buf, " on ");
	render_text(buf, record->obj);
	say_pair(buf, ": ", record, DETAIL_MESSAGE);
}

static void say_any(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	say(buf, record_kind_name(record->kind));
	if (record->obj.len)
		say(buf, " ");
	render_text(buf, record->obj);
	for (size_t i = 0; i < record->pair_count; i++) {
		IGNORE(buf_printf(buf, " %s=", detail_key_name(record->pairs[i].key)) < 0);
		say_pair(buf, "", record, (enum detail_key)record->pairs[i].key);
	}
	say_failure(buf, record);
}

static void (*const sayings[RECORD_KIND_LIMIT])(struct buf *, const struct ledger_hit *) = {
	[RECORD_FORK] = say_fork, [RECORD_EXIT] = say_exit, [RECORD_SIGNAL] = say_signal,
	[RECORD_CRED] = say_cred, [RECORD_SYSCALL_DENIED] = say_syscall,
	[RECORD_ESCAPE] = say_escape, [RECORD_DECISION] = say_decision,
	[RECORD_VIOLATION] = say_violation, [RECORD_RUN_START] = say_run_start,
	[RECORD_RUN_STATE] = say_run_state, [RECORD_RUN_PHASE] = say_run_phase,
	[RECORD_RUN_COUNTER] = say_run_counter, [RECORD_RUN_END] = say_run_end,
	[RECORD_REVOKE_INTENT] = say_revoke_intent, [RECORD_REVOKE_DONE] = say_revoke_done,
	[RECORD_GAP] = say_gap, [RECORD_GENESIS] = say_genesis, [RECORD_RECOVER] = say_recover,
	[RECORD_LOG_START] = say_fixed, [RECORD_LOG_STOP] = say_fixed, [RECORD_CLOCK] = say_fixed,
	[RECORD_TICK] = say_fixed, [RECORD_FREEZE] = say_fixed,
	[RECORD_HEARTBEAT_LOST] = say_fixed, [RECORD_INTERVENTION] = say_intervention,
	[RECORD_WORKSPACE] = say_workspace, [RECORD_APPROVAL] = render_people,
	[RECORD_WAIVER] = render_people, [RECORD_KILL_SWITCH] = render_people,
};

void render_what(struct buf *buf, const struct ledger_hit *hit)
{
	uint32_t kind = hit->record.kind;

	if (!hit->decoded) {
		IGNORE(buf_printf(buf, "undecodable record of %zu bytes", hit->rec.len) < 0);
		return;
	}
	if (kind < RECORD_KIND_LIMIT && sayings[kind])
		sayings[kind](buf, hit);
	else if (kind < RECORD_KIND_LIMIT && phrases[kind].past)
		say_phrase(buf, hit, &phrases[kind]);
	else
		say_any(buf, hit);
}

void render_sentence(struct buf *buf, const struct ledger_hit *hit)
{
	size_t before = buf->len;

	render_process(buf, hit);
	if (buf->len > before)
		say(buf, " ");
	render_what(buf, hit);
}
