/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/viewers.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/loop.h"

#define SENDS_PER_TURN 16     /* so that one reader does not starve the rest */
#define END_NS 2000000000U
#define END_STEP_MS 20

void viewers_init(struct viewers *viewers)
{
	for (size_t i = 0; i < VIEWERS_MAX; i++)
		viewers->items[i] = (struct viewer){ .fd = FD_NONE };
}

static void viewer_close(struct viewer *viewer)
{
	fd_close(viewer->fd);
	*viewer = (struct viewer){ .fd = FD_NONE };
}

void viewers_finish(struct viewers *viewers)
{
	for (size_t i = 0; i < VIEWERS_MAX; i++)
		viewer_close(&viewers->items[i]);
}

size_t viewers_count(const struct viewers *viewers)
{
	size_t count = 0;

	for (size_t i = 0; i < VIEWERS_MAX; i++)
		count += viewers->items[i].fd != FD_NONE;
	return count;
}

/* ---- sending ---- */

/* Returns 0 or -errno. */
static int view_send(int fd, enum view_kind kind, int value, struct slice bytes)
{
	struct view_message message = { .version = WIRE_VERSION, .kind = kind, .value = value };
	size_t len = MIN(bytes.len, (size_t)VIEW_BYTES_MAX);

	memcpy(message.bytes, bytes.data, len);
	return send(fd, &message, VIEW_HEAD_BYTES + len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* What it has not read yet, as far as it takes it. Closed when it is gone. */
static void pump(struct viewer *viewer, const struct scrollback *scrollback)
{
	for (int i = 0; i < SENDS_PER_TURN; i++) {
		struct slice next = scrollback_at(scrollback, &viewer->place);
		int r;

		next.len = MIN(next.len, (size_t)VIEW_BYTES_MAX);
		if (next.len == 0)
			return;
		r = view_send(viewer->fd, VIEW_OUTPUT, 0, next);
		if (r < 0) {
			if (r != -EAGAIN)
				viewer_close(viewer);
			return;
		}
		viewer->place += next.len;
	}
}

static bool is_seqpacket(int fd)
{
	int type = 0, domain = 0;
	socklen_t size = sizeof(int), domain_size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0 && domain == AF_UNIX;
}

static bool viewer_begin(struct viewer *viewer, const struct scrollback *scrollback)
{
	char memory[MODES_BYTES_MAX];
	struct buf bytes = buf_fixed(memory, sizeof(memory));
	struct modes modes;

	viewer->place = scrollback_open(scrollback, &modes);
	modes_enter(&modes, &bytes);
	return bytes.len == 0 || view_send(viewer->fd, VIEW_OUTPUT, 0, buf_slice(&bytes)) == 0;
}

bool viewers_add(struct viewers *viewers, int fd, const struct scrollback *scrollback)
{
	struct viewer *viewer = NULL;

	for (size_t i = 0; i < VIEWERS_MAX && !viewer; i++)
		if (viewers->items[i].fd == FD_NONE)
			viewer = &viewers->items[i];
	if (!viewer || !is_seqpacket(fd)) {
		if (!viewer)
			viewers_refuse(fd, 122, "too many are attached to this run");
		else
			fd_close(fd);
		return false;
	}
	*viewer = (struct viewer){ .fd = fd };
	if (viewer_begin(viewer, scrollback))
		return true;
	viewer_close(viewer);
	return false;
}

void viewers_refuse(int fd, int exit_code, const char *text)
{
	IGNORE(view_send(fd, VIEW_ENDED, exit_code, slice_of(text)) < 0); /* gone: told or not */
	fd_close(fd);
}

void viewers_tell(struct viewers *viewers, enum view_kind kind, int value, const char *text)
{
	for (size_t i = 0; i < VIEWERS_MAX; i++)
		if (viewers->items[i].fd != FD_NONE)
			IGNORE(view_send(viewers->items[i].fd, kind, value, slice_of(text)) < 0); /* full or gone */
}

void viewers_bound_size(const struct viewers *viewers, struct winsize *size)
{
	for (size_t i = 0; i < VIEWERS_MAX; i++) {
		const struct viewer *viewer = &viewers->items[i];

		if (viewer->fd == FD_NONE || viewer->rows == 0 || viewer->columns == 0)
			continue;
		size->ws_row = size->ws_row ? MIN(size->ws_row, viewer->rows) : viewer->rows;
		size->ws_col = size->ws_col ? MIN(size->ws_col, viewer->columns) : viewer->columns;
	}
}

/* ---- receiving ---- */

static void viewer_read(struct viewer *viewer, const struct viewer_calls *calls)
{
	struct view_message message;
	ssize_t len = recv(viewer->fd, &message, sizeof(message), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < (ssize_t)VIEW_HEAD_BYTES || message.version != WIRE_VERSION) {
		viewer_close(viewer);
		calls->resized(calls->ctx);
		return;
	}
	if (message.kind == VIEW_INPUT) {
		calls->input(calls->ctx, slice_new(message.bytes, (size_t)len - VIEW_HEAD_BYTES));
	} else if (message.kind == VIEW_SIZE) {
		viewer->rows = message.rows;
		viewer->columns = message.columns;
		calls->resized(calls->ctx);
	} else if (message.kind == VIEW_CONTINUE) {
		calls->resume(calls->ctx);
	}
}

void viewers_poll(const struct viewers *viewers, const struct scrollback *scrollback, bool room,
		  struct pollfd fds[VIEWERS_MAX])
{
	for (size_t i = 0; i < VIEWERS_MAX; i++) {
		const struct viewer *viewer = &viewers->items[i];
		int events = (room ? POLLIN : 0) | (viewer->place < scrollback->end ? POLLOUT : 0);

		fds[i] = (struct pollfd){ viewer->fd, (short)events, 0 };
	}
}

void viewers_serve(struct viewers *viewers, const struct scrollback *scrollback, bool room,
		   const struct pollfd fds[VIEWERS_MAX], const struct viewer_calls *calls)
{

	for (size_t i = 0; i < VIEWERS_MAX; i++) {
		struct viewer *viewer = &viewers->items[i];

		if (viewer->fd == FD_NONE || viewer->fd != fds[i].fd || !fds[i].revents)
			continue;
		if (fds[i].revents & POLLOUT)
			pump(viewer, scrollback);
		if (viewer->fd == FD_NONE || !(fds[i].revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		if (room)
			viewer_read(viewer, calls);
		else if (fds[i].revents & POLLHUP) /* gone, with what it typed last */
			viewer_close(viewer);
		room = false; /* one input at a time */
	}
}

static bool is_behind(const struct viewers *viewers, const struct scrollback *scrollback)
{
	for (size_t i = 0; i < VIEWERS_MAX; i++)
		if (viewers->items[i].fd != FD_NONE && viewers->items[i].place < scrollback->end)
			return true;
	return false;
}

void viewers_end(struct viewers *viewers, const struct scrollback *scrollback, int exit_code, const char *text)
{
	uint64_t deadline = now_monotonic_ns() + END_NS;

	while (is_behind(viewers, scrollback) && now_monotonic_ns() < deadline) {
		struct pollfd fds[VIEWERS_MAX];

		viewers_poll(viewers, scrollback, false, fds);
		IGNORE(poll(fds, VIEWERS_MAX, END_STEP_MS) < 0);
		for (size_t i = 0; i < VIEWERS_MAX; i++)
			if (fds[i].revents & (POLLOUT | POLLHUP | POLLERR))
				pump(&viewers->items[i], scrollback);
	}
	for (size_t i = 0; i < VIEWERS_MAX; i++)
		if (viewers->items[i].fd != FD_NONE)
			viewers_refuse(TAKE_FD(viewers->items[i].fd), exit_code, text);
}
