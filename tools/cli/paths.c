/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/paths.h"

#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/cli.h"

#define PATH_BYTES_MAX 4096U

/* Drops the last component; the root has none. */
static size_t parent_len(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

static size_t append_component(char *path, size_t len, const char *part, size_t part_len)
{
	if (part_len == 0 || (part_len == 1 && part[0] == '.'))
		return len;
	if (part_len == 2 && part[0] == '.' && part[1] == '.')
		return parent_len(path, len);
	path[len++] = '/';
	memcpy(path + len, part, part_len);
	return len + part_len;
}

static size_t append_path(char *to, size_t len, const char *path)
{
	while (*path) {
		size_t part_len = strcspn(path, "/");

		len = append_component(to, len, path, part_len);
		path += part_len;
		path += *path == '/';
	}
	return len;
}

int path_absolute(const char *base, const char *path, char **ret_path)
{
	/* Each component costs at most its length and a slash. */
	char *text = malloc(strlen(base) + strlen(path) + 3);
	size_t len = 0;

	if (!text)
		return -ENOMEM;
	if (path[0] != '/')
		len = append_path(text, len, base);
	len = append_path(text, len, path);
	if (len == 0)
		text[len++] = '/';
	text[len] = '\0';
	*ret_path = text;
	return 0;
}

void path_pool_finish(struct path_pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		free(pool->items[i]);
	free(pool->items);
	*pool = (struct path_pool){ 0 };
}

static int pool_absolute(struct path_pool *pool, const char *cwd, const char *text,
			 const char **ret_path)
{
	char **grown = reallocarray(pool->items, pool->count + 1, sizeof(*grown));
	int r;

	if (!grown)
		return -ENOMEM;
	pool->items = grown;
	r = path_absolute(cwd, text, &grown[pool->count]);
	if (r < 0)
		return r;
	*ret_path = grown[pool->count++];
	return 0;
}

static int dir_absolute(const char *cwd, const char **dir, struct path_pool *pool,
			struct error *err)
{
	const char *path;
	int r;

	if (!*dir || (*dir)[0] == '/')
		return 0;
	r = pool_absolute(pool, cwd, *dir, &path);
	if (r < 0)
		return error_set(err, r, "directory '%s'", *dir);
	*dir = path;
	return 0;
}

int dirs_absolute(struct client_dirs *dirs, struct path_pool *pool, struct error *err)
{
	char cwd[PATH_BYTES_MAX];
	int r;

	if (!getcwd(cwd, sizeof(cwd)))
		return error_set(err, -errno, "read the current directory");
	r = dir_absolute(cwd, &dirs->state_dir, pool, err);
	return r < 0 ? r : dir_absolute(cwd, &dirs->runtime_dir, pool, err);
}

static int path_refused(const char *option, const char *path, const char *why, const char *next,
			struct error *err)
{
	error_say(err, -EINVAL, "--%s '%s' %s", option, path, why);
	error_next(err, "%s", next);
	return error_exit(err, CLI_USAGE);
}

static int path_check(const char *option, const char *path, struct error *err)
{
	auto_close int fd = FD_NONE;

	if (!text_is_utf8(slice_of(path)))
		return path_refused(option, path, "is not UTF-8", "a policy names UTF-8 paths only: "
				    "name a directory above it", err);
	if (strpbrk(path, "*?[]{}$"))
		return path_refused(option, path, "has a character that is a pattern in policies",
				    "name a directory above it, or write a policy", err);
	if (strlen(path) >= PATH_BYTES_MAX)
		return path_refused(option, "...", "is longer than 4095 bytes", "choose a shorter one", err);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	if (errno == ENOENT)
		return path_refused(option, path, "does not exist",
				    "create it first; a dangling symbolic link names nothing", err);
	error_set(err, -errno, "--%s '%s'", option, path);
	error_next(err, "name a file or directory that you can reach");
	return error_exit(err, CLI_USAGE);
}

int paths_resolve(const char *option, const char *cwd, struct option_list *list,
		  struct path_pool *pool, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *path;
		int r = pool_absolute(pool, cwd, list->items[i], &path);

		if (r < 0)
			return error_set(err, r, "--%s", option);
		list->items[i] = path;
		r = path_check(option, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}
