/* SPDX-License-Identifier: Apache-2.0 */
/* Writing back. New files and contents first, then deletions, so that a file that only moved is never
 * nowhere; last the modes of directories, which may forbid what came before. Each file appears whole,
 * under its name, by one link or rename. What is cut off anywhere can be started again: what is written
 * is found to be equal then. */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>

#include "base/sys.h"
#include "cli/layer_file.h"

/* A directory of the workspace that forbade writing. */
struct opened {
	char *path;              /* owned */
	mode_t mode;
};

struct writer {
	struct layer *layer;
	struct written *out;
	struct opened *opened;
	size_t opened_count;
	int stop;                /* no space, no disk */
};

/* ---- directories on the way ---- */

static int opened_note(struct writer *writer, const char *path, size_t len, mode_t mode)
{
	struct opened *grown = reallocarray(writer->opened, writer->opened_count + 1, sizeof(*grown));
	char *copy = strndup(path, len);

	if (grown)
		writer->opened = grown;
	if (!grown || !copy) {
		free(copy);
		return -ENOMEM;
	}
	writer->opened[writer->opened_count++] = (struct opened){ .path = copy, .mode = mode };
	return 0;
}

/* The mode that opens a directory of the workspace: where it gets another one anyway, that one, so that a commit that is cut
 * off here finds what it would have made. */
static mode_t opening_mode(const struct writer *writer, const char *path, size_t len, mode_t mode)
{
	for (size_t i = 0; i < writer->layer->count; i++) {
		const struct change *change = &writer->layer->changes[i];

		if (strncmp(change->path, path, len) == 0 && change->path[len] == '\0' && change->selected &&
		    change->hold == HOLD_NONE && S_ISDIR(change->upper.st_mode))
			return (change->upper.st_mode & 01777) | (mode & 06000) | 0700;
	}
	return (mode & 07777) | 0700;
}

/* The directory of `path` in the workspace, in which its owner can make and remove names. */
static int parent_open(struct writer *writer, const char *path, const char **ret_name)
{
	auto_close int fd = layer_parent(writer->layer->root, path, ret_name);
	size_t len = *ret_name > path ? (size_t)(*ret_name - path) - 1 : 0;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 0300) == 0300 || st.st_uid != geteuid())
		return TAKE_FD(fd);
	r = opened_note(writer, path, len, st.st_mode & 07777);
	if (r == 0)
		r = file_mode(fd, opening_mode(writer, path, len, st.st_mode));
	return r < 0 ? r : TAKE_FD(fd);
}

static void close_again(struct writer *writer)
{
	for (size_t i = writer->opened_count; i > 0; i--) {
		struct opened *one = &writer->opened[i - 1];
		auto_close int fd = layer_at(writer->layer->root, one->path, O_PATH | O_DIRECTORY);

		/* Removed meanwhile, or a file by now. */
		IGNORE(fd >= 0 && one->mode != (mode_t)-1 && file_mode(fd, one->mode) < 0);
		free(one->path);
	}
	free(writer->opened);
}

void layer_temporary(const struct layer *layer, char to[LAYER_TEMPORARY_SIZE])
{
	char run[ULID_TEXT_LEN + 1];

	ulid_text(&layer->run, run);
	IGNORE(snprintf(to, LAYER_TEMPORARY_SIZE, ".bailiff-%s", run) < 0);
}

/* ---- one change ---- */

/* The workspace has there what it had when it was looked at. Its ctime is newer where another name of
 * the same file was written back. */
static int unchanged(int parent, const char *name, const struct stat *looked)
{
	struct stat now;

	if (fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && looked->st_mode == 0 ? 0 : errno == ENOENT ? -ESTALE : -errno;
	if (looked->st_mode == 0 || now.st_ino != looked->st_ino || now.st_dev != looked->st_dev)
		return -ESTALE;
	if (S_ISDIR(now.st_mode))
		return 0;
	return now.st_size == looked->st_size && now.st_mode == looked->st_mode &&
	       now.st_mtim.tv_sec == looked->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == looked->st_mtim.tv_nsec ? 0 : -ESTALE;
}

static int put_directory(int parent, const char *name, const struct change *change)
{
	if (S_ISDIR(change->lower.st_mode))
		return 0; /* its mode comes last */
	if (change->lower.st_mode && unlinkat(parent, name, 0) < 0)
		return -errno;
	return mkdirat(parent, name, 0700) < 0 ? -errno : 0;
}

static int put_file(struct writer *writer, int parent, const char *name, struct change *change)
{
	struct place place = { .parent = parent, .name = name, .replaces = change->lower.st_mode != 0 };
	int r;

	if (S_ISDIR(change->lower.st_mode)) {
		if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
			return -errno;
		place.replaces = false;
	}
	layer_temporary(writer->layer, place.temporary);
	/* Not in place where the file has further names, which may lie outside. */
	if ((change->kind == CHANGE_MODE || change->kind == CHANGE_TIME) && change->lower.st_nlink == 1 &&
	    change->upper.st_nlink == 1)
		return file_adjust(writer->layer, change, &place);
	r = file_link(writer->layer, change, &place);
	if (r == 1)
		r = file_copy(writer->layer, change, &place);
	return r;
}

static int put(struct writer *writer, struct change *change)
{
	const char *name;
	auto_close int parent = *change->path ? parent_open(writer, change->path, &name) : FD_NONE;
	int r;

	if (!*change->path)
		return 0; /* the root: its mode comes last */
	if (parent < 0)
		return parent;
	r = unchanged(parent, name, &change->lower);
	if (r < 0)
		return r;
	return S_ISDIR(change->upper.st_mode) ? put_directory(parent, name, change) :
						put_file(writer, parent, name, change);
}

static int take_away(struct writer *writer, struct change *change)
{
	const char *name;
	auto_close int parent = parent_open(writer, change->path, &name);
	int r;

	if (parent < 0)
		return parent;
	r = unchanged(parent, name, &change->lower);
	if (r == -ESTALE && faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0; /* gone already */
	if (r < 0)
		return r;
	return unlinkat(parent, name, S_ISDIR(change->lower.st_mode) ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

/* Its mode is final: it is not put back to what it was. */
static void opened_forget(struct writer *writer, const char *path)
{
	for (size_t i = 0; i < writer->opened_count; i++)
		if (strcmp(writer->opened[i].path, path) == 0)
			writer->opened[i].mode = (mode_t)-1;
}

static int finish_directory(struct writer *writer, struct change *change)
{
	auto_close int from = layer_open_upper(writer->layer, change->path, O_RDONLY | O_DIRECTORY);
	auto_close int to = layer_at(writer->layer->root, change->path, O_PATH | O_DIRECTORY);

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	opened_forget(writer, change->path);
	return file_dress_directory(from, to, &change->upper);
}

/* ---- all ---- */

static bool is_full(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EIO || r == -EROFS || r == -ENOMEM;
}

static void account(struct writer *writer, struct change *change, int r)
{
	struct written *out = writer->out;

	if (r == 0) {
		change->done = true;
		return;
	}
	if (r == -ESTALE || r == -ENOTEMPTY || r == -EEXIST || r == -ELOOP || r == -ENOTDIR) {
		change->hold = HOLD_CONFLICT;
		return;
	}
	if (is_full(r))
		writer->stop = r;
	out->failed++;
	if (out->first.code == 0)
		error_set(&out->first, r, "write back '%s'", change->path);
}

/* Ctrl-C ends it between two files. */
static bool is_wanted(struct writer *writer, const struct change *change)
{
	sigset_t pending;

	if (writer->stop == 0 && sigpending(&pending) == 0 &&
	    (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
	     sigismember(&pending, SIGHUP) == 1))
		writer->stop = -EINTR;
	return writer->stop == 0 && change->selected && change->hold == HOLD_NONE;
}

/* A directory of the workspace makes room for what is no directory. */
static bool waits_for_deletions(const struct change *change)
{
	return change->upper.st_mode && !S_ISDIR(change->upper.st_mode) && S_ISDIR(change->lower.st_mode);
}

/* In this order. */
enum turn {
	TURN_NEW_DIRECTORIES,
	/* Before their old place gets another content: a commit that is cut off finds them there. */
	TURN_MOVED,
	TURN_OTHERS,
	TURN_LATE,               /* behind the deletions */
};

static enum turn turn_of(const struct change *change)
{
	if (waits_for_deletions(change))
		return TURN_LATE;
	if (S_ISDIR(change->upper.st_mode) && change->lower.st_mode == 0)
		return TURN_NEW_DIRECTORIES;
	return change->moved ? TURN_MOVED : TURN_OTHERS;
}

static void each_put(struct writer *writer, enum turn turn)
{
	for (size_t i = 0; i < writer->layer->count; i++) {
		struct change *change = &writer->layer->changes[i];
		int r;

		if (!is_wanted(writer, change) || change->kind == CHANGE_DELETED || change->done ||
		    turn_of(change) > turn || (turn == TURN_LATE) != (turn_of(change) == TURN_LATE))
			continue;
		r = put(writer, change);
		/* In a directory that takes the place of a file or link: that has its turn with the others. */
		if (turn < TURN_OTHERS && (r == -ENOENT || r == -ENOTDIR || r == -ELOOP))
			continue;
		account(writer, change, r);
	}
}

static void each_deletion(struct writer *writer)
{
	for (size_t i = writer->layer->count; i > 0; i--) {
		struct change *change = &writer->layer->changes[i - 1];

		if (is_wanted(writer, change) && change->kind == CHANGE_DELETED)
			account(writer, change, take_away(writer, change));
	}
}

static void each_directory(struct writer *writer)
{
	for (size_t i = writer->layer->count; i > 0; i--) {
		struct change *change = &writer->layer->changes[i - 1];

		if (is_wanted(writer, change) && change->done && S_ISDIR(change->upper.st_mode)) {
			change->done = false;
			account(writer, change, finish_directory(writer, change));
		}
	}
}

static void count_up(struct layer *layer, struct written *out)
{
	for (size_t i = 0; i < layer->count; i++) {
		struct change *change = &layer->changes[i];

		out->done += change->done;
		out->held += change->selected && change->hold != HOLD_NONE;
		if (change->done && change->group != LAYER_NONE)
			layer->groups[change->group].left--;
	}
}

int layer_write(struct layer *layer, struct written *ret_written, struct error *err)
{
	struct writer writer = { .layer = layer, .out = ret_written };
	sigset_t ends;

	/* Until the program ends: what has to be put back and told after this takes no time. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0)
		return error_set(err, -errno, "hold back signals");
	*ret_written = (struct written){ 0 };
	each_put(&writer, TURN_NEW_DIRECTORIES);
	each_put(&writer, TURN_MOVED);
	each_put(&writer, TURN_OTHERS);
	each_deletion(&writer);
	each_put(&writer, TURN_LATE);
	each_directory(&writer);
	close_again(&writer);
	count_up(layer, ret_written);
	/* The upper layer is not given up before the disk has what was written. */
	if (writer.stop == 0 && syncfs(layer->root) < 0)
		writer.stop = -errno;
	if (writer.stop == 0)
		return 0;
	*err = ret_written->first;
	if (err->code == 0 && writer.stop == -EINTR) {
		error_say(err, -EINTR, "stopped by a signal");
		return error_next(err, "commit again: it goes on where it was");
	}
	if (err->code == 0)
		error_set(err, writer.stop, "flush the workspace");
	return error_next(err, "free space and commit again: what is written is not written twice");
}

/* ---- the upper layer afterwards ---- */

static void clear_group(struct layer *layer, const char *path)
{
	const char *name;
	auto_close int parent = layer_parent(layer->upper, path, &name);

	/* What stays is found to be equal the next time. */
	if (parent >= 0)
		IGNORE(file_remove_tree(parent, name) < 0);
}

void layer_clear(struct layer *layer)
{
	for (size_t i = 0; i < layer->group_count; i++)
		if (layer->groups[i].left == 0)
			clear_group(layer, layer->groups[i].path);
}
