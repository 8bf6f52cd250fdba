/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's end of a run's control socket: a listener that pid 1 made and handed over, and few
 * connections. What arrives is a fixed struct from a hostile client: every field is checked once, here. A run
 * that asks too much waits: nothing is read of it until it has credit again. */
#ifndef RUN_AGENT_H
#define RUN_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "daemon/agent_wire.h"

#define AGENT_CLIENTS_MAX 8U      /* connections of one run; more wait in the kernel's queue */
#define AGENT_RATE 100U           /* requests and connections a second */
#define AGENT_BURST 200U

struct run;

struct agent_client {
	struct source source;         /* inactive = free */
	struct run *run;
	bool waits;                   /* for the decision about its plan */
	uint64_t wait_until_ns;
};

struct agent {
	struct source listener;
	struct agent_client clients[AGENT_CLIENTS_MAX];
	uint32_t client_count;
	struct timer refill, wait_timer;
	uint64_t owed_ns;             /* when the run has paid for all that it asked */
	bool held;                    /* out of credit */
	uint64_t requests, invalid, throttled;
};

/* Listens at run->launched.control_fd, which stays launched's. */
int agent_listen(struct run *run) MUST_USE;
/* Closes all connections and stops listening. */
void agent_close(struct run *run);
/* The run's plan was decided: whoever waits for that is answered. */
void agent_plan_decided(struct run *run);

/* ---- pure ---- */

/* 0; -EPROTO: another version; -EINVAL: no such verb, or a field that it does not have. */
int agent_request_check(const struct agent_request *request, size_t len, size_t fd_count) MUST_USE;
/* One request's price is taken. False: no credit; *ret_wait_ns until there is. */
bool agent_pay(uint64_t *owed_ns, uint64_t now_ns, uint64_t *ret_wait_ns);

/* ---- between the files of this folder ---- */

/* Serves a checked request; `fd` is borrowed. False: the answer comes later (AGENT_WAIT). agent_serve.c */
bool agent_serve(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer);
/* What every answer says of the run. */
void agent_answer_begin(const struct run *run, uint32_t verb, struct agent_answer *answer);
void agent_say(struct agent_answer *answer, enum agent_outcome outcome, const char *rule, const char *reason,
	       const char *remedy);

#endif
