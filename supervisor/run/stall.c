/* SPDX-License-Identifier: Apache-2.0 */
#include "run/stall.h"

void stall_begin(struct stall *stall, uint32_t max_repeats, uint64_t after_ns, uint64_t now_ns)
{
	*stall = (struct stall){ .max_repeats = max_repeats, .after_ns = after_ns, .progress_ns = now_ns };
}

bool stall_action(struct stall *stall, uint64_t key)
{
	return stall->max_repeats > 0 && tally_add(&stall->actions, key) == stall->max_repeats;
}

void stall_progress(struct stall *stall, uint64_t now_ns)
{
	tally_clear(&stall->actions);
	stall->progress_ns = now_ns;
}

uint64_t stall_deadline(const struct stall *stall)
{
	uint64_t deadline;

	if (stall->after_ns == 0 || __builtin_add_overflow(stall->progress_ns, stall->after_ns, &deadline))
		return STALL_NEVER;
	return deadline;
}
