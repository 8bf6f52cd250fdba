/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about processes, the boot and system accounts, from /proc and /etc/passwd without NSS. */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* /proc/sys/kernel/random/boot_id as 16 bytes. */
int proc_boot_id(uint8_t ret_boot_id[16]) MUST_USE;
/* Start of a process in CLOCK_BOOTTIME clock ticks since boot (proc(5), stat field 22), in ns. */
int proc_start_ns(pid_t pid, uint64_t *ret_start_ns) MUST_USE;
/* Whether it has a controlling terminal, and its process group is in the foreground there (fields 5, 7, 8). */
int proc_foreground(pid_t pid, bool *ret_foreground) MUST_USE;
/* The path of the process's cgroup in the v2 hierarchy, "/a/b" (cgroups(7)). */
int proc_cgroup_v2(pid_t pid, char *path, size_t size) MUST_USE;
/* No core dumps of this process and its children, not even for a handler behind a pipe: that one gets a
 * core when the limit is 0, and none when it is 1 (core(5)). A hard limit of 0 can stay in force, where
 * CAP_SYS_RESOURCE is missing. Async-signal-safe. */
int proc_core_off(void) MUST_USE;
/* The account `name` in /etc/passwd: system users live there, and NSS stays out of root
 * processes. Returns 0 or -ENOENT or -errno. */
int account_lookup(const char *name, uid_t *ret_uid, gid_t *ret_gid) MUST_USE;
/* The group `name` in /etc/group. */
int group_lookup(const char *name, gid_t *ret_gid) MUST_USE;

#endif
