/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of who answers, plans, phases, the error budget and the lease. */
#include "compiler/govern.h"

#define APPROVAL(field) offsetof(struct govern_approval, field)
#define SETTING(field) offsetof(struct policy, govern.settings.field)
#define PHASE(field) offsetof(struct govern_phase, field)
#define WORDS(key_name, words_kind, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_WORDS, .min = words_kind, .offset = where }
#define WORD8(key_name, list, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_WORD8, .words = list, .offset = where }
#define NUMBER(key_name, low, high, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_U32, .min = low, .max = high, .offset = where }
#define TIME(key_name, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_DURATION, .offset = where }
#define BITS_WORDS(key_name, list, where, size, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_BITS, .words = list, .offset = where, .max = size }

static const struct key_word role_words[] = {
	{ "viewer", ROLE_VIEWER }, { "operator", ROLE_OPERATOR }, { "admin", ROLE_ADMIN }, { NULL, 0 },
};
static const struct key_word timeout_words[] = { { "deny", 0 }, { NULL, 0 } };
static const struct key_word auto_words[] = {
	{ "never", 0 }, { "LOW", 1 + RISK_LOW }, { "MEDIUM", 1 + RISK_MEDIUM }, { NULL, 0 },
};
static const struct key_word enforce_words[] = {
	{ "off", PHASES_OFF }, { "auto", PHASES_AUTO }, { "strict", PHASES_STRICT }, { NULL, 0 },
};
static const struct key_word optional_words[] = {
	{ "PLAN", PHASE_PLAN }, { "VERIFY", PHASE_VERIFY }, { "PACKAGE", PHASE_PACKAGE }, { "REPORT", PHASE_REPORT },
	{ NULL, 0 },
};
static const struct key_word exceed_words[] = {
	{ "violate", ON_VIOLATE }, { "ask", ON_ASK }, { NULL, 0 },
};
static const struct key_word source_words[] = {
	{ "denied", ERROR_DENIED }, { "reported", ERROR_REPORTED }, { "check_failed", ERROR_CHECK_FAILED },
	{ "crash", ERROR_CRASH }, { "fs_denied", ERROR_FS_DENIED }, { "net_denied", ERROR_NET_DENIED }, { NULL, 0 },
};
static const struct key_word renew_words[] = {
	{ "heartbeat", RENEW_HEARTBEAT }, { "explicit", KEY_WORD_LATER }, { NULL, 0 },
};
static const struct key_word scope_words[] = { { "host", 0 }, { "fleet", KEY_WORD_LATER }, { NULL, 0 } };
static const struct key_word busy_words[] = { { "refuse", 0 }, { "wait", KEY_WORD_LATER }, { NULL, 0 } };

static const struct key approval_keys[] = {
	WORD8("role", role_words, APPROVAL(role), "who answers"),
	NUMBER("count", 1, 16, APPROVAL(count), "how many different people"),
	WORDS("of", WORDS_USER, APPROVAL(of), "of these people; without it all of the role"),
	TIME("ttl", APPROVAL(ttl_ns), "how long it waits, and holds"),
	NUMBER("uses", 1, 1000, APPROVAL(uses), "how many identical actions it permits"),
	{ .name = "on_timeout", .doc = "what no answer means", .type = KEY_WORD, .words = timeout_words,
	  .offset = SIZE_MAX },
	{ .name = "self", .doc = "whether the person who started the run may answer", .type = KEY_BIT, .min = 1,
	  .offset = APPROVAL(self) },
	{ 0 },
};
#define APPROVALS(risk, key_doc) \
	{ .name = #risk, .doc = key_doc, .type = KEY_GROUP, .keys = approval_keys, .hooks = &approval_hooks, \
	  .offset = SETTING(approvals) + RISK_##risk * sizeof(struct govern_approval) }
const struct key approvals_keys[] = {
	APPROVALS(LOW, "for LOW actions"), APPROVALS(MEDIUM, "for MEDIUM actions"),
	APPROVALS(HIGH, "for HIGH actions"), APPROVALS(CRITICAL, "for CRITICAL actions"),
	{ 0 },
};

const struct key plans_keys[] = {
	WORD8("auto_approve", auto_words, SETTING(auto_approve), "plans with no step above this need no person"),
	TIME("ttl", SETTING(plan_ttl_ns), "how long an approval of a plan holds"),
	{ 0 },
};

static const struct key preflight_keys[] = {
	{ .name = "needs", .doc = "programs without which the run does not start", .type = KEY_UNSUPPORTED },
	{ 0 },
};
#define WORK \
	{ .name = "exit_guard", .doc = "a guard that must hold to leave it", .type = KEY_REFERENCE, \
	  .min = TABLE_GUARDS, .offset = PHASE(exit_guard) }, \
	BITS_WORDS("require_class", class_words, PHASE(require_classes), 1, "it is left only after an action of each"), \
	WORDS("artifacts", WORDS_GLOB, PHASE(artifacts), "files that must be there when it ends: MISSING_ARTIFACT"), \
	{ .name = "min_confidence", .doc = "reported below: CONFIDENCE_BELOW_THRESHOLD", .type = KEY_FRACTION, \
	  .min = 8, .max = GOVERN_NUMBER_ONE, .offset = PHASE(min_confidence) }
static const struct key execute_keys[] = { WORK, { 0 } };
static const struct key work_keys[] = {
	{ .name = "write", .doc = "what may be changed in it", .type = KEY_SPECIAL, .hooks = &phase_write_special,
	  .offset = PHASE(write) },
	WORK, { 0 },
};
#define PHASES(phase, phase_keys, key_doc) \
	{ .name = #phase, .doc = key_doc, .type = KEY_GROUP, .keys = phase_keys, \
	  .offset = SETTING(phases) + PHASE_##phase * sizeof(struct govern_phase) }
const struct key phases_keys[] = {
	WORD8("enforce", enforce_words, SETTING(phases_enforce), "strict: reported and in order; auto: inferred; off: recorded"),
	{ .name = "rework", .doc = "how often VERIFY may go back to EXECUTE", .type = KEY_U8, .max = 100,
	  .offset = SETTING(rework) },
	BITS_WORDS("optional", optional_words, SETTING(optional_phases), 2, "may be passed over"),
	PHASES(PREFLIGHT, preflight_keys, "before the agent runs"),
	PHASES(PLAN, work_keys, "the workspace is read-only"),
	PHASES(EXECUTE, execute_keys, "the work"),
	PHASES(VERIFY, work_keys, "checks"),
	PHASES(PACKAGE, work_keys, "puts together what is handed over"),
	PHASES(REPORT, work_keys, "says what was done"),
	{ 0 },
};

const struct key budget_keys[] = {
	{ .name = "max_total_errors", .doc = "more than this", .type = KEY_U32, .min = 1, .max = 1000000,
	  .offset = SETTING(budget.max_total) },
	NUMBER("max_same_error_repeats", 0, 1000000, SETTING(budget.max_same), "more of the same than this"),
	NUMBER("max_procedure_violations", 0, 1000000, SETTING(budget.max_procedure), "more of these than this"),
	{ .name = "soft_at", .doc = "at this part of the total the run pauses for a clarified plan; 0: never",
	  .type = KEY_FRACTION, .min = 4, .max = 1000, .offset = SETTING(budget.soft_at) },
	WORD8("on_exceed", exceed_words, SETTING(budget.on_exceed), "violate, or ask for another budget"),
	BITS_WORDS("count", source_words, SETTING(budget.count), 1, "what counts as an error"),
	{ 0 },
};

const struct key lease_keys[] = {
	{ .name = "resource", .doc = "what one run has at a time; ${workspace} is the workspace's path", .type = KEY_STRING,
	  .max = POLICY_TEXT_MAX, .offset = SETTING(lease.resource) },
	TIME("ttl", SETTING(lease.ttl_ns), "how long without renewal"),
	WORD8("renew", renew_words, SETTING(lease.renew), "by signs of life"),
	{ .name = "scope", .doc = "where it is exclusive", .type = KEY_WORD, .words = scope_words, .offset = SIZE_MAX },
	WORD8("on_busy", busy_words, SETTING(lease.wait), "refuse (exit 122)"),
	{ 0 },
};
