/* SPDX-License-Identifier: Apache-2.0 */
/* How an agent stands on this host: its tier, whether it is suspended, its breaker (behaviour model, section 7). Pure:
 * times are CLOCK_REALTIME ns, passed in, because they must hold over restarts; settings come from host.yaml. */
#ifndef RUN_STANDING_H
#define RUN_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/host.h"
#include "decide/policy.h"

#define STANDING_RUNS HOST_RUNS_MAX

enum outcome_kind { OUTCOME_NONE, OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_REVOKED, OUTCOME_KIND_COUNT };
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATE_COUNT };

struct outcome {                 /* of one run; kept on disk */
	uint64_t ended_ns;
	uint8_t kind, tier;      /* the tier that it ran at */
	uint8_t severity;        /* REVOKED: 1 + enum severity of its worst violation; 0 = by a person */
	uint8_t reserved[5];
};

/* Kept on disk as it is. Zeroed: an agent that nothing is known of; standing_begin() gives it its tier. */
struct standing {
	char agent[HOST_AGENT_NAME_MAX];
	uint32_t tier, suspended;
	uint64_t demoted_ns;     /* 0 = never */
	uint32_t breaker, probes;/* enum breaker_state; runs let through while HALF_OPEN */
	uint64_t opened_ns;
	uint64_t known_since_ns; /* outcomes before this do not count: promotion and demotion begin a new count */
	uint32_t next, reserved; /* of outcomes[] */
	struct outcome outcomes[STANDING_RUNS];
};

void standing_begin(struct standing *standing, const struct host_settings *settings, struct slice agent);
/* Bytes from disk. */
bool standing_is_sound(const struct standing *standing);

enum standing_refusal { STANDING_MAY_START, STANDING_SUSPENDED, STANDING_BREAKER_OPEN, STANDING_BREAKER_PROBING,
			STANDING_BREAKER_NEEDS_ADMIN };
/* Whether a run may start now, and at most at which tier: the lowest of policy, agent, host, and T1 while the breaker
 * probes. Moves an OPEN breaker whose time is over to HALF_OPEN and counts the probe. `min_tier`: of the policy. */
enum standing_refusal standing_start(struct standing *standing, const struct host_settings *settings,
				     uint32_t policy_tier, uint32_t min_tier, uint64_t now_ns, uint32_t *ret_tier);

enum standing_change { CHANGED_BREAKER = 1, CHANGED_TIER = 2, CHANGED_SUSPENDED = 4 };
/* A run ended. Returns bits of what it changed: CRITICAL suspends and leads to T0, HIGH is a step down, so are three runs
 * revoked for MEDIUM in the window; the breaker opens, closes or opens again. */
unsigned int standing_ended(struct standing *standing, const struct host_settings *settings,
			    const struct outcome *outcome);

enum promotion_refusal { PROMOTION_ELIGIBLE, PROMOTION_SUSPENDED, PROMOTION_TOP, PROMOTION_RUNS, PROMOTION_VIOLATION,
			 PROMOTION_ERRORS, PROMOTION_BREAKER, PROMOTION_COOLDOWN };
/* Section 7.2; *ret_runs: completed runs that count. */
enum promotion_refusal standing_promotable(const struct standing *standing, const struct host_settings *settings,
					   uint64_t now_ns, uint32_t *ret_runs);
/* By an admin: one step up; down to `tier`; suspension cleared; breaker reset. */
void standing_promote(struct standing *standing, uint64_t now_ns);
void standing_set_tier(struct standing *standing, uint32_t tier, uint64_t now_ns);
void standing_clear(struct standing *standing);
void standing_reset_breaker(struct standing *standing, uint64_t now_ns);

const char *breaker_name(enum breaker_state state);

#endif
