/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define FILE_NAME_MAX 32U

int keys_origin(uint32_t generation, char *origin, size_t size)
{
	uint8_t text[64 + 7], digest[SHA256_DIGEST_LENGTH];
	char machine[65], host[17];
	struct buf out = buf_fixed(origin, size - 1);
	ssize_t len = io_read_text(AT_FDCWD, "/etc/machine-id", machine, sizeof(machine));

	if (len < 0)
		return (int)len;
	memcpy(text, machine, (size_t)len);
	memcpy(text + len, "bailiff", 7);
	if (!SHA256(text, (size_t)len + 7, digest))
		return -EIO;
	text_hex(host, digest, 8);
	memset(origin, 0, size);
	return buf_printf(&out, "localhost/bailiff/%s/%u", host, generation);
}

static int key_read(int keys_fd, const char *name, uint8_t seed[KEYS_SEED_LEN])
{
	uint8_t bytes[KEYS_SEED_LEN + 1];
	auto_close int fd = openat(keys_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		return -EPERM;
	len = io_read(fd, bytes, sizeof(bytes));
	if (len == KEYS_SEED_LEN)
		memcpy(seed, bytes, KEYS_SEED_LEN);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (len < 0)
		return (int)len;
	return len == KEYS_SEED_LEN ? 0 : -EBADMSG;
}

static int key_write(int keys_fd, const char *name, const uint8_t seed[KEYS_SEED_LEN])
{
	auto_close int fd = FD_NONE;
	char temporary[FILE_NAME_MAX + 8];
	struct buf out = buf_fixed(temporary, sizeof(temporary));
	int r;

	r = buf_printf(&out, "%s.new", name);
	if (r < 0)
		return r;
	r = buf_append(&out, "", 1);
	if (r < 0)
		return r;
	/* What an interrupted start left behind was never in use. */
	if (unlinkat(keys_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(keys_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = io_write(fd, seed, KEYS_SEED_LEN);
	if (r < 0)
		return r;
	if (fsync(fd) < 0)
		return -errno;
	/* link, not rename: an existing key must never be replaced. */
	if (linkat(keys_fd, temporary, keys_fd, name, 0) < 0)
		return -errno;
	if (unlinkat(keys_fd, temporary, 0) < 0 || fsync(keys_fd) < 0)
		return -errno;
	return 0;
}

static int key_make(int keys_fd, const char *name, uint8_t seed[KEYS_SEED_LEN])
{
	ssize_t len = getrandom(seed, KEYS_SEED_LEN, 0);

	if (len < 0)
		return -errno;
	return len == KEYS_SEED_LEN ? key_write(keys_fd, name, seed) : -EIO;
}

static int key_get(int keys_fd, const char *name, bool create, uint8_t seed[KEYS_SEED_LEN],
		   struct error *err)
{
	int r = key_read(keys_fd, name, seed);

	if (r == -ENOENT && create)
		r = key_make(keys_fd, name, seed);
	if (r == -EPERM)
		return error_say(err, r, "key 'keys/%s' can be read by others than its owner",
				 name);
	if (r == -EBADMSG)
		return error_say(err, r, "key 'keys/%s' is not 32 bytes", name);
	return r < 0 ? error_set(err, r, "read key 'keys/%s'", name) : 0;
}

static int name_print(char *to, size_t size, const char *origin, uint32_t epoch)
{
	struct buf out = buf_fixed(to, size - 1);

	memset(to, 0, size);
	return epoch ? buf_printf(&out, "%s/seal/%u", origin, epoch) :
		       buf_text(&out, origin);
}

int keys_open(int keys_fd, const char *origin, uint32_t epoch, bool create, struct keys *ret_keys,
	      struct error *err)
{
	cleanup_with(keys_finish) struct keys keys = { .epoch = epoch };
	char seal_file[FILE_NAME_MAX];
	struct buf out = buf_fixed(seal_file, sizeof(seal_file) - 1);
	int r;

	memset(seal_file, 0, sizeof(seal_file));
	if (name_print(keys.origin, sizeof(keys.origin), origin, 0) < 0 ||
	    name_print(keys.seal_name, sizeof(keys.seal_name), origin, epoch) < 0 ||
	    buf_printf(&out, "seal.%u", epoch) < 0)
		return error_say(err, -ENAMETOOLONG, "the log's origin '%s' is too long", origin);
	r = key_get(keys_fd, "identity", create, keys.identity_seed, err);
	if (r < 0)
		return r;
	r = key_get(keys_fd, seal_file, create, keys.seal_seed, err);
	if (r < 0)
		return r;
	*ret_keys = keys;
	return 0;
}

void keys_finish(struct keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
