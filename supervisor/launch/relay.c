/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/become.h"
#include "base/sys.h"
#include "bpf/relay_slot.h"
#include "egress/wire.h"

#define FIRST_SPARE_FD 128       /* above EGRESS_FD_LIMIT */
#define CHILD_FAILED 125
#define LOOPBACK_INDEX 1
#define V6_PREFIX_BITS 64

struct exposed {
	int fds[EGRESS_EXPOSE_MAX]; /* FD_NONE: no such port */
};

/* ---- in the child: async-signal-safe ---- */

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -errno;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static void v6_slot_base(struct in6_addr *to)
{
	const uint32_t words[4] = { htonl(RELAY_V6_WORD0), htonl(RELAY_V6_WORD1) };

	memcpy(to, words, sizeof(*to));
}

/* All addresses of slots are local in this namespace, as 127/8 is by itself. */
static int route_v6(void)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr to_head;
		struct in6_addr to;
		struct rtattr via_head;
		uint32_t via;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_NEWROUTE,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		.route = { .rtm_family = AF_INET6, .rtm_dst_len = V6_PREFIX_BITS,
			   .rtm_table = RT_TABLE_LOCAL, .rtm_protocol = RTPROT_STATIC,
			   .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL },
		.to_head = { .rta_len = RTA_LENGTH(sizeof(struct in6_addr)), .rta_type = RTA_DST },
		.via_head = { .rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = RTA_OIF },
		.via = LOOPBACK_INDEX,
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer = { 0 };
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	v6_slot_base(&request.to);
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

/* A listener or, with SOCK_DGRAM, a socket that tells which of its addresses was asked. */
static int listener(int family, int type)
{
	const int on = 1;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(RELAY_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(RELAY_PORT) };
	bool v4 = family == AF_INET;
	auto_close int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), high = FD_NONE;

	if (fd < 0)
		return -errno;
	if (!v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (type == SOCK_DGRAM && setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
					     v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
		 v4 ? sizeof(in) : sizeof(in6)) < 0)
		return -errno;
	if (type == SOCK_STREAM && listen(fd, RELAY_SLOTS) < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	return high < 0 ? -errno : TAKE_FD(high);
}

/* Sockets to connect from, which only somebody inside can make; the relay uses them again and again. */
static void sockets_inside(int fds[EGRESS_FD_LIMIT])
{
	for (int i = EGRESS_FD_INSIDE; i < EGRESS_FD_LIMIT; i++) {
		auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		fds[i] = fd < 0 ? FD_NONE : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	}
}

static int listen_inside(int theirs, int ours, int fds[EGRESS_FD_LIMIT])
{
	if (setns(theirs, CLONE_NEWNET) < 0 || loopback_up() < 0)
		return -errno;
	fds[EGRESS_FD_TCP4] = listener(AF_INET, SOCK_STREAM);
	fds[EGRESS_FD_UDP4] = listener(AF_INET, SOCK_DGRAM);
	/* A kernel without IPv6 has no run that could want it. */
	if (route_v6() == 0) {
		fds[EGRESS_FD_TCP6] = listener(AF_INET6, SOCK_STREAM);
		fds[EGRESS_FD_UDP6] = listener(AF_INET6, SOCK_DGRAM);
	}
	if (fds[EGRESS_FD_EXPOSE] >= 0)
		sockets_inside(fds);
	if (fds[EGRESS_FD_TCP4] < 0 || fds[EGRESS_FD_UDP4] < 0)
		return -EADDRINUSE;
	return setns(ours, CLONE_NEWNET) < 0 ? -errno : 0;
}

static int place(const int fds[EGRESS_FD_LIMIT])
{
	for (int i = EGRESS_FD_CHANNEL; i < EGRESS_FD_LIMIT; i++) {
		if (fds[i] < 0)
			close(i);
		else if (dup2(fds[i], i) < 0)
			return -errno;
	}
	return sys_close_range(EGRESS_FD_LIMIT, ~0U, 0);
}

static void __attribute__((noreturn)) child(const struct relay_spec *spec, const struct exposed *exposed,
					    int theirs, int ours)
{
	char *const argv[] = { (char *)(uintptr_t)spec->program, NULL };
	char *const environment[] = { NULL };
	int fds[EGRESS_FD_LIMIT];
	pid_t parent = getppid();
	sigset_t none;

	for (int i = 0; i < EGRESS_FD_LIMIT; i++)
		fds[i] = FD_NONE;
	fds[EGRESS_FD_CHANNEL] = fcntl(spec->channel_fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	fds[EGRESS_FD_CONFIG] = fcntl(spec->config_fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	fds[EGRESS_FD_SLOTS] = fcntl(spec->slots_fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	for (uint32_t i = 0; i < spec->expose_count; i++)
		fds[EGRESS_FD_EXPOSE + i] = fcntl(exposed->fds[i], F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	sigemptyset(&none);
	if (listen_inside(theirs, ours, fds) < 0 || place(fds) < 0 || setsid() < 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) < 0 || process_become(spec->uid, spec->gid) < 0)
		_exit(CHILD_FAILED);
	/* After the uid change, which clears it. The channel's end tells it, too. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(CHILD_FAILED);
	execve(spec->program, argv, environment);
	_exit(CHILD_FAILED);
}

/* ---- in the supervisor ---- */

static void exposed_finish(struct exposed *exposed)
{
	for (size_t i = 0; i < COUNT(exposed->fds); i++)
		exposed->fds[i] = fd_close(exposed->fds[i]);
}

/* On the host, here, where a port that is taken can be said. */
static int expose(const struct relay_spec *spec, struct exposed *exposed, struct error *err)
{
	for (uint32_t i = 0; i < spec->expose_count && i < COUNT(exposed->fds); i++) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(spec->expose[i]),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		const int on = 1;
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		exposed->fds[i] = fd;
		/* A connection that has just ended holds nobody up. */
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SOMAXCONN) < 0) {
			error_set(err, -errno, "listen at 127.0.0.1:%u of the host (network.expose)",
				  spec->expose[i]);
			error_next(err, "end what listens there, or expose another port");
			return error_exit(err, 122);
		}
	}
	return 0;
}

int launch_relay(const struct relay_spec *spec, int *ret_pidfd, struct error *err)
{
	cleanup_with(exposed_finish) struct exposed exposed;
	auto_close int theirs = FD_NONE, ours = FD_NONE;
	char path[64];
	pid_t pid;
	int pidfd, r;

	memset(&exposed, 0xff, sizeof(exposed)); /* FD_NONE */

	if (spec->uid == 0 || spec->gid == 0)
		return error_say(err, -EPERM, "the relay never runs as root");
	IGNORE(snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)spec->run_pid) < 0);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (theirs < 0 || ours < 0)
		return error_set(err, -errno, "open the run's network namespace");
	r = expose(spec, &exposed, err);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork the relay");
	if (pid == 0)
		child(spec, &exposed, theirs, ours);
	pidfd = sys_pidfd_open(pid, 0);
	if (pidfd < 0) {
		IGNORE(kill(pid, SIGKILL) < 0); /* a child of ours, not reaped: still it */
		return error_set(err, pidfd, "open the relay");
	}
	*ret_pidfd = pidfd;
	return 0;
}
