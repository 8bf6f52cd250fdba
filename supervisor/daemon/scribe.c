/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/become.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sys.h"
#include "base/text.h"

#define ACCOUNT "bailiff-ledger"
#define READERS "bailiff-read"
#define CHILD_SOCKET_FD 3
#define CHILD_DIR_FD 4
#define CHILD_FAILED 125
#define SOCKET_BYTES (4 << 20)

static int ledger_dir(struct scribe *scribe, int state_fd, struct error *err)
{
	gid_t readers;
	struct stat st;

	if (group_lookup(READERS, &readers) < 0)
		readers = scribe->gid;
	if (mkdirat(state_fd, "ledger", 0750) < 0 && errno != EEXIST)
		return error_set(err, -errno, "make the ledger's directory");
	scribe->dir_fd = openat(state_fd, "ledger", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (scribe->dir_fd < 0 || fstat(scribe->dir_fd, &st) < 0)
		return error_set(err, -errno, "open the ledger's directory");
	if (st.st_uid == scribe->uid && st.st_gid == readers && st.st_mode & S_ISGID)
		return 0;
	if (st.st_uid != 0 && st.st_uid != scribe->uid) {
		error_say(err, -EPERM, "the ledger's directory belongs to uid %u, not to " ACCOUNT,
			  st.st_uid);
		return error_next(err, "give it back with `chown -R " ACCOUNT " DIR`, or use another "
				       "--state-dir");
	}
	/* Set-group-id: what ledgerd makes below belongs to the readers, too. */
	if (fchown(scribe->dir_fd, scribe->uid, readers) < 0 || fchmod(scribe->dir_fd, 02750) < 0)
		return error_set(err, -errno, "give the ledger's directory to " ACCOUNT);
	return 0;
}

int scribe_init(struct scribe *scribe, struct loop *loop, struct outbox *outbox, int state_fd,
		const char *program, struct error *err)
{
	int r;

	*scribe = (struct scribe){ .loop = loop, .outbox = outbox, .dir_fd = FD_NONE,
				   .pidfd = FD_NONE };
	r = text_copy(scribe->program, sizeof(scribe->program), slice_of(program));
	if (r < 0)
		return error_set(err, r, "keep the path of bailiff-ledgerd");
	r = account_lookup(ACCOUNT, &scribe->uid, &scribe->gid);
	if (r < 0) {
		error_set(err, r, "look up the user " ACCOUNT);
		return error_next(err, "make the system users: `sudo make install`, or `systemd-sysusers "
				       "tools/packaging/bailiff.sysusers`");
	}
	if (scribe->uid == 0)
		return error_say(err, -EPERM, "the user " ACCOUNT " has uid 0");
	return ledger_dir(scribe, state_fd, err);
}

/* The child. `socket` and `dir` may have any number, so they are moved out of the way first. */
static void __attribute__((noreturn)) child(const struct scribe *scribe, int socket)
{
	char *const argv[] = { (char *)(uintptr_t)scribe->program, (char[]){ "--socket-fd" },
			       (char[]){ "3" }, (char[]){ "--dir-fd" }, (char[]){ "4" }, NULL };
	char *const environment[] = { NULL };
	int high_socket = fcntl(socket, F_DUPFD, 16), high_dir = fcntl(scribe->dir_fd, F_DUPFD, 16);
	sigset_t none;

	sigemptyset(&none);
	if (high_socket < 0 || high_dir < 0 || dup2(high_socket, CHILD_SOCKET_FD) < 0 ||
	    dup2(high_dir, CHILD_DIR_FD) < 0 || sys_close_range(CHILD_DIR_FD + 1, ~0U, 0) < 0 ||
	    setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(CHILD_FAILED);
	if (process_become(scribe->uid, scribe->gid) < 0)
		_exit(CHILD_FAILED);
	execve(scribe->program, argv, environment);
	_exit(CHILD_FAILED);
}

static void reap(struct scribe *scribe)
{
	siginfo_t info = { 0 };

	loop_remove(scribe->loop, &scribe->source);
	if (scribe->pidfd >= 0 && waitid(P_PIDFD, (id_t)scribe->pidfd, &info, WEXITED | WNOHANG) == 0 &&
	    info.si_pid != 0)
		log_info("ledgerd_ended", "pid=%d status=%d", (int)info.si_pid, info.si_status);
	scribe->pidfd = fd_close(scribe->pidfd);
	scribe->pid = 0;
}

static int child_ended(struct source *source, uint32_t events)
{
	struct scribe *scribe = container_of(source, struct scribe, source);

	(void)events;
	reap(scribe);
	/* With the socket still open to us only by name, nobody will answer: same as its end. */
	if (outbox_attached(scribe->outbox)) {
		outbox_detach(scribe->outbox);
		scribe_lost(scribe);
	}
	return 0;
}

static int spawn(struct scribe *scribe, int socket, struct error *err)
{
	int r;

	scribe->pid = fork();
	if (scribe->pid < 0)
		return error_set(err, -errno, "fork bailiff-ledgerd");
	if (scribe->pid == 0)
		child(scribe, socket);
	scribe->pidfd = sys_pidfd_open(scribe->pid, 0);
	if (scribe->pidfd < 0)
		return error_set(err, scribe->pidfd, "open bailiff-ledgerd");
	r = loop_add(scribe->loop, &scribe->source, scribe->pidfd, EPOLLIN, child_ended);
	return r < 0 ? error_set(err, r, "watch bailiff-ledgerd") : 0;
}

int scribe_start(struct scribe *scribe, struct error *err)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	int pair[2], bytes = SOCKET_BYTES, r;

	if (scribe->pidfd >= 0)
		reap(scribe);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "make the ledger's socket");
	ours = pair[0];
	theirs = pair[1];
	/* More in flight means fewer waits; the default also works. */
	IGNORE(setsockopt(ours, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0);
	scribe->starts_ns[scribe->start_count++ % SCRIBE_TRIES] = now_monotonic_ns();
	r = spawn(scribe, theirs, err);
	if (r < 0)
		return r;
	r = outbox_attach(scribe->outbox, TAKE_FD(ours));
	return r < 0 ? error_set(err, r, "connect to bailiff-ledgerd") : 0;
}

static bool too_often(const struct scribe *scribe, uint64_t now_ns)
{
	uint64_t oldest = scribe->starts_ns[scribe->start_count % SCRIBE_TRIES];

	return scribe->start_count >= SCRIBE_TRIES && now_ns - oldest < SCRIBE_WINDOW_NS;
}

static int retry_due(struct timer *timer, uint64_t now_ns)
{
	struct scribe *scribe = container_of(timer, struct scribe, retry);
	struct error err = { 0 };

	(void)now_ns;
	if (scribe_start(scribe, &err) < 0) {
		log_error("ledgerd_not_started", "error=\"%s\"", err.text);
		scribe_lost(scribe);
	}
	return 0;
}

/* A full disk has space again some day: who gave up for good would need somebody to come and look. */
void scribe_lost(struct scribe *scribe)
{
	uint64_t now = now_monotonic_ns();
	bool often = too_often(scribe, now);

	if (scribe->stopping)
		return;
	if (!often || !scribe->down)
		log_warn("ledgerd_lost", "pid=%d", (int)scribe->pid);
	if (often && !scribe->down)
		log_error("ledger_down", "tries=%u window=60s retry=3s effect=\"no run may start\"",
			  SCRIBE_TRIES);
	scribe->down = often;
	if (loop_timer_set(scribe->loop, &scribe->retry,
			   now + (often ? SCRIBE_DOWN_RETRY_NS : SCRIBE_RETRY_NS), retry_due) < 0)
		scribe->down = true;
}

bool scribe_is_down(const struct scribe *scribe)
{
	return scribe->down && !outbox_answered(scribe->outbox);
}

void scribe_finish(struct scribe *scribe, int timeout_ms)
{
	struct pollfd ended = { .fd = scribe->pidfd, .events = POLLIN };

	scribe->stopping = true;
	loop_timer_clear(scribe->loop, &scribe->retry);
	outbox_detach(scribe->outbox);
	if (scribe->pidfd >= 0 && poll(&ended, 1, timeout_ms) <= 0)
		log_warn("ledgerd_slow", "pid=%d", (int)scribe->pid);
	reap(scribe);
	scribe->dir_fd = fd_close(scribe->dir_fd);
}
