/* SPDX-License-Identifier: Apache-2.0 */
/* Which phase of a run may follow which, and which ones a run is in that does not say so (behaviour model, section
 * 2.5). Pure: guards, artifacts and records are phases.c's. */
#ifndef RUN_PHASE_H
#define RUN_PHASE_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/phase.h"

struct phases {
	uint8_t enforce;               /* enum phases_enforce */
	uint8_t rework;                /* how often VERIFY may go back */
	uint16_t optional;             /* bits of enum phase */
	uint8_t require[PHASE_COUNT];  /* classes without which the phase is not left: bits of enum action_class */
	uint8_t now;                   /* enum phase */
	uint8_t reworked;
	bool reported;                 /* the run is in it because it said so, or because of `strict` */
	bool wrote;                    /* since the last check */
	uint8_t done;                  /* classes of actions in this phase that succeeded */
};

enum phase_answer {
	PHASE_NOT_ITS_OWN,             /* the supervisor alone performs it, or there is no such phase */
	PHASE_ORDER,                   /* not the next one */
	PHASE_REWORK,                  /* it went back too often */
	PHASE_CLASS,                   /* an action of a class that the phase requires is missing */
	PHASE_GUARD,                   /* a guard of the policy says no */
	PHASE_BUSY,                    /* somebody has a file open that could not be written in the next phase */
	PHASE_STAYS,                   /* it is in it */
	PHASE_GOES,                    /* as far as the table is asked */
};

/* What a run does that says in which phase it is. */
enum phase_sign { SIGN_WRITE, SIGN_ACTION, SIGN_CHECK };

/* `settings` NULL: a policy without phases, `enforce: auto`. The run is in BOOTSTRAP. */
void phases_begin(struct phases *phases, const struct govern_settings *settings);
/* May the agent go there? Changes nothing. */
enum phase_answer phases_ask(const struct phases *phases, enum phase to);
void phases_enter(struct phases *phases, enum phase to, bool reported);
/* An action of a class succeeded. */
void phases_did(struct phases *phases, enum action_class action_class);
/* `enforce: auto`: the phase that the sign shows the run to be in; PHASE_COUNT: no other than now. */
enum phase phases_infer(struct phases *phases, enum phase_sign sign);
/* Classes that the agent may act with now: bits of enum action_class. */
uint8_t phases_classes(const struct phases *phases);
/* Do the restrictions of the phase bind? In `auto` only a run that announced it. */
bool phases_bind(const struct phases *phases);
/* The highest maturity of outputs in a phase: enum output_maturity; draft for what is no phase. */
uint32_t phase_maturity(enum phase phase);
const char *phase_answer_text(enum phase_answer answer);

#endif
