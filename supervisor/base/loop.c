/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LOOP_BATCH 64

struct loop {
	int epoll_fd, timer_fd;
	struct source timer_source;
	struct timer **heap;           /* heap[0] is due first */
	uint32_t heap_count, heap_cap;
	uint64_t armed_ns;             /* what timer_fd is set to; 0 = disarmed */
	struct epoll_event batch[LOOP_BATCH];
	int batch_at, batch_count;     /* so that a removed source is not called from this batch */
	bool stopped;
	int result;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	IGNORE(clock_gettime(clock, &now) < 0); /* cannot fail for these clocks (clock_gettime(2)) */
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t now_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t now_boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t now_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

static void heap_place(struct loop *loop, uint32_t at, struct timer *timer)
{
	loop->heap[at] = timer;
	timer->slot = at + 1;
}

static void heap_up(struct loop *loop, uint32_t at)
{
	struct timer *timer = loop->heap[at];

	while (at > 0 && loop->heap[(at - 1) / 2]->deadline_ns > timer->deadline_ns) {
		heap_place(loop, at, loop->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_place(loop, at, timer);
}

static void heap_down(struct loop *loop, uint32_t at)
{
	struct timer *timer = loop->heap[at];

	for (;;) {
		uint32_t child = at * 2 + 1;

		if (child >= loop->heap_count)
			break;
		if (child + 1 < loop->heap_count &&
		    loop->heap[child + 1]->deadline_ns < loop->heap[child]->deadline_ns)
			child++;
		if (loop->heap[child]->deadline_ns >= timer->deadline_ns)
			break;
		heap_place(loop, at, loop->heap[child]);
		at = child;
	}
	heap_place(loop, at, timer);
}

static void loop_arm(struct loop *loop)
{
	uint64_t due = loop->heap_count > 0 ? MAX(loop->heap[0]->deadline_ns, (uint64_t)1) : 0;
	struct itimerspec spec = { .it_value = { .tv_sec = (time_t)(due / 1000000000U),
						 .tv_nsec = (long)(due % 1000000000U) } };

	if (due == loop->armed_ns)
		return;
	loop->armed_ns = due;
	IGNORE(timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0); /* EINVAL only */
}

void loop_timer_clear(struct loop *loop, struct timer *timer)
{
	uint32_t at;
	struct timer *last;

	if (timer->slot == 0)
		return;
	at = timer->slot - 1;
	timer->slot = 0;
	last = loop->heap[--loop->heap_count];
	if (last != timer) {
		heap_place(loop, at, last);
		heap_up(loop, at);
		heap_down(loop, last->slot - 1);
	}
	loop_arm(loop);
}

int loop_timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ns,
		   int (*fire)(struct timer *, uint64_t))
{
	loop_timer_clear(loop, timer);
	if (loop->heap_count == loop->heap_cap) {
		uint32_t cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
		struct timer **heap = reallocarray(loop->heap, cap, sizeof(struct timer *));

		if (!heap)
			return -ENOMEM;
		loop->heap = heap;
		loop->heap_cap = cap;
	}
	timer->deadline_ns = deadline_ns;
	timer->fire = fire;
	loop->heap[loop->heap_count] = timer;
	loop->heap_count++;
	heap_up(loop, loop->heap_count - 1);
	loop_arm(loop);
	return 0;
}

static int loop_timers_due(struct source *source, uint32_t events)
{
	struct loop *loop = container_of(source, struct loop, timer_source);
	uint64_t expirations, now = now_monotonic_ns();

	(void)events;
	IGNORE(read(loop->timer_fd, &expirations, sizeof(expirations)) < 0); /* EAGAIN after a re-arm */
	loop->armed_ns = 0;
	while (loop->heap_count > 0 && loop->heap[0]->deadline_ns <= now) {
		struct timer *timer = loop->heap[0];
		int r;

		loop_timer_clear(loop, timer);
		r = timer->fire(timer, now);
		if (r < 0)
			return r;
	}
	loop_arm(loop);
	return 0;
}

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0) {
		r = -errno;
		loop_free(loop);
		return r;
	}
	r = loop_add(loop, &loop->timer_source, loop->timer_fd, EPOLLIN, loop_timers_due);
	if (r < 0) {
		loop_free(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	fd_close(loop->epoll_fd);
	fd_close(loop->timer_fd);
	free(loop->heap);
	free(loop);
	return NULL;
}

int loop_add(struct loop *loop, struct source *source, int fd, uint32_t events,
	     int (*handle)(struct source *, uint32_t))
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	source->fd = fd;
	source->handle = handle;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	source->active = true;
	return 0;
}

int loop_change(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, struct source *source)
{
	if (!source->active)
		return;
	source->active = false;
	IGNORE(epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL) < 0);
	for (int i = loop->batch_at; i < loop->batch_count; i++) {
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
	}
}

static int loop_turn(struct loop *loop)
{
	int count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, -1);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	loop->batch_count = count;
	for (int i = 0; i < count && !loop->stopped; i++) {
		struct source *source = loop->batch[i].data.ptr;
		int r;

		loop->batch_at = i + 1;
		if (!source)
			continue;
		r = source->handle(source, loop->batch[i].events);
		if (r < 0)
			return r;
	}
	loop->batch_at = loop->batch_count = 0;
	return 0;
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		int r = loop_turn(loop);

		if (r < 0)
			return r;
	}
	return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
	loop->stopped = true;
	loop->result = result;
}
