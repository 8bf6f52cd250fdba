/* SPDX-License-Identifier: Apache-2.0 */
/* The base filter: what no policy can allow. Built from tables into classic BPF, pure, so that a
 * test can run it on any call. Always under the policy's filter; the strictest answer wins
 * (seccomp(2)). Allowed calls are not listed: mounts, Landlock, uid and namespaces bound what they
 * can do. Call numbers above the newest that this file knows are answered with ENOSYS. */
#ifndef INIT_BASE_FILTER_H
#define INIT_BASE_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#define BASE_FILTER_MAX 512U

/* Writes the command's filter. Returns its length, or 0 when `max` is too small. */
size_t base_filter_build(struct sock_filter *ret, size_t max);
/* pid 1's: the calls of its loop, EPERM for everything else. */
size_t init_filter_build(struct sock_filter *ret, size_t max);
/* What a run stops at; the rest goes on to the filters below. HELD_NAMES: calls that can make a name, for the
 * broker; openat2 does not exist then: its flags are in memory. HELD_EXECS: execve and execveat, for the
 * supervisor. */
#define HELD_NAMES 1U
#define HELD_EXECS 2U
size_t held_filter_build(unsigned int what, struct sock_filter *ret, size_t max);
/* The broker's own: the calls that it makes. */
size_t broker_filter_build(struct sock_filter *ret, size_t max);

#endif
