/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that make names, one function each: arguments from the held call, a place, the rules,
 * the effect on our own descriptors. A result >= 0 is the caller's; a new descriptor is injected
 * (SECCOMP_IOCTL_NOTIF_ADDFD), so that what was checked is what the caller gets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fdpass.h"
#include "base/slice.h"
#include "daemon/wire.h"
#include "init/broker.h"

static int cleaned(int r)
{
	return r < 0 ? -errno : 0;
}

int place_of(struct caller *caller, int dir_fd, uint64_t address, bool follow, struct place *ret_place)
{
	char path[BROKER_PATH_MAX];
	int r = caller_text(caller, address, path, sizeof(path));

	return r < 0 ? r : place_find(caller, dir_fd, path, follow, ret_place);
}

/* Where something new shall be: the last component is not followed. That a name exists is mostly left
 * to the kernel to say, at the effect. */
static int new_place_of(struct caller *caller, int dir_fd, uint64_t address, bool directory,
			struct place *place)
{
	int r = place_of(caller, dir_fd, address, false, place), there;

	if (r >= 0 && !place->name[0])
		return -EEXIST;
	if (r < 0)
		return r;
	r = place_may_appear(caller->broker, place, directory, NULL);
	/* mkdir -p: cheaper than asking for the umask */
	if (r >= 0 && !directory && !place->slash)
		return 0;
	there = place_look(place);
	if (there != -ENOENT)
		return there < 0 ? there : -EEXIST;
	return place->slash && !directory ? -ENOENT : r;
}

/* The last looks before an effect; `mode`: one that has a mode. */
static int ready(struct caller *caller, int r, bool mode)
{
	if (r >= 0 && mode)
		r = caller_umask(caller);
	return r < 0 ? r : caller_confirm(caller);
}

/* ---- mkdir, mknod, symlink ---- */

static int call_mkdir(struct caller *caller, int dir_fd, uint64_t path, mode_t mode)
{
	cleanup_with(place_finish) struct place place = PLACE_NONE;
	int r = ready(caller, new_place_of(caller, dir_fd, path, true, &place), true);

	return r < 0 ? r : cleaned(mkdirat(place.dir, place.name, mode & BROKER_PERMISSIONS));
}

static int serve_mkdir(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_mkdir(caller, AT_FDCWD, caller->data.args[0], (mode_t)caller->data.args[1]);
}

static int serve_mkdirat(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_mkdir(caller, caller_int(caller, 0), caller->data.args[1],
			  (mode_t)caller->data.args[2]);
}

static int call_mknod(struct caller *caller, int dir_fd, uint64_t path, mode_t mode, dev_t dev)
{
	cleanup_with(place_finish) struct place place = PLACE_NONE;
	int r = ready(caller, new_place_of(caller, dir_fd, path, false, &place), true);

	return r < 0 ? r : cleaned(mknodat(place.dir, place.name, mode, dev));
}

static int serve_mknod(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_mknod(caller, AT_FDCWD, caller->data.args[0], (mode_t)caller->data.args[1],
			  caller->data.args[2]);
}

static int serve_mknodat(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_mknod(caller, caller_int(caller, 0), caller->data.args[1],
			  (mode_t)caller->data.args[2], caller->data.args[3]);
}

static int call_symlink(struct caller *caller, uint64_t text, int dir_fd, uint64_t path)
{
	cleanup_with(place_finish) struct place place = PLACE_NONE;
	char target[BROKER_PATH_MAX];
	int r = caller_text(caller, text, target, sizeof(target));

	if (r == 0)
		return -ENOENT;
	if (r > 0)
		r = new_place_of(caller, dir_fd, path, false, &place);
	r = ready(caller, r, false);
	return r < 0 ? r : cleaned(symlinkat(target, place.dir, place.name));
}

static int serve_symlink(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_symlink(caller, caller->data.args[0], AT_FDCWD, caller->data.args[1]);
}

static int serve_symlinkat(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_symlink(caller, caller->data.args[0], caller_int(caller, 1), caller->data.args[2]);
}

/* ---- link ---- */

static int link_source(struct caller *caller, int dir_fd, uint64_t address, int flags,
		       struct place *ret_place)
{
	char path[BROKER_PATH_MAX];
	int r = caller_text(caller, address, path, sizeof(path));

	if (r != 0 || !(flags & AT_EMPTY_PATH))
		return r < 0 ? r : place_find(caller, dir_fd, path, flags & AT_SYMLINK_FOLLOW, ret_place);
	if (dir_fd == AT_FDCWD)
		return -EPERM; /* a directory */
	ret_place->object = caller_path_fd(caller, dir_fd);
	return MIN(ret_place->object, 0);
}

static int call_link(struct caller *caller, const struct place *from, int dir_fd, uint64_t path)
{
	cleanup_with(place_finish) struct place place = PLACE_NONE;
	char number[16];
	int r = ready(caller, new_place_of(caller, dir_fd, path, false, &place), false);

	if (r < 0)
		return r;
	if (from->object != FD_NONE) {
		IGNORE(snprintf(number, sizeof(number), "%d", from->object) < 0);
		return cleaned(linkat(caller->broker->own, number, place.dir, place.name,
				      AT_SYMLINK_FOLLOW));
	}
	return from->name[0] ? cleaned(linkat(from->dir, from->name, place.dir, place.name, 0)) : -EPERM;
}

static int serve_link(struct caller *caller, struct outcome *outcome)
{
	cleanup_with(place_finish) struct place from = PLACE_NONE;
	int r = link_source(caller, AT_FDCWD, caller->data.args[0], 0, &from);

	(void)outcome;
	return r < 0 ? r : call_link(caller, &from, AT_FDCWD, caller->data.args[1]);
}

static int serve_linkat(struct caller *caller, struct outcome *outcome)
{
	cleanup_with(place_finish) struct place from = PLACE_NONE;
	int flags = caller_int(caller, 4), r;

	(void)outcome;
	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = link_source(caller, caller_int(caller, 0), caller->data.args[1], flags, &from);
	return r < 0 ? r : call_link(caller, &from, caller_int(caller, 2), caller->data.args[3]);
}

/* ---- rename ---- */

struct renaming {
	int from_fd, to_fd;
	uint64_t from, to;
	unsigned int flags;
};

/* `from` arrives at `to`, with all that is in it. */
static int may_arrive(const struct broker *broker, struct place *from, const struct place *to)
{
	int r = place_look(from);

	return r < 0 ? r : place_may_appear(broker, to, S_ISDIR(from->st.st_mode), from);
}

/* A name with a slash behind it is a directory. */
static int slash_holds(const struct place *place, struct place *source)
{
	int r = place->slash ? place_look(source) : 0;

	if (r < 0 || !place->slash)
		return r;
	return S_ISDIR(source->st.st_mode) ? 0 : -ENOTDIR;
}

static int call_rename(struct caller *caller, const struct renaming *renaming)
{
	cleanup_with(place_finish) struct place from = PLACE_NONE, to = PLACE_NONE;
	int r = place_of(caller, renaming->from_fd, renaming->from, false, &from);

	if (r >= 0)
		r = place_of(caller, renaming->to_fd, renaming->to, false, &to);
	if (r < 0)
		return r;
	if (!from.name[0] || !to.name[0])
		return -EBUSY;
	r = slash_holds(&from, &from);
	if (r >= 0)
		r = slash_holds(&to, &from);
	if (r >= 0 && renaming->flags & RENAME_NOREPLACE && place_look(&to) == 0)
		r = -EEXIST;
	if (r >= 0)
		r = may_arrive(caller->broker, &from, &to);
	if (r >= 0 && renaming->flags & RENAME_EXCHANGE)
		r = may_arrive(caller->broker, &to, &from);
	r = ready(caller, r, false);
	return r < 0 ? r : cleaned(renameat2(from.dir, from.name, to.dir, to.name, renaming->flags));
}

static int serve_rename(struct caller *caller, struct outcome *outcome)
{
	(void)outcome;
	return call_rename(caller, &(struct renaming){ AT_FDCWD, AT_FDCWD, caller->data.args[0],
			   caller->data.args[1], 0 });
}

/* renameat and renameat2: the one has no flags. */
static int serve_renameat(struct caller *caller, struct outcome *outcome)
{
	unsigned int flags = caller->data.nr == SYS_renameat2 ? (unsigned int)caller->data.args[4] : 0;

	(void)outcome;
	return call_rename(caller, &(struct renaming){ caller_int(caller, 0), caller_int(caller, 2),
			   caller->data.args[1], caller->data.args[3], flags });
}

/* ---- bind ---- */

/* The socket keeps the name that it was bound with (getsockname), so the caller's own text is used
 * from the caller's directory; it was checked, and nothing of the run moves before the effect. */
static int bind_name(struct caller *caller, int fd, struct sockaddr_un *address, size_t len)
{
	cleanup_with(place_finish) struct place place = PLACE_NONE;
	char path[sizeof(address->sun_path) + 1] = { 0 };
	int r, dir;

	memcpy(path, address->sun_path, len - offsetof(struct sockaddr_un, sun_path));
	r = place_find(caller, AT_FDCWD, path, false, &place);
	if (r < 0)
		return r;
	if (!place.name[0] || place_look(&place) == 0)
		return -EADDRINUSE;
	r = place_may_appear(caller->broker, &place, false, NULL);
	dir = caller_cwd(caller);
	r = ready(caller, r, true);
	if (r < 0)
		return r;
	if (place.proc) { /* that text would lead to a directory of ours */
		memset(address->sun_path, 0, sizeof(address->sun_path));
		if (strlen(place.name) >= sizeof(address->sun_path))
			return -ENAMETOOLONG;
		memcpy(address->sun_path, place.name, strlen(place.name) + 1);
		len = sizeof(*address);
		dir = place.dir;
	}
	if (dir < 0 || fchdir(dir) < 0)
		return -EACCES;
	r = cleaned(bind(fd, (const struct sockaddr *)address, (socklen_t)len));
	IGNORE(fchdir(caller->broker->root) < 0); /* only so that no directory is held */
	return r;
}

static int serve_bind(struct caller *caller, struct outcome *outcome)
{
	struct sockaddr_storage bytes = { 0 };
	struct sockaddr_un name = { 0 };
	size_t len = caller->data.args[2] & 0xffffffffU;
	auto_close int fd = FD_NONE;
	int r;

	(void)outcome;
	if (len > sizeof(bytes))
		return -EINVAL;
	fd = caller_file(caller, caller_int(caller, 0));
	if (fd < 0)
		return fd;
	r = caller_bytes(caller, caller->data.args[1], &bytes, len);
	if (r < 0)
		return r;
	r = caller_confirm(caller);
	if (r < 0)
		return r;
	if (bytes.ss_family != AF_UNIX || len <= offsetof(struct sockaddr_un, sun_path) ||
	    len > sizeof(name) || ((const char *)&bytes)[offsetof(struct sockaddr_un, sun_path)] == '\0')
		return cleaned(bind(fd, (const struct sockaddr *)&bytes, (socklen_t)len));
	memcpy(&name, &bytes, len);
	return bind_name(caller, fd, &name, len);
}

/* ---- answers and dispatch ---- */

static void reply(const struct caller *caller, int64_t value, int error)
{
	struct seccomp_notif_resp answer = { .id = caller->id, .val = value, .error = error };

	/* ENOENT: it was killed meanwhile. */
	IGNORE(ioctl(caller->broker->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0);
}

/* In two steps, although SECCOMP_ADDFD_FLAG_SEND would do it in one: a caller that a signal wakes between
 * our receiving and that answer finds itself answered before it has taken the descriptor, and its call
 * returns 0 (6.18, seccomp_do_user_notification()). Between the two steps it can only be killed. */
int caller_inject(const struct caller *caller, int fd, int flags)
{
	struct seccomp_notif_addfd add = {
		.id = caller->id, .srcfd = (__u32)fd, .newfd_flags = (__u32)flags & O_CLOEXEC,
	};
	int number = ioctl(caller->broker->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (number < 0)
		return -errno;
	reply(caller, number, 0);
	return 0;
}

void caller_answer(const struct caller *caller, int error)
{
	reply(caller, 0, error);
}

/* The supervisor judges these, and answers by its own descriptor of the listener. */
static int serve_exec(struct caller *caller, struct outcome *outcome)
{
	struct held_exec held = { .version = WIRE_VERSION, .tid = (uint32_t)caller->tid, .id = caller->id,
				  .data = caller->data };

	if (fdpass_send(caller->broker->gate, &held, sizeof(held), NULL, 0, 0) < 0)
		return -EACCES;
	outcome->answered = true;
	return 0;
}

static const struct row {
	int nr;
	int (*serve)(struct caller *caller, struct outcome *outcome);
} rows[] = {
	{ SYS_openat, serve_openat },       { SYS_open, serve_open },
	{ SYS_creat, serve_creat },         { SYS_mkdir, serve_mkdir },
	{ SYS_mkdirat, serve_mkdirat },     { SYS_mknod, serve_mknod },
	{ SYS_mknodat, serve_mknodat },     { SYS_symlink, serve_symlink },
	{ SYS_symlinkat, serve_symlinkat }, { SYS_link, serve_link },
	{ SYS_linkat, serve_linkat },       { SYS_rename, serve_rename },
	{ SYS_renameat, serve_renameat },   { SYS_renameat2, serve_renameat },
	{ SYS_bind, serve_bind },           { SYS_execve, serve_exec },
	{ SYS_execveat, serve_exec },
};

void broker_serve(struct broker *broker, const struct seccomp_notif *request)
{
	struct caller caller = { .broker = broker, .id = request->id, .tid = (pid_t)request->pid,
				 .data = request->data, .cwd = FD_NONE };
	struct outcome outcome = { .error = -EACCES, .fd = FD_NONE };

	/* A call without a row is a bug of the filter's: refused. */
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].nr == request->data.nr)
			outcome.error = rows[i].serve(&caller, &outcome);
	if (outcome.error >= 0 && outcome.fd != FD_NONE)
		outcome.error = caller_inject(&caller, outcome.fd, outcome.flags);
	else if (outcome.error >= 0 && !outcome.answered)
		caller_answer(&caller, 0);
	fd_close(outcome.fd);
	fd_close(caller.cwd);
	if (outcome.error < 0 && outcome.error != -ESRCH)
		caller_answer(&caller, outcome.error);
}
