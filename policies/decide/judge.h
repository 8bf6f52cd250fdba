/* SPDX-License-Identifier: Apache-2.0 */
/* The decision about one action: a pure function of (policy, request, snapshot of the run, now), in the
 * normative order of the behaviour model, section 5.3. No I/O, no allocation, no clock, and the same
 * bytes in give the same bytes out. Files, networks and system calls that the kernel itself refuses
 * are decide() (rules.h); this is for what the exec gate, the agent and operators ask. */
#ifndef DECIDE_JUDGE_H
#define DECIDE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "decide/govern.h"
#include "decide/rules.h"

#define JUDGE_ARGS_MAX 4096U     /* words of argv that are looked at; more is exec.unknown */
#define JUDGE_NAMES_MAX 8U
#define JUDGE_GRANTS_MAX 32U
#define JUDGE_TEXT_MAX 320U

enum action_kind {
	ACTION_NONE, ACTION_EXEC, ACTION_READ, ACTION_WRITE, ACTION_DELETE, ACTION_CONNECT, ACTION_LISTEN,
	ACTION_TRANSITION,
};

/* Where the program's file lies: what std's three capabilities distinguish. */
enum program_place { PLACE_UNKNOWN, PLACE_TOOL, PLACE_WORKSPACE };

struct action {
	enum action_kind kind;
	struct slice principal;          /* "agent:NAME" */
	/* EXEC. `names`: base name of argv[0], of the resolved file, of each known file with the same content. */
	const struct slice *argv;
	uint32_t argc;
	bool argv_cut;                   /* more than JUDGE_ARGS_MAX words: what is missing cannot be judged */
	struct slice names[JUDGE_NAMES_MAX];
	uint32_t name_count;
	struct slice exe;                /* resolved, absolute */
	enum program_place place;
	const struct slice *paths;       /* non-option arguments, resolved inside the run's root, absolute */
	uint32_t path_count;
	/* READ, WRITE, DELETE: `exe` is empty and paths[0] the file. CONNECT, LISTEN: */
	struct slice host;               /* the relay's name, clean; or empty */
	uint8_t addr[16];
	uint16_t port;
	uint32_t environments;           /* bits: those whose net, path or env the action touches (environments_of()) */
	uint8_t digest[32];              /* of the whole action: what grants are bound to */
	uint32_t transition;             /* TRANSITION: enum run_status wanted */
};

enum grant_kind { GRANT_NONE, GRANT_APPROVAL, GRANT_PLAN_STEP, GRANT_WAIVER };
struct grant {
	uint8_t kind;                    /* enum grant_kind */
	uint8_t max_risk;                /* PLAN_STEP: up to HIGH */
	uint16_t uses;                   /* left */
	uint32_t id;                     /* the run's own number of it */
	uint64_t expires_ns;
	uint8_t digest[32];              /* of the action; WAIVER: zero = any action of this rule in this run */
	struct slice rule;               /* WAIVER: the rule, guard or environment that it takes out */
};

enum plan_status { PLAN_STATUS_NONE, PLAN_DRAFT, PLAN_SUBMITTED, PLAN_APPROVED, PLAN_ACTIVE, PLAN_COMPLETED,
		   PLAN_REJECTED, PLAN_EXPIRED, PLAN_ABORTED };
enum plan_cover { COVER_NONE, COVER_INPUTS_DIFFER, COVER_ARGV, COVER_BOUND }; /* BOUND: the inputs, too */
enum check_state { CHECK_MISSING, CHECK_FAILED, CHECK_INPUTS_DIFFER, CHECK_OK };

#define GATE_KILL_SWITCH 1U      /* tripped */
#define GATE_NOT_RUNNING 2U
#define GATE_LEASE 4U            /* lost, or its epoch is old */
#define GATE_BREAKER 8U          /* open */
#define GATE_BUDGET 16U          /* exceeded */
#define GATE_TOKEN 32U           /* the run's token epoch is old (guards: pass_thru) */
#define GATE_SELF 64U            /* the action touches Bailiff itself: policy, ledger, hooks, settings, sockets */

/* A field of the run that guards ask for. What is not there is TYPE_ABSENT. */
struct field_value {
	uint8_t type;                    /* enum field_kind */
	int64_t number;                  /* NUMBER: millionths; BOOL; TIME: monotonic ns */
	struct slice text;
};

struct snapshot {
	uint32_t gates;                  /* GATE_* */
	uint32_t mode;                   /* enum policy_mode */
	uint32_t phase;                  /* enum phase */
	bool phase_reported;             /* the run is in it because it said so (enforce: auto binds only then) */
	uint32_t tier;                   /* effective */
	uint32_t plan_status;
	enum plan_cover plan_cover;      /* of this action by the run's plan, and whether the plan's policy is this one */
	enum check_state check;          /* of this action's `check` capability on the same inputs */
	uint64_t check_age_ns;
	uint32_t children, children_live;
	uint32_t children_status;        /* bits of enum run_status that terminal children have */
	uint64_t run_age_ns;
	uint32_t same_denied;            /* how often this identical action was denied before */
	uint32_t grant_count;
	struct grant grants[JUDGE_GRANTS_MAX];
	const struct field_value *fields;/* FIELD_COUNT of them (field.h) */
	uint8_t policy_digest[32];
};

/* Where the evaluation ended. */
enum judge_step { STEP_NONE, STEP_INVARIANT, STEP_GATE, STEP_TIER, STEP_ENVIRONMENT, STEP_PLAN, STEP_RULES,
		  STEP_RISK, STEP_GUARD, STEP_GRANT };
/* Section 2.3. */
enum blocked_by { BLOCKED_NOT, BLOCKED_APPROVAL_REQUIRED, BLOCKED_APPROVAL_REJECTED, BLOCKED_APPROVAL_EXPIRED,
		  BLOCKED_POLICY_DENY, BLOCKED_GUARD_DENY, BLOCKED_TIER, BLOCKED_LEASE, BLOCKED_BREAKER,
		  BLOCKED_KILL_SWITCH, BLOCKED_PHASE, BLOCKED_BUDGET, BLOCKED_HEALTH, BLOCKED_INTERNAL,
		  BLOCKED_COUNT };

struct ruling {
	enum verdict verdict;            /* in force: `permissive` turns what steps 4-7 refuse into ALLOW */
	enum verdict would;              /* without the mode */
	enum judge_step step;
	enum blocked_by blocked_by;
	enum violation_type violation;   /* to be raised; VIOLATION_NONE */
	uint16_t capability;             /* index; GOVERN_NONE: unclassified */
	uint8_t risk, action_class, operation;
	uint32_t environments;           /* bits that apply */
	uint32_t rules[GOVERN_RULES_MAX / 32];  /* all that match */
	uint32_t guards[GOVERN_GUARDS_MAX / 32];/* asked at this point */
	uint32_t guards_false[GOVERN_GUARDS_MAX / 32];
	uint16_t rule;                   /* whose verdict won; GOVERN_NONE */
	uint8_t guard_on_fail;           /* enum guard_on_fail */
	uint8_t approval_risk;           /* ASK: the row of approvals[] */
	uint32_t grant, waiver;          /* id that was used; 0 = none. The caller consumes it before the effect */
	bool loop;                       /* the fifth identical denial */
	struct slice rule_id;            /* borrowed from the policy, or static */
	char reason[JUDGE_TEXT_MAX];
	char remedy[JUDGE_TEXT_MAX];
	char remedy_agent[JUDGE_TEXT_MAX];
};

/* Total: any checked view and any request are answered; a zeroed one is a denial. `point` is where the
 * guards are asked (POINT_ACTION for actions), `phase` its argument. */
void judge(const struct govern_view *govern, const struct action *action, const struct snapshot *snapshot,
	   uint64_t now_ns, enum guard_point point, struct ruling *ret_ruling);

/* Section 5.2. The capability of a command: within one name the most specific pattern wins, between names
 * the highest risk. GOVERN_NONE only when std is not included and nothing matches. */
uint16_t classify(const struct govern_view *govern, const struct action *action);
/* The environments that a command, an address or a path touches: bits. `environ`: "NAME=value" words. */
uint32_t environments_of(const struct govern_view *govern, const struct action *action,
			 const struct slice *environ, uint32_t environ_count);

/* One guard, by its index. `ret_targets`: of a route; may be NULL. */
bool guard_holds(const struct govern_view *govern, uint16_t guard, const struct action *action,
		 const struct snapshot *snapshot, uint64_t now_ns, struct govern_list *ret_targets);

/* The approval that a ruling of ASK needs, and who may answer it: the strictest of the row and of the routes
 * of approval_create guards. */
struct govern_approval judge_approval(const struct govern_view *govern, const struct action *action,
				      const struct snapshot *snapshot, const struct ruling *ruling);

/* ---- the tables ---- */

/* An image (settings, counts, tables, strings) in a plan, from a caller that is not believed: every index,
 * range, enum and text is checked once. `ret_view` borrows from `bytes` (8-aligned). Returns 0, or -EINVAL with
 * the table named in *err. */
int govern_check(const void *bytes, size_t len, struct govern_view *ret_view, struct error *err) MUST_USE;
/* Appends the image. Returns 0 or -ENOMEM, -ENOSPC. */
struct buf;
int govern_write(const struct govern *govern, const char *strings, uint32_t strings_len, struct buf *buf) MUST_USE;
/* The view of what the compiler filled. */
void govern_view_of(const struct govern *govern, const char *strings, uint32_t strings_len,
		    struct govern_view *ret_view);

static inline struct slice govern_text(const struct govern_view *view, struct policy_string text)
{
	return slice_new(view->strings + text.offset, text.len);
}

/* Names of the enums as documents and records write them: "HIGH", "apply", "EXECUTE", "PREFLIGHT",
 * "APPROVAL_REQUIRED". NULL behind the last. */
const char *risk_name(enum risk risk);
const char *class_name(enum action_class action_class);
const char *operation_name(enum operation operation);
const char *phase_name(enum phase phase);
const char *blocked_name(enum blocked_by blocked_by);
/* Section 2.5: the phase after this one; PHASE_COUNT after EXIT and REVOKED. */
enum phase next_phase(enum phase phase);

#endif
