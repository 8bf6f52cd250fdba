/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's birth and loop. Forked by the command's process while that is still root and already
 * in the run's Landlock domain, as a child of pid 1 (CLONE_PARENT), which ends the run with it. */
#include "init/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdpass.h"
#include "base/sys.h"
#include "init/secrets.h"

#define EXIT_BROKER 1
#define NOTIF_BYTES_MAX 512U
#define NICE (-10)
/* 6.6: the waker gives its CPU to the broker at once. Not in Debian 12's headers. */
#define NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define NOTIF_SYNC_WAKE_UP 1UL

static void __attribute__((noreturn)) fail(int channel, const struct error *err)
{
	IGNORE(send(channel, err->text, strlen(err->text) + 1, MSG_NOSIGNAL) < 0); /* it sees the end */
	_exit(EXIT_BROKER);
}

/* The kernel's structs may be longer than ours: they are written and read in `bytes`. */
static union {
	struct seccomp_notif request;
	char bytes[NOTIF_BYTES_MAX];
} notification;

static bool sizes_fit(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
	       sizes.seccomp_notif <= sizeof(notification) &&
	       sizes.seccomp_notif_resp == sizeof(struct seccomp_notif_resp);
}

static void __attribute__((noreturn)) serve(struct broker *broker)
{
	for (;;) {
		struct pollfd fd = { .fd = broker->listener, .events = POLLIN };

		memset(&notification, 0, sizeof(notification)); /* the kernel wants it so */
		if (ioctl(broker->listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0) {
			broker_serve(broker, &notification.request);
			continue;
		}
		if (errno != ENOENT && errno != EINTR)
			_exit(EXIT_BROKER);
		/* The caller died, or nobody is left who could call: then pid 1 ends the run. */
		if (poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP)
			for (;;)
				IGNORE(poll(NULL, 0, -1) < 0);
	}
}

/* Signals of the terminal, should the agent make this the foreground group. */
static void signals_close(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t all;

	IGNORE(sigaction(SIGCHLD, &ignore, NULL) < 0); /* the kernel reaps helpers */
	sigfillset(&all);
	IGNORE(sigprocmask(SIG_BLOCK, &all, NULL) < 0);
}

static int prepare(const struct init *init, struct broker *broker, struct error *err)
{
	broker->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	broker->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	broker->own = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (broker->root < 0 || broker->proc < 0 || broker->own < 0 || fchdir(broker->root) < 0)
		return error_set(err, -errno, "open the run's root and /proc for the broker");
	if (!sizes_fit())
		return error_set(err, -EOPNOTSUPP, "this kernel's seccomp notifications are larger than known");
	if (setpgid(0, 0) < 0 || prctl(PR_SET_NAME, "bailiff-broker") < 0)
		return error_set(err, -errno, "the broker's process group");
	/* Somebody waits for each of its turns, which are short; without the right to it, it is slower. */
	IGNORE(setpriority(PRIO_PROCESS, 0, NICE) < 0);
	broker->umask = 0;
	umask(0);
	plan_rules(&init->plan, &broker->rules);
	return 0;
}

/* What pid 1 and the command hold is not the broker's. */
static void descriptors_close(struct init *init, int channel)
{
	for (int fd = 0; fd <= 2; fd++)
		fd_close(fd);
	init->command_report = fd_close(init->command_report);
	init->command_go = fd_close(init->command_go);
	init->terminal = fd_close(init->terminal);
	if (channel > 3)
		IGNORE(sys_close_range(3, (unsigned int)channel - 1, 0) < 0); /* prepare() shows what counts */
	IGNORE(sys_close_range((unsigned int)channel + 1, ~0U, 0) < 0);
}

static void __attribute__((noreturn)) broker_main(struct init *init, int channel)
{
	static struct broker broker = { .listener = FD_NONE, .gate = FD_NONE };
	cleanup_with(fdset_finish) struct fdset set = { 0 };
	struct error err = { 0 };
	__u64 flags = NOTIF_SYNC_WAKE_UP;
	char word;

	signals_close();
	descriptors_close(init, channel);
	secrets_forget(init, SECRET_AS_ENV);
	if (prepare(init, &broker, &err) < 0 || identity_demote_broker(init, &err) < 0)
		fail(channel, &err);
	if (send(channel, "r", 1, MSG_NOSIGNAL) != 1 ||
	    fdpass_receive(channel, &word, 1, &set, 0) != 1 || set.count < 1 || set.count > 2)
		_exit(EXIT_BROKER);
	broker.listener = TAKE_FD(set.fds[0]);
	if (set.count == 2)
		broker.gate = TAKE_FD(set.fds[1]);
	/* Before 6.6 unknown: the broker is then only slower. */
	IGNORE(ioctl(broker.listener, NOTIF_SET_FLAGS, flags) < 0);
	fd_close(channel);
	/* Last: its calls are those of serving. */
	if (filter_broker_install(&err) < 0)
		_exit(EXIT_BROKER);
	serve(&broker);
}

/* Its first word is "r", or why it failed. */
static int wait_ready(int channel, struct error *err)
{
	char text[256];
	ssize_t len = recv(channel, text, sizeof(text) - 1, 0);

	if (len == 1 && text[0] == 'r')
		return 0;
	if (len <= 1)
		return error_set(err, -ECHILD, "the broker died before it was ready");
	text[len] = '\0';
	return error_set(err, -EPERM, "%s", text);
}

int stage_broker(struct init *init, struct error *err)
{
	int pair[2], r;
	pid_t pid;

	if (!(init->plan.head->flags & PLAN_BROKER))
		return 0;
	r = stage_landlock(init, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "make the channel to the broker");
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		fd_close(pair[0]);
		broker_main(init, pair[1]);
	}
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return error_set(err, -EAGAIN, "fork the broker");
	}
	init->broker = pid;
	init->broker_channel = pair[0];
	return wait_ready(pair[0], err);
}
