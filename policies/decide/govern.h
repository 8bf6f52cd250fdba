/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy says about actions: capabilities, rules, guards, environments, phases, who answers.
 * Flat tables without pointers: references are indices, lists are ranges of `words`, texts are
 * offsets into the policy's strings. The compiler fills `struct govern` inside struct policy; a plan
 * carries it into the root process as one section that govern_check() has to pass; judge() reads it.
 * Source of the meaning: the behaviour model, sections 2.5, 3.2, 4, 5, 6, 10.6. */
#ifndef DECIDE_GOVERN_H
#define DECIDE_GOVERN_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/status.h"

#define GOVERN_CAPABILITIES_MAX 128U
#define GOVERN_PATTERNS_MAX 512U
#define GOVERN_CHOICES_MAX 2048U
#define GOVERN_WORDS_MAX 4096U
#define GOVERN_CAPTURES_MAX 64U
#define GOVERN_RULES_MAX 128U
#define GOVERN_GUARDS_MAX 64U
#define GOVERN_CONDITIONS_MAX 256U
#define GOVERN_ROUTES_MAX 128U
#define GOVERN_ENVIRONMENTS_MAX 32U
#define GOVERN_NONE UINT16_MAX   /* an index that refers to nothing */
#define GOVERN_ID_MAX 64U        /* bytes of an id */
#define GOVERN_TEXT_MAX 4096U    /* bytes of a word or text */
#define GOVERN_STRINGS_MAX 262144U /* policy strings, and what a plan makes longer */
#define GOVERN_DEPTH_MAX 8U      /* of composite guards */
#define GOVERN_STATUSES 8U       /* of enum run_status (daemon/wire.h) */
#define GOVERN_TIERS 5U

struct policy_string {       /* into strings[]; len without the terminator, which is there */
	uint32_t offset;
	uint32_t len;
};

/* Of a table: elements first .. first + count - 1. No element belongs to two lists. */
struct govern_list {
	uint32_t first;
	uint32_t count;
};

enum operation { OPERATION_READ, OPERATION_WRITE, OPERATION_DELETE, OPERATION_EXECUTE, OPERATION_NETWORK,
		 OPERATION_COUNT };
enum risk { RISK_LOW, RISK_MEDIUM, RISK_HIGH, RISK_CRITICAL, RISK_COUNT };
enum action_class { ACT_OTHER, ACT_READ, ACT_CHECK, ACT_PLAN, ACT_RUN, ACT_APPLY, ACT_DESTROY,
		    ACT_COUNT };
enum plan_need { PLAN_NONE, PLAN_REQUIRED, PLAN_BOUND };
enum way_back { WAY_BACK_NONE, WAY_BACK_RUN, WAY_BACK_CAPABILITY, WAY_BACK_SNAPSHOT, WAY_BACK_MANUAL };
enum side_effects { EFFECTS_LOCAL, EFFECTS_NETWORK, EFFECTS_EXTERNAL };
enum capability_state { CAPABILITY_ACTIVE, CAPABILITY_FROZEN, CAPABILITY_DEPRECATED };

#define CAPABILITY_REVERSIBLE 1U
#define CAPABILITY_SHORT_CLUSTERS 2U   /* -rf counts as -r -f */
#define CAPABILITY_ASKS 4U             /* risk: {requires_approval: true} */

struct govern_capability {
	struct policy_string id, description, justification;
	uint8_t operation, risk, action_class, plan_need;  /* the enums above */
	uint8_t way_back, effects, state, flags;
	uint16_t check;                  /* capability that must have succeeded before; GOVERN_NONE */
	uint16_t way_back_capability;    /* WAY_BACK_CAPABILITY; else GOVERN_NONE */
	uint32_t reserved;
	uint64_t check_ttl_ns;
	struct policy_string manual;     /* WAY_BACK_MANUAL */
	struct govern_list way_back_argv;/* words; WAY_BACK_RUN */
	struct govern_list patterns;     /* patterns[] of `exec` */
	struct govern_list takes_value, unless; /* words: options */
	struct govern_list captures;     /* captures[] */
};

/* The Risk Consistency Check (section 4.2) as far as it looks at one capability: bits, 0 = consistent. */
#define FLAW_IRREVERSIBLE 1U       /* R1: not reversible, below HIGH */
#define FLAW_DELETE 2U             /* R2: DELETE below HIGH */
#define FLAW_NO_WAY_BACK 4U        /* R3: not reversible, nothing behind it, below CRITICAL */
#define FLAW_CLASS 8U              /* R4: apply or destroy below HIGH */
uint32_t capability_flaws(const struct govern_capability *capability);

/* One line of `exec`. The program, then elements that must all be found (section 5.2). */
struct govern_pattern {
	struct govern_list programs;     /* words: any of these names */
	struct govern_list elements;     /* choices[] */
};
struct govern_choice {               /* any of these words */
	struct govern_list words;
	uint32_t option;                 /* 1: stands anywhere before --; 0: the next non-option argument */
};
struct govern_capture {
	struct policy_string name;
	struct govern_list argv;         /* words */
};

/* What a rule looks at: all that are not empty must hold; an empty mask or list looks at nothing. */
struct govern_when {
	uint32_t any;                    /* `when: any` */
	uint8_t classes, risks, operations, reserved; /* bits of the enums */
	uint32_t environments;           /* bits of environments[] */
	uint32_t phases;                 /* bits of enum phase */
	uint32_t has_capabilities;
	uint32_t capabilities[GOVERN_CAPABILITIES_MAX / 32]; /* bits */
	struct govern_list principals;   /* words: globs, "agent:ci-*" */
	struct govern_list exes;         /* words: absolute paths */
	struct govern_list options;      /* words: "--force" */
	struct govern_list paths_under;  /* words: absolute once the plan is built */
};

struct govern_rule {
	struct policy_string id, reason, accept_reason;
	struct govern_when when;
	uint8_t verdict;                 /* enum verdict */
	uint8_t on;                      /* enum on_refusal: DENY or VIOLATE, of a deny rule */
	uint8_t accepts;                 /* 1 + enum risk of accept_risk.up_to; 0 = none */
	uint8_t reserved[5];
	uint32_t unless[GOVERN_RULES_MAX / 32]; /* bits: this rule is out when one of these matches */
};

enum environment_class { ENVIRONMENT_POOL, ENVIRONMENT_PROD };
struct govern_environment {
	struct policy_string id;
	uint8_t environment_class, min_tier, on, reserved[5]; /* on: enum on_refusal */
	struct govern_list owners;       /* words: globs of principals; empty = everybody */
	struct govern_list nets;         /* words: CIDR, address, name or *.name, each with :port or without */
	struct govern_list paths;        /* words: absolute once the plan is built, with all below */
	struct govern_list env;          /* words: "NAME=glob" */
};

enum guard_type { GUARD_CERBERUS, GUARD_PASS_THRU, GUARD_CRITERIA, GUARD_ROUTE, GUARD_TTL, GUARD_COMPOSITE,
		  GUARD_TYPE_COUNT };
enum guard_point { POINT_NONE, POINT_RUN_START, POINT_PHASE_ENTER, POINT_PHASE_EXIT, POINT_ACTION,
		   POINT_APPROVAL_CREATE, POINT_STAGE_ENTER, POINT_STAGE_JOIN, POINT_RUN_EXIT, POINT_COUNT };
enum guard_logic { LOGIC_ALL, LOGIC_ANY, LOGIC_NOT };
enum guard_on_fail { FAIL_DENY, FAIL_WAIT, FAIL_CANCEL_CHILDREN, FAIL_VIOLATE };

struct govern_guard {
	struct policy_string id;
	uint8_t type, point, phase, logic;   /* phase: of PHASE_ENTER and PHASE_EXIT */
	uint8_t on_fail, accept;             /* accept: bits of enum run_status (CERBERUS) */
	uint16_t field;                      /* enum field_id: ROUTE, TTL */
	uint32_t min_children, max_children; /* CERBERUS */
	uint64_t max_ns;                     /* CERBERUS: timeout; TTL: max_age */
	struct govern_list conditions;       /* CRITERIA */
	struct govern_list parts;            /* COMPOSITE: guard_parts[], each < its own index: no cycle */
	struct govern_list routes;           /* ROUTE */
	struct govern_list usual;            /* ROUTE: words of `default`; empty = none */
};

/* EXISTS and NOT_EXISTS have no value (TYPE_ABSENT); GT to LE want a NUMBER; CONTAINS, NOT_CONTAINS and GLOB a
 * TEXT; IN a LIST of texts; EQ and NE a TEXT, NUMBER or BOOL. */
enum compare { COMPARE_EQ, COMPARE_NE, COMPARE_GT, COMPARE_GE, COMPARE_LT, COMPARE_LE, COMPARE_CONTAINS,
	       COMPARE_NOT_CONTAINS, COMPARE_EXISTS, COMPARE_NOT_EXISTS, COMPARE_IN, COMPARE_GLOB, COMPARE_COUNT };
enum field_kind { TYPE_ABSENT, TYPE_NULL, TYPE_TEXT, TYPE_NUMBER, TYPE_BOOL, TYPE_TIME, TYPE_LIST };
#define GOVERN_NUMBER_ONE 1000000LL      /* numbers are millionths: 0.7 is 700000 */

struct govern_condition {
	uint16_t field;                  /* enum field_id (field.h) */
	uint8_t compare, type;           /* type of the value that is compared with */
	uint32_t reserved;
	int64_t number;                  /* NUMBER, BOOL */
	struct policy_string text;       /* TEXT; "${policy_digest}" is replaced when it is asked */
	struct govern_list list;         /* words: IN with texts */
};
struct govern_route {
	struct policy_string value;
	struct govern_list targets;      /* words: "role:admin" */
};

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, ROLE_COUNT };
struct govern_approval {
	uint8_t role, self, reserved[2]; /* self: the caller may answer */
	uint32_t count, uses;
	uint32_t reserved2;
	uint64_t ttl_ns;
	struct govern_list of;           /* words: "user:ann"; empty = all of the role */
};

enum phase { PHASE_BOOTSTRAP, PHASE_PREFLIGHT, PHASE_PLAN, PHASE_EXECUTE, PHASE_VERIFY, PHASE_PACKAGE,
	     PHASE_REPORT, PHASE_EXIT, PHASE_REVOKED, PHASE_COUNT };
enum phases_enforce { PHASES_OFF, PHASES_AUTO, PHASES_STRICT };
struct govern_phase {
	uint8_t require_classes;         /* bits: the phase is left only after an action of each */
	uint8_t has_write, reserved[2];
	uint16_t exit_guard, reserved2;  /* index or GOVERN_NONE */
	int64_t min_confidence;          /* millionths; 0 = none */
	struct govern_list write;        /* words: paths */
	struct govern_list artifacts;    /* words: paths, globs */
	struct govern_list needs;        /* words: programs (PREFLIGHT) */
};

enum budget_source { ERROR_DENIED, ERROR_REPORTED, ERROR_CHECK_FAILED, ERROR_CRASH, ERROR_FS_DENIED,
		     ERROR_NET_DENIED, ERROR_SOURCE_COUNT };
struct govern_budget {
	uint32_t max_total, max_same, max_procedure;
	uint32_t soft_at;                /* thousandths of max_total; 0 = never */
	uint8_t on_exceed;               /* enum on_refusal: ASK or VIOLATE */
	uint8_t count;                   /* bits of enum budget_source */
	uint8_t set, reserved[5];        /* set: the policy has a budget */
};

enum lease_renew { RENEW_HEARTBEAT, RENEW_EXPLICIT };
struct govern_lease {
	struct policy_string resource;   /* len 0 = no lease */
	uint64_t ttl_ns;
	uint8_t renew, wait, reserved[6];/* wait: a busy resource is waited for */
};

/* Small settings, fixed. */
struct govern_settings {
	uint8_t gated;                   /* the policy has rules: actions are judged, default deny */
	uint8_t auto_approve;            /* plans: 1 + enum risk; 0 = never */
	uint8_t phases_enforce, rework;  /* enum phases_enforce */
	uint16_t optional_phases;        /* bits of enum phase */
	uint16_t high_risk_transitions;  /* bits of enum run_status */
	uint16_t std_tool, std_workspace, std_unknown; /* capabilities for what no pattern names */
	uint8_t min_tier, auto_allow_hooks;
	uint32_t child_runs;
	uint32_t reserved;
	uint64_t plan_ttl_ns;
	struct govern_approval approvals[RISK_COUNT];
	struct govern_phase phases[PHASE_COUNT];
	struct govern_budget budget;
	struct govern_lease lease;
};

#define GOVERN_REWORK 2U         /* when a policy does not say */
/* Whether phases are other than usual, and whether a policy says anything that a plan has to carry. One that
 * says only a budget or a lease is not gated: its actions are not judged. */
bool govern_phases_said(const struct govern_settings *settings);
bool govern_is_used(const struct govern_settings *settings);

/* Which tables there are, in the order of the image. */
#define GOVERN_TABLES(X) \
	X(capabilities, struct govern_capability, GOVERN_CAPABILITIES_MAX) \
	X(patterns, struct govern_pattern, GOVERN_PATTERNS_MAX) \
	X(choices, struct govern_choice, GOVERN_CHOICES_MAX) \
	X(captures, struct govern_capture, GOVERN_CAPTURES_MAX) \
	X(rules, struct govern_rule, GOVERN_RULES_MAX) \
	X(environments, struct govern_environment, GOVERN_ENVIRONMENTS_MAX) \
	X(guards, struct govern_guard, GOVERN_GUARDS_MAX) \
	X(guard_parts, uint32_t, GOVERN_CONDITIONS_MAX) \
	X(conditions, struct govern_condition, GOVERN_CONDITIONS_MAX) \
	X(routes, struct govern_route, GOVERN_ROUTES_MAX) \
	X(words, struct policy_string, GOVERN_WORDS_MAX)

/* As the compiler fills it: bounded arrays, all inside struct policy. */
struct govern {
	struct govern_settings settings;
#define GOVERN_COUNT(name, type, max) uint32_t name##_count;
	GOVERN_TABLES(GOVERN_COUNT)
#undef GOVERN_COUNT
#define GOVERN_ARRAY(name, type, max) type name[max];
	GOVERN_TABLES(GOVERN_ARRAY)
#undef GOVERN_ARRAY
};

/* As judge() reads it: borrowed views of a checked image or of a struct govern. */
struct govern_view {
	const struct govern_settings *settings;
	const char *strings;
	uint32_t strings_len;
#define GOVERN_COUNT(name, type, max) uint32_t name##_count;
	GOVERN_TABLES(GOVERN_COUNT)
#undef GOVERN_COUNT
#define GOVERN_POINTER(name, type, max) const type *name;
	GOVERN_TABLES(GOVERN_POINTER)
#undef GOVERN_POINTER
};

#endif
