/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "cli/cli.h"
#include "cli/identity.h"
#include "cli/session_own.h"

struct keeper_report {
	struct ulid run;      /* zero: it did not start */
	int32_t code;
};

/* From here on nothing is anybody's terminal, and root has no part in what is relayed. */
static int rights_drop(const struct session_spec *spec)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return geteuid() == 0 ? identity_become(spec->identity) : 0;
}

static int null_over(int first, int last)
{
	auto_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int to = first; to <= last; to++)
		if (dup2(fd, to) < 0)
			return -errno;
	return 0;
}

int keeper_report(int report_fd, const struct ulid *run)
{
	const struct keeper_report report = { .run = *run };

	if (send(report_fd, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		return -errno;
	return null_over(STDERR_FILENO, STDERR_FILENO);
}

/* ---- a run that begins so ---- */

/* The run's stdio is a terminal, whatever the caller's is: so it can be attached, and `$(bailiff run --detach ...)` does not
 * wait for its end. init takes this pty as it takes a person's, and gives the run one of its own. */
static int child_run(const struct session_spec *spec, int report_fd)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct session_spec own = *spec;
	struct error err = { 0 };
	int outer, inner, r;

	own.report_fd = report_fd;
	own.detached = true;
	if (setsid() < 0 || null_over(STDIN_FILENO, STDOUT_FILENO) < 0 || chdir("/") < 0 ||
	    openpty(&outer, &inner, NULL, NULL, &size) < 0)
		return cli_fail((error_set(&err, -errno, "leave the terminal"), &err));
	for (size_t i = 0; i < COUNT(own.stdio); i++)
		own.stdio[i] = inner;
	r = rights_drop(spec);
	if (r < 0)
		error_set(&err, r, "give up root");
	else
		r = session_run(&own, &err);
	return r < 0 ? cli_fail(&err) : r;
}

static int parent_wait(int fd, struct ulid *ret_run, int *ret_code)
{
	struct keeper_report report;

	if (recv(fd, &report, sizeof(report), 0) != (ssize_t)sizeof(report))
		report = (struct keeper_report){ .code = CLI_INTERNAL };
	*ret_run = report.run;
	*ret_code = report.code;
	return 0;
}

int keeper_start(const struct session_spec *spec, struct ulid *ret_run, int *ret_code, struct error *err)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	struct keeper_report report = { 0 };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	IGNORE(fflush(NULL) != 0); /* else both print it */
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork the run's keeper");
	if (pid > 0) {
		theirs = fd_close(theirs);
		return parent_wait(ours, ret_run, ret_code);
	}
	ours = fd_close(ours);
	report.code = child_run(spec, theirs);
	IGNORE(send(theirs, &report, sizeof(report), MSG_NOSIGNAL) < 0); /* nobody waits when it had started */
	*ret_run = report.run;
	*ret_code = report.code;
	return 0;
}

/* ---- a run that is left ---- */

static void parent_leaves(struct session *session)
{
	char run[ULID_TEXT_LEN + 1], text[128];

	ulid_text(&session->run, run);
	session_leave_terminal(session);
	IGNORE(snprintf(text, sizeof(text), "left run %s, which goes on; `bailiff attach %s`", run, run) < 0);
	fprintf(stderr, "bailiff: %s\n", text);
	session->over = true;
	session->result = CLI_OK;
	*session->spec->ret_run = (struct ulid){ 0 };
}

/* The parent has the person's terminal and puts it back; here it must not be touched any more. */
static int child_stays(struct session *session)
{
	session->terminal = (struct terminal){ .in_fd = FD_NONE, .out_fd = FD_NONE };
	session->shown = (struct modes){ 0 };
	session->detach_keys = (struct detach_keys){ 0 };
	session->kept = true;
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return null_over(STDIN_FILENO, STDERR_FILENO);
}

void keeper_detach(struct session *session)
{
	pid_t pid;
	int r;

	IGNORE(fflush(NULL) != 0);
	pid = fork();
	if (pid < 0) {
		session_say(session, "the run cannot be left: no process for it could be made");
		return;
	}
	if (pid > 0) {
		parent_leaves(session);
		return;
	}
	r = child_stays(session);
	if (r == 0)
		r = rights_drop(session->spec);
	if (r < 0) { /* the run ends with its connection, which is better than a keeper that is root */
		session->over = true;
		session->result = CLI_INTERNAL;
		return;
	}
	session_resize(session);
}
