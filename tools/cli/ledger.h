/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs below `bailiff ledger` share: where the ledger is, filters, and the table. */
#ifndef CLI_LEDGER_H
#define CLI_LEDGER_H

#include "cli/cli.h"
#include "cli/options.h"
#include "ledger/query.h"

struct ledger_args {
	const char *state_dir, *db;
	uint64_t deadline_ns;
	bool json, utc;
	/* filters */
	struct option_list runs, pids, kinds, verdicts, paths, seqs;
	const char *since, *until;
	uint32_t limit;
	bool reverse, follow;
	bool reads;               /* who */
	/* verify, prove, checkpoint */
	const char *key, *policy, *checkpoint, *memory, *output;
	bool enrol, quick, no_memory;
};

void ledger_args_finish(struct ledger_args *args);

#define LEDGER_AT(member) offsetof(struct ledger_args, member)
#define LEDGER_WHERE_ROWS                                                                           \
	{ 0, "state-dir", OPTION_TEXT, LEDGER_AT(state_dir), "DIR",                                \
	  "the supervisor's, else " CLI_DEFAULT_STATE_DIR, NULL },                                 \
	{ 0, "db", OPTION_TEXT, LEDGER_AT(db), "PATH", "a ledger.db or the folder that it is in", NULL }, \
	{ 0, "deadline", OPTION_DURATION, LEDGER_AT(deadline_ns), "DUR", "give up after this time", NULL }, \
	{ 0, "utc", OPTION_FLAG, LEDGER_AT(utc), NULL, "times in UTC, else local", NULL },         \
	{ 0, "json", OPTION_FLAG, LEDGER_AT(json), NULL, "JSON, one object per line", NULL }
#define LEDGER_FILTER_ROWS                                                                          \
	{ 0, "run", OPTION_LIST, LEDGER_AT(runs), "RUN", \
	  "its ULID, the last 4 or more characters, or @last", NULL },                            \
	{ 0, "pid", OPTION_LIST, LEDGER_AT(pids), "PID", "process id in the first pid namespace", NULL }, \
	{ 0, "kind", OPTION_LIST, LEDGER_AT(kinds), "KIND,...", \
	  "connect, unlink, decision, ... or a class: file, process, network", NULL },             \
	{ 0, "verdict", OPTION_LIST, LEDGER_AT(verdicts), "V,...", "warn, deny, held, killed, error", NULL }, \
	{ 0, "path", OPTION_LIST, LEDGER_AT(paths), "GLOB", "object of the record: a path, address or name", NULL }, \
	{ 0, "since", OPTION_TEXT, LEDGER_AT(since), "TIME", "RFC 3339, -10min, today, yesterday, boot", NULL }, \
	{ 0, "until", OPTION_TEXT, LEDGER_AT(until), "TIME", "before this time", NULL },           \
	{ 0, "seq", OPTION_LIST, LEDGER_AT(seqs), "A..B", "numbers of records, or one number", NULL }, \
	{ 'n', "limit", OPTION_COUNT, LEDGER_AT(limit), "N", "the newest N only", NULL },            \
	{ 'r', "reverse", OPTION_FLAG, LEDGER_AT(reverse), NULL, "newest first", NULL }

/* Opens what --db or --state-dir names. Returns 0 or a negative errno with text. */
int ledger_args_open(const struct ledger_args *args, struct ledger **ret_ledger,
		     struct error *err) MUST_USE;
/* The path that would be opened; valid as long as `buf`. */
const char *ledger_args_path(const struct ledger_args *args, char *buf, size_t size);
/* Exit code of a failed query: usage for a wrong word, else "could not answer". Prints `err`. */
int ledger_fail(const char *verb, int code, const struct error *err);

/* The filters as the library wants them. Names are borrowed from `args`. -EINVAL, -ENOENT with
 * text. */
int ledger_filter_make(struct ledger *ledger, const struct ledger_args *args,
		       struct ledger_filter *ret_filter, struct error *err) MUST_USE;
/* "2026-01-02T03:04:05Z", "-10min", "-2h", "today", "yesterday", "boot", "now". Pure but for the
 * clock and zone. Returns 0 or -EINVAL. */
int ledger_time_parse(struct slice text, uint64_t now_ns, uint64_t *ret_ns) MUST_USE;

/* "14:02:11.120", with the date before it when that is not today's. */
#define LEDGER_TIME_MAX 40
void ledger_time_text(char to[LEDGER_TIME_MAX], uint64_t ns, bool utc);

/* Footer and exit code after a query: what is degraded is said on stderr. */
int ledger_answer_end(const struct ledger_answer *answer, const struct ledger_args *args);

/* Index of the first word that is neither an option nor the value of one that says where the ledger
 * is; 0 = none. */
int ledger_first_word(int argc, char *const *argv);
/* Moves that word to argv[1] and what stood before it behind it, where its own table reads it. */
void ledger_word_first(char **argv, int at);

int ledger_log(int argc, char **argv);
int ledger_who(int argc, char **argv);
int ledger_run(int argc, char **argv);
int ledger_verify(int argc, char **argv);
int ledger_prove(int argc, char **argv);
int ledger_checkpoint_verb(int argc, char **argv);

#endif
