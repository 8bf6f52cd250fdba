/* SPDX-License-Identifier: Apache-2.0 */
/* `network.expose`: the host connects to its own 127.0.0.1 and reaches the run's. Only somebody inside a network
 * namespace can make sockets of it, so there is a stock of them, made before this program was; one that
 * is disconnected (connect(2), AF_UNSPEC) can be connected again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "egress/flow.h"

#define ACCEPT_BATCH 64U

void expose_give(struct egress *egress, int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (connect(fd, &none, sizeof(none)) < 0 || egress->inside_count == EGRESS_INSIDE_MAX) {
		fd_close(fd);            /* one less */
		return;
	}
	egress->inside[egress->inside_count++] = fd;
}

static void exposed_ready(struct egress *egress, size_t which)
{
	for (unsigned int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(egress->exposed[which].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (egress->inside_count > 0 && flow_make_room(egress))
			flow_begin_exposed(egress, fd, egress->inside[--egress->inside_count],
					   egress->rules.config->expose[which]);
		else
			flow_turn_away(egress, fd);
	}
}

static int ready(struct source *source, uint32_t events)
{
	size_t which = (size_t)(source->fd - EGRESS_FD_EXPOSE);
	struct source *first = source - which;

	(void)events;
	exposed_ready(container_of(first, struct egress, exposed[0]), which);
	return 0;
}

int expose_open(struct egress *egress)
{
	uint32_t count = egress->rules.config->expose_count;
	int r = 0;

	for (int fd = EGRESS_FD_INSIDE; count > 0 && fd < EGRESS_FD_LIMIT; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			egress->inside[egress->inside_count++] = fd;
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = loop_add(egress->loop, &egress->exposed[i], EGRESS_FD_EXPOSE + (int)i, EPOLLIN, ready);
	return r;
}
