/* SPDX-License-Identifier: Apache-2.0 */
/* The mount list again as a Landlock domain: a second wall that also holds should a mount be missed
 * (Documentation/userspace-api/landlock.rst). Rights add up along the path, so what is read-only
 * inside a writable tree is the mounts' business. Highest ABI that the kernel has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "daemon/agent_wire.h"
#include "init/secrets.h"

/* By name, so that a build needs no newer headers than Debian 12's. */
#define FS_REFER     (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL        (1ULL << 1)

struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		     LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static uint64_t handled_fs(int abi)
{
	static const unsigned int known[] = { 0, 13, 14, 15, 15, 16 }; /* bits by ABI */
	size_t row = MIN((size_t)abi, COUNT(known) - 1);

	return (1ULL << known[row]) - 1;
}

/* What each kind of mount allows below its target. 0: nothing of its own. */
static uint64_t kind_rights(uint32_t kind, uint64_t all)
{
	static const uint64_t read_only = FS_READ | LANDLOCK_ACCESS_FS_EXECUTE;

	switch ((enum plan_mount_kind)kind) {
	case MOUNT_BIND_RO:
		return read_only;
	case MOUNT_BIND_RW:
	case MOUNT_OVERLAY:
	case MOUNT_TMPFS:
		return all & ~FS_DEVICES;
	case MOUNT_PROC:
		return FS_READ;
	case MOUNT_DEV:
		return FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
	case MOUNT_PIN:
	case MOUNT_PROTECT:
	case MOUNT_MASK:
	case MOUNT_SYMLINK:
	case MOUNT_KIND_COUNT:
		break;
	}
	return 0;
}

static int rule_for_fd(int ruleset, int fd, uint64_t rights, uint64_t all)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	rule.allowed_access = rights & all & (S_ISDIR(st.st_mode) ? ~0ULL : FS_OF_FILES);
	if (rule.allowed_access == 0)
		return 0;
	return sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int rule_for_path(int ruleset, const char *path, uint64_t rights, uint64_t all)
{
	/* With the run's own rights: what it cannot reach needs no rule. */
	auto_close int fd = sys_openat2(AT_FDCWD, path, &(struct open_how){
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS });

	if (fd == -ENOENT || fd == -EACCES || fd == -ENOTDIR)
		return 0;
	return fd < 0 ? fd : rule_for_fd(ruleset, fd, rights, all);
}

/* `cmd > file` and then `echo > /dev/stdout`: the file was opened outside and is passed on purpose. */
static int rules_for_stdio(int ruleset, uint64_t all)
{
	for (int fd = 0; fd <= 2; fd++) {
		int mode = fcntl(fd, F_GETFL);
		uint64_t rights = 0;
		struct stat st;
		int r;

		if (mode < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if ((mode & O_ACCMODE) != O_WRONLY)
			rights |= LANDLOCK_ACCESS_FS_READ_FILE;
		if ((mode & O_ACCMODE) != O_RDONLY)
			rights |= LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
		r = rule_for_fd(ruleset, fd, rights, all);
		if (r < 0 && r != -EBADFD) /* a memfd: nothing that Landlock governs */
			return r;
	}
	return 0;
}

static int rules_add(const struct init *init, int ruleset, uint64_t all)
{
	/* What is visible may be listed: the directories on the way are ours and hold nothing else. */
	int r = rule_for_path(ruleset, "/", LANDLOCK_ACCESS_FS_READ_DIR, all);

	for (uint32_t i = 0; r >= 0 && i < init->plan.head->sections[PLAN_MOUNTS].count; i++) {
		const struct plan_mount *mount = &init->plan.mounts[i];
		uint64_t rights = kind_rights(mount->kind, all);

		if (rights)
			r = rule_for_path(ruleset, plan_text(&init->plan, mount->target), rights, all);
		if (r >= 0 && mount->kind == MOUNT_DEV)
			r = rule_for_path(ruleset, "/dev/shm", all & ~FS_DEVICES, all);
	}
	if (r >= 0)
		r = rule_for_path(ruleset, AGENT_BIN, FS_READ | LANDLOCK_ACCESS_FS_EXECUTE, all);
	if (r >= 0 && init->plan.head->sections[PLAN_SECRETS].count > 0)
		r = rule_for_path(ruleset, SECRETS_DIR, FS_READ, all);
	return r < 0 ? r : rules_for_stdio(ruleset, all);
}

int stage_landlock(struct init *init, struct error *err)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { 0 };
	auto_close int ruleset = FD_NONE;
	/* An older kernel refuses a longer struct only where the rest is not zero. */
	int r;

	if (init->in_force & 1U << FEATURE_LANDLOCK) /* stage_broker() was here: one domain for both */
		return 0;
	if (abi == -ENOSYS || abi == -EOPNOTSUPP || abi == 0) {
		if (!(init->plan.head->require & 1U << FEATURE_LANDLOCK))
			return 0;
		error_set(err, -EOPNOTSUPP, "the policy requires Landlock; this kernel has none");
		return error_exit(err, 121);
	}
	if (abi < 0)
		return error_set(err, abi, "ask for the Landlock ABI");
	attr.handled_access_fs = handled_fs(abi);
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	ruleset = sys_landlock_create_ruleset(&attr, sizeof(attr), 0);
	if (ruleset < 0)
		return error_set(err, ruleset, "make a Landlock ruleset of ABI %d", abi);
	r = rules_add(init, ruleset, attr.handled_access_fs);
	if (r < 0)
		return error_set(err, r, "add Landlock rules");
	r = sys_landlock_restrict_self(ruleset, 0);
	if (r < 0)
		return error_set(err, r, "enter the Landlock domain");
	init->landlock_abi = (uint32_t)abi;
	init->in_force |= 1U << FEATURE_LANDLOCK;
	if (attr.scoped)
		init->in_force |= 1U << FEATURE_LANDLOCK_SCOPE;
	return 0;
}
