/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and checks of a run that lives: what the exec gate asks about an action, and what it tells. */
#ifndef RUN_PLANS_H
#define RUN_PLANS_H

#include "run/ask.h"
#include "run/checks.h"
#include "run/work_plan.h"

struct run;
struct agent_answer;

#define PLANS_SEEN 8U

struct plans {
	struct work_plan plan;         /* the newest that was submitted */
	struct ask ask;
	struct spend spend;
	struct ruling ruling;          /* what people are asked, and what is spent */
	struct checks checks;
	/* Of the last actions that were looked at, by capability: what plans_acted() needs is not hashed again. */
	struct plans_seen {
		uint16_t capability;
		uint32_t step;         /* that covers it; UINT32_MAX = none */
		uint8_t inputs[32];
	} seen[PLANS_SEEN];
	uint32_t seen_next;
};

/* What the plan says about this action, whose capability is known: fills plan_status, plan_cover, check and
 * check_age_ns of the snapshot, adds a grant (PLAN_STEP) where a step covers it, and the fields plan.*. Hashes the
 * inputs: at most FILE_DIGEST_MAX bytes each. */
void plans_fill(struct run *run, const struct action *action, uint64_t now_ns, struct snapshot *snapshot,
		struct field_value *fields);
/* The action that was looked at last with this capability is let go, in the process `pid` that started at
 * `start_ns`. The step that covers it is used up; a check is waited for. */
void plans_acted(struct run *run, const struct ruling *ruling, uint32_t pid, uint64_t start_ns);
/* A process ended. */
void plans_exit(struct run *run, uint32_t pid, uint64_t start_ns, int status);
void plans_finish(struct run *run);

/* A submitted plan in a memfd (borrowed). */
void plans_submit(struct run *run, int memfd, struct agent_answer *answer);
/* Its state now; true when it is decided, or there is none. */
bool plans_state(struct run *run, struct agent_answer *answer);

/* file_digest.c: a regular, non-empty file of the run, by its path inside (relative: below the workspace), opened
 * by us in the run's root without following a link. Returns 0; -EFBIG above FILE_DIGEST_MAX; -ENODATA when it is
 * empty; -EINVAL when it is no regular file; -EREMOTE on a file system that may not answer; or -errno. */
#define FILE_DIGEST_MAX (8U << 20)
int file_digest(const struct run *run, struct slice path, uint8_t ret_digest[32], uint64_t *ret_size) MUST_USE;

#endif
