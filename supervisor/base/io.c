/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"


ssize_t io_read(int fd, void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = read(fd, (char *)bytes + done, size - done);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (len == 0)
			break;
		done += (size_t)len;
	}
	return (ssize_t)done;
}

int io_write(int fd, const void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t part = write(fd, (const char *)bytes + done, len - done);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -errno;
		done += (size_t)part;
	}
	return 0;
}

ssize_t io_read_text(int dir_fd, const char *path, char *text, size_t size)
{
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = io_read(fd, text, size);
	if (len < 0)
		return len;
	if ((size_t)len >= size)
		return -EMSGSIZE;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return len;
}

int io_write_text(int dir_fd, const char *path, const char *text)
{
	auto_close int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t done;

	if (fd < 0)
		return -errno;
	done = write(fd, text, len);
	if (done < 0)
		return -errno;
	return (size_t)done == len ? 0 : -EIO;
}

int io_read_all(int fd, struct buf *buf)
{
	for (;;) {
		size_t before = buf->len;
		char chunk[4096];
		ssize_t len = io_read(fd, chunk, sizeof(chunk));
		int r;

		if (len < 0)
			return (int)len;
		if (len == 0)
			return 0;
		r = buf_append(buf, chunk, (size_t)len);
		if (r < 0) {
			buf->len = before;
			return r;
		}
	}
}

int io_sealed_memfd(const char *name, const void *bytes, size_t len, int *ret_fd)
{
	auto_close int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = io_write(fd, bytes, len);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int io_mkdirs(int dir_fd, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (text_copy(part, sizeof(part), slice_of(path)) < 0)
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdirat(dir_fd, part, mode) < 0 && errno != EEXIST)
			return -errno;
		if (i < len)
			part[i] = '/';
	}
	return 0;
}
