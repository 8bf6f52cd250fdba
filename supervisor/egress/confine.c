/* SPDX-License-Identifier: Apache-2.0 */
/* After the start the relay needs sockets, pipes and memory. A filter of its own leaves just these: it
 * opens no file, starts nobody, and makes no socket but for TCP and UDP. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "base/sys.h"
#include "egress/egress.h"

static const int calls[] = {
	SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_timerfd_settime, SYS_splice, SYS_recvfrom,
	SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_read, SYS_write, SYS_close, SYS_accept4, SYS_connect,
	SYS_bind, SYS_getsockname, SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_pipe2, SYS_fcntl,
	SYS_clock_gettime, SYS_getrandom, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise,
	SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall,
	SYS_futex, SYS_gettid, SYS_getpid, SYS_tgkill, /* abort() */
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define FILTER_MAX (16 + COUNT(calls) * 2)

static size_t filter_write(struct sock_filter *to)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_filter deny = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	size_t at = 0;

	to[at++] = (struct sock_filter)LOAD(arch);
	to[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	to[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	to[at++] = (struct sock_filter)LOAD(nr);
	for (size_t i = 0; i < COUNT(calls); i++) {
		to[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		to[at++] = allow;
	}
	to[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0);
	to[at++] = deny;
	to[at++] = (struct sock_filter)LOAD(args[0]);
	to[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
	to[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
	to[at++] = deny;
	to[at++] = allow;
	return at;
}

int confine(struct error *err)
{
	struct sock_filter filter[FILTER_MAX];
	struct sock_fprog program = { .filter = filter };

	program.len = (unsigned short)filter_write(filter);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_set(err, -errno, "give up privileges for good");
	if (sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return error_set(err, -errno, "install the relay's filter");
	return 0;
}
