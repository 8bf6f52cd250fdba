/* SPDX-License-Identifier: Apache-2.0 */
/* The eyes of the supervisor: loads the BPF programs, keeps the kernel's list of runs and hands
 * out their events, oldest first within a ring, urgent ring before bulk ring.
 *
 * Every record passes event_validate() before the callback sees it; a record that does not is
 * counted as lost. One thread; nothing here allocates after watch_open(). */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/feature.h"
#include "bpf/events.h"

#define WATCH_RUNS_MAX 256U            /* slots; events of more runs would share no maps */
#define WATCH_DEAD_MAN_NS 500000000ULL
#define WATCH_POLL_INTERVAL_NS 1000000ULL /* the bulk ring does not wake: poll it while runs live */
#define WATCH_DOZE_NS 20000000ULL         /* the same while watch_doze() is on */

struct watch;

struct watch_callbacks {
	/* One validated record; `event` is borrowed until the return. By head.kind it is the struct
	 * of bpf/events.h. Must not call watch_*(). */
	void (*event)(void *ctx, const struct event_head *event);
	/* A process of the run was stopped by the kernel, because a ring was nearly full or the
	 * supervisor hung: freeze the run until `on` is false again, since a sibling could continue
	 * it. Must not call watch_*(). NULL = nobody freezes. */
	void (*press)(void *ctx, uint64_t cgroup_id, bool on);
	void *ctx;
	uint32_t ring_bytes[EVENT_RING_COUNT]; /* a power of two pages; 0 = as built */
};

/* Loads and attaches everything. `parent_cgroup_fd` is a directory of the v2 tree that will hold
 * all runs: the cgroup programs are attached to it once (borrowed only during the call).
 * The caller needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN (or CAP_SYS_ADMIN), also later: maps are
 * reached by descriptor, so watch_run_*() work without them.
 *
 * Returns 0 or a negative errno with text in *err (exit code 121: a feature is missing); on failure
 * nothing stays loaded. Blocks for the verifier, about 60 ms. */
int watch_open(int parent_cgroup_fd, const struct watch_callbacks *callbacks,
	       struct watch **ret_watch, struct error *err) MUST_USE;
/* Detaches and unloads everything. Takes NULL, returns NULL. */
struct watch *watch_close(struct watch *watch);

/* Readable (EPOLLIN) when the urgent ring has records: put it in the loop, call watch_poll(). */
int watch_fd(const struct watch *watch);
/* Nothing has come for a while, so look for bulk records each WATCH_DOZE_NS only: the first that comes ends it and makes
 * watch_bulk_fd() readable, once (EPOLLIN | EPOLLET). One that is being sent just now may wait for
 * the next look. Returns whether it dozes: not while processes wait to be continued. */
bool watch_doze(struct watch *watch, bool on);
int watch_bulk_fd(const struct watch *watch);
/* The dead man's switch: to be called in each turn of the loop while runs live, at least each 100 ms.
 * When the last call is WATCH_DEAD_MAN_NS old, the kernel stops every run; a later watch_poll() lets
 * them go on. 0 switches it off. */
void watch_alive(struct watch *watch, uint64_t now_monotonic_ns);
/* Hands out what both rings hold now, at most `max` records of each (0 = no limit). Also to be
 * called every WATCH_POLL_INTERVAL_NS while a run lives (watch_doze()). Returns the number of records, or
 * -errno. */
int watch_poll(struct watch *watch, uint32_t max);
/* Reads until both rings are empty: before the end record of a run. */
int watch_drain(struct watch *watch);

/* From here on the tasks of this cgroup are watched. `config->slot` must be below WATCH_RUNS_MAX and
 * unused; flags should contain RUN_WATCHED; inums that are 0 are not checked. Resets the slot's
 * activity. Returns 0, -EINVAL, -ENOSPC (table full), or what the hooks could not be attached for. */
int watch_run_add(struct watch *watch, uint64_t cgroup_id, const struct run_config *config) MUST_USE;
/* Replaces RUN_* flags. RUN_REVOKED acts at the run's next call, fork, exec or connect.
 * Returns 0 or -ENOENT. */
int watch_run_set_flags(struct watch *watch, uint64_t cgroup_id, uint32_t flags) MUST_USE;
/* Namespaces that tasks of the run must be in, once the launch knows them (0 = not checked). */
int watch_run_set_namespaces(struct watch *watch, uint64_t cgroup_id, uint32_t pidns_inum,
			     uint32_t mntns_inum) MUST_USE;
/* Strikes that user space decided, of the types that the kernel counts, too: it adds them to its own.
 * May be called from the event callback. Returns 0 or -EINVAL. */
int watch_run_strikes(struct watch *watch, uint32_t slot, const struct user_strikes *strikes) MUST_USE;
/* This file came to the run from outside, open for writing (a redirected stdout): its change is no
 * finding. Returns 0 or -errno. */
int watch_run_explain(struct watch *watch, uint64_t cgroup_id, const struct stat *file) MUST_USE;
/* Forgets the run. Returns 0 or -ENOENT. */
int watch_run_remove(struct watch *watch, uint64_t cgroup_id);
/* Detaches the hooks that every task of the host passes, unless a run lives; the next watch_run_add()
 * attaches them again, within a few ms. For when no run is expected: to take them away blocks, and so does to
 * attach them at once after that. */
void watch_rest(struct watch *watch);

/* Network mode allowlist (RUN_NET_RELAY): makes the ring in which the connect hooks tell the run's relay
 * what was asked for (bpf/relay_slot.h). The relay maps it for reading (a descriptor that is only for
 * reading cannot be mapped) and is left without bpf(2). The caller owns *ret_fd. A slot keeps its ring until the next call. Returns 0, -EINVAL or -errno. */
int watch_run_relay(struct watch *watch, uint32_t slot, int *ret_fd) MUST_USE;

/* Runs with RUN_GATED: the kernel kills each exec that no grant of its thread covers, before the new
 * program's first instruction. `tid` as the initial pid namespace counts; an exec takes its thread's grant,
 * whatever becomes of it, and a later one replaces it. Returns 0, -ENOSPC (EXEC_GRANTS_MAX), -errno. */
int watch_grant(struct watch *watch, uint32_t tid, const struct exec_grant *grant) MUST_USE;
void watch_grant_withdraw(struct watch *watch, uint32_t tid);
/* When a process of a run started, to the ns, as its events say it. Returns 0, or -ENOENT: nothing was seen of it
 * yet (the command itself, before it is executed). */
int watch_process_start(const struct watch *watch, int pidfd, uint64_t *ret_start_ns) MUST_USE;
/* exec_grant.strings: the keyed hash of argument and environment strings as they lie in the new process,
 * one after another, each with its terminator. Never 0. */
uint64_t watch_exec_hash(const struct watch *watch, const void *bytes, size_t len);

/* What the run in `slot` did so far. Returns 0 or -EINVAL. */
int watch_run_activity(const struct watch *watch, uint32_t slot, struct run_activity *ret) MUST_USE;

struct watch_losses {
	struct loss_counter ring[EVENT_RING_COUNT]; /* sums over all CPUs, since watch_open() */
	uint64_t recursion_misses;  /* events that a program skipped because it was running already */
	uint64_t invalid;           /* records that failed event_validate() */
};

/* Anything above 0 in full, recursion_misses or invalid is a gap. Returns 0 or -errno. */
int watch_losses(struct watch *watch, struct watch_losses *ret) MUST_USE;

/* The rows of the report that watch_probe() fills, as this watcher found them when it was opened. */
void watch_note_features(const struct watch *watch, struct feature_report *report);
/* What is attached, for the run's begin record. */
bool watch_has_unix_hooks(const struct watch *watch);
bool watch_has_witness(const struct watch *watch);

#endif
