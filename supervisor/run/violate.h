/* SPDX-License-Identifier: Apache-2.0 */
/* Violations: from what happened to the packet of the behaviour model (section 3.1) and its response. Pure;
 * run.c records the packet and carries the response out. */
#ifndef RUN_VIOLATE_H
#define RUN_VIOLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/rules.h"
#include "ledger/intake.h"
#include "run/record.h"

#define VIOLATION_TEXT_MAX 256U

/* How often each type happened in one run. */
struct strikes {
	uint32_t count[VIOLATION_TYPE_LIMIT];
	uint32_t total;
};

struct violation {
	enum violation_type type;
	enum severity severity;
	enum record_effect effect;
	bool revokes;
	uint32_t nth;              /* of its type in this run, from 1 */
	struct slice rule, subject;/* borrowed */
	char message[VIOLATION_TEXT_MAX], remedy[VIOLATION_TEXT_MAX], remedy_agent[VIOLATION_TEXT_MAX];
};

/* The types that the kernel counts and decides by itself, and how: `decides` of a run's
 * configuration (bpf/events.h). */
void violation_kernel_rules(const struct rules *rules, struct kernel_rule to[KERNEL_DECIDES]);
/* The kernel counted this one: our count follows it where records were lost. */
void violation_follow(struct strikes *strikes, const struct event_head *event);
/* Counts a strike that the kernel did not see. True when it is of a type that it counts. */
bool violation_tell(struct user_strikes *strikes, enum violation_type type);

/* Takes one strike away, on both sides. False: there is none. */
bool violation_waive(struct strikes *strikes, struct user_strikes *told, enum violation_type type);

/* Fills the packet and counts the strike. `decision` gives rule, reason and remedies; NULL: `message`
 * says what happened, and rule and remedies come from the type. Nothing stays empty. */
/* What a change is that was protected against, and happened: SELF_TAMPER of what rules this run or the next one (hooks,
 * settings, policies, the supervisor's own), else SCOPE_VIOLATION. */
enum violation_type violation_of_change(struct slice path);
void violation_make(const struct rules *rules, struct strikes *strikes, enum violation_type type,
		    enum record_effect effect, const struct decision *decision,
		    const char *message, struct slice subject, struct violation *ret_violation);

/* What a packet carries about its run; borrowed. */
struct violation_run {
	struct record_frame frame;
	const char *agent;
	uint32_t tier;
	const uint8_t *policy_digest; /* 32 bytes */
	struct slice exe;             /* of the process, where it is known */
};

/* `event`: what it was seen by; NULL = by the supervisor itself. Returns 0 or -ENOSPC. */
int record_violation(struct buf *buf, const struct violation_run *run, const struct event_head *event,
		     const struct violation *violation) MUST_USE;

#endif
