/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/runs.h"
#include "cli/verbs.h"
#include "cli/words.h"

struct show_args {
	bool json;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct show_args, member)

static const struct option_row rows[] = {
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set show_options = {
	.verb = "show",
	.usage = "[--json] RUN",
	.summary = "Shows one run: its id, the last 4 or more characters of it, or @last. A run that the\n"
		   "supervisor does not know is looked up in the ledger.",
	.rows = rows,
	.count = COUNT(rows),
};

static void show_field(const char *name, const char *value)
{
	char escaped[1200];

	text_escape(escaped, sizeof(escaped), slice_of(value));
	printf("  %-11s %s\n", name, escaped);
}

static void show_people(const struct wire_run_row *row)
{
	char run[ULID_TEXT_LEN + 1], when[TEXT_TIME_MAX], age[24];
	uint64_t end_ns = row->ended_ns ? row->ended_ns : now_realtime_ns();

	ulid_text(&row->run, run);
	text_time_utc(when, row->started_ns);
	text_duration(age, sizeof(age), end_ns > row->started_ns ? end_ns - row->started_ns : 0);
	printf("run %s is %s", run, word_status(row->status));
	if (row->paused_for[0])
		printf(" (%s)", row->paused_for);
	if (row->ended_ns)
		printf(" (%s, exit code %d)", word_cause(row->cause), row->exit_code);
	printf("\n");
	show_field("command", row->command);
	show_field("agent", row->agent);
	show_field("policy", row->policy_name);
	show_field("workspace", row->workspace);
	show_field("owner", row->owner);
	show_field("started", when);
	show_field(row->ended_ns ? "took" : "runs for", age);
	if (row->status_text[0] != '\0')
		show_field("says", row->status_text);
	printf("  %-11s %u as uid %u\n", "processes", row->processes, row->uid);
	printf("  %-11s %llu recorded, %llu refused, %u violations\n", "events",
	       (unsigned long long)row->events, (unsigned long long)row->refused, row->violations);
	printf("`bailiff ledger run show %s` explains what it did\n", run);
}

/* Ended long ago, or its supervisor did: the ledger knows it. */
static int show_from_ledger(const struct show_args *args, char *run)
{
	char verb[] = "ledger", list[] = "run", show[] = "show", json[] = "--json";
	char state_dir[] = "--state-dir";
	char *words[8] = { verb, list, show };
	int count = 3;

	if (args->json)
		words[count++] = json;
	if (args->dirs.state_dir) {
		words[count++] = state_dir;
		words[count++] = (char *)(uintptr_t)args->dirs.state_dir;
	}
	words[count++] = run;
	return verb_records(count, words);
}

static int show_live(const struct show_args *args, const char *run, struct error *err)
{
	cleanup_with(runs_finish) struct runs runs = { 0 };
	auto_close int control_fd = FD_NONE;
	const struct wire_run_row *row;
	int r = client_connect(&args->dirs, &control_fd, err);

	if (r == 0)
		r = runs_list(control_fd, true, &runs, err);
	if (r == 0)
		r = runs_find(&runs, run, &row, err);
	if (r < 0)
		return r;
	if (!args->json)
		show_people(row);
	else if (runs_json_print(row) < 0)
		return error_set(err, -ENOMEM, "print the run");
	return 0;
}

int verb_show(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct show_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&show_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage("show", "one RUN is expected: bailiff show RUN");
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = words.words[0][0] == '@' ? -ENOENT : show_live(&args, words.words[0], &err);
	if (runs_nobody(r))
		return show_from_ledger(&args, words.words[0]);
	return r < 0 ? cli_fail(&err) : CLI_OK;
}
