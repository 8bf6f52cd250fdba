/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the relay of a run (bailiff-egress; network mode `allowlist`): its listeners are made inside the
 * run's network namespace, before the command exists; everything else of it is outside. */
#ifndef LAUNCH_RELAY_H
#define LAUNCH_RELAY_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"

struct relay_spec {              /* all borrowed */
	const char *program;
	uid_t uid;               /* account bailiff-egress; never 0 */
	gid_t gid;
	pid_t run_pid;           /* pid 1 of the run, not reaped */
	int channel_fd;          /* the relay's end: struct egress_report */
	int config_fd;           /* sealed memfd: struct egress_config */
	int slots_fd;            /* watch_run_relay() */
	const uint16_t *expose;  /* ports that the host reaches at 127.0.0.1 */
	uint32_t expose_count;
};

/* Returns 0 and the relay's pidfd, owned by the caller, who reaps it; or a negative errno with *err. What
 * fails in the child is its end, before it says EGRESS_READY. */
int launch_relay(const struct relay_spec *spec, int *ret_pidfd, struct error *err) MUST_USE;

#endif
