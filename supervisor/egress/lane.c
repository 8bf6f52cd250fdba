/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "egress/flow.h"

#define FILL_MAX (1U << 18)

int lane_fill(struct egress *egress, struct lane *lane, int from)
{
	size_t most = (size_t)MIN(lane->budget, (uint64_t)FILL_MAX);
	ssize_t n;

	if (lane->in_pipe > 0 || lane->from_eof || most == 0)
		return 0;
	if (!lane->pipe)
		lane->pipe = pipe_take(egress);
	if (!lane->pipe)
		return -ENOMEM;
	n = splice(from, NULL, lane->pipe->write_fd, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0) {
		lane->in_pipe = (size_t)n;
		if (lane->budget != LANE_ALL)
			lane->budget -= (uint64_t)n;
		return 1;
	}
	pipe_give(egress, TAKE(lane->pipe), false);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	lane->from_eof = true;
	return 1;
}

int lane_drain(struct egress *egress, struct lane *lane, int to)
{
	int moved = 0;

	while (lane->in_pipe > 0) {
		ssize_t n = splice(lane->pipe->read_fd, NULL, to, NULL, lane->in_pipe,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return moved;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		lane->in_pipe -= (size_t)n;
		lane->bytes += (uint64_t)n;
		moved = 1;
	}
	pipe_give(egress, TAKE(lane->pipe), false);
	return moved;
}
