/* SPDX-License-Identifier: Apache-2.0 */
/* The master of the run's pty, and everybody who looks at it: the person's own terminal, if there is one, and those
 * who attached. Output goes to all, each at its own speed; input comes from each; the size is the smallest. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/io.h"
#include "cli/keeper.h"
#include "cli/session_own.h"

/* ---- output ---- */

static void show(struct session *session, struct slice bytes)
{
	scrollback_add(&session->scrollback, bytes);
	/* The user's terminal may be gone; the run goes on as it would with a dead terminal. */
	if (session->terminal.out_fd == FD_NONE)
		return;
	modes_read(&session->shown, bytes);
	IGNORE(io_write(session->terminal.out_fd, bytes.data, bytes.len) < 0);
}

bool session_relay_output(struct session *session)
{
	char bytes[RELAY_BYTES];
	ssize_t len = read(session->master_fd, bytes, sizeof(bytes));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (len <= 0)
		return false;
	show(session, slice_new(bytes, (size_t)len));
	return true;
}

void session_drain(struct session *session)
{
	struct pollfd ready = { .fd = session->master_fd, .events = POLLIN };

	while (session->master_fd != FD_NONE && poll(&ready, 1, 0) > 0) {
		if (!(ready.revents & POLLIN) || !session_relay_output(session))
			break;
	}
}

static void to_terminal(const struct session *session, void (*what)(const struct modes *, struct buf *))
{
	char memory[MODES_BYTES_MAX];
	struct buf bytes = buf_fixed(memory, sizeof(memory));

	what(&session->shown, &bytes);
	if (session->terminal.out_fd != FD_NONE && bytes.len > 0)
		IGNORE(io_write(session->terminal.out_fd, bytes.data, bytes.len) < 0); /* it may be gone */
}

void session_leave_terminal(struct session *session)
{
	if (!session->left)
		to_terminal(session, modes_leave);
	session->left = true;
	terminal_restore(&session->terminal);
}

void session_take_terminal(struct session *session)
{
	if (session->master_fd == FD_NONE)
		return;
	IGNORE(terminal_raw(&session->terminal) < 0);
	if (session->left && terminal_foreground(&session->terminal)) {
		to_terminal(session, modes_enter);
		session->left = false;
	}
	session_resize(session);
}

/* ---- input ---- */

bool session_has_room(const struct session *session)
{
	return session->master_fd != FD_NONE && session->input_len == 0;
}

void session_feed_master(struct session *session)
{
	ssize_t len = write(session->master_fd, session->input, session->input_len);

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		session->input_len = 0;
	if (len <= 0)
		return;
	session->input_len -= (size_t)len;
	memmove(session->input, session->input + len, session->input_len);
}

static void typed(void *ctx, struct slice bytes)
{
	struct session *session = ctx;

	memcpy(session->input, bytes.data, bytes.len);
	session->input_len = bytes.len;
	session_feed_master(session);
}

static void hung_up(struct session *session)
{
	/* So is the run's terminal, which gives it SIGHUP. */
	session->keyboard_closed = true;
	session->master_fd = fd_close(session->master_fd);
	session->input_len = 0;
}

void session_read_keyboard(struct session *session)
{
	char bytes[RELAY_BYTES - DETACH_KEYS_MAX];
	ssize_t len = read(session->terminal.in_fd, bytes, sizeof(bytes));
	bool leave;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		hung_up(session);
		return;
	}
	leave = detach_keys_take(&session->detach_keys, slice_new(bytes, (size_t)len), session->input,
				 &session->input_len);
	session_feed_master(session);
	if (leave)
		keeper_detach(session);
}

/* ---- those who look ---- */

void session_resize(struct session *session)
{
	const struct terminal *terminal = &session->terminal;
	int from = terminal->in_fd != FD_NONE ? terminal->in_fd : terminal->out_fd;
	struct winsize size = { 0 };

	if (session->master_fd == FD_NONE)
		return;
	if (from != FD_NONE && ioctl(from, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){ 0 };
	viewers_bound_size(&session->viewers, &size);
	if (size.ws_row > 0 && size.ws_col > 0)
		IGNORE(ioctl(session->master_fd, TIOCSWINSZ, &size) < 0); /* the run is ending */
}

static void viewer_resized(void *ctx)
{
	session_resize(ctx);
}

static void viewer_resumed(void *ctx)
{
	struct session *session = ctx;

	session->stopped = false;
	session_channel_send(session, SESSION_CONTINUE, SIGCONT);
}

void session_serve_viewers(struct session *session, const struct pollfd fds[VIEWERS_MAX])
{
	const struct viewer_calls calls = { .input = typed, .resized = viewer_resized, .resume = viewer_resumed,
					    .ctx = session };

	viewers_serve(&session->viewers, &session->scrollback, session_has_room(session), fds, &calls);
}

void session_viewer_arrived(struct session *session, int *fd)
{
	if (session->master_fd == FD_NONE) {
		viewers_refuse(TAKE_FD(*fd), 122, "this run has no terminal: its input and output are pipes or files");
		return;
	}
	if (!viewers_add(&session->viewers, TAKE_FD(*fd), &session->scrollback))
		return;
	if (session->stopped)
		viewer_resumed(session);
	/* What uses the whole screen draws itself anew. */
	session_channel_send(session, SESSION_SIGNAL, SIGWINCH);
}

void session_pty_arrived(struct session *session, int *fd)
{
	if (session->master_fd != FD_NONE || !isatty(*fd))
		return;
	session->master_fd = TAKE_FD(*fd);
	/* Ours alone: the run has the slave, so O_NONBLOCK disturbs nobody. */
	IGNORE(fcntl(session->master_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0);
	IGNORE(terminal_dress(&session->terminal, session->master_fd) < 0);
	IGNORE(terminal_raw(&session->terminal) < 0);
}
