/* SPDX-License-Identifier: Apache-2.0 */
/* Host paths: expansion, symbolic links, patterns. All of it happens before anything is trusted;
 * root looks the results up again, with the caller's rights and without following a link. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/text.h"
#include "plan/build.h"

bool path_is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (len == 1)
		return path[0] == '/';
	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool host_is_pattern(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

static int join(char to[PLAN_PATH_MAX], const char *top, const char *rest)
{
	int len;

	while (*rest == '/')
		rest++;
	if (strcmp(top, "/") == 0)
		top = "";
	if (*rest)
		len = snprintf(to, PLAN_PATH_MAX, "%s/%s", top, rest);
	else
		len = snprintf(to, PLAN_PATH_MAX, "%s", *top ? top : "/");
	return len < 0 || len >= (int)PLAN_PATH_MAX ? -ENAMETOOLONG : 0;
}

int host_expand(const struct build *build, const char *text, char to[PLAN_PATH_MAX])
{
	if (text[0] == '~')
		return build->home.text[0] ? join(to, build->home.text, text + 1) : -ENOENT;
	if (text[0] == '.')
		return join(to, build->workspace.text, text + 1);
	if (strcmp(text, "${cwd}") == 0)
		return join(to, build->spec->cwd, "");
	return join(to, "/", text);
}

/* What is left to walk: components are taken from the front, link texts are put there. */
struct walk {
	char rest[2 * PLAN_PATH_MAX];
	size_t at;
	uint32_t links;
};

static bool next_part(struct walk *walk, struct slice *ret_part)
{
	const char *start;

	while (walk->rest[walk->at] == '/')
		walk->at++;
	start = walk->rest + walk->at;
	while (walk->rest[walk->at] && walk->rest[walk->at] != '/')
		walk->at++;
	*ret_part = slice_new(start, (size_t)(walk->rest + walk->at - start));
	return ret_part->len > 0;
}

static void go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* Replaces the last component of `path` by the link's text in front of the rest. */
static int follow(struct walk *walk, char path[PLAN_PATH_MAX], const char *text)
{
	char rest[2 * PLAN_PATH_MAX];
	int len = snprintf(rest, sizeof(rest), "%s/%s", text, walk->rest + walk->at);

	if (++walk->links > BUILD_LINKS_MAX)
		return -ELOOP;
	if (len < 0 || len >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(walk->rest, rest, (size_t)len + 1);
	walk->at = 0;
	if (text[0] == '/')
		path[0] = '\0';
	else
		go_up(path);
	return 0;
}

static int look(struct build *build, const char *path, struct stat *ret_st)
{
	uint32_t hash = 2166136261U; /* FNV-1a: a collision costs a call */
	size_t len = strlen(path);
	struct seen *seen;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)path[i]) * 16777619U;
	seen = &build->seen[hash % BUILD_SEEN_MAX];
	if (len > 0 && strcmp(seen->path, path) == 0) {
		*ret_st = seen->st;
		return 0;
	}
	if (lstat(path, ret_st) < 0)
		return -errno;
	if (text_copy(seen->path, sizeof(seen->path), slice_new(path, len)) == 0)
		seen->st = *ret_st;
	return 0;
}

static int step(struct build *build, struct walk *walk, struct slice part, host_link_fn link,
		struct path *path)
{
	char text[PLAN_PATH_MAX];
	size_t len = strlen(path->text);
	ssize_t link_len;
	int r;

	if (slice_is(part, "."))
		return 0;
	if (slice_is(part, "..")) {
		go_up(path->text);
		return 0;
	}
	if (len + part.len + 2 > PLAN_PATH_MAX)
		return -ENAMETOOLONG;
	path->text[len] = '/';
	memcpy(path->text + len + 1, part.data, part.len);
	path->text[len + 1 + part.len] = '\0';
	r = look(build, path->text, &path->st);
	if (r < 0)
		return r;
	if (!S_ISLNK(path->st.st_mode))
		return 0;
	link_len = readlink(path->text, text, sizeof(text) - 1);
	if (link_len < 0)
		return -errno;
	text[link_len] = '\0';
	r = link ? link(build, path->text, text) : 0;
	return r < 0 ? r : follow(walk, path->text, text);
}

int host_resolve(struct build *build, const char *text, host_link_fn link, struct path *ret_path)
{
	struct walk walk = { 0 };
	struct path path = { 0 };
	struct slice part;
	int r = text_copy(walk.rest, PLAN_PATH_MAX, slice_of(text));

	while (r == 0 && next_part(&walk, &part))
		r = step(build, &walk, part, link, &path);
	if (r < 0)
		return r;
	if (path.text[0] == '\0')
		IGNORE(text_copy(path.text, sizeof(path.text), slice_of("/")) < 0);
	/* The last step may have been "..": look at what is meant, not at what was passed. */
	r = look(build, path.text, &path.st);
	if (r < 0)
		return r;
	*ret_path = path;
	return 0;
}

struct search {
	struct build *build;
	const char *pattern;
	host_found_fn found;
	void *context;
};

/* The part of the pattern in front of its first * or ?, up to a slash. */
static size_t fixed_prefix(const char *pattern)
{
	size_t special = strcspn(pattern, "*?");

	while (special > 0 && pattern[special] != '/')
		special--;
	return special;
}

static uint32_t slashes(const char *text)
{
	uint32_t count = 0;

	for (; *text; text++)
		count += *text == '/';
	return count;
}

/* Whether something below `directory` could match: a pattern without ** has as many components as
 * what it matches. */
static bool may_match_below(const struct search *search, const char *directory)
{
	return strstr(search->pattern, "**") || slashes(directory) < slashes(search->pattern);
}

static int search_directory(const struct search *search, const char *directory, uint32_t depth)
{
	DIR *dir = depth < BUILD_GLOB_DEPTH_MAX ? opendir(directory) : NULL;
	struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		char path[PLAN_PATH_MAX];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (++search->build->glob_entries > BUILD_GLOB_ENTRIES_MAX)
			r = -E2BIG;
		else if (join(path, directory, entry->d_name) < 0)
			continue;
		else if (glob_matches(slice_of(search->pattern), slice_of(path)))
			r = search->found(search->build, path, search->context);
		else if (entry->d_type == DT_DIR && may_match_below(search, path))
			r = search_directory(search, path, depth + 1);
	}
	if (dir)
		closedir(dir);
	return r;
}

int host_glob(struct build *build, const char *pattern, host_found_fn found, void *context)
{
	struct search search = { build, pattern, found, context };
	char directory[PLAN_PATH_MAX];
	struct stat st;

	if (!host_is_pattern(pattern))
		return lstat(pattern, &st) == 0 ? found(build, pattern, context) : 0;
	if (text_copy(directory, sizeof(directory), slice_new(pattern, fixed_prefix(pattern))) < 0)
		return -ENAMETOOLONG;
	return search_directory(&search, directory[0] ? directory : "/", 0);
}
