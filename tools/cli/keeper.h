/* SPDX-License-Identifier: Apache-2.0 */
/* A run without a terminal of the person: a process of ours, in a session of its own, with the person's rights and no more,
 * keeps the run's connection and the master of its pty, so that `bailiff attach` finds somebody. It ends with the run. */
#ifndef CLI_KEEPER_H
#define CLI_KEEPER_H

#include "cli/session.h"

struct session;

/* `bailiff run --detach`: forks. The parent returns when the run has started, with its id in *ret_run, or was refused,
 * which the child has said on stderr: *ret_code is then the exit code, else 0. The child returns, too, when the run is
 * over, with *ret_run zero: it ends with *ret_code. Or -errno, in the parent only. */
int keeper_start(const struct session_spec *spec, struct ulid *ret_run, int *ret_code, struct error *err) MUST_USE;

/* The keys for it were typed: forks. In the parent the session is over; the child goes on as keeper. */
void keeper_detach(struct session *session);

/* Called by the child of keeper_start() when its run has started: tells the parent, lets stderr go. -EPIPE: nobody waits
 * any more. */
int keeper_report(int report_fd, const struct ulid *run) MUST_USE;

#endif
