/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled policy: what the document says, checked, with host-independent patterns (., ~ and
 * ${cwd} not yet replaced), so that its digest is the same on every host. Made by compiler/, read
 * by plan/ and decide/. One allocation-free struct with bounded arrays and a string arena. */
#ifndef DECIDE_POLICY_H
#define DECIDE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/feature.h"
#include "decide/govern.h"

#define POLICY_NAME_MAX 64U
#define POLICY_TEXT_MAX 256U
#define POLICY_LIST_MAX 256U     /* entries of one list */
#define POLICY_BASELINES_MAX 16U
#define POLICY_EXPOSE_MAX 16U
#define POLICY_STRINGS_MAX 131072U
#define POLICY_PROJECTS_MAX 2U
#define POLICY_SECRETS_MAX 16U
#define POLICY_SECRET_WORDS_MAX 32U

enum policy_mode { MODE_ENFORCE, MODE_PERMISSIVE, MODE_LEARN };
enum on_loss { LOSS_KILL, LOSS_FREEZE };
/* What a refused attempt leads to (model.md 3.2). ASK comes with a later issue. */
enum on_refusal { ON_DENY, ON_ASK, ON_VIOLATE };
enum workspace_mode { WORKSPACE_READONLY, WORKSPACE_DIRECT, WORKSPACE_OVERLAY };
enum network_mode { NETWORK_NONE, NETWORK_ALLOWLIST, NETWORK_HOST };
enum heartbeat_mode { HEARTBEAT_EITHER, HEARTBEAT_EXPLICIT, HEARTBEAT_ACTIVITY, HEARTBEAT_BOTH,
		      HEARTBEAT_OFF };
enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };

/* The fourteen names of model.md 3.5 and our additions (3.6), which start at 64. */
enum violation_type {
	VIOLATION_NONE = 0,
	UNAUTHORIZED_POOL = 1, UNAUTHORIZED_PROD, APPLY_WITHOUT_PLAN, RUN_WITHOUT_CHECK,
	UNRECORDED_ROOT, BASELINE_MUTATION, ERROR_BUDGET_EXCEEDED, PROCEDURE_VIOLATION,
	HEARTBEAT_TIMEOUT, LOCK_EXPIRED, SCOPE_VIOLATION, FORBIDDEN_ACTION,
	CONFIDENCE_BELOW_THRESHOLD, MISSING_ARTIFACT,
	STATE_DRIFT = 64, GUARD_BYPASS, SANDBOX_ESCAPE, SELF_TAMPER, OBSERVER_GAP, LIMIT_EXCEEDED,
	VIOLATION_TYPE_LIMIT,
};

/* What a severity leads to: bits, and for REVOKE_AT the count in `revoke_at`. */
#define RESPONSE_WARN 1U
#define RESPONSE_REVOKE 2U
#define RESPONSE_ALERT 4U
struct response {
	uint32_t bits;
	uint32_t revoke_at;      /* the Nth violation of the same type in one run revokes; 0 = never */
};

struct policy_list {
	uint32_t count;
	struct policy_string items[POLICY_LIST_MAX];
};

struct policy_baseline {
	struct policy_string id;
	struct policy_list paths;
	enum on_refusal on;
};

enum secret_source { SECRET_UNSET, SECRET_FILE, SECRET_ENV, SECRET_COMMAND };
/* How the run gets it: a file that can be read once, or a variable of its environment. */
enum secret_as { SECRET_AS_FILE, SECRET_AS_ENV, SECRET_AS_COUNT };

/* Where a secret comes from. Its value is never here: only `bailiff` reads it, at each start. */
struct policy_secret {
	struct policy_string name;
	enum secret_source source;
	enum secret_as as;
	uint64_t timeout_ns;     /* COMMAND */
	uint32_t word_count;
	struct policy_string words[POLICY_SECRET_WORDS_MAX]; /* FILE: a path; ENV: a variable; COMMAND: argv */
};

/* A file of the project that tightened the policy for this run. */
struct policy_project {
	struct policy_string path;
	uint8_t digest[32];      /* SHA-256 of its bytes */
};

struct policy_limits {       /* 0 = not set */
	uint32_t pids;
	uint32_t open_files;
	uint64_t memory_bytes;
	uint64_t file_size_bytes;
	uint64_t cpu_milli;      /* 4.0 = 4000 */
	uint64_t wall_ns;
};

struct policy_heartbeat {
	enum heartbeat_mode mode;
	uint64_t ttl_ns, grace_start_ns, max_extend_ns, stall_after_ns;
	uint32_t max_repeats;
	enum on_refusal on_stall; /* DENY ignores, ASK pauses and asks for a clarification */
};

struct policy {
	char name[POLICY_NAME_MAX], version[POLICY_NAME_MAX], description[POLICY_TEXT_MAX];
	enum policy_mode mode;
	enum on_loss on_supervisor_loss;
	enum on_loss on_loss;
	uint32_t tier;           /* 0-4 */
	uint32_t max_concurrent; /* 0 = not set */
	struct policy_heartbeat heartbeat;
	struct policy_limits limits;
	uint32_t require;        /* bits of enum feature */
	uint32_t prefer;
	enum on_refusal on_forbidden;
	struct policy_list hide, env;
	struct policy_string workspace_path;
	enum workspace_mode workspace_mode;
	struct policy_list read, write, deny_read, deny_write;
	enum on_refusal files_on_scope;
	uint32_t baseline_count;
	struct policy_baseline baselines[POLICY_BASELINES_MAX];
	enum network_mode network_mode;
	struct policy_list net_allow, net_deny, net_bind; /* "host:port", CIDR, "*:25", "127.0.0.1:1024-65535" */
	struct policy_list net_expose;       /* ports, decimal */
	struct policy_list net_allow_unix;   /* paths of sockets */
	enum on_refusal net_on_scope;
	struct response responses[SEVERITY_COUNT];
	uint8_t severity_override[VIOLATION_TYPE_LIMIT]; /* 1 + enum severity; 0 = default */
	uint32_t secret_count;
	struct policy_secret secrets[POLICY_SECRETS_MAX];
	struct govern govern;
	uint32_t project_count;  /* set by the command line, never by a document */
	struct policy_project projects[POLICY_PROJECTS_MAX];
	uint32_t strings_len;
	char strings[POLICY_STRINGS_MAX];
};

static inline const char *policy_text(const struct policy *policy, struct policy_string string)
{
	return policy->strings + string.offset;
}

/* "SCOPE_VIOLATION"; NULL for numbers without a name. */
const char *violation_name(enum violation_type type);
/* The severity of model.md 3.5 and 3.6. */
enum severity violation_severity(enum violation_type type);
const char *severity_name(enum severity severity);
/* Whether a secret may be called so: a file's name of letters, digits, - _ and . (at most 64, no . or - in
 * front), and for a variable only letters, digits and _, none that Bailiff sets itself. */
bool secret_name_ok(const char *name, size_t len, enum secret_as as);

#endif
