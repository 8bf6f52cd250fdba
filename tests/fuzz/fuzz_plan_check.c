/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are answered; what is accepted can be walked to its ends and is never root. */
#include <stdint.h>

#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_plan(const struct plan *plan)
{
	struct request request = { .kind = REQUEST_READ, .path = slice_of("/w/x") };
	struct decision decision;
	struct rules rules;
	size_t total = 0;

	for (uint32_t i = 0; i < plan->head->sections[PLAN_MOUNTS].count; i++)
		total += strlen(plan_text(plan, plan->mounts[i].target)) +
			 strlen(plan_text(plan, plan->mounts[i].source));
	total += strlen(plan_text(plan, plan->head->program));
	total += plan_vector(plan->argv, NULL, 0) + plan_vector(plan->env, NULL, 0);
	plan_rules(plan, &rules);
	decide(&rules, &request, &decision);
	if (total == 0 || plan->head->uid == 0 || plan->head->gid == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Aligned as a mapped memfd is. */
	void *bytes = aligned_alloc(16, (size + 16) & ~(size_t)15);
	struct plan plan;

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	if (plan_check(bytes, size, &plan, NULL) == 0)
		use_plan(&plan);
	free(bytes);
	return 0;
}
