/* SPDX-License-Identifier: Apache-2.0 */
/* A thread rewrites what another is about to execute, for as long as commands are started.
 *
 *   exec_race path COUNT     the path: /usr/bin/true and /usr/bin/mkfifo (RAN)
 *   exec_race argv COUNT     an argument: mkdir OUT and mkdir RAN
 *   exec_race environ COUNT  a variable: MARK=OUT and MARK=RAN, of sh -c 'mkdir $MARK'
 *   exec_race cwd COUNT      the working directory: mkdir made, here and in `there`
 *
 * Prints how many commands ran, were refused, were killed, and how often was rewritten: 4 numbers. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED 99
#define FLIPS_MIN 1000000UL

static atomic_bool over;
static atomic_ulong flips;
static char path[32] = "/usr/bin///true", word[16] = "OUT", variable[16] = "MARK=OUT";
static int here = -1, there = -1;

static void flip_path(int odd)
{
	memcpy(path, odd ? "/usr/bin/mkfifo" : "/usr/bin///true", 16);
}

static void flip_word(int odd)
{
	memcpy(word, odd ? "RAN" : "OUT", 4);
}

static void flip_variable(int odd)
{
	memcpy(variable + 5, odd ? "RAN" : "OUT", 4);
}

static void flip_cwd(int odd)
{
	if (fchdir(odd ? there : here) < 0)
		_exit(3);
}

struct race {
	const char *name;
	void (*flip)(int odd);
	const char *program;
	const char *argv[4];
	const char *env[3];
};

static const struct race races[] = {
	{ "path", flip_path, path, { "true", "RAN" }, { "A=1" } },
	{ "argv", flip_word, "/usr/bin/mkdir", { "mkdir", word }, { "A=1" } },
	{ "environ", flip_variable, "/usr/bin/sh", { "sh", "-c", "/usr/bin/mkdir $MARK 2>/dev/null" }, { variable } },
	{ "cwd", flip_cwd, "/usr/bin/mkdir", { "mkdir", "made" }, { "A=1" } },
};

static void *work(void *argument)
{
	const struct race *race = argument;

	for (int odd = 0; !atomic_load(&over); odd = !odd) {
		race->flip(odd);
		atomic_fetch_add(&flips, 1);
	}
	return NULL;
}

static void __attribute__((noreturn)) execute(const struct race *race)
{
	union { const char *const *constant; char *const *plain; } argv = { race->argv }, env = { race->env };

	execve(race->program, argv.plain, env.plain);
	_exit(errno == EACCES ? REFUSED : 98);
}

/* A working directory is shared by threads only. */
static void __attribute__((noreturn)) execute_beside_thread(const struct race *race)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, (void *)(unsigned long)race) != 0)
		_exit(98);
	while (atomic_load(&flips) == 0)
		sched_yield();
	execute(race);
}

/* vfork: the child's memory is the one that is rewritten. */
static int once(const struct race *race)
{
	int status = 0;
	pid_t pid;

	if (race->flip == flip_cwd) {
		pid = fork();
		if (pid == 0)
			execute_beside_thread(race);
	} else {
		pid = vfork();
		if (pid == 0)
			execute(race);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static int run(const struct race *race, unsigned long count)
{
	unsigned long ran = 0, refused = 0, killed = 0;
	pthread_t thread;

	if (race->flip != flip_cwd && pthread_create(&thread, NULL, work, (void *)(unsigned long)race) != 0)
		return 2;
	for (unsigned long i = 0; i < count || (race->flip != flip_cwd && atomic_load(&flips) < FLIPS_MIN); i++) {
		int status = once(race);

		if (status == -1)
			return 2;
		if (WIFSIGNALED(status))
			killed++;
		else if (WEXITSTATUS(status) == REFUSED)
			refused++;
		else
			ran++;
	}
	atomic_store(&over, true);
	if (race->flip != flip_cwd)
		pthread_join(thread, NULL);
	printf("%lu %lu %lu %lu\n", ran, refused, killed, atomic_load(&flips));
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long count = 0;

	if (argc == 3 && sscanf(argv[2], "%lu", &count) != 1)
		count = 0;
	here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	there = open("there", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; count > 0 && i < sizeof(races) / sizeof(races[0]); i++)
		if (strcmp(argv[1], races[i].name) == 0)
			return run(&races[i], count);
	fprintf(stderr, "exec_race path|argv|environ|cwd|script COUNT\n");
	return 2;
}
