/* SPDX-License-Identifier: Apache-2.0 */
/* The root daemons' event loop: epoll over descriptors that the loop borrows (remove a source
 * before closing its fd), and one-shot
 * timers on CLOCK_MONOTONIC kept in a heap behind one timerfd. Single thread. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdint.h>

#include <stdbool.h>

#include "base/cleanup.h"

struct loop;

/* Embedded in its owner. `handle` gets the epoll event bits; a negative return ends loop_run()
 * with that value. A handler may remove any source, its own included. */
struct source {
	int (*handle)(struct source *source, uint32_t events);
	int fd;            /* borrowed */
	bool active;
};

/* Embedded in its owner; deadline in CLOCK_MONOTONIC ns. One-shot. */
struct timer {
	int (*fire)(struct timer *timer, uint64_t now_ns);
	uint64_t deadline_ns;
	uint32_t slot;     /* 1 + index in the heap; 0 = not armed */
};

int loop_new(struct loop **ret_loop) MUST_USE;
struct loop *loop_free(struct loop *loop);

int loop_add(struct loop *loop, struct source *source, int fd, uint32_t events,
	     int (*handle)(struct source *, uint32_t)) MUST_USE;
int loop_change(struct loop *loop, struct source *source, uint32_t events);
/* Takes an inactive source, too. */
void loop_remove(struct loop *loop, struct source *source);

/* Arms or moves a timer. Returns 0 or -ENOMEM (then it is not armed). */
int loop_timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ns,
		   int (*fire)(struct timer *, uint64_t));
void loop_timer_clear(struct loop *loop, struct timer *timer);

/* Runs until loop_stop(); returns its value or a handler's negative result. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int result);

uint64_t now_monotonic_ns(void);
uint64_t now_boottime_ns(void);
uint64_t now_realtime_ns(void);

#endif
