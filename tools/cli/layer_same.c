/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/text.h"

#define BLOCK 65536U
#define NAMES_BYTES 65536U      /* XATTR_LIST_MAX */
#define VALUE_BYTES 65536U      /* XATTR_SIZE_MAX */

/* ---- opening what the agent may have locked ---- */

static int mode_set(int path_fd, mode_t mode)
{
	char name[32];

	IGNORE(snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd) < 0);
	return chmod(name, mode) < 0 ? -errno : 0;
}

static int by_ino(const void *a, const void *b)
{
	const struct unlocked *left = a, *right = b;

	return (left->ino > right->ino) - (left->ino < right->ino);
}

static int unlocked_note(struct layer *layer, int root, const char *path, const struct stat *st)
{
	struct unlocked **grown = reallocarray(layer->unlocked, layer->unlocked_count + 1, sizeof(*grown));
	struct unlocked *one = malloc(sizeof(*one) + strlen(path) + 1);

	if (grown)
		layer->unlocked = grown;
	if (!grown || !one) {
		free(one);
		return -ENOMEM;
	}
	one->root = root;
	one->ino = st->st_ino;
	one->mode = st->st_mode & 07777;
	memcpy(one->path, path, strlen(path) + 1);
	layer->unlocked[layer->unlocked_count++] = one;
	return tsearch(one, &layer->unlocked_tree, by_ino) ? 0 : -ENOMEM;
}

void layer_true_mode(const struct layer *layer, struct stat *upper)
{
	const struct unlocked key = { .ino = upper->st_ino };
	struct unlocked *const *found = tfind(&key, &layer->unlocked_tree, by_ino);

	if (found)
		upper->st_mode = (upper->st_mode & S_IFMT) | (*found)->mode;
}

/* Stays open to us while we work: its attributes, too, can only be read where it can. */
static int open_locked(struct layer *layer, int root, const char *path, int flags)
{
	auto_close int handle = layer_at(root, path, O_PATH | O_NOFOLLOW);
	struct stat st;
	int r;

	if (handle < 0)
		return handle;
	if (fstat(handle, &st) < 0)
		return -errno;
	if (layer->live || st.st_uid != geteuid() || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
		return -EACCES;
	r = unlocked_note(layer, root, path, &st);
	if (r == 0)
		r = mode_set(handle, (st.st_mode & 07777) | (S_ISDIR(st.st_mode) ? 0700 : 0400));
	return r < 0 ? r : layer_at(root, path, flags | O_NOFOLLOW | O_NONBLOCK);
}

static int open_at(struct layer *layer, int root, const char *path, int flags)
{
	int fd = layer_at(root, path, flags | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd == -EACCES)
		return open_locked(layer, root, path, flags);
	/* Readable is not enough: what is in it is looked up by name. */
	if (fd >= 0 && flags & O_DIRECTORY && fstat(fd, &st) == 0 && (st.st_mode & 0500) != 0500) {
		fd_close(fd);
		return open_locked(layer, root, path, flags);
	}
	return fd;
}

int layer_open_upper(struct layer *layer, const char *path, int flags)
{
	return open_at(layer, layer->upper, path, flags);
}

int layer_open_source(struct layer *layer, const struct change *change, int flags)
{
	return change->index_name ? open_at(layer, layer->index, change->index_name, flags) :
				    open_at(layer, layer->upper, change->path, flags);
}

void layer_lock_again(struct layer *layer)
{
	/* Backwards: a directory is locked after what is in it. */
	for (size_t i = layer->unlocked_count; i > 0; i--) {
		struct unlocked *one = layer->unlocked[i - 1];
		auto_close int fd = layer_at(one->root, one->path, O_PATH | O_NOFOLLOW);

		/* Gone, when it was written back. */
		IGNORE(fd >= 0 && mode_set(fd, one->mode) < 0);
		IGNORE(!tdelete(one, &layer->unlocked_tree, by_ino)); /* it is in it */
		free(one);
	}
	free(layer->unlocked);
	layer->unlocked = NULL;
	layer->unlocked_count = 0;
}

/* ---- content ---- */

int layer_same_bytes(int a, int b)
{
	static char left[BLOCK], right[BLOCK];
	off_t at = 0;

	for (;;) {
		ssize_t a_len = pread(a, left, sizeof(left), at), b_len = pread(b, right, sizeof(right), at);

		if (a_len < 0 || b_len < 0)
			return -errno;
		if (a_len != b_len || memcmp(left, right, (size_t)a_len) != 0)
			return 0;
		if (a_len == 0)
			return 1;
		at += a_len;
	}
}

int layer_same_content(struct layer *layer, const char *path, const struct stat *upper,
		       const char *lower_path, const struct stat *lower)
{
	auto_close int a = FD_NONE, b = FD_NONE;

	if (upper->st_size != lower->st_size)
		return 0;
	a = layer_open_upper(layer, path, O_RDONLY);
	if (a < 0)
		return a;
	b = layer_at(layer->root, lower_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	/* One that its owner may not read can still be replaced; what was written back has its time. */
	if (b < 0)
		return upper->st_mtim.tv_sec == lower->st_mtim.tv_sec &&
		       upper->st_mtim.tv_nsec == lower->st_mtim.tv_nsec;
	return layer_same_bytes(a, b);
}

/* ---- attributes ---- */

bool layer_attribute_counts(const char *name)
{
	struct slice text = slice_of(name);

	return (slice_starts(text, slice_of("user.")) && !slice_starts(text, slice_of("user.overlay."))) ||
	       slice_is(text, "system.posix_acl_access") || slice_is(text, "system.posix_acl_default");
}

static ssize_t names_of(int fd, char names[NAMES_BYTES])
{
	ssize_t len = flistxattr(fd, names, NAMES_BYTES);

	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	return len;
}

static size_t count_of(const char *names, ssize_t len)
{
	size_t count = 0;

	for (const char *at = names; at < names + len; at += strlen(at) + 1)
		count += layer_attribute_counts(at);
	return count;
}

static bool same_value(int a, int b, const char *name)
{
	static char left[VALUE_BYTES], right[VALUE_BYTES];
	ssize_t a_len = fgetxattr(a, name, left, sizeof(left));
	ssize_t b_len = fgetxattr(b, name, right, sizeof(right));

	return a_len >= 0 && a_len == b_len && memcmp(left, right, (size_t)a_len) == 0;
}

int layer_same_attributes(int upper, int lower)
{
	static char a[NAMES_BYTES], b[NAMES_BYTES];
	ssize_t a_len = names_of(upper, a), b_len = names_of(lower, b);

	if (a_len < 0 || b_len < 0)
		return a_len < 0 ? (int)a_len : (int)b_len;
	if (count_of(a, a_len) != count_of(b, b_len))
		return 0;
	for (const char *at = a; at < a + a_len; at += strlen(at) + 1)
		if (layer_attribute_counts(at) && !same_value(upper, lower, at))
			return 0;
	return 1;
}

static int copy_one(int from, int to, const char *name)
{
	static char value[VALUE_BYTES];
	ssize_t len = fgetxattr(from, name, value, sizeof(value));

	if (len < 0)
		return -errno;
	return fsetxattr(to, name, value, (size_t)len, 0) < 0 ? -errno : 0;
}

int layer_copy_attributes(int from, int to)
{
	static char have[NAMES_BYTES], names[NAMES_BYTES];
	ssize_t have_len = names_of(to, have), len = names_of(from, names);
	int r = 0;

	if (len < 0 || have_len < 0)
		return len < 0 ? (int)len : (int)have_len;
	/* An ACL that a directory gives to what is made in it, or an attribute that was taken away. */
	for (const char *at = have; at < have + have_len; at += strlen(at) + 1)
		if (layer_attribute_counts(at) && fgetxattr(from, at, NULL, 0) < 0 && fremovexattr(to, at) < 0)
			return -errno;
	for (const char *at = names; r == 0 && at < names + len; at += strlen(at) + 1)
		if (layer_attribute_counts(at))
			r = copy_one(from, to, at);
	return r;
}
