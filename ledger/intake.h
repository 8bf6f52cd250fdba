/* SPDX-License-Identifier: Apache-2.0 */
/* The border between producers (bailiffd first of all) and bailiff-ledgerd: fixed structs over
 * SOCK_SEQPACKET sockets that the supervisor made. Root fills them, ledgerd checks bounds, encodes
 * CBOR, assigns seq, hashes and signs. Includes nothing of ours but base.
 *
 * A datagram is `struct intake_head` and `count` records, each `struct intake_record` followed by
 * its variable part: obj, obj2, then `pair_count` detail pairs, then `value_count` sensitive
 * values, each padded with zero bytes to a multiple of 8. All integers are host order (same
 * host), all padding zero. ledgerd answers with `struct intake_ack` after COMMIT.
 */
#ifndef LEDGER_INTAKE_H
#define LEDGER_INTAKE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/slice.h"
#include "base/ulid.h"

#define INTAKE_VERSION 1U
#define INTAKE_DATAGRAM_MAX 131072U /* bytes of one datagram, head included */
#define INTAKE_BATCH_MAX 256U       /* records in one datagram */
#define INTAKE_OBJ_MAX 4096U
#define INTAKE_PAIRS_MAX 32U
#define INTAKE_PAIR_MAX 4096U       /* bytes of one pair's value */
#define INTAKE_VALUES_MAX 4U
#define INTAKE_VALUE_MAX 65536U
#define INTAKE_RULE_MAX 64U
#define INTAKE_BY_MAX 64U

/* Kinds of ledger.md section 2. The number is what is stored. */
enum record_kind {
	RECORD_GENESIS = 0, RECORD_LOG_START = 1, RECORD_LOG_STOP = 2, RECORD_TICK = 3,
	RECORD_KEY_ROTATE = 4, RECORD_KEY_RECOVER = 5, RECORD_RECOVER = 6,
	RECORD_GENERATION_CLOSE = 7, RECORD_PRUNE = 8, RECORD_REDACT = 9, RECORD_HOLD = 10,
	RECORD_GAP = 11, RECORD_CLOCK = 12, RECORD_HOST = 13, RECORD_WITNESS = 14,
	RECORD_STATE_IMPORT = 15,
	RECORD_CREATE = 16, RECORD_OPEN_WRITE, RECORD_CLOSE_WRITE, RECORD_UNLINK, RECORD_RENAME,
	RECORD_LINK, RECORD_SYMLINK, RECORD_MKDIR, RECORD_RMDIR, RECORD_TRUNCATE, RECORD_CHMOD,
	RECORD_CHOWN, RECORD_XATTR, RECORD_MKNOD, RECORD_MMAP_WRITE, RECORD_WORKSPACE,
	RECORD_OPEN_READ = 32, RECORD_READ_SUMMARY, RECORD_HEARTBEAT,
	RECORD_FORK = 40, RECORD_EXEC, RECORD_EXIT, RECORD_SIGNAL, RECORD_PTRACE, RECORD_EXEC_CLAIM,
	RECORD_CONNECT = 48, RECORD_BIND, RECORD_LISTEN, RECORD_ACCEPT, RECORD_SEND, RECORD_DNS,
	RECORD_FLOW_END,
	RECORD_CRED = 64, RECORD_SYSCALL_DENIED, RECORD_MOUNT_DENIED, RECORD_ESCAPE,
	RECORD_RUN_START = 128, RECORD_RUN_STATE, RECORD_RUN_PHASE, RECORD_RUN_COUNTER,
	RECORD_RUN_END, RECORD_RUN_CHECKPOINT, RECORD_HEARTBEAT_LOST,
	RECORD_DECISION = 144, RECORD_APPROVAL, RECORD_WAIVER, RECORD_PLAN, RECORD_CLARIFICATION,
	RECORD_VIOLATION = 160, RECORD_FREEZE, RECORD_REVOKE_INTENT, RECORD_REVOKE_DONE,
	RECORD_KILL_SWITCH, RECORD_BREAKER, RECORD_HEALTH,
	RECORD_AGENT = 176, RECORD_TIER, RECORD_LEASE, RECORD_CREDENTIAL,
	RECORD_ARTIFACT = 192, RECORD_OUTPUT, RECORD_PIPELINE, RECORD_STAGE, RECORD_COMPENSATION,
	RECORD_INTERVENTION = 208, RECORD_POLICY_LOAD, RECORD_CONFIG, RECORD_TOKEN, RECORD_ATTEST,
	RECORD_CHAOS,
	RECORD_KIND_LIMIT = 224,
};

enum record_verdict {
	RECORD_VERDICT_NONE, RECORD_VERDICT_WARN, RECORD_VERDICT_DENY, RECORD_VERDICT_HELD,
	RECORD_VERDICT_KILLED, RECORD_VERDICT_ERROR,
};

enum record_sev { RECORD_SEV_NONE, RECORD_SEV_LOW, RECORD_SEV_MEDIUM, RECORD_SEV_HIGH, RECORD_SEV_CRITICAL };

enum record_effect {
	RECORD_EFFECT_NONE, RECORD_EFFECT_PREVENTED, RECORD_EFFECT_OBSERVED, RECORD_EFFECT_REPORTED,
	RECORD_EFFECT_CLAIMED, RECORD_EFFECT_INFERRED,
};

enum intake_message {
	INTAKE_RECORDS = 1,   /* head.count records follow; they have the numbers
	                       * cursor-count+1 .. cursor */
	INTAKE_DOC = 2,       /* one fd: a sealed memfd (compiled policy, host report) to be kept by its
	                       * SHA-256; head.digest is the claimed digest, checked by ledgerd */
	INTAKE_FLUSH = 3,     /* commit now, ack when durable */
	INTAKE_STOP = 4,      /* orderly end: log_stop, checkpoint, exit */
};

struct intake_head {
	uint32_t version;     /* INTAKE_VERSION */
	uint32_t message;     /* enum intake_message */
	uint32_t count;       /* records in this datagram */
	uint32_t bytes;       /* of the whole datagram */
	uint64_t cursor;      /* the producer's number of its last record here, from 1, gapless;
	                       * DOC, FLUSH and STOP take a number, too */
	uint8_t digest[32];   /* INTAKE_DOC */
};
_Static_assert(sizeof(struct intake_head) == 56, "wire format");

#define INTAKE_HAS_RET   0x01U /* ret is set (0 counts) */
#define INTAKE_SYNC      0x02U /* commit at once, whatever the kind says */
#define INTAKE_HAS_SRC   0x04U /* ring, cpu, kseq are set */

struct intake_record {
	uint32_t bytes;         /* this struct and its variable part, a multiple of 8 */
	uint16_t kind;          /* enum record_kind */
	uint16_t flags;         /* INTAKE_* */
	uint64_t ts_ns;         /* CLOCK_REALTIME */
	uint64_t mono_ns;       /* CLOCK_BOOTTIME */
	uint8_t run[16];        /* ULID; all zero = outside runs. ledgerd gives rseq and prev */
	uint64_t proc_start_ns; /* process identity: with proc_pid and the boot id; 0 = none.
	                         * CLOCK_BOOTTIME as the kernel's task->start_boottime */
	uint32_t proc_pid;      /* tgid in the initial pid namespace */
	uint32_t parent_pid;    /* FORK, EXEC: the parent's identity */
	uint64_t parent_start_ns;
	uint32_t ring, cpu;     /* source of a kernel event (ledger.md section 6) */
	uint64_t kseq;
	uint64_t dev, ino, gen; /* file identity; ino 0 = none */
	int64_t ret;
	uint8_t verdict, sev, effect, reserved8;
	uint32_t obj_len, obj2_len;
	uint16_t pair_count, value_count;
	uint8_t has_before, has_after, reserved16[6];
	uint8_t before[32], after[32];
	char rule[INTAKE_RULE_MAX]; /* NUL-padded; "" = none */
	char by[INTAKE_BY_MAX];     /* actor; "" = none */
};
_Static_assert(sizeof(struct intake_record) == 328, "wire format");

/* Keys of the detail map; record.cddl says which kind may carry which. One number space. */
enum detail_key {
	DETAIL_ARGC = 1, DETAIL_EXE, DETAIL_COMM, DETAIL_FLAGS, DETAIL_MODE, DETAIL_COUNT,
	DETAIL_BYTES, DETAIL_FIRST, DETAIL_LAST, DETAIL_SIGNAL, DETAIL_EXIT_CODE, DETAIL_UID,
	DETAIL_GID, DETAIL_SYSCALL, DETAIL_PROTO, DETAIL_REASON, DETAIL_REMEDY, DETAIL_REMEDY_AGENT,
	DETAIL_TYPE, DETAIL_RESPONSE, DETAIL_MESSAGE, DETAIL_POLICY_DIGEST, DETAIL_POLICY_NAME,
	DETAIL_AGENT, DETAIL_OWNER, DETAIL_TIER, DETAIL_PROTECTIONS, DETAIL_HOST_REPORT,
	DETAIL_STATUS_FROM, DETAIL_STATUS_TO, DETAIL_PHASE_FROM, DETAIL_PHASE_TO, DETAIL_INFERRED,
	DETAIL_KILLED, DETAIL_SURVIVORS, DETAIL_MICROSECONDS, DETAIL_LATE, DETAIL_CAUSE,
	DETAIL_RECORDS, DETAIL_LOST, DETAIL_FOLDED, DETAIL_HIGH, DETAIL_RING, DETAIL_CPU,
	DETAIL_FROM, DETAIL_TO, DETAIL_ORIGIN, DETAIL_GENERATION, DETAIL_VKEY, DETAIL_SIZE,
	DETAIL_OFFSET, DETAIL_HOST, DETAIL_NAMES, DETAIL_VERB, DETAIL_CHANNEL, DETAIL_ROLE,
	DETAIL_SUBJECT, DETAIL_STRIKES, DETAIL_WORKSPACE, DETAIL_ROOT, DETAIL_NS_INUM,
	DETAIL_PARENT,     /* bytes: parent's process identity; ledgerd sets it from parent_pid */
	DETAIL_SEAL_VKEY, DETAIL_EPOCH,
	DETAIL_BYTES_IN,   /* to the run; DETAIL_BYTES: from it */
	DETAIL_ID,         /* ULID of an approval, waiver, plan */
	DETAIL_STATE_FROM, DETAIL_STATE_TO, /* of its machine, "PENDING"; of a run: DETAIL_STATUS_* */
	DETAIL_CAPABILITY,
	DETAIL_DIGEST,     /* of the action: what an approval is bound to */
	DETAIL_VOTES, DETAIL_NEEDED,
	DETAIL_REASON_CODE,
	DETAIL_RISK, DETAIL_CLASS, DETAIL_BLOCKED_BY, /* words of decide/judge.h */
	DETAIL_WAIVER_ISSUED, /* of a decision that a waiver made milder: DETAIL_ID */
	DETAIL_KEY_NEXT,   /* behind the last one */
	DETAIL_KEY_LIMIT = 128,
};

enum pair_type { PAIR_UINT = 1, PAIR_INT = 2, PAIR_TEXT = 3, PAIR_BYTES = 4, PAIR_BOOL = 5 };

struct intake_pair {       /* followed by `len` bytes padded to 8; UINT, INT and BOOL have none */
	uint16_t key;          /* enum detail_key; in any order, none twice */
	uint16_t type;         /* enum pair_type */
	uint32_t len;
	uint64_t number;       /* UINT, INT (two's complement), BOOL */
};
_Static_assert(sizeof(struct intake_pair) == 16, "wire format");

enum value_label { VALUE_ARGV = 1, VALUE_ENV, VALUE_PROMPT, VALUE_TEXT,
		   VALUE_QUESTION /* of a decision: u32 length of argv if it is another than the record's; argv; decide/encode.h */ };

struct intake_value {      /* sensitive: only a commitment enters the record (ledger.md section 7) */
	uint16_t label;        /* enum value_label */
	uint16_t flags;        /* 1 = truncated */
	uint32_t len;          /* bytes here */
	uint64_t size;         /* untruncated */
};
_Static_assert(sizeof(struct intake_value) == 16, "wire format");

enum intake_status { INTAKE_OK = 0, INTAKE_REFUSED = 1, INTAKE_UNWRITABLE = 2 };

struct intake_ack {
	uint64_t cursor;       /* everything up to here is durable */
	uint64_t size;         /* of the log */
	uint32_t status;       /* enum intake_status; REFUSED names `cursor` as the culprit */
	int32_t error;         /* negative errno; with OK -ENOSPC: the disk is full, and telemetry is left
	                        * out (and counted) until an ack says 0 */
};
_Static_assert(sizeof(struct intake_ack) == 24, "wire format");

/* Settings handed to bailiff-ledgerd on its command line are only descriptor numbers:
 *   bailiff-ledgerd --socket-fd N --dir-fd N [--exit-with-producer]
 * The directory is the ledger's (`<state-dir>/ledger`), already owned by its user. */

/* ---- building, used by producers ---- */

/* Starts a record at the end of `buf`; fill the fixed part through the returned pointer before the
 * next append. obj, obj2, pairs and values must follow in this order. NULL when full. The memory of a
 * fixed buffer must be aligned to 8. */
struct intake_record *intake_begin(struct buf *buf, enum record_kind kind);
/* `record_at` is the offset of the record in buf. All return 0, -ENOSPC, -E2BIG (beyond the
 * maximum above) or -EINVAL (called out of order); after any of them intake_end() fails. */
int intake_obj(struct buf *buf, size_t record_at, struct slice obj);
int intake_obj2(struct buf *buf, size_t record_at, struct slice obj2);
int intake_uint(struct buf *buf, size_t record_at, enum detail_key key, uint64_t number);
int intake_int(struct buf *buf, size_t record_at, enum detail_key key, int64_t number);
int intake_bool(struct buf *buf, size_t record_at, enum detail_key key, bool value);
int intake_text(struct buf *buf, size_t record_at, enum detail_key key, struct slice text);
int intake_bytes(struct buf *buf, size_t record_at, enum detail_key key, struct slice bytes);
int intake_value(struct buf *buf, size_t record_at, enum value_label label, struct slice value,
		 uint64_t size);
/* Sets `bytes`; returns -ENOSPC when any append before it failed: then the record is gone from
 * `buf`, and those before it are intact. */
int intake_end(struct buf *buf, size_t record_at);
/* True when a record of this kind commits at once (ledger.md section 5). */
bool intake_kind_is_sync(enum record_kind kind);

#endif
