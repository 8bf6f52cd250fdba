/* SPDX-License-Identifier: Apache-2.0 */
/* Removes trees that an agent made, as root: no link is followed, no depth or number of entries is
 * too much. Runs in a child. */
#ifndef DAEMON_REMOVE_H
#define DAEMON_REMOVE_H

#include "base/cleanup.h"

#define REMOVE_PREFIX ".gone-"

/* Removes whatever in the directory `folder` has a name that starts with REMOVE_PREFIX. Returns 0, or
 * -errno of the last thing that stayed. Blocks as long as it takes. */
int remove_dropped(int folder) MUST_USE;

#endif
