/* SPDX-License-Identifier: Apache-2.0 */
/* Losses become gap records, with what is known about them: which ring, how many, why. */
#include "run/run.h"

#define GAP_RING_FULL 1U
#define GAP_QUEUE_LOST 3U
#define GAP_READ_ERROR 4U
#define LOSS_WINDOW_NS 10000000000ULL

static bool put_gap(struct runs *runs, uint32_t cause, int ring, uint64_t lost, uint64_t high)
{
	struct record_frame frame = record_frame_now(NULL);
	struct buf *buf = outbox_begin(runs->outbox, RECORD_GAP);
	struct draft draft;

	if (!buf)
		return false;
	draft = draft_begin(buf, RECORD_GAP, &frame, NULL);
	draft_by(&draft, "bailiffd");
	draft_uint(&draft, DETAIL_CAUSE, cause);
	draft_uint(&draft, DETAIL_LOST, lost);
	if (ring >= 0) {
		draft_uint(&draft, DETAIL_RING, (uint64_t)ring);
		draft_uint(&draft, DETAIL_HIGH, high);
	}
	return outbox_put(runs->outbox, RECORD_GAP, draft_end(&draft)) != 0;
}

static void blame(struct runs *runs, const char *message, uint64_t lost)
{
	/* A ring is shared, so the loss may be anybody's. */
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *run = runs->slots[i];

		if (!run || run->step != RUN_STEP_LIVE)
			continue;
		run->lost += lost;
		/* `on_loss: kill` takes any loss as a gap, however small. */
		if (message || run->plan.head->on_loss == LOSS_KILL)
			run_violation(run, OBSERVER_GAP, RECORD_EFFECT_OBSERVED, NULL, message,
				      (struct slice){ 0 }, NULL);
	}
}

static uint64_t ring_lost(const struct loss_counter *counter)
{
	return counter->full + counter->helper_errors;
}

static void check_bulk(struct runs *runs, uint64_t lost, uint64_t given)
{
	uint64_t now = now_monotonic_ns();

	if (now - runs->window_ns > LOSS_WINDOW_NS) {
		runs->window_ns = now;
		runs->window_lost = runs->window_events = 0;
	}
	runs->window_lost += lost;
	runs->window_events += given;
	if (lost > 0 && runs->window_lost > runs->window_events / 1000)
		blame(runs, "more than one event in a thousand was lost", lost);
	else if (lost > 0)
		blame(runs, NULL, lost);
}

void runs_check_losses(struct runs *runs)
{
	struct watch_losses now;
	uint64_t other;

	runs->queue_lost += outbox_take_lost(runs->outbox);
	if (runs->queue_lost > 0 && put_gap(runs, GAP_QUEUE_LOST, -1, runs->queue_lost, 0))
		runs->queue_lost = 0;
	if (watch_losses(runs->watch, &now) < 0)
		return;
	for (int ring = 0; ring < EVENT_RING_COUNT; ring++) {
		uint64_t lost = ring_lost(&now.ring[ring]) - ring_lost(&runs->losses.ring[ring]);
		uint64_t given = now.ring[ring].high - runs->losses.ring[ring].high;

		/* No room for the gap: looked at again from the same counters later. */
		if (lost > 0 && !put_gap(runs, GAP_RING_FULL, ring, lost, now.ring[ring].high))
			return;
		if (ring == EVENT_RING_BULK)
			check_bulk(runs, lost, given);
		else if (lost > 0)
			blame(runs, "an urgent event was lost", lost);
	}
	other = now.recursion_misses + now.invalid - runs->losses.recursion_misses -
		runs->losses.invalid;
	if (other > 0) {
		if (!put_gap(runs, GAP_READ_ERROR, -1, other, 0))
			return;
		blame(runs, "the observer missed an event", other);
	}
	runs->losses = now;
}
