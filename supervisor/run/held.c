/* SPDX-License-Identifier: Apache-2.0 */
#include "run/held.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/cleanup.h"

#define PAGE_BYTES 4096U
#define PAGES 16U                  /* strings and pointers lie in a few */
#define STRING_MAX 131072U         /* the kernel's MAX_ARG_STRLEN */

/* The caller's pages, each read once: nothing is looked at twice, and a page costs as much as a word. */
static struct page {
	uint64_t address;          /* + 1, so that 0 is none */
	char bytes[PAGE_BYTES];
} pages[PAGES], list_page;     /* the list of pointers has its own: it is walked beside the strings */

static char bytes[HELD_FRONT + EXEC_BYTES_MAX];
static struct slice args[HELD_ARGS_MAX], env[HELD_ENV_MAX];

static const struct page *page_read(pid_t tid, uint64_t address, struct page *page)
{
	uint64_t start = address & ~(uint64_t)(PAGE_BYTES - 1);
	struct iovec local = { page->bytes, PAGE_BYTES }, remote = { (void *)(uintptr_t)start, PAGE_BYTES };

	if (page->address == start + 1)
		return page;
	page->address = 0;
	if (process_vm_readv(tid, &local, 1, &remote, 1, 0) != (ssize_t)PAGE_BYTES)
		return NULL;
	page->address = start + 1;
	return page;
}

static const struct page *page_of(pid_t tid, uint64_t address)
{
	return page_read(tid, address, &pages[address / PAGE_BYTES % PAGES]);
}

/* A pointer of a list; it may lie across two pages. */
static int read_pointer(pid_t tid, uint64_t address, uint64_t *ret_pointer)
{
	char *to = (char *)ret_pointer;
	size_t len = sizeof(*ret_pointer);

	while (len > 0) {
		const struct page *page = page_read(tid, address, &list_page);
		size_t at = address % PAGE_BYTES, step = MIN(len, PAGE_BYTES - at);

		if (!page)
			return -EFAULT;
		memcpy(to, page->bytes + at, step);
		address += step;
		to += step;
		len -= step;
	}
	return 0;
}

/* Its length with the terminator; -E2BIG when that is more than `size`. */
static ssize_t read_string(pid_t tid, uint64_t address, char *to, size_t size)
{
	size_t len = 0;

	while (len < size) {
		const struct page *page = page_of(tid, address + len);
		size_t at = (address + len) % PAGE_BYTES, step = MIN(size - len, PAGE_BYTES - at);
		const char *end;

		if (!page)
			return -EFAULT;
		end = memchr(page->bytes + at, '\0', step);
		if (end)
			step = (size_t)(end - (page->bytes + at)) + 1;
		memcpy(to + len, page->bytes + at, step);
		len += step;
		if (end)
			return (ssize_t)len;
	}
	return -E2BIG;
}

/* A list of pointers to strings, into the strings from `used` on. */
static int read_list(pid_t tid, uint64_t list, uint32_t *used, struct slice *words, uint32_t max,
		     uint32_t *ret_count)
{
	uint32_t count = 0;
	uint64_t pointer;

	for (; list; list += sizeof(pointer)) {
		size_t room = EXEC_BYTES_MAX - *used;
		char *to = bytes + HELD_FRONT + *used;
		ssize_t len = read_pointer(tid, list, &pointer);

		if (len == 0 && !pointer)
			break;
		if (len == 0)
			len = read_string(tid, pointer, to, MIN(room, STRING_MAX));
		if (len < 0)
			return (int)len;
		if (count < max)
			words[count] = slice_new(to, (size_t)len - 1);
		count++;
		*used += (uint32_t)len;
	}
	*ret_count = count;
	return 0;
}

static int read_path(struct held *held, uint64_t address)
{
	ssize_t len = read_string(held->tid, address, held->path, sizeof(held->path));

	if (len < 0)
		return len == -E2BIG ? -ENAMETOOLONG : (int)len;
	held->path_len = (size_t)len - 1;
	return 0;
}

/* The kernel puts an empty word where there is none (5.18). */
static void add_empty_word(struct held *held, uint32_t *used)
{
	bytes[HELD_FRONT] = '\0';
	args[0] = slice_new(bytes + HELD_FRONT, 0);
	held->argc = 1;
	*used = 1;
}

int held_read(pid_t tid, uint64_t id, const struct seccomp_data *data, struct held *held)
{
	bool at = data->nr == SYS_execveat;
	const uint64_t *arguments = (const uint64_t *)data->args + (at ? 1 : 0);
	uint32_t used = 0;
	int r;

	held->tid = tid;
	held->id = id;
	held->dir_fd = at ? (int)data->args[0] : AT_FDCWD;
	held->flags = at ? (int)data->args[4] : 0;
	held->strings = bytes + HELD_FRONT;
	held->args = args;
	held->env = env;
	held->path_len = held->argc = held->envc = held->arg_bytes = held->env_bytes = 0;
	held->path[0] = '\0';
	if (!at && data->nr != SYS_execve)
		return -ENOSYS;
	list_page.address = 0;
	for (size_t i = 0; i < PAGES; i++)
		pages[i].address = 0;
	r = read_path(held, arguments[0]);
	if (r == 0)
		r = read_list(tid, arguments[1], &used, args, HELD_ARGS_MAX, &held->argc);
	if (r < 0)
		return r;
	if (held->argc == 0)
		add_empty_word(held, &used);
	held->arg_bytes = used;
	r = read_list(tid, arguments[2], &used, env, HELD_ENV_MAX, &held->envc);
	if (r == 0 && held->envc > HELD_ENV_MAX)
		r = -E2BIG;
	if (r < 0)
		return r;
	held->env_bytes = used - held->arg_bytes;
	return 0;
}

int held_replace_first(struct held *held, const char *const *words, size_t count)
{
	size_t first = strlen(held->strings) + 1, len = 0, at = 0;
	size_t room = (size_t)(held->strings + first - bytes);
	uint32_t kept = MIN(held->argc, HELD_ARGS_MAX) - 1;
	uint32_t moved = MIN(kept, (uint32_t)(HELD_ARGS_MAX - count));

	for (size_t i = 0; i < count; i++)
		len += strlen(words[i]) + 1;
	if (len > room || held->arg_bytes - first + len + held->env_bytes > EXEC_BYTES_MAX)
		return -E2BIG;
	memmove(args + count, args + 1, moved * sizeof(args[0]));
	held->strings += (ssize_t)first - (ssize_t)len;
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(words[i]) + 1;

		memcpy(held->strings + at, words[i], size);
		args[i] = slice_new(held->strings + at, size - 1);
		at += size;
	}
	held->arg_bytes = held->arg_bytes - (uint32_t)first + (uint32_t)len;
	held->argc = held->argc - 1 + (uint32_t)count;
	return 0;
}
