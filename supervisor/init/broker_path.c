/* SPDX-License-Identifier: Apache-2.0 */
/* From a path of the caller to a directory and a name. The usual case is one openat2 that refuses
 * links; only where there is one the walk goes step by step, because links of /proc must lead to
 * what the *caller* would find there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/sys.h"
#include "base/text.h"
#include "decide/names_new.h"
#include "init/broker.h"

#define LINKS_MAX 40U            /* as the kernel's MAXSYMLINKS */
#define SEARCH_DEPTH_MAX 32U
#define SEARCH_ENTRIES_MAX 20000U

struct walk {
	struct caller *caller;
	struct place place;          /* dir: where the walk stands */
	char rest[BROKER_PATH_MAX];
	unsigned int links;
	bool stepwise;               /* a link is among the next components */
};

static void leave_dir(struct place *place)
{
	if (!place->lent)
		fd_close(place->dir);
	place->dir = FD_NONE;
	place->lent = false;
}

void place_finish(struct place *place)
{
	leave_dir(place);
	place->object = fd_close(place->object);
}

int place_look(struct place *place)
{
	if (!place->looked)
		place->found = fstatat(place->dir, place->name, &place->st, AT_SYMLINK_NOFOLLOW) < 0 ?
			       -errno : 0;
	place->looked = true;
	return place->found;
}

int broker_path_of(const struct broker *broker, int fd, char path[BROKER_PATH_MAX])
{
	char number[16];
	ssize_t len;

	IGNORE(snprintf(number, sizeof(number), "%d", fd) < 0);
	len = readlinkat(broker->own, number, path, BROKER_PATH_MAX);
	if (len <= 0 || (size_t)len >= BROKER_PATH_MAX || path[0] != '/')
		return -EACCES;
	path[len] = '\0';
	return (int)len;
}

int place_path(const struct broker *broker, const struct place *place, char path[BROKER_PATH_MAX])
{
	int len = broker_path_of(broker, place->dir, path);
	size_t name = strlen(place->name);

	if (len < 0)
		return len;
	if (len == 1) /* "/" */
		len = 0;
	if ((size_t)len + 1 + name >= BROKER_PATH_MAX)
		return -ENAMETOOLONG;
	path[len] = '/';
	memcpy(path + len + 1, place->name, name + 1);
	return (int)((size_t)len + 1 + name);
}

/* ---- links ---- */

static int move_to(struct walk *walk, int fd)
{
	if (fd < 0)
		return fd;
	leave_dir(&walk->place);
	walk->place.dir = fd;
	return 0;
}

static int move_to_lent(struct walk *walk, int fd)
{
	int r = move_to(walk, fd);

	walk->place.lent = r >= 0;
	return r;
}

static int open_path(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, O_PATH | O_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

/* `text` in front of what is left. */
static int link_expand(struct walk *walk, const char *text)
{
	size_t len = strlen(text), rest = strlen(walk->rest);

	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (len == 0)
		return -ENOENT;
	if (len + 1 + rest >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + len + (rest > 0), walk->rest, rest + 1);
	memcpy(walk->rest, text, len);
	if (rest > 0)
		walk->rest[len] = '/';
	walk->stepwise = false;
	if (text[0] != '/')
		return 0;
	return move_to_lent(walk, walk->caller->broker->root);
}

/* A link below /proc/PID: an open file or a directory of a process. Only the caller's own. */
static int link_magic(struct walk *walk, const char *where, const char *name)
{
	char own[32];
	int r = caller_status(walk->caller), len;

	if (r < 0)
		return r;
	len = snprintf(own, sizeof(own), "/proc/%d", walk->caller->tgid);
	if (strncmp(where, own, (size_t)len) != 0 || (where[len] != '/' && where[len] != '\0'))
		return -EACCES;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	r = open_path(walk->place.dir, name, 0);
	if (r < 0)
		return r;
	walk->place.proc = true;
	walk->stepwise = false;
	if (walk->rest[0])
		return move_to(walk, r);
	walk->place.object = r;
	return 0;
}

static int link_of_proc(struct walk *walk, const char *name, char text[BROKER_PATH_MAX])
{
	char where[BROKER_PATH_MAX];
	int r = broker_path_of(walk->caller->broker, walk->place.dir, where);
	bool self = strcmp(name, "self") == 0;

	if (r < 0)
		return r;
	if (strcmp(where, "/proc") != 0)
		return link_magic(walk, where, name);
	if (!self && strcmp(name, "thread-self") != 0)
		return link_expand(walk, text);
	r = caller_status(walk->caller);
	if (r < 0)
		return r;
	/* Ours says our own number. */
	if (self)
		IGNORE(snprintf(text, BROKER_PATH_MAX, "%d", walk->caller->tgid) < 0);
	else
		IGNORE(snprintf(text, BROKER_PATH_MAX, "%d/task/%d", walk->caller->tgid,
				walk->caller->tid) < 0);
	return link_expand(walk, text);
}

/* Follows the link `name` in the directory of the walk. */
static int link_follow(struct walk *walk, const char *name)
{
	char text[BROKER_PATH_MAX];
	ssize_t len = readlinkat(walk->place.dir, name, text, sizeof(text));
	struct statfs fs;

	if (len < 0 || (size_t)len >= sizeof(text))
		return len < 0 ? -errno : -ENAMETOOLONG;
	text[len] = '\0';
	if (fstatfs(walk->place.dir, &fs) < 0)
		return -errno;
	if (fs.f_type == PROC_SUPER_MAGIC)
		return link_of_proc(walk, name, text);
	return link_expand(walk, text);
}

static int is_link(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISLNK(st.st_mode);
}

/* ---- the walk ---- */

/* The part of rest before the last component, in one call. 1: done; 0: not possible. */
static int leap(struct walk *walk)
{
	char *rest = walk->rest, *last = rest + strlen(rest);
	char kept;
	int fd;

	while (last > rest && last[-1] == '/')
		last--;
	while (last > rest && last[-1] != '/')
		last--;
	if (last == rest)
		return 0;
	kept = *last;
	*last = '\0';
	fd = sys_openat2(walk->place.dir, rest, &(struct open_how){
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS });
	*last = kept;
	if (fd == -ELOOP)
		return 0;
	if (fd < 0)
		return fd;
	memmove(rest, last, strlen(last) + 1);
	return move_to(walk, fd);
}

/* Takes the next component off rest. Returns 1 when it is the last, 0 when not. */
static int next_name(struct walk *walk, char name[NAME_MAX + 1], bool *ret_slash)
{
	size_t skip = strspn(walk->rest, "/"), len = strcspn(walk->rest + skip, "/"), after;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, walk->rest + skip, len);
	name[len] = '\0';
	after = skip + len + strspn(walk->rest + skip + len, "/");
	*ret_slash = after > skip + len;
	memmove(walk->rest, walk->rest + after, strlen(walk->rest + after) + 1);
	return walk->rest[0] == '\0';
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One component that is not the last. */
static int step(struct walk *walk, const char *name)
{
	int r = is_dots(name) ? 0 : is_link(walk->place.dir, name);

	if (r < 0)
		return r;
	if (r > 0)
		return link_follow(walk, name);
	return move_to(walk, open_path(walk->place.dir, name, O_NOFOLLOW | O_DIRECTORY));
}

/* 1: the walk is over. */
static int last_step(struct walk *walk, const char *name, bool slash, bool follow)
{
	struct place *place = &walk->place;
	int r;

	place->slash |= slash;
	if (!name[0] || is_dots(name)) {
		r = name[0] ? move_to(walk, open_path(place->dir, name, O_DIRECTORY)) : 0;
		place->name[0] = '\0';
		return r < 0 ? r : 1;
	}
	memcpy(place->name, name, strlen(name) + 1);
	r = follow ? place_look(place) : 0;
	if (follow && r == 0 && S_ISLNK(place->st.st_mode)) {
		place->looked = false;
		place->name[0] = '\0';
		r = link_follow(walk, name);
		return r < 0 || place->object == FD_NONE ? r : 1;
	}
	return r < 0 && r != -ENOENT ? r : 1;
}

static int walk_on(struct walk *walk, bool follow)
{
	for (;;) {
		char name[NAME_MAX + 1];
		bool slash;
		int r = walk->stepwise ? 0 : leap(walk);

		if (r < 0)
			return r;
		walk->stepwise = true; /* until a link is behind us */
		r = next_name(walk, name, &slash);
		if (r < 0)
			return r;
		r = r ? last_step(walk, name, slash, follow) : step(walk, name);
		if (r != 0)
			return MIN(r, 0);
	}
}

int place_find(struct caller *caller, int dir_fd, const char *path, bool follow, struct place *ret_place)
{
	struct walk walk = { .caller = caller, .place = PLACE_NONE };
	int r;

	if (!path[0])
		return -ENOENT;
	r = text_copy(walk.rest, sizeof(walk.rest), slice_of(path));
	if (r < 0)
		return -ENAMETOOLONG;
	if (path[0] == '/')
		r = move_to_lent(&walk, caller->broker->root);
	else if (dir_fd == AT_FDCWD)
		r = move_to_lent(&walk, caller_cwd(caller));
	else /* from no directory: fails at the first look-up */
		r = move_to(&walk, caller_path_fd(caller, dir_fd));
	if (r >= 0)
		r = walk_on(&walk, follow);
	if (r < 0) {
		place_finish(&walk.place);
		return r;
	}
	*ret_place = walk.place;
	return 0;
}

/* ---- the rules ---- */

struct search {
	const struct broker *broker;
	char path[BROKER_PATH_MAX];  /* where the entry would be */
	unsigned int entries;
};

static int search_directory(struct search *search, int dir, const char *name, size_t len,
			    unsigned int depth);

static int search_entry(struct search *search, int dir, const char *name, size_t len, unsigned int depth)
{
	size_t name_len = strlen(name);
	struct stat st;

	if (++search->entries > SEARCH_ENTRIES_MAX || len + 1 + name_len >= sizeof(search->path))
		return -EXDEV;
	search->path[len] = '/';
	memcpy(search->path + len + 1, name, name_len + 1);
	len += 1 + name_len;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -EACCES;
	switch (new_name_at(&search->broker->rules, slice_new(search->path, len))) {
	case NEW_NAME_FREE:
		return 0;
	case NEW_NAME_REACHES:
		return S_ISDIR(st.st_mode) ? search_directory(search, dir, name, len, depth + 1) : 0;
	case NEW_NAME_LEADS:
		return S_ISDIR(st.st_mode) ? search_directory(search, dir, name, len, depth + 1) :
					     BROKER_PROTECTED;
	case NEW_NAME_PROTECTED:
		break;
	}
	return BROKER_PROTECTED;
}

/* A directory that cannot be read cannot be searched: refused. */
static int search_directory(struct search *search, int dir, const char *name, size_t len,
			    unsigned int depth)
{
	int fd = depth < SEARCH_DEPTH_MAX ?
		 openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : FD_NONE;
	const struct dirent *entry;
	DIR *stream;
	int r = 0;

	if (fd < 0)
		return depth < SEARCH_DEPTH_MAX ? -EACCES : -EXDEV;
	stream = fdopendir(fd);
	if (!stream) {
		fd_close(fd);
		return -EACCES;
	}
	while (r == 0 && (entry = readdir(stream)))
		if (!is_dots(entry->d_name))
			r = search_entry(search, fd, entry->d_name, len, depth);
	IGNORE(closedir(stream) < 0);
	return r;
}

int place_may_appear(const struct broker *broker, const struct place *place, bool directory,
		     const struct place *from)
{
	struct search search = { .broker = broker };
	int len = place_path(broker, place, search.path);

	if (len < 0)
		return len;
	switch (new_name_at(&broker->rules, slice_new(search.path, (size_t)len))) {
	case NEW_NAME_FREE:
		return 0;
	case NEW_NAME_LEADS:
		if (!directory)
			return BROKER_PROTECTED;
		break;
	case NEW_NAME_REACHES:
		break;
	case NEW_NAME_PROTECTED:
		return BROKER_PROTECTED;
	}
	if (!directory || !from)
		return 0;
	return search_directory(&search, from->dir, from->name, (size_t)len, 0);
}
