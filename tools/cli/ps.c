/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/runs.h"
#include "cli/verbs.h"
#include "cli/words.h"

struct ps_args {
	bool all, json;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct ps_args, member)

static const struct option_row rows[] = {
	{ 'a', "all", OPTION_FLAG, AT(all), NULL, "ended runs of this supervisor, too", NULL },
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object per line", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set ps_options = {
	.verb = "ps",
	.usage = "[--all] [--json]",
	.summary = "Lists the runs of the supervisor. Runs of supervisors that ended are in the ledger:\n"
		   "`bailiff ledger run list`.",
	.rows = rows,
	.count = COUNT(rows),
};

static void show_row(const struct wire_run_row *row, uint64_t now_ns, unsigned int width)
{
	char run[ULID_TEXT_LEN + 1], age[24], command[sizeof(row->command) * 4];
	char agent[64], policy[64], line[1024];
	uint64_t end_ns = row->ended_ns ? row->ended_ns : now_ns;

	ulid_text(&row->run, run);
	text_duration(age, sizeof(age), end_ns > row->started_ns ? end_ns - row->started_ns : 0);
	text_escape(command, sizeof(command), slice_of(row->command));
	text_escape(agent, sizeof(agent), slice_of(row->agent));
	text_escape(policy, sizeof(policy), slice_of(row->policy_name));
	IGNORE(snprintf(line, sizeof(line), "%s  %-9s  %8s  %5u  %7llu  %4u  %-14s  %-12s  %s", run,
			word_status(row->status), age, row->processes,
			(unsigned long long)row->refused, row->violations, agent, policy, command) < 0);
	printf("%.*s\n", width ? (int)width : (int)sizeof(line), line);
}

static int show_all(const struct runs *runs, bool json)
{
	uint64_t now_ns = now_realtime_ns();
	unsigned int width = cli_width();

	if (!json)
		printf("%-26s  %-9s  %8s  %5s  %7s  %4s  %-14s  %-12s  %s\n", "RUN", "STATUS", "TIME",
		       "PROCS", "REFUSED", "VIOL", "AGENT", "POLICY", "COMMAND");
	for (size_t i = 0; i < runs->count; i++) {
		if (!json)
			show_row(&runs->rows[i], now_ns, width);
		else if (runs_json_print(&runs->rows[i]) < 0)
			return CLI_INTERNAL;
	}
	return CLI_OK;
}

int verb_ps(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	cleanup_with(runs_finish) struct runs runs = { 0 };
	auto_close int control_fd = FD_NONE;
	struct ps_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&ps_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 0)
		return cli_usage("ps", "'%s' is not expected here", words.words[0]);
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = client_connect(&args.dirs, &control_fd, &err);
	if (runs_nobody(r)) {
		/* No supervisor, so no run: that is an answer, not a failure. */
		if (!args.json)
			fprintf(stderr, "bailiff: %s, so nothing runs; `bailiff ledger run list` shows ended runs\n",
				err.text);
		return CLI_OK;
	}
	if (r == 0)
		r = runs_list(control_fd, args.all, &runs, &err);
	return r < 0 ? cli_fail(&err) : show_all(&runs, args.json);
}
