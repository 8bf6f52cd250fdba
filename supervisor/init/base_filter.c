/* SPDX-License-Identifier: Apache-2.0 */
#include "init/base_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

#if !defined(__x86_64__)
#error "base filter: add this architecture's number and its list of calls"
#endif

#define X32_BIT 0x40000000U
#define DENY SECCOMP_RET_ERRNO
#define REFUSE (DENY | EPERM)
#define UNKNOWN (DENY | ENOSYS)
#define DONE (DENY | 0) /* returns 0, and nothing happened */

/* Newer than the headers of Debian 12. */
#define NR_file_setattr 469
#define NR_NEWEST NR_file_setattr
#define NR_open_tree_attr 467
#define NR_fchmodat2 452
#define NR_map_shadow_stack 453

/* A program with one of these is the owner's when somebody outside starts it: the mounts inside are
 * nosuid, those of the host are not. On an id-mapped workspace the owner is root. */
#define SET_IDS (S_ISUID | S_ISGID)
/* Only with these has open(2) a mode. */
#define CREATES (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		    CLONE_NEWPID | CLONE_NEWNET)

/* Refused whatever the arguments are. */
static const uint16_t refused[] = {
	/* the mount table and the root, old and new calls */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, NR_open_tree_attr,
	SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
	/* other processes' memory and descriptors */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_process_madvise,
	SYS_pidfd_getfd,
	/* copies what is in a pipe and leaves it there: secrets can be read once */
	SYS_tee,
	/* namespaces */
	SYS_unshare, SYS_setns,
	/* calls that do other calls' work where no filter looks */
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
	/* kernel interfaces with a large surface and no use for an agent's command */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_modify_ldt, SYS_fanotify_init,
	SYS_lookup_dcookie, SYS_syslog,
	/* keys are not namespaced */
	SYS_add_key, SYS_request_key, SYS_keyctl,
	/* by handle: past every directory that would be checked */
	SYS_open_by_handle_at,
	/* the machine */
	SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_swapon, SYS_swapoff, SYS_reboot, SYS_acct, SYS_quotactl, SYS_quotactl_fd,
	SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_iopl, SYS_ioperm,
	SYS_nfsservctl, SYS_vhangup, SYS_uselib, SYS__sysctl, SYS_sysfs, SYS_ustat,
	SYS_create_module, SYS_get_kernel_syms, SYS_query_module,
};

/* Answered as if the kernel did not have them, so that libraries fall back. */
static const uint16_t unknown[] = {
	SYS_clone3,  /* its flags are in memory; glibc falls back to clone */
	SYS_openat2, /* its mode is, too; programs fall back to openat */
};

/* What a row says about the low 32 bits of an argument: the kernel takes these as int, unsigned int
 * or lower_32_bits(), and what stands above must not hide a value (CVE-2019-9893 in libseccomp). */
enum test {
	REFUSE_BITS,   /* any of `value` set */
	REFUSE_VALUE,  /* equal under `mask` */
	ALLOW_VALUES,  /* equal to one of consecutive rows of this call and argument, else refused */
};

struct argument_rule {
	uint16_t nr;
	uint8_t arg, test;
	uint32_t mask, value;
};

static const struct argument_rule rules[] = {
	{ SYS_clone, 0, REFUSE_BITS, 0, NAMESPACES },
	/* input faked into the terminal, and line disciplines (bubblewrap CVE-2017-5226) */
	{ SYS_ioctl, 1, REFUSE_VALUE, ~0U, TIOCSTI },
	{ SYS_ioctl, 1, REFUSE_VALUE, ~0U, TIOCLINUX },
	{ SYS_ioctl, 1, REFUSE_VALUE, ~0U, TIOCSETD },
	{ SYS_ioctl, 1, REFUSE_VALUE, ~0U, TIOCCONS },
	{ SYS_chmod, 1, REFUSE_BITS, 0, SET_IDS },
	{ SYS_fchmod, 1, REFUSE_BITS, 0, SET_IDS },
	{ SYS_fchmodat, 2, REFUSE_BITS, 0, SET_IDS },
	{ NR_fchmodat2, 2, REFUSE_BITS, 0, SET_IDS },
	{ SYS_creat, 1, REFUSE_BITS, 0, SET_IDS },
	{ SYS_mknod, 1, REFUSE_BITS, 0, SET_IDS },
	{ SYS_mknod, 1, REFUSE_VALUE, S_IFMT, S_IFCHR },
	{ SYS_mknod, 1, REFUSE_VALUE, S_IFMT, S_IFBLK },
	{ SYS_mknodat, 2, REFUSE_BITS, 0, SET_IDS },
	{ SYS_mknodat, 2, REFUSE_VALUE, S_IFMT, S_IFCHR },
	{ SYS_mknodat, 2, REFUSE_VALUE, S_IFMT, S_IFBLK },
	{ SYS_personality, 0, ALLOW_VALUES, 0, 0 },
	{ SYS_personality, 0, ALLOW_VALUES, 0, ~0U }, /* a question */
	{ SYS_personality, 0, ALLOW_VALUES, 0, ADDR_NO_RANDOMIZE },
	{ SYS_socketpair, 0, ALLOW_VALUES, 0, AF_UNIX },
};

static const uint16_t init_allowed[] = {
	SYS_read, SYS_write, SYS_close, SYS_poll, SYS_ppoll, SYS_wait4, SYS_waitid, SYS_kill, SYS_sendmsg,
	SYS_sendto, SYS_recvmsg, SYS_recvfrom, SYS_exit_group, SYS_exit, SYS_rt_sigreturn,
	SYS_rt_sigprocmask, SYS_signalfd4, SYS_clock_gettime, SYS_restart_syscall, SYS_brk, SYS_munmap,
	SYS_getpid, SYS_futex, SYS_fchmod,
};

/* Always make a name. */
static const uint16_t held[] = {
	SYS_creat, SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_link, SYS_linkat, SYS_symlink,
	SYS_symlinkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_bind,
};

/* Make a name by ioctl, in a directory that is open: subvolumes and snapshots of btrfs and bcachefs,
 * reflinks of ocfs2. Type and number; direction and size are left out. */
static const uint16_t held_requests[] = {
	0x9401, 0x940e, 0x9417, 0x9418, 0xbc10, 0x6f04,
};

static const uint16_t broker_allowed[] = {
	SYS_ioctl, SYS_process_vm_readv, SYS_openat, SYS_openat2, SYS_close, SYS_newfstatat, SYS_fstat,
	SYS_fstatfs, SYS_readlinkat, SYS_read, SYS_pread64, SYS_getdents64, SYS_lseek, SYS_fcntl, SYS_umask, SYS_mkdirat,
	SYS_mknodat, SYS_symlinkat, SYS_linkat, SYS_renameat, SYS_renameat2, SYS_bind, SYS_fchdir, SYS_pidfd_open,
	SYS_pidfd_getfd, SYS_kill, SYS_sendmsg, SYS_brk, SYS_mmap, SYS_munmap, SYS_poll, SYS_exit_group,
	SYS_restart_syscall,
};

/* ---- the assembler ---- */

struct program {
	struct sock_filter *code;
	size_t len, max;
};

static void emit(struct program *program, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (program->len < program->max)
		program->code[program->len] = (struct sock_filter){ code, jt, jf, k };
	program->len++;
}

static void load(struct program *program, size_t offset)
{
	emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

/* The low half on this little-endian architecture. */
static void load_argument(struct program *program, unsigned int arg)
{
	load(program, offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t));
}

static void answer(struct program *program, uint32_t value)
{
	emit(program, BPF_RET | BPF_K, 0, 0, value);
}

static void answer_if_equal(struct program *program, uint32_t k, uint32_t value)
{
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, k);
	answer(program, value);
}

static void prologue(struct program *program)
{
	load(program, offsetof(struct seccomp_data, arch));
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	answer(program, REFUSE);
	load(program, offsetof(struct seccomp_data, nr));
	emit(program, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
	answer(program, REFUSE);
}

static void rule_one(struct program *program, const struct argument_rule *rule)
{
	load_argument(program, rule->arg);
	switch ((enum test)rule->test) {
	case REFUSE_BITS:
		emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, rule->value);
		answer(program, REFUSE);
		return;
	case REFUSE_VALUE:
		emit(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, rule->mask);
		answer_if_equal(program, rule->value, REFUSE);
		return;
	case ALLOW_VALUES:
		answer_if_equal(program, rule->value, SECCOMP_RET_ALLOW);
		return;
	}
}

/* What follows is for one call only: others skip it by a jump whose length call_end() fills in. */
static size_t call_begin(struct program *program, uint32_t nr)
{
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, nr);
	return program->len - 1;
}

static void call_end(struct program *program, size_t jump)
{
	if (jump < program->max)
		program->code[jump].jf = (uint8_t)(program->len - jump - 1);
}

/* All rows of one call. Returns the index of the first row of the next. */
static size_t rules_of_call(struct program *program, size_t first)
{
	size_t jump = call_begin(program, rules[first].nr), at = first;

	for (; at < COUNT(rules) && rules[at].nr == rules[first].nr; at++)
		rule_one(program, &rules[at]);
	answer(program, rules[at - 1].test == ALLOW_VALUES ? REFUSE : SECCOMP_RET_ALLOW);
	call_end(program, jump);
	return at;
}

/* The socket calls of one family, with those protocols only. */
static void socket_family(struct program *program, uint32_t family, const uint16_t *protocols, size_t count)
{
	size_t jump;

	load_argument(program, 0);
	jump = call_begin(program, family);
	load_argument(program, 2);
	for (size_t i = 0; i < count; i++)
		answer_if_equal(program, protocols[i], SECCOMP_RET_ALLOW);
	answer(program, REFUSE);
	call_end(program, jump);
}

/* socket: UNIX; INET and INET6 with the protocols whose connect and send pass the cgroup hooks (an ICMP
 * or SCTP socket reaches any address without); NETLINK for routes only, which getifaddrs(3) needs. */
static void socket_rule(struct program *program)
{
	static const uint16_t hooked[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_MPTCP };
	static const uint16_t routes[] = { 0 /* NETLINK_ROUTE */ };
	size_t jump = call_begin(program, SYS_socket);

	load_argument(program, 0);
	answer_if_equal(program, AF_UNIX, SECCOMP_RET_ALLOW);
	socket_family(program, AF_INET, hooked, COUNT(hooked));
	socket_family(program, AF_INET6, hooked, COUNT(hooked));
	socket_family(program, AF_NETLINK, routes, COUNT(routes));
	answer(program, REFUSE);
	call_end(program, jump);
}

/* open and openat: a mode with set-id bits, where the call has a mode. */
static void create_rule(struct program *program, uint32_t nr, unsigned int flags, unsigned int mode)
{
	size_t jump = call_begin(program, nr);

	load_argument(program, flags);
	emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 3, CREATES);
	load_argument(program, mode);
	emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, SET_IDS);
	answer(program, REFUSE);
	answer(program, SECCOMP_RET_ALLOW);
	call_end(program, jump);
}

/* seccomp: a filter of the run's own is fine, a listener is not: its answers could be "continue". */
static void seccomp_rule(struct program *program)
{
	size_t jump = call_begin(program, SYS_seccomp);

	load_argument(program, 1);
	emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	answer(program, REFUSE);
	answer(program, SECCOMP_RET_ALLOW);
	call_end(program, jump);
}

static void answer_if_null(struct program *program, unsigned int arg, uint32_t value)
{
	const size_t high = offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t) + sizeof(uint32_t);

	load_argument(program, arg);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
	load(program, high);
	answer_if_equal(program, 0, value);
}

/* RLIMIT_CORE stays at 1, the one value that keeps a crash from the host's core handler, which is root
 * and reads what the run made (core(5): a limit of 0 does not; CVE-2022-4415, CVE-2025-4598). Cores are
 * off, which is what nearly all callers want, so they are told that it was done. */
static void core_rule(struct program *program)
{
	size_t jump = call_begin(program, SYS_setrlimit);

	load_argument(program, 0);
	answer_if_equal(program, RLIMIT_CORE, DONE);
	answer(program, SECCOMP_RET_ALLOW);
	call_end(program, jump);
	jump = call_begin(program, SYS_prlimit64);
	load_argument(program, 1);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, RLIMIT_CORE);
	answer(program, SECCOMP_RET_ALLOW);
	answer_if_null(program, 2, SECCOMP_RET_ALLOW); /* a question */
	answer_if_null(program, 3, DONE);
	answer(program, REFUSE); /* the old limit would have to be written */
	call_end(program, jump);
}

size_t base_filter_build(struct sock_filter *ret, size_t max)
{
	struct program program = { .code = ret, .max = max };

	prologue(&program);
	/* Every call with arguments to look at runs the program, the others' answers are remembered by the
	 * kernel (a bitmap for each filter): so these come first, and openat before all. */
	create_rule(&program, SYS_openat, 2, 3);
	create_rule(&program, SYS_open, 1, 2);
	for (size_t at = 0; at < COUNT(rules);)
		at = rules_of_call(&program, at);
	socket_rule(&program);
	seccomp_rule(&program);
	core_rule(&program);
	for (size_t i = 0; i < COUNT(refused); i++)
		answer_if_equal(&program, refused[i], REFUSE);
	for (size_t i = 0; i < COUNT(unknown); i++)
		answer_if_equal(&program, unknown[i], UNKNOWN);
	emit(&program, BPF_JMP | BPF_JGT | BPF_K, 0, 1, NR_NEWEST);
	answer(&program, UNKNOWN);
	answer(&program, SECCOMP_RET_ALLOW);
	return program.len <= max ? program.len : 0;
}

/* open and openat: only those that may make a file. */
static void held_open(struct program *program, uint32_t nr, unsigned int flags)
{
	size_t jump = call_begin(program, nr);

	load_argument(program, flags);
	emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, O_CREAT);
	answer(program, SECCOMP_RET_USER_NOTIF);
	answer(program, SECCOMP_RET_ALLOW);
	call_end(program, jump);
}

static void held_ioctl(struct program *program)
{
	size_t jump = call_begin(program, SYS_ioctl);

	load_argument(program, 1);
	emit(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xffff);
	for (size_t i = 0; i < COUNT(held_requests); i++)
		answer_if_equal(program, held_requests[i], REFUSE);
	answer(program, SECCOMP_RET_ALLOW);
	call_end(program, jump);
}

static void held_names(struct program *program)
{
	held_open(program, SYS_openat, 2);
	held_open(program, SYS_open, 1);
	held_ioctl(program);
	for (size_t i = 0; i < COUNT(held); i++)
		answer_if_equal(program, held[i], SECCOMP_RET_USER_NOTIF);
	answer_if_equal(program, SYS_openat2, UNKNOWN);
}

size_t held_filter_build(unsigned int what, struct sock_filter *ret, size_t max)
{
	struct program program = { .code = ret, .max = max };

	prologue(&program);
	if (what & HELD_NAMES)
		held_names(&program);
	if (what & HELD_EXECS) {
		answer_if_equal(&program, SYS_execve, SECCOMP_RET_USER_NOTIF);
		answer_if_equal(&program, SYS_execveat, SECCOMP_RET_USER_NOTIF);
	}
	answer(&program, SECCOMP_RET_ALLOW);
	return program.len <= max ? program.len : 0;
}

/* A child that waits for a FIFO is a plain fork: no thread, no namespace. */
static void broker_fork(struct program *program)
{
	size_t jump = call_begin(program, SYS_clone);

	load_argument(program, 0);
	answer_if_equal(program, SIGCHLD, SECCOMP_RET_ALLOW);
	answer(program, REFUSE);
	call_end(program, jump);
}

size_t broker_filter_build(struct sock_filter *ret, size_t max)
{
	struct program program = { .code = ret, .max = max };

	prologue(&program);
	for (size_t i = 0; i < COUNT(broker_allowed); i++)
		answer_if_equal(&program, broker_allowed[i], SECCOMP_RET_ALLOW);
	broker_fork(&program);
	answer(&program, REFUSE);
	return program.len <= max ? program.len : 0;
}

size_t init_filter_build(struct sock_filter *ret, size_t max)
{
	struct program program = { .code = ret, .max = max };

	prologue(&program);
	for (size_t i = 0; i < COUNT(init_allowed); i++)
		answer_if_equal(&program, init_allowed[i], SECCOMP_RET_ALLOW);
	answer(&program, REFUSE);
	return program.len <= max ? program.len : 0;
}
