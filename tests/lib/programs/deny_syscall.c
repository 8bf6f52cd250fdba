/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program for which the kernel seems to lack some calls, or to fail them:
 *
 *   deny_syscall NAME[:FIRST]=ERRNO [...] -- COMMAND [ARGUMENTS...]
 *
 * With FIRST only calls whose first argument is that number: an operation of prctl, bpf, seccomp. OK in
 * place of an errno claims success for a call that is not made. Children inherit it, as they would
 * an old kernel. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define DENY_MAX 16

struct word { const char *name; int number; };

#define CALL(name) { #name, SYS_##name }
static const struct word calls[] = {
	CALL(landlock_create_ruleset), CALL(landlock_add_rule), CALL(landlock_restrict_self),
	CALL(clone3), CALL(openat2), CALL(open_tree), CALL(move_mount), CALL(mount_setattr),
	CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(pivot_root), CALL(mount),
	CALL(umount2), CALL(unshare), CALL(setns), CALL(sethostname), CALL(pidfd_open),
	CALL(pidfd_send_signal), CALL(close_range), CALL(seccomp), CALL(bpf),
	CALL(perf_event_open), CALL(prctl), CALL(capset), CALL(setgroups), CALL(setresuid),
	CALL(setresgid), CALL(setfsuid), CALL(setfsgid), CALL(prlimit64), CALL(fsync),
	CALL(fdatasync), CALL(pwrite64), CALL(ftruncate), CALL(memfd_create), CALL(execveat),
	CALL(userfaultfd), CALL(timerfd_create), CALL(signalfd4), CALL(epoll_create1),
	CALL(socketpair), CALL(sendmsg), CALL(recvmsg), CALL(mkdirat), CALL(symlinkat),
	CALL(fchmodat), CALL(chroot), CALL(chdir), CALL(fchdir), CALL(setsid), CALL(ioctl),
	CALL(dup2),
};

static const struct word errors[] = {
	{ "OK", 0 }, { "ENOSYS", ENOSYS }, { "EPERM", EPERM }, { "EINVAL", EINVAL }, { "ENOSPC", ENOSPC },
	{ "ENOMEM", ENOMEM }, { "EIO", EIO }, { "EMFILE", EMFILE },
};

static int look_up(const struct word *words, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(words[i].name) == len && strncmp(words[i].name, name, len) == 0)
			return words[i].number;
	return -1;
}

/* Appends the instructions of one argument; they leave the call's number in the accumulator. */
static int deny(const char *text, struct sock_fprog *program)
{
	const char *equals = strchr(text, '='), *colon = strchr(text, ':');
	size_t len = equals ? (size_t)((colon ? colon : equals) - text) : 0;
	int call = look_up(calls, sizeof(calls) / sizeof(calls[0]), text, len), error;
	struct sock_filter *at = program->filter + program->len;

	if (!equals || call < 0)
		return -1;
	error = look_up(errors, sizeof(errors) / sizeof(errors[0]), equals + 1, strlen(equals + 1));
	if (error < 0)
		return -1;
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)call, 0, colon ? 4 : 1);
	if (colon) {
		*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args));
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     (unsigned int)strtoull(colon + 1, NULL, 0), 0, 1);
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
	if (colon)
		*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	program->len = (unsigned short)(at - program->filter);
	return 0;
}

int main(int argc, char **argv)
{
	struct sock_filter code[2 + 5 * DENY_MAX] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .len = 1, .filter = code };
	int i;

	for (i = 1; i < argc && i <= DENY_MAX && strcmp(argv[i], "--") != 0; i++) {
		if (deny(argv[i], &program) < 0) {
			fprintf(stderr, "deny_syscall: '%s' is not NAME=ERRNO\n", argv[i]);
			return 2;
		}
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
		fprintf(stderr, "usage: deny_syscall NAME=ERRNO... -- COMMAND\n");
		return 2;
	}
	/* As root: without no_new_privs, which would change what is tested. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		perror("deny_syscall: seccomp");
		return 2;
	}
	execv(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
