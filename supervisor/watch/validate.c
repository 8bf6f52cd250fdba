// SPDX-License-Identifier: Apache-2.0
/* A table of shapes; all sums in 64 bits, where 32-bit lengths cannot overflow. */
#include "watch/validate.h"

#include <stdint.h>

static const uint8_t shapes[EVENT_KIND_LIMIT] = {
	[EVENT_FORK] = SHAPE_FORK, [EVENT_EXEC] = SHAPE_EXEC, [EVENT_EXIT] = SHAPE_EXIT,
	[EVENT_OPEN_READ] = SHAPE_PATH, [EVENT_OPEN_WRITE] = SHAPE_PATH, [EVENT_CREATE] = SHAPE_PATH,
	[EVENT_UNLINK] = SHAPE_PATH, [EVENT_RMDIR] = SHAPE_PATH, [EVENT_RENAME] = SHAPE_PATH,
	[EVENT_LINK] = SHAPE_PATH, [EVENT_SYMLINK] = SHAPE_PATH, [EVENT_MKDIR] = SHAPE_PATH,
	[EVENT_MKNOD] = SHAPE_PATH, [EVENT_CHMOD] = SHAPE_PATH, [EVENT_CHOWN] = SHAPE_PATH,
	[EVENT_TRUNCATE] = SHAPE_PATH, [EVENT_XATTR] = SHAPE_PATH, [EVENT_WITNESS] = SHAPE_PATH,
	[EVENT_CONNECT] = SHAPE_NET, [EVENT_BIND] = SHAPE_NET, [EVENT_LISTEN] = SHAPE_NET,
	[EVENT_ACCEPT] = SHAPE_NET, [EVENT_SEND] = SHAPE_NET,
	[EVENT_CRED] = SHAPE_CRED,
	[EVENT_SIGNAL] = SHAPE_SYSCALL, [EVENT_SYSCALL_REFUSED] = SHAPE_SYSCALL,
	[EVENT_ESCAPE] = SHAPE_SYSCALL,
};

enum event_shape event_shape(unsigned int kind)
{
	return kind < EVENT_KIND_LIMIT ? (enum event_shape)shapes[kind] : SHAPE_NONE;
}

static bool path_fits(const struct event_path *event, size_t size)
{
	if (size < sizeof(*event))
		return false;
	if (event->base_len > EVENT_PATH_MAX || event->path_len > EVENT_PATH_MAX ||
	    event->base2_len > EVENT_PATH_MAX || event->path2_len > EVENT_PATH_MAX)
		return false;
	return size == sizeof(*event) + event->base_len + event->path_len + event->base2_len +
		       event->path2_len;
}

/* The script's name may follow a working directory: two paths and a slash at most. */
static bool exec_fits(const struct event_exec *event, size_t size)
{
	if (size < sizeof(*event))
		return false;
	if (event->path_len > EVENT_PATH_MAX || event->argv_len > EVENT_ARGV_MAX ||
	    event->interp_len > 2 * EVENT_PATH_MAX + 1)
		return false;
	return size == sizeof(*event) + event->path_len + event->argv_len + event->interp_len;
}

static bool net_fits(const struct event_net *event, size_t size)
{
	return size >= sizeof(*event) && event->path_len <= EVENT_PATH_MAX &&
	       size == sizeof(*event) + event->path_len;
}

static bool fits(const struct event_head *head, size_t size)
{
	switch (event_shape(head->kind)) {
	case SHAPE_NONE:
		return false;
	case SHAPE_FORK:
		return size == sizeof(struct event_fork);
	case SHAPE_EXEC:
		return exec_fits((const struct event_exec *)(const void *)head, size);
	case SHAPE_EXIT:
		return size == sizeof(struct event_exit);
	case SHAPE_PATH:
		return path_fits((const struct event_path *)(const void *)head, size);
	case SHAPE_NET:
		return net_fits((const struct event_net *)(const void *)head, size);
	case SHAPE_CRED:
		return size == sizeof(struct event_cred);
	case SHAPE_SYSCALL:
		return size == sizeof(struct event_syscall);
	}
	return false;
}

const struct event_head *event_validate(const void *bytes, size_t size)
{
	const struct event_head *head = bytes;

	if (size < sizeof(*head) || head->size != size || head->ring >= EVENT_RING_COUNT)
		return NULL;
	return fits(head, size) ? head : NULL;
}

struct slice event_exec_path(const struct event_exec *event)
{
	return slice_new(event->bytes, event->path_len);
}

struct slice event_exec_argv(const struct event_exec *event)
{
	return slice_new(event->bytes + event->path_len, event->argv_len);
}

struct slice event_exec_interp(const struct event_exec *event)
{
	return slice_new(event->bytes + event->path_len + event->argv_len, event->interp_len);
}

struct slice event_path_base(const struct event_path *event)
{
	return slice_new(event->bytes, event->base_len);
}

struct slice event_path_path(const struct event_path *event)
{
	return slice_new(event->bytes + event->base_len, event->path_len);
}

struct slice event_path_base2(const struct event_path *event)
{
	return slice_new(event->bytes + event->base_len + event->path_len, event->base2_len);
}

struct slice event_path_path2(const struct event_path *event)
{
	return slice_new(event->bytes + event->base_len + event->path_len + event->base2_len,
			 event->path2_len);
}

struct slice event_net_path(const struct event_net *event)
{
	return slice_new(event->path, event->path_len);
}
