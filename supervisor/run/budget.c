/* SPDX-License-Identifier: Apache-2.0 */
#include "run/budget.h"

#include "base/cleanup.h"

void budget_begin(struct budget *budget, const struct govern_budget *limits)
{
	*budget = (struct budget){ 0 };
	if (limits)
		budget->limits = *limits;
}

uint32_t budget_soft_total(const struct govern_budget *limits)
{
	uint64_t total = (uint64_t)limits->max_total * limits->soft_at / 1000;

	/* A part of a small total that is below one error is the first error. */
	return limits->soft_at == 0 ? 0 : (uint32_t)MAX(total, (uint64_t)1);
}

static enum budget_answer look(struct budget *budget)
{
	const struct govern_budget *limits = &budget->limits;
	uint32_t soft = budget_soft_total(limits);

	if (budget->exceeded)
		return BUDGET_COUNTED;
	if (budget->total > limits->max_total || budget->same_most > limits->max_same ||
	    budget->procedure > limits->max_procedure) {
		budget->exceeded = true;
		return BUDGET_EXCEEDED;
	}
	if (soft > 0 && !budget->soft_said && budget->total >= soft) {
		budget->soft_said = true;
		return BUDGET_SOFT;
	}
	return BUDGET_COUNTED;
}

enum budget_answer budget_error(struct budget *budget, enum budget_source source, uint64_t key)
{
	uint32_t same;

	if (!budget->limits.set || (unsigned int)source >= ERROR_SOURCE_COUNT ||
	    !(budget->limits.count >> source & 1U))
		return BUDGET_NOT_COUNTED;
	budget->total += budget->total < UINT32_MAX;
	same = tally_add(&budget->same, key);
	budget->same_most = MAX(budget->same_most, same);
	return look(budget);
}

enum budget_answer budget_procedure(struct budget *budget)
{
	if (!budget->limits.set)
		return BUDGET_NOT_COUNTED;
	budget->procedure += budget->procedure < UINT32_MAX;
	return look(budget);
}

bool budget_reset(struct budget *budget)
{
	if (budget->reset)
		return false;
	tally_clear(&budget->same);
	budget->total = budget->procedure = budget->same_most = 0;
	budget->exceeded = false;
	budget->reset = true;
	return true;
}

const char *budget_source_name(enum budget_source source)
{
	static const char *const names[ERROR_SOURCE_COUNT] = {
		[ERROR_DENIED] = "denied", [ERROR_REPORTED] = "reported", [ERROR_CHECK_FAILED] = "check_failed",
		[ERROR_CRASH] = "crash", [ERROR_FS_DENIED] = "fs_denied", [ERROR_NET_DENIED] = "net_denied",
	};

	return (unsigned int)source < ERROR_SOURCE_COUNT ? names[source] : "?";
}
