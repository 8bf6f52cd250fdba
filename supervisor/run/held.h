/* SPDX-License-Identifier: Apache-2.0 */
/* A held execve or execveat: what its caller's memory says, read once. Others can change that memory, so it
 * is a claim; bpf/gate.h compares it with what is really executed. One at a time: the strings are in one
 * static place, so that the path of an action through root allocates nothing. */
#ifndef RUN_HELD_H
#define RUN_HELD_H

#include <linux/seccomp.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "bpf/events.h"

#define HELD_PATH_MAX 4096U
#define HELD_FRONT 16384U          /* room for what shebang lines put in front of argv */
#define HELD_ENV_MAX 4096U         /* variables; more is refused */
#define HELD_ARGS_MAX 4096U        /* words that are looked at: JUDGE_ARGS_MAX */

struct held {
	pid_t tid;                 /* as we count */
	uint64_t id;               /* of the notification */
	int dir_fd;                /* AT_FDCWD, or execveat's */
	int flags;                 /* execveat's AT_* */
	char path[HELD_PATH_MAX];  /* as the caller said, terminated */
	size_t path_len;
	/* The strings as the kernel will lay them out, one after another with their terminators. */
	char *strings;             /* argv; env follows. Bytes before it may be used (HELD_FRONT) */
	uint32_t arg_bytes, env_bytes, argc, envc;
	/* The same as words; of argv the first HELD_ARGS_MAX. */
	struct slice *args, *env;
};

/* Reads the arguments of `data`; what was read is there on failure, too. Returns 0, or what the caller has to be told: -EFAULT, -E2BIG,
 * -ENAMETOOLONG, -EACCES (it cannot be looked at), -ENOSYS (no exec). */
int held_read(pid_t tid, uint64_t id, const struct seccomp_data *data, struct held *held);

/* Puts words in place of the first one: what a shebang line does. Returns 0 or -E2BIG. */
int held_replace_first(struct held *held, const char *const *words, size_t count);

#endif
