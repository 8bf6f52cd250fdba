/* SPDX-License-Identifier: Apache-2.0 */
/* A second thread works against a name while the first one makes it.
 *   names_race bytes FREE TARGET COUNT      the path's bytes change between two names (same length)
 *   names_race exchange A B REST COUNT      A and B change places, while A/REST is made
 *   names_race link LINK D1 D2 REST COUNT   LINK is made anew to D1 and D2, while LINK/REST is made
 * Tries open, mkdir, symlink, link (of "source") and rename in turn; prints how many succeeded. */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static volatile char path[4096];
static const char *first, *second, *link_name;
static atomic_bool over;

static void *flip_bytes(void *unused)
{
	size_t len = strlen(first) + 1;

	(void)unused;
	while (!over)
		for (int turn = 0; turn < 2; turn++)
			for (size_t i = 0; i < len; i++)
				path[i] = (turn ? first : second)[i];
	return NULL;
}

static void *exchange(void *unused)
{
	(void)unused;
	while (!over)
		IGNORE(syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) < 0);
	return NULL;
}

static void *relink(void *unused)
{
	(void)unused;
	while (!over)
		for (int turn = 0; turn < 2; turn++) {
			IGNORE(unlink(link_name) < 0);
			IGNORE(symlink(turn ? first : second, link_name) < 0);
		}
	return NULL;
}

/* Raw calls: a library would copy or look at the text before the kernel does. */
static long make_name(unsigned long turn)
{
	const char *at = (const char *)(uintptr_t)path;
	long fd;

	switch (turn % 5) {
	case 0:
		fd = syscall(SYS_openat, AT_FDCWD, at, O_CREAT | O_WRONLY, 0644);
		return fd < 0 ? -1 : close((int)fd);
	case 1:
		return syscall(SYS_mkdir, at, 0755);
	case 2:
		return syscall(SYS_symlink, "source", at);
	case 3:
		return syscall(SYS_link, "source", at);
	default:
		fd = openat(AT_FDCWD, "moved", O_CREAT | O_WRONLY, 0644);
		if (fd >= 0)
			close((int)fd);
		return syscall(SYS_rename, "moved", at);
	}
}

static void name_set(const char *directory, const char *rest)
{
	IGNORE(snprintf((char *)(uintptr_t)path, sizeof(path), "%s%s%s", directory, *rest ? "/" : "", rest) < 0);
}

int main(int argc, char **argv)
{
	unsigned long count = 0, made = 0;
	void *(*worker)(void *);
	const char *clean = "";
	pthread_t thread;

	if (argc == 5 && strcmp(argv[1], "bytes") == 0 && strlen(argv[2]) == strlen(argv[3])) {
		first = argv[2], second = argv[3], worker = flip_bytes, clean = first;
		name_set(first, "");
	} else if (argc == 6 && strcmp(argv[1], "exchange") == 0) {
		first = argv[2], second = argv[3], worker = exchange;
		name_set(first, argv[4]);
	} else if (argc == 7 && strcmp(argv[1], "link") == 0) {
		link_name = argv[2], first = argv[3], second = argv[4], worker = relink;
		name_set(link_name, argv[5]);
	} else {
		return 2;
	}
	if (sscanf(argv[argc - 1], "%9lu", &count) != 1)
		return 2;
	if (close(open("source", O_CREAT | O_WRONLY, 0644)) < 0 || pthread_create(&thread, NULL, worker, NULL) != 0)
		return 3;
	for (unsigned long i = 0; i < count; i++) {
		made += make_name(i) == 0;
		if (*clean && (unlink(clean) < 0))
			IGNORE(rmdir(clean) < 0);
	}
	over = true;
	pthread_join(thread, NULL);
	printf("%lu\n", made);
	return 0;
}
