/* SPDX-License-Identifier: Apache-2.0 */
/* Demotion of a child that root has forked, for the unprivileged daemons. */
#ifndef BASE_BECOME_H
#define BASE_BECOME_H

#include "base/cleanup.h"

/* In a child between fork and exec: becomes `uid` and `gid` with no groups, no capability and
 * no_new_privs, and reads it back. Async-signal-safe. Returns 0, or -errno: then the child must end. */
int process_become(uid_t uid, gid_t gid) MUST_USE;

#endif
