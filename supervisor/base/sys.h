/* SPDX-License-Identifier: Apache-2.0 */
/* Raw system calls that glibc 2.36 does not wrap, and those that tests make fail. All return
 * -errno. Kernel versions are those that brought the call (its man page or Documentation/). */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct mount_attr;             /* <linux/mount.h> or <sys/mount.h> */
struct sock_fprog;

int sys_openat2(int dir_fd, const char *path, const struct open_how *how);          /* 5.6 */
/* 0 in the child, its pid in the parent (clone(2); CLONE_INTO_CGROUP 5.7). No CLONE_VM here. */
pid_t sys_clone3(struct clone_args *args);
int sys_pidfd_open(pid_t pid, unsigned int flags);                                  /* 5.3 */
int sys_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags);
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);     /* 5.9 */
int sys_open_tree(int dir_fd, const char *path, unsigned int flags);                /* 5.2 */
int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags);
int sys_mount_setattr(int dir_fd, const char *path, unsigned int flags,
		      struct mount_attr *attr, size_t size);                          /* 5.12 */
int sys_fsopen(const char *type, unsigned int flags);
int sys_fsconfig(int fs_fd, unsigned int command, const char *key, const void *value, int aux);
int sys_fsmount(int fs_fd, unsigned int flags, unsigned int attr_flags);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_seccomp(unsigned int operation, unsigned int flags, void *args);
int sys_landlock_create_ruleset(const void *attr, size_t size, uint32_t flags);     /* 5.13 */
int sys_landlock_add_rule(int ruleset_fd, int rule_type, const void *attr, uint32_t flags);
int sys_landlock_restrict_self(int ruleset_fd, uint32_t flags);
/* SIG_DFL for a signal, also for 32 and 33, which libc keeps to itself and a caller may have ignored. */
int sys_signal_default(int number);
int sys_execveat(int dir_fd, const char *path, char *const argv[], char *const envp[], int flags);

#endif
