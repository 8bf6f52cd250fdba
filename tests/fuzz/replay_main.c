/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once over each file of its corpus, so that `make check` replays what searching
 * found, with any compiler. The corpus is tests/fuzz/corpus/<name of the target without "fuzz_">,
 * or what is named on the command line. An empty corpus is a failure: it would prove nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/io.h"

#define INPUT_MAX (16U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(int dir, const char *name)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(INPUT_MAX);
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	auto_free uint8_t *exact = NULL;
	int r;

	if (fd < 0)
		return -errno;
	r = io_read_all(fd, &buf);
	if (r < 0)
		return r;
	/* A copy of the exact size, so that ASan sees a read beyond the end. */
	exact = malloc(buf.len ? buf.len : 1);
	if (!exact)
		return -ENOMEM;
	if (buf.len > 0)
		memcpy(exact, buf.data, buf.len);
	IGNORE(LLVMFuzzerTestOneInput(exact, buf.len));  /* always 0 */
	return 0;
}

static int replay_folder(const char *path, unsigned int *ret_count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		r = replay_file(dirfd(dir), entry->d_name);
		*ret_count += r == 0;
		if (r < 0)
			fprintf(stderr, "%s/%s: %s\n", path, entry->d_name, errno_name(r));
	}
	closedir(dir);
	return r;
}

int main(int argc, char **argv)
{
	const char *top = getenv("BAILIFF_TOP"), *slash, *name;
	unsigned int count = 0;
	char corpus[4096];
	int r;

	if (argc < 1)
		return 2;
	slash = strrchr(argv[0], '/');
	name = slash ? slash + 1 : argv[0];
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	if (argc > 1)
		r = replay_file(AT_FDCWD, argv[1]);
	else
		r = replay_folder(corpus, &count);
	printf("%s: %u inputs\n", name, count);
	return r < 0 || (argc == 1 && count == 0);
}
