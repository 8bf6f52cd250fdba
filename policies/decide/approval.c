/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers a question (behaviour model, sections 5.5, 7.1, 9.1). */
#include "decide/question.h"

/* A row that says nothing is that of the next higher risk; where there is none, an admin answers. */
static struct govern_approval row_of(const struct govern_view *govern, unsigned int risk)
{
	for (; risk < RISK_COUNT && govern->settings; risk++)
		if (govern->settings->approvals[risk].role != ROLE_NONE)
			return govern->settings->approvals[risk];
	return (struct govern_approval){ .role = ROLE_ADMIN, .count = 1, .uses = 1,
					 .ttl_ns = 15ULL * 60 * 1000000000 };
}

struct govern_approval judge_approval(const struct govern_view *govern, const struct snapshot *snapshot,
				      const struct ruling *ruling)
{
	struct govern_approval row = row_of(govern, ruling->approval_risk);
	bool critical = ruling->approval_risk >= RISK_CRITICAL;
	uint8_t least = critical ? ROLE_ADMIN : ROLE_OPERATOR;

	if (row.role < least)
		row.role = least;
	if (critical && snapshot->tier >= 3)
		row.count = MAX(row.count, 2U);
	if (critical || row.count > 1)
		row.self = 0;
	return row;
}

static enum role role_find(struct slice name)
{
	static const char *const names[ROLE_COUNT] = {
		[ROLE_VIEWER] = "role:viewer", [ROLE_OPERATOR] = "role:operator", [ROLE_ADMIN] = "role:admin",
	};

	for (unsigned int i = ROLE_VIEWER; i < ROLE_COUNT; i++)
		if (slice_is(name, names[i]))
			return (enum role)i;
	return ROLE_NONE;
}

static bool route_permits(const struct question *question, uint16_t guard, struct slice user, enum role role)
{
	struct govern_list targets = guard_targets(question, guard);

	for (uint32_t i = 0; i < targets.count; i++) {
		struct slice target = govern_word(question->govern, targets, i);
		enum role least = role_find(target);

		if (slice_eq(target, user) || (least != ROLE_NONE && role >= least))
			return true;
	}
	return false;
}

bool judge_may_answer(const struct govern_view *govern, const struct action *action,
		      const struct snapshot *snapshot, uint64_t now_ns, const struct ruling *ruling,
		      struct slice user, enum role role, bool caller)
{
	struct govern_approval row = judge_approval(govern, snapshot, ruling);
	struct question question;
	uint64_t guards;

	if (!question_init(&question, govern, action, snapshot, now_ns) || (unsigned int)role >= ROLE_COUNT ||
	    role < row.role || (caller && !row.self) || !slice_starts(user, slice_of("user:")) ||
	    (row.of.count > 0 && !govern_has_word(govern, row.of, user)))
		return false;
	guards = guards_at(&question, POINT_APPROVAL_CREATE, 0);
	for (; guards; guards &= guards - 1) {
		uint16_t index = (uint16_t)__builtin_ctzll(guards);

		if (govern->guards[index].type == GUARD_ROUTE && !route_permits(&question, index, user, role))
			return false;
	}
	return true;
}
