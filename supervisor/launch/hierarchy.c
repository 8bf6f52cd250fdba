/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/hierarchy.h"

#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/text.h"

#define MOUNTINFO_MAX (4U << 20)
#define FIELDS_MAX 32

const char *const controller_names[CGROUP_CONTROLLER_COUNT] = {
	[CGROUP_PIDS] = "pids", [CGROUP_MEMORY] = "memory", [CGROUP_CPU] = "cpu",
};

bool hierarchy_name_is_valid(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return len > 0 && len < CGROUP_NAME_MAX && name[len] == '\0';
}

/* The word `word` in a comma-separated list. */
static bool list_has(struct slice list, const char *word)
{
	while (list.len > 0) {
		const char *comma = memchr(list.data, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.data) : list.len;
		size_t next = MIN(len + 1, list.len);

		if (slice_is(slice_new(list.data, len), word))
			return true;
		list = slice_new(list.data + next, list.len - next);
	}
	return false;
}

/* proc(5): id parent major:minor root mountpoint options [optional...] - type source superoptions */
static void line_parse(struct slice line, struct hierarchies *ret)
{
	struct slice fields[FIELDS_MAX];
	size_t count = 0, dash = 0;

	while (line.len > 0 && count < FIELDS_MAX) {
		const char *blank = memchr(line.data, ' ', line.len);
		size_t len = blank ? (size_t)(blank - line.data) : line.len;
		size_t next = MIN(len + 1, line.len);

		if (count > 5 && dash == 0 && slice_is(slice_new(line.data, len), "-"))
			dash = count;
		fields[count++] = slice_new(line.data, len);
		line = slice_new(line.data + next, line.len - next);
	}
	if (dash == 0 || count < dash + 4 || !slice_is(fields[3], "/"))
		return;
	/* The last mount wins: it covers the earlier ones. A path too long is as good as none. */
	if (slice_is(fields[dash + 1], "cgroup2"))
		IGNORE(text_copy(ret->v2, sizeof(ret->v2), fields[4]) < 0);
	if (!slice_is(fields[dash + 1], "cgroup"))
		return;
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (list_has(fields[dash + 3], controller_names[i]))
			IGNORE(text_copy(ret->v1[i], sizeof(ret->v1[i]), fields[4]) < 0);
}

void hierarchies_parse(const char *mountinfo, struct hierarchies *ret)
{
	*ret = (struct hierarchies){ 0 };
	while (*mountinfo) {
		size_t len = strcspn(mountinfo, "\n");

		line_parse(slice_new(mountinfo, len), ret);
		mountinfo += len + (mountinfo[len] == '\n');
	}
}

int hierarchies_find(struct hierarchies *ret)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(MOUNTINFO_MAX);
	auto_close int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_read_all(fd, &buf);

	if (r >= 0)
		r = buf_append(&buf, "", 1);
	if (r < 0)
		return r;
	hierarchies_parse(buf.data, ret);
	return 0;
}
