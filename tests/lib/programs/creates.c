/* SPDX-License-Identifier: Apache-2.0 */
/* Creates files and counts them itself: PROCESSES processes wait until the FIFO `go` was opened for
 * writing (the file `ready` says that they do), then each makes EACH files of its own. Their sum goes to
 * stdout.
 *
 *   creates PROCESSES EACH */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared { uint64_t created; };

static int create(unsigned long process, unsigned long each, struct shared *shared)
{
	char name[64];

	for (unsigned long i = 0; i < each; i++) {
		int fd;

		snprintf(name, sizeof(name), "made-%lu-%lu", process, i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd <= STDERR_FILENO || close(fd) < 0) /* 0 to 2 are taken */
			return 1;
		__atomic_fetch_add(&shared->created, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long processes = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	unsigned long each = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int gate[2], status, ready, go, bad = 0;
	char byte;

	if (processes == 0 || shared == MAP_FAILED || pipe2(gate, O_CLOEXEC) < 0)
		return 2;
	for (unsigned long i = 0; i < processes; i++) {
		if (fork() != 0)
			continue;
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0) /* the end of the pipe opens it for all at once */
			_exit(1);
		_exit(create(i, each, shared));
	}
	ready = open("ready", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	go = open("go", O_RDONLY | O_CLOEXEC);
	if (ready < 0 || go < 0)
		return 2;
	close(gate[1]);
	while (wait(&status) > 0)
		bad |= status;
	printf("%llu\n", (unsigned long long)shared->created);
	return bad != 0;
}
