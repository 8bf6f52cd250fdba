/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of plan_build(): host paths are resolved (host.c), laid out as mounts (layout.c),
 * protected and hidden (protect.c), written as rules (rules.c), and the command is found
 * (command.c). Unprivileged; nothing here is trusted by root. */
#ifndef PLAN_BUILD_H
#define PLAN_BUILD_H

#include <sys/stat.h>

#include "base/buf.h"
#include "plan/plan.h"

#define BUILD_EXIT_INVALID 120
#define BUILD_EXIT_REFUSED 122
#define BUILD_EXIT_NOT_EXECUTABLE 126
#define BUILD_EXIT_NOT_FOUND 127
#define BUILD_LINKS_MAX 40U
#define BUILD_GLOB_DEPTH_MAX 12U
#define BUILD_GLOB_ENTRIES_MAX 20000U   /* directory entries read for the globs of one plan */

#define BUILD_SEEN_MAX 512U
#define BUILD_SEEN_PATH_MAX 96U

struct path {                    /* a host path without symbolic links */
	char text[PLAN_PATH_MAX];
	struct stat st;
};

/* What lstat(2) said of a path before: most paths of a policy share their first components. */
struct seen {
	char path[BUILD_SEEN_PATH_MAX];
	struct stat st;
};

struct build {
	const struct policy *policy;
	const struct run_spec *spec;
	struct buf strings, paths, nets, names, mounts, guards, groups, argv, env, govern;
	struct path workspace, home, cwd;
	bool home_exists;
	char program[PLAN_PATH_MAX];
	uint32_t glob_entries;
	struct seen seen[BUILD_SEEN_MAX]; /* by a hash of the path */
	bool broker;                 /* a protected name may appear later: PLAN_BROKER */
};

/* strings of the plan; {0, 0} and buf.failed when they are full. */
struct plan_text build_text(struct build *build, struct slice text);
static inline const char *build_string(const struct build *build, struct plan_text text)
{
	return build->strings.data + text.offset;
}

/* host.c: */
/* `to` becomes the absolute path that a policy or a flag means: ~, ., ${cwd}; relative to the
 * workspace (flags: to the cwd, already absolute). Returns 0, -ENOENT (no home), -ENAMETOOLONG. */
int host_expand(const struct build *build, const char *text, char to[PLAN_PATH_MAX]);
/* Follows all symbolic links. `link` is called for each with its place and text; may be NULL.
 * Returns 0, -ENOENT, -ELOOP, -ENOTDIR, -EACCES, or a negative result of `link`. */
typedef int (*host_link_fn)(struct build *build, const char *at, const char *text);
int host_resolve(struct build *build, const char *path, host_link_fn link, struct path *ret_path);
/* Calls `found` with each existing path that the pattern (absolute, expanded) matches; without
 * * and ? with the path itself when it exists. Returns 0, -E2BIG beyond the bounds, or a negative
 * result of `found`. */
typedef int (*host_found_fn)(struct build *build, const char *path, void *context);
int host_glob(struct build *build, const char *pattern, host_found_fn found, void *context);
bool host_is_pattern(const char *text);
/* True when `path` is `top` or below it. */
bool path_is_below(const char *path, const char *top);

/* layout.c: what is visible where. */
int layout_build(struct build *build, struct error *err);
/* Only what every run has for itself: /proc, /dev, temporary directories, home. */
int layout_own(struct build *build);
/* The mount that shows `path`: BIND_RO, BIND_RW, TMPFS, or NULL for the empty root. Valid until the
 * next mount is added; only after layout_build(). */
const struct plan_mount *layout_shows(const struct build *build, const char *path);
int layout_add(struct build *build, enum plan_mount_kind kind, const char *path, uint32_t flags);
/* Sorts mounts so that parents come first and drops those that add nothing. */
void layout_sort(struct buf *mounts, const struct build *build);
int layout_note_link(struct build *build, const char *at, const char *text);

/* protect.c: PIN, PROTECT and MASK behind the layout. */
int protect_build(struct build *build, struct error *err);
/* True when a mask covers `path`. */
bool protect_hides(const struct build *build, const char *path);
/* git.c: the common directory of a linked worktree. Returns 1 and its path, 0 when there is none,
 * or a negative errno. */
int git_common_directory(struct build *build, struct path *ret_path);
/* The i-th path that must not change so that git runs no planted hook in a linked worktree. Returns
 * 1 and the path (which need not exist), 0 when there is none, or a negative errno. */
#define GIT_FILES_MAX 7U
int git_protected(struct build *build, size_t i, char path[PLAN_PATH_MAX]);

/* rules.c: */
int rules_build(struct build *build, struct error *err);
/* own_addresses.c: behind rules_build(). The host's addresses as of now; not a rule of the policy. */
int own_addresses_build(struct build *build, struct error *err);
/* govern.c: what judge() reads, when the policy has rules. */
int govern_build(struct build *build, struct error *err);
/* Bits of the policy's environments whose tier or owners do not cover this run. */
uint32_t environments_of_others(const struct build *build);
/* command.c: argv, env, program, cwd. */
int command_build(struct build *build, struct error *err);

#endif
