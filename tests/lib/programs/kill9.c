/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 of each of our processes at a random moment under load, round after round.
 *
 *   kill9 DIR UID GID GROUP ROUNDS SEED SECONDS    in TAP; DIR has bin/, policy.yaml, state/, run/, work/load
 *
 * Each round starts runs as an ordinary caller (who cannot start a supervisor), kills one process, and
 * then asks: is what lost its supervisor, init or client dead within a second, is what was acknowledged
 * to the outside in the ledger, does the ledger verify, does the next run start, is nothing left. The
 * outside's log is what `bailiff run --json` printed on its caller's stderr. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#define CLIENTS 3
#define MOMENT_MS 450U           /* a kill comes so long after the starts at most */
#define DEAD_MS 1000U            /* what nobody supervises may live so long */
#define PIDS_MAX 4096
#define BEHIND_US 50000U         /* a start that was on its way would show within */
#define ACKED_MAX (CLIENTS * 1024)
#define ID_LEN 26U

enum victim { SUPERVISOR, LEDGERD, INIT, CLIENT, VICTIMS };

static const char *const victims[VICTIMS] = {
	[SUPERVISOR] = "supervisor", [LEDGERD] = "ledgerd", [INIT] = "init", [CLIENT] = "client",
};

static struct {
	char dir[256], bailiff[300], bailiffd[300], state[300], run[300], policy[300], log[300];
	char instance[128];      /* our part of the cgroup trees: its name */
	uid_t uid;
	gid_t gid, group;
	unsigned int rounds, done, started, ended, condemned, worst_ms;
	uint64_t random;
	pid_t supervisor, clients[CLIENTS];
	char acked[ACKED_MAX][ID_LEN + 1];
	unsigned int acked_count;
	char trouble[512];       /* the first thing that went wrong in this round */
} self;

/* ---- small things ---- */

static void trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void trouble(const char *format, ...)
{
	va_list args;

	if (self.trouble[0])
		return;
	va_start(args, format);
	vsnprintf(self.trouble, sizeof(self.trouble), format, args);
	va_end(args);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_us(unsigned int us)
{
	struct timespec time = { us / 1000000, (long)(us % 1000000) * 1000 };

	nanosleep(&time, NULL);
}

/* xorshift64: the same rounds from the same seed, as far as the machine allows. */
static uint64_t draw(void)
{
	self.random ^= self.random << 13;
	self.random ^= self.random >> 7;
	self.random ^= self.random << 17;
	return self.random;
}

static void path_to(char to[300], const char *name)
{
	snprintf(to, 300, "%s/%s", self.dir, name);
}

static ssize_t read_text(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, to, size - 1);

	if (fd >= 0)
		close(fd);
	to[len > 0 ? len : 0] = '\0';
	return len;
}

/* ---- processes ---- */

static bool is_program(pid_t pid, const char *name)
{
	char link[64], path[512];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return false;
	path[len] = '\0';
	return strstr(path, name) != NULL;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return 0;
	at = strrchr(text, ')');
	return at && strlen(at) > 4 ? (pid_t)strtoull(at + 4, NULL, 10) : 0;
}

/* The load's processes, all of them or those of one run; never a client that names it. */
static int find_load(const char *tag, pid_t *pids)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[300], line[512];
	int count = 0;

	while (proc && (entry = readdir(proc)) && count < PIDS_MAX) {
		pid_t pid = (pid_t)strtoull(entry->d_name, NULL, 10);
		ssize_t len;

		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		len = read_text(path, line, sizeof(line));
		for (ssize_t i = 0; i + 1 < len; i++)
			line[i] = line[i] ? line[i] : ' ';
		if (len > 0 && strncmp(line, "./load load ", 12) == 0 && strstr(line, tag))
			pids[count++] = pid;
	}
	if (proc)
		closedir(proc);
	return count;
}

static int find_children(pid_t parent, const char *name, pid_t *pids)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int count = 0;

	while (proc && (entry = readdir(proc)) && count < PIDS_MAX) {
		pid_t pid = (pid_t)strtoull(entry->d_name, NULL, 10);

		if (pid > 0 && parent_of(pid) == parent && is_program(pid, name))
			pids[count++] = pid;
	}
	if (proc)
		closedir(proc);
	return count;
}

static bool descends(pid_t pid, pid_t ancestor)
{
	for (int depth = 0; pid > 1 && depth < 16; depth++) {
		if (pid == ancestor)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static pid_t spawn(const char *program, char *const *argv, bool as_user, const char *directory,
		   const char *log)
{
	pid_t pid = fork();
	int null, out;

	if (pid != 0)
		return pid;
	null = open("/dev/null", O_RDWR);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    chdir(directory) < 0)
		_exit(99);
	if (as_user && (setgroups(1, &self.group) < 0 || setresgid(self.gid, self.gid, self.gid) < 0 ||
			setresuid(self.uid, self.uid, self.uid) < 0))
		_exit(98);
	execv(program, argv);
	_exit(97);
}

/* Exit status, or -1 when it did not end in time and was killed. */
static int wait_for(pid_t pid, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() >= end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		pause_us(2000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

/* ---- what is tested ---- */

static void read_instance(void)
{
	static char log[1 << 16];
	const char *at, *slash = NULL;

	if (read_text(self.log, log, sizeof(log)) <= 0 || !(at = strstr(log, "cgroup=")))
		return;
	for (; *at && *at != ' ' && *at != '\n'; at++)
		if (*at == '/')
			slash = at + 1;
	if (slash)
		snprintf(self.instance, sizeof(self.instance), "%.*s", (int)(at - slash), slash);
}

static bool start_supervisor(void)
{
	char *argv[] = { text("bailiffd"), text("--state-dir"), self.state, text("--runtime-dir"), self.run,
			 text("--ready-fd"), text("9"), NULL };
	int ready[2];
	char byte;
	bool ok;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return false;
	if (dup2(ready[1], 9) < 0)
		return false;
	self.supervisor = spawn(self.bailiffd, argv, false, "/", self.log);
	close(9);
	close(ready[1]);
	ok = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	if (ok && !self.instance[0])
		read_instance();
	return ok;
}

static pid_t start_run(const char *what, const char *tag, const char *log)
{
	char *argv[] = { text("bailiff"), text("run"), text("--json"), text("-p"), self.policy,
			 text("--state-dir"), self.state, text("--runtime-dir"), self.run, text("--"),
			 text("./load"), text(what), text(tag), NULL };
	char work[300];

	path_to(work, "work");
	return spawn(self.bailiff, argv, true, work, log);
}

static int ask_ledger(const char *verb, const char *run, const char *kind)
{
	char *argv[] = { text("bailiff"), text("ledger"), text(verb), text("--state-dir"), self.state,
			 text("--run"), text(run), text("--kind"), text(kind), NULL };
	char log[300];

	if (!run)
		argv[5] = NULL;
	path_to(log, "ledger.out");
	unlink(log);
	return wait_for(spawn(self.bailiff, argv, false, "/", log), 20000);
}

/* What a client said on its stderr is what the outside was told. */
static void take_acknowledged(const char *log)
{
	static char said[1 << 16];
	static const char *const events[] = { "\"run_started\",\"run\":\"", "\"run_ended\",\"run\":\"" };
	static const char *const kinds[] = { "run_start", "run_end" };

	if (read_text(log, said, sizeof(said)) <= 0)
		return;
	for (int i = 0; i < 2; i++) {
		const char *at = strstr(said, events[i]);
		char run[ID_LEN + 1];

		if (!at || strlen(at) < strlen(events[i]) + ID_LEN)
			continue;
		snprintf(run, sizeof(run), "%s", at + strlen(events[i]));
		if (ask_ledger("log", run, kinds[i]) != 0)
			trouble("run %s was acknowledged to the outside, but has no %s record", run, kinds[i]);
		*(i == 0 ? &self.started : &self.ended) += 1;
		if (i == 0 && self.acked_count < ACKED_MAX)
			memcpy(self.acked[self.acked_count++], run, sizeof(run));
	}
}

/* True when none of `pids` runs the load any more. */
static bool all_dead(const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++) {
		char path[64], line[64];

		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pids[i]);
		if (read_text(path, line, sizeof(line)) > 0 && strcmp(line, "./load") == 0)
			return false;
	}
	return true;
}

static bool none_left(const char *tag, pid_t *pids, int count)
{
	return tag ? find_load(tag, pids) == 0 : all_dead(pids, count);
}

/* Polls until nothing of it is left, and nothing comes up behind. Returns the milliseconds, or trouble. */
static unsigned int dead_after(const char *tag, pid_t *pids, int count, uint64_t from)
{
	uint64_t now;

	do {
		now = now_ms();
		if (none_left(tag, pids, count)) {
			pause_us(BEHIND_US);
			if (none_left(tag, pids, count))
				return (unsigned int)(now - from);
		}
		pause_us(2000);
	} while (now - from <= DEAD_MS);
	trouble("processes live on %u ms after the kill", DEAD_MS);
	return DEAD_MS;
}

static void tag_of(char to[64], int client)
{
	snprintf(to, 64, "k9-%d-%d-", (int)getpid(), client);
}

static void log_of(char to[300], int client)
{
	char name[32];

	snprintf(name, sizeof(name), "client-%d.err", client);
	path_to(to, name);
}

/* Kills one and sees those die that it answered for. Returns false when there was none to kill. */
static bool strike(enum victim victim, int *ret_count, unsigned int *ret_ms)
{
	static pid_t pids[PIDS_MAX], condemned[PIDS_MAX];
	pid_t target = self.supervisor;
	char tag[64] = "k9-";
	int count = 0, chosen = (int)(draw() % CLIENTS);
	uint64_t from;

	if (victim == LEDGERD || victim == INIT) {
		count = find_children(self.supervisor, victim == LEDGERD ? "bailiff-ledgerd" : "memfd:", pids);
		if (count == 0)
			return false;
		target = pids[draw() % (uint64_t)count];
		count = 0;
	}
	if (victim == INIT) {
		int all = find_load("k9-", pids);

		for (int i = 0; i < all; i++)
			if (descends(pids[i], target))
				condemned[count++] = pids[i];
	}
	if (victim == CLIENT) {
		target = self.clients[chosen];
		tag_of(tag, chosen);
	}
	*ret_count = victim == INIT ? count : victim == LEDGERD ? 0 : find_load(tag, pids);
	from = now_ms();
	if (kill(target, SIGKILL) < 0)
		return false;
	if (victim == SUPERVISOR) {
		wait_for(target, 1000);
		self.supervisor = 0;
	}
	if (victim == LEDGERD) {
		*ret_ms = 0;
		return true;
	}
	*ret_ms = dead_after(victim == INIT ? NULL : tag, condemned, count, from);
	return true;
}

/* What waits for the next run (launch/porter.h, spare.h) belongs to none. */
static bool made_ahead(const char *name)
{
	static const char *const trees[] = { "", "unified/" };
	char path[256], value;

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%sbailiff/%s/%.64s", trees[i], self.instance, name);
		if (getxattr(path, "trusted.bailiff.spare", &value, 1) == 1)
			return true;
	}
	return strcmp(name, "porter") == 0;
}

static unsigned int count_dirs(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_type == DT_DIR && entry->d_name[0] != '.' && !made_ahead(entry->d_name);
	if (dir)
		closedir(dir);
	return count;
}

/* By the v2 line of its cgroups: 0::/bailiff/INSTANCE/NAME. */
static bool is_spare(pid_t pid)
{
	char path[64], text[2048], *line, *name;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	read_text(path, text, sizeof(text));
	line = strstr(text, "0::");
	if (!line)
		return false;
	line[strcspn(line, "\n")] = '\0';
	name = strrchr(line, '/');
	return name && made_ahead(name + 1);
}

/* Cgroups of runs in every hierarchy. */
static unsigned int cgroups_left(void)
{
	static const char *const trees[] = { "", "unified/", "pids/", "memory/", "cpu/", "cpu,cpuacct/" };
	unsigned int count = 0;
	char path[256];

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%sbailiff/%s", trees[i], self.instance);
		count += count_dirs(path);
	}
	return count;
}

static bool mentions(const char *file)
{
	static char line[8192];
	FILE *stream = fopen(file, "re");
	bool found = false;

	while (stream && !found && fgets(line, sizeof(line), stream))
		found = strstr(line, self.dir) != NULL;
	if (stream)
		fclose(stream);
	return found;
}

static void check_nothing_left(void)
{
	static pid_t pids[PIDS_MAX];
	uint64_t end = now_ms() + 3000;

	while (now_ms() < end && (cgroups_left() > 0 || find_load("k9-", pids) > 0))
		pause_us(5000);
	if (find_load("k9-", pids) > 0)
		trouble("process %d of a run is left", (int)pids[0]);
	if (cgroups_left() > 0)
		trouble("%u cgroups are left", cgroups_left());
	if (mentions("/proc/self/mountinfo"))
		trouble("a mount is left");
	for (int i = self.supervisor ? find_children(self.supervisor, "memfd:", pids) : 0; i > 0; i--)
		if (!is_spare(pids[i - 1]))
			trouble("an init is left");
}

/* ---- a round ---- */

static void next_run(void)
{
	char log[300];
	int status;

	path_to(log, "next.err");
	unlink(log);
	status = wait_for(start_run("nothing", "-", log), 15000);
	if (status != 0)
		trouble("the next run ended with %d", status);
	take_acknowledged(log);
}

/* Every other round the moment is counted from the first process of the load, however slow the machine. */
static void wait_for_load(void)
{
	static pid_t pids[PIDS_MAX];
	uint64_t end = now_ms() + 3000;

	while (now_ms() < end && find_load("k9-", pids) == 0)
		pause_us(5000);
}

static void round_of(unsigned int number)
{
	enum victim victim = (enum victim)(number % VICTIMS);
	unsigned int moment_us = (unsigned int)(draw() % (MOMENT_MS * 1000)), ms = 0;
	char log[300], tag[64];
	int living = 0;
	bool struck;

	self.trouble[0] = '\0';
	if (!self.supervisor && !start_supervisor()) {
		trouble("no supervisor starts");
		printf("not ok %u - %s\n", number + 1, self.trouble);
		return;
	}
	for (int i = 0; i < CLIENTS; i++) {
		log_of(log, i);
		unlink(log);
		tag_of(tag, i);
		self.clients[i] = start_run("load", tag, log);
	}
	if (draw() % 2)
		wait_for_load();
	pause_us(moment_us);
	struck = strike(victim, &living, &ms);
	if (!self.supervisor && !start_supervisor())
		trouble("no supervisor starts after the kill");
	next_run();
	for (int i = 0; i < CLIENTS; i++)
		kill(self.clients[i], SIGTERM);
	for (int i = 0; i < CLIENTS; i++)
		if (wait_for(self.clients[i], 8000) == -1)
			trouble("client %d does not end", i);
	check_nothing_left();
	for (int i = 0; i < CLIENTS; i++) {
		log_of(log, i);
		take_acknowledged(log);
	}
	if (ask_ledger("verify", NULL, NULL) != 0)
		trouble("the ledger does not verify");
	self.done++;
	self.condemned += (unsigned int)living;
	self.worst_ms = ms > self.worst_ms ? ms : self.worst_ms;
	printf("%sok %u - %s%s after %u.%03u ms: its %d processes dead in %u ms%s%s\n",
	       self.trouble[0] ? "not " : "", number + 1, victims[victim], struck ? "" : " (none yet)",
	       moment_us / 1000, moment_us % 1000, living, ms, self.trouble[0] ? ": " : "", self.trouble);
	fflush(stdout);
}

/* ---- all rounds ---- */

static int rounds(char **argv)
{
	uint64_t end = now_ms() + 1000 * strtoull(argv[6], NULL, 10);
	struct stat st;

	snprintf(self.dir, sizeof(self.dir), "%s", argv[0]);
	self.uid = (uid_t)strtoull(argv[1], NULL, 10);
	self.gid = (gid_t)strtoull(argv[2], NULL, 10);
	self.group = (gid_t)strtoull(argv[3], NULL, 10);
	self.rounds = (unsigned int)strtoull(argv[4], NULL, 10);
	self.random = strtoull(argv[5], NULL, 10);
	if (self.random == 0)
		self.random = 1;
	path_to(self.bailiff, "bin/bailiff");
	path_to(self.bailiffd, "bin/bailiffd");
	path_to(self.state, "state");
	path_to(self.run, "run");
	path_to(self.policy, "policy.yaml");
	path_to(self.log, "bailiffd.log");
	if (stat(self.bailiff, &st) < 0 || stat(self.policy, &st) < 0 || self.uid == 0) {
		printf("Bail out! %s is not prepared\n", self.dir);
		return 2;
	}
	printf("# seed %s\n1..%u\n", argv[5], self.rounds + 2);
	if (!start_supervisor()) {
		puts("Bail out! no supervisor starts");
		return 2;
	}
	/* The first look remembers the key; only those that follow can say PASS. */
	next_run();
	ask_ledger("verify", NULL, NULL);
	for (unsigned int i = 0; i < self.rounds; i++) {
		if (now_ms() < end)
			round_of(i);
		else
			printf("ok %u - round # SKIP no time left on this machine\n", i + 1);
	}
	self.trouble[0] = '\0';
	for (unsigned int i = 0; i < self.acked_count; i++)
		if (ask_ledger("log", self.acked[i], "run_start") != 0)
			trouble("run %s is gone", self.acked[i]);
	if (self.started < self.done || self.ended == 0 || self.condemned < self.done / 2)
		trouble("too little to see: %u starts, %u ends, %u processes to die", self.started, self.ended,
			self.condemned);
	printf("%sok %u - %u starts and %u ends that were acknowledged are in the ledger %s\n",
	       self.trouble[0] ? "not " : "", self.rounds + 1, self.started, self.ended, self.trouble);
	printf("# of %u processes that lost theirs the last died after %u ms\n", self.condemned, self.worst_ms);
	self.trouble[0] = '\0';
	kill(self.supervisor, SIGTERM);
	if (wait_for(self.supervisor, 15000) != 0)
		trouble("the last supervisor does not end in order");
	self.supervisor = 0;
	check_nothing_left();
	if (mentions("/proc/net/unix"))
		trouble("a socket is left");
	printf("%sok %u - after an orderly end nothing is left %s\n", self.trouble[0] ? "not " : "",
	       self.rounds + 2, self.trouble);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 8)
		return rounds(argv + 1);
	fprintf(stderr, "usage: kill9 DIR UID GID GROUP ROUNDS SEED SECONDS\n");
	return 2;
}
