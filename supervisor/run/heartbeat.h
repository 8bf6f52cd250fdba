/* SPDX-License-Identifier: Apache-2.0 */
/* Signs of life of one run and the moment at which their absence counts. Pure: times are
 * CLOCK_MONOTONIC ns, passed in; while the run is paused they stand still, and a suspended host does not
 * advance that clock at all. */
#ifndef RUN_HEARTBEAT_H
#define RUN_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

#define HEARTBEAT_NEVER UINT64_MAX

struct heartbeat {
	struct plan_heartbeat config;
	uint64_t start_ns;
	uint64_t beat_ns;        /* of the last explicit beat */
	uint64_t activity_ns;    /* of the last thing the kernel saw */
	uint64_t extend_ns;      /* one longer silence, until the next sign of life */
	uint64_t paused_ns;      /* since when; 0 = not paused */
	uint64_t rejected;       /* beats while paused */
	uint64_t seen_boot_ns;   /* newest kernel time taken over by heartbeat_activity() */
};

void heartbeat_start(struct heartbeat *heartbeat, const struct plan_heartbeat *config,
		     uint64_t now_ns);
/* An explicit beat. Ignored and counted while paused. */
void heartbeat_beat(struct heartbeat *heartbeat, uint64_t now_ns);
/* One longer silence, at most the policy's max_extend. */
void heartbeat_extend(struct heartbeat *heartbeat, uint64_t extend_ns);
/* The kernel's newest activity, CLOCK_BOOTTIME, and both clocks now. Time that the host slept
 * through since then counts as life: one fresh ttl. */
void heartbeat_activity(struct heartbeat *heartbeat, uint64_t last_boot_ns, uint64_t boot_now_ns,
			uint64_t now_ns);
void heartbeat_pause(struct heartbeat *heartbeat, uint64_t now_ns);
void heartbeat_resume(struct heartbeat *heartbeat, uint64_t now_ns);
/* When the run counts as dead if nothing more is heard; HEARTBEAT_NEVER when off or paused. */
uint64_t heartbeat_deadline(const struct heartbeat *heartbeat);

#endif
