/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/text.h"

/* So that a supervisor that comes after ours takes the group for no lost run. */
#define SPARE_MARK "trusted.bailiff.spare"

static void spare_clear(struct spare *spare)
{
	*spare = SPARE_NONE;
}

bool spare_is_there(const struct spare *spare)
{
	return spare->launched.pid != 0;
}

int spare_make(struct spare *spare, const struct launch_host *host)
{
	int r;

	if (spare_is_there(spare))
		return 0;
	r = ulid_new(&spare->run);
	if (r == 0)
		r = launch_begin(host, &spare->run, true, &spare->launched, NULL);
	if (r < 0)
		return r;
	if (fsetxattr(spare->launched.cgroup.dir_fd, SPARE_MARK, "1", 1, 0) == 0)
		return 0;
	r = -errno;
	spare_drop(spare);
	return r;
}

bool spare_take(struct spare *spare, const struct ulid *run, struct launched *ret_launched)
{
	if (!spare_is_there(spare) || memcmp(&spare->run, run, sizeof(*run)) != 0)
		return false;
	*ret_launched = spare->launched;
	spare_clear(spare);
	if (fremovexattr(ret_launched->cgroup.dir_fd, SPARE_MARK) == 0)
		return true;
	/* It would not be seen to be a run's. */
	IGNORE(launched_finish(ret_launched, SPARE_END_MS, NULL) < 0);
	return false;
}

void spare_drop(struct spare *spare)
{
	if (spare_is_there(spare))
		IGNORE(launched_finish(&spare->launched, SPARE_END_MS, NULL) < 0);
	spare_clear(spare);
}

bool spare_owns_group(int tree_fd, const char *name)
{
	auto_close int fd = openat(tree_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char value;

	return fd >= 0 && fgetxattr(fd, SPARE_MARK, &value, sizeof(value)) > 0;
}
