/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of what the relay is measured with, and a bare relay to compare it with. The same static
 * program inside the run and outside:
 *
 *   net serve ADDRESS PORT            answers 8 bytes N with N bytes, then closes
 *   net pull ADDRESS PORT BYTES       prints MB/s of one answer
 *   net storm ADDRESS PORT COUNT N    COUNT connections, N at the same time, one byte each: prints connections/s
 *   net relay PORT ADDRESS PORT2      splices from 127.0.0.1:PORT to ADDRESS:PORT2, one connection at a time */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

#define NS_PER_S 1000000000ULL
#define BLOCK (1U << 18)
#define EVENTS 256
#define PARALLEL_MAX 1024U

static char block[BLOCK];

static void die(const char *what)
{
	fprintf(stderr, "net: %s: %s\n", what, strerrordesc_np(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint32_t number(const char *text)
{
	uint32_t value;

	if (parse_u32(slice_of(text), 0, UINT32_MAX, &value) < 0)
		die(text);
	return value;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number(port)) };

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		die(host);
	return address;
}

static int dial(const struct sockaddr_in *to, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		die("connect");
	return fd;
}

static int answer_port(const struct sockaddr_in *at, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

/* ---- serve ---- */

static void send_all(int fd, uint64_t left)
{
	while (left > 0) {
		ssize_t n = send(fd, block, left < BLOCK ? left : BLOCK, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		left -= (uint64_t)n;
	}
}

static void serve_one(int fd)
{
	uint64_t count;
	ssize_t n = recv(fd, &count, sizeof(count), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == (ssize_t)sizeof(count) && count <= BLOCK) {
		send_all(fd, count);
	} else if (n == (ssize_t)sizeof(count) && fork() == 0) {
		fcntl(fd, F_SETFL, 0);
		send_all(fd, count);
		_exit(0);
	}
	close(fd);
}

static int serve(char **arg)
{
	struct sockaddr_in at = address_of(arg[0], arg[1]);
	int listener = answer_port(&at, SOCK_NONBLOCK), epoll = epoll_create1(0);
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN, .data.fd = listener };

	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd != listener) {
				serve_one(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				event.data.fd = fd;
				epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
			}
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	return 0;
}

/* ---- clients ---- */

static int pull(char **arg)
{
	struct sockaddr_in to = address_of(arg[0], arg[1]);
	uint64_t want = number(arg[2]), got = 0, began = now_ns();
	int fd = dial(&to, 0);
	ssize_t n;

	if (send(fd, &want, sizeof(want), 0) != (ssize_t)sizeof(want))
		die("send");
	while ((n = recv(fd, block, BLOCK, 0)) > 0)
		got += (uint64_t)n;
	if (got != want)
		die("the answer is short");
	printf("%.1f\n", (double)got / 1e6 / ((double)(now_ns() - began) / 1e9));
	return 0;
}

static void storm_begin(int epoll, const struct sockaddr_in *to)
{
	int fd = dial(to, SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLOUT, .data.fd = fd };

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* True when the connection is over, as it should be. */
static bool storm_go_on(int epoll, int fd, uint32_t events)
{
	const uint64_t one = 1;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	char bytes[2];

	if (events & EPOLLOUT && !(events & (EPOLLERR | EPOLLHUP))) {
		if (send(fd, &one, sizeof(one), MSG_NOSIGNAL) != (ssize_t)sizeof(one))
			die("send");
		epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
		return false;
	}
	if (recv(fd, bytes, sizeof(bytes), 0) != 1)
		die("an answer is missing");
	close(fd);
	return true;
}

static int storm(char **arg)
{
	struct sockaddr_in to = address_of(arg[0], arg[1]);
	uint32_t count = number(arg[2]), parallel = number(arg[3]), begun = 0, done = 0;
	int epoll = epoll_create1(0);
	struct epoll_event events[EVENTS];
	uint64_t began = now_ns();

	if (parallel > PARALLEL_MAX)
		parallel = PARALLEL_MAX;
	while (done < count) {
		int ready;

		while (begun < count && begun - done < parallel) {
			storm_begin(epoll, &to);
			begun++;
		}
		ready = epoll_wait(epoll, events, EVENTS, 10000);
		if (ready < 0 && errno == EINTR) /* a run may be stopped for a moment */
			continue;
		if (ready <= 0)
			die("nothing comes");
		for (int i = 0; i < ready; i++)
			done += storm_go_on(epoll, events[i].data.fd, events[i].events);
	}
	printf("%.0f\n", (double)count / ((double)(now_ns() - began) / 1e9));
	return 0;
}

/* ---- the bare relay ---- */

static void splice_all(int from, int to)
{
	int fds[2];

	if (pipe(fds) < 0)
		die("pipe");
	fcntl(fds[1], F_SETPIPE_SZ, BLOCK);
	for (;;) {
		ssize_t n = splice(from, NULL, fds[1], NULL, BLOCK, SPLICE_F_MOVE);

		if (n <= 0)
			break;
		while (n > 0) {
			ssize_t m = splice(fds[0], NULL, to, NULL, (size_t)n, SPLICE_F_MOVE);

			if (m <= 0)
				return;
			n -= m;
		}
	}
	shutdown(to, SHUT_WR);
	close(fds[0]);
	close(fds[1]);
}

static int relay(char **arg)
{
	struct sockaddr_in at = address_of("127.0.0.1", arg[0]), to = address_of(arg[1], arg[2]);
	int listener = answer_port(&at, 0);

	puts("ready");
	fflush(stdout);
	for (;;) {
		int client = accept(listener, NULL, NULL), server = dial(&to, 0);
		pid_t up = fork();

		if (up == 0) {
			splice_all(client, server);
			_exit(0);
		}
		splice_all(server, client);
		kill(up, SIGKILL);
		waitpid(up, NULL, 0);
		close(client);
		close(server);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **arg);
	} modes[] = { { "serve", 2, serve }, { "pull", 3, pull }, { "storm", 4, storm }, { "relay", 3, relay } };

	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0 && argc == 2 + modes[i].args)
			return modes[i].run(argv + 2);
	fprintf(stderr, "net: serve ADDRESS PORT | pull ADDRESS PORT BYTES | storm ADDRESS PORT COUNT N | "
		"relay PORT ADDRESS PORT\n");
	return 2;
}
