/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, ULIDs, the event loop, descriptor passing, small files, accounts. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/proc.h"
#include "base/ulid.h"
#include "lib/runner.h"

START_TEST(a_full_buffer_keeps_what_it_had_and_remembers)
{
	char room[8];
	struct buf buf = buf_fixed(room, sizeof(room));

	ck_assert_int_eq(buf_text(&buf, "12345"), 0);
	ck_assert_int_eq(buf_text(&buf, "6789"), -ENOSPC);
	ck_assert_uint_eq(buf.len, 5);
	ck_assert(buf.failed);
	ck_assert_int_eq(memcmp(room, "12345", 5), 0);
}
END_TEST

START_TEST(a_growing_buffer_ends_at_its_maximum)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(1000);

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(buf_append(&buf, "0123456789", 10), 0);
	ck_assert_int_eq(buf_append(&buf, "x", 1), -ENOSPC);
	ck_assert_uint_eq(buf.len, 1000);
	ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX));
}
END_TEST

START_TEST(ulids_survive_print_and_parse_and_sort_by_time)
{
	struct ulid first, parsed;
	char text[ULID_TEXT_LEN + 1];

	ck_assert_int_eq(ulid_new(&first), 0);
	ulid_text(&first, text);
	ck_assert_uint_eq(strlen(text), ULID_TEXT_LEN);
	ck_assert_int_eq(ulid_parse(slice_of(text), &parsed), 0);
	ck_assert_mem_eq(&first, &parsed, sizeof(first));
	ck_assert_int_eq(ulid_parse(slice_of("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &parsed), 0);
	ulid_text(&parsed, text);
	ck_assert_str_eq(text, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	ck_assert_int_lt(memcmp(&parsed, &first, sizeof(first)), 0);
	ck_assert_int_eq(ulid_parse(slice_of("01ARZ3NDEKTSV4RRFFQ69G5FA"), &parsed), -EINVAL);
	ck_assert_int_eq(ulid_parse(slice_of("81ARZ3NDEKTSV4RRFFQ69G5FAV"), &parsed), -EINVAL);
	ck_assert_int_eq(ulid_parse(slice_of("01ARZ3NDEKTSV4RRFFQ69G5FAU"), &parsed), -EINVAL);
}
END_TEST

struct ticker {
	struct timer timer;
	struct loop *loop;
	int *order, mark;
	int *next;
};

static int tick(struct timer *timer, uint64_t now_ns)
{
	struct ticker *ticker = container_of(timer, struct ticker, timer);

	(void)now_ns;
	ticker->order[(*ticker->next)++] = ticker->mark;
	if (*ticker->next == 20)
		loop_stop(ticker->loop, 7);
	return 0;
}

START_TEST(timers_fire_in_the_order_of_their_deadlines)
{
	struct loop *loop = NULL;
	struct ticker tickers[40] = { 0 };
	int order[20] = { 0 }, next = 0;
	uint64_t start = now_monotonic_ns();

	ck_assert_int_eq(loop_new(&loop), 0);
	for (int i = 0; i < 40; i++) {
		int rank = (i * 7) % 40; /* a permutation: 7 and 40 share no factor */

		tickers[i] = (struct ticker){ .loop = loop, .order = order, .mark = rank, .next = &next };
		ck_assert_int_eq(loop_timer_set(loop, &tickers[i].timer,
						start + (uint64_t)rank * 100000U, tick), 0);
	}
	for (int i = 0; i < 40; i++) {
		if (tickers[i].mark % 2)
			loop_timer_clear(loop, &tickers[i].timer);
	}
	ck_assert_int_eq(loop_run(loop), 7);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(order[i], i * 2);
	loop_free(loop);
}
END_TEST

struct pair {
	struct source one, two;
	struct loop *loop;
	int calls;
};

static int remove_the_other(struct source *source, uint32_t events)
{
	struct pair *pair = container_of(source, struct pair, one);

	ck_assert(events & EPOLLIN);
	pair->calls++;
	loop_remove(pair->loop, &pair->two);
	loop_stop(pair->loop, 0);
	return 0;
}

static int must_not_run(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	ck_abort_msg("a removed source was called");
	return 0;
}

START_TEST(a_source_removed_by_a_sibling_is_not_called)
{
	struct pair pair = { 0 };
	int first[2], second[2];

	ck_assert_int_eq(pipe2(first, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(second, O_CLOEXEC), 0);
	ck_assert_int_eq(loop_new(&pair.loop), 0);
	ck_assert_int_eq(loop_add(pair.loop, &pair.one, first[0], EPOLLIN, remove_the_other), 0);
	ck_assert_int_eq(loop_add(pair.loop, &pair.two, second[0], EPOLLIN, must_not_run), 0);
	ck_assert_int_eq(io_write(first[1], "x", 1), 0);
	ck_assert_int_eq(io_write(second[1], "x", 1), 0);
	ck_assert_int_eq(loop_run(pair.loop), 0);
	ck_assert_int_eq(pair.calls, 1);
	loop_free(pair.loop);
	for (int i = 0; i < 2; i++) {
		fd_close(first[i]);
		fd_close(second[i]);
	}
}
END_TEST

START_TEST(descriptors_travel_with_their_message)
{
	cleanup_with(fdset_finish) struct fdset set = { 0 };
	int sockets[2], memfd = memfd_create("x", MFD_CLOEXEC);
	char text[8];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	ck_assert_int_eq(fdpass_send(sockets[0], "hi", 2, &memfd, 1, 0), 0);
	ck_assert_int_eq(fdpass_receive(sockets[1], text, sizeof(text), &set, 0), 2);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_int_eq(fcntl(set.fds[0], F_GETFD), FD_CLOEXEC);
	fdset_finish(&set);
	ck_assert_int_eq(fdpass_send(sockets[0], "too long for it", 15, &memfd, 1, 0), 0);
	ck_assert_int_eq(fdpass_receive(sockets[1], text, sizeof(text), &set, 0), -EMSGSIZE);
	ck_assert_uint_eq(set.count, 0);
	fd_close(sockets[0]);
	ck_assert_int_eq(fdpass_receive(sockets[1], text, sizeof(text), &set, 0), 0);
	fd_close(sockets[1]);
	fd_close(memfd);
}
END_TEST

START_TEST(a_sealed_memfd_cannot_be_changed)
{
	auto_close int fd = FD_NONE;
	char text[8] = "";

	ck_assert_int_eq(io_sealed_memfd("x", "hello", 5, &fd), 0);
	ck_assert_int_eq(io_read(fd, text, sizeof(text)), 5);
	ck_assert_str_eq(text, "hello");
	ck_assert_int_lt(pwrite(fd, "y", 1, 0), 0);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_lt(ftruncate(fd, 1), 0);
	ck_assert_ptr_eq(mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}
END_TEST

START_TEST(accounts_and_process_facts_are_read_without_nss)
{
	uint8_t boot[16] = { 0 }, zero[16] = { 0 };
	uint64_t start = 0;
	char cgroup[4096];
	uid_t uid = 1;
	gid_t gid = 1;

	ck_assert_int_eq(account_lookup("root", &uid, &gid), 0);
	ck_assert_uint_eq(uid, 0);
	ck_assert_int_eq(account_lookup("no such account", &uid, &gid), -ENOENT);
	ck_assert_int_eq(account_lookup("roo", &uid, &gid), -ENOENT);
	ck_assert_int_eq(group_lookup("root", &gid), 0);
	ck_assert_int_eq(proc_boot_id(boot), 0);
	ck_assert_int_ne(memcmp(boot, zero, sizeof(zero)), 0);
	ck_assert_int_eq(proc_start_ns(getpid(), &start), 0);
	ck_assert_uint_gt(start, 0);
	ck_assert_uint_le(start, now_boottime_ns());
	ck_assert_int_eq(proc_cgroup_v2(getpid(), cgroup, sizeof(cgroup)), 0);
	ck_assert_int_eq(cgroup[0], '/');
}
END_TEST

START_TEST(an_error_carries_its_text_its_errno_and_its_next_step)
{
	struct error err = { 0 };

	ck_assert_int_eq(error_set(&err, -EACCES, "open '%s'", "/x"), -EACCES);
	ck_assert_str_eq(err.text, "open '/x': EACCES");
	ck_assert_int_eq(error_next(&err, "use -r %s", "/x"), -EACCES);
	ck_assert_str_eq(err.next, "use -r /x");
	ck_assert_int_eq(error_set(NULL, -EIO, "nobody asks"), -EIO);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("base");
	TCase *memory = tcase_create("memory"), *loop = tcase_create("loop"), *system_facts = tcase_create("system");

	tcase_set_tags(memory, "pure");
	tcase_add_test(memory, a_full_buffer_keeps_what_it_had_and_remembers);
	tcase_add_test(memory, a_growing_buffer_ends_at_its_maximum);
	tcase_add_test(memory, ulids_survive_print_and_parse_and_sort_by_time);
	tcase_add_test(memory, an_error_carries_its_text_its_errno_and_its_next_step);
	tcase_add_test(loop, timers_fire_in_the_order_of_their_deadlines);
	tcase_add_test(loop, a_source_removed_by_a_sibling_is_not_called);
	tcase_add_test(system_facts, descriptors_travel_with_their_message);
	tcase_add_test(system_facts, a_sealed_memfd_cannot_be_changed);
	tcase_add_test(system_facts, accounts_and_process_facts_are_read_without_nss);
	suite_add_tcase(suite, memory);
	suite_add_tcase(suite, loop);
	suite_add_tcase(suite, system_facts);
	return suite;
}
