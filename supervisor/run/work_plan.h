/* SPDX-License-Identifier: Apache-2.0 */
/* The plan that an agent submitted for its work (behaviour model, sections 2.4 and 5.5): checked, kept as it was
 * stored, and asked whether it covers an action. Pure but for the copy that it owns; digests of files come
 * from the caller. (struct plan is the launch plan.) */
#ifndef RUN_WORK_PLAN_H
#define RUN_WORK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/agent_wire.h"
#include "decide/judge.h"

struct work_plan {
	void *bytes;                  /* owned; NULL: there is none */
	size_t len;
	const struct agent_plan *head;
	const struct agent_step *steps;
	uint32_t status;              /* enum plan_status */
	uint8_t digest[32];           /* SHA-256 of `bytes`: of what was stored and shown */
	uint64_t used;                /* bits of steps */
	uint16_t capabilities[AGENT_PLAN_STEPS_MAX]; /* index in the policy */
	uint8_t risks[AGENT_PLAN_STEPS_MAX];
	uint8_t risk_max;             /* enum risk */
	uint64_t approved_ns, expires_ns; /* CLOCK_MONOTONIC */
};

bool work_plan_move_allowed(enum plan_status from, enum plan_status to);
const char *plan_status_name(enum plan_status status);

/* Copies bytes from outside that pass every check of their form. Status DRAFT. Returns 0; -EINVAL, -EMSGSIZE,
 * -ENOMEM with the field in *err. */
int work_plan_read(const void *bytes, size_t len, struct work_plan *ret_plan, struct error *err) MUST_USE;
void work_plan_finish(struct work_plan *plan);
/* Each step is an action that the policy knows by the capability which the step names, and none is frozen; fills
 * capabilities and risks. `govern` NULL: a policy without rules has no plans. Returns 0 or -EPERM with the step. */
int work_plan_fits(struct work_plan *plan, const struct govern_view *govern, struct error *err) MUST_USE;

/* The digest of a file of the run, as it is now. Returns 0 or -errno. */
typedef int (*work_plan_digest)(void *ctx, struct slice path, uint8_t ret_digest[32]);
/* Does a step that was not used yet have exactly these words and this capability, and (BOUND) name its inputs, which
 * are what they were? *ret_step is its index, or UINT32_MAX. */
enum plan_cover work_plan_cover(const struct work_plan *plan, const struct slice *argv, uint32_t argc,
				uint16_t capability, work_plan_digest digest, void *ctx, uint32_t *ret_step);
/* The step is used up. True: it was the last one. */
bool work_plan_use(struct work_plan *plan, uint32_t step);
/* "objective: 1 vcs.push: git push origin main; ..." as it is, for people; cut at `size`. Returns its length. */
size_t work_plan_text(const struct work_plan *plan, char *to, size_t size);

static inline struct slice work_plan_slice(const struct work_plan *plan, struct agent_text text)
{
	return slice_new((const char *)plan->bytes + text.offset, text.len);
}

#endif
