/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes must not be written back: the policy of the run refuses the name, the workspace has
 * changed there meanwhile, or it is nothing that belongs into a workspace. Reads the workspace only. */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>

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

static bool is_since(const struct layer *layer, struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec >= layer->meta.head->started_ns;
}

static bool changed_since(const struct layer *layer, const struct stat *st)
{
	return is_since(layer, st->st_ctim);
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
		       layer_origin(layer, change) == LAYER_NONE &&
		       !layer_find_link(layer, change->upper.st_ino);
	if (!changed_since(layer, lower))
		return false;
	/* What is in a directory is judged by itself, and a directory that is not empty stays. Its ctime
	 * alone is newer when somebody changed its mode. One that the run made is the run's, or was made by
	 * a commit that was cut off. */
	if (S_ISDIR(lower->st_mode))
		return change->kind != CHANGE_DELETED && change->origin &&
		       /* Opened by a commit that was cut off. */
		       (lower->st_mode & 01777) != ((change->upper.st_mode & 01777) | 0700) &&
		       (lower->st_ctim.tv_sec != lower->st_mtim.tv_sec ||
			lower->st_ctim.tv_nsec != lower->st_mtim.tv_nsec);
	/* Its names were counted up or down, by a commit that was cut off for instance. */
	if (!is_since(layer, lower->st_mtim) && (lower->st_nlink > 1 || change->upper.st_nlink > 1 ||
						 layer_is_indexed(layer, change->path)))
		return false;
	return change->kind != CHANGE_TIME;
}

/* What a commit that was cut off left in a directory that goes. */
static bool is_our_rest(const struct layer *layer, const struct change *change)
{
	const char *slash = strrchr(change->path, '/');
	char temporary[LAYER_TEMPORARY_SIZE];

	layer_temporary(layer, temporary);
	return change->kind == CHANGE_DELETED && strcmp(slash ? slash + 1 : change->path, temporary) == 0;
}

static void judge_one(struct layer *layer, struct change *change)
{
	mode_t type = change->upper.st_mode & S_IFMT;

	if (is_our_rest(layer, change))
		return;
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
