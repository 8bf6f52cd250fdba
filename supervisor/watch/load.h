/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher's own state, and bringing it up: open, configure, load, map, attach. */
#ifndef WATCH_LOAD_H
#define WATCH_LOAD_H

#include "watch/skeletons.h"
#include "watch/ticks.h"
#include "watch/watch.h"

#define CPUS_MAX 1024
#define CGROUP_PROGRAMS 10
#define GLOBAL_PROGRAMS 6

struct watch {
	struct watch_callbacks callbacks;
	struct observer *bpf;
	struct ring_buffer *rings[EVENT_RING_COUNT];
	struct bpf_link *cgroup_links[CGROUP_PROGRAMS];
	struct bpf_link *global_links[GLOBAL_PROGRAMS]; /* NULL while nothing is attached */
	int unix_link_fd;
	bool witness;
	uint32_t run_count;
	uint16_t marks[WATCHED_BITS]; /* runs by bit of `watched` */
	uint32_t stopped;      /* processes that wait for us */
	uint64_t stops_seen;
	uint64_t invalid;
	uint32_t budget;       /* records that the current read may still hand out; 0 = no limit */
	uint32_t handed;
	int cpu_count;
	struct loss_counter loss_by_cpu[CPUS_MAX];
	struct ticks ticks;
	struct feature_report features;
};

/* Loads and attaches everything; what is there when it fails is ended by watch_close(). Returns 0 or a
 * negative errno with text. */
int watch_load(struct watch *watch, int cgroup_fd, struct error *err) MUST_USE;

/* The hooks that every task of the host passes. To attach what is attached does nothing; when one
 * fails, none is left. Returns 0 or a negative errno with text. */
int watch_attach(struct watch *watch, struct error *err) MUST_USE;
void watch_detach(struct watch *watch);

/* What each ring calls with a record (ring_buffer_sample_fn). */
int watch_record(void *ctx, void *data, size_t size);

#endif
