/* SPDX-License-Identifier: Apache-2.0 */
/* A storm of opens: PROCESSES processes open and close files of their own for SECONDS, each file in
 * turn; then the sum of their own counts goes to stdout.
 *
 *   storm SECONDS PROCESSES */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILES 256

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t storm(unsigned long process, uint64_t until_ms)
{
	static char names[FILES][32];
	uint64_t opens = 0;
	int fd;

	for (int i = 0; i < FILES; i++)
		snprintf(names[i], sizeof(names[i]), "storm-%lu-%d", process, i);
	while (now_ms() < until_ms) {
		for (int i = 0; i < FILES; i++) {
			fd = open(names[i], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
			if (fd < 0 || close(fd) < 0)
				_exit(1);
			opens++;
		}
	}
	return opens;
}

int main(int argc, char **argv)
{
	unsigned long seconds = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	unsigned long processes = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t until = now_ms() + seconds * 1000;
	uint64_t *opens = mmap(NULL, sizeof(*opens), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, bad = 0;

	if (seconds == 0 || processes == 0 || opens == MAP_FAILED)
		return 2;
	for (unsigned long i = 0; i < processes; i++) {
		if (fork() == 0) {
			__atomic_fetch_add(opens, storm(i, until), __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	printf("%llu\n", (unsigned long long)*opens);
	return bad != 0;
}
