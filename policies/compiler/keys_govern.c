/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of capabilities, rules and environments. */
#include "compiler/govern.h"

#define STRUCT(type, field) offsetof(struct type, field)
#define CAPABILITY(field) STRUCT(govern_capability, field)
#define RULE(field) STRUCT(govern_rule, field)
#define WHEN(field) STRUCT(govern_when, field)
#define ENVIRONMENT(field) STRUCT(govern_environment, field)

#define BITS_WORDS(key_name, list, where, size, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_BITS, .words = list, .offset = where, .max = size }
#define WORD8(key_name, list, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_WORD8, .words = list, .offset = where }
#define WORDS(key_name, words_kind, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_WORDS, .min = words_kind, .offset = where }
#define TEXT(key_name, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_STRING, .offset = where, .max = POLICY_TEXT_MAX }
#define SPECIAL(key_name, key_special, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_SPECIAL, .hooks = &(key_special) }
#define REFERENCES(key_name, table, where, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = KEY_REFERENCES, .min = table, .offset = where }

const struct key_word operation_words[] = {
	{ "READ", OPERATION_READ }, { "WRITE", OPERATION_WRITE }, { "DELETE", OPERATION_DELETE },
	{ "EXECUTE", OPERATION_EXECUTE }, { "NETWORK", OPERATION_NETWORK }, { NULL, 0 },
};
const struct key_word risk_words[] = {
	{ "LOW", RISK_LOW }, { "MEDIUM", RISK_MEDIUM }, { "HIGH", RISK_HIGH }, { "CRITICAL", RISK_CRITICAL },
	{ NULL, 0 },
};
const struct key_word class_words[] = {
	{ "read", ACT_READ }, { "check", ACT_CHECK }, { "plan", ACT_PLAN }, { "run", ACT_RUN },
	{ "apply", ACT_APPLY }, { "destroy", ACT_DESTROY }, { "other", ACT_OTHER }, { NULL, 0 },
};
static const struct key_word plan_words[] = {
	{ "required", PLAN_REQUIRED }, { "bound", PLAN_BOUND }, { "none", PLAN_NONE }, { NULL, 0 },
};
static const struct key_word scope_words[] = {
	{ "local", EFFECTS_LOCAL }, { "network", EFFECTS_NETWORK }, { "external", EFFECTS_EXTERNAL }, { NULL, 0 },
};
static const struct key_word state_words[] = {
	{ "active", CAPABILITY_ACTIVE }, { "frozen", CAPABILITY_FROZEN }, { "deprecated", CAPABILITY_DEPRECATED },
	{ NULL, 0 },
};
static const struct key_word decision_words[] = {
	{ "allow", VERDICT_ALLOW }, { "require_approval", VERDICT_ASK }, { "deny", VERDICT_DENY }, { NULL, 0 },
};
static const struct key_word rule_on_words[] = {
	{ "deny", ON_DENY }, { "violate", ON_VIOLATE }, { NULL, 0 },
};
static const struct key_word environment_on_words[] = {
	{ "deny", ON_DENY }, { "ask", ON_ASK }, { "violate", ON_VIOLATE }, { NULL, 0 },
};
static const struct key_word environment_class_words[] = {
	{ "prod", ENVIRONMENT_PROD }, { "pool", ENVIRONMENT_POOL }, { NULL, 0 },
};
static const struct key_word accept_words[] = {
	{ "LOW", 1 + RISK_LOW }, { "MEDIUM", 1 + RISK_MEDIUM }, { "HIGH", 1 + RISK_HIGH },
	{ "CRITICAL", 1 + RISK_CRITICAL }, { NULL, 0 },
};
const struct key_word status_words[] = {
	{ "COMPLETED", RUN_STATUS_COMPLETED }, { "FAILED", RUN_STATUS_FAILED }, { "REVOKED", RUN_STATUS_REVOKED },
	{ NULL, 0 },
};
const struct key_word phase_words[] = {
	{ "BOOTSTRAP", PHASE_BOOTSTRAP }, { "PREFLIGHT", PHASE_PREFLIGHT }, { "PLAN", PHASE_PLAN },
	{ "EXECUTE", PHASE_EXECUTE }, { "VERIFY", PHASE_VERIFY }, { "PACKAGE", PHASE_PACKAGE },
	{ "REPORT", PHASE_REPORT }, { "EXIT", PHASE_EXIT }, { NULL, 0 },
};

const struct key capability_keys[] = {
	TEXT("description", CAPABILITY(description), "what it is, for those who are asked"),
	SPECIAL("kind", kind_special, "read, write or delete: usual values for what is not said"),
	WORD8("operation", operation_words, CAPABILITY(operation), "what it does to the world"),
	SPECIAL("risk", risk_special, "LOW, MEDIUM, HIGH or CRITICAL; without it HIGH"),
	{ .name = "reversible", .doc = "whether it can be undone; without it false", .type = KEY_BIT,
	  .min = CAPABILITY_REVERSIBLE, .offset = CAPABILITY(flags) },
	WORD8("scope", scope_words, CAPABILITY(effects), "how far its effects go"),
	WORD8("class", class_words, CAPABILITY(action_class), "its place in a procedure"),
	{ .name = "plan", .doc = "whether an approved plan must cover it (classes apply and destroy)", .type = KEY_WORD8,
	  .words = plan_words, .offset = CAPABILITY(plan_need), .hooks = &plan_hooks },
	SPECIAL("check", check_special, "the capability that must have succeeded before, or none (class run)"),
	{ .name = "check_ttl", .doc = "how long such a check holds", .type = KEY_DURATION,
	  .offset = CAPABILITY(check_ttl_ns) },
	SPECIAL("compensation", compensation_special, "the way back: none, run, capability, snapshot or manual"),
	SPECIAL("capture", capture_special, "values remembered before the action, by name: a command each"),
	SPECIAL("exec", exec_special, "command lines: the program, then words and options that must be there"),
	WORDS("takes_value", WORDS_OPTION, CAPABILITY(takes_value), "options that swallow the next word"),
	WORDS("unless", WORDS_OPTION, CAPABILITY(unless), "options with which it is not this"),
	{ .name = "short_clusters", .doc = "whether -rf counts as -r -f", .type = KEY_BIT,
	  .min = CAPABILITY_SHORT_CLUSTERS, .offset = CAPABILITY(flags) },
	SPECIAL("match", match_special, "command lines that are this; tested at each load"),
	SPECIAL("not_match", not_match_special, "command lines that are not this; tested at each load"),
	WORD8("state", state_words, CAPABILITY(state), "frozen: refused; deprecated: said by lint"),
	{ 0 },
};

const struct key when_keys[] = {
	WORDS("principal", WORDS_AGENT, WHEN(principals), "agents, by name or pattern: \"agent:ci-*\""),
	BITS_WORDS("class", class_words, WHEN(classes), 1, "the capability's class"),
	BITS_WORDS("risk", risk_words, WHEN(risks), 1, "the capability's risk"),
	BITS_WORDS("operation", operation_words, WHEN(operations), 1, "the capability's operation"),
	{ .name = "capability", .doc = "capabilities by name", .type = KEY_SPECIAL, .hooks = &when_capability_special },
	WORDS("exe", WORDS_EXE, WHEN(exes), "programs by path"),
	WORDS("option", WORDS_OPTION, WHEN(options), "options that stand in the command line"),
	WORDS("path_under", WORDS_PATH, WHEN(paths_under), "where all arguments that are no options lie"),
	REFERENCES("environment", TABLE_ENVIRONMENTS, WHEN(environments), "environments that it touches"),
	BITS_WORDS("phase", phase_words, WHEN(phases), 4, "phases of the run"),
	{ 0 },
};

static const struct key accept_keys[] = {
	WORD8("up_to", accept_words, RULE(accepts), "the highest risk that is allowed without asking"),
	TEXT("reason", RULE(accept_reason), "why"),
	{ 0 },
};

const struct key rule_keys[] = {
	{ .name = "when", .doc = "all of it must hold; of a list any", .type = KEY_SPECIAL, .hooks = &when_special,
	  .keys = when_keys },
	REFERENCES("unless", TABLE_RULES, RULE(unless), "allow rules with accept_risk that take this one out"),
	WORD8("decision", decision_words, RULE(verdict), "allow, require_approval or deny; of all that match the strictest"),
	TEXT("reason", RULE(reason), "said to the agent and to people"),
	{ .name = "on", .doc = "what a denial leads to", .type = KEY_WORD8, .words = rule_on_words, .offset = RULE(on),
	  .hooks = &rule_on_hooks },
	{ .name = "accept_risk", .doc = "allows HIGH or CRITICAL without asking", .type = KEY_GROUP,
	  .keys = accept_keys, .hooks = &accept_hooks },
	{ 0 },
};

static const struct key match_keys[] = {
	WORDS("net", WORDS_NET, ENVIRONMENT(nets), "addresses, networks and names"),
	WORDS("path", WORDS_PATH, ENVIRONMENT(paths), "paths, with all below"),
	WORDS("env", WORDS_VARIABLE, ENVIRONMENT(env), "variables and their values: \"NAME=pattern\""),
	{ 0 },
};

const struct key environment_keys[] = {
	WORD8("class", environment_class_words, ENVIRONMENT(environment_class), "prod: UNAUTHORIZED_PROD; pool: UNAUTHORIZED_POOL"),
	{ .name = "min_tier", .doc = "the lowest tier that may use it", .type = KEY_TIER8,
	  .offset = ENVIRONMENT(min_tier) },
	WORDS("owners", WORDS_AGENT, ENVIRONMENT(owners), "agents that need no approval; without it all"),
	{ .name = "match", .doc = "what belongs to it", .type = KEY_GROUP, .keys = match_keys },
	WORD8("on", environment_on_words, ENVIRONMENT(on), "what a use below that tier leads to"),
	{ 0 },
};
