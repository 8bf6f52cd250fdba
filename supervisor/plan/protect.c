/* SPDX-License-Identifier: Apache-2.0 */
/* Names inside visible trees that are hidden or must not change. A mount on a directory does not
 * hinder renaming its parent, so each directory between the writable root and a protected path is
 * bound onto itself: a mount point cannot be renamed (`mv .git x; mkdir -p .git/hooks`). */
#include <errno.h>

#include "base/text.h"
#include "plan/build.h"

/* Where Bailiff keeps what no run may see, whatever a policy or a flag shows. */
static const char *const own_paths[] = { "/var/lib/bailiff", "/run/bailiff" };

struct place {
	struct error *err;
	const char *rule;
};

static bool shown_writable(const struct build *build, const char *path)
{
	const struct plan_mount *mount = layout_shows(build, path);

	return mount && mount->kind == MOUNT_BIND_RW;
}

/* PIN for each directory between the writable root and `path`, without both. */
static int pin_parents(struct build *build, const char *root, const char *path)
{
	char parent[PLAN_PATH_MAX];
	int r = text_copy(parent, sizeof(parent), slice_of(path));

	while (r == 0) {
		char *slash = strrchr(parent, '/');

		if (!slash || slash == parent)
			return 0;
		*slash = '\0';
		if (!path_is_below(parent, root) || strcmp(parent, root) == 0)
			return 0;
		r = layout_add(build, MOUNT_PIN, parent, MOUNT_IS_DIR);
	}
	return r;
}

/* A link that the run could replace would lead the name elsewhere. */
static int refuse_link(struct build *build, const char *at, const char *text)
{
	return text[0] && shown_writable(build, at) ? -EMLINK : 0;
}

static int protect_path(struct build *build, const char *path, void *context)
{
	const struct place *place = context;
	const struct plan_mount *mount;
	char root[PLAN_PATH_MAX], shown[256];
	struct path real;
	int r = host_resolve(build, path, refuse_link, &real);

	if (r == -EMLINK) {
		text_escape(shown, sizeof(shown), slice_of(path));
		error_say(place->err, -ELOOP, "the protected path '%s' (%s) is or passes a symbolic link "
			  "in a writable tree, which the run could replace", shown, place->rule);
		error_exit(place->err, BUILD_EXIT_REFUSED);
		return error_next(place->err, "replace the link by what it names, or take the path out of "
				  "`%s`", place->rule);
	}
	/* A dangling link or a path that just went away protects nothing. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	mount = layout_shows(build, real.text);
	if (!mount || (mount->kind != MOUNT_BIND_RW && mount->kind != MOUNT_OVERLAY))
		return 0;
	r = text_copy(root, sizeof(root), slice_of(build_string(build, mount->target)));
	if (r == 0)
		r = pin_parents(build, root, real.text);
	if (r == 0)
		r = layout_add(build, MOUNT_PROTECT, real.text,
			       S_ISDIR(real.st.st_mode) ? MOUNT_IS_DIR : 0);
	return r;
}

static int mask_path(struct build *build, const char *path, void *context)
{
	const struct plan_mount *mount;
	struct path real;
	uint32_t flags;

	(void)context;
	if (host_resolve(build, path, NULL, &real) < 0)
		return 0;
	mount = layout_shows(build, real.text);
	if (mount && (mount->kind == MOUNT_PROC || mount->kind == MOUNT_DEV))
		return 0;
	flags = S_ISDIR(real.st.st_mode) ? MOUNT_IS_DIR : 0;
	/* Where nothing of the host is shown the name would not exist: the mask turns ENOENT, which
	 * looks like any search, into a refusal that is seen and recorded. */
	if (!mount || mount->kind == MOUNT_TMPFS)
		flags |= MOUNT_MASK_ALWAYS;
	return layout_add(build, MOUNT_MASK, real.text, flags);
}

/* ---- names that do not exist yet ---- */

/* Whether something of the host that the run can write lies at `path`, above it, or below it. */
static bool may_appear(const struct build *build, const char *path)
{
	const struct plan_mount *mounts = (const struct plan_mount *)(const void *)build->mounts.data;

	if (shown_writable(build, path))
		return true;
	for (size_t i = 0; i < build->mounts.len / sizeof(*mounts); i++)
		if (mounts[i].kind == MOUNT_BIND_RW &&
		    path_is_below(build_string(build, mounts[i].target), path))
			return true;
	return false;
}

/* A pattern can always match something new; a path only while it does not exist. */
static void note_absent(struct build *build, const char *pattern)
{
	char top[PLAN_PATH_MAX];
	struct stat st;

	if (build->broker || text_copy(top, sizeof(top), slice_of(pattern)) < 0)
		return;
	if (host_is_pattern(pattern)) {
		top[strcspn(top, "*?")] = '\0';
		*strrchr(top, '/') = '\0'; /* absolute, and the pattern's first component is fixed or "/" */
	} else if (lstat(pattern, &st) == 0) {
		return;
	}
	build->broker = may_appear(build, top[0] ? top : "/");
}

static int one_path(struct build *build, const char *text, const char *rule, host_found_fn found, struct error *err)
{
	struct place place = { err, rule };
	char expanded[PLAN_PATH_MAX];
	int r;

	if (host_expand(build, text, expanded) < 0)
		return 0;
	note_absent(build, expanded);
	r = host_glob(build, expanded, found, &place);
	if (r == -E2BIG) {
		error_say(err, r, "the pattern '%s' (%s) has more than %u files to look at", text, rule,
			  BUILD_GLOB_ENTRIES_MAX);
		error_exit(err, BUILD_EXIT_REFUSED);
		return error_next(err, "use a pattern without **, or a smaller workspace");
	}
	if (r < 0)
		return err && err->code ? r : error_set(err, r, "protect '%s' (%s)", text, rule);
	return 0;
}

static int each_path(struct build *build, const struct policy_list *list, const char *rule,
		     host_found_fn found, struct error *err)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < list->count; i++)
		r = one_path(build, policy_text(build->policy, list->items[i]), rule, found, err);
	return r;
}

/* What belongs to an environment that this run may not touch is not there. */
static int hide_environments(struct build *build, struct error *err)
{
	const struct govern *govern = &build->policy->govern;
	uint32_t uncovered = environments_of_others(build);
	int r = 0;

	for (uint32_t i = 0; i < govern->environments_count; i++) {
		const struct govern_environment *environment = &govern->environments[i];

		for (uint32_t k = 0; r == 0 && uncovered >> i & 1U && k < environment->paths.count; k++)
			r = one_path(build, policy_text(build->policy, govern->words[environment->paths.first + k]),
				     policy_text(build->policy, environment->id), mask_path, err);
	}
	return r;
}

/* A linked worktree's hooks and configuration are the common directory's; the files that lead from
 * one to the other decide which hooks git runs, so they are protected, too. */
static int protect_common(struct build *build, struct error *err)
{
	struct place place = { err, "files.deny_write" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < GIT_FILES_MAX; i++) {
		char path[PLAN_PATH_MAX];

		r = git_protected(build, i, path);
		if (r != 1)
			continue;
		note_absent(build, path);
		r = host_glob(build, path, protect_path, &place);
	}
	return r;
}

/* The main repository may rewrite where its linked worktrees find config and hooks. Only what exists: the
 * run may add worktrees of its own. */
static int protect_worktrees(struct build *build, struct error *err)
{
	struct place place = { err, "files.deny_write" };
	char pattern[PLAN_PATH_MAX];

	if (snprintf(pattern, sizeof(pattern), "%s/.git/worktrees/*/commondir", build->workspace.text) >=
	    (int)sizeof(pattern))
		return -ENAMETOOLONG;
	return host_glob(build, pattern, protect_path, &place);
}

/* A supervisor with directories of its own below the workspace: the ledger is hidden, and the socket
 * cannot be replaced by one where the agent listens. A caller who is root owns both inside, too. */
static int protect_supervisor(struct build *build, struct error *err)
{
	struct place place = { err, "--runtime-dir" };
	const char *state = build->spec->state_dir, *runtime = build->spec->runtime_dir;
	char root[PLAN_PATH_MAX];
	struct path real;
	int r = 0;

	if (state && host_resolve(build, state, NULL, &real) == 0) {
		r = mask_path(build, real.text, NULL);
		if (r == 0 && shown_writable(build, real.text)) {
			IGNORE(text_copy(root, sizeof(root), slice_of(build_string(
				build, layout_shows(build, real.text)->target))) < 0);
			r = pin_parents(build, root, real.text);
		}
	}
	return r == 0 && runtime ? protect_path(build, runtime, &place) : r;
}

int protect_build(struct build *build, struct error *err)
{
	const struct policy *policy = build->policy;
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(own_paths); i++)
		r = host_glob(build, own_paths[i], mask_path, NULL);
	if (r == 0)
		r = protect_supervisor(build, err);
	if (r == 0)
		r = each_path(build, &policy->hide, "sandbox.hide", mask_path, err);
	if (r == 0)
		r = each_path(build, &policy->deny_read, "files.deny_read", mask_path, err);
	if (r == 0)
		r = hide_environments(build, err);
	if (r == 0)
		r = each_path(build, &policy->deny_write, "files.deny_write", protect_path, err);
	for (uint32_t i = 0; r == 0 && i < policy->baseline_count; i++)
		r = each_path(build, &policy->baselines[i].paths, "files.baseline", protect_path, err);
	if (r == 0)
		r = protect_common(build, err);
	if (r == 0 && policy->deny_write.count > 0)
		r = protect_worktrees(build, err);
	if (r < 0)
		return err && err->code ? r : error_set(err, r, "protect paths");
	layout_sort(&build->guards, build);
	return 0;
}

bool protect_hides(const struct build *build, const char *path)
{
	const struct plan_mount *guards = (const struct plan_mount *)(const void *)build->guards.data;

	for (size_t i = 0; i < build->guards.len / sizeof(*guards); i++)
		if (guards[i].kind == MOUNT_MASK &&
		    path_is_below(path, build_string(build, guards[i].target)))
			return true;
	return false;
}
