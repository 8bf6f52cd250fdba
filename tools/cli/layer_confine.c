/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever reads what an agent left is the agent's next victim: from here on the process can open nothing
 * but the layer, which it reads and clears, and the workspace, which it reads or writes
 * (Documentation/userspace-api/landlock.rst). */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>

#include "base/sys.h"
#include "cli/layer.h"

/* By name, so that a build needs no newer headers than Debian 12's. */
#define FS_REFER    (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define FS_ABI_1    (FS_REFER - 1)
#define FS_READ     (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_NEVER    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	return fd == FD_NONE ? 0 : sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int layer_confine(const struct layer *layer, bool writes)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { .handled_access_fs = FS_ABI_1 | FS_REFER };
	auto_close int ruleset = FD_NONE;
	uint64_t all;
	int r;

	/* Without it a file cannot be linked into another directory: then the kernel is too old to help. */
	if (abi < 2)
		return 0;
	if (abi >= 3)
		attr.handled_access_fs |= FS_TRUNCATE;
	all = writes ? attr.handled_access_fs & ~FS_NEVER : FS_READ;
	ruleset = sys_landlock_create_ruleset(&attr, sizeof(attr), 0);
	if (ruleset < 0)
		return ruleset;
	r = allow(ruleset, layer->root, all);
	if (r == 0)
		r = allow(ruleset, layer->upper, all);
	if (r == 0)
		r = allow(ruleset, layer->index, FS_READ);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? r : sys_landlock_restrict_self(ruleset, 0);
}
