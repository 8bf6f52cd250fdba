/* SPDX-License-Identifier: Apache-2.0 */
/* Upper layer and workspace side by side. A directory is either merged (what the upper layer does not
 * name is the workspace's) or the upper layer's own (new, or marked opaque: what it does not name is
 * deleted). A character device 0:0 is a whiteout: deleted. */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "base/sys.h"
#include "base/text.h"
#include "cli/layer_names.h"

struct look {
	struct layer *layer;
	char path[LAYER_PATH_MAX];
	size_t len;
	size_t group;            /* LAYER_NONE: the place is merged */
	unsigned int depth;
	bool alone;              /* the workspace has no directory here: everything is new */
	int error;               /* the first: ends all */
};

static void look_directory(struct look *look, bool merged);
static void look_deleted(struct look *look, const struct stat *lower);

/* ---- what was found ---- */

static struct change *note(struct look *look, enum change_kind kind, const struct stat *upper,
			   const struct stat *lower)
{
	struct change *change;

	if (look->error < 0)
		return NULL;
	look->error = layer_add(look->layer, look->path, kind, look->group, &change);
	if (look->error < 0)
		return NULL;
	if (upper)
		change->upper = *upper;
	if (lower)
		change->lower = *lower;
	return change;
}

static void held(struct look *look, enum change_kind kind, const struct stat *upper,
		 const struct stat *lower, enum hold hold)
{
	struct change *change = note(look, kind, upper, lower);

	if (change)
		change->hold = hold;
}

static size_t group_begin(struct look *look)
{
	struct layer *layer = look->layer;
	struct change_group *grown = reallocarray(layer->groups, layer->group_count + 1, sizeof(*grown));
	char *path = strdup(look->path);

	if (grown)
		layer->groups = grown;
	if (!grown || !path) {
		free(path);
		look->error = -ENOMEM;
		return LAYER_NONE;
	}
	layer->groups[layer->group_count] = (struct change_group){ .path = path };
	return layer->group_count++;
}

/* ---- moving through the tree ---- */

/* False: too long or too deep. */
static bool step_into(struct look *look, const char *name, size_t *ret_before)
{
	size_t len = strlen(name), before = look->len;

	if (before + len + 2 > sizeof(look->path) || look->depth >= LAYER_DEPTH_MAX)
		return false;
	if (before > 0)
		look->path[look->len++] = '/';
	memcpy(look->path + look->len, name, len + 1);
	look->len += len;
	look->depth++;
	*ret_before = before;
	return true;
}

static void step_back(struct look *look, size_t before)
{
	look->len = before;
	look->path[before] = '\0';
	look->depth--;
}

/* 0 with *ret_lower, also when there is nothing; 1: it cannot be reached: another device, no right. */
static int lower_at(const struct look *look, struct stat *ret_lower)
{
	int r;

	*ret_lower = (struct stat){ 0 };
	if (look->alone)
		return 0;
	r = layer_stat(look->layer->root, look->path, ret_lower);

	return r == 0 || r == -ENOENT ? 0 : 1;
}

static bool has_origin(const struct look *look)
{
	auto_close int fd = layer_open_upper(look->layer, look->path, O_RDONLY);

	return fd >= 0 && fgetxattr(fd, "user.overlay.origin", NULL, 0) > 0;
}

/* ---- files ---- */

static bool same_times(const struct stat *upper, const struct stat *lower)
{
	return upper->st_mtim.tv_sec == lower->st_mtim.tv_sec &&
	       upper->st_mtim.tv_nsec == lower->st_mtim.tv_nsec;
}

/* Bits that would make a file more than it may be are never written back. */
static bool same_modes(const struct stat *upper, const struct stat *lower)
{
	return (upper->st_mode & 01777) == (lower->st_mode & 01777) && upper->st_gid == lower->st_gid;
}

static int same_link(const struct look *look)
{
	struct layer *layer = look->layer;
	auto_close int upper = layer_at(layer->upper, look->path, O_PATH | O_NOFOLLOW);
	auto_close int lower = layer_at(layer->root, look->path, O_PATH | O_NOFOLLOW);
	char a[LAYER_PATH_MAX], b[LAYER_PATH_MAX];
	ssize_t a_len, b_len;

	if (upper < 0 || lower < 0)
		return upper < 0 ? upper : lower;
	a_len = readlinkat(upper, "", a, sizeof(a));
	b_len = readlinkat(lower, "", b, sizeof(b));
	if (a_len < 0 || b_len < 0)
		return -errno;
	return a_len == b_len && memcmp(a, b, (size_t)a_len) == 0;
}

static int same_attributes(const struct look *look, int flags)
{
	auto_close int upper = layer_open_upper(look->layer, look->path, flags);
	auto_close int lower = layer_at(look->layer->root, look->path, flags | O_NOFOLLOW | O_NONBLOCK);

	if (upper < 0)
		return upper;
	/* A file of the owner's that he may not read: he sees the mode. */
	return lower < 0 ? 1 : layer_same_attributes(upper, lower);
}

/* Two of the same type that are no directories. Returns the kind of change, or CHANGE_KIND_COUNT. */
static int difference(const struct look *look, const struct stat *upper, const struct stat *lower)
{
	int same = 1;

	if (S_ISREG(upper->st_mode))
		same = layer_same_content(look->layer, look->path, upper, look->path, lower);
	else if (S_ISLNK(upper->st_mode))
		same = same_link(look);
	if (same <= 0)
		return same < 0 ? same : CHANGE_MODIFIED;
	if (!S_ISLNK(upper->st_mode) && !same_modes(upper, lower))
		return CHANGE_MODE;
	same = S_ISREG(upper->st_mode) ? same_attributes(look, O_RDONLY) : 1;
	if (same <= 0)
		return same < 0 ? same : CHANGE_MODE;
	return same_times(upper, lower) ? CHANGE_KIND_COUNT : CHANGE_TIME;
}

static void look_file(struct look *look, const struct stat *upper, const struct stat *lower)
{
	struct change *change;
	int kind;

	if (lower->st_mode == 0)
		kind = CHANGE_ADDED;
	else if ((upper->st_mode & S_IFMT) != (lower->st_mode & S_IFMT))
		kind = CHANGE_MODIFIED;
	else
		kind = difference(look, upper, lower);
	if (kind < 0) {
		held(look, CHANGE_MODIFIED, upper, lower, HOLD_UNREADABLE);
		return;
	}
	if (kind == CHANGE_KIND_COUNT) {
		if (S_ISREG(upper->st_mode) && upper->st_nlink > 1)
			look->error = layer_add_link(look->layer, upper->st_ino, look->path);
		return;
	}
	change = note(look, (enum change_kind)kind, upper, lower);
	if (change && S_ISREG(upper->st_mode))
		change->origin = has_origin(look);
	/* What the directory held goes first. */
	if (change && S_ISDIR(lower->st_mode))
		look_deleted(look, NULL);
}

/* ---- directories ---- */

static bool is_whiteout(const struct stat *upper)
{
	return S_ISCHR(upper->st_mode) && upper->st_rdev == 0;
}

static bool is_opaque(const struct look *look)
{
	auto_close int fd = layer_open_upper(look->layer, look->path, O_RDONLY | O_DIRECTORY);
	char value = 0;

	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* The workspace's entry at this place and all below it; without `lower` only what is below. */
static void look_deleted(struct look *look, const struct stat *lower)
{
	cleanup_with(names_finish) struct names names = { 0 };
	int r;

	if (lower) {
		note(look, CHANGE_DELETED, NULL, lower);
		if (!S_ISDIR(lower->st_mode))
			return;
	}
	r = names_read(layer_at(look->layer->root, look->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), &names);
	if (r < 0 && look->layer->count > 0)
		look->layer->changes[look->layer->count - 1].hold = HOLD_UNREADABLE;
	for (size_t i = 0; r == 0 && i < names.count && look->error == 0; i++) {
		struct stat below;
		size_t before;

		if (!step_into(look, names.items[i], &before)) {
			held(look, CHANGE_DELETED, NULL, NULL, HOLD_DEPTH);
			continue;
		}
		if (lower_at(look, &below) != 0)
			held(look, CHANGE_DELETED, NULL, NULL, HOLD_KIND);
		else if (below.st_mode != 0)
			look_deleted(look, &below);
		step_back(look, before);
	}
}

static void look_both_directories(struct look *look, const struct stat *upper, const struct stat *lower)
{
	int same = same_modes(upper, lower) ? same_attributes(look, O_RDONLY | O_DIRECTORY) : 0;

	if (same <= 0) {
		size_t group = look->group;
		struct change *change;

		look->group = LAYER_NONE; /* the directory itself stays in the upper layer */
		change = note(look, CHANGE_MODE, upper, lower);
		look->group = group;
		if (change)
			change->origin = has_origin(look);
		if (change && same < 0)
			change->hold = HOLD_UNREADABLE;
	}
}

/* Copied up from one that is gone: somebody removed it meanwhile. */
static void look_new_directory(struct look *look, const struct stat *upper, const struct stat *lower)
{
	struct change *change = note(look, lower->st_mode ? CHANGE_MODIFIED : CHANGE_ADDED, upper, lower);

	if (change && has_origin(look) && !is_opaque(look))
		change->hold = HOLD_CONFLICT;
}

static void look_subdirectory(struct look *look, const struct stat *upper, const struct stat *lower)
{
	bool merged = look->group == LAYER_NONE && !is_opaque(look);
	size_t group = look->group;
	bool alone = look->alone;

	/* The workspace may have lost what the run only looked into; then what is below is new. */
	if (look->group == LAYER_NONE && (!merged || !S_ISDIR(lower->st_mode))) {
		merged = false;
		look->group = group_begin(look);
	}
	if (S_ISDIR(lower->st_mode))
		look_both_directories(look, upper, lower);
	else
		look_new_directory(look, upper, lower);
	look->alone = alone || !S_ISDIR(lower->st_mode);
	if (look->error == 0)
		look_directory(look, merged);
	look->alone = alone;
	look->group = group;
}

static void look_entry(struct look *look)
{
	struct stat upper, lower;
	size_t group = look->group;
	bool blocked = lower_at(look, &lower) != 0;
	int r = layer_stat(look->layer->upper, look->path, &upper);

	if (r < 0) {
		look->error = r == -ENOENT ? 0 : r; /* a live run took it away */
		return;
	}
	layer_true_mode(look->layer, &upper);
	if (S_ISDIR(upper.st_mode) && !blocked) {
		look_subdirectory(look, &upper, &lower);
		return;
	}
	if (group == LAYER_NONE)
		look->group = group_begin(look);
	if (blocked)
		held(look, is_whiteout(&upper) ? CHANGE_DELETED : CHANGE_MODIFIED, &upper, NULL, HOLD_CONFLICT);
	else if (!is_whiteout(&upper))
		look_file(look, &upper, &lower);
	else if (lower.st_mode != 0)
		look_deleted(look, &lower);
	look->group = group;
}

static void look_below(struct look *look, const char *name)
{
	size_t before;

	if (!step_into(look, name, &before)) {
		held(look, CHANGE_MODIFIED, NULL, NULL, HOLD_DEPTH);
		return;
	}
	look_entry(look);
	step_back(look, before);
}

/* What the workspace has in a directory that is the upper layer's own, and the upper layer has not. */
static void look_hidden(struct look *look, const struct names *upper)
{
	cleanup_with(names_finish) struct names lower = { 0 };
	int r = names_read(layer_at(look->layer->root, look->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
			   &lower);

	for (size_t i = 0; r == 0 && i < lower.count && look->error == 0; i++) {
		struct stat below;
		size_t before;

		if (names_has(upper, lower.items[i]))
			continue;
		if (!step_into(look, lower.items[i], &before)) {
			held(look, CHANGE_DELETED, NULL, NULL, HOLD_DEPTH);
			continue;
		}
		if (lower_at(look, &below) == 0 && below.st_mode != 0)
			look_deleted(look, &below);
		step_back(look, before);
	}
}

static void look_directory(struct look *look, bool merged)
{
	cleanup_with(names_finish) struct names names = { 0 };
	int r = names_read(layer_open_upper(look->layer, look->path, O_RDONLY | O_DIRECTORY), &names);

	if (r < 0) {
		held(look, CHANGE_MODIFIED, NULL, NULL, HOLD_UNREADABLE);
		return;
	}
	for (size_t i = 0; i < names.count && look->error == 0; i++)
		look_below(look, names.items[i]);
	if (!merged && !look->alone)
		look_hidden(look, &names);
}

int layer_look(struct layer *layer, struct error *err)
{
	struct look look = { .layer = layer, .group = LAYER_NONE };
	struct stat upper, lower;

	if (fstat(layer->upper, &upper) < 0 || fstat(layer->root, &lower) < 0)
		return error_set(err, -errno, "look at the layers");
	look_both_directories(&look, &upper, &lower);
	look_directory(&look, true);
	if (look.error == -E2BIG) {
		error_say(err, -E2BIG, "there are more than %u changes", LAYER_CHANGES_MAX);
		return error_next(err, "drop them: `bailiff rollback`");
	}
	if (look.error < 0)
		return error_set(err, look.error, "compare '%s'", look.path);
	return layer_connect(layer, err);
}
