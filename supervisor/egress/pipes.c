/* SPDX-License-Identifier: Apache-2.0 */
/* A pipe is needed only while bytes are between two sockets, so a few serve thousands of connections
 * that are idle. */
#include <errno.h>
#include <fcntl.h>

#include "egress/egress.h"

#define PIPE_BYTES (1 << 18)

struct pipe *pipe_take(struct egress *egress)
{
	struct pipe *pipe = egress->pipes;
	int fds[2];

	if (pipe) {
		egress->pipes = pipe->next;
		egress->pipe_count--;
		return pipe;
	}
	pipe = malloc(sizeof(*pipe));
	if (!pipe || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(pipe);
		return NULL;
	}
	*pipe = (struct pipe){ .read_fd = fds[0], .write_fd = fds[1] };
	/* Beyond a user's share of pipe memory it stays as it is, and works. */
	IGNORE(fcntl(pipe->write_fd, F_SETPIPE_SZ, PIPE_BYTES) < 0);
	return pipe;
}

static void pipe_free(struct pipe *pipe)
{
	fd_close(pipe->read_fd);
	fd_close(pipe->write_fd);
	free(pipe);
}

void pipe_give(struct egress *egress, struct pipe *pipe, bool spoiled)
{
	if (!pipe)
		return;
	if (spoiled || egress->pipe_count >= PIPES_MAX) {
		pipe_free(pipe);
		return;
	}
	pipe->next = egress->pipes;
	egress->pipes = pipe;
	egress->pipe_count++;
}

void pipes_close(struct egress *egress)
{
	while (egress->pipes) {
		struct pipe *pipe = egress->pipes;

		egress->pipes = pipe->next;
		pipe_free(pipe);
	}
	egress->pipe_count = 0;
}
