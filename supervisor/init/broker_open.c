/* SPDX-License-Identifier: Apache-2.0 */
/* open, openat and creat that may make a file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/slice.h"
#include "decide/names_new.h"
#include "init/broker.h"

#define OPEN_TRIES 8             /* a name that comes and goes, made by the host */
#define HELPERS_MAX 32U

struct opening {
	int dir_fd, flags;
	uint64_t path;
	mode_t mode;
};

/* Opens of a FIFO wait for the other side: a child waits, so that others are served meanwhile. */
static pid_t helpers[HELPERS_MAX];
static uint64_t helper_ids[HELPERS_MAX];

/* A caller that was killed waits no longer. SIGCHLD is ignored, so the kernel reaps. */
static size_t helper_slot(const struct broker *broker)
{
	size_t free = HELPERS_MAX;

	for (size_t i = 0; i < HELPERS_MAX; i++) {
		if (helpers[i] > 0 && !broker_holds(broker, helper_ids[i])) {
			IGNORE(kill(helpers[i], SIGKILL) < 0); /* gone already */
			helpers[i] = 0;
		}
		if (helpers[i] == 0)
			free = i;
	}
	return free;
}

static void __attribute__((noreturn)) helper_main(const struct caller *caller, int dir, const char *name,
						  int flags)
{
	int fd = openat(dir, name, flags), r;

	r = fd < 0 ? -errno : caller_inject(caller, fd, flags);
	if (r < 0)
		caller_answer(caller, r);
	_exit(0);
}

static int open_waiting(const struct caller *caller, int dir, const char *name, int flags,
			struct outcome *outcome)
{
	size_t slot = helper_slot(caller->broker);
	pid_t pid;
	int r = slot == HELPERS_MAX ? -ENFILE : caller_confirm(caller);

	if (r < 0)
		return r;
	/* Not fork(3): its handlers and calls are not in our filter. */
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		helper_main(caller, dir, name, flags);
	helpers[slot] = pid;
	helper_ids[slot] = caller->id;
	outcome->answered = true;
	return 0;
}

static int open_here(const struct caller *caller, int dir, const char *name, int flags, mode_t mode,
		     struct outcome *outcome)
{
	int r = caller_confirm(caller);

	if (r < 0)
		return r;
	outcome->fd = openat(dir, name, flags, mode);
	outcome->flags = flags;
	return outcome->fd < 0 ? -errno : 0;
}

static bool waits(const struct stat *st, int flags)
{
	return S_ISFIFO(st->st_mode) && !(flags & O_NONBLOCK) && (flags & O_ACCMODE) != O_RDWR;
}

/* What a link in /proc leads to exists: it is opened anew, as the kernel would. */
static int open_object(const struct caller *caller, const struct place *place, int flags,
		       struct outcome *outcome)
{
	char own[32];
	struct stat st;
	struct statfs fs;

	if (fstat(place->object, &st) < 0 || fstatfs(place->object, &fs) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	flags &= ~(O_CREAT | O_NOFOLLOW);
	/* From /proc, not from broker->own: a helper has descriptors of its own. */
	IGNORE(snprintf(own, sizeof(own), "self/fd/%d", place->object) < 0);
	if (waits(&st, flags) && fs.f_type != PIPEFS_MAGIC) /* a pipe without a name does not wait */
		return open_waiting(caller, caller->broker->proc, own, flags, outcome);
	return open_here(caller, caller->broker->proc, own, flags, 0, outcome);
}

static int open_existing(const struct caller *caller, const struct place *place, const struct stat *st,
			 int flags, struct outcome *outcome)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	char path[BROKER_PATH_MAX];
	int len;

	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (writes) {
		/* Somebody outside made it meanwhile; the mounts do not know it. */
		len = place_path(caller->broker, place, path);
		if (len < 0)
			return len;
		if (new_name_at(&caller->broker->rules, slice_new(path, (size_t)len)) == NEW_NAME_PROTECTED)
			return BROKER_PROTECTED;
	}
	flags = (flags & ~O_CREAT) | O_NOFOLLOW;
	if (waits(st, flags))
		return open_waiting(caller, place->dir, place->name, flags, outcome);
	return open_here(caller, place->dir, place->name, flags, 0, outcome);
}

static int open_new(struct caller *caller, const struct place *place, int flags, mode_t mode,
		    struct outcome *outcome)
{
	int r = place_may_appear(caller->broker, place, false, NULL);

	if (r >= 0)
		r = caller_umask(caller);
	if (r >= 0)
		r = open_here(caller, place->dir, place->name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, mode,
			      outcome);
	return r;
}

/* With O_EXCL: what exists is the kernel's to say, but what exists and is protected says so, too. */
static int open_exclusive(struct caller *caller, struct place *place, int flags, mode_t mode,
			  struct outcome *outcome)
{
	int r = open_new(caller, place, flags, mode, outcome);

	return r == BROKER_PROTECTED && place_look(place) == 0 ? -EEXIST : r;
}

static int open_place(struct caller *caller, struct place *place, int flags, mode_t mode,
		      struct outcome *outcome)
{
	bool exclusive = flags & O_EXCL;
	int r = -EEXIST;

	if (place->object != FD_NONE)
		return exclusive ? -EEXIST : open_object(caller, place, flags, outcome);
	if (!place->name[0] || place->slash)
		return -EISDIR;
	if (exclusive)
		return open_exclusive(caller, place, flags, mode, outcome);
	for (int i = 0; i < OPEN_TRIES; i++) {
		r = place_look(place);
		place->looked = false; /* the next try looks anew */
		if (r == 0) {
			r = open_existing(caller, place, &place->st, flags, outcome);
			if (r != -ENOENT)
				return r;
		} else if (r != -ENOENT) {
			return r;
		} else {
			r = open_new(caller, place, flags, mode, outcome);
			if (r != -EEXIST)
				return r;
		}
	}
	return r;
}

static int call_open(struct caller *caller, const struct opening *opening, struct outcome *outcome)
{
	bool both = (opening->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	cleanup_with(place_finish) struct place place = PLACE_NONE;
	int r;

	if ((opening->flags & O_TMPFILE) == O_TMPFILE || opening->flags & O_PATH)
		return -EINVAL; /* with O_CREAT: the one is wrong, the other nobody's habit */
	r = place_of(caller, opening->dir_fd, opening->path, !both && !(opening->flags & O_NOFOLLOW),
		     &place);
	if (r < 0)
		return r;
	return open_place(caller, &place, opening->flags, opening->mode & BROKER_PERMISSIONS, outcome);
}

int serve_open(struct caller *caller, struct outcome *outcome)
{
	return call_open(caller, &(struct opening){ AT_FDCWD, caller_int(caller, 1),
			 caller->data.args[0], (mode_t)caller->data.args[2] }, outcome);
}

int serve_openat(struct caller *caller, struct outcome *outcome)
{
	return call_open(caller, &(struct opening){ caller_int(caller, 0), caller_int(caller, 2),
			 caller->data.args[1], (mode_t)caller->data.args[3] }, outcome);
}

int serve_creat(struct caller *caller, struct outcome *outcome)
{
	return call_open(caller, &(struct opening){ AT_FDCWD, O_CREAT | O_WRONLY | O_TRUNC,
			 caller->data.args[0], (mode_t)caller->data.args[1] }, outcome);
}

