/* SPDX-License-Identifier: Apache-2.0 */
/* Why a run stands still. Several reasons may hold at once; it goes on when the last one is gone. The
 * status is PAUSED while there is any; its clock of signs of life stands still as long. */
#ifndef RUN_PAUSE_H
#define RUN_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct run;

/* In the order of what has to be dealt with first. */
enum pause_reason {
	PAUSE_KILL_SWITCH, PAUSE_MANUAL, PAUSE_CHECKPOINT, PAUSE_CLARIFICATION, PAUSE_AMBIGUITY_LOCK,
	PAUSE_STALL,
	PAUSE_PROMPT,         /* a question stands at the run's own terminal: all is frozen */
	PAUSE_APPROVAL,       /* one call is held while the rest works: it does not count as GATE_NOT_RUNNING */
	PAUSE_LEDGER,         /* the queue of records is full */
	PAUSE_REASON_COUNT,
};

/* "manual"; of the most important bit: what has to be dealt with first. "" = none. */
const char *pause_name(uint32_t reasons);
/* Adds a reason: freezes at once (not for PAUSE_APPROVAL). No effect on a run that does not live. False: it
 * has this reason already, or does not live. */
bool run_pause(struct run *run, enum pause_reason reason);
/* Takes a reason away; the last one thaws. False: it does not have this reason. */
bool run_resume(struct run *run, enum pause_reason reason);
bool run_is_paused(const struct run *run, enum pause_reason reason);
/* Frozen, or about to be: no held call is answered. */
bool run_is_frozen(const struct run *run);
/* A ring of events is nearly full: frozen, too, but no pause. */
void run_ring_press(struct run *run, bool on);
/* The command is over: whatever it was paused for does not matter any more. */
void run_unpause(struct run *run);

#endif
