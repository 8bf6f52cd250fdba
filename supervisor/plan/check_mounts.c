/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/check.h"

enum need { NOTHING, A_PATH, A_TEXT };

static const struct mount_row {
	enum need source;
	uint32_t flags;          /* that make sense */
} rows[MOUNT_KIND_COUNT] = {
	[MOUNT_BIND_RO] = { A_PATH, MOUNT_IDMAP | MOUNT_OPTIONAL | MOUNT_NOEXEC | MOUNT_IS_DIR },
	[MOUNT_BIND_RW] = { A_PATH, MOUNT_IDMAP | MOUNT_OPTIONAL | MOUNT_NOEXEC | MOUNT_IS_DIR },
	[MOUNT_OVERLAY] = { A_PATH, MOUNT_IDMAP | MOUNT_NOEXEC | MOUNT_IS_DIR },
	[MOUNT_PIN] = { NOTHING, MOUNT_OPTIONAL | MOUNT_IS_DIR },
	[MOUNT_PROTECT] = { NOTHING, MOUNT_OPTIONAL | MOUNT_IS_DIR },
	[MOUNT_MASK] = { NOTHING, MOUNT_OPTIONAL | MOUNT_MASK_ALWAYS | MOUNT_IS_DIR },
	[MOUNT_TMPFS] = { NOTHING, MOUNT_NOEXEC },
	[MOUNT_SYMLINK] = { A_TEXT, 0 },
	[MOUNT_PROC] = { NOTHING, 0 },
	[MOUNT_DEV] = { NOTHING, 0 },
};

static bool is_or_below(struct slice path, const char *top)
{
	struct slice prefix = slice_of(top);

	return slice_starts(path, prefix) && (path.len == prefix.len || path.data[prefix.len] == '/');
}

/* The kernel's own trees: made fresh for each run, never taken from the host. */
static bool is_kernel_tree(struct slice path)
{
	return is_or_below(path, "/proc") || is_or_below(path, "/sys") || is_or_below(path, "/dev");
}

static bool source_ok(const struct plan *plan, const struct plan_mount *mount)
{
	struct slice source;

	if (rows[mount->kind].source == NOTHING)
		return mount->source.len == 0 && plan_text_ok(plan, mount->source, 0);
	if (rows[mount->kind].source == A_TEXT)
		return plan_text_ok(plan, mount->source, PLAN_PATH_MAX - 1) && mount->source.len > 0;
	if (!plan_path_ok(plan, mount->source) || mount->source.len == 1)
		return false;
	source = slice_new(plan_text(plan, mount->source), mount->source.len);
	return !is_kernel_tree(source);
}

static bool target_ok(const struct plan *plan, const struct plan_mount *mount)
{
	struct slice target;

	if (!plan_path_ok(plan, mount->target) || mount->target.len == 1)
		return false;
	target = slice_new(plan_text(plan, mount->target), mount->target.len);
	if (mount->kind == MOUNT_PROC)
		return slice_is(target, "/proc");
	if (mount->kind == MOUNT_DEV)
		return slice_is(target, "/dev");
	return !is_kernel_tree(target);
}

static bool mount_ok(const struct plan *plan, const struct plan_mount *mount)
{
	if (mount->kind >= MOUNT_KIND_COUNT || (mount->flags & ~rows[mount->kind].flags))
		return false;
	if ((mount->flags & MOUNT_IDMAP) && plan->head->owner_uid != 0)
		return false;
	if (mount->kind == MOUNT_TMPFS ? mount->mode > 01777 || mount->size_mib > 1U << 20 :
					 mount->mode != 0 || mount->size_mib != 0)
		return false;
	return source_ok(plan, mount) && target_ok(plan, mount);
}

/* The upper layer is one, and it is handed over for the workspace. */
static bool is_workspace(const struct plan *plan, const struct plan_mount *mount)
{
	struct slice workspace = slice_new(plan_text(plan, plan->head->workspace), plan->head->workspace.len);

	return slice_is(workspace, plan_text(plan, mount->target)) &&
	       slice_is(workspace, plan_text(plan, mount->source));
}

int plan_check_mounts(const struct plan *plan, struct error *err)
{
	uint32_t procs = 0, devs = 0, overlays = 0;

	for (uint32_t i = 0; i < plan->head->sections[PLAN_MOUNTS].count; i++) {
		const struct plan_mount *mount = &plan->mounts[i];

		if (!mount_ok(plan, mount))
			return plan_bad(err, "mounts");
		if (mount->kind == MOUNT_OVERLAY && !is_workspace(plan, mount))
			return plan_bad(err, "mounts: an overlay that is not of the workspace");
		overlays += mount->kind == MOUNT_OVERLAY;
		procs += mount->kind == MOUNT_PROC;
		devs += mount->kind == MOUNT_DEV;
	}
	if (overlays != (plan->head->workspace_mode == WORKSPACE_OVERLAY))
		return plan_bad(err, "mounts of the workspace");
	return procs == 1 && devs == 1 ? 0 : plan_bad(err, "mounts of /proc and /dev");
}
