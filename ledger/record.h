/* SPDX-License-Identifier: Apache-2.0 */
/* One record and its bytes: a single CBOR map in the core deterministic form (RFC 8949 4.2.1).
 * record.cddl is the authority for keys and types; words.h has the names. Whatever decodes
 * re-encodes to the same bytes: that is how long heads, wrong key order, duplicates and
 * trailing bytes are refused. Pure. */
#ifndef LEDGER_RECORD_H
#define LEDGER_RECORD_H

#include <stdbool.h>

#include "base/slice.h"
#include "ledger/intake.h"

#define RECORD_FORMAT 1U
#define RECORD_MAX 65535U           /* bytes of a record; tlog-tiles bundles have 16-bit lengths */
#define RECORD_HASH_LEN 32U
#define RECORD_VALUES_MAX INTAKE_VALUES_MAX
#define RECORD_PAIRS_MAX INTAKE_PAIRS_MAX

#define RECORD_VALUE_TRUNCATED 1U
#define RECORD_VALUE_SCRUBBED 2U

struct record_value {               /* a sensitive value by commitment */
	uint32_t label;             /* enum value_label */
	uint32_t flags;             /* RECORD_VALUE_* */
	uint64_t size;              /* untruncated */
	uint8_t commit[RECORD_HASH_LEN]; /* SHA-256(salt16 || value) */
};

struct record_pair {                /* of the detail map */
	uint16_t key;               /* enum detail_key, 1..DETAIL_KEY_LIMIT-1, ascending */
	uint16_t type;              /* enum pair_type */
	uint64_t number;            /* UINT, BOOL; INT in two's complement. An INT that is not
	                             * negative is written as, and read back as, UINT */
	struct slice bytes;         /* TEXT (valid UTF-8), BYTES */
};

/* In key order. Slices are borrowed: from the decoded bytes, or from whoever filled it. In the
 * text and byte fields len 0 means absent; verdict, sev, effect, pid 0 mean none. */
struct record {
	enum record_kind kind;
	uint64_t ts_ns, mono_ns;    /* CLOCK_REALTIME, CLOCK_BOOTTIME */
	bool has_boot, has_run, has_prev, has_proc, has_src, has_ino, has_ret, has_before, has_after;
	uint8_t boot[16];           /* only in genesis, log_start, clock */
	uint8_t run[16];
	uint64_t rseq;              /* has_run: gapless per run from 0 */
	uint8_t prev[RECORD_HASH_LEN]; /* leaf hash of the run's previous record */
	uint8_t proc[16];           /* record_proc_identity() */
	uint32_t pid;
	uint64_t ring, cpu, kseq;   /* has_src */
	uint32_t verdict;           /* enum record_verdict */
	struct slice rule, obj, obj2;
	uint64_t dev, ino, gen;     /* has_ino */
	int64_t ret;                /* has_ret */
	uint8_t before[RECORD_HASH_LEN], after[RECORD_HASH_LEN];
	uint32_t value_count;
	struct record_value values[RECORD_VALUES_MAX];
	uint32_t pair_count;
	struct record_pair pairs[RECORD_PAIRS_MAX];
	uint32_t sev;               /* enum record_sev */
	uint32_t effect;            /* enum record_effect */
	struct slice by;
};

/* Writes the bytes of `record` to `bytes`. Returns their number; -EINVAL when the record breaks a
 * rule that the decoder would refuse (kind without a name, pairs out of order, invalid UTF-8, a
 * key that its kind may not have), -ENOSPC when they do not fit. */
ssize_t record_encode(const struct record *record, uint8_t *bytes, size_t size) MUST_USE;

/* Strict. Slices of *ret_record point into `bytes`. Returns 0, or -EBADMSG; -EPROTONOSUPPORT for
 * a well-formed map whose fmt is newer than RECORD_FORMAT. *ret_record is untouched on failure. */
int record_decode(struct slice bytes, struct record *ret_record) MUST_USE;

/* The pair with this key, or NULL. */
const struct record_pair *record_pair(const struct record *record, enum detail_key key);
/* Typed look-ups; false when absent, of another type, or (uint) negative. INT pairs that are not
 * negative satisfy uint; UINT pairs that fit satisfy int. */
bool record_uint(const struct record *record, enum detail_key key, uint64_t *ret_number);
bool record_int(const struct record *record, enum detail_key key, int64_t *ret_number);
/* TEXT or BYTES; an empty slice when absent. */
struct slice record_bytes(const struct record *record, enum detail_key key);

/* Adds a pair, keeping the order; replaces one of the same key. Returns 0 or -E2BIG. */
int record_set_pair(struct record *record, struct record_pair pair);

#endif
