/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff pause, resume, cancel, clarify, waive`: what people do to one run. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/people.h"
#include "cli/runs.h"
#include "cli/verbs.h"

struct hold_args {
	const char *reason, *reason_code, *text;
	uint64_t ttl_ns;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct hold_args, member)
#define ROW_REASON { 0, "reason", OPTION_TEXT, AT(reason), "TEXT", "why; it is recorded with your name", NULL }
#define ROW_CODE { 0, "reason-code", OPTION_WORD, AT(reason_code), "CODE", "why, in a word", reason_code_words }
#define ROWS_DIRS OPTION_ROW_STATE_DIR(AT(dirs.state_dir)), OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir))

static const struct option_row plain_rows[] = { ROW_REASON, ROWS_DIRS };
static const struct option_row clarify_rows[] = {
	{ 0, "text", OPTION_TEXT, AT(text), "TEXT", "what the agent is told (required)", NULL }, ROW_CODE, ROWS_DIRS,
};
static const struct option_row waive_rows[] = {
	ROW_REASON, ROW_CODE,
	{ 0, "ttl", OPTION_DURATION, AT(ttl_ns), "TIME", "how long it may wait for its use, else 15m; at most 24h", NULL },
	ROWS_DIRS,
};

const struct option_set pause_options = {
	.verb = "pause", .usage = "RUN [--reason TEXT]",
	.summary = "Freezes a run, all its processes, until `bailiff resume`. Its signs of life are not waited for\n"
		   "meanwhile; its wall-clock limit goes on.",
	.examples = "  bailiff pause 9KQ2 --reason 'looking at it'\n",
	.rows = plain_rows, .count = COUNT(plain_rows),
};
const struct option_set resume_options = {
	.verb = "resume", .usage = "RUN [--reason TEXT]",
	.summary = "Lets a run go on that `bailiff pause` or a checkpoint paused.",
	.examples = "  bailiff resume 9KQ2\n",
	.rows = plain_rows, .count = COUNT(plain_rows),
};
const struct option_set cancel_options = {
	.verb = "cancel", .usage = "RUN [--reason TEXT]",
	.summary = "Asks a run to end (SIGTERM), refuses what it asks, and kills what is left after 5 seconds.\n"
		   "`bailiff revoke` does not ask.",
	.examples = "  bailiff cancel 9KQ2 --reason 'not needed any more'\n",
	.rows = plain_rows, .count = COUNT(plain_rows),
};
const struct option_set clarify_options = {
	.verb = "clarify", .usage = "RUN --text TEXT [--reason-code CODE]",
	.summary = "Tells the agent of a run something, and lets it go on where it was paused because it stood still,\n"
		   "repeated itself, or needs a clarification. The text is there before the run goes on.",
	.examples = "  bailiff clarify 9KQ2 --text 'the tests are in t/, not in tests/'\n",
	.rows = clarify_rows, .count = COUNT(clarify_rows),
};
const struct option_set waive_options = {
	.verb = "waive", .usage = "RUN RULE --reason TEXT --reason-code CODE [--ttl TIME]",
	.summary = "Lets the next action of a run pass that RULE (a rule, guard or environment of its policy) would\n"
		   "refuse; or, with the name of a type of violation, takes one strike of it away. Once. Admins only.",
	.examples = "  bailiff waive 9KQ2 no-push --reason 'release day' --reason-code SAFE_HERE --ttl 5m\n"
		    "  bailiff waive 9KQ2 SCOPE_VIOLATION --reason 'a typo of mine' --reason-code FALSE_POSITIVE\n",
	.rows = waive_rows, .count = COUNT(waive_rows),
};

/* What a verb has beyond the run. */
static int fill(const struct hold_args *args, const char *rule, struct wire_people *request, struct error *err)
{
	bool coded = request->head.kind == WIRE_WAIVE || request->head.kind == WIRE_CLARIFY;
	int r = people_text("--reason", args->reason, request->head.reason, sizeof(request->head.reason), err);

	if (r == 0)
		r = people_text("--text", args->text, request->text, sizeof(request->text), err);
	if (r == 0)
		r = people_text("RULE", rule, request->rule, sizeof(request->rule), err);
	if (r == 0 && coded)
		r = people_reason_code(args->reason_code, &request->reason_code, err);
	request->ttl_ns = args->ttl_ns;
	return r;
}

static int hold(enum wire_request_kind kind, struct hold_args *args, const char *word, const char *rule,
		struct error *err)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = kind } };
	auto_close int control_fd = FD_NONE;
	struct wire_answer answer;
	int r = dirs_absolute(&args->dirs, &pool, err);

	if (r == 0)
		r = fill(args, rule, &request, err);
	if (r == 0)
		r = client_connect(&args->dirs, &control_fd, err);
	if (r == 0)
		r = runs_find_live(control_fd, word, &request.head.run, err);
	return r == 0 ? people_ask(control_fd, &request, &answer, err) : r;
}

static int verb_hold(const struct option_set *set, enum wire_request_kind kind, const char *done, int argc, char **argv)
{
	int wanted = kind == WIRE_WAIVE ? 2 : 1;
	struct hold_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != wanted)
		return cli_usage(set->verb, "%s expected: bailiff %s %s", wanted == 2 ? "RUN and RULE are" : "one RUN is",
				 set->verb, set->usage);
	if (kind == WIRE_CLARIFY && !args.text)
		return cli_usage(set->verb, "--text TEXT is missing: it is what the agent reads");
	if (kind == WIRE_WAIVE && (!args.reason || !args.reason_code))
		return cli_usage(set->verb, "--reason TEXT and --reason-code CODE are both needed: an exception is justified");
	r = hold(kind, &args, words.words[0], wanted == 2 ? words.words[1] : NULL, &err);
	if (r < 0)
		return cli_fail(&err);
	printf("run %s %s\n", words.words[0], done);
	return CLI_OK;
}

int verb_pause(int argc, char **argv)
{
	return verb_hold(&pause_options, WIRE_PAUSE, "is paused", argc, argv);
}

int verb_resume(int argc, char **argv)
{
	return verb_hold(&resume_options, WIRE_RESUME, "goes on", argc, argv);
}

int verb_cancel(int argc, char **argv)
{
	return verb_hold(&cancel_options, WIRE_CANCEL, "is asked to end", argc, argv);
}

int verb_clarify(int argc, char **argv)
{
	return verb_hold(&clarify_options, WIRE_CLARIFY, "was told", argc, argv);
}

int verb_waive(int argc, char **argv)
{
	return verb_hold(&waive_options, WIRE_WAIVE, "has the waiver", argc, argv);
}
