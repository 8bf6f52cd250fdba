/* SPDX-License-Identifier: Apache-2.0 */
#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/loop.h"
#include "base/parse.h"
#include "base/sys.h"
#include "base/text.h"

#define HEADS 256U
#define SETTLED_NS 100000000ULL    /* a change within a clock tick can leave the time as it was */
#define AGAIN_MAX 8U               /* a name on the way was renamed meanwhile (openat2(2)) */
#define BTRFS_MAGIC 0x9123683E
#define OVERLAY_MAGIC 0x794c7630

/* ---- the first line ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *bytes, size_t at, size_t end)
{
	while (at < end && is_blank(bytes[at]))
		at++;
	return at;
}

static size_t skip_word(const char *bytes, size_t at, size_t end)
{
	while (at < end && !is_blank(bytes[at]) && bytes[at] != '\0')
		at++;
	return at;
}

static void script_parse(const char *bytes, size_t len, struct program_head *head)
{
	const char *newline = memchr(bytes, '\n', strnlen(bytes, len));
	size_t end = newline ? (size_t)(newline - bytes) : PROGRAM_HEAD_MAX - 1, name, sep, argument;

	/* Without a newline the name of the interpreter must end within what the kernel reads. */
	name = skip_blanks(bytes, 2, end);
	if (!newline && (name == end || skip_word(bytes, name, end) == end))
		return;
	while (end > 2 && is_blank(bytes[end - 1]))
		end--;
	name = skip_blanks(bytes, 2, end);
	sep = skip_word(bytes, name, end);
	if (name == end || sep == name)
		return;
	head->kind = PROGRAM_SCRIPT;
	memcpy(head->interpreter, bytes + name, sep - name);
	if (sep == end || bytes[sep] == '\0')
		return;
	argument = skip_blanks(bytes, sep, end);
	head->has_argument = true; /* which may be empty */
	memcpy(head->argument, bytes + argument, strnlen(bytes + argument, end - argument));
}

void program_parse(const char *bytes, size_t len, struct program_head *head)
{
	char first[PROGRAM_HEAD_MAX] = { 0 };

	memcpy(first, bytes, MIN(len, sizeof(first)));
	*head = (struct program_head){ .kind = PROGRAM_OTHER };
	if (memcmp(first, "\177ELF", 4) == 0)
		head->kind = PROGRAM_ELF;
	else if (first[0] == '#' && first[1] == '!')
		script_parse(first, sizeof(first), head);
}

/* What was read of files, by identity: most commands are executed many times. */
static struct {
	uint64_t dev, ino, size, change_ns;
	struct program_head head;
} heads[HEADS];

static int head_read(struct program *program)
{
	char name[64], bytes[PROGRAM_HEAD_MAX];
	auto_close int fd = FD_NONE;
	ssize_t len;
	int gen;

	IGNORE(snprintf(name, sizeof(name), "/proc/self/fd/%d", program->fd) < 0);
	fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = pread(fd, bytes, sizeof(bytes), 0);
	if (len < 0)
		return -errno;
	program_parse(bytes, (size_t)len, &program->head);
	if (ioctl(fd, FS_IOC_GETVERSION, &gen) == 0) {
		program->head.gen = (uint32_t)gen;
		program->head.has_gen = 1;
	}
	return 0;
}

static int head_find(struct program *program)
{
	const struct stat *st = &program->st;
	uint64_t change_ns = program->file.change_ns;
	size_t slot = (st->st_ino ^ st->st_dev) % HEADS;
	int r;

	if (heads[slot].ino == st->st_ino && heads[slot].dev == st->st_dev &&
	    heads[slot].size == (uint64_t)st->st_size && heads[slot].change_ns == change_ns) {
		program->head = heads[slot].head;
		return 0;
	}
	r = head_read(program);
	if (r < 0 || now_realtime_ns() - MIN(change_ns, now_realtime_ns()) < SETTLED_NS)
		return r;
	heads[slot].dev = st->st_dev;
	heads[slot].ino = st->st_ino;
	heads[slot].size = (uint64_t)st->st_size;
	heads[slot].change_ns = change_ns;
	heads[slot].head = program->head;
	return 0;
}

/* ---- the file ---- */

static ssize_t path_of(int fd, char *to, size_t size)
{
	char name[64];
	ssize_t len;

	IGNORE(snprintf(name, sizeof(name), "/proc/self/fd/%d", fd) < 0);
	len = readlink(name, to, size - 1);
	if (len < 0)
		return -errno;
	if ((size_t)len == size - 1)
		return -ENAMETOOLONG;
	to[len] = '\0';
	return len;
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static enum program_place place_of(const struct program_root *root, const struct program *program,
				   const struct statfs *fs)
{
	const struct stat *st = &program->st;

	if (program->by_fd || st->st_nlink == 0 || program->path[0] != '/')
		return PLACE_UNKNOWN;
	if (st->st_uid == 0 && !(st->st_mode & (S_ISUID | S_ISGID | S_IWOTH)) && fs->f_flags & ST_RDONLY)
		return PLACE_TOOL;
	return is_below(program->path, root->workspace) ? PLACE_WORKSPACE : PLACE_UNKNOWN;
}

/* Where stat(2) and the kernel's inode do not agree on the device. */
static bool has_other_dev(const struct statfs *fs)
{
	return fs->f_type == OVERLAY_MAGIC || fs->f_type == BTRFS_MAGIC;
}

/* Everything about the file behind program->fd. */
static int describe(const struct program_root *root, struct program *program)
{
	struct statfs fs;
	ssize_t len;
	int r;

	if (fstat(program->fd, &program->st) < 0 || fstatfs(program->fd, &fs) < 0)
		return -errno;
	if (!S_ISREG(program->st.st_mode))
		return -EACCES;
	len = path_of(program->fd, program->path, sizeof(program->path));
	if (len < 0)
		return (int)len;
	program->path_len = (size_t)len;
	program->file = (struct exec_file){
		.dev = has_other_dev(&fs) ? 0 : program->st.st_dev,
		.ino = program->st.st_ino, .size = (uint64_t)program->st.st_size,
		.change_ns = (uint64_t)program->st.st_ctim.tv_sec * 1000000000ULL +
			     (uint64_t)program->st.st_ctim.tv_nsec,
	};
	r = head_find(program);
	if (r < 0)
		return r;
	program->file.gen = program->head.gen;
	program->file.has_gen = program->head.has_gen;
	program->place = place_of(root, program, &fs);
	return 0;
}

static int open_inside(const struct program_root *root, const struct program_cwd *cwd, const char *path,
		       uint64_t more)
{
	char whole[PROGRAM_PATH_MAX];
	int len = path[0] == '/' ? snprintf(whole, sizeof(whole), "%s", path) :
				   snprintf(whole, sizeof(whole), "%s/%s", cwd->path, path);
	int fd = -ENAMETOOLONG;

	for (uint32_t i = 0; len < (int)sizeof(whole) && i < AGAIN_MAX; i++) {
		fd = sys_openat2(root->root, whole, &(struct open_how){
			.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | more,
		});
		if (fd != -EAGAIN)
			break;
	}
	/* A magic link of /proc on the way: where it leads depends on who follows it. */
	return fd == -ELOOP || fd == -EXDEV ? -EACCES : fd;
}

int program_at(const struct program_root *root, const struct program_cwd *cwd, const char *path,
	       struct program *ret_program)
{
	int r;

	ret_program->by_fd = false;
	ret_program->fd = open_inside(root, cwd, path, 0);
	if (ret_program->fd < 0)
		return ret_program->fd;
	r = describe(root, ret_program);
	if (r < 0)
		program_finish(ret_program);
	return r;
}

/* The links of /proc to the caller itself, which lead nowhere for us: "exe", "fd/N", or NULL. */
static const char *own_link(const char *path)
{
	static const char *const tops[] = { "/proc/self/", "/proc/thread-self/" };

	if (strncmp(path, "/dev/fd/", 8) == 0)
		return path + strlen("/dev/");
	for (size_t i = 0; i < COUNT(tops); i++)
		if (strncmp(path, tops[i], strlen(tops[i])) == 0)
			return path + strlen(tops[i]);
	return NULL;
}

static int open_own(pid_t tid, const char *link, bool *ret_by_fd)
{
	char name[64];
	uint64_t fd;
	int r;

	if (strcmp(link, "exe") == 0) {
		IGNORE(snprintf(name, sizeof(name), "/proc/%d/exe", tid) < 0);
	} else {
		if (strncmp(link, "fd/", 3) != 0 || parse_u64(slice_of(link + 3), 0, INT32_MAX, &fd) < 0)
			return -EACCES;
		*ret_by_fd = true;
		IGNORE(snprintf(name, sizeof(name), "/proc/%d/fd/%d", tid, (int)fd) < 0);
	}
	r = open(name, O_PATH | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

/* execveat(2) with a descriptor: the file behind it, or from the directory that it is. */
static int open_from_fd(const struct program_root *root, const struct held *held, struct program *program)
{
	struct program_cwd dir;
	auto_close int fd = FD_NONE;
	char link[32];
	ssize_t len;

	IGNORE(snprintf(link, sizeof(link), "fd/%d", held->dir_fd) < 0);
	fd = open_own(held->tid, link, &program->by_fd);
	if (fd == -ENOENT)
		return -EBADF;
	if (fd < 0 || (held->path_len == 0 && held->flags & AT_EMPTY_PATH))
		return fd < 0 ? fd : TAKE_FD(fd);
	len = path_of(fd, dir.path, sizeof(dir.path));
	return len < 0 ? (int)len : open_inside(root, &dir, held->path, 0);
}

int program_called(const struct program_root *root, const struct held *held, const struct program_cwd *cwd,
		 struct program *ret_program)
{
	const char *link = own_link(held->path);
	uint64_t more = held->flags & AT_SYMLINK_NOFOLLOW ? RESOLVE_NO_SYMLINKS : 0;
	int r;

	ret_program->by_fd = false;
	if (held->flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (held->path_len == 0 && !(held->flags & AT_EMPTY_PATH))
		return -ENOENT;
	if (held->path[0] != '/' && held->dir_fd != AT_FDCWD)
		ret_program->fd = open_from_fd(root, held, ret_program);
	else if (link)
		ret_program->fd = open_own(held->tid, link, &ret_program->by_fd);
	else
		ret_program->fd = open_inside(root, cwd, held->path, more);
	if (ret_program->fd < 0)
		return ret_program->fd;
	r = describe(root, ret_program);
	if (r == 0 && ret_program->by_fd && ret_program->head.kind == PROGRAM_SCRIPT)
		r = -EACCES; /* its interpreter would open something else than was looked at */
	if (r < 0)
		program_finish(ret_program);
	return r;
}

void program_finish(struct program *program)
{
	program->fd = fd_close(program->fd < 0 ? FD_NONE : program->fd);
}

int program_cwd(pid_t tid, struct program_cwd *ret_cwd)
{
	auto_close int fd = FD_NONE;
	struct statfs fs;
	char name[64];
	ssize_t len;

	IGNORE(snprintf(name, sizeof(name), "/proc/%d/cwd", tid) < 0);
	fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &ret_cwd->st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	ret_cwd->other_dev = has_other_dev(&fs);
	len = path_of(fd, ret_cwd->path, sizeof(ret_cwd->path));
	return len < 0 ? (int)len : 0;
}

/* ---- arguments ---- */

/* Takes the last component of `text` away. False: there is none. */
static bool shorten(char *text, size_t *len)
{
	while (*len > 0 && text[*len - 1] == '/')
		(*len)--;
	while (*len > 0 && text[*len - 1] != '/')
		(*len)--;
	text[*len] = '\0';
	return *len > 0;
}

/* What no file system has as a name. */
static bool could_exist(struct slice path)
{
	while (path.len > 0) {
		const char *slash = memchr(path.data, '/', path.len);
		size_t len = slash ? (size_t)(slash - path.data) : path.len, next = MIN(len + 1, path.len);

		if (len > NAME_MAX)
			return false;
		path = slice_new(path.data + next, path.len - next);
	}
	return true;
}

ssize_t program_resolve(const struct program_root *root, const struct program_cwd *cwd, struct slice path,
			char *to, size_t size)
{
	char text[PROGRAM_PATH_MAX], found[PROGRAM_PATH_MAX];
	int all = path.len > 0 && path.data[0] == '/' ?
			  snprintf(text, sizeof(text), "%.*s", (int)path.len, path.data) :
			  snprintf(text, sizeof(text), "%s/%.*s", cwd->path, (int)path.len, path.data);
	char rest[PROGRAM_PATH_MAX];
	size_t len = (size_t)all;
	ssize_t found_len = -ENOENT;

	if (all < 0 || len >= sizeof(text) || !could_exist(path))
		return -ENAMETOOLONG;
	memcpy(rest, text, len + 1);
	do {
		auto_close int fd = open_inside(root, cwd, text, 0);

		if (fd >= 0)
			found_len = path_of(fd, found, sizeof(found));
		else
			fd = FD_NONE;
		/* Most words are no files at all: where they would be is known. */
		if (found_len < 0 && !memchr(path.data, '/', path.len))
			return text_copy(to, size, slice_of(rest)) < 0 ? -ENAMETOOLONG : all;
	} while (found_len < 0 && shorten(text, &len));
	if (found_len < 0)
		return -ENAMETOOLONG;
	while (rest[len] == '/')
		len++;
	all = snprintf(to, size, "%s%s%s", found_len == 1 ? "" : found, rest[len] ? "/" : "", rest + len);
	return all < 0 || (size_t)all >= size ? -ENAMETOOLONG : all;
}
