/* SPDX-License-Identifier: Apache-2.0 */
/* The error budget of one run (behaviour model, section 10.6): how many errors, how many of the same, how many
 * violations of procedure. Exceeded means more than the limit. Pure. */
#ifndef RUN_BUDGET_H
#define RUN_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/govern.h"
#include "run/tally.h"

struct budget {
	struct govern_budget limits;  /* `set` 0: nothing is counted */
	uint32_t total, procedure, same_most;
	struct tally same;
	bool soft_said, exceeded, reset;
};

enum budget_answer {
	BUDGET_NOT_COUNTED,       /* the policy does not count this source, or has no budget */
	BUDGET_COUNTED,
	BUDGET_SOFT,              /* once a run: pause, and ask for a clarified plan */
	BUDGET_EXCEEDED,          /* once, until it is reset */
};

void budget_begin(struct budget *budget, const struct govern_budget *limits);
/* One more error. `key`: what makes it the same as another: source, rule, program, errno or code. */
enum budget_answer budget_error(struct budget *budget, enum budget_source source, uint64_t key);
enum budget_answer budget_procedure(struct budget *budget);
/* The total at which BUDGET_SOFT is said; 0 = never. */
uint32_t budget_soft_total(const struct govern_budget *limits);
/* `on_exceed: ask` was approved: counts begin anew. False: that was so once already. */
bool budget_reset(struct budget *budget);
/* "denied", "reported", ... */
const char *budget_source_name(enum budget_source source);

#endif
