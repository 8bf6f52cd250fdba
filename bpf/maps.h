/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps, and the one way of sending a record: count it, number it, put it into its ring. */
#ifndef BPF_MAPS_H
#define BPF_MAPS_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define URGENT_RING_BYTES (4U << 20)
#define BULK_RING_BYTES (16U << 20)
#define RUNS_MAX 256U
#define SEEN_MAX 65536U
#define SCRATCH_COUNT 128U
#define STOPPED_MAX 4096U
#define RECORD_BYTES_MAX (4U * EVENT_PATH_MAX)
#define WALK_SLACK 256U        /* NAME_MAX and its slash, rounded up */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS_MAX);
	__type(key, __u64);
	__type(value, struct run_config);
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RUNS_MAX);
	__type(key, __u32);
	__type(value, struct run_activity);
} activity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_RING_COUNT);
	__type(key, __u32);
	__type(value, struct loss_counter);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, URGENT_RING_BYTES);
} urgent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, BULK_RING_BYTES);
} bulk SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RUNS_MAX);
	__type(key, __u32);
	__type(value, struct user_strikes);
} user_strikes SEC(".maps");


struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SEEN_MAX);
	__type(key, struct seen_key);
	__type(value, __u64);
} seen SEC(".maps");

/* When the supervisor was last in its loop (CLOCK_MONOTONIC); 0 = nobody renews it. User space writes
 * this and `watched` through its mapping, the programs write the rest. */
volatile __u64 supervisor_alive_ns;
/* A bit for the cgroup of each run, by the low bits of its id; a cgroup without one is nobody's. User
 * space sets it before the run's entry in `runs` and clears it after. */
volatile __u64 watched[WATCHED_BITS / 64];
/* When a task last found the supervisor in time: others in the same jiffy need not read a clock. */
volatile __u64 in_time_jiffy;
/* The reader looks for bulk records seldom: the first one wakes it, and clears this. */
volatile __u64 reader_dozes;
/* How often a process was stopped. */
volatile __u64 stops_made;

/* What the last event of a task said about its credentials and place. */
struct task_state {
	__u64 cgroup_id, caps;
	__u64 start_ns;       /* of its group leader; read by user space (watch/grants.c) */
	__u32 euid, known;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks SEC(".maps");

/* Processes that were stopped because a ring was nearly full; user space lets them go on. `armed` is
 * set after the signal was sent, so that a continue never comes before its stop. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STOPPED_MAX);
	__type(key, __u32);
	__type(value, struct stopped_process);
} stopped SEC(".maps");

/* Room to build a record. A pool with owners: a per-CPU buffer is overwritten by a task that
 * preempts this one, and one buffer per task would let the agent choose how much memory is pinned.
 * `owner` is taken with an atomic exchange and given back before the program ends. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgnu-variable-sized-type-not-at-end"
struct scratch {
	__u64 owner;
	__u32 used;                   /* bytes behind the record's struct */
	__u32 walk_start;             /* first byte of the path in walk[], which ends at EVENT_PATH_MAX */
	union {
		struct event_head head;
		struct event_path path;
		struct event_exec exec;
	};
	char bytes[RECORD_BYTES_MAX]; /* sent behind the struct, so it follows it at once */
	char walk[EVENT_PATH_MAX + WALK_SLACK];
};
#pragma clang diagnostic pop
_Static_assert(sizeof(struct event_path) == sizeof(struct event_exec), "both end where bytes[] starts");
_Static_assert(__builtin_offsetof(struct scratch, bytes) == 16 + sizeof(struct event_path),
	       "record and bytes[] are sent as one");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

#endif
