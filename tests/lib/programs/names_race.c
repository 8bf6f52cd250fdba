/* SPDX-License-Identifier: Apache-2.0 */
/* A second thread works against a name while the first one makes it.
 *   names_race bytes FREE TARGET COUNT      the path's bytes change between two names (same length)
 *   names_race exchange A B REST COUNT      A and B change places, while A/REST is made
 *   names_race link LINK D1 D2 REST COUNT   LINK is made anew to D1 and D2, while LINK/REST is made
 *   names_race chdir D1 D2 REST COUNT       the working directory changes, while REST is made
 *   names_race dup D1 D2 REST COUNT         a descriptor changes, while REST is made from it
 * Tries open, mkdir, symlink, link (of "source"), bind and rename in turn; prints how many succeeded. */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DIRECTORY_FD 100

static volatile char path[4096];
static char cleaned[4096];
static int from = AT_FDCWD, directories[2];
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

static void *change_directory(void *unused)
{
	(void)unused;
	while (!over)
		for (int turn = 0; turn < 2; turn++)
			IGNORE(fchdir(directories[turn]) < 0);
	return NULL;
}

static void *change_descriptor(void *unused)
{
	(void)unused;
	while (!over)
		for (int turn = 0; turn < 2; turn++)
			IGNORE(dup2(directories[turn], DIRECTORY_FD) < 0);
	return NULL;
}

static long bind_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	for (size_t i = 0; i + 1 < sizeof(address.sun_path) && name[i]; i++)
		address.sun_path[i] = name[i];
	r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return r;
}

/* Raw calls: a library would copy or look at the text before the kernel does. */
static long make_name(unsigned long turn)
{
	const char *at = (const char *)(uintptr_t)path;
	long fd;

	switch (turn % 6) {
	case 0:
		fd = syscall(SYS_openat, from, at, O_CREAT | O_WRONLY, 0644);
		return fd < 0 ? -1 : close((int)fd);
	case 1:
		return from == AT_FDCWD ? syscall(SYS_mkdir, at, 0755) : syscall(SYS_mkdirat, from, at, 0755);
	case 2:
		return from == AT_FDCWD ? syscall(SYS_symlink, "source", at) :
					       syscall(SYS_symlinkat, "source", from, at);
	case 3:
		return from == AT_FDCWD ? syscall(SYS_link, "source", at) :
					       syscall(SYS_linkat, AT_FDCWD, "source", from, at, 0);
	case 4:
		return bind_at(at);
	default:
		fd = openat(AT_FDCWD, "moved", O_CREAT | O_WRONLY, 0644);
		if (fd >= 0)
			close((int)fd);
		return from == AT_FDCWD ? syscall(SYS_rename, "moved", at) :
					       syscall(SYS_renameat, AT_FDCWD, "moved", from, at);
	}
}

/* The first directory is where REST may be made: it is removed there each time. */
static bool directories_open(const char *rest)
{
	char here[2048];

	for (int i = 0; i < 2; i++)
		directories[i] = open(i ? second : first, O_RDONLY | O_DIRECTORY);
	if (directories[0] < 0 || directories[1] < 0 || dup2(directories[0], DIRECTORY_FD) < 0 ||
	    !getcwd(here, sizeof(here)))
		return false;
	return snprintf(cleaned, sizeof(cleaned), "%s/%s/%s", here, first, rest) < (int)sizeof(cleaned);
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
	} else if (argc == 6 && (strcmp(argv[1], "chdir") == 0 || strcmp(argv[1], "dup") == 0)) {
		bool dup = argv[1][0] == 'd';

		first = argv[2], second = argv[3], clean = cleaned;
		worker = dup ? change_descriptor : change_directory;
		from = dup ? DIRECTORY_FD : AT_FDCWD;
		name_set(argv[4], "");
		if (!directories_open(argv[4]))
			return 3;
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
