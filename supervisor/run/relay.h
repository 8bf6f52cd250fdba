/* SPDX-License-Identifier: Apache-2.0 */
/* The relay of a run (bailiff-egress) as the supervisor sees it: started with the sandbox, ended after the
 * last process of the run, and what it reports in between. */
#ifndef RUN_RELAY_H
#define RUN_RELAY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/loop.h"
#include "daemon/wire.h"
#include "egress/wire.h"

struct run;

#define RELAY_PROGRAM_MAX 4096U

struct relay_setup {             /* the same for all runs */
	char program[RELAY_PROGRAM_MAX];
	uid_t uid;               /* 0 = the account is missing: no such run starts */
	gid_t gid;
	struct egress_resolver resolvers[EGRESS_RESOLVERS_MAX];
	uint32_t resolver_count; /* 0 = those of resolv.conf */
};

struct relay {
	struct source channel, process;
	int channel_fd, pidfd;   /* FD_NONE: none */
	bool ready;              /* it listens */
	bool stopping;           /* it was told to end */
	uint64_t give_up_ns;     /* then it is killed */
	bool init_waits;         /* pid 1 was ready first: */
	struct init_message init;
};

#define RELAY_NONE ((struct relay){ .channel_fd = FD_NONE, .pidfd = FD_NONE })

/* For a run with `mode: allowlist`; does nothing for others. Returns 0 or a negative errno with *err. */
int run_relay_start(struct run *run, struct error *err) MUST_USE;
/* True when there is none, or none any more. Else it was told to end, tells what it still knows, and
 * run_conclude() is called again. */
bool run_relay_ended(struct run *run);
/* At once; for run_free(). */
void run_relay_abandon(struct run *run);

/* A report that can be believed in its form. Pure. */
bool relay_report_is_sound(const struct egress_report *report, size_t len);

#endif
