/* SPDX-License-Identifier: Apache-2.0 */
#include "run/approvals.h"

#include <assert.h>
#include <string.h>

#define TO(state) (1U << APPROVAL_##state)

/* An empty row is the end. */
static const unsigned int moves[APPROVAL_STATE_COUNT] = {
	[APPROVAL_PENDING] = TO(CLAIMED) | TO(APPROVED) | TO(REJECTED) | TO(EXPIRED) | TO(CANCELLED),
	[APPROVAL_CLAIMED] = TO(PENDING) | TO(APPROVED) | TO(REJECTED) | TO(EXPIRED) | TO(CANCELLED),
	[APPROVAL_APPROVED] = TO(CONSUMED) | TO(EXPIRED) | TO(CANCELLED),
};

static const char *const results[] = {
	[RESULT_UNKNOWN] = "there is no such item",
	[RESULT_DECIDED] = "it is over",
	[RESULT_ROLE] = "it needs a higher role",
	[RESULT_NOT_NAMED] = "the policy names others to answer it",
	[RESULT_SELF] = "nobody answers their own request here",
	[RESULT_AGENT] = "the user that the run has may not answer for it",
	[RESULT_TERMINAL] = "one's own request is answered at a terminal only",
	[RESULT_CODE] = "the code is another one",
	[RESULT_CLAIMED] = "somebody else has claimed it",
	[RESULT_TWICE] = "one person has one vote",
	[RESULT_OTHER] = "what was shown is not what is asked",
	[RESULT_NOT_CLAIMED] = "it is not claimed by you",
	[RESULT_DONE] = "done",
	[RESULT_VOTED] = "counted; more votes are needed",
};
static_assert(COUNT(results) == RESULT_COUNT, "a result has no text");

bool approval_move_allowed(enum approval_state from, enum approval_state to)
{
	if ((unsigned int)from >= APPROVAL_STATE_COUNT || (unsigned int)to >= APPROVAL_STATE_COUNT)
		return false;
	return (moves[from] >> to & 1U) == 1U;
}

bool approval_is_open(enum approval_state state)
{
	return state == APPROVAL_PENDING || state == APPROVAL_CLAIMED;
}

const char *approval_result_text(enum approval_result result)
{
	return (unsigned int)result < RESULT_COUNT ? results[result] : "?";
}

static bool move(struct approval *approval, enum approval_state to)
{
	if (!approval_move_allowed((enum approval_state)approval->state, to))
		return false;
	approval->state = to;
	if (to != APPROVAL_CLAIMED)
		approval->claimed_by = UID_NONE;
	return true;
}

/* ---- the table ---- */

static bool is_live(const struct approval *approval)
{
	return approval_is_open((enum approval_state)approval->state) || approval->state == APPROVAL_APPROVED;
}

bool approval_is_valid(const struct approval *item)
{
	const struct { const char *text; size_t size; } texts[] = {
		{ item->binding.capability, sizeof(item->binding.capability) }, { item->code, sizeof(item->code) },
		{ item->rule, sizeof(item->rule) }, { item->agent, sizeof(item->agent) },
		{ item->reason, sizeof(item->reason) }, { item->text, sizeof(item->text) },
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		if (strnlen(texts[i].text, texts[i].size) == texts[i].size)
			return false;
	}
	return item->state > APPROVAL_NONE && item->state < APPROVAL_STATE_COUNT && item->type < INBOX_TYPE_COUNT &&
	       item->priority < PRIORITY_COUNT && item->role < ROLE_COUNT && item->of_count <= APPROVAL_PEOPLE_MAX &&
	       item->vote_count <= APPROVAL_PEOPLE_MAX && item->count <= APPROVAL_PEOPLE_MAX;
}

static uint32_t live_of(const struct approvals *approvals, const struct ulid *run)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < approvals->count; i++) {
		if (is_live(&approvals->items[i]) &&
		    memcmp(&approvals->items[i].binding.run, run, sizeof(*run)) == 0)
			live++;
	}
	return live;
}

static struct approval *place(struct approvals *approvals)
{
	struct approval *oldest = NULL;

	if (approvals->count < APPROVALS_MAX)
		return &approvals->items[approvals->count++];
	for (uint32_t i = 0; i < approvals->count; i++) {
		struct approval *item = &approvals->items[i];

		if (!is_live(item) && (!oldest || item->number < oldest->number))
			oldest = item;
	}
	return oldest;
}

struct approval *approvals_add(struct approvals *approvals, const struct approval *item)
{
	struct approval *to;

	if (live_of(approvals, &item->binding.run) >= APPROVALS_PER_RUN)
		return NULL;
	to = place(approvals);
	if (!to)
		return NULL;
	*to = *item;
	to->number = ++approvals->last_number;
	to->state = APPROVAL_PENDING;
	to->claimed_by = UID_NONE;
	to->used = to->vote_count = 0;
	return to;
}

struct approval *approvals_find(struct approvals *approvals, const struct ulid *id)
{
	for (uint32_t i = 0; i < approvals->count; i++) {
		if (memcmp(&approvals->items[i].id, id, sizeof(*id)) == 0)
			return &approvals->items[i];
	}
	return NULL;
}

struct approval *approvals_number(struct approvals *approvals, uint32_t number)
{
	for (uint32_t i = 0; i < approvals->count; i++) {
		if (approvals->items[i].number == number)
			return &approvals->items[i];
	}
	return NULL;
}

bool approval_is_about(const struct approval *approval, const struct approval_binding *action)
{
	struct approval_binding same = *action;

	memcpy(same.nonce, approval->binding.nonce, sizeof(same.nonce));
	same.expires_ns = approval->binding.expires_ns;
	same.uses = approval->binding.uses;
	return memcmp(&same, &approval->binding, sizeof(same)) == 0;
}

struct approval *approvals_same(struct approvals *approvals, const struct approval_binding *binding)
{
	for (uint32_t i = 0; i < approvals->count; i++) {
		if (is_live(&approvals->items[i]) && approval_is_about(&approvals->items[i], binding))
			return &approvals->items[i];
	}
	return NULL;
}

const struct approval *approvals_refused(const struct approvals *approvals, const struct approval_binding *binding,
					 uint64_t now_ns)
{
	for (uint32_t i = 0; i < approvals->count; i++) {
		const struct approval *item = &approvals->items[i];

		if ((item->state == APPROVAL_REJECTED || item->state == APPROVAL_EXPIRED) && item->refused_ns &&
		    now_ns < item->refused_ns + APPROVAL_REFUSAL_NS && approval_is_about(item, binding))
			return item;
	}
	return NULL;
}

/* ---- answers ---- */

static bool is_named(const struct approval *approval, uid_t uid)
{
	for (uint32_t i = 0; i < approval->of_count; i++) {
		if (approval->of[i] == uid)
			return true;
	}
	return approval->of_count == 0;
}

static bool has_voted(const struct approval *approval, uid_t uid)
{
	for (uint32_t i = 0; i < approval->vote_count; i++) {
		if (approval->votes[i].uid == uid)
			return true;
	}
	return false;
}

enum approval_result approval_may_answer(const struct approval *approval, const struct answerer *who)
{
	if (!approval_is_open((enum approval_state)approval->state))
		return RESULT_DECIDED;
	/* Before the role: whoever has the run's uid may be the agent, whatever groups it is in. */
	if (who->uid == approval->run_uid && who->uid != approval->owner_uid)
		return RESULT_AGENT;
	if ((uint32_t)who->role < MAX(approval->role, (uint32_t)ROLE_OPERATOR))
		return RESULT_ROLE;
	if (!is_named(approval, who->uid))
		return RESULT_NOT_NAMED;
	if (has_voted(approval, who->uid))
		return RESULT_TWICE;
	if (who->uid != approval->owner_uid)
		return RESULT_DONE;
	/* Of several people each must be another than who asked. */
	if (!approval->self || approval->count > 1)
		return RESULT_SELF;
	return who->terminal ? RESULT_DONE : RESULT_TERMINAL;
}

static bool by_another(const struct approval *approval, const struct answerer *who, uint64_t now_ns)
{
	return approval->state == APPROVAL_CLAIMED && approval->claimed_by != who->uid &&
	       now_ns < approval->claimed_until_ns;
}

enum approval_result approval_claim(struct approval *approval, const struct answerer *who, uint64_t now_ns)
{
	enum approval_result may;

	IGNORE(approval_tick(approval, now_ns)); /* its state is looked at next */
	may = approval_may_answer(approval, who);
	if (may != RESULT_DONE)
		return may;
	if (by_another(approval, who, now_ns))
		return RESULT_CLAIMED;
	approval->state = APPROVAL_CLAIMED; /* from PENDING, or once more */
	approval->claimed_by = who->uid;
	approval->claimed_until_ns = now_ns + APPROVAL_CLAIM_NS;
	return RESULT_DONE;
}

enum approval_result approval_release(struct approval *approval, const struct answerer *who, uint64_t now_ns)
{
	IGNORE(approval_tick(approval, now_ns)); /* as above */
	if (!approval_is_open((enum approval_state)approval->state))
		return RESULT_DECIDED;
	/* An admin may take it from somebody who went home. */
	if (approval->state != APPROVAL_CLAIMED ||
	    (approval->claimed_by != who->uid && who->role != ROLE_ADMIN))
		return RESULT_NOT_CLAIMED;
	return move(approval, APPROVAL_PENDING) ? RESULT_DONE : RESULT_DECIDED;
}

/* One's own request: only whoever reads the screen has the code. */
static enum approval_result code_check(const struct approval *approval, const struct answerer *who)
{
	if (who->uid != approval->owner_uid)
		return RESULT_DONE;
	if (approval->code[0] && strncmp(who->code, approval->code, sizeof(approval->code)) == 0)
		return RESULT_DONE;
	return RESULT_CODE;
}

enum approval_result approval_accept(struct approval *approval, uid_t uid, uint64_t realtime_ns)
{
	if (!approval_is_open((enum approval_state)approval->state) || approval->vote_count >= APPROVAL_PEOPLE_MAX)
		return RESULT_DECIDED; /* `count` is at most that: never */
	approval->votes[approval->vote_count++] =
		(struct approval_vote){ .uid = uid, .yes = 1, .realtime_ns = realtime_ns };
	if (approval->vote_count < approval->count) {
		/* For the next one to see. */
		if (approval->state == APPROVAL_CLAIMED)
			IGNORE(!move(approval, APPROVAL_PENDING)); /* the table has it */
		return RESULT_VOTED;
	}
	approval->decided_realtime_ns = realtime_ns;
	return move(approval, APPROVAL_APPROVED) ? RESULT_DONE : RESULT_DECIDED;
}

enum approval_result approval_reject(struct approval *approval, uid_t uid, uint64_t realtime_ns)
{
	if (!approval_is_open((enum approval_state)approval->state))
		return RESULT_DECIDED;
	if (approval->vote_count < APPROVAL_PEOPLE_MAX)
		approval->votes[approval->vote_count++] =
			(struct approval_vote){ .uid = uid, .realtime_ns = realtime_ns };
	approval->decided_realtime_ns = realtime_ns;
	return move(approval, APPROVAL_REJECTED) ? RESULT_DONE : RESULT_DECIDED;
}

/* Who asked may say no whatever the policy wants of a yes: that only narrows. */
static bool may_withdraw(const struct approval *approval, const struct answerer *who, enum approval_result why)
{
	return who->uid == approval->owner_uid && who->role >= ROLE_OPERATOR && why != RESULT_DECIDED &&
	       why != RESULT_AGENT;
}

enum approval_result approval_answer(struct approval *approval, const struct answerer *who,
				     const struct approval_binding *seen, bool yes, uint64_t now_ns,
				     uint64_t realtime_ns)
{
	enum approval_result may;

	IGNORE(approval_tick(approval, now_ns)); /* an answer behind the deadline is none */
	may = approval_may_answer(approval, who);
	if (may != RESULT_DONE && (yes || !may_withdraw(approval, who, may)))
		return may;
	if (by_another(approval, who, now_ns))
		return RESULT_CLAIMED;
	if (memcmp(seen, &approval->binding, sizeof(*seen)) != 0)
		return RESULT_OTHER;
	if (!yes) {
		approval->refused_ns = now_ns;
		return approval_reject(approval, who->uid, realtime_ns);
	}
	may = code_check(approval, who);
	return may == RESULT_DONE ? approval_accept(approval, who->uid, realtime_ns) : may;
}

bool approval_consume(struct approval *approval, const struct approval_binding *action, uint64_t now_ns)
{
	IGNORE(approval_tick(approval, now_ns)); /* its state is looked at next */
	if (approval->state != APPROVAL_APPROVED || approval->used >= approval->binding.uses ||
	    !approval_is_about(approval, action))
		return false;
	approval->used++;
	return approval->used < approval->binding.uses || move(approval, APPROVAL_CONSUMED);
}

bool approval_cancel(struct approval *approval)
{
	return move(approval, APPROVAL_CANCELLED);
}

/* ---- time ---- */

bool approval_tick(struct approval *approval, uint64_t now_ns)
{
	if (!is_live(approval))
		return false;
	if (now_ns >= approval->binding.expires_ns) {
		approval->refused_ns = approval->state == APPROVAL_APPROVED ? 0 : now_ns;
		return move(approval, APPROVAL_EXPIRED);
	}
	if (approval->state == APPROVAL_CLAIMED && now_ns >= approval->claimed_until_ns)
		return move(approval, APPROVAL_PENDING);
	return false;
}

uint64_t approvals_deadline(const struct approvals *approvals)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < approvals->count; i++) {
		const struct approval *item = &approvals->items[i];

		if (!is_live(item))
			continue;
		first = MIN(first, item->binding.expires_ns);
		if (item->state == APPROVAL_CLAIMED)
			first = MIN(first, item->claimed_until_ns);
	}
	return first;
}

int approval_compare(const struct approval *one, const struct approval *other)
{
	if (one->priority != other->priority)
		return one->priority > other->priority ? -1 : 1;
	if (one->number != other->number)
		return one->number < other->number ? -1 : 1;
	return 0;
}
