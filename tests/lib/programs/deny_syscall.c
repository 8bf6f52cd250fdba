/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program for which the kernel seems to lack some calls, or to fail them:
 *
 *   deny_syscall NAME=ERRNO [NAME=ERRNO...] -- COMMAND [ARGUMENTS...]
 *
 * ERRNO is ENOSYS or EPERM or EINVAL or ENOSPC. Children inherit it, as they would an old kernel. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define DENY_MAX 16

static const struct { const char *name; int number; } calls[] = {
	{ "landlock_create_ruleset", SYS_landlock_create_ruleset },
	{ "landlock_restrict_self", SYS_landlock_restrict_self },
	{ "clone3", SYS_clone3 }, { "openat2", SYS_openat2 }, { "open_tree", SYS_open_tree },
	{ "move_mount", SYS_move_mount }, { "mount_setattr", SYS_mount_setattr },
	{ "fsopen", SYS_fsopen }, { "pivot_root", SYS_pivot_root },
	{ "pidfd_open", SYS_pidfd_open }, { "pidfd_send_signal", SYS_pidfd_send_signal },
	{ "close_range", SYS_close_range }, { "seccomp", SYS_seccomp }, { "bpf", SYS_bpf },
	{ "setgroups", SYS_setgroups }, { "setresuid", SYS_setresuid }, { "prctl", SYS_prctl },
	{ "fsync", SYS_fsync }, { "fdatasync", SYS_fdatasync }, { "mount", SYS_mount },
	{ "sethostname", SYS_sethostname }, { "setns", SYS_setns }, { "prlimit64", SYS_prlimit64 },
	{ "memfd_create", SYS_memfd_create }, { "umount2", SYS_umount2 }, { "execveat", SYS_execveat },
};

static const struct { const char *name; int number; } errors[] = {
	{ "ENOSYS", ENOSYS }, { "EPERM", EPERM }, { "EINVAL", EINVAL }, { "ENOSPC", ENOSPC },
};

static int parse(const char *text, int *ret_call, int *ret_error)
{
	const char *equals = strchr(text, '=');

	*ret_call = *ret_error = -1;
	for (size_t i = 0; equals && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strlen(calls[i].name) == (size_t)(equals - text) &&
		    strncmp(calls[i].name, text, (size_t)(equals - text)) == 0)
			*ret_call = calls[i].number;
	for (size_t i = 0; equals && i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, equals + 1) == 0)
			*ret_error = errors[i].number;
	return *ret_call < 0 || *ret_error < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct sock_filter code[4 + 2 * DENY_MAX + 1] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .len = 1, .filter = code };
	int i, number, error;

	for (i = 1; i < argc && i <= DENY_MAX && strcmp(argv[i], "--") != 0; i++) {
		if (parse(argv[i], &number, &error) < 0) {
			fprintf(stderr, "deny_syscall: '%s' is not NAME=ERRNO\n", argv[i]);
			return 2;
		}
		code[program.len++] = (struct sock_filter)
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1);
		code[program.len++] = (struct sock_filter)
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
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
