/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/layer_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/sys.h"

#define PIECE (1U << 20)

static void proc_name(int fd, char to[32])
{
	IGNORE(snprintf(to, 32, "/proc/self/fd/%d", fd) < 0);
}

int file_mode(int path_fd, mode_t mode)
{
	char name[32];

	proc_name(path_fd, name);
	return chmod(name, mode) < 0 ? -errno : 0;
}

/* The finished file under its temporary name becomes the one of that name. */
static int rename_into_place(const struct place *place, const char *temporary)
{
	int r = 0;

	if (place->replaces ? renameat(place->parent, temporary, place->parent, place->name) < 0 :
			      renameat2(place->parent, temporary, place->parent, place->name,
					RENAME_NOREPLACE) < 0)
		r = -errno;
	/* A rename between two names of one file does nothing, and leaves both. */
	if (r < 0 || place->replaces)
		IGNORE(unlinkat(place->parent, temporary, 0) < 0);
	return r;
}

/* ---- contents ---- */

/* Between file systems the kernel may not copy by itself. */
static ssize_t copy_by_hand(int from, int to, off_t at, size_t len)
{
	static char bytes[PIECE];
	ssize_t have = pread(from, bytes, len, at);

	return have <= 0 ? have : pwrite(to, bytes, (size_t)have, at);
}

static int copy_piece(int from, int to, off_t at, off_t end)
{
	while (at < end) {
		size_t len = (size_t)MIN(end - at, (off_t)PIECE);
		off_t in = at, out = at;
		ssize_t done = copy_file_range(from, &in, to, &out, len, 0);

		if (done < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
			done = copy_by_hand(from, to, at, len);
		if (done < 0)
			return -errno;
		if (done == 0)
			return 0; /* shorter by now: a live file, which is never written back */
		at += done;
	}
	return 0;
}

/* Holes stay holes: what is written back takes no more than the upper layer did. */
static int copy_content(int from, int to, off_t size)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), hole;
		int r;

		if (data < 0)
			break; /* ENXIO: nothing but a hole is left */
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_piece(from, to, data, hole);
		if (r < 0)
			return r;
		at = hole;
	}
	return ftruncate(to, size) < 0 ? -errno : 0;
}

/* setuid and setgid stay behind, and so do capabilities, which are no attribute that counts. */
static int dress(int from, int to, const struct stat *upper)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, upper->st_mtim };
	int r = layer_copy_attributes(from, to);
	struct stat st;

	if (r < 0)
		return r;
	if (fstat(to, &st) < 0)
		return -errno;
	/* A group that the owner is not in (any more): the file gets his own. */
	if (st.st_gid != upper->st_gid)
		IGNORE(fchown(to, UID_NONE, upper->st_gid) < 0);
	if (fchmod(to, upper->st_mode & 01777) < 0)
		return -errno;
	return futimens(to, times) < 0 ? -errno : 0;
}

/* A file without a name; where the file system has none of these, under the temporary one. */
static int file_make(const struct place *place, const char *temporary, bool *ret_named)
{
	char parent[32];
	int fd;

	proc_name(place->parent, parent);
	*ret_named = false;
	fd = open(parent, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	*ret_named = true;
	fd = openat(place->parent, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int name_it(const struct place *place, const char *temporary, int fd, bool named)
{
	char self[32];

	if (named)
		return rename_into_place(place, temporary);
	proc_name(fd, self);
	if (linkat(AT_FDCWD, self, place->parent, place->replaces ? temporary : place->name,
		   AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return place->replaces ? rename_into_place(place, temporary) : 0;
}

static int copy_regular(struct layer *layer, const struct change *change, const struct place *place,
			const char *temporary)
{
	auto_close int from = layer_open_source(layer, change, O_RDONLY);
	auto_close int to = FD_NONE;
	struct stat st;
	bool named;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_ino != change->upper.st_ino)
		return -ESTALE;
	to = file_make(place, temporary, &named);
	if (to < 0)
		return to;
	r = copy_content(from, to, st.st_size);
	if (r == 0)
		r = dress(from, to, &change->upper);
	if (r == 0)
		return name_it(place, temporary, to, named);
	if (named)
		IGNORE(unlinkat(place->parent, temporary, 0) < 0);
	return r;
}

static int copy_symlink(const struct layer *layer, const struct change *change, const struct place *place,
			const char *temporary)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, change->upper.st_mtim };
	auto_close int from = layer_at(layer->upper, change->path, O_PATH | O_NOFOLLOW);
	char target[LAYER_PATH_MAX];
	ssize_t len;

	if (from < 0)
		return from;
	len = readlinkat(from, "", target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	if (symlinkat(target, place->parent, temporary) < 0)
		return -errno;
	IGNORE(utimensat(place->parent, temporary, times, AT_SYMLINK_NOFOLLOW) < 0); /* only a time */
	return rename_into_place(place, temporary);
}

/* A FIFO or the name of a socket. */
static int copy_node(const struct change *change, const struct place *place, const char *temporary)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, change->upper.st_mtim };

	/* The umask is 0. */
	if (mknodat(place->parent, temporary, change->upper.st_mode & (S_IFMT | 0777), 0) < 0)
		return -errno;
	IGNORE(utimensat(place->parent, temporary, times, AT_SYMLINK_NOFOLLOW) < 0); /* only a time */
	return rename_into_place(place, temporary);
}

int file_copy(struct layer *layer, const struct change *change, const struct place *place)
{
	const char *temporary = place->temporary;

	IGNORE(unlinkat(place->parent, temporary, 0) < 0); /* left by a crash */
	switch (change->upper.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_regular(layer, change, place, temporary);
	case S_IFLNK:
		return copy_symlink(layer, change, place, temporary);
	case S_IFIFO:
	case S_IFSOCK:
		return copy_node(change, place, temporary);
	default:
		return -EPERM;
	}
}

/* ---- further names ---- */

/* The path of the workspace that has this very file already; NULL when there is none. */
static const char *link_source(const struct layer *layer, const struct change *change, ino_t *ret_ino)
{
	const struct linked *linked = change->upper.st_nlink > 1 ? layer_find_link(layer, change->upper.st_ino) :
								   NULL;
	const struct change *from = change->from != LAYER_NONE ? &layer->changes[change->from] : NULL;

	/* Another name that was written is the same file for sure; the place that it came from may have another one by now. */
	*ret_ino = from && !linked ? from->lower.st_ino : 0;
	return linked ? linked->path : from ? from->path : NULL;
}

static int link_from(const struct layer *layer, const char *path, ino_t ino, const struct place *place)
{
	const char *name;
	auto_close int parent = layer_parent(layer->root, path, &name);
	const char *temporary = place->temporary;
	struct stat st;

	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    (ino != 0 && st.st_ino != ino))
		return 1;
	IGNORE(unlinkat(place->parent, temporary, 0) < 0);
	/* Not allowed, or too many names: it becomes a file of its own. */
	return linkat(parent, name, place->parent, temporary, 0) < 0 ? 1 : rename_into_place(place, temporary);
}

int file_link(struct layer *layer, const struct change *change, const struct place *place)
{
	const char *source;
	ino_t ino;
	int r;

	if (!S_ISREG(change->upper.st_mode))
		return 1;
	source = link_source(layer, change, &ino);
	r = source ? link_from(layer, source, ino, place) : 1;
	if (r < 0 || change->upper.st_nlink < 2 || layer_find_link(layer, change->upper.st_ino))
		return r;
	/* The further names are linked to this one, when it is there. */
	return layer_add_link(layer, change->upper.st_ino, change->path) < 0 ? -ENOMEM : r;
}

/* ---- without new content ---- */

int file_adjust(struct layer *layer, const struct change *change, const struct place *place)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, change->upper.st_mtim };
	auto_close int from = FD_NONE, to = FD_NONE;

	if (!S_ISREG(change->upper.st_mode)) {
		if (change->kind == CHANGE_MODE)
			return file_copy(layer, change, place); /* a FIFO has nothing to lose */
		return utimensat(place->parent, place->name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	}
	from = layer_open_source(layer, change, O_RDONLY);
	if (from < 0)
		return from;
	to = openat(place->parent, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (to < 0)
		return errno == EACCES ? file_copy(layer, change, place) : -errno;
	/* One step in place: cut off behind it there is at most a time left to be set. Attributes need several, and a
	 * file that is half done would look like somebody else's change: then a whole one takes its place. */
	if (change->kind == CHANGE_MODE && layer_same_attributes(from, to) != 1)
		return file_copy(layer, change, place);
	if (change->kind == CHANGE_MODE && fchmod(to, change->upper.st_mode & 01777) < 0)
		return -errno;
	return futimens(to, times) < 0 ? -errno : 0;
}

/* Its first step gives it its mode, open for us: a directory that has it is known as one that a commit was cut off at. */
int file_dress_directory(int from, int to, const struct stat *upper)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, upper->st_mtim };
	auto_close int fd = FD_NONE;
	mode_t mode, open_mode;
	char name[32];
	struct stat st;
	int r = 0;

	if (fstat(to, &st) < 0)
		return -errno;
	/* setgid is the workspace's own: what is made in it gets its group. */
	mode = (upper->st_mode & 01777) | (st.st_mode & 06000);
	open_mode = mode | 0700;
	if ((st.st_mode & 07777) != open_mode)
		r = file_mode(to, open_mode);
	if (r < 0)
		return r;
	proc_name(to, name);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (layer_same_attributes(from, fd) != 1)
		r = layer_copy_attributes(from, fd);
	/* A group that the owner is not in (any more): it keeps his own. */
	if (r == 0 && st.st_gid != upper->st_gid)
		IGNORE(fchown(fd, UID_NONE, upper->st_gid) < 0);
	if (r == 0 && (fstat(fd, &st) < 0 || ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0) ||
		       futimens(fd, times) < 0))
		r = -errno;
	return r;
}

/* ---- the upper layer ---- */

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int remove_below(int fd, unsigned int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		int below;

		if (is_dot(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0 || depth == 0)
			r = below < 0 ? -errno : -ELOOP;
		if (r < 0)
			fd_close(below);
		else
			r = remove_below(below, depth - 1);
		if (r == 0 && unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0)
			r = -errno;
	}
	closedir(dir);
	return r;
}

int file_remove_tree(int parent, const char *name)
{
	int fd, r;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = remove_below(fd, LAYER_DEPTH_MAX);
	if (r < 0)
		return r;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
