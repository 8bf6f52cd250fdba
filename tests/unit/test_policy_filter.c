/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled filter, run by a simulator of classic BPF (linux/filter.h): what it refuses agrees
 * with the table that decide() answers from, also with bits set that the kernel ignores. */
#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "compiler/compile.h"
#include "decide/forbidden.h"
#include "lib/filter_machine.h"
#include "lib/runner.h"

#define HIGH 0xabcdef0100000000ULL
#define ALLOWED FILTER_ALLOWS

static struct sock_filter filter[2048];
static uint32_t filter_count;

static void compile_filter(void)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct buf bytes = buf_fixed(filter, sizeof(filter));
	struct error err = { 0 };

	ck_assert_msg(policy_filter(policy, &bytes, &err) == 0, "%s", err.text);
	filter_count = (uint32_t)(bytes.len / sizeof(filter[0]));
	ck_assert_uint_gt(filter_count, 10);
}

/* The errno that a call gets, ALLOWED when it passes. */
static int simulate(const struct seccomp_data *data)
{
	int answer = filter_run(filter, filter_count, data);

	ck_assert_msg(answer != FILTER_BROKEN, "the filter has no answer for call %d", data->nr);
	return answer;
}

static int call(int number, uint64_t first, uint64_t second)
{
	struct seccomp_data data = { .nr = number, .arch = AUDIT_ARCH_X86_64, .args = { first, second } };

	return simulate(&data);
}

START_TEST(every_forbidden_call_is_refused_with_its_errno)
{
	for (size_t i = 0; i < forbidden_call_count; i++)
		ck_assert_msg(call(forbidden_calls[i].number, HIGH, ~0ULL) == forbidden_calls[i].error, "%s",
			      forbidden_calls[i].name);
}
END_TEST

/* Of all numbers only those of the table, and those with arguments below. */
START_TEST(nothing_else_is_refused)
{
	for (int number = 0; number < 460; number++) {
		if (forbidden_call(number))
			continue;
		ck_assert_msg(call(number, SYS_socket == number || SYS_socketpair == number ? AF_INET : 0, 0) ==
			      ALLOWED, "call %d", number);
	}
}
END_TEST

struct argument_case {
	int number;
	uint64_t first, second;
	int want;
};

static const struct argument_case argument_cases[] = {
	{ SYS_ioctl, 0, TIOCSTI, EPERM },           { SYS_ioctl, 0, TIOCSTI | HIGH, EPERM },
	{ SYS_ioctl, 0, TIOCLINUX, EPERM },         { SYS_ioctl, 0, TIOCLINUX | HIGH, EPERM },
	{ SYS_ioctl, 0, TIOCGWINSZ, ALLOWED },      { SYS_ioctl, TIOCSTI, TCGETS, ALLOWED },
	{ SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, EPERM },
	{ SYS_clone, CLONE_NEWNS | CLONE_VM, 0, EPERM },
	{ SYS_clone, CLONE_NEWNET, 0, EPERM },      { SYS_clone, CLONE_NEWPID, 0, EPERM },
	{ SYS_clone, CLONE_NEWUTS, 0, EPERM },      { SYS_clone, CLONE_NEWIPC, 0, EPERM },
	{ SYS_clone, CLONE_NEWCGROUP, 0, EPERM },
	{ SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, 0, ALLOWED },
	{ SYS_clone, SIGCHLD, 0, ALLOWED },         { SYS_unshare, CLONE_NEWUSER, 0, EPERM },
	{ SYS_unshare, CLONE_NEWNS | CLONE_FS, 0, EPERM },
	{ SYS_unshare, 0x80, 0, EPERM },            { SYS_unshare, CLONE_FS, 0, ALLOWED },
	{ SYS_personality, 0, 0, ALLOWED },         { SYS_personality, 0xffffffff, 0, ALLOWED },
	{ SYS_personality, 8, 0, EPERM },           { SYS_personality, 0x0020008, 0, EPERM },
	{ SYS_personality, 8 | HIGH, 0, EPERM },    { SYS_socket, AF_UNIX, SOCK_STREAM, ALLOWED },
	{ SYS_socket, AF_INET, SOCK_STREAM, ALLOWED }, { SYS_socket, AF_INET6 | HIGH, 0, ALLOWED },
	{ SYS_socket, AF_NETLINK, 0, ALLOWED },     { SYS_socket, AF_VSOCK, 0, EAFNOSUPPORT },
	{ SYS_socket, AF_PACKET, 0, EAFNOSUPPORT }, { SYS_socket, AF_ALG, 0, EAFNOSUPPORT },
	{ SYS_socket, AF_VSOCK | HIGH, 0, EAFNOSUPPORT },
	{ SYS_socket, AF_BLUETOOTH, 0, EAFNOSUPPORT }, { SYS_socketpair, AF_TIPC, 0, EAFNOSUPPORT },
	{ SYS_socketpair, AF_UNIX, 0, ALLOWED },
};

START_TEST(arguments_are_compared_as_the_kernel_takes_them)
{
	const struct argument_case *row = &argument_cases[_i];
	int got = call(row->number, row->first, row->second);

	ck_assert_msg(got == row->want, "call %d(%llx, %llx) gave %d, want %d", row->number,
		      (unsigned long long)row->first, (unsigned long long)row->second, got, row->want);
}
END_TEST

START_TEST(foreign_architectures_are_refused)
{
	struct seccomp_data data = { .nr = SYS_read, .arch = AUDIT_ARCH_I386 };

	ck_assert_int_eq(simulate(&data), ENOSYS);
	data.arch = AUDIT_ARCH_X86_64;
	data.nr = SYS_read | 0x40000000;
	ck_assert_int_ne(simulate(&data), ALLOWED);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("policy_filter");
	TCase *calls = tcase_create("calls");

	tcase_add_checked_fixture(calls, compile_filter, NULL);
	tcase_add_test(calls, every_forbidden_call_is_refused_with_its_errno);
	tcase_add_test(calls, nothing_else_is_refused);
	tcase_add_loop_test(calls, arguments_are_compared_as_the_kernel_takes_them, 0,
			    (int)COUNT(argument_cases));
	tcase_add_test(calls, foreign_architectures_are_refused);
	tcase_set_tags(calls, "pure");
	suite_add_tcase(suite, calls);
	return suite;
}
