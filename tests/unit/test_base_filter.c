/* SPDX-License-Identifier: Apache-2.0 */
/* The generated filters, run instruction by instruction on calls: no kernel needed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "init/base_filter.h"
#include "lib/runner.h"

#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)
#define DONE SECCOMP_RET_ERRNO
#define BROKEN 0xdeadbeefU     /* the program left its bounds or used an instruction that we do not emit */
#define HIGH (0x7fffffffULL << 32)
#define STEPS_MAX 4096

/* The part of classic BPF that filters use (linux/Documentation/networking/filter.rst). */
static uint32_t simulate(const struct sock_filter *code, size_t len, const struct seccomp_data *data)
{
	uint32_t a = 0;
	size_t at = 0;

	for (int steps = 0; at < len && steps < STEPS_MAX; steps++) {
		const struct sock_filter *op = &code[at++];

		switch (op->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (op->k % 4 != 0 || op->k > sizeof(*data) - 4)
				return BROKEN;
			memcpy(&a, (const char *)data + op->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= op->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == op->k ? op->jt : op->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= op->k ? op->jt : op->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			at += a > op->k ? op->jt : op->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += a & op->k ? op->jt : op->jf;
			break;
		case BPF_RET | BPF_K:
			return op->k;
		default:
			return BROKEN;
		}
	}
	return BROKEN;
}

static uint32_t ask(uint32_t arch, int nr, const uint64_t args[4])
{
	struct sock_filter code[BASE_FILTER_MAX];
	size_t len = base_filter_build(code, COUNT(code));
	struct seccomp_data data = { .nr = nr, .arch = arch, .args = { args[0], args[1], args[2], args[3] } };

	ck_assert_uint_gt(len, 0);
	return simulate(code, len, &data);
}

struct call {
	const char *name;
	int nr;
	uint64_t args[4];
	uint32_t want;
};

static const uint64_t zeroes[4];

#define PLAIN(call, want) { #call, SYS_##call, { 0 }, want }

static const struct call calls[] = {
	PLAIN(read, ALLOW), PLAIN(openat, ALLOW), PLAIN(execve, ALLOW), PLAIN(execveat, ALLOW),
	PLAIN(memfd_create, ALLOW), PLAIN(shmget, ALLOW), PLAIN(landlock_restrict_self, ALLOW),
	PLAIN(name_to_handle_at, ALLOW), PLAIN(prctl, ALLOW), PLAIN(rename, ALLOW), PLAIN(futex_waitv, ALLOW),
	PLAIN(mount, REFUSE), PLAIN(umount2, REFUSE), PLAIN(pivot_root, REFUSE), PLAIN(chroot, REFUSE),
	PLAIN(open_tree, REFUSE), PLAIN(move_mount, REFUSE), PLAIN(fsopen, REFUSE), PLAIN(fsconfig, REFUSE),
	PLAIN(fsmount, REFUSE), PLAIN(fspick, REFUSE), PLAIN(mount_setattr, REFUSE),
	{ "open_tree_attr", 467, { 0 }, REFUSE },
	PLAIN(ptrace, REFUSE), PLAIN(process_vm_readv, REFUSE), PLAIN(process_vm_writev, REFUSE),
	PLAIN(kcmp, REFUSE), PLAIN(pidfd_getfd, REFUSE), PLAIN(unshare, REFUSE), PLAIN(setns, REFUSE),
	PLAIN(io_uring_setup, REFUSE), PLAIN(io_uring_enter, REFUSE), PLAIN(io_uring_register, REFUSE),
	PLAIN(bpf, REFUSE), PLAIN(perf_event_open, REFUSE), PLAIN(userfaultfd, REFUSE),
	PLAIN(add_key, REFUSE), PLAIN(request_key, REFUSE), PLAIN(keyctl, REFUSE),
	PLAIN(open_by_handle_at, REFUSE), PLAIN(kexec_load, REFUSE), PLAIN(kexec_file_load, REFUSE),
	PLAIN(init_module, REFUSE), PLAIN(finit_module, REFUSE), PLAIN(delete_module, REFUSE),
	PLAIN(swapon, REFUSE), PLAIN(reboot, REFUSE), PLAIN(acct, REFUSE), PLAIN(quotactl, REFUSE),
	PLAIN(sethostname, REFUSE), PLAIN(settimeofday, REFUSE), PLAIN(clock_settime, REFUSE),
	PLAIN(iopl, REFUSE), PLAIN(ioperm, REFUSE), PLAIN(nfsservctl, REFUSE), PLAIN(vhangup, REFUSE),
	PLAIN(clone3, UNKNOWN), { "a call of a later kernel", 470, { 0 }, UNKNOWN },
	{ "the last number before x32", 0x3fffffff, { 0 }, UNKNOWN },
	{ "x32 read", 0x40000000, { 0 }, REFUSE }, { "x32 ptrace", 0x40000000 + 521, { 0 }, REFUSE },
	{ "a cancelled call", -1, { 0 }, REFUSE },
	{ "fork", SYS_clone, { SIGCHLD }, ALLOW },
	{ "a thread", SYS_clone, { CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD }, ALLOW },
	{ "clone NEWUSER", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, REFUSE },
	{ "clone NEWNS", SYS_clone, { CLONE_NEWNS }, REFUSE },
	{ "clone NEWPID", SYS_clone, { CLONE_NEWPID }, REFUSE },
	{ "clone NEWNET", SYS_clone, { CLONE_NEWNET }, REFUSE },
	{ "clone NEWIPC", SYS_clone, { CLONE_NEWIPC }, REFUSE },
	{ "clone NEWUTS", SYS_clone, { CLONE_NEWUTS }, REFUSE },
	{ "clone NEWCGROUP", SYS_clone, { CLONE_NEWCGROUP }, REFUSE },
	{ "clone NEWUSER, high bits", SYS_clone, { HIGH | CLONE_NEWUSER }, REFUSE },
	{ "TCGETS", SYS_ioctl, { 0, TCGETS }, ALLOW },
	{ "TIOCSTI", SYS_ioctl, { 0, TIOCSTI }, REFUSE },
	{ "TIOCSTI, high bits", SYS_ioctl, { 0, HIGH | TIOCSTI }, REFUSE },
	{ "TIOCLINUX", SYS_ioctl, { 0, TIOCLINUX }, REFUSE },
	{ "TIOCLINUX, high bits", SYS_ioctl, { 0, HIGH | TIOCLINUX }, REFUSE },
	{ "TIOCSETD", SYS_ioctl, { 0, TIOCSETD }, REFUSE },
	{ "TIOCSWINSZ", SYS_ioctl, { 0, TIOCSWINSZ }, ALLOW },
	{ "mknod of a pipe", SYS_mknod, { 0, S_IFIFO | 0600 }, ALLOW },
	{ "mknod of a character device", SYS_mknod, { 0, S_IFCHR | 0600 }, REFUSE },
	{ "mknodat of a pipe", SYS_mknodat, { 0, 0, S_IFIFO | 0600 }, ALLOW },
	{ "mknodat of a file", SYS_mknodat, { 0, 0, 0600 }, ALLOW },
	{ "mknodat of a character device", SYS_mknodat, { 0, 0, S_IFCHR | 0600 }, REFUSE },
	{ "mknodat of a block device", SYS_mknodat, { 0, 0, S_IFBLK | 0600 }, REFUSE },
	PLAIN(openat2, UNKNOWN),
	{ "chmod", SYS_chmod, { 0, 01777 }, ALLOW },
	{ "chmod u+s", SYS_chmod, { 0, 04755 }, REFUSE },
	{ "chmod g+s", SYS_chmod, { 0, 02755 }, REFUSE },
	{ "chmod u+s, high bits", SYS_chmod, { 0, HIGH | 04755 }, REFUSE },
	{ "tee", SYS_tee, { 3, 4, 100 }, REFUSE },
	{ "splice", SYS_splice, { 3, 0, 4 }, ALLOW },
	{ "fchmod u+s", SYS_fchmod, { 0, 04755 }, REFUSE },
	{ "fchmodat u+s", SYS_fchmodat, { 0, 0, 04755 }, REFUSE },
	{ "fchmodat2", 452, { 0, 0, 0755 }, ALLOW }, { "fchmodat2 u+s", 452, { 0, 0, 04755 }, REFUSE },
	{ "creat u+s", SYS_creat, { 0, 04755 }, REFUSE },
	{ "mknod of a file u+s", SYS_mknod, { 0, S_IFREG | 04755 }, REFUSE },
	{ "mknodat of a file u+s", SYS_mknodat, { 0, 0, 04755 }, REFUSE },
	{ "open, a mode without O_CREAT", SYS_open, { 0, O_WRONLY | O_TRUNC | O_DIRECTORY, 04755 }, ALLOW },
	{ "open O_CREAT", SYS_open, { 0, O_CREAT | O_WRONLY, 0755 }, ALLOW },
	{ "open O_CREAT u+s", SYS_open, { 0, O_CREAT, 04755 }, REFUSE },
	{ "open O_TMPFILE g+s", SYS_open, { 0, O_TMPFILE | O_RDWR, 02755 }, REFUSE },
	{ "openat O_CREAT", SYS_openat, { 0, 04755, O_CREAT, 0755 }, ALLOW },
	{ "openat O_CREAT u+s", SYS_openat, { 0, 0, O_CREAT, HIGH | 04755 }, REFUSE },
	{ "openat O_TMPFILE u+s", SYS_openat, { 0, 0, HIGH | O_TMPFILE, 04755 }, REFUSE },
	{ "personality 0", SYS_personality, { 0 }, ALLOW },
	{ "personality query", SYS_personality, { 0xffffffff }, ALLOW },
	{ "personality query, 64 bits", SYS_personality, { ~0ULL }, ALLOW },
	{ "personality NO_RANDOMIZE", SYS_personality, { ADDR_NO_RANDOMIZE }, ALLOW },
	{ "personality READ_IMPLIES_EXEC", SYS_personality, { READ_IMPLIES_EXEC }, REFUSE },
	{ "personality two flags", SYS_personality, { ADDR_NO_RANDOMIZE | UNAME26 }, REFUSE },
	{ "socket UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, ALLOW },
	{ "socket INET", SYS_socket, { AF_INET, SOCK_STREAM, 0 }, ALLOW },
	{ "socket INET6", SYS_socket, { AF_INET6, SOCK_DGRAM, 0 }, ALLOW },
	{ "socket INET TCP", SYS_socket, { AF_INET, SOCK_STREAM, IPPROTO_TCP }, ALLOW },
	{ "socket INET6 UDP", SYS_socket, { AF_INET6, SOCK_DGRAM, IPPROTO_UDP }, ALLOW },
	{ "socket INET MPTCP", SYS_socket, { AF_INET, SOCK_STREAM, IPPROTO_MPTCP }, ALLOW },
	{ "socket INET ICMP", SYS_socket, { AF_INET, SOCK_DGRAM, IPPROTO_ICMP }, REFUSE },
	{ "socket INET6 ICMP, high bits", SYS_socket, { AF_INET6, SOCK_DGRAM, HIGH | IPPROTO_ICMPV6 }, REFUSE },
	{ "socket INET SCTP", SYS_socket, { AF_INET, SOCK_STREAM, IPPROTO_SCTP }, REFUSE },
	{ "socket INET DCCP", SYS_socket, { AF_INET, SOCK_STREAM, IPPROTO_DCCP }, REFUSE },
	{ "socket INET UDPLITE", SYS_socket, { AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE }, REFUSE },
	{ "socket INET RAW", SYS_socket, { AF_INET, SOCK_RAW, IPPROTO_RAW }, REFUSE },
	{ "socket NETLINK route", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 }, ALLOW },
	{ "socket NETLINK audit", SYS_socket, { AF_NETLINK, SOCK_RAW, 9 }, REFUSE },
	{ "socket NETLINK audit, high bits", SYS_socket, { HIGH | AF_NETLINK, SOCK_RAW, HIGH | 9 }, REFUSE },
	{ "socket PACKET", SYS_socket, { AF_PACKET, SOCK_RAW, 0 }, REFUSE },
	{ "socket VSOCK", SYS_socket, { AF_VSOCK, SOCK_STREAM, 0 }, REFUSE },
	{ "socket ALG", SYS_socket, { AF_ALG, SOCK_SEQPACKET, 0 }, REFUSE },
	{ "socket of family 0", SYS_socket, { 0, 0, 0 }, REFUSE },
	{ "socketpair UNIX", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0 }, ALLOW },
	{ "socketpair TIPC", SYS_socketpair, { AF_TIPC, SOCK_STREAM, 0 }, REFUSE },
	{ "setrlimit of core dumps", SYS_setrlimit, { RLIMIT_CORE, 1 }, DONE },
	{ "setrlimit of core dumps, high bits", SYS_setrlimit, { HIGH | RLIMIT_CORE, 1 }, DONE },
	{ "setrlimit of files", SYS_setrlimit, { RLIMIT_NOFILE, 1 }, ALLOW },
	{ "prlimit of core dumps", SYS_prlimit64, { 0, RLIMIT_CORE, 1, 0 }, DONE },
	{ "prlimit of core dumps, high bits", SYS_prlimit64, { 0, HIGH | RLIMIT_CORE, 1ULL << 32, 0 }, DONE },
	{ "prlimit of core dumps, both ways", SYS_prlimit64, { 0, RLIMIT_CORE, 1, 1ULL << 32 }, REFUSE },
	{ "prlimit asks for core dumps", SYS_prlimit64, { 0, RLIMIT_CORE, 0, 1 }, ALLOW },
	{ "prlimit of files, both ways", SYS_prlimit64, { 0, RLIMIT_NOFILE, 1, 1 }, ALLOW },
	{ "a filter of its own", SYS_seccomp, { SECCOMP_SET_MODE_FILTER, 0 }, ALLOW },
	{ "a listener", SYS_seccomp, { SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER }, REFUSE },
	{ "a listener among other flags", SYS_seccomp, { SECCOMP_SET_MODE_FILTER,
	  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC }, REFUSE },
};

START_TEST(a_call_is_answered_as_the_tables_say)
{
	const struct call *call = &calls[_i];
	uint32_t got = ask(AUDIT_ARCH_X86_64, call->nr, call->args);

	ck_assert_msg(got == call->want, "%s: got 0x%08x, want 0x%08x", call->name, got, call->want);
}
END_TEST

START_TEST(every_call_of_a_foreign_architecture_is_refused)
{
	static const uint32_t foreign[] = { AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0, ~0U };

	for (size_t i = 0; i < COUNT(foreign); i++)
		for (int nr = -1; nr < 512; nr++)
			ck_assert_msg(ask(foreign[i], nr, zeroes) == REFUSE, "arch 0x%x call %d passed",
				      foreign[i], nr);
}
END_TEST

/* No row may swallow a call that it does not name: with arguments 0 the refused set is exactly this. */
START_TEST(every_call_number_gets_one_of_the_three_answers)
{
	int refused = 0;

	for (int nr = 0; nr < 1024; nr++) {
		uint32_t got = ask(AUDIT_ARCH_X86_64, nr, zeroes);

		ck_assert_msg(got == ALLOW || got == REFUSE || got == UNKNOWN, "call %d: 0x%x", nr, got);
		ck_assert_msg(nr <= 469 || got == UNKNOWN, "call %d is unknown to us, yet answered", nr);
		refused += got == REFUSE;
	}
	ck_assert_int_gt(refused, 60);
	ck_assert_int_lt(refused, 90);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_gives_no_filter)
{
	struct sock_filter code[BASE_FILTER_MAX];
	size_t len = base_filter_build(code, COUNT(code));

	ck_assert_uint_eq(base_filter_build(code, len), len);
	for (size_t max = 0; max < len; max++)
		ck_assert_uint_eq(base_filter_build(code, max), 0);
}
END_TEST

START_TEST(pid_one_may_reap_and_signal_but_neither_open_nor_execute)
{
	static const struct call rows[] = {
		PLAIN(wait4, ALLOW), PLAIN(kill, ALLOW), PLAIN(poll, ALLOW), PLAIN(recvfrom, ALLOW),
		PLAIN(exit_group, ALLOW), PLAIN(open, REFUSE), PLAIN(openat, REFUSE), PLAIN(execve, REFUSE),
		PLAIN(socket, REFUSE), PLAIN(clone, REFUSE), PLAIN(mmap, REFUSE), PLAIN(setuid, REFUSE),
		PLAIN(prctl, REFUSE), PLAIN(ptrace, REFUSE),
	};
	struct sock_filter code[BASE_FILTER_MAX];
	size_t len = init_filter_build(code, COUNT(code));

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct seccomp_data data = { .nr = rows[i].nr, .arch = AUDIT_ARCH_X86_64 };
		uint32_t got = simulate(code, len, &data);

		ck_assert_msg(got == rows[i].want, "%s: got 0x%08x", rows[i].name, got);
	}
}
END_TEST

static void add(Suite *suite, TCase *tcase)
{
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
}

#define NOTIFY SECCOMP_RET_USER_NOTIF

static const struct call held_calls[] = {
	{ "openat for reading", SYS_openat, { 0, 0, O_RDONLY }, ALLOW },
	{ "openat for writing", SYS_openat, { 0, 0, O_WRONLY | O_TRUNC }, ALLOW },
	{ "openat that creates", SYS_openat, { 0, 0, O_WRONLY | O_CREAT }, NOTIFY },
	{ "openat that creates, high bits set", SYS_openat, { 0, 0, HIGH | O_CREAT }, NOTIFY },
	{ "openat without a name", SYS_openat, { 0, 0, O_TMPFILE | O_RDWR }, ALLOW },
	{ "open that creates", SYS_open, { 0, O_CREAT, 0 }, NOTIFY },
	{ "open for reading", SYS_open, { 0, O_RDONLY, O_CREAT }, ALLOW },
	{ "openat2", SYS_openat2, { 0, 0, 0 }, UNKNOWN },
	{ "creat", SYS_creat, { 0 }, NOTIFY },
	{ "mkdir", SYS_mkdir, { 0 }, NOTIFY },
	{ "mknodat", SYS_mknodat, { 0 }, NOTIFY },
	{ "symlinkat", SYS_symlinkat, { 0 }, NOTIFY },
	{ "linkat", SYS_linkat, { 0 }, NOTIFY },
	{ "renameat2", SYS_renameat2, { 0 }, NOTIFY },
	{ "bind", SYS_bind, { 0 }, NOTIFY },
	{ "unlink", SYS_unlink, { 0 }, ALLOW },
	{ "ioctl: snapshot of btrfs", SYS_ioctl, { 0, 0x50009417, 0 }, REFUSE },
	{ "ioctl: snapshot of btrfs, high bits set", SYS_ioctl, { 0, HIGH | 0x50009417, 0 }, REFUSE },
	{ "ioctl: size of the window", SYS_ioctl, { 0, TIOCGWINSZ, 0 }, ALLOW },
};

START_TEST(calls_that_make_a_name_are_held)
{
	const struct call *row = &held_calls[_i];
	struct sock_filter code[BASE_FILTER_MAX];
	size_t len = held_filter_build(HELD_NAMES, code, COUNT(code));
	struct seccomp_data data = { .nr = row->nr, .arch = AUDIT_ARCH_X86_64,
				     .args = { row->args[0], row->args[1], row->args[2] } };

	ck_assert_uint_gt(len, 0);
	ck_assert_msg(simulate(code, len, &data) == row->want, "%s", row->name);
	/* The base filter is asked, too, and must not refuse what is held. */
	if (row->want == NOTIFY)
		ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, row->nr, row->args), ALLOW);
}
END_TEST

static const struct call broker_calls[] = {
	{ "fork", SYS_clone, { SIGCHLD }, ALLOW },
	{ "thread", SYS_clone, { CLONE_VM | CLONE_THREAD | SIGCHLD }, REFUSE },
	{ "namespace", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, REFUSE },
	{ "execve", SYS_execve, { 0 }, REFUSE },
	{ "ptrace", SYS_ptrace, { 0 }, REFUSE },
	{ "writing to others' memory", SYS_process_vm_writev, { 0 }, REFUSE },
	{ "socket", SYS_socket, { 0 }, REFUSE },
	{ "unlink", SYS_unlinkat, { 0 }, REFUSE },
	{ "setuid", SYS_setresuid, { 0 }, REFUSE },
	{ "mkdirat", SYS_mkdirat, { 0 }, ALLOW },
};

START_TEST(the_broker_has_the_calls_of_its_work_only)
{
	const struct call *row = &broker_calls[_i];
	struct sock_filter code[BASE_FILTER_MAX];
	size_t len = broker_filter_build(code, COUNT(code));
	struct seccomp_data data = { .nr = row->nr, .arch = AUDIT_ARCH_X86_64, .args = { row->args[0] } };

	ck_assert_uint_gt(len, 0);
	ck_assert_msg(simulate(code, len, &data) == row->want, "%s", row->name);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("base_filter");
	TCase *tcase = tcase_create("answers");

	tcase_add_loop_test(tcase, a_call_is_answered_as_the_tables_say, 0, (int)COUNT(calls));
	tcase_add_test(tcase, every_call_of_a_foreign_architecture_is_refused);
	tcase_add_test(tcase, every_call_number_gets_one_of_the_three_answers);
	add(suite, tcase);
	tcase = tcase_create("bounds");
	tcase_add_test(tcase, a_buffer_that_is_too_small_gives_no_filter);
	add(suite, tcase);
	tcase = tcase_create("pid one");
	tcase_add_test(tcase, pid_one_may_reap_and_signal_but_neither_open_nor_execute);
	add(suite, tcase);
	TCase *broker = tcase_create("names are made by the broker");

	tcase_add_loop_test(broker, calls_that_make_a_name_are_held, 0, (int)COUNT(held_calls));
	tcase_add_loop_test(broker, the_broker_has_the_calls_of_its_work_only, 0, (int)COUNT(broker_calls));
	tcase_set_tags(broker, "pure");
	suite_add_tcase(suite, broker);
	return suite;
}
