/* SPDX-License-Identifier: Apache-2.0 */
#include "run/waivers.h"

#include <assert.h>
#include <string.h>

#define TO(state) (1U << WAIVER_##state)

static const unsigned int moves[WAIVER_STATE_COUNT] = {
	[WAIVER_GRANTED] = TO(CONSUMED) | TO(EXPIRED) | TO(WITHDRAWN),
};

static const char *const names[] = {
	[WAIVER_NONE] = "NONE", [WAIVER_GRANTED] = "GRANTED", [WAIVER_CONSUMED] = "CONSUMED",
	[WAIVER_EXPIRED] = "EXPIRED", [WAIVER_WITHDRAWN] = "WITHDRAWN",
};
static_assert(COUNT(names) == WAIVER_STATE_COUNT, "a state has no name");

bool waiver_move_allowed(enum waiver_state from, enum waiver_state to)
{
	if ((unsigned int)from >= WAIVER_STATE_COUNT || (unsigned int)to >= WAIVER_STATE_COUNT)
		return false;
	return (moves[from] >> to & 1U) == 1U;
}

const char *waiver_state_name(enum waiver_state state)
{
	return (unsigned int)state < WAIVER_STATE_COUNT ? names[state] : "?";
}

static bool move(struct waiver *waiver, enum waiver_state to)
{
	if (!waiver_move_allowed((enum waiver_state)waiver->state, to))
		return false;
	waiver->state = to;
	return true;
}

static struct waiver *place(struct waivers *waivers)
{
	if (waivers->count < WAIVERS_MAX)
		return &waivers->items[waivers->count++];
	for (uint32_t i = 0; i < waivers->count; i++) {
		if (waivers->items[i].state != WAIVER_GRANTED)
			return &waivers->items[i];
	}
	return NULL;
}

struct waiver *waivers_add(struct waivers *waivers, const struct waiver *item, uint32_t number)
{
	struct waiver *to = place(waivers);

	if (!to)
		return NULL;
	*to = *item;
	to->number = number;
	to->state = WAIVER_GRANTED;
	return to;
}

struct waiver *waivers_number(struct waivers *waivers, uint32_t number)
{
	for (uint32_t i = 0; i < waivers->count; i++) {
		if (waivers->items[i].number == number)
			return &waivers->items[i];
	}
	return NULL;
}

bool waiver_consume(struct waiver *waiver, const struct ulid *run, const uint8_t action[32], uint64_t now_ns)
{
	static const uint8_t any[32];

	IGNORE(waiver_tick(waiver, now_ns)); /* its state is looked at next */
	if (memcmp(&waiver->run, run, sizeof(*run)) != 0 ||
	    (memcmp(waiver->action, any, sizeof(any)) != 0 && memcmp(waiver->action, action, sizeof(any)) != 0))
		return false;
	return move(waiver, WAIVER_CONSUMED);
}

bool waiver_withdraw(struct waiver *waiver)
{
	return move(waiver, WAIVER_WITHDRAWN);
}

bool waiver_tick(struct waiver *waiver, uint64_t now_ns)
{
	return waiver->state == WAIVER_GRANTED && now_ns >= waiver->expires_ns && move(waiver, WAIVER_EXPIRED);
}

uint64_t waivers_deadline(const struct waivers *waivers)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < waivers->count; i++) {
		if (waivers->items[i].state == WAIVER_GRANTED)
			first = MIN(first, waivers->items[i].expires_ns);
	}
	return first;
}
