/* SPDX-License-Identifier: Apache-2.0 */
/* Makes what a run may write read-only, or writable again, by the flags of its mounts (behaviour model, section 2.5): PLAN
 * is read-only in the kernel. Landlock cannot be widened, so its domain is the union of all phases. */
#ifndef RUN_NARROW_H
#define RUN_NARROW_H

#include <stdbool.h>

#include "base/error.h"
#include "decide/govern.h"

struct run;

/* All that the plan mounts writable of the host, but for what lies below a path of `but` (words of the run's policy):
 * read-only from here on, or writable. A child in the run's mount namespace does it; we wait for it, some
 * milliseconds. All or nothing: -EBUSY when somebody has a file open for writing there, with the place in *err; the
 * caller freezes the run before, so that nobody opens another one meanwhile. */
int narrow_mounts(struct run *run, bool read_only, struct govern_list but, struct error *err) MUST_USE;

#endif
