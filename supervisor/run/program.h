/* SPDX-License-Identifier: Apache-2.0 */
/* Which file an execve means: looked up once inside the run's root, from its working directory, without
 * the kernel's magic links; and what its first line makes of it. */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "bpf/events.h"
#include "decide/judge.h"
#include "run/held.h"

#define PROGRAM_PATH_MAX (2 * HELD_PATH_MAX)
#define PROGRAM_HEAD_MAX 256U      /* the kernel's BINPRM_BUF_SIZE */
#define PROGRAM_LEVELS_MAX 6U      /* a script, its interpreter, which may be a script, ... : exec_binprm() */

enum program_kind { PROGRAM_OTHER, PROGRAM_ELF, PROGRAM_SCRIPT };

/* What does not change while the identity stays the same. */
struct program_head {
	enum program_kind kind;
	uint32_t gen, has_gen;
	bool has_argument;         /* SCRIPT, and so are these */
	char interpreter[PROGRAM_HEAD_MAX], argument[PROGRAM_HEAD_MAX];
};

struct program {
	int fd;                    /* O_PATH; owned */
	struct stat st;
	struct program_head head;
	struct exec_file file;
	enum program_place place;
	bool by_fd;                /* named by a descriptor */
	char path[PROGRAM_PATH_MAX]; /* resolved, absolute inside */
	size_t path_len;
};

/* The run's own. */
struct program_root {
	int root;                  /* O_PATH of its root */
	const char *workspace;
};

struct program_cwd {
	char path[HELD_PATH_MAX];
	struct stat st;
	bool other_dev;            /* st_dev is not the file system's own number */
};

int program_cwd(pid_t tid, struct program_cwd *ret_cwd) MUST_USE;
/* The first one, by the caller's own path and descriptor. Returns 0, or what the caller has to be told. */
int program_called(const struct program_root *root, const struct held *held, const struct program_cwd *cwd,
		 struct program *ret_program) MUST_USE;
/* One by a path, absolute or from the working directory: an interpreter. */
int program_at(const struct program_root *root, const struct program_cwd *cwd, const char *path,
	       struct program *ret_program) MUST_USE;
void program_finish(struct program *program);

/* The absolute path inside the run that `path` leads to; where nothing is, as far as something is. Returns its
 * length or -ENAMETOOLONG: it is too long for a file. */
ssize_t program_resolve(const struct program_root *root, const struct program_cwd *cwd, struct slice path,
			char *to, size_t size) MUST_USE;

/* As load_script() of the kernel reads the first bytes of a file. Pure. */
void program_parse(const char *bytes, size_t len, struct program_head *head);

#endif
