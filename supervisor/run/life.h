/* SPDX-License-Identifier: Apache-2.0 */
/* What a run is about beyond its processes: phase, errors, standing still, letters, plan, checks, and the last
 * denial, which its agent can ask about. The parts are pure; life.c connects them with the run. */
#ifndef RUN_LIFE_H
#define RUN_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "decide/judge.h"
#include "run/budget.h"
#include "run/inbox.h"
#include "run/phase.h"
#include "run/stall.h"

#define LIFE_LOOP_AFTER 4U         /* identical denied requests: from here on "do not retry" */
#define CONFIDENCE_NONE (-1)

struct run;
struct event_head;

struct denial {
	uint64_t count;            /* how often this very one, now */
	bool loop;
	char rule[64], reason[320], remedy[320], subject[512];
};

struct life {
	const struct govern_view *govern;       /* NULL: the policy has no rules about actions */
	const struct govern_settings *settings; /* of it, or NULL */
	struct phases phases;
	struct budget budget;
	struct stall stall;
	struct inbox inbox;
	struct tally denied;       /* by what was denied */
	struct denial denial;
	int64_t confidence;        /* millionths; CONFIDENCE_NONE */
	bool narrowed;             /* its writable places are read-only now */
	bool stop_requested;       /* somebody asks the agent to come to an end: answers say so, exit code 14 */
	struct timer timer;        /* standing still, acknowledgements */
};

/* Settings of the policy, or NULL. */
const struct govern_settings *life_settings(const struct run *run);
/* run_start is written: BOOTSTRAP, PREFLIGHT. */
void life_prepare(struct run *run);
/* Before the command is let go: `phases.enforce: strict` begins in PLAN, read-only in the kernel. */
int life_narrow(struct run *run, struct error *err) MUST_USE;
/* The command runs. */
void life_begin(struct run *run);
/* The command ended, or the run is taken away. */
void life_end(struct run *run);
void life_finish(struct run *run);
/* The run's own clock: ns since its command was let go, without pauses. */
uint64_t life_now(const struct run *run);

/* Something was refused to the run: remembered for `bailiff agent why`, and counted. `decision` or the texts. */
struct denied {
	enum budget_source source;
	struct slice rule, subject, program;
	const char *reason, *remedy; /* remedy: for the agent */
	int error;
};
void run_denied(struct run *run, const struct denied *denied);
/* An error that counts in the budget. `code`: errno, exit code or what the agent says. */
void run_error(struct run *run, enum budget_source source, struct slice rule, struct slice program, struct slice code);
/* Work got on: counts of standing still begin anew. */
void run_progress(struct run *run);
/* A process executed a program. */
void run_acted(struct run *run, struct slice program, struct slice argv, uint32_t argv_size);
/* A violation of procedure: recorded, and counted. */
void run_procedure(struct run *run, const char *rule, const char *message, struct slice subject);
/* A letter to the agent, delivered at once; recorded with its digest. Call it before run_resume(). Returns its id or
 * -errno of inbox_put(). A clarification or a clarified plan clears the counts of standing still. */
int64_t run_letter(struct run *run, enum letter_kind kind, const char *by, struct slice text) MUST_USE;

/* False: there is no such letter, or it was acknowledged already. */
bool run_letter_ack(struct run *run, uint64_t id);

struct init_message;
/* What it says by NOTIFY_SOCKET beside signs of life. handed.c */
void run_reported(struct run *run, const struct init_message *message);

/* phases.c. What the agent asks for; `answer` texts are static. */
enum phase_answer run_phase_ask(struct run *run, enum phase to, const char **ret_reason);
/* A sign of a phase in a run that reports none. */
void run_phase_sign(struct run *run, enum phase_sign sign);
/* Enters a phase and records it. */
void run_phase_enter(struct run *run, enum phase to, bool reported, bool inferred, const char *reason);
void run_confidence(struct run *run, int64_t millionths);

#endif
