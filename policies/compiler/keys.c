/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/govern.h"

#define TABLE(key_name, table, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_TABLE, .min = table }
#define GROUP(key_name, table, group_hooks, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_GROUP, .keys = table, .hooks = &(group_hooks) }
#define SECTION(key_name, table, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_SECTION, .keys = table }
#define FIELD(key_name, key_type, field, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = key_type, .offset = offsetof(struct policy, field) }
#define WORD(key_name, list, field, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_WORD, .words = list, \
	  .offset = offsetof(struct policy, field) }
#define NUMBER(key_name, low, high, field, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_U32, .min = low, .max = high, \
	  .offset = offsetof(struct policy, field) }
#define RESPONSE(key_name, severity, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_RESPONSE, .min = severity, \
	  .offset = offsetof(struct policy, responses) + (severity) * sizeof(struct response) }

static const struct key_word mode_words[] = {
	{ "enforce", MODE_ENFORCE }, { "permissive", MODE_PERMISSIVE }, { "learn", MODE_LEARN }, { NULL, 0 },
};
static const struct key_word loss_words[] = {
	{ "kill", LOSS_KILL }, { "freeze", LOSS_FREEZE }, { NULL, 0 },
};
static const struct key_word on_words[] = {
	{ "deny", ON_DENY }, { "violate", ON_VIOLATE }, { "ask", KEY_WORD_LATER }, { NULL, 0 },
};
static const struct key_word workspace_words[] = {
	{ "direct", WORKSPACE_DIRECT }, { "readonly", WORKSPACE_READONLY },
	{ "overlay", WORKSPACE_OVERLAY }, { NULL, 0 },
};
static const struct key_word network_words[] = {
	{ "none", NETWORK_NONE }, { "host", NETWORK_HOST }, { "allowlist", NETWORK_ALLOWLIST },
	{ NULL, 0 },
};
static const struct key_word heartbeat_words[] = {
	{ "off", HEARTBEAT_OFF }, { "either", HEARTBEAT_EITHER }, { "explicit", HEARTBEAT_EXPLICIT },
	{ "activity", HEARTBEAT_ACTIVITY }, { "both", HEARTBEAT_BOTH }, { NULL, 0 },
};
static const struct key_word stall_words[] = {
	{ "ignore", ON_DENY }, { "clarify", ON_ASK }, { "violate", ON_VIOLATE }, { NULL, 0 },
};
static const struct key_word pin_words[] = {
	{ "at_start", 0 }, { NULL, 0 },
};

static const struct key_word as_words[] = {
	{ "file", SECRET_AS_FILE }, { "env", SECRET_AS_ENV }, { NULL, 0 },
};

static const struct key agent_keys[] = {
	FIELD("tier", KEY_TIER, tier, "the ceiling of the agent's rights, T0 to T4"),
	NUMBER("max_concurrent", 1, 10000, max_concurrent, "runs of one agent at the same time"),
	NUMBER("child_runs", 1, 10000, govern.settings.child_runs, "runs that a run may start; it cannot finish before them"),
	{ .name = "min_tier", .doc = "below this tier the start is refused", .type = KEY_TIER8,
	  .offset = offsetof(struct policy, govern.settings.min_tier), .hooks = &min_tier_hooks },
	{ 0 },
};

static const struct key heartbeat_keys[] = {
	WORD("mode", heartbeat_words, heartbeat.mode, "what counts as a sign of life"),
	FIELD("ttl", KEY_DURATION, heartbeat.ttl_ns, "silence longer than this is HEARTBEAT_TIMEOUT"),
	FIELD("grace_start", KEY_DURATION, heartbeat.grace_start_ns, "time until the first sign of life"),
	FIELD("max_extend", KEY_DURATION, heartbeat.max_extend_ns,
	      "the longest single silence that an agent may announce"),
	FIELD("stall_after", KEY_DURATION, heartbeat.stall_after_ns, "alive, but no progress for so long"),
	NUMBER("max_repeats", 2, 100000000, heartbeat.max_repeats,
	       "the same program and arguments so often: AMBIGUITY_LOCK"),
	WORD("on_stall", stall_words, heartbeat.on_stall, "what follows when there is no progress"),
	{ 0 },
};

static const struct key limits_keys[] = {
	NUMBER("pids", 1, 65536, limits.pids, "processes and threads at the same time"),
	FIELD("memory", KEY_SIZE, limits.memory_bytes, "memory of the whole run"),
	FIELD("cpu", KEY_CPU, limits.cpu_milli, "processors' worth of time"),
	NUMBER("open_files", 16, 1048576, limits.open_files, "descriptors of each process"),
	FIELD("file_size", KEY_SIZE, limits.file_size_bytes, "the largest file that may be written"),
	FIELD("wall", KEY_DURATION, limits.wall_ns, "time until the run is ended with exit code 124"),
	{ 0 },
};

static const struct key sandbox_keys[] = {
	FIELD("require", KEY_FEATURES, require, "protections without which nothing starts (exit 121)"),
	FIELD("prefer", KEY_FEATURES, prefer, "protections whose absence is printed and recorded"),
	{ .name = "user", .doc = "who the run is; only `caller`, never root", .type = KEY_CALLER },
	WORD("on_forbidden", on_words, on_forbidden, "what a refused system call leads to"),
	FIELD("hide", KEY_GLOBS, hide, "paths that do not exist for the run"),
	FIELD("env", KEY_ENV, env, "environment variables that are passed on; a final * is a prefix"),
	{ 0 },
};

static const struct key workspace_keys[] = {
	FIELD("path", KEY_WORKSPACE, workspace_path, "the tree that is worked on, \"${cwd}\" or a path"),
	WORD("mode", workspace_words, workspace_mode, "direct: written in place; overlay: kept apart until `bailiff commit`; readonly"),
	{ 0 },
};

static const struct key files_keys[] = {
	FIELD("read", KEY_PATHS, read, "what is visible, with everything below it"),
	FIELD("write", KEY_PATHS, write, "what may be changed; also visible"),
	FIELD("deny_read", KEY_GLOBS, deny_read, "what is covered inside visible trees"),
	FIELD("deny_write", KEY_GLOBS, deny_write, "what is read-only inside writable trees"),
	WORD("on_scope", on_words, files_on_scope, "what a write outside `write` leads to"),
	FIELD("baseline", KEY_BASELINES, baselines, "what must not change: BASELINE_MUTATION"),
	{ 0 },
};

static const struct key network_keys[] = {
	WORD("mode", network_words, network_mode, "none: own loopback only; allowlist: names and networks, through a relay; host: networks"),
	FIELD("allow", KEY_NET_CONNECT, net_allow, "where a run may connect; empty: nowhere"),
	FIELD("deny", KEY_NET_CONNECT, net_deny, "never, whatever allow says"),
	FIELD("bind", KEY_NET_BIND, net_bind, "where a run may listen"),
	FIELD("expose", KEY_PORTS, net_expose, "ports of the run that the host reaches at its own 127.0.0.1"),
	FIELD("allow_unix", KEY_PATHS, net_allow_unix, "UNIX sockets of the host that the run may connect to"),
	WORD("on_scope", on_words, net_on_scope, "what a refused connection leads to"),
	{ 0 },
};

static const struct key violations_keys[] = {
	RESPONSE("critical", SEVERITY_CRITICAL, "what a CRITICAL violation leads to"),
	RESPONSE("high", SEVERITY_HIGH, "what a HIGH violation leads to"),
	RESPONSE("medium", SEVERITY_MEDIUM, "what a MEDIUM violation leads to"),
	RESPONSE("low", SEVERITY_LOW, "what a LOW violation leads to"),
	FIELD("override", KEY_OVERRIDES, severity_override, "another severity for a type"),
	{ 0 },
};

const struct key baseline_keys[] = {
	{ .name = "paths", .doc = "files and directories", .type = KEY_GLOBS,
	  .offset = offsetof(struct policy_baseline, paths) },
	{ .name = "pin", .doc = "when the right state is taken", .type = KEY_WORD, .words = pin_words,
	  .offset = SIZE_MAX },
	{ .name = "on", .doc = "what a refused change leads to", .type = KEY_WORD, .words = on_words,
	  .offset = offsetof(struct policy_baseline, on) },
	{ 0 },
};

const struct key secret_keys[] = {
	{ .name = "file", .doc = "a file of the caller's", .type = KEY_SECRET_FILE },
	{ .name = "env", .doc = "a variable of the caller's environment", .type = KEY_SECRET_ENV },
	{ .name = "command", .doc = "a program and its arguments, run outside as the caller",
	  .type = KEY_SECRET_COMMAND },
	{ .name = "as", .doc = "file: /run/bailiff/secrets/NAME, read once; env: a variable", .type = KEY_WORD,
	  .words = as_words, .offset = offsetof(struct policy_secret, as) },
	{ .name = "timeout", .doc = "how long the command may take", .type = KEY_DURATION,
	  .offset = offsetof(struct policy_secret, timeout_ns) },
	{ 0 },
};

const struct key policy_keys[] = {
	{ .name = "schema", .doc = "the version of this format: 1", .type = KEY_SCHEMA },
	{ .name = "extends", .doc = "a shipped policy: values replace its own, lists are added to",
	  .type = KEY_EXTENDS, .offset = SIZE_MAX },
	{ .name = "name", .doc = "what the policy is called", .type = KEY_NAME,
	  .offset = offsetof(struct policy, name), .max = POLICY_NAME_MAX },
	{ .name = "version", .doc = "of this policy, in quotes", .type = KEY_TEXT,
	  .offset = offsetof(struct policy, version), .max = POLICY_NAME_MAX },
	{ .name = "description", .doc = "one line", .type = KEY_TEXT,
	  .offset = offsetof(struct policy, description), .max = POLICY_TEXT_MAX },
	WORD("mode", mode_words, mode, "enforce: what is not allowed is refused"),
	WORD("on_supervisor_loss", loss_words, on_supervisor_loss, "if the supervisor dies"),
	WORD("on_loss", loss_words, on_loss, "if events would be lost"),
	SECTION("agent", agent_keys, "who works here"),
	SECTION("heartbeat", heartbeat_keys, "signs of life"),
	SECTION("limits", limits_keys, "resources"),
	SECTION("sandbox", sandbox_keys, "what confines the run"),
	SECTION("workspace", workspace_keys, "where it works"),
	SECTION("files", files_keys, "what it may see and change"),
	SECTION("network", network_keys, "where it may connect and listen"),
	SECTION("violations", violations_keys, "what broken rules lead to"),
	{ .name = "high_risk_transitions", .doc = "ends of a run that a person confirms", .type = KEY_SPECIAL,
	  .hooks = &transitions_special },
	GROUP("lease", lease_keys, lease_hooks, "one writer per resource"),
	GROUP("budget", budget_keys, budget_hooks, "how many errors are too many: ERROR_BUDGET_EXCEEDED"),
	FIELD("secrets", KEY_SECRETS, secret_count, "credentials by name; values are read at each start"),
	TABLE("environments", TABLE_ENVIRONMENTS, "tagged addresses, paths and variables"),
	{ .name = "include", .doc = "packs of capabilities: a shipped one, or {file: ..., sha256: ...}",
	  .type = KEY_SPECIAL, .hooks = &include_special },
	TABLE("capabilities", TABLE_CAPABILITIES, "what an action is and risks"),
	TABLE("rules", TABLE_RULES, "what is allowed, asked and refused; the strictest that matches wins"),
	GROUP("approvals", approvals_keys, approvals_hooks, "who answers"),
	GROUP("plans", plans_keys, plans_hooks, "what is approved before"),
	GROUP("phases", phases_keys, phases_hooks, "where a run is in its life"),
	TABLE("guards", TABLE_GUARDS, "predicates that must hold at their points"),
	{ 0 },
};
