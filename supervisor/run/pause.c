/* SPDX-License-Identifier: Apache-2.0 */
#include "run/pause.h"

#include <assert.h>

#include "run/ask.h"
#include "run/run.h"

/* The first one that is set is what people are told: it has to be dealt with before the others matter. */
static const struct pause_row { const char *name; bool frozen; } rows[] = {
	[PAUSE_KILL_SWITCH] = { "kill_switch", true },
	[PAUSE_MANUAL] = { "manual", true },
	[PAUSE_CHECKPOINT] = { "checkpoint", true },
	[PAUSE_CLARIFICATION] = { "clarification", true },
	[PAUSE_AMBIGUITY_LOCK] = { "ambiguity_lock", true },
	[PAUSE_STALL] = { "stall", true },
	[PAUSE_PROMPT] = { "approval", true },
	/* The call that is asked about is held in the kernel. */
	[PAUSE_APPROVAL] = { "approval", false },
	[PAUSE_LEDGER] = { "ledger_pressure", true },
};
static_assert(COUNT(rows) == PAUSE_REASON_COUNT, "a reason has no row");

const char *pause_name(uint32_t reasons)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (reasons >> i & 1U)
			return rows[i].name;
	}
	return "";
}

bool run_is_paused(const struct run *run, enum pause_reason reason)
{
	return (run->paused >> reason & 1U) == 1U;
}

static bool wants_frozen(const struct run *run)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (run->paused >> i & 1U && rows[i].frozen)
			return true;
	}
	return run->ring_pressed;
}

bool run_is_frozen(const struct run *run)
{
	return wants_frozen(run) || run->step == RUN_STEP_INTENT;
}

static void freeze(struct run *run)
{
	/* What cannot be frozen now is tried again with the next reason, and is watched all the same. */
	if (run->step == RUN_STEP_LIVE)
		IGNORE(cgroup_freeze(&run->launched.cgroup, wants_frozen(run)) < 0);
}

void run_ring_press(struct run *run, bool on)
{
	run->ring_pressed = on;
	freeze(run);
	if (!on) {
		asks_settle(run);
		gate_go_on(run);
	}
}

bool run_pause(struct run *run, enum pause_reason reason)
{
	bool first = run->paused == 0;

	if (run->step != RUN_STEP_LIVE || run_is_paused(run, reason))
		return false;
	run->paused |= 1U << reason;
	freeze(run);
	if (first) {
		run_move(run, RUN_STATUS_PAUSED, rows[reason].name);
		heartbeat_pause(&run->heartbeat, now_monotonic_ns());
		run_heartbeat_arm(run);
	}
	people_paused(run, reason);
	return true;
}

static void go_on(struct run *run, const char *why)
{
	run->paused = 0;
	run_move(run, RUN_STATUS_RUNNING, why);
	heartbeat_resume(&run->heartbeat, now_monotonic_ns());
	freeze(run);
	run_heartbeat_arm(run);
}

bool run_resume(struct run *run, enum pause_reason reason)
{
	if (run->step != RUN_STEP_LIVE || !run_is_paused(run, reason))
		return false;
	if (run->paused == 1U << reason) {
		go_on(run, rows[reason].name);
	} else {
		run->paused &= ~(1U << reason);
		freeze(run);
	}
	people_resumed(run, reason);
	asks_settle(run);
	gate_go_on(run);
	return true;
}

void run_unpause(struct run *run)
{
	if (run->paused)
		go_on(run, "ended");
}
