/* SPDX-License-Identifier: Apache-2.0 */
/* As in compiler/json.c: EVP would cost more than the child that is saved here. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "cli/policy_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"

#define FOLDER "compiled"
#define ENTRIES_MAX 64U          /* beyond that all are dropped: files of edited policies */
#define NAME_SIZE 65             /* a key in hexadecimal digits */

/* A file is this, the filter, and struct policy up to the end of its strings in use. */
struct entry_head {
	uint8_t sum[32];         /* SHA-256 of the rest: a power cut may have torn the file */
	uint32_t policy_bytes;
	uint32_t filter_count;
};

/* ---- the key ---- */

static void add(SHA256_CTX *context, const void *bytes, size_t len)
{
	uint64_t size = len;     /* in front, so that no two lists of parts give the same bytes */

	SHA256_Update(context, &size, sizeof(size));
	SHA256_Update(context, bytes, len);
}

static void add_text(SHA256_CTX *context, const char *text)
{
	add(context, text ? text : "", text ? strlen(text) + 1 : 0);
}

static void add_list(SHA256_CTX *context, const struct option_list *list)
{
	uint64_t count = list->count;

	add(context, &count, sizeof(count));
	for (size_t i = 0; i < list->count; i++)
		add_text(context, list->items[i]);
}

int policy_cache_key(const struct run_args *args, const struct policy_source *source,
		     const struct project_files *project,
		     struct policy_key *ret_key)
{
	const uint64_t numbers[] = { args->memory_bytes, args->wall_ns, args->cpu_milli, args->pids,
				     args->overlay, args->learn };
	SHA256_CTX context;
	struct stat self;

	/* Another build may compile the same text to something else, or lay the struct out otherwise. */
	if (stat("/proc/self/exe", &self) < 0)
		return -errno;
	SHA256_Init(&context);
	add(&context, &self.st_dev, sizeof(self.st_dev));
	add(&context, &self.st_ino, sizeof(self.st_ino));
	add(&context, &self.st_size, sizeof(self.st_size));
	add(&context, &self.st_mtim, sizeof(self.st_mtim));
	add(&context, &self.st_ctim, sizeof(self.st_ctim));
	add(&context, numbers, sizeof(numbers));
	add_text(&context, args->network);
	add_text(&context, args->tier);
	add_list(&context, &args->read);
	add_list(&context, &args->write);
	add_list(&context, &args->env);
	add_list(&context, &args->allow);
	for (uint32_t i = 0; i < source->count; i++) {
		add_text(&context, source->layers[i].path);
		add(&context, source->layers[i].bytes.data, source->layers[i].bytes.len);
	}
	for (uint32_t i = 0; i < source->pack_count; i++) {
		add_text(&context, source->packs[i].path);
		add(&context, source->packs[i].bytes.data, source->packs[i].bytes.len);
	}
	for (uint32_t i = 0; i < project->count; i++) {
		add_text(&context, project->files[i].path);
		add(&context, project->files[i].bytes.data, project->files[i].bytes.len);
	}
	SHA256_Final(ret_key->bytes, &context);
	return 0;
}

/* ---- the folder ---- */

/* Root's alone, whoever owns what is above it. */
static int folder_open(const struct run_args *args, bool make)
{
	const char *state_dir = args->dirs.state_dir ? args->dirs.state_dir : CLI_DEFAULT_STATE_DIR;
	auto_close int state = FD_NONE;
	auto_close int folder = FD_NONE;
	struct stat st;

	if (geteuid() != 0)
		return -EPERM;
	state = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return -errno;
	if (make && mkdirat(state, FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	folder = openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || fstat(folder, &st) < 0)
		return -errno;
	return st.st_uid == 0 && (st.st_mode & 077) == 0 ? TAKE_FD(folder) : -EPERM;
}

static void make_room(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint32_t count = 0;

	if (!dir) {
		fd_close(fd);
		return;
	}
	while (readdir(dir))
		count++;
	rewinddir(dir);
	while (count >= ENTRIES_MAX && (entry = readdir(dir)))
		IGNORE(unlinkat(folder, entry->d_name, 0) < 0); /* not "." and ".." */
	closedir(dir);
}

/* ---- entries ---- */

static size_t filter_bytes(const struct entry_head *head)
{
	return sizeof(struct sock_filter) * head->filter_count;
}

static void entry_sum(const struct entry_head *head, const struct run_policy *policy, uint8_t ret_sum[32])
{
	SHA256_CTX context;

	SHA256_Init(&context);
	SHA256_Update(&context, (const uint8_t *)head + sizeof(head->sum), sizeof(*head) - sizeof(head->sum));
	SHA256_Update(&context, policy->filter, filter_bytes(head));
	SHA256_Update(&context, policy->policy, head->policy_bytes);
	SHA256_Final(ret_sum, &context);
}

/* Reads into *policy, where it is needed: it is large, and each copy shows in the time of a launch. */
static bool entry_read(int fd, uint64_t size, struct run_policy *policy)
{
	struct entry_head head;
	uint8_t sum[32];

	if (io_read(fd, &head, sizeof(head)) != (ssize_t)sizeof(head) ||
	    head.policy_bytes > sizeof(*policy->policy) || head.policy_bytes < offsetof(struct policy, strings) ||
	    head.filter_count > PLAN_FILTER_MAX ||
	    size != sizeof(head) + filter_bytes(&head) + head.policy_bytes ||
	    io_read(fd, policy->filter, filter_bytes(&head)) != (ssize_t)filter_bytes(&head) ||
	    io_read(fd, policy->policy, head.policy_bytes) != (ssize_t)head.policy_bytes)
		return false;
	entry_sum(&head, policy, sum);
	policy->filter_count = head.filter_count;
	return memcmp(sum, head.sum, sizeof(sum)) == 0 && run_policy_check(policy->policy) == 0;
}

bool policy_cache_get(const struct run_args *args, const struct policy_key *key, struct run_policy *policy)
{
	auto_close int folder = folder_open(args, false);
	auto_close int fd = FD_NONE;
	char name[NAME_SIZE];
	struct stat st;

	if (folder < 0)
		return false;
	text_hex(name, key->bytes, sizeof(key->bytes));
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & 022)
		return false;
	if (entry_read(fd, (uint64_t)st.st_size, policy))
		return true;
	memset(policy->policy, 0, sizeof(*policy->policy));
	policy->filter_count = 0;
	return false;
}

void policy_cache_put(const struct run_args *args, const struct policy_key *key,
		      const struct run_policy *policy)
{
	auto_close int folder = folder_open(args, true);
	struct entry_head head = {
		.policy_bytes = (uint32_t)(offsetof(struct policy, strings) + policy->policy->strings_len),
		.filter_count = policy->filter_count,
	};
	auto_close int fd = FD_NONE;
	char name[NAME_SIZE], part[NAME_SIZE + 24];

	if (folder < 0)
		return;
	make_room(folder);
	entry_sum(&head, policy, head.sum);
	text_hex(name, key->bytes, sizeof(key->bytes));
	IGNORE(snprintf(part, sizeof(part), "%s.%d", name, (int)getpid()) < 0);
	fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	/* No fsync: the sum tells a torn file. */
	if (io_write(fd, &head, sizeof(head)) < 0 || io_write(fd, policy->filter, filter_bytes(&head)) < 0 ||
	    io_write(fd, policy->policy, head.policy_bytes) < 0 || renameat(folder, part, folder, name) < 0)
		IGNORE(unlinkat(folder, part, 0) < 0);
}
