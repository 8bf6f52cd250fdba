// SPDX-License-Identifier: Apache-2.0
/* What is lost is counted, by the kernel side as by generators that count their own calls: so many
 * processes press on a ring of one page that stopping each of them after one record comes too late. */
#include <linux/sched.h>
#include <sys/mman.h>

#include "kernel/watched.h"

#define PRODUCERS 64
#define CALLS_EACH 50

static struct shared {
	volatile uint64_t calls;       /* refused ones, counted by who made them */
} *shared;
static uint64_t seen_refused, seen_all;

static void count(void *ctx, const struct event_head *event)
{
	(void)ctx;
	seen_all += event->ring == EVENT_RING_URGENT;
	seen_refused += (event->flags & EVENT_REFUSED) != 0;
}

static void produce(void)
{
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	for (int i = 0; i < CALLS_EACH; i++) {
		int fd = open("/proc/1/mem", O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			_exit(2);
		__atomic_fetch_add(&shared->calls, 1, __ATOMIC_SEQ_CST);
	}
}

static void start_producer(void)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)run_fd,
	};
	pid_t pid = sys_clone3(&args);

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		produce();
		_exit(0);
	}
}

static void begin_small(uint32_t urgent_bytes)
{
	struct run_config config = { .flags = RUN_WATCHED, .slot = 3 };
	struct watch_callbacks callbacks = {
		.event = count, .ring_bytes = { [EVENT_RING_URGENT] = urgent_bytes },
	};
	struct error err = { 0 };

	ck_assert_msg(watch_open(parent_fd, &callbacks, &watch, &err) == 0, "%s", err.text);
	cgroup_id = cgroup_id_of(run_fd);
	ck_assert_int_eq(watch_run_add(watch, cgroup_id, &config), 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

/* All producers press at once; somebody reads only when all of them are stopped or at their end. */
static void run_producers(void)
{
	uint64_t until = now_monotonic_ns() + 5 * WAIT_NS;
	int status, done = 0, still = 0;

	for (int i = 0; i < PRODUCERS; i++)
		start_producer();
	while (done + still < PRODUCERS && now_monotonic_ns() < until) {
		ck_assert_int_gt(waitpid(-1, &status, WUNTRACED), 0);
		done += WIFEXITED(status);
		still += WIFSTOPPED(status);
		ck_assert(WIFSTOPPED(status) || status == 0);
	}
	while (done < PRODUCERS && now_monotonic_ns() < until) {
		ck_assert_int_ge(watch_poll(watch, 0), 0);
		while (waitpid(-1, &status, WNOHANG) > 0) {
			ck_assert_int_eq(status, 0);
			done++;
		}
	}
	ck_assert_int_eq(done, PRODUCERS);
	ck_assert_int_ge(watch_drain(watch), 0);
}

START_TEST(what_a_full_ring_lost_is_what_the_generators_miss)
{
	struct watch_losses losses;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin_small(4096);
	run_producers();
	ck_assert_int_eq(watch_losses(watch, &losses), 0);
	ck_assert_uint_eq(shared->calls, PRODUCERS * CALLS_EACH);
	ck_assert_msg(losses.ring[EVENT_RING_URGENT].full > 0, "control: nothing was lost");
	ck_assert_uint_eq(losses.ring[EVENT_RING_URGENT].helper_errors, 0);
	/* One exit for each producer shares the ring. */
	ck_assert_uint_eq(losses.ring[EVENT_RING_URGENT].full, shared->calls + PRODUCERS - seen_all);
	ck_assert_uint_eq(losses.ring[EVENT_RING_BULK].full, 0);
	watch = watch_close(watch);
}
END_TEST

START_TEST(a_ring_as_built_loses_nothing_of_the_same)
{
	struct watch_losses losses;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin_small(0);
	run_producers();
	ck_assert_int_eq(watch_losses(watch, &losses), 0);
	ck_assert_uint_eq(losses.ring[EVENT_RING_URGENT].full, 0);
	ck_assert_uint_eq(seen_refused, PRODUCERS * CALLS_EACH);
	watch = watch_close(watch);
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "losses", what_a_full_ring_lost_is_what_the_generators_miss, 1 },
		{ "losses", a_ring_as_built_loses_nothing_of_the_same, 1 },
	};

	return suite_of("watch_loss", rows, COUNT(rows));
}
