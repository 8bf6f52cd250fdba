// SPDX-License-Identifier: Apache-2.0
/* What the kernel does while nobody reads its events: the test is a supervisor that hangs. */
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <time.h>

#include "decide/policy.h"
#include "kernel/watched.h"

#define MS 1000000ULL
#define DEAD_WITHIN_NS (200 * MS)

static struct shared {
	volatile int ready, steps;
} *shared;

static void begin_alone(uint32_t what, uint32_t type, uint32_t revoke_at)
{
	struct run_config config = { .flags = RUN_WATCHED, .slot = 3 };

	config.decides[what] = (struct kernel_rule){ .type = type, .revoke_at = revoke_at };
	begin_with(&config);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

static pid_t start(void (*act)(void))
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)run_fd,
	};
	pid_t pid = sys_clone3(&args);

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		act();
		_exit(0);
	}
	return pid;
}

/* Waits without reading a ring; -1 when nothing happens within `limit_ns`. */
static int wait_alone(pid_t pid, int flags, uint64_t limit_ns, uint64_t *ret_took_ns)
{
	const struct timespec pause = { .tv_nsec = MS };
	uint64_t from = now_monotonic_ns(), now = from;
	int status = -1;

	while (now - from < limit_ns) {
		pid_t r = waitpid(pid, &status, WNOHANG | flags);

		now = now_monotonic_ns();
		if (r == pid) {
			if (ret_took_ns)
				*ret_took_ns = now - from;
			return status;
		}
		nanosleep(&pause, NULL);
	}
	return -1;
}

static void wait_ready(int count)
{
	uint64_t until = now_monotonic_ns() + WAIT_NS;

	while (shared->ready < count && now_monotonic_ns() < until)
		sched_yield();
	ck_assert_int_eq(shared->ready, count);
}

static void spin(void)
{
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		;
}

static void sleep_long(void)
{
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* ---- killing ---- */

START_TEST(a_flag_ends_a_loop_that_makes_no_call)
{
	uint64_t took = 0;
	int status;
	pid_t pid;

	NEEDS(FEATURE_BPF_WATCH);
	begin_alone(0, 0, 0);
	pid = start(spin);
	wait_ready(1);
	ck_assert_int_eq(wait_alone(pid, 0, 100 * MS, NULL), -1); /* control: it is left alone */
	ck_assert_int_eq(watch_run_set_flags(watch, cgroup_id, RUN_WATCHED | RUN_REVOKED), 0);
	status = wait_alone(pid, 0, WAIT_NS, &took);
	ck_assert_msg(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "status %d", status);
	ck_assert_msg(took <= DEAD_WITHIN_NS, "dead after %llu ms", (unsigned long long)(took / MS));
	end();
}
END_TEST

static void act_forbidden(void)
{
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	for (int i = 0; i < 3; i++) {
		IGNORE(ptrace(PTRACE_ATTACH, 1, NULL, NULL)); /* refused: it is what is counted */
		shared->steps++;
	}
}

static void act_connect(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80),
				  .sin_addr.s_addr = htonl(0xc0000201) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < 3; i++) {
		IGNORE(connect(fd, (struct sockaddr *)&to, sizeof(to)));
		shared->steps++;
	}
}

static void act_root(void)
{
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		pid = fork();                /* the kernel side knows who this is from here on */
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		if (seteuid(65534) < 0 || seteuid(0) < 0)
			_exit(1);
		shared->steps++;
	}
}

static void act_leave(void)
{
	int from, to;

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		to = open(CGROUP_ROOT "/cgroup.procs", O_WRONLY | O_CLOEXEC);
		from = open(run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		IGNORE(write(to, "0", 1));
		IGNORE(io_write_text(from, "cgroup.procs", "0") < 0);
		shared->steps++;
	}
}

static const struct {
	const char *name;
	void (*act)(void);
	uint32_t what, type, revoke_at;
	int steps;           /* how many tries are survived */
} strikes[] = {
	{ "forbidden, second", act_forbidden, KERNEL_FORBIDDEN, FORBIDDEN_ACTION, 2, 1 },
	{ "forbidden, third", act_forbidden, KERNEL_FORBIDDEN, FORBIDDEN_ACTION, 3, 2 },
	{ "connect, second", act_connect, KERNEL_NET, SCOPE_VIOLATION, 2, 1 },
	{ "root, first", act_root, KERNEL_ROOT, UNRECORDED_ROOT, 1, 0 },
	{ "escape, first", act_leave, KERNEL_ESCAPE, SANDBOX_ESCAPE, 1, 0 },
};

START_TEST(the_strike_that_revokes_kills_before_the_next_instruction)
{
	unsigned int nth = 0, revoked = 0;
	uint64_t took = 0;
	int status;
	pid_t pid;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin_alone(strikes[_i].what, strikes[_i].type, strikes[_i].revoke_at);
	pid = start(strikes[_i].act);
	status = wait_alone(pid, 0, WAIT_NS, &took);
	ck_assert_msg(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "%s: status %d after %d", strikes[_i].name, status, shared->steps);
	ck_assert_msg(shared->steps == strikes[_i].steps, "%s: %d were survived", strikes[_i].name,
		      shared->steps);
	ck_assert_msg(took <= DEAD_WITHIN_NS, "%s: dead after %llu ms", strikes[_i].name,
		      (unsigned long long)(took / MS));
	ck_assert_int_ge(watch_drain(watch), 0);
	for (size_t i = 0; i < kept_count; i++) {
		if (kept[i].head.violation != strikes[_i].type)
			continue;
		ck_assert_uint_eq(kept[i].head.strike, ++nth);
		revoked += (kept[i].head.flags & EVENT_REVOKED) != 0;
	}
	ck_assert_uint_eq(nth, strikes[_i].revoke_at);
	ck_assert_uint_eq(revoked, 1);
	end();
}
END_TEST

START_TEST(what_only_warns_is_survived)
{
	int status;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin_alone(strikes[_i].what, strikes[_i].type, 0);
	status = wait_alone(start(strikes[_i].act), 0, WAIT_NS, NULL);
	ck_assert_msg(status == 0 && shared->steps == 3, "%s: status %d after %d", strikes[_i].name,
		      status, shared->steps);
	end();
}
END_TEST

START_TEST(strikes_of_user_space_count_as_well)
{
	struct user_strikes told = { .count = { [KERNEL_FORBIDDEN] = 1 } };
	int status;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin_alone(KERNEL_FORBIDDEN, FORBIDDEN_ACTION, 2);
	ck_assert_int_eq(watch_run_strikes(watch, 3, &told), 0);
	status = wait_alone(start(act_forbidden), 0, WAIT_NS, NULL);
	ck_assert_msg(status != -1 && WIFSIGNALED(status) && shared->steps == 0, "status %d after %d",
		      status, shared->steps);
	end();
}
END_TEST

START_TEST(what_sleeps_dies_with_pid_1_when_nobody_kills_it)
{
	struct run_config config = { .flags = RUN_WATCHED | RUN_REVOKED, .slot = 3 };
	int status;
	pid_t init;

	NEEDS(FEATURE_BPF_WATCH);
	begin_alone(0, 0, 0);
	init = start(sleep_long);
	wait_ready(1);
	config.init_tgid = (uint32_t)init;
	ck_assert_int_eq(watch_run_remove(watch, cgroup_id), 0);
	ck_assert_int_eq(watch_run_add(watch, cgroup_id, &config), 0);
	/* Control: a supervisor that answers does it itself. */
	watch_alive(watch, now_monotonic_ns() + 1000 * MS);
	ck_assert_int_eq(wait_alone(init, 0, 100 * MS, NULL), -1);
	watch_alive(watch, now_monotonic_ns() - 100 * MS);
	start(spin);
	status = wait_alone(init, 0, DEAD_WITHIN_NS, NULL);
	if (status == -1)
		kill(init, SIGKILL);
	NEEDS_THAT("send_signal_task", status != -1, "the kernel (before 6.13) signals no other task");
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	end();
}
END_TEST

/* ---- stopping ---- */

static void act_calls(void)
{
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		getppid();
}

static void act_stop_itself(void)
{
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	raise(SIGSTOP);
}

static void read_until_continued(pid_t pid)
{
	uint64_t until = now_monotonic_ns() + WAIT_NS;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG | WCONTINUED) != pid && now_monotonic_ns() < until) {
		watch_alive(watch, now_monotonic_ns());
		ck_assert_int_ge(watch_poll(watch, 0), 0);
	}
	ck_assert_msg(WIFCONTINUED(status), "status %d", status);
}

START_TEST(nobody_goes_on_without_a_supervisor_and_all_when_it_is_back)
{
	pid_t with_calls, without, own;
	uint64_t took = 0;
	int status;

	NEEDS(FEATURE_BPF_WATCH);
	begin_alone(0, 0, 0);
	watch_alive(watch, now_monotonic_ns());
	with_calls = start(act_calls);
	without = start(spin);
	own = start(act_stop_itself);
	wait_ready(3);
	ck_assert(WIFSTOPPED(wait_alone(own, WUNTRACED, WAIT_NS, NULL)));
	watch_alive(watch, now_monotonic_ns());
	ck_assert_int_eq(wait_alone(with_calls, WUNTRACED, 300 * MS, NULL), -1); /* not too early */
	status = wait_alone(with_calls, WUNTRACED, 700 * MS, &took);
	ck_assert_msg(status != -1 && WIFSTOPPED(status), "with calls: status %d", status);
	status = wait_alone(without, WUNTRACED, 700 * MS - took, NULL);
	ck_assert_msg(status != -1 && WIFSTOPPED(status), "without calls: status %d", status);
	read_until_continued(with_calls);
	read_until_continued(without);
	/* The agent stopped this one, so it stays. */
	ck_assert_int_eq(wait_alone(own, WCONTINUED, 50 * MS, NULL), -1);
	kill(with_calls, SIGKILL);
	kill(without, SIGKILL);
	kill(own, SIGKILL);
	end();
}
END_TEST

static unsigned int frozen, thawed;

static void on_press(void *ctx, uint64_t id, bool on)
{
	(void)ctx;
	ck_assert_uint_eq(id, cgroup_id);
	if (on)
		frozen++;
	else
		thawed++;
}

START_TEST(who_is_stopped_is_told_before_and_after_the_reading)
{
	struct run_config config = { .flags = RUN_WATCHED, .slot = 3 };
	struct watch_callbacks callbacks = { .event = keep, .press = on_press };
	struct error err = { 0 };
	pid_t pid;

	NEEDS(FEATURE_BPF_WATCH);
	begin_alone(0, 0, 0);
	watch = watch_close(watch);
	ck_assert_msg(watch_open(parent_fd, &callbacks, &watch, &err) == 0, "%s", err.text);
	ck_assert_int_eq(watch_run_add(watch, cgroup_id, &config), 0);
	watch_alive(watch, now_monotonic_ns() - 1000 * MS);
	pid = start(act_calls);
	ck_assert(WIFSTOPPED(wait_alone(pid, WUNTRACED, WAIT_NS, NULL)));
	ck_assert_uint_eq(frozen, 0);
	read_until_continued(pid);
	ck_assert_uint_ge(frozen, 1);
	ck_assert_uint_ge(thawed, 1);
	kill(pid, SIGKILL);
	end();
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "kills", a_flag_ends_a_loop_that_makes_no_call, 1 },
		{ "kills", the_strike_that_revokes_kills_before_the_next_instruction, COUNT(strikes) },
		{ "kills", what_only_warns_is_survived, COUNT(strikes) },
		{ "kills", strikes_of_user_space_count_as_well, 1 },
		{ "kills", what_sleeps_dies_with_pid_1_when_nobody_kills_it, 1 },
		{ "stops", nobody_goes_on_without_a_supervisor_and_all_when_it_is_back, 1 },
		{ "stops", who_is_stopped_is_told_before_and_after_the_reading, 1 },
	};

	return suite_of("watch_alone", rows, COUNT(rows));
}
