// SPDX-License-Identifier: Apache-2.0
/* The rings are mapped page by page, twice: 10 000 entries that each fork would copy and each exec
 * would take down again, 4 ms of a launch. libbpf 1.1 does not tell where it mapped them, so they are
 * found where the kernel lists them. */
#include "watch/libbpf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/io.h"

#define MAPS_BYTES_MAX (1U << 20)
#define MAP_NAME "anon_inode:bpf-map"

static uint64_t read_hex(const char **at, const char *end)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t value = 0;

	for (; *at < end; (*at)++) {
		const char *digit = memchr(digits, **at, 16);

		if (!digit)
			break;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	return value;
}

/* "start-end perms offset dev inode   name" */
static int keep_from_children(const char *line, const char *end)
{
	static const size_t name_len = sizeof(MAP_NAME) - 1;
	uint64_t from, to;

	if ((size_t)(end - line) < name_len || memcmp(end - name_len, MAP_NAME, name_len) != 0)
		return 0;
	from = read_hex(&line, end);
	if (line == end || *line++ != '-')
		return -EINVAL;
	to = read_hex(&line, end);
	if (to <= from)
		return -EINVAL;
	return madvise((void *)(uintptr_t)from, (size_t)(to - from), MADV_DONTFORK) < 0 ? -errno : 0;
}

int maps_keep_from_children(void)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(MAPS_BYTES_MAX);
	auto_close int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_read_all(fd, &text);

	for (const char *at = text.data, *all = at + text.len; r == 0 && at < all;) {
		const char *end = memchr(at, '\n', (size_t)(all - at));

		if (!end)
			break;
		r = keep_from_children(at, end);
		at = end + 1;
	}
	return r;
}
