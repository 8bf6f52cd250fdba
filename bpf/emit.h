/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is acting, and sending what was seen of it. */
#ifndef BPF_EMIT_H
#define BPF_EMIT_H

#include "bpf/maps.h"

/* A function that the verifier checks once, by its prototype. A static one is checked again for each
 * state in which it is called: on_sys_exit was 120 000 instructions that way, a third of a second of
 * each start. What crosses such a call is a number or a struct without holes, which may be NULL by the
 * prototype and is compared; kernel objects go as numbers, and no map value comes back. */
#define CHECKED_ONCE __attribute__((noinline))

/* A pointer the verifier forgets everything about: keeps clang from merging two bounds checks into
 * one on another register. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

static __always_inline struct run_config *run_of_current(__u64 *ret_cgroup_id)
{
	__u64 id = bpf_get_current_cgroup_id();

	*ret_cgroup_id = id;
	if (!(watched[id % WATCHED_BITS / 64] & 1ULL << id % 64))
		return NULL;             /* the rest of the host pays for no more than this */
	return bpf_map_lookup_elem(&runs, &id);
}

/* The broker makes names on behalf of others, whose own calls tell of it: another uid than its file
 * system uid, neither of them root. To get there a task of the run would have to gain a capability
 * first, which is seen; a set-user-id program changes both at once. */
static __always_inline bool is_broker(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u32 euid = BPF_CORE_READ(cred, euid.val), fsuid = BPF_CORE_READ(cred, fsuid.val);

	return euid != fsuid && euid != 0 && fsuid != 0;
}

static __always_inline struct loss_counter *ring_losses(__u32 ring)
{
	return bpf_map_lookup_elem(&losses, &ring);
}

static __always_inline void count_helper_error(__u32 ring)
{
	struct loss_counter *loss = ring_losses(ring);

	if (loss)
		__sync_fetch_and_add(&loss->helper_errors, 1);
}

/* Written once in a jiffy: the run's tasks on other CPUs read the same line. */
static __always_inline void note_activity(__u32 slot)
{
	struct run_activity *a = bpf_map_lookup_elem(&activity, &slot);
	__u64 jiffy = bpf_jiffies64();

	if (!a || a->last_jiffy == jiffy)
		return;
	a->last_jiffy = jiffy;
	a->last_ns = bpf_ktime_get_boot_ns();
}

static __always_inline void count_folded(__u32 slot)
{
	struct loss_counter *loss = ring_losses(EVENT_RING_BULK);

	note_activity(slot);
	if (loss)
		__sync_fetch_and_add(&loss->folded, 1);
}

static __always_inline __u64 process_start_ns(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

/* Everything in the head but size, kseq, cpu and ring, which send() knows. */
static __always_inline void head_fill(struct event_head *head, __u16 kind, __u64 cgroup_id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 ids = bpf_get_current_pid_tgid();

	__builtin_memset(head, 0, sizeof(*head));
	head->time_ns = bpf_ktime_get_boot_ns();
	head->cgroup_id = cgroup_id;
	head->proc_start_ns = process_start_ns(task);
	head->tgid = ids >> 32;
	head->tid = (__u32)ids;
	head->uid = BPF_CORE_READ(task, cred, euid.val);
	head->kind = kind;
	bpf_get_current_comm(head->comm, sizeof(head->comm));
}

CHECKED_ONCE int head_number(struct event_head *head, __u32 size, __u32 ring)
{
	struct loss_counter *loss = ring_losses(ring);

	if (!head || !loss)
		return -1;
	head->kseq = __sync_fetch_and_add(&loss->high, 1) + 1;
	head->cpu = bpf_get_smp_processor_id();
	head->ring = ring;
	head->size = size;
	return 0;
}

CHECKED_ONCE int count_put(struct event_head *head, __u32 slot, __u32 failed)
{
	struct loss_counter *loss;

	if (!head)
		return 0;
	loss = ring_losses(head->ring);
	if (loss && failed)
		__sync_fetch_and_add(&loss->full, 1);
	note_activity(slot);
	return 0;
}

/* Two at the same time wake it twice. */
static __always_inline __u64 bulk_wakeup(void)
{
	if (!reader_dozes)
		return BPF_RB_NO_WAKEUP;
	reader_dozes = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* `size` bytes at `head` go into the ring; kseq is raised even when there is no room, so that the
 * reader sees the hole. */
static __always_inline void put(struct event_head *head, __u32 size, __u32 ring, __u32 slot)
{
	long r;

	if (head_number(head, size, ring))
		return;
	if (ring == EVENT_RING_URGENT)
		r = bpf_ringbuf_output(&urgent, head, size, 0);
	else
		r = bpf_ringbuf_output(&bulk, head, size, bulk_wakeup());
	count_put(head, slot, r != 0);
}

/* Three quarters of each ring, whose size user space may have changed. */
const volatile __u64 urgent_mark = URGENT_RING_BYTES / 4 * 3, bulk_mark = BULK_RING_BYTES / 4 * 3;

static __always_inline bool nearly_full(__u32 ring)
{
	if (ring == EVENT_RING_URGENT)
		return bpf_ringbuf_query(&urgent, BPF_RB_AVAIL_DATA) > urgent_mark;
	return bpf_ringbuf_query(&bulk, BPF_RB_AVAIL_DATA) > bulk_mark;
}

/* Stops the current process until user space continues it. The entry comes first, so that nobody
 * is stopped whom nobody would continue; it is armed after the signal. */
CHECKED_ONCE int stop_current(__u64 cgroup_id)
{
	struct stopped_process entry = { .cgroup_id = cgroup_id };
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	entry.start_ns = process_start_ns((void *)bpf_get_current_task());
	entry.since_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&stopped, &tgid, &entry, BPF_ANY))
		return 0;
	__sync_fetch_and_add(&stops_made, 1);
	if (bpf_send_signal(SIGSTOP))
		return 0;
	entry.armed = 1;
	bpf_map_update_elem(&stopped, &tgid, &entry, BPF_ANY);
	return 0;
}

/* put() for programs that run in the producer's own system call or exec. */
static __always_inline void send(struct event_head *head, __u32 size, __u32 ring, __u32 slot)
{
	put(head, size, ring, slot);
	if (nearly_full(ring))
		stop_current(head->cgroup_id);
}

/* The number of a buffer that nobody else has now, its record zeroed; SCRATCH_COUNT when all are taken. */
CHECKED_ONCE int scratch_claim(void)
{
	__u32 first = bpf_get_smp_processor_id() * 8;

	for (int i = 0; i < 16; i++) {
		__u32 index = (first + i) % SCRATCH_COUNT;
		struct scratch *s = bpf_map_lookup_elem(&scratches, &index);

		if (s && __sync_val_compare_and_swap(&s->owner, 0, 1) == 0) {
			s->used = 0;
			s->walk_start = EVENT_PATH_MAX;
			__builtin_memset(&s->path, 0, sizeof(s->path));
			return index;
		}
	}
	return SCRATCH_COUNT;
}

/* A free buffer; NULL when all are taken, which is counted against `ring`. */
static __always_inline struct scratch *scratch_take(__u32 ring)
{
	__u32 index = scratch_claim();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &index);

	if (!s)
		count_helper_error(ring);
	return s;
}

static __always_inline void scratch_give(struct scratch *s)
{
	__sync_lock_test_and_set(&s->owner, 0);
}

/* Sends the record in `s` with the bytes appended to it. */
CHECKED_ONCE int scratch_send(struct scratch *s, __u32 ring, __u32 slot)
{
	__u32 used;

	if (!s)
		return 0;
	used = s->used;
	if (used > RECORD_BYTES_MAX)
		used = RECORD_BYTES_MAX;
	send(&s->head, sizeof(struct event_path) + used, ring, slot);
	return 0;
}

/* True when this was reported before: then it is only counted. */
CHECKED_ONCE int seen_before(struct seen_key *key, __u32 slot)
{
	__u64 one = 1, *count;

	if (!key)
		return false;
	count = bpf_map_lookup_elem(&seen, key);
	if (!count) {
		bpf_map_update_elem(&seen, key, &one, BPF_ANY);
		return false;
	}
	__sync_fetch_and_add(count, 1);
	count_folded(slot);
	return true;
}

#endif
