/* SPDX-License-Identifier: Apache-2.0 */
/* /run/bailiff of the run: the two sockets by which its processes reach their supervisor, and the program that
 * speaks with it. Each run has its own sockets, so that the socket says which run it is. pid 1 reads
 * notify; it only makes control and hands the listener over with INIT_READY: one process less on the way, and
 * what a run sends there never keeps pid 1 from reaping. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/agent_wire.h"
#include "init/init.h"
#include "init/tree.h"

#define BACKLOG 16

/* A file system of its own, whatever the plan mounted at /run: it also covers the host's
 * /run/bailiff with the supervisor's socket. */
static int agent_directory(struct init *init)
{
	static const char *const options[] = { "mode", "0755", "size", "64k", NULL };
	auto_close int at = tree_make(init, "/run/bailiff", true);
	auto_close int tree = FD_NONE;
	int r;

	if (at < 0)
		return at;
	tree = tree_new("tmpfs", options, ATTR_NOEXEC);
	if (tree < 0)
		return tree;
	r = tree_attach(tree, at);
	tree_forget(init); /* it may lie below */
	if (r >= 0)
		r = tree_own(init, tree);
	return r < 0 ? r : tree_make(init, AGENT_DIR, true);
}

/* bind(2) has no *at form: the name is looked up in the working directory, which is AGENT_DIR now. */
static int bind_here(const char *name, int type, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, name, strlen(name) + 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(AT_FDCWD, name, 0666, 0) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int sockets_make(struct init *init, int dir)
{
	int r = fchdir(dir) < 0 ? -errno : 0;

	if (r == 0)
		r = bind_here("notify", SOCK_DGRAM, &init->notify);
	if (r == 0)
		r = bind_here("control", SOCK_SEQPACKET, &init->control);
	if (r == 0 && (listen(init->control, BACKLOG) < 0 || fchdir(init->root) < 0))
		r = -errno;
	return r;
}

/* `bailiff` for the inside, static: one file of the host, read-only, in a place that no policy can take away. */
static int program_bind(struct init *init)
{
	auto_close int source = FD_NONE, tree = FD_NONE, at = FD_NONE;

	source = tree_host(init, init->agent_program);
	if (source < 0)
		return source;
	tree = tree_clone(source, false, ATTR_RDONLY, FD_NONE);
	if (tree < 0)
		return tree;
	at = tree_make(init, AGENT_PROGRAM, false);
	return at < 0 ? at : tree_attach(tree, at);
}

int stage_agent(struct init *init, struct error *err)
{
	auto_close int dir = agent_directory(init);
	int r;

	if (dir < 0)
		return error_set(err, dir, "make " AGENT_DIR);
	r = sockets_make(init, dir);
	if (r < 0)
		return error_set(err, r, "bind the agent's sockets");
	r = program_bind(init);
	return r < 0 ? error_set(err, r, "bind '%s' at " AGENT_PROGRAM, init->agent_program) : 0;
}
