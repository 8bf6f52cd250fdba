/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff changes`: what overlay workspaces hold. */
#include "cli/cli.h"
#include "base/loop.h"
#include "base/text.h"
#include "cli/kept.h"
#include "cli/paths.h"
#include "cli/verbs.h"

struct changes_args {
	bool json;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct changes_args, member)

static const struct option_row rows[] = {
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object per line", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set changes_options = {
	.verb = "changes",
	.usage = "[RUN [PATH...]] [--json]",
	.summary = "Shows what a run with an overlay workspace changed, as `bailiff commit` would write it back.\n"
		   "What would not be written says why. Without RUN: the overlays that are kept.",
	.examples = "  bailiff changes\n"
		    "  bailiff changes 9KQ2\n"
		    "  bailiff changes 9KQ2 src --json\n",
	.rows = rows,
	.count = COUNT(rows),
};

static void print_kept(const struct wire_workspace_row *row, bool json)
{
	char run[ULID_TEXT_LEN + 1], age[24], workspace[sizeof(row->workspace) * 4], agent[256];
	uint64_t now_ns = now_realtime_ns();

	ulid_text(&row->run, run);
	text_duration(age, sizeof(age), now_ns > row->started_ns ? now_ns - row->started_ns : 0);
	text_escape(workspace, sizeof(workspace), slice_of(row->workspace));
	text_escape(agent, sizeof(agent), slice_of(row->agent));
	if (json)
		printf("{\"run\":\"%s\",\"live\":%s,\"uid\":%u,\"owner_uid\":%u}\n", run,
		       row->live ? "true" : "false", row->uid, row->owner_uid);
	else
		printf("%s  %-5s  %8s  %-14s  %s\n", run, row->live ? "live" : "ended", age, agent, workspace);
}

static int show_kept(int control_fd, const struct changes_args *args, struct error *err)
{
	cleanup_with(kept_finish) struct kept kept = { 0 };
	int r = kept_list(control_fd, &kept, err);

	if (r < 0)
		return r;
	if (!args->json && kept.count > 0)
		printf("%-26s  %-5s  %8s  %-14s  %s\n", "RUN", "STATE", "AGE", "AGENT", "WORKSPACE");
	for (size_t i = 0; i < kept.count; i++)
		print_kept(&kept.rows[i], args->json);
	return kept.count > 0 ? CLI_OK : CLI_NONE;
}

static int show_layer(struct layer *layer, const struct changes_args *args)
{
	char sum[256];

	if (args->json)
		return changes_json(layer) < 0 ? CLI_INTERNAL : CLI_OK;
	changes_print(layer);
	changes_sum(layer, sum, sizeof(sum));
	fprintf(stderr, "bailiff: %s\n", sum);
	return layer->count > 0 ? CLI_OK : CLI_NONE;
}

static int show_run(int control_fd, const struct option_words *words, const struct changes_args *args,
		    struct error *err)
{
	cleanup_with(layer_finish) struct layer layer = LAYER_NOTHING;
	struct ulid run;
	int r = kept_find(control_fd, words->words[0], &run, err);

	if (r == 0)
		r = layer_ask(control_fd, &run, 0, &layer, err);
	if (r == 0)
		r = layer_enter(&layer, true, err);
	if (r == 0)
		r = layer_look(&layer, err);
	if (r == 0)
		r = layer_select(&layer, words->words + 1, words->count - 1, err);
	return r < 0 ? r : show_layer(&layer, args);
}

int verb_changes(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	auto_close int control_fd = FD_NONE;
	struct changes_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&changes_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = client_connect_or_start(&args.dirs, &control_fd, &err);
	if (r == 0)
		r = words.count > 0 ? show_run(control_fd, &words, &args, &err) :
				      show_kept(control_fd, &args, &err);
	return r < 0 ? cli_fail(&err) : r;
}
