/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/runs.h"

#define ANSWER_MS 5000
#define KEPT_MAX 65536U   /* a supervisor that lists more than this is broken */

void kept_finish(struct kept *kept)
{
	free(kept->rows);
	*kept = (struct kept){ 0 };
}

/* One LIST: its rows up to DONE. Returns their number. */
static int page(int control_fd, struct kept *kept, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_WORKSPACES,
					.cursor = (uint32_t)kept->count };
	struct wire_answer answer;
	int count = 0, r = client_send(control_fd, &request, err);

	while (r == 0) {
		struct wire_workspace_row *grown;

		r = client_receive(control_fd, ANSWER_MS, &answer, err);
		if (r < 0)
			return r;
		if (answer.kind == WIRE_DONE)
			return count;
		if (answer.kind != WIRE_WORKSPACE_ROW)
			continue;
		grown = kept->count < KEPT_MAX ? reallocarray(kept->rows, kept->count + 1, sizeof(*grown)) : NULL;
		if (!grown)
			return error_set(err, -ENOMEM, "list the workspaces");
		kept->rows = grown;
		kept->rows[kept->count++] = answer.u.workspace;
		count++;
	}
	return r;
}

int kept_list(int control_fd, struct kept *ret_kept, struct error *err)
{
	int count;

	*ret_kept = (struct kept){ 0 };
	do {
		count = page(control_fd, ret_kept, err);
	} while (count >= (int)WIRE_RUNS_MAX);
	return count < 0 ? count : 0;
}

static int none(const char *word, struct error *err)
{
	error_say(err, -ENOENT, "nothing is kept of run '%s': it had no overlay, changed nothing, or was "
		  "committed or rolled back", word);
	error_next(err, "`bailiff changes` lists what is kept");
	return error_exit(err, CLI_NONE);
}

int kept_find(int control_fd, const char *word, struct ulid *ret_run, struct error *err)
{
	cleanup_with(kept_finish) struct kept kept = { 0 };
	cleanup_with(runs_finish) struct runs runs = { 0 };
	const struct wire_run_row *found;
	int r = kept_list(control_fd, &kept, err);

	if (r < 0)
		return r;
	/* How a word names a run is known in one place. */
	runs.rows = calloc(kept.count + 1, sizeof(*runs.rows));
	if (!runs.rows)
		return error_set(err, -ENOMEM, "find the run");
	for (; runs.count < kept.count; runs.count++)
		runs.rows[runs.count].run = kept.rows[runs.count].run;
	r = runs_find(&runs, word, &found, err);
	if (r == -ENOENT)
		return none(word, err);
	if (r == 0)
		*ret_run = found->run;
	return r;
}

struct sum {
	uint64_t bytes;
	unsigned int left;
};

/* Takes `fd`. Looks, and opens nothing but directories. */
static void sum_directory(int fd, unsigned int depth, struct sum *sum)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		fd_close(fd);
		return;
	}
	while (sum->left > 0 && (entry = readdir(dir))) {
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum->left--;
		/* A file with several names is counted once, as far as they are all here. */
		sum->bytes += (uint64_t)st.st_blocks * 512U / (S_ISDIR(st.st_mode) ? 1 : MAX(st.st_nlink, 1U));
		if (S_ISDIR(st.st_mode) && depth > 0)
			sum_directory(openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					     O_CLOEXEC), depth - 1, sum);
	}
	closedir(dir);
}

uint64_t kept_bytes(int fd)
{
	struct sum sum = { .left = KEPT_ENTRIES_MAX };

	sum_directory(fd, LAYER_DEPTH_MAX, &sum);
	return sum.bytes;
}

/* ---- some of the changes ---- */

static bool is_at_or_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return len == 0 || (strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* `word` as a path below the workspace. */
static int path_below(const struct layer *layer, const char *word, char to[LAYER_PATH_MAX], struct error *err)
{
	const char *workspace = overlay_text(&layer->meta, layer->meta.head->workspace);
	auto_free char *path = NULL;
	char shown[512];

	if (path_absolute(workspace, word, &path) < 0)
		return error_set(err, -ENOMEM, "'%s'", word);
	if (is_at_or_below(path, workspace) &&
	    text_copy(to, LAYER_PATH_MAX, slice_of(path + strlen(workspace) + (path[strlen(workspace)] == '/'))) == 0)
		return 0;
	text_escape(shown, sizeof(shown), slice_of(word));
	error_say(err, -EINVAL, "'%s' is not in the workspace", shown);
	error_next(err, "name it from the workspace on, as `bailiff changes` does");
	return error_exit(err, CLI_USAGE);
}

static int select_one(struct layer *layer, const char *word, struct error *err)
{
	char path[LAYER_PATH_MAX], shown[512];
	size_t found = 0;
	int r = path_below(layer, word, path, err);

	for (size_t i = 0; r == 0 && i < layer->count; i++) {
		struct change *change = &layer->changes[i];

		if (is_at_or_below(change->path, path)) {
			change->selected = true;
			found++;
		}
	}
	for (size_t i = 0; r == 0 && found > 0 && i < layer->count; i++) {
		struct change *change = &layer->changes[i];

		if (*change->path && S_ISDIR(change->upper.st_mode) && !S_ISDIR(change->lower.st_mode) &&
		    is_at_or_below(path, change->path))
			change->selected = true;
	}
	if (r < 0 || found > 0)
		return r;
	text_escape(shown, sizeof(shown), slice_of(word));
	error_say(err, -ENOENT, "the run changed nothing at '%s'", shown);
	error_next(err, "`bailiff changes RUN` lists what it changed");
	return error_exit(err, CLI_NONE);
}

int layer_select(struct layer *layer, char *const *paths, int count, struct error *err)
{
	int r = 0;

	for (size_t i = 0; count == 0 && i < layer->count; i++)
		layer->changes[i].selected = true;
	for (int i = 0; r == 0 && i < count; i++)
		r = select_one(layer, paths[i], err);
	return r;
}
