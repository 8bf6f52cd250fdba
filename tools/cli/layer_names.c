/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/layer_names.h"

#include <dirent.h>
#include <errno.h>

void names_finish(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct names){ 0 };
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(struct names *names, const char *name)
{
	if ((names->count & (names->count - 1)) == 0) { /* a power of two, or none: full */
		char **grown = reallocarray(names->items, names->count ? 2 * names->count : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->items = grown;
	}
	names->items[names->count] = strdup(name);
	if (!names->items[names->count])
		return -ENOMEM;
	names->count++;
	return names->count > NAMES_MAX ? -E2BIG : 0;
}

int names_read(int fd, struct names *ret_names)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	*ret_names = (struct names){ 0 };
	if (!dir) {
		r = fd < 0 ? fd : -errno;
		fd_close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = names_add(ret_names, entry->d_name);
	closedir(dir);
	if (ret_names->count > 0)
		qsort(ret_names->items, ret_names->count, sizeof(char *), compare_names);
	return r;
}

bool names_has(const struct names *names, const char *name)
{
	return names->count > 0 &&
	       bsearch(&name, names->items, names->count, sizeof(char *), compare_names) != NULL;
}
