/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff agent`: finds the verb. */
#include "cli/agent.h"

#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"

static const struct agent_verb_row {
	const char *name, *usage, *summary;
	int (*run)(int argc, char **argv);
} rows[] = {
	{ "heartbeat", "[--every 20s -- COMMAND...]", "says that the run lives", agent_heartbeat },
	{ "phase", "PHASE", "asks to go to a phase", agent_phase },
	{ "status", "TEXT", "says what is being done", agent_status },
	{ "confidence", "0.83", "says how sure the agent is", agent_confidence },
	{ "progress", "STEP", "says that a step is done", agent_progress },
	{ "error", "CODE [ERRNO]", "reports an error of its own", agent_error },
	{ "plan", "submit FILE [--wait] | state", "submits a plan, or asks what became of it", agent_plan },
	{ "artifact", "PATH...", "registers files; they are hashed outside", agent_artifact },
	{ "output", "[--maturity M] FILE", "hands over a JSON document", agent_output },
	{ "ask", "[--kind K] -- WORD...", "asks what would become of an action", agent_ask_verb },
	{ "why", "[--last]", "explains the last denial", agent_why },
	{ "inbox", "", "prints what people sent", agent_inbox },
	{ "ack", "ID", "acknowledges an item of the inbox", agent_ack },
	{ "hook", "claude|codex|generic", "answers a coding agent's hook (JSON on stdin)", agent_hook },
};

static void help(void)
{
	printf("usage: bailiff agent VERB [--json]\n\n"
	       "For the inside of a run: what its processes say to their supervisor and ask of it.\n\n");
	for (size_t i = 0; i < COUNT(rows); i++)
		printf("  %-11s %-29s %s\n", rows[i].name, rows[i].usage, rows[i].summary);
	printf("\n`bailiff agent VERB --help` explains one. Exit codes: 0 done or allowed; 2 usage; 10 approval\n"
	       "needed; 11 denied; 12 waited in vain; 13 not inside a run; 14 stop requested.\n");
}

static int unknown(const char *name)
{
	const char *names[COUNT(rows) + 1] = { 0 };
	const char *near;

	for (size_t i = 0; i < COUNT(rows); i++)
		names[i] = rows[i].name;
	near = text_nearest(slice_of(name), names);
	return near ? cli_usage("agent", "'%s' is not a verb of bailiff agent; did you mean '%s'?", name, near)
		    : cli_usage("agent", "'%s' is not a verb of bailiff agent", name);
}

int verb_agent(int argc, char **argv)
{
	if (argc < 2)
		return cli_usage("agent", "a verb is missing");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help();
		return CLI_OK;
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].name, argv[1]) == 0)
			return rows[i].run(argc - 1, argv + 1);
	return unknown(argv[1]);
}
