/* SPDX-License-Identifier: Apache-2.0 */
#include "run/known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/sys.h"
#include "base/text.h"

#define COMPARE_BYTES 65536U
#define COMPARE_MAX (256U << 20)   /* larger programs are known by identity alone */
#define SETTLED_NS 100000000ULL
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int open_file(const struct program_root *root, const char *path, struct stat *ret_st)
{
	auto_close int fd = sys_openat2(root->root, path, &(struct open_how){
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	});

	if (fd < 0)
		return fd;
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode))
		return -EACCES;
	return TAKE_FD(fd);
}

static void add_file(struct known *known, const struct program_root *root, struct slice name,
		     enum known_kind kind, const char *path)
{
	struct known_file *file = &known->files[known->count];
	auto_close int fd = FD_NONE;
	struct stat st;

	if (known->count == KNOWN_MAX || text_copy(file->path, sizeof(file->path), slice_of(path)) < 0)
		return;
	fd = open_file(root, path, &st);
	if (fd < 0) {
		fd = FD_NONE;
		return;
	}
	for (uint32_t i = 0; i < known->count; i++)
		if (known->files[i].dev == st.st_dev && known->files[i].ino == st.st_ino &&
		    slice_eq(known->files[i].name, name))
			return;
	file->name = name;
	file->kind = kind;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	file->size = (uint64_t)st.st_size;
	known->count++;
}

/* In each directory of a list like PATH. */
static void add_name(struct known *known, const struct program_root *root, struct slice name,
		     enum known_kind kind, const char *search)
{
	char path[HELD_PATH_MAX];

	if (name.len == 0 || memchr(name.data, '/', name.len))
		return;
	for (const char *at = search; *at;) {
		size_t len = strcspn(at, ":");

		if (*at == '/' && snprintf(path, sizeof(path), "%.*s/%.*s", (int)len, at, (int)name.len,
					   name.data) < (int)sizeof(path))
			add_file(known, root, name, kind, path);
		at += len + (at[len] == ':');
	}
}

/* In the first `count` patterns. */
static bool is_named(const struct govern_view *govern, uint32_t count, struct slice name)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct govern_list *list = &govern->patterns[i].programs;

		for (uint32_t j = 0; j < list->count; j++)
			if (slice_eq(govern_text(govern, govern->words[list->first + j]), name))
				return true;
	}
	return false;
}

bool known_is_named(const struct govern_view *govern, struct slice name)
{
	return is_named(govern, govern->patterns_count, name);
}

void known_fill(struct known *known, const struct govern_view *govern, const struct program_root *root,
		const char *search)
{
	static const char *const loaders[] = {
		"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux.so.2", "/lib/ld-musl-x86_64.so.1",
		"/libx32/ld-linux-x32.so.2",
	};
	static const char *const many[] = { "busybox", "toybox", "coreutils" };

	known->count = 0;
	for (size_t i = 0; i < COUNT(loaders); i++)
		add_file(known, root, slice_of(loaders[i]), KNOWN_LOADER, loaders[i]);
	for (size_t i = 0; i < COUNT(many); i++)
		add_name(known, root, slice_of(many[i]), KNOWN_MANY, SYSTEM_PATH);
	for (uint32_t i = 0; i < govern->patterns_count; i++) {
		const struct govern_list *list = &govern->patterns[i].programs;

		for (uint32_t j = 0; j < list->count; j++) {
			struct slice name = govern_text(govern, govern->words[list->first + j]);

			if (is_named(govern, i, name))
				continue;
			add_name(known, root, name, KNOWN_PROGRAM, SYSTEM_PATH);
			if (search)
				add_name(known, root, name, KNOWN_PROGRAM, search);
		}
	}
}

static int open_content(int path_fd)
{
	char name[64];
	int fd;

	IGNORE(snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd) < 0);
	fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool same_bytes(int one_fd, int other_fd, uint64_t size)
{
	static char one[COMPARE_BYTES], other[COMPARE_BYTES];

	for (uint64_t at = 0; at < size;) {
		ssize_t len = pread(one_fd, one, sizeof(one), (off_t)at);

		if (len <= 0 || pread(other_fd, other, (size_t)len, (off_t)at) != len ||
		    memcmp(one, other, (size_t)len) != 0)
			return false;
		at += (uint64_t)len;
	}
	return true;
}

static bool same_content(const struct program_root *root, const struct program *program,
			 const struct known_file *file)
{
	auto_close int path_fd = FD_NONE, one = FD_NONE, other = FD_NONE;
	struct stat st;

	if (file->size != (uint64_t)program->st.st_size || file->size > COMPARE_MAX)
		return false;
	path_fd = open_file(root, file->path, &st);
	if (path_fd < 0)
		return false;
	one = open_content(path_fd);
	other = open_content(program->fd);
	return one >= 0 && other >= 0 && same_bytes(one, other, file->size);
}

static void add_as(struct known_as *as, const struct known_file *file)
{
	as->loader |= file->kind == KNOWN_LOADER;
	as->many |= file->kind == KNOWN_MANY;
	if (file->kind == KNOWN_LOADER)
		return;
	for (uint32_t i = 0; i < as->name_count; i++)
		if (slice_eq(as->names[i], file->name))
			return;
	/* Two places are for the names that it was called by. */
	if (as->name_count + 2 < JUDGE_NAMES_MAX)
		as->names[as->name_count++] = file->name;
	else
		as->more = true;
}

const struct known_as *known_find(struct known *known, const struct program_root *root,
				  const struct program *program)
{
	struct known_as *as = &known->seen[(program->st.st_ino ^ program->st.st_dev) % KNOWN_SEEN];
	const struct stat *st = &program->st;
	uint64_t now = now_realtime_ns();

	if (as->ino == st->st_ino && as->dev == st->st_dev && as->size == (uint64_t)st->st_size &&
	    as->change_ns == program->file.change_ns)
		return as;
	*as = (struct known_as){ .dev = st->st_dev, .size = (uint64_t)st->st_size,
				 .change_ns = program->file.change_ns };
	for (uint32_t i = 0; i < known->count; i++) {
		const struct known_file *file = &known->files[i];

		if ((file->ino == st->st_ino && file->dev == st->st_dev) ||
		    same_content(root, program, file))
			add_as(as, file);
	}
	/* A change within a clock tick can leave the time as it was: then it is looked at again. */
	as->ino = now - MIN(now, as->change_ns) < SETTLED_NS ? 0 : st->st_ino;
	return as;
}
