/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void fdset_finish(struct fdset *set)
{
	for (size_t i = 0; i < set->count; i++)
		set->fds[i] = fd_close(set->fds[i]);
	set->count = 0;
}

int fdpass_send(int socket, const void *bytes, size_t len, const int *fds, size_t fd_count,
		int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (fd_count > FDPASS_MAX)
		return -E2BIG;
	if (fd_count > 0) {
		struct cmsghdr *head;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
	}
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? 0 : -EMSGSIZE;
}

static void fdset_collect(struct fdset *set, struct msghdr *message)
{
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
		size_t count;

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
			if (set->count < FDPASS_MAX)
				set->fds[set->count++] = fd;
			else
				fd_close(fd);
		}
	}
}

ssize_t fdpass_receive(int socket, void *bytes, size_t size, struct fdset *ret_set, int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t len;

	ret_set->count = 0;
	do {
		len = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	fdset_collect(ret_set, &message);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		fdset_finish(ret_set);
		return -EMSGSIZE;
	}
	return len;
}
