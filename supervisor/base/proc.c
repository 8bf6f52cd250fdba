/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"

#define STAT_GROUP_FIELD 5  /* pgrp, session, tty_nr, tpgid: proc(5) */
#define STAT_START_FIELD 22 /* starttime */
#define LINE_FIELDS_MAX 8
#define ACCOUNT_FILE_MAX (1U << 20)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int proc_boot_id(uint8_t ret_boot_id[16])
{
	char text[64];
	size_t at = 0;
	ssize_t len = io_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));

	if (len < 0)
		return (int)len;
	for (size_t i = 0; i + 1 < (size_t)len && at < 16; i++) {
		int high = hex_digit(text[i]), low;

		if (text[i] == '-')
			continue;
		low = hex_digit(text[++i]);
		if (high < 0 || low < 0)
			return -EINVAL;
		ret_boot_id[at++] = (uint8_t)(high << 4 | low);
	}
	return at == 16 ? 0 : -EINVAL;
}

/* /proc/PID/stat from the field `first` (3 at least) on. */
static int stat_fields(pid_t pid, int first, char *text, size_t size, const char **ret_at)
{
	char path[32];
	const char *at;
	ssize_t len;

	IGNORE(snprintf(path, sizeof(path), "/proc/%d/stat", pid) < 0);
	len = io_read_text(AT_FDCWD, path, text, size);
	if (len < 0)
		return (int)len;
	at = strrchr(text, ')'); /* comm may hold blanks and parentheses; field 3 follows the last one */
	for (int field = 2; at && field < first; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EINVAL;
	*ret_at = at + 1;
	return 0;
}

int proc_start_ns(pid_t pid, uint64_t *ret_start_ns)
{
	char text[1024];
	const char *at;
	uint64_t ticks;
	int r = stat_fields(pid, STAT_START_FIELD, text, sizeof(text), &at);

	if (r == 0)
		r = parse_u64(slice_new(at, strcspn(at, " ")), 0, UINT64_MAX, &ticks);
	if (r < 0)
		return r;
	*ret_start_ns = ticks * (1000000000U / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

int proc_foreground(pid_t pid, bool *ret_foreground)
{
	enum { GROUP, SESSION, TERMINAL, OWNER, FIELDS }; /* OWNER: -1 without a terminal */
	struct slice fields[FIELDS];
	char text[1024];
	const char *at;
	int r = stat_fields(pid, STAT_GROUP_FIELD, text, sizeof(text), &at);

	if (r < 0)
		return r;
	for (size_t i = 0; i < FIELDS; i++) {
		fields[i] = slice_new(at, strcspn(at, " "));
		at += fields[i].len + (at[fields[i].len] == ' ');
	}
	*ret_foreground = !slice_is(fields[TERMINAL], "0") && fields[GROUP].len > 0 &&
			  slice_eq(fields[GROUP], fields[OWNER]);
	return 0;
}

int proc_cgroup_v2(pid_t pid, char *path, size_t size)
{
	char file[32], text[4096];
	const char *line;
	ssize_t len;

	IGNORE(snprintf(file, sizeof(file), "/proc/%d/cgroup", pid) < 0);
	len = io_read_text(AT_FDCWD, file, text, sizeof(text));
	if (len < 0)
		return (int)len;
	for (line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, "0::", 3) == 0)
			return text_copy(path, size, slice_new(line + 3, strcspn(line + 3, "\n")));
	}
	return -ENOENT;
}

/* Finds the line of `file` whose first field is `name` and splits it at colons. */
static int account_line(const char *file, const char *name, struct buf *buf,
			struct slice fields[LINE_FIELDS_MAX], size_t *ret_count)
{
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t name_len = strlen(name);
	int r;

	if (fd < 0)
		return -errno;
	r = io_read_all(fd, buf);
	if (r < 0)
		return r;
	for (size_t at = 0; at < buf->len;) {
		const char *line = buf->data + at, *end = memchr(line, '\n', buf->len - at);
		size_t len = end ? (size_t)(end - line) : buf->len - at;

		at += len + 1;
		if (len <= name_len || memcmp(line, name, name_len) != 0 || line[name_len] != ':')
			continue;
		*ret_count = 0;
		while (*ret_count < LINE_FIELDS_MAX) {
			const char *colon = memchr(line, ':', len);
			size_t part = colon ? (size_t)(colon - line) : len;

			fields[(*ret_count)++] = slice_new(line, part);
			if (!colon)
				return 0;
			line += part + 1;
			len -= part + 1;
		}
		return 0;
	}
	return -ENOENT;
}

int account_lookup(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(ACCOUNT_FILE_MAX);
	struct slice fields[LINE_FIELDS_MAX];
	size_t count;
	uid_t uid;
	gid_t gid;
	int r = account_line("/etc/passwd", name, &buf, fields, &count);

	if (r < 0)
		return r;
	if (count < 4 || parse_uid(fields[2], &uid) < 0 || parse_uid(fields[3], &gid) < 0)
		return -EINVAL;
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

int group_lookup(const char *name, gid_t *ret_gid)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(ACCOUNT_FILE_MAX);
	struct slice fields[LINE_FIELDS_MAX];
	size_t count;
	int r = account_line("/etc/group", name, &buf, fields, &count);

	if (r < 0)
		return r;
	if (count < 3)
		return -EINVAL;
	return parse_uid(fields[2], ret_gid);
}

int proc_core_off(void)
{
	struct rlimit limit = { 1, 1 };

	if (setrlimit(RLIMIT_CORE, &limit) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	limit = (struct rlimit){ 0, 0 };
	return setrlimit(RLIMIT_CORE, &limit) < 0 ? -errno : 0;
}
