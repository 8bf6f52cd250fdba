/* SPDX-License-Identifier: Apache-2.0 */
/* What one system call of an unwatched process pays for each way in which the kernel can tell of system
 * calls, ours among them: `floor [ROUNDS]`, root. Each way is attached and taken away again, the same
 * calls are measured before, meanwhile and after, and the CPU time is compared; pinned to one CPU. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "watch/skeletons.h"

#define CALLS 2000
#define WINDOWS 15
#define ROUNDS_MAX 1000
#define LINKS_MAX 2

static int links[LINKS_MAX], link_count;
static int empty_exit, empty_enter, helper_exit, empty_event, ours;
static pid_t idle;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void keep(int fd, const char *what)
{
	if (fd < 0)
		fail(what);
	links[link_count++] = fd;
}

static int load(const char *tracepoint, bool asks_cgroup)
{
	const struct bpf_insn text[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_cgroup_id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	enum bpf_prog_type type = BPF_PROG_TYPE_TRACEPOINT;
	int fd;

	if (tracepoint) {
		int id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);

		type = BPF_PROG_TYPE_TRACING;
		opts.expected_attach_type = BPF_TRACE_RAW_TP;
		opts.attach_btf_id = (uint32_t)id;
	}
	fd = asks_cgroup ? bpf_prog_load(type, "floor", "GPL", text, COUNT(text), &opts)
			 : bpf_prog_load(type, "floor", "GPL", text + 1, COUNT(text) - 1, &opts);
	if (fd < 0)
		fail("load");
	return fd;
}

/* One system call's event; with `pid` 0 for all tasks of this CPU. */
static int event_open(const char *name, pid_t pid)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1 };
	char path[128], text[32] = "";
	FILE *file;
	uint64_t id;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/syscalls/%s/id", name);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		fail(path);
	fclose(file);
	text[strcspn(text, "\n")] = 0;
	if (parse_u64(slice_of(text), 1, UINT32_MAX, &id) < 0)
		fail(path);
	attr.config = id;
	return (int)syscall(SYS_perf_event_open, &attr, pid ? pid : -1, pid ? -1 : sched_getcpu(), -1, PERF_FLAG_FD_CLOEXEC);
}

static void nothing(void)
{
}

static void exit_alone(void)
{
	keep(bpf_raw_tracepoint_open(NULL, empty_exit), "attach");
}

static void enter_alone(void)
{
	keep(bpf_raw_tracepoint_open(NULL, empty_enter), "attach");
}

static void both(void)
{
	exit_alone();
	enter_alone();
}

static void exit_cgroup(void)
{
	keep(bpf_raw_tracepoint_open(NULL, helper_exit), "attach");
}

static void on_sys_exit(void)
{
	keep(bpf_raw_tracepoint_open(NULL, ours), "attach");
}

static void event_of_another(void)
{
	keep(event_open("sys_exit_connect", idle), "perf_event_open");
}

static void event_of_this(void)
{
	int fd = event_open("sys_exit_getppid", 0);

	keep(fd, "perf_event_open");
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, empty_event) < 0)
		fail("PERF_EVENT_IOC_SET_BPF");
}

static const struct way {
	const char *name;
	void (*attach)(void);
} ways[] = {
	{ "nothing", nothing },
	{ "perf event of another call", event_of_another },
	{ "perf event of this call, BPF", event_of_this },
	{ "tp_btf/sys_exit, empty", exit_alone },
	{ "tp_btf/sys_enter, empty", enter_alone },
	{ "both", both },
	{ "sys_exit that asks for the cgroup", exit_cgroup },
	{ "ours: on_sys_exit", on_sys_exit },
};

static int by_value(const void *left, const void *right)
{
	const double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double at(double *sorted, size_t count, double part)
{
	return sorted[(size_t)((double)(count - 1) * part)];
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds of a call: the lower third of short windows, since what else the machine does only adds. */
static double measure(void)
{
	double took[WINDOWS];

	for (size_t i = 0; i < WINDOWS; i++) {
		double begin = cpu_ns();

		for (int call = 0; call < CALLS; call++)
			syscall(SYS_getppid);
		took[i] = (cpu_ns() - begin) / CALLS;
	}
	qsort(took, WINDOWS, sizeof(took[0]), by_value);
	return at(took, WINDOWS, 1.0 / 3);
}

static double more_by(const struct way *way)
{
	double before = measure(), meanwhile;

	way->attach();
	meanwhile = measure();
	while (link_count > 0)
		close(links[--link_count]);
	return meanwhile - (before + measure()) / 2;
}

static void prepare(void)
{
	struct observer *bpf = observer__open_and_load();
	cpu_set_t one;

	if (!bpf)
		fail("load the observer");
	CPU_ZERO(&one);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		fail("sched_setaffinity");
	empty_exit = load("sys_exit", false);
	empty_enter = load("sys_enter", false);
	helper_exit = load("sys_exit", true);
	empty_event = load(NULL, false);
	ours = bpf_program__fd(bpf->progs.on_sys_exit);
	idle = fork();
	if (idle == 0)
		for (;;)
			pause();
}

int main(int argc, char **argv)
{
	static double more[COUNT(ways)][ROUNDS_MAX];
	uint64_t rounds;

	if (parse_u64(slice_of(argc > 1 ? argv[1] : "15"), 1, ROUNDS_MAX, &rounds) < 0)
		return 2;
	prepare();
	for (uint64_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < COUNT(ways); i++)
			more[i][round] = more_by(&ways[i]);
	kill(idle, SIGKILL);
	waitpid(idle, NULL, 0);
	printf("a call takes %.0f ns; more by, in ns: median (quartiles)\n", measure());
	for (size_t i = 0; i < COUNT(ways); i++) {
		qsort(more[i], rounds, sizeof(double), by_value);
		printf("%-34s %5.1f (%.1f to %.1f)\n", ways[i].name, at(more[i], rounds, 0.5),
		       at(more[i], rounds, 0.25), at(more[i], rounds, 0.75));
	}
	return 0;
}
