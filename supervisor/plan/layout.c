/* SPDX-License-Identifier: Apache-2.0 */
/* What is visible, and where: a host path keeps its name inside. Symbolic links on the way are made
 * again (/bin -> usr/bin), so that both names work, and everything is bound at its real place only.
 * Thus no file is visible under two names, and one mask covers it. */
#include <errno.h>

#include "base/text.h"
#include "plan/build.h"

static struct plan_mount *mount_at(const struct buf *mounts, size_t i)
{
	return &((struct plan_mount *)(void *)mounts->data)[i];
}

static size_t mount_count(const struct buf *mounts)
{
	return mounts->len / sizeof(struct plan_mount);
}

struct plan_text build_text(struct build *build, struct slice text)
{
	struct plan_text result = { (uint32_t)build->strings.len, (uint32_t)text.len };

	if (buf_append(&build->strings, text.data, text.len) < 0 ||
	    buf_append(&build->strings, "", 1) < 0)
		return (struct plan_text){ 0, 0 };
	return result;
}

/* Byte order with '/' below everything, so that a tree's parts stay together behind its root. */
static int compare_paths(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

/* At one target the strongest stays. */
static uint32_t rank(uint32_t kind)
{
	static const uint32_t ranks[MOUNT_KIND_COUNT] = {
		[MOUNT_MASK] = 9, [MOUNT_PROTECT] = 8, [MOUNT_PIN] = 7,
		[MOUNT_PROC] = 6, [MOUNT_DEV] = 6, [MOUNT_OVERLAY] = 6, [MOUNT_BIND_RW] = 5, [MOUNT_BIND_RO] = 4,
		[MOUNT_TMPFS] = 3, [MOUNT_SYMLINK] = 2,
	};

	return ranks[kind];
}

static int compare_mounts(const void *left, const void *right, void *context)
{
	const struct plan_mount *a = left, *b = right;
	const struct build *build = context;
	int r = compare_paths(build_string(build, a->target), build_string(build, b->target));

	return r != 0 ? r : (rank(a->kind) < rank(b->kind)) - (rank(a->kind) > rank(b->kind));
}

/* Whether `mount` changes nothing below (or at) the kept mount `above`. */
static bool adds_nothing(const struct build *build, const struct plan_mount *above,
			 const struct plan_mount *mount)
{
	const char *target = build_string(build, mount->target);

	if (!path_is_below(target, build_string(build, above->target)))
		return false;
	if (strcmp(target, build_string(build, above->target)) == 0)
		return true;
	switch ((enum plan_mount_kind)above->kind) {
	case MOUNT_BIND_RW:
	case MOUNT_OVERLAY:
		return mount->kind == MOUNT_BIND_RW || mount->kind == MOUNT_BIND_RO ||
		       mount->kind == MOUNT_SYMLINK;
	case MOUNT_BIND_RO:
		return mount->kind == MOUNT_BIND_RO || mount->kind == MOUNT_SYMLINK;
	case MOUNT_PROTECT:
		return mount->kind == MOUNT_PROTECT || mount->kind == MOUNT_PIN;
	case MOUNT_MASK:
	case MOUNT_PROC:
	case MOUNT_DEV:
		return true;
	case MOUNT_PIN:
	case MOUNT_TMPFS:
	case MOUNT_SYMLINK:
	case MOUNT_KIND_COUNT:
		return false;
	}
	return false;
}

/* The nearest kept mount above `target`; kept ones are sorted, so it is the last that covers it. */
static const struct plan_mount *nearest(const struct build *build, const struct buf *mounts,
					size_t count, const char *target)
{
	for (size_t i = count; i > 0; i--) {
		const struct plan_mount *mount = mount_at(mounts, i - 1);

		if (path_is_below(target, build_string(build, mount->target)))
			return mount;
	}
	return NULL;
}

void layout_sort(struct buf *mounts, const struct build *build)
{
	union {
		const struct build *constant;
		void *plain;
	} context = { .constant = build };
	size_t count = mount_count(mounts), kept = 0;

	if (count == 0)
		return;
	qsort_r(mounts->data, count, sizeof(struct plan_mount), compare_mounts, context.plain);
	for (size_t i = 0; i < count; i++) {
		struct plan_mount mount = *mount_at(mounts, i);
		const struct plan_mount *above = nearest(build, mounts, kept,
							 build_string(build, mount.target));

		/* A weaker one at the same target, even where the stronger one was there already by what is above. */
		if (i > 0 && strcmp(build_string(build, mount_at(mounts, i - 1)->target), build_string(build, mount.target)) == 0)
			continue;
		if (!above || !adds_nothing(build, above, &mount))
			*mount_at(mounts, kept++) = mount;
	}
	mounts->len = kept * sizeof(struct plan_mount);
}

/* Root's own files become the run's where it works: in the workspace, the home, what it may write. */
static uint32_t idmap_flag(const struct build *build, const char *path, bool writable)
{
	const struct run_spec *spec = build->spec;
	bool own = writable || path_is_below(path, build->workspace.text) ||
		   (build->home.text[0] && path_is_below(path, build->home.text));

	return spec->owner_uid == 0 && spec->uid != 0 && own ? MOUNT_IDMAP : 0;
}

int layout_add(struct build *build, enum plan_mount_kind kind, const char *path, uint32_t flags)
{
	bool bind = kind == MOUNT_BIND_RO || kind == MOUNT_BIND_RW || kind == MOUNT_OVERLAY;
	bool guard = kind == MOUNT_PIN || kind == MOUNT_PROTECT || kind == MOUNT_MASK;
	struct plan_mount mount = { .kind = kind, .flags = flags };

	mount.target = build_text(build, slice_of(path));
	mount.source = bind ? mount.target : build_text(build, slice_of(""));
	return buf_append(guard ? &build->guards : &build->mounts, &mount, sizeof(mount));
}

static int add_tmpfs(struct build *build, const char *path, uint32_t mode)
{
	struct plan_mount mount = { .kind = MOUNT_TMPFS, .mode = mode };

	mount.target = build_text(build, slice_of(path));
	mount.source = build_text(build, slice_of(""));
	return buf_append(&build->mounts, &mount, sizeof(mount));
}

int layout_note_link(struct build *build, const char *at, const char *text)
{
	struct plan_mount mount = { .kind = MOUNT_SYMLINK };

	if (path_is_below(at, "/proc") || path_is_below(at, "/dev"))
		return -EACCES;
	mount.target = build_text(build, slice_of(at));
	mount.source = build_text(build, slice_of(text));
	return buf_append(&build->mounts, &mount, sizeof(mount));
}

const struct plan_mount *layout_shows(const struct build *build, const char *path)
{
	return nearest(build, &build->mounts, mount_count(&build->mounts), path);
}

static int bind(struct build *build, const struct path *path, bool writable)
{
	uint32_t flags = idmap_flag(build, path->text, writable);

	if (S_ISDIR(path->st.st_mode))
		flags |= MOUNT_IS_DIR;
	return layout_add(build, writable ? MOUNT_BIND_RW : MOUNT_BIND_RO, path->text, flags);
}

/* These mean the run's own in a policy; only as the workspace are they the host's. */
static bool is_private(const struct build *build, const char *path)
{
	return (strcmp(path, "/tmp") == 0 || strcmp(path, "/var/tmp") == 0) &&
	       strcmp(path, build->workspace.text) != 0;
}

/* What cannot be shown: the root itself and the kernel's trees, which are the run's own. */
static bool may_show(const struct path *path)
{
	return strcmp(path->text, "/") != 0 && !path_is_below(path->text, "/proc") &&
	       !path_is_below(path->text, "/sys") && !path_is_below(path->text, "/dev") &&
	       (S_ISDIR(path->st.st_mode) || S_ISREG(path->st.st_mode) || S_ISSOCK(path->st.st_mode) ||
		S_ISFIFO(path->st.st_mode));
}

/* Whoever can write in the workspace can write a project file and put a link where it points. */
static int leads_out(struct error *err, const char *text)
{
	error_say(err, -EXDEV, "'%s' leads out of the workspace by a link, in a run with a project file", text);
	error_next(err, "put a folder where the link is, or take '%s' out of the project file", text);
	return error_exit(err, BUILD_EXIT_REFUSED);
}

/* A policy names what usual hosts have; what is not there is left out. */
static int add_list(struct build *build, const struct policy_list *list, bool writable, struct error *err)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const char *text = policy_text(build->policy, list->items[i]);
		char expanded[PLAN_PATH_MAX];
		struct path path;
		bool write = writable;
		int r;

		if (host_expand(build, text, expanded) < 0 ||
		    host_resolve(build, expanded, NULL, &path) < 0 ||
		    is_private(build, path.text) || !may_show(&path))
			continue;
		if (build->policy->project_count > 0 && strncmp(text, "./", 2) == 0 &&
		    !path_is_below(path.text, build->workspace.text))
			return leads_out(err, text);
		if (path_is_below(path.text, build->workspace.text))
			write &= build->policy->workspace_mode == WORKSPACE_DIRECT;
		r = host_resolve(build, expanded, layout_note_link, &path);
		if (r == 0)
			r = bind(build, &path, write);
		if (r < 0)
			return error_set(err, r, "make '%s' visible", text);
	}
	return 0;
}

static int refuse_flag(struct error *err, char flag, const char *text, int code, const char *next)
{
	char shown[512];

	text_escape(shown, sizeof(shown), slice_of(text));
	error_set(err, code, "-%c %s", flag, shown);
	error_exit(err, BUILD_EXIT_REFUSED);
	return error_next(err, "%s", next);
}

/* Flags name what the caller wants now: what cannot be had is an error. */
static int add_flags(struct build *build, const char *const *flags, char flag, struct error *err)
{
	for (; flags && *flags; flags++) {
		char expanded[2 * PLAN_PATH_MAX];
		struct path path;
		int r;

		if (**flags == '\0')
			return refuse_flag(err, flag, *flags, -EINVAL, "name a path behind the flag");
		IGNORE(snprintf(expanded, sizeof(expanded), **flags == '/' ? "%s%s" : "%s/%s",
				**flags == '/' ? "" : build->spec->cwd, *flags) < 0);
		r = host_resolve(build, expanded, layout_note_link, &path);
		if (r < 0)
			return refuse_flag(err, flag, *flags, r,
					   "name a file or directory that exists and that you can reach");
		if (!may_show(&path))
			return refuse_flag(err, flag, *flags, -EPERM,
					   "/, /proc, /sys, /dev and devices cannot be shown; name what is needed");
		r = bind(build, &path, flag == 'w');
		if (r < 0)
			return refuse_flag(err, flag, *flags, r, "use fewer paths");
	}
	return 0;
}

int layout_own(struct build *build)
{
	int r = layout_add(build, MOUNT_PROC, "/proc", 0);

	if (r == 0)
		r = layout_add(build, MOUNT_DEV, "/dev", 0);
	if (r == 0)
		r = add_tmpfs(build, "/tmp", 01777);
	if (r == 0)
		r = add_tmpfs(build, "/var/tmp", 01777);
	if (r == 0)
		r = add_tmpfs(build, "/run", 0755);
	/* A home at / or below a private tree needs none of its own. */
	if (r == 0 && build->home.text[0] && strcmp(build->home.text, "/") != 0)
		r = add_tmpfs(build, build->home.text, 0700);
	return r;
}

/* A socket that the run may connect to. Named on purpose, so one that cannot be had refuses the start. It is
 * the socket of this moment: a service that makes it anew is out of reach. */
static int add_sockets(struct build *build, struct error *err)
{
	const struct policy_list *list = &build->policy->net_allow_unix;

	for (uint32_t i = 0; i < list->count; i++) {
		const char *text = policy_text(build->policy, list->items[i]);
		char expanded[PLAN_PATH_MAX];
		struct path path;
		int r = host_expand(build, text, expanded);

		if (r == 0)
			r = host_resolve(build, expanded, layout_note_link, &path);
		if (r == 0 && !S_ISSOCK(path.st.st_mode))
			r = -ENOTSOCK;
		if (r == 0)
			r = layout_add(build, MOUNT_BIND_RO, path.text, 0);
		if (r == 0)
			continue;
		error_set(err, r, "let the run reach the socket '%s' (network.allow_unix)", text);
		error_next(err, "start the service that listens there, or take it out of `network.allow_unix`");
		return error_exit(err, BUILD_EXIT_REFUSED);
	}
	return 0;
}

static int add_workspace(struct build *build, struct error *err)
{
	struct path common;
	bool overlay = build->policy->workspace_mode == WORKSPACE_OVERLAY;
	int r = overlay ? layout_add(build, MOUNT_OVERLAY, build->workspace.text, MOUNT_IS_DIR |
				     idmap_flag(build, build->workspace.text, true)) :
			  bind(build, &build->workspace, false);

	if (r == 0)
		r = git_common_directory(build, &common);
	/* Commits of a linked worktree are written to the common directory. */
	if (r == 1)
		r = bind(build, &common, build->policy->workspace_mode == WORKSPACE_DIRECT);
	return r < 0 ? error_set(err, r, "make the workspace visible") : 0;
}

int layout_build(struct build *build, struct error *err)
{
	int r = layout_own(build);

	if (r < 0)
		return error_set(err, r, "lay out the sandbox");
	r = add_workspace(build, err);
	if (r == 0)
		r = add_list(build, &build->policy->read, false, err);
	if (r == 0)
		r = add_list(build, &build->policy->write, true, err);
	if (r == 0)
		r = add_sockets(build, err);
	if (r == 0)
		r = add_flags(build, build->spec->extra_read, 'r', err);
	if (r == 0)
		r = add_flags(build, build->spec->extra_write, 'w', err);
	if (r == 0)
		layout_sort(&build->mounts, build);
	return r;
}
