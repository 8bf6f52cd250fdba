/* SPDX-License-Identifier: Apache-2.0 */
/* One connected run: relays its terminal and signals and shows what the supervisor says, until the
 * run is over. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/error.h"
#include "cli/detach_keys.h"
#include "daemon/wire.h"

struct identity;

struct session_spec {
	int control_fd;       /* connected; borrowed */
	int plan_fd;          /* the sealed plan; borrowed */
	struct ulid *ret_run; /* set when the run started, zero again when it was left */
	int *secrets_fd;      /* of secrets_gather(); FD_NONE = none; closed when sent */
	int stdio[3];         /* of the command; borrowed */
	int report_fd;        /* keeper.h: who is told of the start; FD_NONE = nobody */
	bool detached;        /* nobody sits here: the terminal of the command is for those who attach */
	struct detach_keys detach_keys; /* what leaves the run; none by default */
	const struct identity *identity; /* whose rights a keeper has; borrowed */
	bool ask;             /* what the run asks of people is asked at our terminal */
	bool quiet, verbose, json;
	const char *task;     /* NULL = of none */
	const char *policy_note; /* behind the policy's name in the banner; NULL = nothing */
};

/* Sends WIRE_RUN with our stdio and a new session channel and stays until the run ended. Blocks
 * signals meanwhile and forwards them. The terminal is back to what it was, in each case.
 *
 * Returns the exit code for `bailiff run`; or a negative errno with text and exit code in *err when
 * the supervisor refused or went away. */
int session_run(const struct session_spec *spec, struct error *err) MUST_USE;

#endif
