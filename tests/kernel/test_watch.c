// SPDX-License-Identifier: Apache-2.0
/* Processes, refused calls, revocation, and the numbering of records. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "kernel/watched.h"
#include "watch/load.h"

#define VERIFIED_MAX 20000U   /* on_sys_exit has half of it; with static functions it had 120 000 */

/* ---- processes ---- */

static void act_exec(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", "", "last one", (char *)NULL);
	_exit(99);
}

START_TEST(an_exec_tells_program_arguments_and_the_exit_its_status)
{
	static const char want[] = "sh\0-c\0exit 7\0\0last one";
	const struct kept *k;
	int status;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	status = in_run(act_exec);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	k = find(EVENT_EXEC, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert(slice_eq(event_exec_path(&k->exec), slice_of("/usr/bin/dash")));
	ck_assert(slice_eq(event_exec_argv(&k->exec), slice_new(want, sizeof(want))));
	ck_assert_uint_eq(k->exec.argc, 5);
	ck_assert_uint_eq(k->exec.parent_tgid, (unsigned int)getpid());
	ck_assert_uint_eq(k->exec.interp_len, 0);
	k = find(EVENT_EXIT, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert_int_eq(k->exit.status, status);
	ck_assert_uint_eq(k->exit.last_of_group, 1);
	end();
}
END_TEST

static void act_script(void)
{
	int fd = open("script", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	IGNORE(write(fd, "#!/bin/sh\nexit 3\n", 17)); /* a failure shows in the exit status */
	close(fd);
	execl("./script", "script", (char *)NULL);
	_exit(99);
}

START_TEST(an_exec_of_a_script_names_interpreter_and_script)
{
	char want[256];
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(WEXITSTATUS(in_run(act_script)), 3);
	k = find(EVENT_EXEC, "/usr/bin/dash");
	ck_assert_ptr_nonnull(k);
	snprintf(want, sizeof(want), "%s/./script", work);
	ck_assert(slice_eq(event_exec_interp(&k->exec), slice_of(want)));
	end();
}
END_TEST

static void act_fork_and_signal(void)
{
	pid_t pid = fork();

	if (pid == 0)
		kill(getpid(), SIGUSR1);     /* libcheck handles SIGTERM */
	waitpid(pid, NULL, 0);
}

START_TEST(a_fork_is_seen_and_so_is_death_by_signal)
{
	const struct kept *k;
	bool died = false;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_fork_and_signal);
	k = find(EVENT_FORK, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(k->fork.is_thread, 0);
	ck_assert_uint_gt(k->fork.child_start_ns, k->head.proc_start_ns);
	for (size_t i = 0; i < kept_count; i++)
		died |= kept[i].head.kind == EVENT_EXIT && kept[i].exit.status == SIGUSR1 &&
			kept[i].head.tgid == k->fork.child_tgid;
	ck_assert_msg(died, "no exit of the child with SIGUSR1");
	end();
}
END_TEST

static void *thread_makes_a_file(void *arg)
{
	(void)arg;
	close(open("by-thread", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	return NULL;
}

static void act_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_makes_a_file, NULL) == 0)
		pthread_join(thread, NULL);
}

START_TEST(a_thread_is_no_process_but_its_files_are_seen)
{
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_threads);
	ck_assert_ptr_null(find(EVENT_FORK, NULL));
	k = must_find(EVENT_CREATE, "by-thread");
	ck_assert_uint_ne(k->head.tid, k->head.tgid);
	ck_assert(k->head.flags & EVENT_SHARED_FDS);
	end();
}
END_TEST

static void act_cred(void)
{
	pid_t pid = fork();          /* from here on the kernel side knows who this was */

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(1);
}

START_TEST(a_change_of_credentials_is_reported_with_before_and_after)
{
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin();
	ck_assert_int_eq(in_run(act_cred), 0);
	k = find(EVENT_CRED, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(k->cred.old_euid, 0);
	ck_assert_uint_eq(k->cred.new_euid, 65534);
	ck_assert_uint_ne(k->cred.old_caps, 0);
	ck_assert_uint_eq(k->cred.new_caps, 0);
	end();
}
END_TEST

/* ---- what nobody may ---- */

static void act_forbidden(void)
{
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	if (ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 || kill(1, SIGTERM) == 0)
		_exit(2);
	if (syscall(SYS_mount, "x", "/tmp", "tmpfs", 0, NULL) == 0 || unshare(CLONE_NEWNS) == 0)
		_exit(3);
}

START_TEST(refused_calls_and_signals_are_reported)
{
	static const unsigned int wanted[] = { SYS_ptrace, SYS_mount, SYS_unshare };
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin();
	ck_assert_int_eq(in_run(act_forbidden), 0);
	for (size_t w = 0; w < COUNT(wanted); w++) {
		bool found = false;

		for (size_t i = 0; i < kept_count; i++)
			found |= kept[i].head.kind == EVENT_SYSCALL_REFUSED &&
				 kept[i].call.syscall == wanted[w] && kept[i].head.ret == -EPERM;
		ck_assert_msg(found, "call %u was refused unseen", wanted[w]);
	}
	k = find(EVENT_SIGNAL, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert_int_eq(k->head.ret, -EPERM);
	ck_assert_uint_eq(k->call.args[0], 1);
	end();
}
END_TEST

static void act_foreign_abi(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L /* getpid */) : "memory");
	IGNORE(r);
}

START_TEST(a_call_of_a_foreign_abi_is_reported)
{
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_foreign_abi);
	k = find(EVENT_SYSCALL_REFUSED, NULL);
	NEEDS_THAT("ia32", k != NULL || kept_count <= 1, "the kernel has no 32-bit calls");
	ck_assert_ptr_nonnull(k);
	ck_assert(k->head.flags & EVENT_FOREIGN_ABI);
	ck_assert_uint_eq(k->call.syscall, 20);
	end();
}
END_TEST

static void act_spin_with_calls(void)
{
	for (;;)
		getppid();
}

START_TEST(a_revoked_run_dies_at_its_next_call)
{
	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(watch_run_set_flags(watch, cgroup_id, RUN_WATCHED | RUN_REVOKED), 0);
	ck_assert_int_eq(WTERMSIG(in_run(act_spin_with_calls)), SIGKILL);
	end();
}
END_TEST

START_TEST(a_task_in_other_namespaces_than_the_launch_gave_is_an_escape)
{
	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(watch_run_set_namespaces(watch, cgroup_id, 0, 12345), 0);
	in_run(act_exec);
	ck_assert_ptr_nonnull(find(EVENT_ESCAPE, NULL));
	end();
}
END_TEST

static void act_leave(void)
{
	pid_t pid = fork();
	int fd;

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	fd = open(CGROUP_ROOT "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (write(fd, "0", 1) != 1)
		_exit(1);
}

START_TEST(a_task_that_leaves_its_cgroup_is_an_escape)
{
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin();
	ck_assert_int_eq(in_run(act_leave), 0);
	k = find(EVENT_ESCAPE, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(k->head.cgroup_id, cgroup_id);
	ck_assert_uint_ne(k->call.target_tgid, 0);
	end();
}
END_TEST

/* ---- rings ---- */

START_TEST(an_unwatched_process_gives_no_event)
{
	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(watch_run_remove(watch, cgroup_id), 0);
	in_run(act_exec);
	close(open("unwatched", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	ck_assert_int_ge(watch_drain(watch), 0);
	ck_assert_uint_eq(kept_count, 0);
	ck_assert_int_eq(watch_run_remove(watch, cgroup_id), -ENOENT);
	end();
}
END_TEST

START_TEST(records_of_one_ring_and_cpu_are_numbered_without_a_hole)
{
	uint64_t high[2][64] = { 0 }, total = 0;
	struct watch_losses losses;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_exec);
	for (size_t i = 0; i < kept_count; i++) {
		const struct event_head *h = &kept[i].head;

		ck_assert_uint_lt(h->cpu, 64);
		ck_assert_uint_eq(h->kseq, high[h->ring][h->cpu] + 1);
		high[h->ring][h->cpu] = h->kseq;
		total++;
	}
	ck_assert_int_eq(watch_losses(watch, &losses), 0);
	ck_assert_uint_eq(losses.ring[0].high + losses.ring[1].high, total);
	end();
}
END_TEST

#define FLOOD 30000

static void act_flood(void)
{
	for (int i = 0; i < FLOOD; i++)
		open("/proc/1/mem", O_RDONLY | O_CLOEXEC);
}

static void act_flood_refused(void)
{
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	act_flood();
}

START_TEST(a_flood_stops_its_producer_and_loses_nothing)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)run_fd,
	};
	struct watch_losses losses;
	int status = -1;
	pid_t pid;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin();
	pid = sys_clone3(&args);
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		act_flood_refused();
		_exit(0);
	}
	/* Nobody reads until the kernel has stopped it; then it goes on to its end. */
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert_msg(WIFSTOPPED(status), "never stopped: status %d", status);
	while (waitpid(pid, &status, WNOHANG) == 0)
		ck_assert_int_ge(watch_poll(watch, 0), 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ge(watch_drain(watch), 0);
	ck_assert_int_eq(watch_losses(watch, &losses), 0);
	ck_assert_uint_ge(losses.ring[EVENT_RING_URGENT].high, FLOOD);
	end();
}
END_TEST

START_TEST(a_run_is_seen_after_another_with_the_same_bit_has_ended)
{
	struct run_config other = { .flags = RUN_WATCHED, .slot = 4 };

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(watch_run_add(watch, cgroup_id + WATCHED_BITS, &other), 0);
	ck_assert_int_eq(watch_run_remove(watch, cgroup_id + WATCHED_BITS), 0);
	in_run(act_exec);
	ck_assert_ptr_nonnull(find(EVENT_EXEC, NULL));
	end();
}
END_TEST

/* How many links of a program there are. */
static uint32_t links_of(const struct bpf_program *program)
{
	struct bpf_prog_info prog = { 0 };
	uint32_t id = 0, size = sizeof(prog), count = 0;

	ck_assert_int_eq(bpf_obj_get_info_by_fd(bpf_program__fd(program), &prog, &size), 0);
	while (bpf_link_get_next_id(id, &id) == 0) {
		struct bpf_link_info link = { 0 };
		auto_close int fd = bpf_link_get_fd_by_id(id);

		size = sizeof(link);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &link, &size) == 0)
			count += link.prog_id == prog.id;
	}
	return count;
}

START_TEST(the_host_is_left_alone_when_no_run_is_expected)
{
	struct run_config config = { .flags = RUN_WATCHED, .slot = 3 };

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	watch_rest(watch); /* a run lives */
	ck_assert_uint_eq(links_of(watch->bpf->progs.on_sys_exit), 1);
	ck_assert_int_eq(watch_run_remove(watch, cgroup_id), 0);
	ck_assert_uint_eq(links_of(watch->bpf->progs.on_sys_exit), 1);
	watch_rest(watch);
	ck_assert_uint_eq(links_of(watch->bpf->progs.on_sys_exit), 0);
	ck_assert_uint_eq(links_of(watch->bpf->progs.on_exec), 0);
	watch_rest(watch);
	ck_assert_int_eq(watch_run_add(watch, cgroup_id, &config), 0);
	in_run(act_exec);
	ck_assert_ptr_nonnull(find(EVENT_EXEC, NULL));
	end();
}
END_TEST

/* Whether `fd`, an epoll set, has an event after a child of the run has opened a file; nothing is read. */
static bool wakes(int fd)
{
	int timeout_ms = watch->bpf->bss->reader_dozes ? 2000 : 0, status = -1;
	struct epoll_event event;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (io_write_text(run_fd, "cgroup.procs", "0") < 0)
			_exit(120);
		_exit(open("woken", O_CREAT | O_WRONLY | O_CLOEXEC, 0644) < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	return epoll_wait(fd, &event, 1, timeout_ms) == 1;
}

START_TEST(a_reader_that_dozes_is_woken_by_the_first_record_and_another_never)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	auto_close int fd = epoll_create1(EPOLL_CLOEXEC);

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(epoll_ctl(fd, EPOLL_CTL_ADD, watch_bulk_fd(watch), &event), 0);
	ck_assert(!wakes(fd));
	ck_assert_int_gt(watch_drain(watch), 0);
	must_find(EVENT_CREATE, "woken"); /* control: a bulk record was there */
	ck_assert(watch_doze(watch, true));
	ck_assert(wakes(fd));
	ck_assert_uint_eq(watch->bpf->bss->reader_dozes, 0);
	ck_assert_int_gt(watch_drain(watch), 0);
	ck_assert(!wakes(fd));
	end();
}
END_TEST

/* ---- the start ---- */

START_TEST(the_verifier_has_little_to_look_at)
{
	struct bpf_program *program;
	uint32_t worst = 0;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	bpf_object__for_each_program(program, watch->bpf->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (!bpf_program__autoload(program))
			continue;
		ck_assert_int_eq(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
		ck_assert_msg(info.verified_insns <= VERIFIED_MAX, "%s: %u instructions",
			      bpf_program__name(program), info.verified_insns);
		worst = MAX(worst, info.verified_insns);
	}
	ck_assert_uint_gt(worst, 0); /* control: this kernel counts */
	end();
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "processes", an_exec_tells_program_arguments_and_the_exit_its_status, 1 },
		{ "processes", an_exec_of_a_script_names_interpreter_and_script, 1 },
		{ "processes", a_fork_is_seen_and_so_is_death_by_signal, 1 },
		{ "processes", a_thread_is_no_process_but_its_files_are_seen, 1 },
		{ "processes", a_change_of_credentials_is_reported_with_before_and_after, 1 },
		{ "guards", refused_calls_and_signals_are_reported, 1 },
		{ "guards", a_call_of_a_foreign_abi_is_reported, 1 },
		{ "guards", a_revoked_run_dies_at_its_next_call, 1 },
		{ "guards", a_task_in_other_namespaces_than_the_launch_gave_is_an_escape, 1 },
		{ "guards", a_task_that_leaves_its_cgroup_is_an_escape, 1 },
		{ "rings", an_unwatched_process_gives_no_event, 1 },
		{ "rings", a_flood_stops_its_producer_and_loses_nothing, 1 },
		{ "rings", records_of_one_ring_and_cpu_are_numbered_without_a_hole, 1 },
		{ "rings", a_run_is_seen_after_another_with_the_same_bit_has_ended, 1 },
		{ "rings", a_reader_that_dozes_is_woken_by_the_first_record_and_another_never, 1 },
		{ "start", the_host_is_left_alone_when_no_run_is_expected, 1 },
		{ "start", the_verifier_has_little_to_look_at, 1 },
	};

	return suite_of("watch", rows, COUNT(rows));
}
