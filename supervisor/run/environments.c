/* SPDX-License-Identifier: Apache-2.0 */
/* Files and addresses that belong to an environment which the run's tier or owner does not cover: the plan has
 * them hidden and denied (plan/rules.c), and here a refusal gets its right name. */
#include <stdio.h>

#include "decide/judge.h"
#include "run/run.h"

void run_decide_environment(const struct run *run, const struct request *request, struct decision *decision)
{
	char principal[POLICY_NAME_MAX + 16];

	if (decision->verdict != VERDICT_DENY || !run->plan.govern.settings || run->plan.govern.environments_count == 0)
		return;
	IGNORE(snprintf(principal, sizeof(principal), "agent:%s", plan_text(&run->plan, run->plan.head->agent)) < 0);
	IGNORE(!environment_refuses(&run->plan.govern, run->plan.head->tier, slice_of(principal), request, decision));
}
