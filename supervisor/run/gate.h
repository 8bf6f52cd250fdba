/* SPDX-License-Identifier: Apache-2.0 */
/* The exec gate of a run whose policy has rules: each execve is held in the kernel until it is judged. What
 * may happen is granted to the kernel (watch_grant()) and let go; the rest fails with EACCES. A task has
 * one listener: with a broker, that receives and hands the execs on.
 *
 * Nothing is answered while the run is frozen. */
#ifndef RUN_GATE_H
#define RUN_GATE_H

#include <stdint.h>

#include "base/error.h"
#include "decide/judge.h"

struct run;
struct gate;
struct event_head;

/* pid 1 is ready: takes run->launched.held_fd and execs_fd. No effect for a run without a gate. */
int gate_open(struct run *run, struct error *err) MUST_USE;
/* Closes the listener: what is still held fails with ENOSYS. Takes NULL. */
struct gate *gate_free(struct gate *gate);
/* The run is not frozen any more. */
void gate_go_on(struct run *run);
/* From time to time: a held call whose caller died says nothing. */
void gate_look(struct run *run);
/* Why the command itself was not executed; "" = it was not refused here. */
const char *gate_refusal(const struct run *run);
/* How often this identical action was denied in this run. */
uint32_t gate_denied_before(const struct run *run, const uint8_t digest[32]);
/* The kernel killed an exec that was not what was granted. */
void gate_ungranted(struct run *run, const struct event_head *event);

#endif
