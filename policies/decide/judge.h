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

#define JUDGE_ARGS_MAX 4096U     /* words of argv that are looked at */
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
	bool argv_cut;                   /* words are missing: of all that the program may be, the worst is meant */
	struct slice names[JUDGE_NAMES_MAX];
	uint32_t name_count;
	struct slice exe;                /* resolved, absolute */
	enum program_place place;
	const struct slice *paths;       /* command_operands(), resolved inside the run's root, absolute */
	uint32_t path_count;
	bool paths_cut;                  /* some are missing: no permission by path, every denial by path */
	/* READ, WRITE, DELETE: `exe` is empty and paths[0] the file. CONNECT, LISTEN: */
	struct slice host;               /* the relay's name, clean; or empty */
	uint8_t addr[16];
	uint16_t port;
	uint32_t environments;           /* bits: those whose net, path or env the action touches (environments_of()) */
	uint8_t digest[32];              /* of the whole action: what grants are bound to; zero is bound to nothing */
	uint32_t transition;             /* TRANSITION: enum run_status wanted */
};

/* What became of the question when this very action was asked about. NOBODY: there is nobody to ask. */
enum approval_answer { ANSWER_NONE, ANSWER_REJECTED, ANSWER_EXPIRED, ANSWER_NOBODY };

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
#define GATE_TOKEN 32U           /* the run's token epoch is old (guards: pass_thru, cerberus) */
#define GATE_SELF 64U            /* the action touches Bailiff itself: policy, ledger, hooks, settings, sockets */
#define GATE_HEALTH 128U         /* the host is unhealthy */

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
	uint64_t point_age_ns;           /* since the run first asked at this point (cerberus: timeout) */
	enum approval_answer answer;
	uint32_t same_denied;            /* how often this identical action was denied before */
	uint32_t grant_count;
	struct grant grants[JUDGE_GRANTS_MAX];
	/* FIELD_COUNT of them (field.h), or NULL. Not looked at for what judge() knows itself: request.*,
	 * run.phase, run.tier, plan.status, children.*. */
	const struct field_value *fields;
	uint8_t policy_digest[32];
};

/* Where the evaluation ended. */
enum judge_step { STEP_NONE, STEP_INVARIANT, STEP_GATE, STEP_TIER, STEP_ENVIRONMENT, STEP_PLAN, STEP_RULES,
		  STEP_RISK, STEP_GUARD, STEP_GRANT, STEP_COUNT };
/* Section 2.3. */
enum blocked_by { BLOCKED_NOT, BLOCKED_APPROVAL_REQUIRED, BLOCKED_APPROVAL_REJECTED, BLOCKED_APPROVAL_EXPIRED,
		  BLOCKED_POLICY_DENY, BLOCKED_GUARD_DENY, BLOCKED_TIER, BLOCKED_LEASE, BLOCKED_BREAKER,
		  BLOCKED_KILL_SWITCH, BLOCKED_PHASE, BLOCKED_BUDGET, BLOCKED_HEALTH, BLOCKED_INTERNAL,
		  BLOCKED_COUNT };

struct ruling {
	enum verdict verdict;            /* in force: `permissive` lets happen what phases and steps 4-7 refuse */
	enum verdict would;              /* without the mode; step, blocked_by, ids and texts belong to it */
	enum judge_step step;            /* whose answer it is */
	enum blocked_by blocked_by;
	enum violation_type violation;   /* to be raised; VIOLATION_NONE */
	enum violation_type would_raise; /* without the mode */
	uint16_t capability;             /* index; GOVERN_NONE: unclassified */
	uint8_t risk, action_class, operation;
	uint32_t environments;           /* bits that apply */
	uint32_t rules[GOVERN_RULES_MAX / 32];  /* all that match */
	uint32_t guards[GOVERN_GUARDS_MAX / 32];/* asked at this point */
	uint32_t guards_false[GOVERN_GUARDS_MAX / 32];
	uint16_t rule;                   /* the rule whose verdict won; GOVERN_NONE */
	uint8_t guard_on_fail;           /* enum guard_on_fail */
	uint8_t approval_risk;           /* ASK: the row of approvals[] */
	/* Ids of what made the answer milder; 0 = none. With ALLOW the caller consumes both before the effect;
	 * with ASK a waiver is only counted on. */
	uint32_t grant, waiver;
	bool loop;                       /* the fifth identical denial */
	struct slice rule_id;            /* borrowed from the policy, or static */
	char reason[JUDGE_TEXT_MAX];
	char remedy[JUDGE_TEXT_MAX];
	char remedy_agent[JUDGE_TEXT_MAX];
};

/* Total: any checked view and any request are answered; a zeroed one is a denial. Guards are asked at
 * POINT_ACTION, and at POINT_APPROVAL_CREATE when the answer would be ASK. */
void judge(const struct govern_view *govern, const struct action *action, const struct snapshot *snapshot,
	   uint64_t now_ns, struct ruling *ret_ruling);

/* All guards of another point (run_start, phase_enter of `phase`, run_exit, ...; phase_exit asks the phase's
 * exit_guard, too). `action` is what request.* means, or zeroed. ALLOW when all hold or none is there. */
void judge_point(const struct govern_view *govern, enum guard_point point, enum phase phase,
		 const struct action *action, const struct snapshot *snapshot, uint64_t now_ns,
		 struct ruling *ret_ruling);

/* Section 5.2. The capability of an action: within one name the most specific pattern wins, between names
 * the highest risk. A name that no capability knows is what std says about the place; where nobody knows who
 * made the file (PLACE_UNKNOWN), and with argv_cut, exec.unknown is always among the names. GOVERN_NONE only
 * when std is not included and nothing matches. */
uint16_t classify(const struct govern_view *govern, const struct action *action);
/* The words of a command that are no options, nor values of options, as the capability reads them (GOVERN_NONE:
 * all words without a leading - and all behind --): what `path_under` looks at once they are resolved. Writes at
 * most `max`; returns how many there are. */
uint32_t command_operands(const struct govern_view *govern, uint16_t capability, const struct action *action,
			  struct slice *ret_words, uint32_t max);
/* The environments that a command, an address or a path touches: bits. `env`: "NAME=value" words. */
uint32_t environments_of(const struct govern_view *govern, const struct action *action,
			 const struct slice *env, uint32_t env_count);
/* Those that a run of this tier and agent ("agent:NAME") may not touch: bits. Of these the kernel refuses addresses
 * and paths, which no gate sees. */
uint32_t environments_uncovered(const struct govern_view *govern, uint32_t tier, struct slice principal);
enum violation_type environment_violation(const struct govern_environment *environment);
/* True when what was refused belongs to one of them; then *decision says so. For what decide() denies. */
bool environment_refuses(const struct govern_view *govern, uint32_t tier, struct slice principal,
			 const struct request *request, struct decision *decision);

/* One guard, by its index. `ret_targets`: words of a route, or none; may be NULL. */
bool guard_holds(const struct govern_view *govern, uint16_t guard, const struct action *action,
		 const struct snapshot *snapshot, uint64_t now_ns, struct govern_list *ret_targets);

/* The row of approvals[] that a ruling of ASK needs, as it is in force: at T3 and above two people for CRITICAL,
 * never the caller for CRITICAL or where more than one is asked for. */
struct govern_approval judge_approval(const struct govern_view *govern, const struct snapshot *snapshot,
				      const struct ruling *ruling);
/* Whether this person may answer: by judge_approval() and by each route of an approval_create guard. `user` is
 * "user:NAME"; `caller`: they started the run. */
bool judge_may_answer(const struct govern_view *govern, const struct action *action,
		      const struct snapshot *snapshot, uint64_t now_ns, const struct ruling *ruling,
		      struct slice user, enum role role, bool caller);

/* ---- the tables ---- */

/* An image (head, settings, tables, strings) in a plan, from a caller that is not believed: every index,
 * range, enum and text is checked once, and that no element of a table is in two lists, so that the time of
 * judge() is bounded by the sizes of the tables. `ret_view` borrows from `bytes` (8-aligned). Returns 0, or
 * -EINVAL with the table and the entry named in *err. */
int govern_check(const void *bytes, size_t len, struct govern_view *ret_view, struct error *err) MUST_USE;
/* The same of tables in memory that somebody else filled, as a policy from the confined compiler. */
int govern_view_check(const struct govern_view *view, struct error *err) MUST_USE;
/* Appends the image (a multiple of 8 bytes). It is canonical: an image that passes govern_check() is what
 * govern_write() makes of its view. Returns 0 or -ENOMEM, -ENOSPC. */
struct buf;
int govern_write(const struct govern_view *view, struct buf *buf) MUST_USE;
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
const char *step_name(enum judge_step step);
/* Section 2.5: the phase after this one; PHASE_COUNT after EXIT and REVOKED. */
enum phase next_phase(enum phase phase);

#endif
