/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/session_say.h"
#include "cli/terminal.h"
#include "cli/words.h"

#define RELAY_BYTES 16384U
#define HUNG_UP_MS 50
#define STOP_SIGNALS_BEFORE_REVOKE 2U  /* the second SIGTERM is meant */

enum polled { POLL_CONTROL, POLL_CHANNEL, POLL_SIGNALS, POLL_MASTER, POLL_KEYBOARD, POLL_COUNT };

struct session {
	const struct session_spec *spec;
	int channel_fd, signal_fd, master_fd; /* owned */
	struct terminal terminal;
	sigset_t signals, before;
	struct ulid run;
	unsigned int terminations; /* SIGTERMs so far */
	bool started, over, keyboard_closed;
	bool slave_closed;         /* nobody has it open now; looked at again after HUNG_UP_MS */
	int result;                /* when over: exit code, or negative with *err */
	char input[RELAY_BYTES];   /* typed, not yet taken by the pty */
	size_t input_len;
	struct error *err;
};

/* ---- what people see ---- */

/* One line on stderr. Raw terminals do not turn \n into \r\n. */
static void say(const struct session *session, const char *text)
{
	bool raw = session->terminal.raw && isatty(STDERR_FILENO);

	fprintf(stderr, "%sbailiff: %s%s", raw ? "\r" : "", text, raw ? "\r\n" : "\n");
}

static void say_escaped(const struct session *session, const char *text)
{
	char escaped[WIRE_TEXT_MAX * 2];

	text_escape(escaped, sizeof(escaped), slice_of(text));
	say(session, escaped);
}

/* Takes `text`. */
static void say_json(char *text)
{
	if (text)
		fprintf(stderr, "%s\n", text);
	free(text);
}

static void say_started(const struct session *session, const struct wire_started *started)
{
	char line[1024];
	char *json = NULL;

	if (session->spec->json) {
		IGNORE(session_json_started(started, &json) < 0);
		say_json(json);
	} else if (!session->spec->quiet) {
		session_banner(started, session->spec->policy_note, line, sizeof(line));
		say(session, line);
	}
}

/* The reason, and its next step on a line of its own where the supervisor gave one behind it. */
static void say_reason(const struct session *session, const char *text, const char *run)
{
	static const char mark[] = "; next: ";
	const char *step = strstr(text, mark);
	char reason[WIRE_TEXT_MAX], escaped[WIRE_TEXT_MAX * 2];

	IGNORE(text_copy(reason, sizeof(reason),
			 slice_new(text, step ? (size_t)(step - text) : strlen(text))));
	say_escaped(session, reason);
	if (step) {
		text_escape(escaped, sizeof(escaped), slice_of(step + strlen(mark)));
		fprintf(stderr, "  next: %s\n", escaped);
	}
	fprintf(stderr, "  %s: `bailiff ledger run show %s` says what happened\n", step ? "more" : "next",
		run);
}

static void say_ended(const struct session *session, const struct wire_ended *ended)
{
	char run[ULID_TEXT_LEN + 1];
	char *json = NULL;

	ulid_text(&ended->run, run);
	if (session->spec->json) {
		IGNORE(session_json_ended(ended, &json) < 0);
		say_json(json);
		return;
	}
	if (ended->text[0] != '\0')
		say_reason(session, ended->text, run);
	if (session->spec->verbose)
		fprintf(stderr,
			"bailiff: run %s %s (%s): %llu events, %llu refused, %u violations, %llu lost\n", run,
			word_status(ended->status), word_cause(ended->cause),
			(unsigned long long)ended->events, (unsigned long long)ended->refused,
			ended->violations, (unsigned long long)ended->lost);
}

/* ---- the pty ---- */

/* What the run wrote, as far as it is there. Returns false when no process has the slave open. That
 * may change: closing the master would hang up the run's session (SIGHUP), so it stays open. */
static bool relay_output(struct session *session)
{
	char bytes[RELAY_BYTES];
	ssize_t len;

	len = read(session->master_fd, bytes, sizeof(bytes));
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (len <= 0)
		return false;
	/* The user's terminal may be gone; the run goes on as it would with a dead terminal. */
	if (session->terminal.out_fd != FD_NONE)
		IGNORE(io_write(session->terminal.out_fd, bytes, (size_t)len) < 0);
	return true;
}

static void master_close(struct session *session)
{
	session->master_fd = fd_close(session->master_fd);
	session->input_len = 0;
}

/* The run is over, its processes are gone: what is still in the pty is all there is. */
static void master_drain(struct session *session)
{
	struct pollfd ready = { .fd = session->master_fd, .events = POLLIN };

	while (session->master_fd != FD_NONE && poll(&ready, 1, 0) > 0) {
		if (!(ready.revents & POLLIN) || !relay_output(session))
			break;
	}
}

static void feed_master(struct session *session)
{
	ssize_t len = write(session->master_fd, session->input, session->input_len);

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		session->input_len = 0;
	if (len <= 0)
		return;
	session->input_len -= (size_t)len;
	memmove(session->input, session->input + len, session->input_len);
}

static void read_keyboard(struct session *session)
{
	ssize_t len = read(session->terminal.in_fd, session->input, sizeof(session->input));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		/* Hung up: so is the run's terminal, which gives it SIGHUP. */
		session->keyboard_closed = true;
		master_close(session);
		return;
	}
	session->input_len = (size_t)len;
	feed_master(session);
}

static void channel_send(struct session *session, enum session_kind kind, int number)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = kind, .signal = number };

	/* A channel that is full or closed belongs to a run that is ending. */
	if (session->channel_fd != FD_NONE)
		IGNORE(fdpass_send(session->channel_fd, &message, sizeof(message), NULL, 0,
				   MSG_DONTWAIT) < 0);
}

static void pty_arrived(struct session *session, struct fdset *fds)
{
	if (fds->count != 1 || session->master_fd != FD_NONE || !isatty(fds->fds[0]))
		return;
	session->master_fd = TAKE_FD(fds->fds[0]);
	/* Ours alone: the run has the slave, so O_NONBLOCK disturbs nobody. */
	IGNORE(fcntl(session->master_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0);
	IGNORE(terminal_dress(&session->terminal, session->master_fd) < 0);
	IGNORE(terminal_raw(&session->terminal) < 0);
}

/* ---- job control ---- */

static void resumed(struct session *session)
{
	if (session->master_fd != FD_NONE) {
		IGNORE(terminal_raw(&session->terminal) < 0);
		IGNORE(terminal_resize(&session->terminal, session->master_fd) < 0);
	}
}

/* The command stopped: our job stops the same way, so that the shell sees what it would have seen
 * without us. The whole group, as the terminal does it: a pipeline is one job. */
static void stop_ourselves(struct session *session, int number)
{
	sigset_t one;

	if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
		number = SIGSTOP;
	terminal_restore(&session->terminal);
	sigemptyset(&one);
	sigaddset(&one, number);
	IGNORE(kill(0, number) < 0);
	/* A blocked SIGTSTP takes effect here; in an orphaned group it does nothing and the command
	 * goes on at once (setpgid(2)). */
	IGNORE(sigprocmask(SIG_UNBLOCK, &one, NULL) < 0);
	IGNORE(sigprocmask(SIG_BLOCK, &session->signals, NULL) < 0);
	resumed(session);
	channel_send(session, SESSION_CONTINUE, SIGCONT);
}

static void handle_channel(struct session *session)
{
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct session_message message;
	ssize_t len = fdpass_receive(session->channel_fd, &message, sizeof(message), &fds,
				     MSG_DONTWAIT);

	if (len == -EAGAIN)
		return;
	if (len != sizeof(message) || message.version != WIRE_VERSION) {
		session->channel_fd = fd_close(session->channel_fd);
		return;
	}
	if (message.kind == SESSION_PTY)
		pty_arrived(session, &fds);
	if (message.kind == SESSION_STOPPED)
		stop_ourselves(session, message.signal);
}

/* ---- signals ---- */

static void ask_revoke(struct session *session)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_REVOKE,
					.run = session->run };

	IGNORE(text_copy(request.reason, sizeof(request.reason), slice_of("second SIGTERM to bailiff run")));
	if (client_send(session->spec->control_fd, &request, session->err) == 0)
		say(session, "second SIGTERM: revoking the run");
}

static void handle_signal(struct session *session)
{
	struct signalfd_siginfo info;
	int number;

	if (read(session->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	number = (int)info.ssi_signo;
	if (number == SIGWINCH) {
		IGNORE(terminal_resize(&session->terminal, session->master_fd) < 0);
		return;
	}
	if (number == SIGCONT) {
		resumed(session);
		return;
	}
	/* Nothing runs yet that could take it: we end, and the supervisor sees us go. */
	if (!session->started && (number == SIGINT || number == SIGTERM || number == SIGHUP)) {
		session->over = true;
		session->result = 128 + number;
		return;
	}
	session->terminations += number == SIGTERM;
	if (number == SIGTERM && session->terminations >= STOP_SIGNALS_BEFORE_REVOKE)
		ask_revoke(session);
	else
		channel_send(session, SESSION_SIGNAL, number);
}

static int signals_block(struct session *session)
{
	static const int taken[] = { SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
				     SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT };

	sigemptyset(&session->signals);
	for (size_t i = 0; i < COUNT(taken); i++)
		sigaddset(&session->signals, taken[i]);
	if (sigprocmask(SIG_BLOCK, &session->signals, &session->before) < 0)
		return -errno;
	session->signal_fd = signalfd(-1, &session->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return session->signal_fd < 0 ? -errno : 0;
}

/* ---- the supervisor ---- */

static void supervisor_lost(struct session *session)
{
	session->over = true;
	session->result = error_say(session->err, -EPIPE,
				    "the supervisor went away; what it leaves behind is killed or frozen, "
				    "as the policy says");
	error_next(session->err, "`bailiff ledger log` shows what was recorded");
	error_exit(session->err, CLI_INTERNAL);
}

static void handle_control(struct session *session)
{
	struct wire_answer answer;
	int r = client_receive(session->spec->control_fd, 0, &answer, session->err);

	if (r == -ETIMEDOUT)
		return;
	if (r == -EPIPE) {
		supervisor_lost(session);
		return;
	}
	/* After the start an error answers a revocation of ours; the run itself ends by ENDED. */
	if (r < 0 && session->started && answer.kind == WIRE_ERROR) {
		say_escaped(session, session->err->text);
		return;
	}
	if (r < 0) {
		session->over = true;
		session->result = r;
		return;
	}
	if (answer.kind == WIRE_STARTED) {
		session->started = true;
		session->run = *session->spec->ret_run = answer.u.started.run;
		say_started(session, &answer.u.started);
	} else if (answer.kind == WIRE_NOTICE) {
		say_escaped(session, answer.u.notice);
	} else if (answer.kind == WIRE_ENDED) {
		master_drain(session);
		terminal_restore(&session->terminal);
		say_ended(session, &answer.u.ended);
		session->over = true;
		session->result = answer.u.ended.exit_code;
	}
}

/* ---- the loop ---- */

static void poll_prepare(const struct session *session, struct pollfd polled[POLL_COUNT])
{
	bool keyboard = session->master_fd != FD_NONE && !session->keyboard_closed &&
			session->input_len == 0 && terminal_foreground(&session->terminal);
	int master_events = POLLIN | (session->input_len > 0 ? POLLOUT : 0);

	/* poll(2) skips negative descriptors. */
	polled[POLL_CONTROL] = (struct pollfd){ session->spec->control_fd, POLLIN, 0 };
	polled[POLL_CHANNEL] = (struct pollfd){ session->channel_fd, POLLIN, 0 };
	polled[POLL_SIGNALS] = (struct pollfd){ session->signal_fd, POLLIN, 0 };
	polled[POLL_MASTER] = (struct pollfd){ session->slave_closed ? FD_NONE : session->master_fd,
					       (short)master_events, 0 };
	polled[POLL_KEYBOARD] = (struct pollfd){ keyboard ? session->terminal.in_fd : FD_NONE, POLLIN, 0 };
}

/* Output first, then what may end or stop us. */
static void poll_dispatch(struct session *session, const struct pollfd polled[POLL_COUNT])
{
	session->slave_closed = (polled[POLL_MASTER].revents & (POLLIN | POLLHUP | POLLERR)) &&
				!relay_output(session);
	if ((polled[POLL_MASTER].revents & POLLOUT) && session->master_fd != FD_NONE)
		feed_master(session);
	if (polled[POLL_SIGNALS].revents)
		handle_signal(session);
	if (polled[POLL_KEYBOARD].revents && session->master_fd != FD_NONE)
		read_keyboard(session);
	if (polled[POLL_CHANNEL].revents && session->channel_fd != FD_NONE)
		handle_channel(session);
	if (polled[POLL_CONTROL].revents && !session->over)
		handle_control(session);
}

/* Before the plan is on its way, so that init finds them when it looks. The supervisor has neither end. */
static int send_secrets(const struct session *session)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = SESSION_SECRETS };

	if (session->spec->secrets_fd == FD_NONE)
		return 0;
	return fdpass_send(session->channel_fd, &message, sizeof(message), &session->spec->secrets_fd, 1, 0);
}

static int session_start(struct session *session)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_RUN };
	auto_close int theirs = FD_NONE;
	int pair[2], fds[5], r;

	r = signals_block(session);
	if (r < 0)
		return error_set(session->err, r, "take signals");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(session->err, -errno, "make the session channel");
	session->channel_fd = pair[0];
	theirs = pair[1];
	fds[0] = session->spec->plan_fd;
	fds[1] = STDIN_FILENO;
	fds[2] = STDOUT_FILENO;
	fds[3] = STDERR_FILENO;
	fds[4] = theirs;
	r = send_secrets(session);
	if (r < 0)
		return error_set(session->err, r, "send the secrets");
	r = fdpass_send(session->spec->control_fd, &request, sizeof(request), fds, COUNT(fds), 0);
	return r < 0 ? error_set(session->err, r, "send the plan to the supervisor") : 0;
}

static int session_loop(struct session *session)
{
	struct pollfd polled[POLL_COUNT];

	while (!session->over) {
		poll_prepare(session, polled);
		if (poll(polled, POLL_COUNT, session->slave_closed ? HUNG_UP_MS : -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_set(session->err, -errno, "wait for the run");
		}
		poll_dispatch(session, polled);
	}
	return session->result;
}

static void session_finish(struct session *session)
{
	terminal_restore(&session->terminal);
	fd_close(session->channel_fd);
	fd_close(session->signal_fd);
	fd_close(session->master_fd);
}

int session_run(const struct session_spec *spec, struct error *err)
{
	cleanup_with(session_finish) struct session session = {
		.spec = spec, .err = err,
		.channel_fd = FD_NONE, .signal_fd = FD_NONE, .master_fd = FD_NONE,
	};
	int r;

	terminal_init(&session.terminal);
	r = session_start(&session);
	return r < 0 ? r : session_loop(&session);
}
