/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff kill-switch`: stops everything, or one agent, or one run, and lets no such run start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/people.h"
#include "cli/runs.h"
#include "cli/verbs.h"

struct kill_args {
	const char *scope, *reason, *reason_code;
	bool terminate;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct kill_args, member)

static const struct option_row rows[] = {
	{ 0, "scope", OPTION_TEXT, AT(scope), "SCOPE", "all (default), agent:NAME or run:ID", NULL },
	{ 0, "terminate", OPTION_FLAG, AT(terminate), NULL, "revoke what it covers instead of freezing it", NULL },
	{ 0, "reason", OPTION_TEXT, AT(reason), "TEXT", "why; it is recorded with your name (required to trip)", NULL },
	{ 0, "reason-code", OPTION_WORD, AT(reason_code), "CODE", "why, in a word", reason_code_words },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set kill_switch_options = {
	.verb = "kill-switch",
	.usage = "--reason TEXT [--scope SCOPE] [--terminate] | reset [--scope SCOPE]",
	.summary = "Freezes every run that SCOPE covers and lets none start (exit 122) until `bailiff kill-switch reset`,\n"
		   "also across a restart of the supervisor. `reset` without a scope resets all. Admins only.",
	.examples = "  bailiff kill-switch --reason 'who knows what that is'\n"
		    "  bailiff kill-switch --scope agent:claude --terminate --reason 'it has gone mad'\n"
		    "  bailiff kill-switch reset\n",
	.rows = rows,
	.count = COUNT(rows),
};

static int scope_of(int control_fd, const char *scope, struct wire_people *request, struct error *err)
{
	if (!scope || strcmp(scope, "all") == 0) {
		request->scope = KILL_ALL;
		return 0;
	}
	if (strncmp(scope, "agent:", 6) == 0 && scope[6]) {
		request->scope = KILL_AGENT;
		return people_text("--scope", scope + 6, request->agent, sizeof(request->agent), err);
	}
	request->scope = KILL_RUN;
	if (strncmp(scope, "run:", 4) == 0 && ulid_parse(slice_of(scope + 4), &request->head.run) == 0)
		return 0;
	if (strncmp(scope, "run:", 4) == 0 && scope[4])
		return runs_find_live(control_fd, scope + 4, &request->head.run, err);
	error_say(err, -EINVAL, "'%s' is no scope", scope);
	error_next(err, "all, agent:NAME or run:ID");
	return error_exit(err, CLI_USAGE);
}

static void say_done(const struct wire_killed *killed, bool reset)
{
	if (reset)
		printf("reset%s; %u runs go on\n", killed->changed ? "" : ": it was not tripped", killed->frozen);
	else
		printf("tripped%s; frozen %u, revoked %u, stopped before they ran %u; starts are refused\n",
		       killed->changed ? "" : " (it was already)", killed->frozen, killed->revoked, killed->stopped);
}

static int kill_switch(const struct kill_args *args, bool reset, struct error *err)
{
	struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = WIRE_KILL_SWITCH,
						 .flags = reset ? WIRE_RESET : args->terminate ? WIRE_TERMINATE : 0 } };
	auto_close int control_fd = FD_NONE;
	struct wire_answer answer;
	int r = people_text("--reason", args->reason, request.head.reason, sizeof(request.head.reason), err);

	if (r == 0)
		r = people_reason_code(args->reason_code, &request.reason_code, err);
	/* It must hold for the next start, too: where nobody listens, a supervisor is started to keep it. */
	if (r == 0)
		r = client_connect_or_start(&args->dirs, &control_fd, err);
	if (r == 0)
		r = scope_of(control_fd, args->scope, &request, err);
	if (r == 0)
		r = people_ask(control_fd, &request, &answer, err);
	if (r < 0)
		return r;
	say_done(&answer.u.killed, reset);
	return reset && !answer.u.killed.changed ? CLI_NONE : CLI_OK;
}

int verb_kill_switch(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct kill_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	bool reset;
	int r = options_take(&kill_switch_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	reset = words.count == 1 && strcmp(words.words[0], "reset") == 0;
	if (words.count > 0 && !reset)
		return cli_usage("kill-switch", "'%s' is not expected here; `reset` is the only word", words.words[0]);
	if (reset && args.terminate)
		return cli_usage("kill-switch", "--terminate trips it, reset does not");
	if (!reset && !args.reason)
		return cli_usage("kill-switch", "--reason TEXT is missing: it is recorded for who asks later");
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = kill_switch(&args, reset, &err);
	return r < 0 ? cli_fail(&err) : r;
}
