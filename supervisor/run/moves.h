/* SPDX-License-Identifier: Apache-2.0 */
/* Which status of a run may follow which (the table of run status in the behaviour model). */
#ifndef RUN_MOVES_H
#define RUN_MOVES_H

#include <stdbool.h>

#include "daemon/wire.h"

/* False for every pair that the table does not list, and for numbers that are no status. */
bool run_move_allowed(enum run_status from, enum run_status to);
/* COMPLETED, FAILED, REVOKED. */
bool run_status_is_terminal(enum run_status status);
/* "RUNNING"; "?" for a number that is no status. */
const char *run_status_name(enum run_status status);
/* "wall_limit"; "?" for a number that is no cause. */
const char *run_cause_name(enum run_cause cause);

#endif
