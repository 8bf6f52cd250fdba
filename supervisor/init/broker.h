/* SPDX-License-Identifier: Apache-2.0 */
/* The broker of one run: a process beside the command that makes names on its behalf, so that a
 * protected name cannot appear where nothing is mounted yet. Calls that can make a name stop in the
 * kernel (seccomp user notification); the broker reads their arguments once, finds the directory as
 * the caller would, asks the rules, and makes the name itself. It never answers "continue".
 *
 * It serves one call at a time. Every rename and every new link of the run passes through it, so no
 * directory of the run moves between a check and its effect. */
#ifndef INIT_BROKER_H
#define INIT_BROKER_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "decide/rules.h"

#define BROKER_PATH_MAX 4096U
/* What a protected name answers: as one that existed at the start does behind its read-only mount, and,
 * unlike EACCES, nothing that file permissions could say, so that each is recorded as a refusal. */
#define BROKER_PROTECTED (-EROFS)

#define BROKER_PERMISSIONS 07777U

struct broker {
	struct rules rules;
	int listener;
	int gate;                /* to the supervisor: held execs are its; FD_NONE = this run has no gate */
	int root, proc;          /* O_PATH of the run's root and /proc */
	int own;                 /* O_PATH of /proc/self/fd: names of our own descriptors */
	mode_t umask;            /* the one in force */
};

/* One held call. */
struct caller {
	struct broker *broker;
	uint64_t id;             /* of the notification */
	pid_t tid;
	struct seccomp_data data;
	pid_t tgid;              /* with `umask`: read when needed, 0 before */
	mode_t umask;
	int cwd;                 /* O_PATH, when it was asked for, FD_NONE before; owned */
};

/* Where a path leads: the directory and the last component, which need not exist. */
struct place {
	int dir;                 /* O_PATH; owned unless `lent` */
	bool lent;               /* the run's root or the caller's working directory */
	int object;              /* owned; set when the path ends in a link of /proc to an open file */
	char name[NAME_MAX + 1]; /* "": the directory itself */
	bool slash;              /* ended in a slash */
	bool proc;               /* passed one of the caller's links in /proc */
	bool looked;             /* `found` and `st` say what was there, by fstatat() of the name */
	int found;               /* 0 or -errno */
	struct stat st;
};

#define PLACE_NONE ((struct place){ .dir = FD_NONE, .object = FD_NONE })

void place_finish(struct place *place);
/* What is at the name now, as far as nobody has looked yet: 0 and place->st, or -errno. */
int place_look(struct place *place);

/* ---- broker_caller.c: what the kernel says about the caller. All return -errno. What they say is
 * the caller's only while the call is held. ---- */

bool broker_holds(const struct broker *broker, uint64_t id);
static inline int caller_int(const struct caller *caller, int index)
{
	return (int)caller->data.args[index];
}
/* After the last look at the caller, before each effect: -ESRCH when the call is no longer held, and
 * then nothing may be done any more. */
int caller_confirm(const struct caller *caller) MUST_USE;
/* Copies `len` bytes, once. -EFAULT as the kernel would. */
int caller_bytes(const struct caller *caller, uint64_t address, void *to, size_t len) MUST_USE;
/* Copies a string of at most `size` - 1 bytes, once. Returns its length, -ENAMETOOLONG, -EFAULT. */
int caller_text(const struct caller *caller, uint64_t address, char *to, size_t size) MUST_USE;
/* Fills tgid and umask. */
int caller_status(struct caller *caller) MUST_USE;
/* O_PATH of its working directory, looked up once: a second look could find another. It stays the
 * `struct caller`'s. */
int caller_cwd(struct caller *caller) MUST_USE;
/* O_PATH of what its descriptor names, new. */
int caller_path_fd(struct caller *caller, int fd) MUST_USE;
/* The caller's open file itself, for bind. */
int caller_file(struct caller *caller, int fd) MUST_USE;
/* Puts the caller's umask in force here. */
int caller_umask(struct caller *caller) MUST_USE;

/* ---- broker_path.c ---- */

/* Walks `path` from the caller's `dir_fd`, or from the root, with the run's file rights; symbolic
 * links are followed here, the last one only with `follow`. Links of /proc lead to the caller's own
 * descriptors and directories, to nobody else's (-EACCES). */
int place_find(struct caller *caller, int dir_fd, const char *path, bool follow,
	       struct place *ret_place) MUST_USE;
/* The absolute path of a descriptor of ours. */
int broker_path_of(const struct broker *broker, int fd, char path[BROKER_PATH_MAX]) MUST_USE;
/* "place/name": -EACCES where it has no path. */
int place_path(const struct broker *broker, const struct place *place,
	       char path[BROKER_PATH_MAX]) MUST_USE;
/* 0 when a new name may appear at `place`: one that is no directory, or (with `from`, whose last
 * component is a directory) a directory with all that is in it. -EACCES when a rule protects it,
 * -EXDEV when there is too much to look at (callers copy then, name by name). */
int place_may_appear(const struct broker *broker, const struct place *place, bool directory,
		     const struct place *from) MUST_USE;

/* ---- broker_open.c: open, openat, creat ---- */

/* What a call led to. */
struct outcome {
	int error;               /* negative errno, or 0 */
	int fd;                  /* to be injected; owned */
	int flags;               /* O_CLOEXEC, as asked */
	bool answered;           /* by a helper */
};

int serve_open(struct caller *caller, struct outcome *outcome) MUST_USE;
int serve_openat(struct caller *caller, struct outcome *outcome) MUST_USE;
int serve_creat(struct caller *caller, struct outcome *outcome) MUST_USE;

/* ---- broker_calls.c: the other calls, and the answers ---- */

/* A path argument and where it leads. */
int place_of(struct caller *caller, int dir_fd, uint64_t address, bool follow,
	     struct place *ret_place) MUST_USE;
int caller_inject(const struct caller *caller, int fd, int flags) MUST_USE;
void caller_answer(const struct caller *caller, int error);

/* Serves one notification: makes the effect and answers. */
void broker_serve(struct broker *broker, const struct seccomp_notif *request);

#endif
