/* SPDX-License-Identifier: Apache-2.0 */
#include "run/checks.h"

#include <string.h>

#include "base/cleanup.h"

static struct check *of_process(struct checks *checks, uint32_t pid, uint64_t start_ns)
{
	for (size_t i = 0; i < CHECKS_MAX; i++) {
		struct check *check = &checks->items[i];

		if (check->order && !check->ended && check->pid == pid && check->start_ns == start_ns)
			return check;
	}
	return NULL;
}

static struct check *room(struct checks *checks)
{
	struct check *oldest = &checks->items[0];

	for (size_t i = 1; i < CHECKS_MAX; i++)
		if (checks->items[i].order < oldest->order)
			oldest = &checks->items[i];
	return oldest;
}

void checks_begin(struct checks *checks, uint32_t pid, uint64_t start_ns, uint16_t capability,
		  const uint8_t inputs[32])
{
	struct check *check = of_process(checks, pid, start_ns);

	if (!check)
		check = room(checks);
	*check = (struct check){ .order = ++checks->last, .start_ns = start_ns, .pid = pid, .capability = capability };
	memcpy(check->inputs, inputs, sizeof(check->inputs));
}

uint16_t checks_end(struct checks *checks, uint32_t pid, uint64_t start_ns, int status, uint64_t now_ns)
{
	struct check *check = of_process(checks, pid, start_ns);

	if (!check)
		return GOVERN_NONE;
	check->ended = true;
	check->status = status;
	check->ended_ns = now_ns;
	return check->capability;
}

enum check_state checks_state(const struct checks *checks, uint16_t capability, const uint8_t inputs[32],
			      uint64_t now_ns, uint64_t *ret_age_ns)
{
	const struct check *best = NULL;
	bool differ = false;

	for (size_t i = 0; i < CHECKS_MAX; i++) {
		const struct check *check = &checks->items[i];

		if (!check->order || !check->ended || check->capability != capability)
			continue;
		if (memcmp(check->inputs, inputs, sizeof(check->inputs)) != 0)
			differ = true;
		else if (!best || check->ended_ns > best->ended_ns ||
			 (check->ended_ns == best->ended_ns && check->order > best->order))
			best = check;
	}
	if (!best)
		return differ ? CHECK_INPUTS_DIFFER : CHECK_MISSING;
	if (best->status != 0)
		return CHECK_FAILED;
	*ret_age_ns = now_ns - MIN(now_ns, best->ended_ns);
	return CHECK_OK;
}
