/* SPDX-License-Identifier: Apache-2.0 */
/* Records from the rings are checked as if they came from the network: a wrong length would make
 * the reader read past the record. Pure. */
#ifndef WATCH_VALIDATE_H
#define WATCH_VALIDATE_H

#include <linux/types.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "bpf/events.h"

/* The record at the start of `bytes` (aligned to 8), or NULL unless kind, size, ring and all lengths
 * agree with the struct of its kind and with `size`. */
const struct event_head *event_validate(const void *bytes, size_t size) MUST_USE;

/* Parts of a validated record, borrowed from it. */
struct slice event_exec_path(const struct event_exec *event);
struct slice event_exec_argv(const struct event_exec *event);   /* NUL after each argument */
struct slice event_exec_interp(const struct event_exec *event); /* empty where there is none */
struct slice event_path_base(const struct event_path *event);
struct slice event_path_path(const struct event_path *event);
struct slice event_path_base2(const struct event_path *event);
struct slice event_path_path2(const struct event_path *event);
struct slice event_net_path(const struct event_net *event);

/* The struct that a kind uses. */
enum event_shape {
	SHAPE_NONE, SHAPE_FORK, SHAPE_EXEC, SHAPE_EXIT, SHAPE_PATH, SHAPE_NET, SHAPE_CRED,
	SHAPE_SYSCALL,
};
enum event_shape event_shape(unsigned int kind);

#endif
