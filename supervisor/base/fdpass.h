/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors over SOCK_SEQPACKET (unix(7), SCM_RIGHTS). */
#ifndef BASE_FDPASS_H
#define BASE_FDPASS_H

#include "base/cleanup.h"

#define FDPASS_MAX 8

struct fdset {
	int fds[FDPASS_MAX];   /* owned; FD_NONE after TAKE_FD */
	size_t count;
};

/* Closes what is left. For cleanup_with(). */
void fdset_finish(struct fdset *set);

/* Sends one message; `fds` are borrowed. MSG_NOSIGNAL; `flags` adds MSG_DONTWAIT.
 * Returns 0 or -errno. */
int fdpass_send(int socket, const void *bytes, size_t len, const int *fds, size_t fd_count,
		int flags) MUST_USE;

/* Receives one message into `bytes`; new fds are O_CLOEXEC. Returns its length, 0 at end of
 * stream, -EMSGSIZE when it or its descriptors did not fit (all are closed), or -errno. */
ssize_t fdpass_receive(int socket, void *bytes, size_t size, struct fdset *ret_set,
		       int flags) MUST_USE;

#endif
