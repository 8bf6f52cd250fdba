/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff commit` and `bailiff rollback`: what becomes of an overlay workspace. */
#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/kept.h"
#include "cli/paths.h"
#include "cli/verbs.h"

struct commit_args {
	bool force;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct commit_args, member)

static const struct option_row commit_rows[] = {
	{ 0, "force", OPTION_FLAG, AT(force), NULL, "also over what changed in the workspace meanwhile", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

static const struct option_row rollback_rows[] = {
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set commit_options = {
	.verb = "commit",
	.usage = "RUN [PATH...] [--force]",
	.summary = "Writes what a run changed in its overlay workspace back to the workspace, all of it or what\n"
		   "is at or below PATH, file by file: each is whole or as it was. What the policy protects, and\n"
		   "what changed in the workspace since the run began, is not written and is named (exit code 3);\n"
		   "it stays in the overlay. Commit again after a crash or a full disk (4): it goes on.",
	.examples = "  bailiff commit 9KQ2\n"
		    "  bailiff commit 9KQ2 src/main.c docs\n",
	.rows = commit_rows,
	.count = COUNT(commit_rows),
};

const struct option_set rollback_options = {
	.verb = "rollback",
	.usage = "RUN",
	.summary = "Drops what a run changed in its overlay workspace. The workspace is as it was.",
	.examples = "  bailiff rollback 9KQ2\n",
	.rows = rollback_rows,
	.count = COUNT(rollback_rows),
};

static size_t left_over(const struct layer *layer)
{
	size_t count = 0;

	for (size_t i = 0; i < layer->count; i++)
		count += !layer->changes[i].done;
	return count;
}

/* Says what was done to the supervisor, which records it, and to the caller. */
static int conclude(int control_fd, struct layer *layer, const struct written *written, int stopped,
		    struct error *err)
{
	size_t left = left_over(layer), held;
	struct error settle = { 0 };
	char text[WIRE_REASON_MAX];
	int r;

	if (left > 0 && stopped == 0)
		layer_clear(layer);
	layer_lock_again(layer);
	IGNORE(snprintf(text, sizeof(text), "%zu written, %zu held, %zu failed, %zu left", written->done,
			written->held, written->failed, left) < 0);
	r = layer_settle(control_fd, &layer->run, WIRE_COMMIT | (left > 0 ? WIRE_KEEP : 0), text, &settle);
	printf("%s\n", text);
	IGNORE(fflush(stdout) != 0); /* the order on a terminal; main() tells of a failure */
	held = changes_held(layer);
	if (stopped < 0)
		return error_exit(err, CLI_CANNOT);
	if (written->failed > 0) {
		*err = written->first;
		return error_exit(err, CLI_CANNOT);
	}
	if (r < 0) {
		*err = settle;
		return error_exit(err, CLI_CANNOT);
	}
	return held > 0 ? CLI_DEGRADED : CLI_OK;
}

static int commit_run(int control_fd, const struct option_words *words, const struct commit_args *args,
		      struct error *err)
{
	cleanup_with(layer_finish) struct layer layer = LAYER_NOTHING;
	struct written written;
	struct ulid run;
	int r = kept_find(control_fd, words->words[0], &run, err);

	if (r == 0)
		r = layer_ask(control_fd, &run, WIRE_COMMIT, &layer, err);
	if (r == 0)
		r = layer_enter(&layer, args->force, true, err);
	if (r == 0)
		r = layer_look(&layer, err);
	if (r == 0)
		r = layer_select(&layer, words->words + 1, words->count - 1, err);
	if (r < 0)
		return r;
	if (args->force)
		layer_force(&layer);
	r = layer_write(&layer, &written, err);
	return conclude(control_fd, &layer, &written, r, err);
}

static int verb(const struct option_set *set, int argc, char **argv,
		int (*act)(int, const struct option_words *, const struct commit_args *, struct error *))
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	auto_close int control_fd = FD_NONE;
	struct commit_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count < 1)
		return cli_usage(set->verb, "a RUN is missing: `bailiff changes` lists what is kept");
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = client_connect_or_start(&args.dirs, &control_fd, &err);
	if (r == 0)
		r = act(control_fd, &words, &args, &err);
	return r < 0 ? cli_fail(&err) : r;
}

static int rollback_run(int control_fd, const struct option_words *words, const struct commit_args *args,
			struct error *err)
{
	struct ulid run;
	int r;

	(void)args;
	if (words->count > 1) {
		error_say(err, -EINVAL, "a rollback drops all changes of the run");
		error_next(err, "commit what you want to keep first: `bailiff commit RUN PATH...`");
		return error_exit(err, CLI_USAGE);
	}
	r = kept_find(control_fd, words->words[0], &run, err);
	if (r == 0)
		r = layer_settle(control_fd, &run, 0, "all changes dropped", err);
	if (r < 0)
		return r;
	printf("the changes of the run are dropped; the workspace is as it was\n");
	return CLI_OK;
}

int verb_commit(int argc, char **argv)
{
	return verb(&commit_options, argc, argv, commit_run);
}

int verb_rollback(int argc, char **argv)
{
	return verb(&rollback_options, argc, argv, rollback_run);
}
