/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that ran in a run: which capability, on which inputs, with which exit code, when (behaviour model, section 3.5,
 * RUN_WITHOUT_CHECK). Begun at exec, filled at the process's exit. Fixed memory: the oldest makes room. Pure. */
#ifndef RUN_CHECKS_H
#define RUN_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/judge.h"

#define CHECKS_MAX 64U

struct checks {
	struct check {
		uint64_t order;        /* rising; 0 = free */
		uint64_t start_ns;     /* of its process, with pid: its identity */
		uint32_t pid;
		uint16_t capability;
		bool ended;
		int32_t status;        /* as in wait(2) */
		uint64_t ended_ns;     /* CLOCK_MONOTONIC */
		uint8_t inputs[32];
	} items[CHECKS_MAX];
	uint64_t last;
};

/* A process executes a check. The same process again: what it did before does not count. */
void checks_begin(struct checks *checks, uint32_t pid, uint64_t start_ns, uint16_t capability,
		  const uint8_t inputs[32]);
/* A process ended. Returns the capability of its check, or GOVERN_NONE. */
uint16_t checks_end(struct checks *checks, uint32_t pid, uint64_t start_ns, int status, uint64_t now_ns);
/* The newest check of this capability that ended, on the same inputs if there is one. *ret_age_ns is set for
 * CHECK_OK. */
enum check_state checks_state(const struct checks *checks, uint16_t capability, const uint8_t inputs[32],
			      uint64_t now_ns, uint64_t *ret_age_ns);

#endif
