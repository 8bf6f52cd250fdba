/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tree_text.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/text.h"

struct seen { ino_t ino; char path[4096]; };
static struct seen seen[2048];
static size_t seen_count;

static uint64_t hash_of(int fd)
{
	static unsigned char bytes[65536];
	uint64_t hash = 0xcbf29ce484222325ULL;
	ssize_t len;

	while ((len = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < len; i++)
			hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

static const char *first_name(const struct stat *st, const char *path)
{
	for (size_t i = 0; i < seen_count; i++)
		if (seen[i].ino == st->st_ino)
			return seen[i].path;
	ck_assert_uint_lt(seen_count, COUNT(seen));
	seen[seen_count].ino = st->st_ino;
	IGNORE(snprintf(seen[seen_count].path, sizeof(seen[0].path), "%s", path) < 0);
	return seen[seen_count++].path;
}

static void describe(struct buf *to, int parent, const char *name, const char *path, const struct stat *st,
		     bool whole)
{
	char text[2048] = "", value[1024] = "";
	ssize_t len = 0;

	if (S_ISLNK(st->st_mode))
		len = readlinkat(parent, name, value, sizeof(value) - 1);
	IGNORE(buf_printf(to, "%s %o %u:%u", path, st->st_mode, st->st_uid, st->st_gid) < 0);
	if (S_ISREG(st->st_mode)) {
		int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		ck_assert_int_ge(fd, 0);
		len = fgetxattr(fd, "user.test", value, sizeof(value) - 1);
		IGNORE(buf_printf(to, " %lld %016llx = %s", (long long)st->st_size,
				  (unsigned long long)hash_of(fd), first_name(st, path)) < 0);
		fd_close(fd);
	}
	text_escape(text, sizeof(text), slice_new(value, len > 0 ? (size_t)len : 0));
	IGNORE(buf_printf(to, " '%s'", text) < 0);
	/* Times that were set are small; others are those of writing. */
	if (!S_ISDIR(st->st_mode) && (whole || st->st_mtim.tv_sec < 1000000))
		IGNORE(buf_printf(to, " m%lld", (long long)st->st_mtim.tv_sec) < 0);
	if (whole)
		IGNORE(buf_printf(to, " i%llu c%lld.%ld n%lu", (unsigned long long)st->st_ino,
				  (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
				  (unsigned long)st->st_nlink) < 0);
	IGNORE(buf_printf(to, "\n") < 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void walk(struct buf *to, int dir, const char *prefix, bool whole)
{
	struct dirent **entries;
	int count = scandirat(dir, ".", &entries, NULL, by_name);

	ck_assert_int_ge(count, 0);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[4096], shown[1024];
		struct stat st;
		int below;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			text_escape(shown, sizeof(shown), slice_of(name));
			IGNORE(snprintf(path, sizeof(path), "%s/%s", prefix, shown) < 0);
			ck_assert_int_eq(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
			describe(to, dir, name, path, &st, whole);
			below = S_ISDIR(st.st_mode) ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
			if (below >= 0)
				walk(to, below, path, whole);
			fd_close(below);
		}
		free(entries[i]);
	}
	free(entries);
}

struct buf tree_text(const char *root, bool whole)
{
	struct buf text = buf_growing(64U << 20);
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	seen_count = 0;
	walk(&text, fd, "", whole);
	ck_assert(!text.failed);
	IGNORE(buf_append(&text, "", 1) < 0);
	fd_close(fd);
	return text;
}
