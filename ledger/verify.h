/* SPDX-License-Identifier: Apache-2.0 */
/* Says whether a ledger is what its signatures say, and against whom that is proved. Every record is
 * hashed and decoded again, the whole database is derived again from the records alone, and every
 * cell of every table is compared with what came out (rules V1-V8 and V12 of ledger.md). */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "base/error.h"
#include "ledger/note.h"

/* Also the exit codes. */
enum verify_result {
	VERIFY_PASS = 0,
	VERIFY_FAIL = 1,
	VERIFY_DEGRADED = 3,        /* sound as far as it goes: gaps, unsigned records, no trusted key */
	VERIFY_CANNOT = 4,
};

enum verify_trust {                 /* where the identity key that we believe in comes from */
	VERIFY_TRUST_NONE,          /* from the ledger itself: self-consistent only */
	VERIFY_TRUST_REMEMBERED,    /* seen by an earlier verify of this user (trust on first use) */
	VERIFY_TRUST_ENROLLED,      /* taken from the ledger now, because the caller said so */
	VERIFY_TRUST_POLICY,        /* a log line of the policy file */
	VERIFY_TRUST_GIVEN,         /* options.key */
};

struct verify_options {
	const char *path;           /* as reader_open() */
	const char *key;            /* a verifier key or a file with one; NULL = none */
	const char *policy;         /* a c2sp.org/tlog-policy file; one that does not exist is none */
	const char *checkpoint;     /* a file with a note kept elsewhere; NULL = none */
	const char *memory_dir;     /* where (origin, key, size, root) of the last good verify is kept,
	                             * made with mode 0700; NULL = neither read nor written */
	bool enrol;                 /* take the key that this ledger shows as trusted */
	bool quick;                 /* without the check of SQLite's own structures and indexes */
	uint32_t deadline_ms;       /* 0 = none */
};

#define VERIFY_FINDINGS_MAX 16U
#define VERIFY_FINDING_TEXT 240U

struct verify_finding {
	bool has_seq;
	uint64_t seq;               /* the record it is about */
	char text[VERIFY_FINDING_TEXT]; /* escaped: safe on a terminal */
};

struct verify_report {
	enum verify_result result;
	enum verify_trust trust;
	char origin[NOTE_NAME_MAX];
	uint64_t size, signed_size; /* records, and those below the newest checkpoint */
	uint64_t checkpoints, epochs, runs;
	uint64_t gaps, lost;        /* gap records, events that they stand for */
	uint64_t unsigned_age_ns;   /* of the oldest record that no checkpoint covers */
	bool unsigned_late;         /* ... is above 5 s */
	bool witness_unchecked;     /* the policy wants witnesses, which this version cannot check */
	bool values_checked;        /* values.db could be read */
	bool remembered;            /* the result was stored in memory_dir */
	uint64_t compared_size;     /* of the kept checkpoint that the log still contains; 0 = none */
	bool has_bad;
	uint64_t bad_seq;           /* the first bad record */
	uint32_t finding_count;     /* those kept; `findings_more` were dropped */
	uint64_t findings_more;
	struct verify_finding findings[VERIFY_FINDINGS_MAX];
};

/* Works on a live ledger. Returns 0 with *ret_report filled, or a negative errno with the reason in
 * *err: then nothing can be said (VERIFY_CANNOT). */
int verify_run(const struct verify_options *options, struct verify_report *ret_report,
	       struct error *err) MUST_USE;

#endif
