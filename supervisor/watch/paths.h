/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of events. What the kernel resolved is absolute already; what the agent claimed is made
 * absolute against the resolved directory, by text alone: nothing here asks the file system, which
 * may have changed since. Pure. */
#ifndef WATCH_PATHS_H
#define WATCH_PATHS_H

#include "base/cleanup.h"
#include "base/slice.h"
#include "watch/validate.h"

/* Writes base/claimed, or claimed where it is absolute, without "." and "..", double or trailing
 * slashes, terminated. A ".." at the root stays there. `base` must be absolute or empty (then a
 * relative `claimed` gives -EINVAL). Returns the length or -ENAMETOOLONG, -EINVAL. */
ssize_t path_normalise(struct slice base, struct slice claimed, char *to, size_t to_size) MUST_USE;

/* The absolute path of an event (`second`: the other of RENAME and LINK). With EVENT_NO_PATH the
 * kernel's own description ("pipe", "socket") is not invented: returns 0 and "". */
ssize_t event_absolute_path(const struct event_path *event, bool second, char *to,
			    size_t to_size) MUST_USE;

#endif
