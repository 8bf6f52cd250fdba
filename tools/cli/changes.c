/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff changes`: what overlay workspaces hold. */
#include <errno.h>
#include <jansson.h>

#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/kept.h"
#include "cli/paths.h"
#include "cli/verbs.h"
#include "cli/words.h"

struct changes_args {
	bool json, patch, stat;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct changes_args, member)

static const struct option_row rows[] = {
	{ 0, "stat", OPTION_FLAG, AT(stat), NULL, "lines added and removed, by file", NULL },
	{ 0, "patch", OPTION_FLAG, AT(patch), NULL, "as a patch, for `git apply`", NULL },
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object per line", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set changes_options = {
	.verb = "changes",
	.usage = "[RUN [PATH...]] [--stat | --patch | --json]",
	.summary = "Shows what a run with an overlay workspace changed, as `bailiff commit` would write it back.\n"
		   "What would not be written says why. Without RUN: the overlays that are kept.",
	.examples = "  bailiff changes\n"
		    "  bailiff changes 9KQ2 --stat\n"
		    "  bailiff changes 9KQ2 --patch | git apply --stat\n"
		    "  bailiff changes 9KQ2 src --json\n",
	.rows = rows,
	.count = COUNT(rows),
};

static uint64_t size_of(int control_fd, const struct wire_workspace_row *row)
{
	cleanup_with(layer_finish) struct layer layer = LAYER_NOTHING;
	struct error err = { 0 };

	/* Dropped meanwhile: nothing. */
	return layer_ask(control_fd, &row->run, 0, &layer, &err) < 0 ? 0 : kept_bytes(TAKE_FD(layer.upper));
}

static void size_text(char *to, size_t to_size, uint64_t bytes)
{
	static const char units[] = "BKMGT";
	size_t unit = 0;

	for (; bytes >= 10240 && unit + 2 < sizeof(units); unit++)
		bytes /= 1024;
	IGNORE(snprintf(to, to_size, "%llu%c", (unsigned long long)bytes, units[unit]) < 0);
}

static int print_json(const struct wire_workspace_row *row, const char *run, uint64_t bytes)
{
	char started[TEXT_TIME_MAX];
	json_t *object;
	int r;

	text_time_utc(started, row->started_ns);
	object = json_pack("{s:s, s:b, s:s, s:I, s:i, s:i, s:o, s:o}", "run", run, "live", (int)row->live,
			   "started", started, "bytes", (json_int_t)bytes, "uid", (int)row->uid, "owner_uid",
			   (int)row->owner_uid, "agent", word_json(row->agent), "workspace",
			   word_json(row->workspace));
	r = object && json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 ? 0 : -ENOMEM;
	json_decref(object);
	putchar('\n');
	return r;
}

static int print_kept(const struct wire_workspace_row *row, uint64_t bytes, bool json)
{
	char run[ULID_TEXT_LEN + 1], age[24], size[24], workspace[sizeof(row->workspace) * 4], agent[256];
	uint64_t now_ns = now_realtime_ns();

	ulid_text(&row->run, run);
	if (json)
		return print_json(row, run, bytes);
	text_duration(age, sizeof(age), now_ns > row->started_ns ? now_ns - row->started_ns : 0);
	text_escape(workspace, sizeof(workspace), slice_of(row->workspace));
	text_escape(agent, sizeof(agent), slice_of(row->agent));
	size_text(size, sizeof(size), bytes);
	printf("%s  %-5s  %8s  %5s  %-14s  %s\n", run, row->live ? "live" : "ended", age, size, agent, workspace);
	return 0;
}

static int show_kept(int control_fd, const struct changes_args *args, struct error *err)
{
	cleanup_with(kept_finish) struct kept kept = { 0 };
	int r = kept_list(control_fd, &kept, err);

	if (r < 0)
		return r;
	if (!args->json && kept.count > 0)
		printf("%-26s  %-5s  %8s  %5s  %-14s  %s\n", "RUN", "STATE", "AGE", "SIZE", "AGENT", "WORKSPACE");
	for (size_t i = 0; r == 0 && i < kept.count; i++)
		r = print_kept(&kept.rows[i], size_of(control_fd, &kept.rows[i]), args->json);
	if (r < 0)
		return error_set(err, r, "list the workspaces");
	return kept.count > 0 ? CLI_OK : CLI_NONE;
}

static int show_layer(struct layer *layer, const struct changes_args *args)
{
	char sum[256];

	if (args->json)
		return changes_json(layer) < 0 ? CLI_INTERNAL : CLI_OK;
	if (args->patch)
		return changes_patch(layer) < 0 ? CLI_INTERNAL : CLI_OK;
	if (args->stat)
		return changes_stat(layer) < 0 ? CLI_INTERNAL : CLI_OK;
	changes_print(layer);
	changes_sum(layer, sum, sizeof(sum));
	IGNORE(fflush(stdout) != 0); /* the order on a terminal; main() tells of a failure */
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
		r = layer_enter(&layer, true, false, err);
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
	if (args.json + args.patch + args.stat > 1)
		return cli_usage("changes", "one of --stat, --patch and --json");
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = client_connect_or_start(&args.dirs, &control_fd, &err);
	if (r == 0)
		r = words.count > 0 ? show_run(control_fd, &words, &args, &err) :
				      show_kept(control_fd, &args, &err);
	return r < 0 ? cli_fail(&err) : r;
}
