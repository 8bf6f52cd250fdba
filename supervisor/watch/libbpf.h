/* SPDX-License-Identifier: Apache-2.0 */
/* What watch.c and probe.c share about libbpf. */
#ifndef WATCH_LIBBPF_H
#define WATCH_LIBBPF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/feature.h"
#include "watch/types.h"

#define WATCH_ATTACH_UNIX_CONNECT 49  /* BPF_CGROUP_UNIX_CONNECT, 6.7; newer than our uapi headers */

/* Sends libbpf's messages where watch_verbose() says. */
void watch_libbpf_init(void);
/* Leaves the BPF maps that are mapped here out of every child: a fork is cheap again. Returns 0 or
 * -errno; nothing depends on it but speed. */
int maps_keep_from_children(void);
/* True when a program for UNIX connects loads. */
bool probe_unix_connect(void);
/* The I_DIRTY_* bits of the running kernel; false when there is no writeback_mark_inode_dirty. */
bool probe_dirty_flags(const struct btf *types, uint32_t *ret_pages, uint32_t *ret_inode);
/* The rows of the report that a watcher has proved by running, and FEATURE_BPF_LSM, which it does not use. */
void probe_note_loaded(const struct btf *types, bool witness, bool unix_hooks,
		       struct feature_report *report);

struct watch;
/* The map of rings that watch_run_relay() fills; borrowed. */
int watch_relays_fd(const struct watch *watch);

#endif
