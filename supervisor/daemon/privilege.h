/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor keeps of root's rights, and how its children lose all of them. */
#ifndef DAEMON_PRIVILEGE_H
#define DAEMON_PRIVILEGE_H

#include "base/error.h"

/* Drops every capability that launching, watching and killing do not need, from all sets. One that
 * the host has taken away already is not missed here: the probes tell. */
int privilege_trim(struct error *err) MUST_USE;

/* In a child between fork and exec: becomes `uid` and `gid` with no groups, no capability and
 * no_new_privs, and reads it back. Async-signal-safe. Returns 0 or -errno. */
int privilege_become(uid_t uid, gid_t gid) MUST_USE;

#endif
