/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the gate share: gate.c receives, judges and answers, gate_ask.c keeps what waits for
 * people or for the disk. */
#ifndef RUN_GATE_OWN_H
#define RUN_GATE_OWN_H

#include <linux/seccomp.h>

#include "base/loop.h"
#include "daemon/wire.h"
#include "run/ask.h"
#include "run/exec.h"
#include "run/gate.h"
#include "run/gate_record.h"

#define GATE_WAITS_MAX 64U         /* calls of one run that are held at a time; more is denied */

/* A held call, as it can be looked at again. */
struct gate_call {
	uint64_t id;
	pid_t tid;
	struct seccomp_data data;
};

/* One that waits for people (ask.run is set), or for its right to be spent (spend.run is set). */
struct gate_wait {
	struct gate *gate;
	bool used;
	struct gate_call call;
	struct ask ask;
	struct spend spend;
	struct exec_grant grant;   /* what is let go once the right is spent */
};

struct gate {
	struct run *run;
	struct exec_rules rules;
	int listener, forward;     /* forward: from the broker; FD_NONE = the listener is read here */
	int pidns;                 /* of the run, with a broker */
	struct source source;
	bool stopped;              /* not in the loop: the run is frozen */
	struct gate_memory memory;
	struct gate_wait waits[GATE_WAITS_MAX];
	char refusal[WIRE_TEXT_MAX];
};

/* ---- gate.c ---- */

/* Reads, judges and answers, or lets wait. `answer`: what people said about it. */
void gate_handle(struct gate *gate, const struct gate_call *call, enum approval_answer answer);
bool gate_holds(const struct gate *gate, uint64_t id);
/* EACCES, or another error. */
void gate_refuse(const struct gate *gate, uint64_t id, int error);
/* Right after gate_holds(). The kernel hears of the grant first: what it was not told of dies. */
void gate_let_go(struct gate *gate, const struct gate_call *call, const struct exec_grant *grant);

/* ---- gate_ask.c ---- */

/* Asks people about exec->ruling. False: nobody can be asked; *err says why. */
bool gate_ask(struct gate *gate, const struct gate_call *call, struct exec_case *exec, struct error *err);
/* Spends the rights that exec->ruling names; then the call is let go. False: they are gone. */
bool gate_spend(struct gate *gate, const struct gate_call *call, const struct exec_case *exec);
/* Forgets those whose caller is dead. */
void gate_ask_look(struct gate *gate);
void gate_ask_finish(struct gate *gate);

#endif
