/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes a file of a run. The supervisor opens it itself, in the run's root, by one look-up without links: no
 * agent can supply a digest, or a descriptor of something else. Bounded, because nothing else is done meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/sys.h"
#include "base/text.h"
#include "run/run.h"

#define PATH_BUF 4200U
#define READ_BYTES 65536U

/* File systems whose reads wait for somebody else: a user's daemon, another machine. */
static bool may_hang(int fd)
{
	static const long types[] = { 0x65735546 /* FUSE */, 0x6969 /* NFS */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
				      0x01021997 /* 9p */, 0x00c36400 /* Ceph */, 0x5346414f /* AFS */ };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < COUNT(types); i++)
		if ((long)fs.f_type == types[i])
			return true;
	return false;
}

static int hash_all(int fd, uint8_t ret_digest[32], uint64_t *ret_size)
{
	static uint8_t bytes[READ_BYTES]; /* one thread */
	struct sha256 hash;
	uint64_t size = 0;
	ssize_t len;

	sha256_begin(&hash);
	while ((len = read(fd, bytes, sizeof(bytes))) > 0) {
		size += (uint64_t)len;
		if (size > FILE_DIGEST_MAX) /* it grows while it is read */
			return -EFBIG;
		sha256_add(&hash, bytes, (size_t)len);
	}
	if (len < 0)
		return -errno;
	if (size == 0)
		return -ENODATA;
	sha256_end(&hash, ret_digest);
	*ret_size = size;
	return 0;
}

static int open_root(const struct run *run)
{
	char path[64];
	int fd;

	/* pid 1 is ours and not reaped, so the number cannot be anybody else's. */
	IGNORE(snprintf(path, sizeof(path), "/proc/%d/root", (int)run->launched.pid) < 0);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int file_digest(const struct run *run, struct slice path, uint8_t ret_digest[32], uint64_t *ret_size)
{
	const char *workspace = plan_text(&run->plan, run->plan.head->workspace);
	/* Looked at first without opening: a device or FIFO is never opened. */
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	auto_close int root = open_root(run), fd = FD_NONE, file = FD_NONE;
	char name[PATH_BUF];
	struct stat st;
	bool absolute = path.len > 0 && path.data[0] == '/';
	int len = snprintf(name, sizeof(name), "%s/%.*s", absolute ? "" : workspace, (int)MIN(path.len, (size_t)4096),
			   path.len ? path.data : "");

	if (root < 0)
		return root;
	if (len < 0 || (size_t)len >= sizeof(name) || path.len > 4096)
		return -ENAMETOOLONG;
	fd = sys_openat2(root, name + strspn(name, "/"), &how);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (may_hang(fd))
		return -EREMOTE;
	if (st.st_size > (off_t)FILE_DIGEST_MAX)
		return -EFBIG;
	IGNORE(snprintf(name, sizeof(name), "/proc/self/fd/%d", fd) < 0);
	file = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return file < 0 ? -errno : hash_all(file, ret_digest, ret_size);
}
