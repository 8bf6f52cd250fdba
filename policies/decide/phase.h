/* SPDX-License-Identifier: Apache-2.0 */
/* The nine phases of a run (behaviour model, section 2.5) beyond phase_name() and next_phase() of judge.h. Pure. */
#ifndef DECIDE_PHASE_H
#define DECIDE_PHASE_H

#include <stdbool.h>

#include "base/slice.h"
#include "decide/govern.h"
#include "decide/judge.h"

/* The phase of this name in any letter case; PHASE_COUNT when there is none. */
enum phase phase_find(struct slice name);
/* EXIT, REVOKED. */
bool is_terminal_phase(enum phase phase);

#endif
