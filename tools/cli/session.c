/* SPDX-License-Identifier: Apache-2.0 */

#include "cli/session_own.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/keeper.h"
#include "cli/session_say.h"
#include "cli/words.h"

#define HUNG_UP_MS 50
#define STOP_SIGNALS_BEFORE_REVOKE 2U  /* the second SIGTERM is meant */

enum polled { POLL_CONTROL, POLL_CHANNEL, POLL_SIGNALS, POLL_MASTER, POLL_KEYBOARD, POLL_VIEWERS,
	      POLL_COUNT = POLL_VIEWERS + VIEWERS_MAX };

/* ---- what people see ---- */

/* One line on stderr. Raw terminals do not turn \n into \r\n. */
static void say(const struct session *session, const char *text)
{
	bool raw = session->terminal.raw && isatty(STDERR_FILENO);

	fprintf(stderr, "%sbailiff: %s%s", raw ? "\r" : "", text, raw ? "\r\n" : "\n");
}

void session_say(struct session *session, const char *text)
{
	say(session, text);
	viewers_tell(&session->viewers, VIEW_SAY, 0, text);
}

static void say_escaped(struct session *session, const char *text)
{
	char escaped[WIRE_TEXT_MAX * 2];

	text_escape(escaped, sizeof(escaped), slice_of(text));
	session_say(session, escaped);
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
	char line[2048];
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
static void say_reason(struct session *session, const char *text, const char *run)
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

static void say_ended(struct session *session, const struct wire_ended *ended)
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

/* ---- job control ---- */

void session_channel_send(struct session *session, enum session_kind kind, int number)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = kind, .signal = number };

	/* A channel that is full or closed belongs to a run that is ending. */
	if (session->channel_fd != FD_NONE)
		IGNORE(fdpass_send(session->channel_fd, &message, sizeof(message), NULL, 0,
				   MSG_DONTWAIT) < 0);
}

/* The command stopped: our job stops the same way, so that the shell sees what it would have seen
 * without us. The whole group, as the terminal does it: a pipeline is one job. */
static void stop_ourselves(struct session *session, int number)
{
	sigset_t one;

	if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
		number = SIGSTOP;
	session_leave_terminal(session);
	sigemptyset(&one);
	sigaddset(&one, number);
	IGNORE(kill(0, number) < 0);
	/* A blocked SIGTSTP takes effect here; in an orphaned group it does nothing and the command
	 * goes on at once (setpgid(2)). */
	IGNORE(sigprocmask(SIG_UNBLOCK, &one, NULL) < 0);
	IGNORE(sigprocmask(SIG_BLOCK, &session->signals, NULL) < 0);
	session_take_terminal(session);
	session_channel_send(session, SESSION_CONTINUE, SIGCONT);
}

/* Who is attached stops as we do. A run that is kept waits for one of them to go on. */
static void command_stopped(struct session *session, int number)
{
	viewers_tell(&session->viewers, VIEW_STOPPED, number, "");
	if (session->kept)
		session->stopped = true;
	else
		stop_ourselves(session, number);
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
	if (message.kind == SESSION_PTY && fds.count == 1)
		session_pty_arrived(session, &fds.fds[0]);
	if (message.kind == SESSION_STOPPED)
		command_stopped(session, message.signal);
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
		session_resize(session);
		return;
	}
	if (number == SIGCONT) {
		session_take_terminal(session);
		return;
	}
	/* Nothing runs yet that could take it: we end, and the supervisor sees us go. */
	if (!session->started && (number == SIGINT || number == SIGTERM || number == SIGHUP)) {
		session->over = true;
		session->result = 128 + number;
		return;
	}
	if (number == SIGINT && prompt_stands(session)) {
		prompt_deny(session);
		return;
	}
	session->terminations += number == SIGTERM;
	if (number == SIGTERM && session->terminations >= STOP_SIGNALS_BEFORE_REVOKE)
		ask_revoke(session);
	else
		session_channel_send(session, SESSION_SIGNAL, number);
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
	viewers_end(&session->viewers, &session->scrollback, CLI_INTERNAL, session->err->text);
	error_next(session->err, "`bailiff ledger log` shows what was recorded");
	error_exit(session->err, CLI_INTERNAL);
}

static void handle_started(struct session *session, const struct wire_started *started)
{
	session->started = true;
	session->run = *session->spec->ret_run = started->run;
	say_started(session, started);
	if (session->spec->report_fd == FD_NONE || keeper_report(session->spec->report_fd, &session->run) == 0)
		return;
	/* Whoever asked is gone and will not learn its name. */
	session->over = true;
	session->result = CLI_INTERNAL;
}

static void handle_control(struct session *session)
{
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct wire_answer answer;
	int r = client_receive_fds(session->spec->control_fd, 0, &answer, &fds, session->err);

	if (r == -ETIMEDOUT)
		return;
	if (r == -EPIPE) {
		supervisor_lost(session);
		return;
	}
	/* After the start an error answers a revocation of ours; the run itself ends by ENDED. */
	if (r < 0 && session->started && answer.kind == WIRE_ERROR) {
		say_escaped(session, session->err->text);
		prompt_refused(session);
		return;
	}
	if (r < 0) {
		session->over = true;
		session->result = r;
		return;
	}
	if (answer.kind == WIRE_STARTED) {
		handle_started(session, &answer.u.started);
	} else if (answer.kind == WIRE_VIEWER && fds.count == 1) {
		session_viewer_arrived(session, &fds.fds[0]);
	} else if (answer.kind == WIRE_ITEM && session->spec->ask) {
		prompt_item(session, &answer.u.item);
	} else if (answer.kind == WIRE_NOTICE) {
		say_escaped(session, answer.u.notice);
	} else if (answer.kind == WIRE_ENDED) {
		session_drain(session);
		session_leave_terminal(session);
		say_ended(session, &answer.u.ended);
		viewers_end(&session->viewers, &session->scrollback, answer.u.ended.exit_code, "");
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
	bool asks = prompt_stands(session);
	int master = asks || session->slave_closed ? FD_NONE : session->master_fd;
	int typing = keyboard ? session->terminal.in_fd : FD_NONE;

	/* In the background, reading would stop us: it waits until we are in the foreground again. */
	if (asks)
		typing = tcgetpgrp(session->prompt.tty_fd) == getpgrp() ? session->prompt.tty_fd : FD_NONE;

	/* poll(2) skips negative descriptors. */
	polled[POLL_CONTROL] = (struct pollfd){ session->spec->control_fd, POLLIN, 0 };
	polled[POLL_CHANNEL] = (struct pollfd){ session->channel_fd, POLLIN, 0 };
	polled[POLL_SIGNALS] = (struct pollfd){ session->signal_fd, POLLIN, 0 };
	polled[POLL_MASTER] = (struct pollfd){ master, (short)master_events, 0 };
	polled[POLL_KEYBOARD] = (struct pollfd){ typing, POLLIN, 0 };
	viewers_poll(&session->viewers, &session->scrollback, session_has_room(session), polled + POLL_VIEWERS);
}

/* Output first, then what may end or stop us. */
static void poll_dispatch(struct session *session, const struct pollfd polled[POLL_COUNT])
{
	session->slave_closed = (polled[POLL_MASTER].revents & (POLLIN | POLLHUP | POLLERR)) &&
				!session_relay_output(session);
	if ((polled[POLL_MASTER].revents & POLLOUT) && session->master_fd != FD_NONE)
		session_feed_master(session);
	if (polled[POLL_SIGNALS].revents)
		handle_signal(session);
	if (polled[POLL_KEYBOARD].revents && prompt_stands(session))
		prompt_read(session);
	else if (polled[POLL_KEYBOARD].revents && session->master_fd != FD_NONE)
		session_read_keyboard(session);
	session_serve_viewers(session, polled + POLL_VIEWERS);
	if (polled[POLL_CHANNEL].revents && session->channel_fd != FD_NONE)
		handle_channel(session);
	if (polled[POLL_CONTROL].revents && !session->over)
		handle_control(session);
}

/* Before the plan is on its way, so that init finds them when it looks. The supervisor has neither end. */
static int send_secrets(const struct session *session)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = SESSION_SECRETS };

	int r;

	if (*session->spec->secrets_fd == FD_NONE)
		return 0;
	r = fdpass_send(session->channel_fd, &message, sizeof(message), session->spec->secrets_fd, 1, 0);
	*session->spec->secrets_fd = fd_close(*session->spec->secrets_fd);
	return r;
}

static int session_start(struct session *session)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_RUN,
					.flags = (session->spec->detached ? WIRE_DETACHED : 0) |
						 prompt_flags(&session->prompt, session->spec->ask) };
	auto_close int theirs = FD_NONE;
	int pair[2], fds[5], r;

	if (session->spec->task)
		IGNORE(snprintf(request.reason, sizeof(request.reason), "%s", session->spec->task) < 0);
	r = signals_block(session);
	if (r < 0)
		return error_set(session->err, r, "take signals");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(session->err, -errno, "make the session channel");
	session->channel_fd = pair[0];
	theirs = pair[1];
	fds[0] = session->spec->plan_fd;
	for (size_t i = 0; i < COUNT(session->spec->stdio); i++)
		fds[1 + i] = session->spec->stdio[i];
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
	session_leave_terminal(session);
	prompt_finish(&session->prompt);
	viewers_finish(&session->viewers);
	scrollback_finish(&session->scrollback);
	fd_close(session->channel_fd);
	fd_close(session->signal_fd);
	fd_close(session->master_fd);
}

int session_run(const struct session_spec *spec, struct error *err)
{
	cleanup_with(session_finish) struct session session = {
		.spec = spec, .err = err, .detach_keys = spec->detach_keys,
		.kept = spec->detached,
		.channel_fd = FD_NONE, .signal_fd = FD_NONE, .master_fd = FD_NONE,
	};
	int r;

	viewers_init(&session.viewers);
	terminal_init(&session.terminal);
	prompt_open(&session.prompt, spec->ask && !spec->detached);
	if (spec->detached)
		session.terminal.in_fd = session.terminal.out_fd = FD_NONE;
	r = session_start(&session);
	return r < 0 ? r : session_loop(&session);
}
