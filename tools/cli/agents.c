/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff agents`: how the agents of this host stand, and what an admin does about it. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/people.h"
#include "cli/verbs.h"
#include "cli/words.h"

struct agents_args {
	bool json;
	const char *reason;
	struct client_dirs dirs;
};

#define ANSWER_MS 10000
#define AT(member) offsetof(struct agents_args, member)
static const struct option_row list_rows[] = {
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object for each agent", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)), OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};
static const struct option_row change_rows[] = {
	{ 0, "reason", OPTION_TEXT, AT(reason), "TEXT", "why; it is recorded with your name (required)", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)), OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

static const struct option_set list_options = {
	.verb = "agents", .usage = "",
	.summary = "Lists the agents of this host: tier, breaker, and what is missing for a promotion. Kept where\n"
		   "/etc/bailiff/host.yaml exists.",
	.examples = "  bailiff agents\n", .rows = list_rows, .count = COUNT(list_rows),
};

static const struct change {
	const char *name;
	uint32_t flag;
	const char *done;
	struct option_set options;
} changes[] = {
	{ "promote", WIRE_UP, "is a tier higher, from its next run on",
	  { .verb = "agents promote", .usage = "NAME --reason TEXT",
	    .summary = "A step up, where the agent has earned it. Not by who owns the agent. Admins only.",
	    .rows = change_rows, .count = COUNT(change_rows) } },
	{ "demote", WIRE_DOWN, "is a tier lower, from its next run on",
	  { .verb = "agents demote", .usage = "NAME --reason TEXT", .summary = "A step down. Admins only.",
	    .rows = change_rows, .count = COUNT(change_rows) } },
	{ "clear", WIRE_CLEAR, "may start again",
	  { .verb = "agents clear", .usage = "NAME --reason TEXT",
	    .summary = "Ends the suspension that follows a CRITICAL violation; its tier stays T0. Admins only.",
	    .rows = change_rows, .count = COUNT(change_rows) } },
	{ "close", WIRE_CLOSE, "may start again",
	  { .verb = "agents close", .usage = "NAME --reason TEXT", .summary = "Closes the breaker of an agent. Admins only.",
	    .rows = change_rows, .count = COUNT(change_rows) } },
};

/* ---- list ---- */

static const char *breaker_word(uint32_t breaker)
{
	static const char *const words[] = { "closed", "OPEN", "half open" };

	return breaker < COUNT(words) ? words[breaker] : "?";
}

static void show_json(const struct wire_agent_row *row)
{
	char tier[8];
	json_t *object;
	char *text;

	IGNORE(snprintf(tier, sizeof(tier), "T%u", row->tier) < 0);
	object = json_pack("{s:o, s:s, s:b, s:s, s:I, s:I, s:b, s:o}", "agent", word_json(row->agent), "tier", tier,
			   "suspended", (int)row->suspended, "breaker", breaker_word(row->breaker), "runs",
			   (json_int_t)row->runs, "runs_needed", (json_int_t)row->runs_needed, "promotable",
			   row->refused[0] == '\0', "missing", row->refused[0] ? word_json(row->refused) : json_null());
	text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	printf("%s\n", text ? text : "{}");
	free(text);
	json_decref(object);
}

static void show(const struct wire_agent_row *row)
{
	char name[sizeof(row->agent)], missing[sizeof(row->refused) + 4];

	printf("%-24s T%u  %-10s %-9s %3u/%-3u %s\n", shown(name, sizeof(name), row->agent), row->tier,
	       row->suspended ? "suspended" : "", breaker_word(row->breaker), row->runs, row->runs_needed,
	       row->refused[0] ? shown(missing, sizeof(missing), row->refused) : "can be promoted");
}

static int list(const struct agents_args *args, int control_fd, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_AGENTS };
	struct wire_answer answer;
	int count = 0;
	int r = client_send(control_fd, &request, err);

	while (r == 0) {
		r = client_receive(control_fd, ANSWER_MS, &answer, err);
		if (r < 0 || answer.kind == WIRE_DONE)
			break;
		if (answer.kind != WIRE_AGENT_ROW)
			return client_answer_error(&answer, err);
		if (count++ == 0 && !args->json)
			printf("%-24s %-3s %-10s %-9s %-7s %s\n", "AGENT", "", "", "BREAKER", "RUNS", "PROMOTION");
		if (args->json)
			show_json(&answer.u.agent);
		else
			show(&answer.u.agent);
	}
	if (r == 0 && count == 0 && !args->json)
		printf("no agent is known: tiers and breakers are kept where /etc/bailiff/host.yaml exists\n");
	return r;
}

static int verb_list(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	auto_close int control_fd = FD_NONE;
	struct agents_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&list_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 0)
		return cli_usage("agents", "'%s' is not a verb of `bailiff agents`: promote, demote, clear, close",
				 words.words[0]);
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = client_connect(&args.dirs, &control_fd, &err);
	if (r == 0)
		r = list(&args, control_fd, &err);
	return r < 0 ? cli_fail(&err) : CLI_OK;
}

/* ---- changes ---- */

static int change_one(const struct change *change, struct agents_args *args, const char *name, struct error *err)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = WIRE_TIER, .flags = change->flag } };
	auto_close int control_fd = FD_NONE;
	struct wire_answer answer;
	int r = dirs_absolute(&args->dirs, &pool, err);

	if (r == 0)
		r = people_text("--reason", args->reason, request.head.reason, sizeof(request.head.reason), err);
	if (r == 0)
		r = people_text("NAME", name, request.agent, sizeof(request.agent), err);
	if (r == 0)
		r = client_connect(&args->dirs, &control_fd, err);
	return r == 0 ? people_ask(control_fd, &request, &answer, err) : r;
}

static int verb_change(const struct change *change, int argc, char **argv)
{
	struct agents_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&change->options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1 || !args.reason)
		return cli_usage(change->options.verb, "NAME and --reason TEXT are expected");
	r = change_one(change, &args, words.words[0], &err);
	if (r < 0)
		return cli_fail(&err);
	printf("agent %s %s\n", words.words[0], change->done);
	return CLI_OK;
}

int verb_agents(int argc, char **argv)
{
	for (size_t i = 0; argc >= 2 && i < COUNT(changes); i++)
		if (strcmp(argv[1], changes[i].name) == 0)
			return verb_change(&changes[i], argc - 1, argv + 1);
	return verb_list(argc, argv);
}
