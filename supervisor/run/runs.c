/* SPDX-License-Identifier: Apache-2.0 */
/* What all runs share: the rings' reader, the ticks, the list. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "run/run.h"

#define READ_BATCH 4096U  /* records of each ring in one turn: other sources get their turn, too */
#define QUIET_POLLS 10U     /* of WATCH_POLL_INTERVAL_NS, before the next ones are WATCH_DOZE_NS apart */

struct run *runs_find(const struct runs *runs, const struct ulid *id)
{
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i] && memcmp(&runs->slots[i]->id, id, sizeof(*id)) == 0)
			return runs->slots[i];
	}
	return NULL;
}

static struct run *find_cgroup(struct runs *runs, uint64_t cgroup_id)
{
	if (runs->last && runs->last->launched.cgroup.id == cgroup_id)
		return runs->last;
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i] && runs->slots[i]->launched.cgroup.id == cgroup_id) {
			runs->last = runs->slots[i];
			return runs->last;
		}
	}
	return NULL;
}

void runs_event(void *ctx, const struct event_head *event)
{
	struct runs *runs = ctx;
	struct run *run = find_cgroup(runs, event->cgroup_id);

	if (run)
		run_event(run, event);
	else
		runs->strays++;
}

int runs_read(struct runs *runs, bool drain)
{
	int r = drain ? watch_drain(runs->watch) : watch_poll(runs->watch, READ_BATCH);

	/* A ring that cannot be read shows as lost events at the next tick. */
	if (r > 0)
		outbox_flush(runs->outbox);
	return r;
}

static void settle_all(struct runs *runs)
{
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i])
			run_settle(runs->slots[i]);
	}
}

void runs_ring_press(void *ctx, uint64_t cgroup_id, bool on)
{
	struct runs *runs = ctx;
	struct run *run = find_cgroup(runs, cgroup_id);

	if (run)
		run_ring_press(run, on); /* its processes are stopped */
}

void runs_alive(struct runs *runs)
{
	uint64_t now = now_monotonic_ns(), from = runs->alive_ns;
	char text[WIRE_TEXT_MAX];

	runs->alive_ns = runs->count > 0 ? now : 0;
	watch_alive(runs->watch, runs->alive_ns);
	if (from == 0 || now - from < WATCH_DEAD_MAN_NS)
		return;
	IGNORE(snprintf(text, sizeof(text), "the supervisor did not answer for %llu ms; the kernel stopped "
			"the run for that time", (unsigned long long)((now - from) / 1000000)) < 0);
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *run = runs->slots[i];

		if (!run || run->step != RUN_STEP_LIVE)
			continue;
		run_heartbeat_stood(run, from, now);
		runs->callbacks.notice(runs->callbacks.ctx, run, text);
	}
}

static int urgent_ready(struct source *source, uint32_t events)
{
	struct runs *runs = container_of(source, struct runs, watch_source);

	(void)events;
	runs_alive(runs);
	runs_read(runs, false);
	settle_all(runs);
	return 0;
}

/* Beside runs that only wait the supervisor does, too: 1 000 wake-ups each second were 2 % of a CPU. What ends or
 * begins is looked at each time. */
static bool may_doze(struct runs *runs, int found)
{
	runs->quiet_polls = found == 0 ? runs->quiet_polls + 1 : 0;
	if (runs->quiet_polls < QUIET_POLLS)
		return false;
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i] && runs->slots[i]->step != RUN_STEP_LIVE)
			return false;
	}
	return watch_doze(runs->watch, true);
}

static int poll_due(struct timer *timer, uint64_t now_ns)
{
	struct runs *runs = container_of(timer, struct runs, poll_timer);
	int found;

	runs_alive(runs);
	found = runs_read(runs, false);
	settle_all(runs);
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i])
			run_look_empty(runs->slots[i]);
	}
	if (runs->count == 0) {
		runs_alive(runs);
		return 0;
	}
	return loop_timer_set(runs->loop, timer, now_ns + (may_doze(runs, found) ? WATCH_DOZE_NS
								     : WATCH_POLL_INTERVAL_NS), poll_due);
}

int runs_look_often(struct runs *runs)
{
	runs->quiet_polls = 0;
	watch_doze(runs->watch, false);
	return loop_timer_set(runs->loop, &runs->poll_timer, now_monotonic_ns(), poll_due);
}

static int bulk_ready(struct source *source, uint32_t events)
{
	(void)events;
	return runs_look_often(container_of(source, struct runs, bulk_source));
}

/* No run for a while: then the hooks that every task of the host passes are taken away, and the tick ends. Not
 * at once, because to attach them again takes a launch's time. */
static bool at_rest(struct runs *runs, uint64_t now_ns)
{
	if (runs->count > 0)
		runs->idle_ns = 0;
	else if (runs->idle_ns == 0)
		runs->idle_ns = now_ns;
	if (runs->idle_ns == 0 || now_ns - runs->idle_ns < RUNS_REST_NS)
		return false;
	watch_rest(runs->watch);
	runs->idle_ns = 0;
	return true;
}

static int tick_due(struct timer *timer, uint64_t now_ns)
{
	struct runs *runs = container_of(timer, struct runs, tick_timer);

	runs_alive(runs);
	runs_check_losses(runs);
	if (runs->count > 0)
		runs_porter_start(runs);
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i] && runs->slots[i]->step == RUN_STEP_LIVE)
			run_check_limits(runs->slots[i]);
		if (runs->slots[i])
			gate_look(runs->slots[i]);
	}
	settle_all(runs);
	if (at_rest(runs, now_ns))
		return 0;
	return loop_timer_set(runs->loop, timer, now_ns + RUN_TICK_NS, tick_due);
}

int runs_wake(struct runs *runs)
{
	int r;

	runs_alive(runs);
	r = runs_look_often(runs);
	if (r == 0 && !runs->tick_timer.slot)
		r = loop_timer_set(runs->loop, &runs->tick_timer, now_monotonic_ns() + RUN_TICK_NS, tick_due);
	return r;
}

void runs_press(struct runs *runs, bool high)
{
	runs->pressed = high;
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (runs->slots[i] && high)
			IGNORE(!run_pause(runs->slots[i], PAUSE_LEDGER)); /* false: it does not live */
		else if (runs->slots[i])
			IGNORE(!run_resume(runs->slots[i], PAUSE_LEDGER)); /* false: it was not paused */
	}
}

int runs_init(struct runs *runs)
{
	int r = loop_add(runs->loop, &runs->watch_source, watch_fd(runs->watch), EPOLLIN, urgent_ready);

	if (r == 0)
		r = loop_add(runs->loop, &runs->bulk_source, watch_bulk_fd(runs->watch), EPOLLIN | EPOLLET, bulk_ready);
	/* What watch_open() attached rests, too, when no run comes. */
	if (r == 0)
		r = loop_timer_set(runs->loop, &runs->tick_timer, now_monotonic_ns() + RUN_TICK_NS, tick_due);
	return r;
}

void runs_finish(struct runs *runs)
{
	loop_remove(runs->loop, &runs->watch_source);
	loop_remove(runs->loop, &runs->bulk_source);
	loop_timer_clear(runs->loop, &runs->poll_timer);
	loop_timer_clear(runs->loop, &runs->tick_timer);
	people_finish(runs);
}
