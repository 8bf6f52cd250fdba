/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/words.h"

#include <errno.h>
#include <strings.h>

#include "ledger/intake.h"

static const char *const kind_names[RECORD_KIND_LIMIT] = {
	[RECORD_GENESIS] = "genesis", [RECORD_LOG_START] = "log_start",
	[RECORD_LOG_STOP] = "log_stop", [RECORD_TICK] = "tick",
	[RECORD_KEY_ROTATE] = "key_rotate", [RECORD_KEY_RECOVER] = "key_recover",
	[RECORD_RECOVER] = "recover", [RECORD_GENERATION_CLOSE] = "generation_close",
	[RECORD_PRUNE] = "prune", [RECORD_REDACT] = "redact", [RECORD_HOLD] = "hold",
	[RECORD_GAP] = "gap", [RECORD_CLOCK] = "clock", [RECORD_HOST] = "host",
	[RECORD_WITNESS] = "witness", [RECORD_STATE_IMPORT] = "state_import",
	[RECORD_CREATE] = "create", [RECORD_OPEN_WRITE] = "open_write",
	[RECORD_CLOSE_WRITE] = "close_write", [RECORD_UNLINK] = "unlink",
	[RECORD_RENAME] = "rename", [RECORD_LINK] = "link", [RECORD_SYMLINK] = "symlink",
	[RECORD_MKDIR] = "mkdir", [RECORD_RMDIR] = "rmdir", [RECORD_TRUNCATE] = "truncate",
	[RECORD_CHMOD] = "chmod", [RECORD_CHOWN] = "chown", [RECORD_XATTR] = "xattr",
	[RECORD_MKNOD] = "mknod", [RECORD_MMAP_WRITE] = "mmap_write",
	[RECORD_WORKSPACE] = "workspace", [RECORD_OPEN_READ] = "open_read",
	[RECORD_READ_SUMMARY] = "read_summary", [RECORD_HEARTBEAT] = "heartbeat",
	[RECORD_FORK] = "fork", [RECORD_EXEC] = "exec", [RECORD_EXIT] = "exit",
	[RECORD_SIGNAL] = "signal", [RECORD_PTRACE] = "ptrace",
	[RECORD_EXEC_CLAIM] = "exec_claim", [RECORD_CONNECT] = "connect",
	[RECORD_BIND] = "bind", [RECORD_LISTEN] = "listen", [RECORD_ACCEPT] = "accept",
	[RECORD_SEND] = "send", [RECORD_DNS] = "dns", [RECORD_FLOW_END] = "flow_end",
	[RECORD_CRED] = "cred", [RECORD_SYSCALL_DENIED] = "syscall_denied",
	[RECORD_MOUNT_DENIED] = "mount_denied", [RECORD_ESCAPE] = "escape",
	[RECORD_RUN_START] = "run_start", [RECORD_RUN_STATE] = "run_state",
	[RECORD_RUN_PHASE] = "run_phase", [RECORD_RUN_COUNTER] = "run_counter",
	[RECORD_RUN_END] = "run_end", [RECORD_RUN_CHECKPOINT] = "run_checkpoint",
	[RECORD_HEARTBEAT_LOST] = "heartbeat_lost", [RECORD_DECISION] = "decision",
	[RECORD_APPROVAL] = "approval", [RECORD_WAIVER] = "waiver", [RECORD_PLAN] = "plan",
	[RECORD_CLARIFICATION] = "clarification", [RECORD_VIOLATION] = "violation",
	[RECORD_FREEZE] = "freeze", [RECORD_REVOKE_INTENT] = "revoke_intent",
	[RECORD_REVOKE_DONE] = "revoke_done", [RECORD_KILL_SWITCH] = "kill_switch",
	[RECORD_BREAKER] = "breaker", [RECORD_HEALTH] = "health", [RECORD_AGENT] = "agent",
	[RECORD_TIER] = "tier", [RECORD_LEASE] = "lease", [RECORD_CREDENTIAL] = "credential",
	[RECORD_ARTIFACT] = "artifact", [RECORD_OUTPUT] = "output",
	[RECORD_PIPELINE] = "pipeline", [RECORD_STAGE] = "stage",
	[RECORD_COMPENSATION] = "compensation", [RECORD_INTERVENTION] = "intervention",
	[RECORD_POLICY_LOAD] = "policy_load", [RECORD_CONFIG] = "config",
	[RECORD_TOKEN] = "token", [RECORD_ATTEST] = "attest", [RECORD_CHAOS] = "chaos",
};

static const struct class_row {
	uint32_t limit;            /* the first kind behind the class */
	enum record_class class;
	const char *name;
} classes[] = {
	{ 16, CLASS_CONTROL, "log control" },
	{ 32, CLASS_FILE_CHANGE, "file change" },
	{ 40, CLASS_FILE_READ, "file read" },
	{ 48, CLASS_PROCESS, "process" },
	{ 64, CLASS_NETWORK, "network" },
	{ 128, CLASS_PRIVILEGE, "privilege" },
	{ 144, CLASS_RUN, "run" },
	{ 160, CLASS_DECISION, "decision" },
	{ 176, CLASS_ENFORCEMENT, "enforcement" },
	{ 192, CLASS_RIGHTS, "rights" },
	{ 208, CLASS_WORK, "work" },
	{ RECORD_KIND_LIMIT, CLASS_OPERATOR, "operator" },
};

/* What a key's value may be. Text that an agent chose need not be UTF-8, so whatever takes text
 * takes bytes, too. */
#define N (1U << PAIR_UINT | 1U << PAIR_INT)
#define T (1U << PAIR_TEXT | 1U << PAIR_BYTES)
#define B (1U << PAIR_BYTES)
#define L (1U << PAIR_BOOL)

static const struct key_row {
	const char *name;
	uint32_t types;
} keys[DETAIL_KEY_LIMIT] = {
	[DETAIL_ARGC] = { "argc", N }, [DETAIL_EXE] = { "exe", T }, [DETAIL_COMM] = { "comm", T },
	[DETAIL_FLAGS] = { "flags", N | T }, [DETAIL_MODE] = { "mode", N | T },
	[DETAIL_COUNT] = { "count", N }, [DETAIL_BYTES] = { "bytes", N },
	[DETAIL_FIRST] = { "first", N }, [DETAIL_LAST] = { "last", N },
	[DETAIL_SIGNAL] = { "signal", N | T }, [DETAIL_EXIT_CODE] = { "exit_code", N },
	[DETAIL_UID] = { "uid", N }, [DETAIL_GID] = { "gid", N },
	[DETAIL_SYSCALL] = { "syscall", N | T }, [DETAIL_PROTO] = { "proto", N | T },
	[DETAIL_REASON] = { "reason", N | T }, [DETAIL_REMEDY] = { "remedy", T },
	[DETAIL_REMEDY_AGENT] = { "remedy_agent", T }, [DETAIL_TYPE] = { "type", N | T },
	[DETAIL_RESPONSE] = { "response", N | T }, [DETAIL_MESSAGE] = { "message", T },
	[DETAIL_POLICY_DIGEST] = { "policy_digest", B },
	[DETAIL_POLICY_NAME] = { "policy_name", T }, [DETAIL_AGENT] = { "agent", T },
	[DETAIL_OWNER] = { "owner", T }, [DETAIL_TIER] = { "tier", N },
	[DETAIL_PROTECTIONS] = { "protections", N | T },
	[DETAIL_HOST_REPORT] = { "host_report", T },
	[DETAIL_STATUS_FROM] = { "status_from", N | T },
	[DETAIL_STATUS_TO] = { "status_to", N | T },
	[DETAIL_PHASE_FROM] = { "phase_from", N | T }, [DETAIL_PHASE_TO] = { "phase_to", N | T },
	[DETAIL_INFERRED] = { "inferred", L }, [DETAIL_KILLED] = { "killed", N },
	[DETAIL_SURVIVORS] = { "survivors", N }, [DETAIL_MICROSECONDS] = { "microseconds", N },
	[DETAIL_LATE] = { "late", L }, [DETAIL_CAUSE] = { "cause", N | T },
	[DETAIL_RECORDS] = { "records", N }, [DETAIL_LOST] = { "lost", N },
	[DETAIL_FOLDED] = { "folded", N }, [DETAIL_HIGH] = { "high", N },
	[DETAIL_RING] = { "ring", N }, [DETAIL_CPU] = { "cpu", N },
	[DETAIL_FROM] = { "from", N | T }, [DETAIL_TO] = { "to", N | T },
	[DETAIL_ORIGIN] = { "origin", T }, [DETAIL_GENERATION] = { "generation", N },
	[DETAIL_VKEY] = { "vkey", T }, [DETAIL_SIZE] = { "size", N },
	[DETAIL_OFFSET] = { "offset", N }, [DETAIL_HOST] = { "host", T },
	[DETAIL_NAMES] = { "names", T }, [DETAIL_VERB] = { "verb", N | T },
	[DETAIL_CHANNEL] = { "channel", N | T }, [DETAIL_ROLE] = { "role", N | T },
	[DETAIL_SUBJECT] = { "subject", T }, [DETAIL_STRIKES] = { "strikes", N },
	[DETAIL_WORKSPACE] = { "workspace", T }, [DETAIL_ROOT] = { "root", T },
	[DETAIL_NS_INUM] = { "ns_inum", N }, [DETAIL_PARENT] = { "parent", B },
	[DETAIL_SEAL_VKEY] = { "seal_vkey", T }, [DETAIL_EPOCH] = { "epoch", N },
	[DETAIL_BYTES_IN] = { "bytes_in", N },
	[DETAIL_ID] = { "id", T }, [DETAIL_STATE_FROM] = { "state_from", T },
	[DETAIL_STATE_TO] = { "state_to", T }, [DETAIL_CAPABILITY] = { "capability", T },
	[DETAIL_DIGEST] = { "digest", B }, [DETAIL_VOTES] = { "votes", N },
	[DETAIL_NEEDED] = { "needed", N }, [DETAIL_REASON_CODE] = { "reason_code", T },
	[DETAIL_RISK] = { "risk", T }, [DETAIL_CLASS] = { "class", T }, [DETAIL_BLOCKED_BY] = { "blocked_by", T },
	[DETAIL_WAIVER_ISSUED] = { "waiver_issued", L },
};

#undef N
#undef T
#undef B
#undef L

#define WORD_MAX 72U

static const char *const words[WORDS_COUNT][WORD_MAX] = {
	[WORDS_VERDICT] = {
		[RECORD_VERDICT_NONE] = "", [RECORD_VERDICT_WARN] = "warn",
		[RECORD_VERDICT_DENY] = "deny", [RECORD_VERDICT_HELD] = "held",
		[RECORD_VERDICT_KILLED] = "killed", [RECORD_VERDICT_ERROR] = "error",
	},
	[WORDS_SEV] = {
		[RECORD_SEV_NONE] = "", [RECORD_SEV_LOW] = "low", [RECORD_SEV_MEDIUM] = "medium",
		[RECORD_SEV_HIGH] = "high", [RECORD_SEV_CRITICAL] = "critical",
	},
	[WORDS_EFFECT] = {
		[RECORD_EFFECT_NONE] = "", [RECORD_EFFECT_PREVENTED] = "prevented",
		[RECORD_EFFECT_OBSERVED] = "observed", [RECORD_EFFECT_REPORTED] = "reported",
		[RECORD_EFFECT_CLAIMED] = "claimed", [RECORD_EFFECT_INFERRED] = "inferred",
	},
	[WORDS_STATUS] = { "PENDING", "STARTING", "RUNNING", "PAUSED", "RECOVERING", "COMPLETED",
			   "FAILED", "REVOKED" },
	[WORDS_PHASE] = { "BOOTSTRAP", "PREFLIGHT", "PLAN", "EXECUTE", "VERIFY", "PACKAGE",
			  "REPORT", "EXIT", "REVOKED" },
	[WORDS_VIOLATION] = {
		[1] = "UNAUTHORIZED_POOL", "UNAUTHORIZED_PROD", "APPLY_WITHOUT_PLAN",
		"RUN_WITHOUT_CHECK", "UNRECORDED_ROOT", "BASELINE_MUTATION",
		"ERROR_BUDGET_EXCEEDED", "PROCEDURE_VIOLATION", "HEARTBEAT_TIMEOUT",
		"LOCK_EXPIRED", "SCOPE_VIOLATION", "FORBIDDEN_ACTION",
		"CONFIDENCE_BELOW_THRESHOLD", "MISSING_ARTIFACT",
		[64] = "STATE_DRIFT", "GUARD_BYPASS", "SANDBOX_ESCAPE", "SELF_TAMPER",
		"OBSERVER_GAP", "LIMIT_EXCEEDED",
	},
	[WORDS_GAP_CAUSE] = { [1] = "ring_full", "supervisor_restart", "queue_lost",
			      "read_error", "disk_full" },
	[WORDS_VALUE] = { [VALUE_ARGV] = "argv", [VALUE_ENV] = "env", [VALUE_PROMPT] = "prompt",
			  [VALUE_TEXT] = "text", [VALUE_QUESTION] = "question" },
};

const char *record_kind_name(uint32_t kind)
{
	return kind < COUNT(kind_names) ? kind_names[kind] : NULL;
}

int record_kind_parse(struct slice name, enum record_kind *ret_kind)
{
	for (uint32_t kind = 0; kind < COUNT(kind_names); kind++) {
		if (kind_names[kind] && slice_is(name, kind_names[kind])) {
			*ret_kind = (enum record_kind)kind;
			return 0;
		}
	}
	return -ENOENT;
}

enum record_class record_kind_class(enum record_kind kind)
{
	for (size_t i = 0; i < COUNT(classes); i++) {
		if ((uint32_t)kind < classes[i].limit)
			return classes[i].class;
	}
	return CLASS_OPERATOR;
}

const char *record_class_name(enum record_class class)
{
	for (size_t i = 0; i < COUNT(classes); i++) {
		if (classes[i].class == class)
			return classes[i].name;
	}
	return "unknown";
}

const char *detail_key_name(uint32_t key)
{
	return key < COUNT(keys) ? keys[key].name : NULL;
}

bool detail_key_takes(uint32_t key, uint32_t type)
{
	return key < COUNT(keys) && type <= PAIR_BOOL && (keys[key].types >> type & 1U) == 1U;
}

const char *word_name(enum word_list list, uint64_t number)
{
	if ((uint32_t)list >= WORDS_COUNT || number >= WORD_MAX)
		return NULL;
	return words[list][number];
}

int word_parse(enum word_list list, struct slice word, uint64_t *ret_number)
{
	if ((uint32_t)list >= WORDS_COUNT || word.len == 0)
		return -ENOENT;
	for (uint64_t i = 0; i < WORD_MAX; i++) {
		const char *name = words[list][i];

		if (name && strlen(name) == word.len &&
		    strncasecmp(name, word.data, word.len) == 0) {
			*ret_number = i;
			return 0;
		}
	}
	return -ENOENT;
}
