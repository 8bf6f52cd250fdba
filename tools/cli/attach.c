/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff attach`: the supervisor checks whose run it is and passes one end of a socket pair to whoever has the run's
 * terminal; from there on the two talk alone (view.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/detach_keys.h"
#include "cli/identity.h"
#include "cli/modes.h"
#include "cli/paths.h"
#include "cli/runs.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cli/view.h"

#define ANSWER_MS 10000

struct attach_args {
	const char *detach_keys;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct attach_args, member)

static const struct option_row rows[] = {
	{ 0, "detach-keys", OPTION_TEXT, AT(detach_keys), "KEYS",
	  "leave the run by these, ctrl-p,ctrl-q; else " DETACH_KEYS_DEFAULT, NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set attach_options = {
	.verb = "attach",
	.usage = "RUN [--detach-keys KEYS]",
	.summary = "Connects this terminal to that of a run of yours: shows what it wrote last, then what it writes, and\n"
		   "types into it. Others may be attached, too; the window is the smallest of all. The keys to leave\n"
		   "it are said first. When the run ends, the exit code is the run's.",
	.examples = "  bailiff attach 9KQ2\n",
	.rows = rows,
	.count = COUNT(rows),
};

enum polled { POLL_RUN, POLL_SIGNALS, POLL_KEYBOARD, POLL_COUNT };

struct attachment {
	int fd, signal_fd;       /* owned */
	struct terminal terminal;
	struct modes shown;
	struct detach_keys keys;
	bool keyboard_closed, over;
	int result;
	sigset_t signals;
};

/* ---- to the run ---- */

static void view_send(struct attachment *at, struct view_message *message, size_t len)
{
	message->version = WIRE_VERSION;
	/* Waits while the run's terminal takes nothing: so does who types. */
	if (send(at->fd, message, VIEW_HEAD_BYTES + len, MSG_NOSIGNAL) < 0)
		at->keyboard_closed = true; /* its end is read, too */
}

static void send_size(struct attachment *at)
{
	struct view_message message = { .kind = VIEW_SIZE };
	int from = at->terminal.in_fd != FD_NONE ? at->terminal.in_fd : at->terminal.out_fd;
	struct winsize size;

	if (from == FD_NONE || ioctl(from, TIOCGWINSZ, &size) < 0)
		return;
	message.rows = size.ws_row;
	message.columns = size.ws_col;
	view_send(at, &message, 0);
}

/* ---- the terminal ---- */

static void terminal_write(const struct attachment *at, void (*what)(const struct modes *, struct buf *))
{
	char memory[MODES_BYTES_MAX];
	struct buf bytes = buf_fixed(memory, sizeof(memory));

	what(&at->shown, &bytes);
	if (at->terminal.out_fd != FD_NONE && bytes.len > 0)
		IGNORE(io_write(at->terminal.out_fd, bytes.data, bytes.len) < 0); /* it may be gone */
}

static void leave_terminal(struct attachment *at)
{
	terminal_write(at, modes_leave);
	terminal_restore(&at->terminal);
}

static void attachment_finish(struct attachment *at)
{
	fd_close(at->fd);
	fd_close(at->signal_fd);
}

static void stop_ourselves(struct attachment *at, int number)
{
	struct view_message message = { .kind = VIEW_CONTINUE };
	sigset_t one;

	if (at->terminal.in_fd == FD_NONE)
		return;
	if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
		number = SIGSTOP;
	leave_terminal(at);
	sigemptyset(&one);
	sigaddset(&one, number);
	IGNORE(kill(0, number) < 0);
	IGNORE(sigprocmask(SIG_UNBLOCK, &one, NULL) < 0);
	IGNORE(sigprocmask(SIG_BLOCK, &at->signals, NULL) < 0);
	IGNORE(terminal_raw(&at->terminal) < 0);
	terminal_write(at, modes_enter);
	send_size(at);
	view_send(at, &message, 0);
}

/* ---- from the run ---- */

static void say(const struct attachment *at, const char *text)
{
	char escaped[VIEW_BYTES_MAX];
	const char *end = at->terminal.raw && isatty(STDERR_FILENO) ? "\r\n" : "\n";

	text_escape(escaped, sizeof(escaped), slice_of(text));
	fprintf(stderr, "%sbailiff: %s%s", end[0] == '\r' ? "\r" : "", escaped, end);
}

static void ended(struct attachment *at, int exit_code, const char *text)
{
	at->over = true;
	at->result = exit_code >= 0 && exit_code <= 255 ? exit_code : CLI_INTERNAL;
	leave_terminal(at);
	if (text[0])
		say(at, text);
}

static void read_run(struct attachment *at)
{
	struct view_message message;
	ssize_t len = recv(at->fd, &message, sizeof(message), MSG_DONTWAIT);
	size_t bytes = len > (ssize_t)VIEW_HEAD_BYTES ? (size_t)len - VIEW_HEAD_BYTES : 0;
	char text[VIEW_BYTES_MAX];
	int out = at->terminal.out_fd != FD_NONE ? at->terminal.out_fd : STDOUT_FILENO;

	if (len < 0 && errno == EAGAIN)
		return;
	if (len < (ssize_t)VIEW_HEAD_BYTES || message.version != WIRE_VERSION) {
		ended(at, CLI_INTERNAL, "the process that kept the run's terminal went away, and the run with it");
		return;
	}
	IGNORE(text_copy(text, sizeof(text), slice_new(message.bytes, MIN(bytes, sizeof(text) - 1))));
	if (message.kind == VIEW_OUTPUT) {
		modes_read(&at->shown, slice_new(message.bytes, bytes));
		IGNORE(io_write(out, message.bytes, bytes) < 0); /* who does not look any more will leave */
	} else if (message.kind == VIEW_SAY) {
		say(at, text);
	} else if (message.kind == VIEW_STOPPED) {
		stop_ourselves(at, message.value);
	} else if (message.kind == VIEW_ENDED) {
		ended(at, message.value, text);
	}
}

/* ---- keys and signals ---- */

static void left(struct attachment *at, int result)
{
	at->over = true;
	at->result = result;
	leave_terminal(at);
	say(at, "left the run, which goes on");
}

static void read_keyboard(struct attachment *at)
{
	struct view_message message = { .kind = VIEW_INPUT };
	int from = at->terminal.in_fd != FD_NONE ? at->terminal.in_fd : STDIN_FILENO;
	char typed[VIEW_BYTES_MAX - DETACH_KEYS_MAX];
	ssize_t len = read(from, typed, sizeof(typed));
	size_t count;
	bool leave;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		at->keyboard_closed = true;
		/* A terminal that hung up has nobody before it; a pipe only has no more to say. */
		if (at->terminal.in_fd != FD_NONE)
			left(at, CLI_OK);
		return;
	}
	leave = detach_keys_take(&at->keys, slice_new(typed, (size_t)len), message.bytes, &count);
	if (count > 0)
		view_send(at, &message, count);
	if (leave)
		left(at, CLI_OK);
}

static void read_signal(struct attachment *at)
{
	struct signalfd_siginfo info;

	if (read(at->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT)
		send_size(at);
	else
		left(at, 128 + (int)info.ssi_signo);
}

static int signals_block(struct attachment *at, struct error *err)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT, SIGTSTP };

	sigemptyset(&at->signals);
	for (size_t i = 0; i < COUNT(taken); i++)
		sigaddset(&at->signals, taken[i]);
	if (sigprocmask(SIG_BLOCK, &at->signals, NULL) < 0)
		return error_set(err, -errno, "take signals");
	at->signal_fd = signalfd(-1, &at->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return at->signal_fd < 0 ? error_set(err, -errno, "take signals") : 0;
}

static int attachment_loop(struct attachment *at, struct error *err)
{
	while (!at->over) {
		int from = at->terminal.in_fd != FD_NONE ? at->terminal.in_fd : STDIN_FILENO;
		bool keyboard = !at->keyboard_closed &&
				(at->terminal.in_fd == FD_NONE || terminal_foreground(&at->terminal));
		struct pollfd polled[POLL_COUNT] = {
			[POLL_RUN] = { at->fd, POLLIN, 0 }, [POLL_SIGNALS] = { at->signal_fd, POLLIN, 0 },
			[POLL_KEYBOARD] = { keyboard ? from : FD_NONE, POLLIN, 0 },
		};

		if (poll(polled, POLL_COUNT, -1) < 0 && errno != EINTR)
			return error_set(err, -errno, "wait for the run");
		if (polled[POLL_RUN].revents)
			read_run(at);
		if (polled[POLL_SIGNALS].revents && !at->over)
			read_signal(at);
		if (polled[POLL_KEYBOARD].revents && !at->over)
			read_keyboard(at);
	}
	return at->result;
}

/* ---- the beginning ---- */

static int ask(const struct attach_args *args, const char *word, struct ulid *ret_run, int *ret_fd,
	       struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_ATTACH };
	auto_close int control_fd = FD_NONE, ours = FD_NONE, theirs = FD_NONE;
	struct wire_answer answer;
	int pair[2], r = client_connect(&args->dirs, &control_fd, err);

	if (r == 0)
		r = runs_find_live(control_fd, word, &request.run, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	r = fdpass_send(control_fd, &request, sizeof(request), &theirs, 1, 0);
	if (r < 0)
		return error_set(err, r, "ask the supervisor");
	r = client_receive(control_fd, ANSWER_MS, &answer, err);
	if (r < 0)
		return r;
	*ret_run = request.run;
	*ret_fd = TAKE_FD(ours);
	return 0;
}

/* Root has no part in what is relayed. */
static int rights_drop(struct error *err)
{
	static struct identity identity;
	int r;

	if (geteuid() != 0)
		return 0;
	r = identity_find(&identity, err);
	if (r == 0 && identity_become(&identity) < 0)
		r = error_set(err, -EPERM, "give up root");
	return r;
}

static int attach(struct attachment *at, const struct attach_args *args, const char *word, struct error *err)
{
	const char *keys = args->detach_keys ? args->detach_keys : DETACH_KEYS_DEFAULT;
	char run[ULID_TEXT_LEN + 1];
	struct ulid id;
	int r = ask(args, word, &id, &at->fd, err);

	if (r == 0)
		r = rights_drop(err);
	if (r == 0)
		r = signals_block(at, err);
	if (r < 0)
		return r;
	ulid_text(&id, run);
	terminal_init(&at->terminal);
	fprintf(stderr, "bailiff: attached to run %s; %s leaves it\n", run, at->keys.count > 0 ? keys : "SIGTERM");
	IGNORE(terminal_raw(&at->terminal) < 0);
	send_size(at);
	r = attachment_loop(at, err);
	terminal_restore(&at->terminal);
	return r;
}

int verb_attach(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	cleanup_with(attachment_finish) struct attachment at = { .fd = FD_NONE, .signal_fd = FD_NONE };
	struct attach_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&attach_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage("attach", "one RUN is expected: bailiff attach RUN");
	if (detach_keys_parse(args.detach_keys ? args.detach_keys : DETACH_KEYS_DEFAULT, &at.keys) < 0)
		return cli_usage("attach", "--detach-keys '%s' must be keys such as a or ctrl-p, with commas, at most %u",
				 args.detach_keys, DETACH_KEYS_MAX);
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = attach(&at, &args, words.words[0], &err);
	return r < 0 ? cli_fail(&err) : r;
}
