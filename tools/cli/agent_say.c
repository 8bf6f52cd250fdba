/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer looks like, for people and as JSON, and which exit code it is. */
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "decide/judge.h"

static const struct outcome_row {
	const char *name;
	int exit;
} outcomes[AGENT_OUTCOME_COUNT] = {
	[AGENT_REFUSED] = { "refused", AGENT_EXIT_DENIED },
	[AGENT_DONE] = { "done", AGENT_EXIT_DONE },
	[AGENT_NEEDS_APPROVAL] = { "approval_needed", AGENT_EXIT_APPROVAL },
	[AGENT_TIMED_OUT] = { "timed_out", AGENT_EXIT_WAITED },
	[AGENT_EMPTY] = { "empty", AGENT_EXIT_DONE },
	[AGENT_REVOKED] = { "revoked", AGENT_EXIT_STOP },
	[AGENT_INVALID] = { "invalid", CLI_USAGE },
};

static const struct outcome_row *row_of(const struct agent_answer *answer)
{
	/* A number that this version does not know is a refusal. */
	return &outcomes[answer->outcome < AGENT_OUTCOME_COUNT ? answer->outcome : AGENT_REFUSED];
}

int agent_exit_of(const struct agent_answer *answer)
{
	int code = row_of(answer)->exit;

	return code == AGENT_EXIT_DONE && answer->flags & AGENT_STOP_REQUESTED ? AGENT_EXIT_STOP : code;
}

static int add_text(json_t *object, const char *key, const char *text)
{
	/* What is no UTF-8 is not there: the supervisor sends none. */
	return text[0] ? json_object_set_new(object, key, json_string(text)) : 0;
}

static int print_json(const struct agent_answer *answer, json_t *more)
{
	json_t *object = json_object();
	const char *phase = phase_name((enum phase)answer->phase);
	int r = object ? 0 : -1;

	if (r == 0)
		r = json_object_set_new(object, "outcome", json_string(row_of(answer)->name));
	if (r == 0 && phase)
		r = json_object_set_new(object, "phase", json_string(phase));
	if (r == 0)
		r = json_object_set_new(object, "inbox", json_integer((json_int_t)answer->inbox));
	if (r == 0)
		r = json_object_set_new(object, "stop", json_boolean(answer->flags & AGENT_STOP_REQUESTED));
	if (r == 0)
		r = json_object_set_new(object, "loop", json_boolean(answer->flags & AGENT_LOOP));
	if (r == 0)
		r = add_text(object, "rule", answer->rule);
	if (r == 0)
		r = add_text(object, "reason", answer->reason);
	if (r == 0)
		r = add_text(object, "remedy", answer->remedy);
	if (r == 0 && more)
		r = json_object_update(object, more);
	if (r == 0)
		r = json_dumpf(object, stdout, JSON_COMPACT);
	if (r == 0)
		printf("\n");
	json_decref(more);
	json_decref(object);
	return r == 0 ? agent_exit_of(answer) : CLI_INTERNAL;
}

static void print_line(FILE *to, const char *before, const char *text)
{
	char shown[1400];

	if (!text[0])
		return;
	text_escape(shown, sizeof(shown), slice_of(text));
	fprintf(to, "%s%s\n", before, shown);
}

int agent_report(const struct agent_answer *answer, bool json, json_t *more)
{
	bool good = agent_exit_of(answer) == AGENT_EXIT_DONE;
	FILE *to = good ? stdout : stderr;

	if (json)
		return print_json(answer, more);
	json_decref(more);
	if (!good)
		fprintf(to, "bailiff agent: %s\n", row_of(answer)->name);
	print_line(to, good ? "" : "  ", answer->reason);
	print_line(to, "  rule: ", answer->rule);
	print_line(to, "  next: ", answer->remedy);
	if (answer->flags & AGENT_LOOP)
		fprintf(to, "  do not retry: this was asked for again and again, and the answer stays the same\n");
	if (answer->inbox > 0)
		fprintf(stderr, "bailiff agent: %u in the inbox: `bailiff agent inbox`\n", answer->inbox);
	return agent_exit_of(answer);
}

int agent_run(const struct agent_call *call, int timeout_ms, bool json)
{
	struct agent_answer answer;
	struct error err = { 0 };

	if (agent_ask(call, timeout_ms, &answer, &err) < 0)
		return cli_fail(&err);
	return agent_report(&answer, json, NULL);
}
