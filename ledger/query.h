/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a ledger. Columns only select; what is shown comes from the record bytes, each hashed again
 * and compared with its tile and its columns. A query proves what it shows; only verify proves
 * that nothing is missing. Works on a live ledger: no read transaction lives above 250 ms. */
#ifndef LEDGER_QUERY_H
#define LEDGER_QUERY_H

#include "base/buf.h"
#include "base/error.h"
#include "ledger/note.h"
#include "ledger/record.h"
#include "ledger/words.h"

struct ledger;

/* `path` as in reader_open() of ledger/reader.h: a ledger.db or a folder above it. */
int ledger_open(const char *path, uint32_t deadline_ms, struct ledger **ret_ledger,
		struct error *err) MUST_USE;
struct ledger *ledger_free(struct ledger *ledger);
void ledger_free_p(struct ledger **ledger);

const char *ledger_origin(const struct ledger *ledger);

#define LEDGER_PIDS_MAX 16U
#define LEDGER_NAMES_MAX 64U

struct ledger_filter {              /* {0} = everything; fields are joined by AND, lists by OR */
	bool has_run;
	uint8_t run[16];
	uint32_t pids[LEDGER_PIDS_MAX], pid_count;
	bool any_kind[RECORD_KIND_LIMIT]; /* all false = every kind */
	uint32_t verdicts;          /* bit per enum record_verdict; 0 = every one */
	const char *names[LEDGER_NAMES_MAX]; /* paths or globs (fnmatch) over obj and obj2; borrowed */
	uint64_t name_until[LEDGER_NAMES_MAX]; /* only records below this seq; 0 = all */
	uint32_t name_count;
	uint64_t since_ns, until_ns; /* record time in [since, until); 0 = open */
	uint64_t seq_from, seq_to;  /* inclusive; seq_to 0 = to the end */
	bool newest_first;
	uint64_t limit;             /* 0 = no limit */
};

struct ledger_hit {                 /* slices live until the callback returns */
	uint64_t seq;
	struct slice rec;
	bool decoded;               /* else `record` is empty: written by a newer version, or bad */
	bool intact;                /* hash and columns agree with the bytes */
	struct record record;
	struct slice comm;          /* of the process: its own word, or that of its last exec */
	struct slice exe;           /* path of its last exec; empty = unknown */
	struct ledger *ledger;      /* for ledger_value() */
};

/* Returning another value than 0 ends the query, which hands it on. */
typedef int (*ledger_hit_fn)(void *context, const struct ledger_hit *hit);

struct ledger_answer {
	uint64_t found;
	uint64_t mismatched;        /* shown, but not intact */
	uint64_t undecodable;
	uint64_t gaps;              /* gap records in the window that was looked at */
	uint64_t size;              /* of the log */
	uint64_t signed_size;       /* of the newest checkpoint */
	bool unsigned_late;         /* a record above 5 s of age is not signed */
};

/* Calls `fn` for each record in order. Returns 0, what `fn` returned, or -errno with text. */
int ledger_query(struct ledger *ledger, const struct ledger_filter *filter, ledger_hit_fn fn,
		 void *context, struct ledger_answer *ret_answer, struct error *err) MUST_USE;

/* Adds to filter->names what `names[0]` was called before a rename or link gave it that name, each
 * up to that moment. Stops quietly at LEDGER_NAMES_MAX. The added names belong to the ledger and
 * live as long as it. */
int ledger_follow(struct ledger *ledger, struct ledger_filter *filter, struct error *err) MUST_USE;

/* The newest number of the log, and whether anything was committed since the last call. */
int ledger_poll(struct ledger *ledger, bool *ret_changed, struct error *err) MUST_USE;

/* The bytes behind a commitment. Returns 1 with *ret_value (valid until the next call), 0 when this
 * user cannot read values, -ENODATA when it was redacted, or -errno. */
int ledger_value(struct ledger *ledger, const struct record_value *value, struct slice *ret_value,
		 struct error *err) MUST_USE;

/* Appends the document that was kept under this digest: the compiled policy of a run. Its bytes are
 * hashed again. Returns 1, 0 when there is none, -EBADMSG when they differ, or -errno. */
int ledger_document(struct ledger *ledger, const uint8_t digest[32], struct buf *ret_bytes,
		    struct error *err) MUST_USE;

/* The newest checkpoint, or that of exactly this size (0 = newest). The note is valid until the next
 * call. Returns 1, 0 when there is none, or -errno. */
int ledger_checkpoint(struct ledger *ledger, uint64_t size, struct slice *ret_note,
		      struct note_checkpoint *ret_checkpoint, struct error *err) MUST_USE;

/* ---- runs ---- */

struct ledger_run {                 /* slices live until the callback returns */
	uint64_t id;                /* seq of its run_start */
	uint8_t uid[16];
	struct slice owner, agent, policy_name;
	uint8_t policy[32];
	int64_t tier, status, phase; /* WORDS_STATUS, WORDS_PHASE */
	uint64_t start_ns, end_ns;  /* end 0 = not yet */
	bool has_exit;
	int64_t exit_code;
	uint64_t records, lost;     /* as its run_end says; 0 before */
	uint64_t refused, violations;
};

typedef int (*ledger_run_fn)(void *context, const struct ledger_run *run);
int ledger_runs(struct ledger *ledger, bool newest_first, uint64_t limit, ledger_run_fn fn,
		void *context, struct error *err) MUST_USE;

/* A run by its ULID or a unique tail of at least 4 characters, or "@last". -ENOENT, -ENOTUNIQ with
 * text, -EINVAL when it can be neither. */
int ledger_run_find(struct ledger *ledger, struct slice name, uint8_t ret_uid[16],
		    struct error *err) MUST_USE;

struct ledger_process {
	uint64_t id;                /* seq of the record that first names it */
	uint64_t parent;            /* id, or LEDGER_NO_PARENT */
	uint32_t pid;
	uint64_t start_ns, exit_ns; /* exit 0 = not seen */
	bool has_exit_code;
	int64_t exit_code;
	struct slice comm, exe;
	uint64_t writes, network, refused; /* records of file changes, of the network, with deny */
};
#define LEDGER_NO_PARENT UINT64_MAX

typedef int (*ledger_process_fn)(void *context, const struct ledger_process *process);
/* In the order of their ids, so that a parent that was seen comes before its children. */
int ledger_processes(struct ledger *ledger, const uint8_t run[16], ledger_process_fn fn,
		     void *context, struct error *err) MUST_USE;

#endif
