/* SPDX-License-Identifier: Apache-2.0 */
/* The kill switch: ARMED -> TRIPPED -> ARMED, for everything, for an agent or for a run. While one that
 * covers a run is tripped, it stands still and no such run starts. Pure; kept by daemon/keep.c, so that it
 * survives its supervisor. A zeroed one is armed. */
#ifndef RUN_KILL_SWITCH_H
#define RUN_KILL_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/ulid.h"
#include "decide/people.h"

#define KILL_SWITCHES_MAX 32U
#define KILL_AGENT_MAX 64U
#define KILL_REASON_MAX 256U

/* No padding: kept as bytes. */
struct kill_target {
	uint32_t scope;              /* enum kill_scope */
	uint32_t reserved;
	struct ulid run;             /* RUN */
	char agent[KILL_AGENT_MAX];  /* AGENT; NUL-padded */
};

struct kill_entry {
	struct kill_target target;
	uint32_t uid;                /* who tripped it */
	uint32_t reserved;
	uint64_t realtime_ns;
	char reason[KILL_REASON_MAX];
};

struct kill_switch {
	uint32_t count, reserved;
	struct kill_entry entries[KILL_SWITCHES_MAX];
};

/* False: it is tripped for exactly this already, or there are too many: then everything is. */
bool kill_switch_trip(struct kill_switch *kill_switch, const struct kill_entry *entry);
/* ALL resets every one. False: nothing was tripped for this. */
bool kill_switch_reset(struct kill_switch *kill_switch, const struct kill_target *target);
/* The one that covers this run; NULL = none. `run` may be NULL: before it has an id. */
const struct kill_entry *kill_switch_covers(const struct kill_switch *kill_switch, const char *agent,
					    const struct ulid *run);
bool kill_target_is_valid(const struct kill_target *target);
/* As read from a disk: only what kill_switch_trip() takes. */
bool kill_switch_is_valid(const struct kill_switch *kill_switch);
/* "all", "agent:X", "run:ULID". */
void kill_target_text(const struct kill_target *target, char *to, size_t size);

#endif
