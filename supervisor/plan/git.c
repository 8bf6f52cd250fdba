/* SPDX-License-Identifier: Apache-2.0 */
/* A linked git worktree has a file .git that names COMMON/worktrees/NAME (gitrepository-layout(5)).
 * The file lies in the workspace, so an agent may have written it: it is believed only when
 * COMMON/worktrees/NAME/gitdir, which is outside, names this very worktree. */
#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/text.h"
#include "plan/build.h"

/* The first line of a small file below `directory`; "" when there is none. */
static void read_line(const char *directory, const char *name, char to[PLAN_PATH_MAX])
{
	char path[PLAN_PATH_MAX + 64];

	to[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return;
	if (io_read_text(AT_FDCWD, path, to, PLAN_PATH_MAX) < 0)
		to[0] = '\0';
	to[strcspn(to, "\n")] = '\0';
}

/* Resolves `text`, which may be relative to `directory`. */
static int resolve_from(struct build *build, const char *directory, const char *text, struct path *ret)
{
	char path[2 * PLAN_PATH_MAX + 2];

	if (text[0] == '/')
		return host_resolve(build, text, NULL, ret);
	IGNORE(snprintf(path, sizeof(path), "%s/%s", directory, text) < 0);
	return host_resolve(build, path, NULL, ret);
}

static bool drop_last(char *path, const char *wanted)
{
	char *slash = strrchr(path, '/');
	bool good = slash && slash != path && (!wanted || strcmp(slash + 1, wanted) == 0);

	if (good)
		*slash = '\0';
	return good;
}

/* The worktree's own directory COMMON/worktrees/NAME and COMMON. */
static bool find_directories(struct build *build, struct path *ret_own, struct path *ret_common)
{
	struct path git_file, back;
	char line[PLAN_PATH_MAX], common[PLAN_PATH_MAX];

	if (resolve_from(build, build->workspace.text, ".git", &git_file) < 0 ||
	    !S_ISREG(git_file.st.st_mode))
		return false;
	read_line(build->workspace.text, ".git", line);
	if (!slice_starts(slice_of(line), slice_of("gitdir: ")) ||
	    resolve_from(build, build->workspace.text, line + strlen("gitdir: "), ret_own) < 0)
		return false;
	IGNORE(text_copy(common, sizeof(common), slice_of(ret_own->text)) < 0);
	if (!drop_last(common, NULL) || !drop_last(common, "worktrees"))
		return false;
	read_line(ret_own->text, "gitdir", line);
	if (!line[0] || resolve_from(build, ret_own->text, line, &back) < 0 ||
	    strcmp(back.text, git_file.text) != 0)
		return false;
	if (host_resolve(build, common, NULL, ret_common) < 0 || !S_ISDIR(ret_common->st.st_mode))
		return false;
	/* Another's repository is not made writable by a file of ours. */
	return ret_common->st.st_uid == build->workspace.st.st_uid;
}

int git_common_directory(struct build *build, struct path *ret_path)
{
	struct path own;

	return find_directories(build, &own, ret_path);
}

int git_protected(struct build *build, size_t i, char path[PLAN_PATH_MAX])
{
	static const char *const shared[] = { "hooks", "config", "config.worktree" };
	static const char *const linked[] = { "commondir", "gitdir", "config.worktree" };
	struct path own, common;
	int len;

	if (!find_directories(build, &own, &common))
		return 0;
	if (i < COUNT(shared))
		len = snprintf(path, PLAN_PATH_MAX, "%s/%s", common.text, shared[i]);
	else if (i < COUNT(shared) + COUNT(linked))
		len = snprintf(path, PLAN_PATH_MAX, "%s/%s", own.text, linked[i - COUNT(shared)]);
	else
		len = snprintf(path, PLAN_PATH_MAX, "%s/.git", build->workspace.text);
	return len < 0 || len >= (int)PLAN_PATH_MAX ? -ENAMETOOLONG : 1;
}
