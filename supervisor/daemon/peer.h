/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of the control socket: SO_PEERCRED and the process's cgroup. A process inside
 * any run is refused, whatever its uid. */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

#define PEER_GROUPS_MAX 256U

struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t groups[PEER_GROUPS_MAX];
	size_t group_count;
};

/* Returns 0; -EPERM: a process of a run, *ret_peer is filled all the same; or another negative
 * errno: it cannot be said who it is, so it is refused, too. */
int peer_identify(int socket, struct peer *ret_peer, struct error *err) MUST_USE;

/* True when the process that connected has a controlling terminal and is in its foreground: somebody may sit there. */
bool peer_has_terminal(int socket, const struct peer *peer);

/* True for the v2 cgroup path of a process inside a run of any supervisor of this host:
 * ".../bailiff/<instance>/<run>...". Pure. */
bool peer_cgroup_is_run(struct slice path);

#endif
