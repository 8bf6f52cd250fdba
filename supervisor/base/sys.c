/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result_of(long value)
{
	return value < 0 ? -errno : (int)value;
}

int sys_openat2(int dir_fd, const char *path, const struct open_how *how)
{
	return result_of(syscall(SYS_openat2, dir_fd, path, how, sizeof(*how)));
}

pid_t sys_clone3(struct clone_args *args)
{
	return result_of(syscall(SYS_clone3, args, sizeof(*args)));
}

int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return result_of(syscall(SYS_pidfd_open, pid, flags));
}

int sys_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags)
{
	return result_of(syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags));
}

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return result_of(syscall(SYS_close_range, first, last, flags));
}

int sys_open_tree(int dir_fd, const char *path, unsigned int flags)
{
	return result_of(syscall(SYS_open_tree, dir_fd, path, flags));
}

int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)
{
	return result_of(syscall(SYS_move_mount, from_fd, from, to_fd, to, flags));
}

int sys_mount_setattr(int dir_fd, const char *path, unsigned int flags, struct mount_attr *attr,
		      size_t size)
{
	return result_of(syscall(SYS_mount_setattr, dir_fd, path, flags, attr, size));
}

int sys_fsopen(const char *type, unsigned int flags)
{
	return result_of(syscall(SYS_fsopen, type, flags));
}

int sys_fsconfig(int fs_fd, unsigned int command, const char *key, const void *value, int aux)
{
	return result_of(syscall(SYS_fsconfig, fs_fd, command, key, value, aux));
}

int sys_fsmount(int fs_fd, unsigned int flags, unsigned int attr_flags)
{
	return result_of(syscall(SYS_fsmount, fs_fd, flags, attr_flags));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return result_of(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_seccomp(unsigned int operation, unsigned int flags, void *args)
{
	return result_of(syscall(SYS_seccomp, operation, flags, args));
}

int sys_landlock_create_ruleset(const void *attr, size_t size, uint32_t flags)
{
	return result_of(syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

int sys_landlock_add_rule(int ruleset_fd, int rule_type, const void *attr, uint32_t flags)
{
	return result_of(syscall(SYS_landlock_add_rule, ruleset_fd, rule_type, attr, flags));
}

int sys_landlock_restrict_self(int ruleset_fd, uint32_t flags)
{
	return result_of(syscall(SYS_landlock_restrict_self, ruleset_fd, flags));
}

int sys_signal_default(int number)
{
	/* struct kernel_sigaction: handler, flags, restorer, mask; SIG_DFL is 0 (rt_sigaction(2)). */
	const unsigned long action[4] = { 0 };

	return result_of(syscall(SYS_rt_sigaction, number, action, NULL, sizeof(unsigned long)));
}

int sys_execveat(int dir_fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return result_of(syscall(SYS_execveat, dir_fd, path, argv, envp, flags));
}
