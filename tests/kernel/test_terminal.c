/* SPDX-License-Identifier: Apache-2.0 */
/* What the command may inherit, its own terminal, job control, and NOTIFY_SOCKET. */
#include <netinet/in.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <termios.h>

#include "lib/sandbox.h"
#include "lib/runner.h"

static struct sandbox_result result;

/* ---- stdin, stdout, stderr ---- */

static void expect_stdin(int fd, bool good)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), self = sys_pidfd_open(getpid(), 0);
	struct sandbox sandbox = { .launched = LAUNCHED_NONE, .output = FD_NONE };
	struct init_message message;
	struct sandbox_plan plan;
	struct error err = { 0 };

	ck_assert_int_ge(fd, 0);
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "true");
	ck_assert_int_eq(sandbox_start_with(&sandbox, &plan, (int[]){ fd, null, null }, FD_NONE, self, &err), 0);
	message = sandbox_message(&sandbox);
	if (good)
		ck_assert_msg(message.kind == INIT_READY, "refused: %s", message.text);
	else
		ck_assert_msg(message.kind == INIT_STAGE_FAILED && strncmp(message.text, "stdio: ", 7) == 0,
			      "message %u: %s", message.kind, message.text);
	sandbox_end(&sandbox);
	fd_close(null);
	fd_close(self);
	fd_close(fd);
}

START_TEST(a_descriptor_that_reaches_beyond_itself_is_refused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	NEEDS_ROOT();
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	expect_stdin(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), false);
	expect_stdin(open("/etc/passwd", O_PATH | O_CLOEXEC), false);
	expect_stdin(open("/dev/zero", O_RDONLY | O_CLOEXEC), false);
	expect_stdin(listener, false);
	expect_stdin(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), false);
	expect_stdin(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), false);
	expect_stdin(memfd_create("x", MFD_CLOEXEC), true);
}
END_TEST

START_TEST(a_connection_to_the_host_s_network_is_refused)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int connected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	int ends[2];

	NEEDS_ROOT();
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	ck_assert_int_eq(connect(connected, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_stdin(connected, false);
	fd_close(listener);
	/* A datagram socket can be pointed elsewhere at any time. */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	expect_stdin(ends[0], false);
	fd_close(ends[1]);
}
END_TEST

START_TEST(a_file_a_pipe_and_a_socket_pair_are_taken)
{
	int ends[2];

	NEEDS_ROOT();
	expect_stdin(open("/etc/passwd", O_RDONLY | O_CLOEXEC), true);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	expect_stdin(ends[0], true);
	fd_close(ends[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	expect_stdin(ends[0], true);
	fd_close(ends[1]);
}
END_TEST

START_TEST(a_root_caller_s_pipe_can_be_opened_anew)
{
	static const char script[] = "echo x > /dev/stdout && echo y > /dev/stderr && "
				     "sh -c 'echo z > /dev/stdout' | cat";
	struct sandbox_plan plan;

	NEEDS_ROOT();
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.owner_uid = 0;
	plan_shell(&plan, script);
	sandbox_run(&plan, &result);
	ck_assert_str_eq(result.output, "x\ny\nz\n");
	/* The control: a pipe of somebody else stays theirs. */
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, script);
	sandbox_run(&plan, &result);
	ck_assert_int_ne(sandbox_status(&result), 0);
}
END_TEST

/* ---- the terminal ---- */

struct terminal {
	struct sandbox sandbox;
	int caller_master, master, session;
	char seen[4096];
	size_t seen_len;
};

static void terminal_start(struct terminal *terminal, const char *script)
{
	struct winsize size = { .ws_row = 33, .ws_col = 101 };
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct session_message message;
	struct sandbox_plan plan;
	struct error err = { 0 };
	struct pollfd pty;
	int slave, pair[2], self = sys_pidfd_open(getpid(), 0);

	*terminal = (struct terminal){ .sandbox = { .launched = LAUNCHED_NONE, .output = FD_NONE } };
	ck_assert_int_eq(openpty(&terminal->caller_master, &slave, NULL, NULL, &size), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.flags = PLAN_TERMINAL_IN | PLAN_TERMINAL_OUT | PLAN_TERMINAL_ERR;
	plan_shell(&plan, script);
	ck_assert_int_eq(sandbox_start_with(&terminal->sandbox, &plan, (int[]){ slave, slave, slave }, pair[1],
					    self, &err), 0);
	fd_close(slave);
	fd_close(pair[1]);
	fd_close(self);
	terminal->session = pair[0];
	sandbox_ready(&terminal->sandbox);
	pty = (struct pollfd){ .fd = pair[0], .events = POLLIN };
	ck_assert_msg(poll(&pty, 1, WAIT_MS) == 1, "no terminal is handed over");
	ck_assert_int_eq(fdpass_receive(pair[0], &message, sizeof(message), &fds, 0), sizeof(message));
	ck_assert_uint_eq(message.kind, SESSION_PTY);
	ck_assert_uint_eq(fds.count, 1);
	terminal->master = TAKE_FD(fds.fds[0]);
}

static void terminal_expect(struct terminal *terminal, const char *text)
{
	struct pollfd fd = { .fd = terminal->master, .events = POLLIN };

	while (!strstr(terminal->seen, text)) {
		ssize_t len;

		ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "no '%s' in '%s'", text, terminal->seen);
		len = read(terminal->master, terminal->seen + terminal->seen_len,
			   sizeof(terminal->seen) - 1 - terminal->seen_len);
		ck_assert_msg(len > 0, "closed without '%s': '%s'", text, terminal->seen);
		terminal->seen_len += (size_t)len;
	}
}

static struct session_message terminal_message(const struct terminal *terminal)
{
	struct pollfd fd = { .fd = terminal->session, .events = POLLIN };
	struct session_message message;

	ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "no word on the session");
	ck_assert_int_eq(recv(terminal->session, &message, sizeof(message), 0), sizeof(message));
	return message;
}

static void terminal_end(struct terminal *terminal)
{
	fd_close(terminal->master);
	fd_close(terminal->caller_master);
	fd_close(terminal->session);
	sandbox_end(&terminal->sandbox);
}

START_TEST(the_command_gets_a_terminal_of_its_own)
{
	struct terminal terminal;

	NEEDS_ROOT();
	terminal_start(&terminal, "tty; stty size; test -t 2 && test -w /dev/tty && echo ok; "
		       "ps -o tpgid=,pgid= -p $$ | tr -s ' '; echo done");
	terminal_expect(&terminal, "/dev/pts/0");
	terminal_expect(&terminal, "33 101");
	terminal_expect(&terminal, "ok");
	terminal_expect(&terminal, "2 2"); /* it is the foreground group */
	terminal_expect(&terminal, "done");
	ck_assert_uint_eq(terminal_message(&terminal).kind, SESSION_EXIT);
	terminal_end(&terminal);
}
END_TEST

START_TEST(typing_into_the_terminal_by_ioctl_is_refused)
{
	static const char script[] = "perl -e '$c = \"x\"; for (0x5412, 0x7fffffff00005412, 0x541c, 0x5423) "
		"{ syscall(16, 0, $_, $c); print $!+0, \" \"; } print \"end\\n\"'";
	struct terminal terminal;

	NEEDS(FEATURE_SECCOMP);
	terminal_start(&terminal, script);
	terminal_expect(&terminal, "1 1 1 1 end");
	terminal_end(&terminal);
	/* Without a terminal: ENOTTY or EINVAL, the call itself is not refused. */
	ck_assert_int_eq(outside_as(TEST_UID, "/", script, &result), 0);
	ck_assert_msg(strstr(result.output, "1 1 1 1 end") == NULL, "%s", result.output);
}
END_TEST

START_TEST(ctrl_z_stops_the_command_and_the_session_brings_it_back)
{
	struct session_message message, go = { .version = WIRE_VERSION, .kind = SESSION_CONTINUE };
	struct terminal terminal;

	NEEDS_ROOT();
	terminal_start(&terminal, "echo started; exec perl -e '$SIG{CONT} = sub { print \"again\\n\" }; $| = 1; "
		       "sleep 100; sleep 100'");
	terminal_expect(&terminal, "started");
	/* perl has to be there, not the shell, which would die of the signals differently. */
	while (1) {
		ck_assert_int_eq(io_write(terminal.master, "\032", 1), 0);
		message = terminal_message(&terminal);
		if (message.kind == SESSION_STOPPED)
			break;
	}
	ck_assert_int_eq(message.signal, SIGTSTP);
	ck_assert_int_eq(send(terminal.session, &go, sizeof(go), 0), sizeof(go));
	ck_assert_uint_eq(terminal_message(&terminal).kind, SESSION_CONTINUED);
	ck_assert_int_eq(io_write(terminal.master, "\003", 1), 0);
	message = terminal_message(&terminal);
	ck_assert_uint_eq(message.kind, SESSION_EXIT);
	ck_assert(WIFSIGNALED(message.value) && WTERMSIG(message.value) == SIGINT);
	terminal_end(&terminal);
}
END_TEST

START_TEST(a_signal_from_the_session_goes_to_the_foreground)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = SESSION_SIGNAL, .signal = SIGTERM };
	struct terminal terminal;

	NEEDS_ROOT();
	terminal_start(&terminal, "trap 'exit 9' TERM; echo started; while :; do sleep 0.05; done");
	terminal_expect(&terminal, "started");
	ck_assert_int_eq(send(terminal.session, &message, sizeof(message), 0), sizeof(message));
	message = terminal_message(&terminal);
	ck_assert_uint_eq(message.kind, SESSION_EXIT);
	ck_assert_int_eq(WEXITSTATUS(message.value), 9);
	terminal_end(&terminal);
}
END_TEST

/* ---- NOTIFY_SOCKET ---- */

START_TEST(a_beat_reaches_the_supervisor)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;
	struct init_message message;

	NEEDS_ROOT();
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_DGRAM, 0); send(S, \"WATCHDOG=1\\nSTATUS=at work\\n\", 0, "
		   "pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or exit 1; sleep 100'");
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	message = sandbox_message(&sandbox);
	ck_assert_uint_eq(message.kind, INIT_NOTIFY);
	ck_assert_uint_eq(message.notify, NOTIFY_WATCHDOG | NOTIFY_STATUS);
	ck_assert_str_eq(message.text, "at work");
	sandbox_end(&sandbox);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("terminal");
	TCase *tcase = sandbox_case(suite, "stdio");

	tcase_add_test(tcase, a_descriptor_that_reaches_beyond_itself_is_refused);
	tcase_add_test(tcase, a_connection_to_the_host_s_network_is_refused);
	tcase_add_test(tcase, a_root_caller_s_pipe_can_be_opened_anew);
	tcase_add_test(tcase, a_file_a_pipe_and_a_socket_pair_are_taken);
	tcase = sandbox_case(suite, "terminal");
	tcase_add_test(tcase, the_command_gets_a_terminal_of_its_own);
	tcase_add_test(tcase, typing_into_the_terminal_by_ioctl_is_refused);
	tcase_add_test(tcase, ctrl_z_stops_the_command_and_the_session_brings_it_back);
	tcase_add_test(tcase, a_signal_from_the_session_goes_to_the_foreground);
	tcase = sandbox_case(suite, "notify");
	tcase_add_test(tcase, a_beat_reaches_the_supervisor);
	return suite;
}
