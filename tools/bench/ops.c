/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured inside a run, outside of it, and beside it: the same static program in all three
 * places. `ops open N`, `ops exec N`, `ops connect N` print nanoseconds per operation, `ops cpu-open N` those of
 * its own processor time, which others on the machine do not lengthen; `ops create N` those
 * of making a file, without its removal, `ops creates N` while another process makes some, too; `ops
 * storm SECONDS FILE` prints how many opens it made; `ops detach N` leaves N processes in sessions of
 * their own, prints "ready" and waits with them. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

#define NS_PER_S 1000000000ULL

static clockid_t meter = CLOCK_MONOTONIC;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(meter, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void open_close(void)
{
	int fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("open");
	close(fd);
}

static void exec_once(void)
{
	static char name[] = "true";
	char *const argv[] = { name, NULL };
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/usr/bin/true", argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		fail("exec");
}

static int listener;
static struct sockaddr_in address;

static void connect_prepare(void)
{
	socklen_t len = sizeof(address);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 128) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		fail("listen");
}

static void connect_once(void)
{
	const struct linger at_once = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("connect");
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	/* No TIME_WAIT: a later round would meet the ports of this one. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	close(peer);
}

static void per_operation(void (*operation)(void), uint64_t count)
{
	uint64_t begin_ns;

	for (uint64_t i = 0; i < count / 10 + 1; i++)
		operation();
	begin_ns = now_ns();
	for (uint64_t i = 0; i < count; i++)
		operation();
	printf("%.1f\n", (double)(now_ns() - begin_ns) / (double)count);
}

/* Makes files in the working directory, one after the other, and leaves them. */
static uint64_t create_files(uint64_t count)
{
	static uint64_t made;
	uint64_t sum_ns = 0;

	for (uint64_t i = 0; i < count; i++) {
		char name[32];
		uint64_t begin_ns;
		int fd;

		snprintf(name, sizeof(name), "%llu", (unsigned long long)made++);
		begin_ns = now_ns();
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		sum_ns += now_ns() - begin_ns;
		if (fd < 0)
			fail("create");
		close(fd);
	}
	return sum_ns;
}

/* A folder of its own for each round. */
static void create_enter(void)
{
	char folder[] = "created.XXXXXX";

	if (!mkdtemp(folder) || chdir(folder) < 0)
		fail("mkdtemp");
}

static void create(uint64_t count, bool beside_another)
{
	uint64_t sum_ns;
	pid_t other = -1;

	create_enter();
	create_files(count / 10 + 1);
	if (beside_another && (other = fork()) == 0) {
		create_enter();
		for (;;) /* until this one has counted its own */
			create_files(1);
	}
	sum_ns = create_files(count);
	if (beside_another && (other < 0 || kill(other, SIGKILL) < 0 || waitpid(other, NULL, 0) < 0))
		fail("fork");
	printf("%.1f\n", (double)sum_ns / (double)count);
}

static void storm(uint64_t seconds, const char *path)
{
	uint64_t until_ns = now_ns() + seconds * NS_PER_S, count = 0;

	while (now_ns() < until_ns) {
		for (int i = 0; i < 64; i++) {
			/* Alternating: nothing that merges repeats can fold these into one. */
			int fd = open(path, i & 1 ? O_WRONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				fail(path);
			close(fd);
		}
		count += 64;
	}
	printf("%llu\n", (unsigned long long)count);
}

static void detach(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			setsid();
			for (;;)
				pause();
		}
	}
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct slice what = slice_of(argc > 1 ? argv[1] : ""), number = slice_of(argc > 2 ? argv[2] : "");
	uint64_t count;

	if (parse_u64(number, 1, 100000000, &count) < 0) {
		fprintf(stderr, "ops open|cpu-open|exec|connect|create|creates|detach COUNT; ops storm SECONDS FILE\n");
		return 2;
	}
	if (slice_is(what, "cpu-open"))
		meter = CLOCK_PROCESS_CPUTIME_ID;
	if (slice_is(what, "open") || slice_is(what, "cpu-open"))
		per_operation(open_close, count);
	else if (slice_is(what, "exec"))
		per_operation(exec_once, count);
	else if (slice_is(what, "connect")) {
		connect_prepare();
		per_operation(connect_once, count);
	} else if (slice_is(what, "create") || slice_is(what, "creates"))
		create(count, slice_is(what, "creates"));
	else if (slice_is(what, "detach"))
		detach(count);
	else if (slice_is(what, "storm") && argc > 3)
		storm(count, argv[3]);
	else
		return 2;
	return 0;
}
