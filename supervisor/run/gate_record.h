/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger hears of judged execs: each denial and question, of what is allowed a sample, and the
 * violations that a ruling raises. */
#ifndef RUN_GATE_RECORD_H
#define RUN_GATE_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "decide/govern.h"

#define GATE_DENIED_MAX 64U

struct run;
struct exec_case;

/* What was said before. */
struct gate_memory {
	struct {
		uint8_t digest[32];
		uint32_t count;
	} denied[GATE_DENIED_MAX];
	uint32_t allowed[GOVERN_CAPABILITIES_MAX + 1]; /* by capability; the last one: of none */
};

/* How often the action with this digest was denied; of those that are remembered. */
uint32_t gate_memory_find(const struct gate_memory *memory, const uint8_t digest[32]);
/* The process of a thread: its pid and when it started, 0 when that is not known. */
void gate_process(const struct run *run, pid_t tid, uint32_t *ret_pid, uint64_t *ret_start_ns);
/* Records the ruling and raises its violation; run_settle() follows. */
void gate_record(struct run *run, struct gate_memory *memory, const struct exec_case *exec);
/* Refused without a ruling: it could not be looked at whole. */
void gate_record_unfit(struct run *run, pid_t tid, const char *path, const char *why);

#endif
