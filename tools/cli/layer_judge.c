/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes must not be written back: the policy of the run refuses the name, the workspace has
 * changed there meanwhile, or it is nothing that belongs into a workspace. Reads the workspace only. */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "base/text.h"
#include "decide/names_new.h"

const char *hold_text(enum hold hold)
{
	static const char *const texts[HOLD_COUNT] = {
		[HOLD_NONE] = "",
		[HOLD_CONFLICT] = "conflict: the workspace changed there since the run began",
		[HOLD_PROTECTED] = "protected by the policy",
		[HOLD_KIND] = "a device, or on another file system",
		[HOLD_DEPTH] = "too deep, or too long a name",
		[HOLD_UNREADABLE] = "cannot be read",
	};

	return texts[hold];
}

static uint64_t changed_ns(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * 1000000000U + (uint64_t)st->st_ctim.tv_nsec;
}

static bool changed_since(const struct layer *layer, const struct stat *st)
{
	return changed_ns(st) >= layer->meta.head->started_ns;
}

/* ---- the policy ---- */

static bool is_refused(const struct layer *layer, struct change *change)
{
	static char path[2 * LAYER_PATH_MAX];
	struct request request = { .kind = REQUEST_WRITE };
	struct decision decision;
	int len = snprintf(path, sizeof(path), "%s%s%s", overlay_text(&layer->meta, layer->meta.head->workspace),
			   *change->path ? "/" : "", change->path);

	request.path = slice_new(path, (size_t)len);
	decide(&layer->rules, &request, &decision);
	if (decision.verdict != VERDICT_ALLOW) {
		IGNORE(text_copy(change->rule, sizeof(change->rule), decision.rule) < 0);
		return true;
	}
	/* A file or a link where a protected name lies below would be the way around it. */
	if (change->upper.st_mode && !S_ISDIR(change->upper.st_mode) &&
	    new_name_at(&layer->rules, request.path) <= NEW_NAME_LEADS) {
		IGNORE(text_copy(change->rule, sizeof(change->rule), slice_of("names.below")) < 0);
		return true;
	}
	return false;
}

/* ---- the workspace as it is now ---- */

#define HANDLE_BYTES 128

struct handle {
	struct file_handle head;
	unsigned char bytes[HANDLE_BYTES];
};

/* overlayfs notes where a file was copied up from: struct ovl_fb, version 0, magic 0xfb, length, flags,
 * type, 16 bytes of uuid, then the file handle. 1: that is the file behind `lower`. */
static bool is_origin_of(int upper, int lower)
{
	unsigned char origin[HANDLE_BYTES + 32];
	ssize_t len = fgetxattr(upper, "user.overlay.origin", origin, sizeof(origin));
	struct handle handle = { .head = { .handle_bytes = HANDLE_BYTES } };
	const size_t header = 21;
	int mount_id;

	if (len <= (ssize_t)header || origin[1] != 0xfb ||
	    name_to_handle_at(lower, "", &handle.head, &mount_id, AT_EMPTY_PATH) < 0)
		return false;
	return origin[4] == (unsigned char)handle.head.handle_type &&
	       (size_t)len - header >= handle.head.handle_bytes &&
	       memcmp(origin + header, handle.head.f_handle, handle.head.handle_bytes) == 0;
}

/* Some changed path of the workspace is the file that `change` was copied up from. */
static size_t origin_of(struct layer *layer, const struct change *change)
{
	auto_close int upper = layer_open_upper(layer, change->path, O_RDONLY);

	for (size_t i = 0; upper >= 0 && i < layer->count; i++) {
		const struct change *other = &layer->changes[i];
		auto_close int lower = FD_NONE;

		if (!S_ISREG(other->lower.st_mode))
			continue;
		lower = layer_at(layer->root, other->path, O_PATH | O_NOFOLLOW);
		if (lower >= 0 && is_origin_of(upper, lower))
			return i;
	}
	return LAYER_NONE;
}

static bool parent_changed(const struct layer *layer, const struct change *change)
{
	const char *name;
	auto_close int parent = layer_parent(layer->root, change->path, &name);
	struct stat st;

	return parent < 0 || fstat(parent, &st) < 0 || changed_since(layer, &st);
}

static bool is_conflict(struct layer *layer, struct change *change)
{
	const struct stat *lower = &change->lower;

	if (lower->st_mode == 0)
		/* A file that the run changed in place, and that somebody removed. */
		return change->kind == CHANGE_ADDED && change->origin && parent_changed(layer, change) &&
		       origin_of(layer, change) == LAYER_NONE;
	if (!changed_since(layer, lower))
		return false;
	/* What is in a directory is judged by itself, and a directory that is not empty stays. Its ctime
	 * alone is newer when somebody changed its mode. */
	if (S_ISDIR(lower->st_mode))
		return change->kind != CHANGE_DELETED &&
		       (lower->st_ctim.tv_sec != lower->st_mtim.tv_sec ||
			lower->st_ctim.tv_nsec != lower->st_mtim.tv_nsec);
	return change->kind != CHANGE_TIME;
}

static void judge_one(struct layer *layer, struct change *change)
{
	mode_t type = change->upper.st_mode & S_IFMT;

	if (type == S_IFCHR || type == S_IFBLK)
		change->hold = change->hold == HOLD_NONE ? HOLD_KIND : change->hold;
	if (change->hold == HOLD_NONE || change->hold == HOLD_CONFLICT) {
		if (is_refused(layer, change))
			change->hold = HOLD_PROTECTED;
		else if (is_conflict(layer, change))
			change->hold = HOLD_CONFLICT;
	}
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && path[len] == '/';
}

/* What lies in a directory that does not come comes neither. */
static void judge_below(struct layer *layer)
{
	const struct change *above = NULL;

	for (size_t i = 0; i < layer->count; i++) {
		struct change *change = &layer->changes[i];

		if (above && !is_below(change->path, above->path))
			above = NULL;
		if (above && change->upper.st_mode && change->hold == HOLD_NONE)
			change->hold = above->hold;
		if (!above && change->hold != HOLD_NONE && S_ISDIR(change->upper.st_mode) &&
		    !S_ISDIR(change->lower.st_mode))
			above = change;
	}
}

void layer_judge(struct layer *layer)
{
	for (size_t i = 0; i < layer->count; i++)
		judge_one(layer, &layer->changes[i]);
	judge_below(layer);
}

void layer_force(struct layer *layer)
{
	for (size_t i = 0; i < layer->count; i++)
		if (layer->changes[i].hold == HOLD_CONFLICT)
			layer->changes[i].hold = HOLD_NONE;
}

/* ---- renames ---- */

static void pair(struct layer *layer, size_t added, size_t deleted)
{
	layer->changes[added].twin = deleted;
	layer->changes[deleted].twin = added;
}

void layer_pair(struct layer *layer)
{
	for (size_t i = 0; i < layer->count; i++) {
		struct change *change = &layer->changes[i];
		size_t from;

		if (change->kind != CHANGE_ADDED || !change->origin)
			continue;
		from = origin_of(layer, change);
		if (from != LAYER_NONE && layer->changes[from].kind == CHANGE_DELETED &&
		    layer->changes[from].twin == LAYER_NONE)
			pair(layer, i, from);
	}
}
