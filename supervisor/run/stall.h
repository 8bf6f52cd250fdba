/* SPDX-License-Identifier: Apache-2.0 */
/* Alive without progress (behaviour model, section 8.4): the same action again and again, or nothing that gets the
 * work on for too long. Progress is a phase, a step, an artifact or an output. Pure; times are those of the
 * run's own clock, which stands still while it is paused. */
#ifndef RUN_STALL_H
#define RUN_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "run/tally.h"

#define STALL_NEVER UINT64_MAX

struct stall {
	uint32_t max_repeats;     /* 0 = not counted */
	uint64_t after_ns;        /* 0 = not counted */
	uint64_t progress_ns;     /* of the last progress */
	struct tally actions;     /* since then */
};

void stall_begin(struct stall *stall, uint32_t max_repeats, uint64_t after_ns, uint64_t now_ns);
/* One action: its program and arguments as a key. True when it is the max_repeats-th of its kind. */
bool stall_action(struct stall *stall, uint64_t key);
/* Also what a clarification does: all counts begin anew. */
void stall_progress(struct stall *stall, uint64_t now_ns);
/* When the run counts as stalled; STALL_NEVER. */
uint64_t stall_deadline(const struct stall *stall);

#endif
