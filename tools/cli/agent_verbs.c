/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that are one question and one answer. */
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "decide/phase.h"

#define ANSWER_MS 10000
#define ERRNO_MAX 4095U
#define NS_PER_MS 1000000U

struct plain_args {
	bool json, wait, last;
	uint64_t every_ns;
	const char *kind;
};
#define AT(member) offsetof(struct plain_args, member)
#define ROW_JSON { 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object", NULL }

static const struct option_row json_rows[] = { ROW_JSON };

/* One word (or with `join`, all of them with blanks between) behind the options. */
static int take_words(const struct option_set *set, int argc, char **argv, int min, int max, struct plain_args *args,
		      struct option_words *words)
{
	int r = options_take(set, argc, argv, args, words);

	if (r >= 0)
		return r;
	if (words->count < min)
		return cli_usage(set->verb, "a word is missing: %s", set->usage);
	if (words->count > max)
		return cli_usage(set->verb, "'%s' is not expected here", words->words[max]);
	return -1;
}

int agent_phase_parse(const char *name, uint32_t *ret_phase)
{
	enum phase phase = phase_find(slice_of(name));

	if (phase == PHASE_COUNT)
		return -EINVAL;
	*ret_phase = phase;
	return 0;
}

int agent_confidence_parse(const char *text, int64_t *ret_millionths)
{
	size_t whole = strspn(text, "0123456789"), places = 0;
	uint64_t value, part = 0;

	if (whole == 0 || parse_u64(slice_new(text, whole), 0, 1, &value) < 0)
		return -EINVAL;
	if (text[whole] == '.') {
		places = strspn(text + whole + 1, "0123456789");
		if (places == 0 || places > 6)
			return -EINVAL;
		for (size_t i = 0; i < 6; i++)
			part = part * 10 + (i < places ? (uint64_t)(text[whole + 1 + i] - '0') : 0);
		whole += 1 + places;
	}
	value = value * AGENT_MILLIONTHS + part;
	if (text[whole] || value > AGENT_MILLIONTHS)
		return -EINVAL;
	*ret_millionths = (int64_t)value;
	return 0;
}

int agent_phase(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent phase", .usage = "PHASE [--json]",
		.summary = "Asks to go to a phase: PLAN, EXECUTE, VERIFY, PACKAGE or REPORT.",
		.rows = json_rows, .count = COUNT(json_rows),
	};
	struct agent_call call = agent_call_of(AGENT_PHASE);
	struct plain_args args = { 0 };
	struct option_words words;
	int r = take_words(&set, argc, argv, 1, 1, &args, &words);

	if (r >= 0)
		return r;
	if (agent_phase_parse(words.words[0], &call.request.number) < 0)
		return cli_usage("agent phase", "'%s' is no phase", words.words[0]);
	return agent_run(&call, ANSWER_MS, args.json);
}

/* Sends one text. */
static int say_text(const struct option_set *set, enum agent_verb verb, int argc, char **argv)
{
	struct agent_call call = agent_call_of(verb);
	struct plain_args args = { 0 };
	struct option_words words;
	int r = take_words(set, argc, argv, 1, 1, &args, &words);

	if (r >= 0)
		return r;
	if (!text_is_utf8(slice_of(words.words[0])) || agent_call_text(&call, slice_of(words.words[0])) < 0)
		return cli_usage(set->verb, "the text is no UTF-8, or too long");
	return agent_run(&call, ANSWER_MS, args.json);
}

int agent_status(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent status", .usage = "TEXT [--json]",
		.summary = "Says what is being done; `bailiff ps` shows it (200 bytes).",
		.rows = json_rows, .count = COUNT(json_rows),
	};

	return say_text(&set, AGENT_STATUS, argc, argv);
}

int agent_confidence(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent confidence", .usage = "0.83 [--json]",
		.summary = "Says how sure the agent is, from 0 to 1. It can only add questions.",
		.rows = json_rows, .count = COUNT(json_rows),
	};
	struct agent_call call = agent_call_of(AGENT_CONFIDENCE);
	struct plain_args args = { 0 };
	struct option_words words;
	int r = take_words(&set, argc, argv, 1, 1, &args, &words);

	if (r >= 0)
		return r;
	if (agent_confidence_parse(words.words[0], &call.request.value) < 0)
		return cli_usage("agent confidence", "'%s' is no number from 0 to 1", words.words[0]);
	return agent_run(&call, ANSWER_MS, args.json);
}

int agent_progress(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent progress", .usage = "STEP [--json]",
		.summary = "Says that a step is done: the counters of standing still begin anew.",
		.rows = json_rows, .count = COUNT(json_rows),
	};

	return say_text(&set, AGENT_PROGRESS, argc, argv);
}

int agent_error(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent error", .usage = "CODE [ERRNO] [--json]",
		.summary = "Reports an error of the agent's own; counted in the error budget.",
		.rows = json_rows, .count = COUNT(json_rows),
	};
	struct agent_call call = agent_call_of(AGENT_ERROR);
	struct plain_args args = { 0 };
	struct option_words words;
	uint64_t number = 0;
	int r = take_words(&set, argc, argv, 1, 2, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 1 && parse_u64(slice_of(words.words[1]), 1, ERRNO_MAX, &number) < 0)
		return cli_usage("agent error", "'%s' is no errno", words.words[1]);
	if (!text_is_utf8(slice_of(words.words[0])) || agent_call_text(&call, slice_of(words.words[0])) < 0)
		return cli_usage("agent error", "the code is no UTF-8, or too long");
	call.request.value = (int64_t)number;
	return agent_run(&call, ANSWER_MS, args.json);
}

static int add_count(const struct agent_answer *answer, json_t **ret_more)
{
	*ret_more = json_object();
	return *ret_more ? json_object_set_new(*ret_more, "count", json_integer((json_int_t)answer->value)) : -1;
}

int agent_why(int argc, char **argv)
{
	static const struct option_row rows[] = {
		{ 0, "last", OPTION_FLAG, AT(last), NULL, "the newest denial (the default)", NULL }, ROW_JSON };
	static const struct option_set set = {
		.verb = "agent why", .usage = "[--last] [--json]",
		.summary = "Explains the last denial of this run: the rule, the reason, and what to do instead.",
		.rows = rows, .count = COUNT(rows),
	};
	struct agent_call call = agent_call_of(AGENT_WHY);
	struct plain_args args = { 0 };
	struct option_words words;
	struct agent_answer answer;
	struct error err = { 0 };
	json_t *more;
	int r = take_words(&set, argc, argv, 0, 0, &args, &words);

	if (r >= 0)
		return r;
	if (agent_ask(&call, ANSWER_MS, &answer, &err) < 0)
		return cli_fail(&err);
	if (!args.json && answer.outcome == AGENT_EMPTY)
		printf("nothing was denied in this run\n");
	if (!args.json && answer.text_len > 0) {
		char shown[1024];

		text_escape(shown, sizeof(shown), slice_new(answer.text, answer.text_len));
		printf("%s\n", shown);
	}
	if (args.json && add_count(&answer, &more) == 0)
		return agent_report(&answer, true, more);
	return agent_report(&answer, args.json, NULL);
}

/* ---- the inbox ---- */

static const char *const kinds[] = { "message", "clarification", "clarified_plan", "answer" };

static json_t *inbox_json(const struct agent_answer *answer)
{
	return json_pack("{s:I, s:s, s:s, s:s%, s:I}", "id", (json_int_t)answer->id,
			 "kind", answer->number < COUNT(kinds) ? kinds[answer->number] : "message",
			 "from", answer->rule, "text", answer->text, (size_t)answer->text_len,
			 "ack_within_seconds", (json_int_t)(answer->value / (int64_t)(1000 * NS_PER_MS)));
}

static void inbox_print(const struct agent_answer *answer)
{
	static char shown[4 * AGENT_TEXT_MAX];
	char from[256];

	text_escape(shown, sizeof(shown), slice_new(answer->text, answer->text_len));
	text_escape(from, sizeof(from), slice_of(answer->rule));
	printf("%llu %s from %s: %s\n", (unsigned long long)answer->id,
	       answer->number < COUNT(kinds) ? kinds[answer->number] : "message", from, shown);
	if (answer->value > 0)
		printf("  acknowledge within %lld s: `bailiff agent ack %llu`\n",
		       (long long)(answer->value / (int64_t)(1000 * NS_PER_MS)), (unsigned long long)answer->id);
}

int agent_inbox(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent inbox", .usage = "[--json]",
		.summary = "Prints what people and reviewers sent to this run: clarifications, clarified plans, answers.",
		.rows = json_rows, .count = COUNT(json_rows),
	};
	struct agent_call call = agent_call_of(AGENT_INBOX);
	struct plain_args args = { 0 };
	struct option_words words;
	struct agent_answer answer;
	struct error err = { 0 };
	int r = take_words(&set, argc, argv, 0, 0, &args, &words);

	if (r >= 0)
		return r;
	for (;;) {
		if (agent_ask(&call, ANSWER_MS, &answer, &err) < 0)
			return cli_fail(&err);
		if (answer.outcome != AGENT_DONE)
			break;
		if (answer.id <= call.request.id)
			return CLI_INTERNAL; /* a supervisor that counts backwards */
		call.request.id = answer.id;
		if (args.json)
			IGNORE(agent_report(&answer, true, inbox_json(&answer)));
		else
			inbox_print(&answer);
	}
	if (answer.outcome != AGENT_EMPTY)
		return agent_report(&answer, args.json, NULL);
	return agent_exit_of(&answer);
}

int agent_ack(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent ack", .usage = "ID [--json]",
		.summary = "Acknowledges an item of the inbox. A clarified plan that nobody acknowledges within 120 s\n"
			   "ends the run.",
		.rows = json_rows, .count = COUNT(json_rows),
	};
	struct agent_call call = agent_call_of(AGENT_ACK);
	struct plain_args args = { 0 };
	struct option_words words;
	int r = take_words(&set, argc, argv, 1, 1, &args, &words);

	if (r >= 0)
		return r;
	if (parse_u64(slice_of(words.words[0]), 1, UINT64_MAX, &call.request.id) < 0)
		return cli_usage("agent ack", "'%s' is no id of the inbox", words.words[0]);
	return agent_run(&call, ANSWER_MS, args.json);
}

/* ---- what would be answered ---- */

int agent_ask_verb(int argc, char **argv)
{
	static const char *const words_of_kind[] = { "exec", "read", "write", "connect", NULL };
	static const struct option_row rows[] = {
		{ 0, "kind", OPTION_WORD, AT(kind), "exec|read|write|connect", "what is asked for; else exec", words_of_kind },
		ROW_JSON };
	static const struct option_set set = {
		.verb = "agent ask", .usage = "[--kind KIND] [--json] -- WORD...",
		.summary = "Asks what would become of an action, and changes nothing: a command with its arguments, or\n"
			   "with --kind a path or HOST:PORT.",
		.rows = rows, .count = COUNT(rows), .command = true,
	};
	struct agent_call call = agent_call_of(AGENT_ASK);
	struct buf text = buf_fixed(call.request.text, sizeof(call.request.text));
	struct plain_args args = { 0 };
	struct option_words words;
	int r = take_words(&set, argc, argv, 1, INT32_MAX, &args, &words);

	if (r >= 0)
		return r;
	call.request.number = ASK_EXEC;
	for (uint32_t i = 0; args.kind && words_of_kind[i]; i++)
		if (strcmp(args.kind, words_of_kind[i]) == 0)
			call.request.number = ASK_EXEC + i;
	if (call.request.number != ASK_EXEC && words.count != 1)
		return cli_usage("agent ask", "one word is expected for --kind %s", args.kind);
	for (int i = 0; i < words.count; i++)
		IGNORE(buf_append(&text, words.words[i], strlen(words.words[i]) + 1) < 0); /* looked at below */
	if (text.failed)
		return cli_usage("agent ask", "the words have more than %u bytes", AGENT_TEXT_MAX);
	call.request.text_len = (uint32_t)text.len;
	return agent_run(&call, ANSWER_MS, args.json);
}

/* ---- beats ---- */

static int beat(bool json, bool say)
{
	struct agent_call call = agent_call_of(AGENT_HEARTBEAT);
	struct agent_answer answer;
	struct error err = { 0 };

	if (agent_ask(&call, ANSWER_MS, &answer, &err) < 0)
		return say ? cli_fail(&err) : err.exit_code;
	return say ? agent_report(&answer, json, NULL) : agent_exit_of(&answer);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Beats until the command ends; its exit code is ours. */
static int beat_around(char **command, uint64_t every_ns)
{
	sigset_t set;
	int status = 0;
	pid_t pid;
	struct timespec every = { .tv_sec = (time_t)(every_ns / (1000 * NS_PER_MS)),
				  .tv_nsec = (long)(every_ns % (1000 * NS_PER_MS)) };

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return CLI_INTERNAL;
	pid = fork();
	if (pid == 0) {
		IGNORE(sigprocmask(SIG_UNBLOCK, &set, NULL) < 0); /* the command's own business then */
		execvpe(command[0], command, environ);
		_exit(errno == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE);
	}
	if (pid < 0)
		return CLI_INTERNAL;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		IGNORE(beat(false, false)); /* a lost beat is followed by the next one */
		IGNORE(sigtimedwait(&set, NULL, &every) < 0); /* time, or a child's end */
	}
	return status_of(status);
}

int agent_heartbeat(int argc, char **argv)
{
	static const struct option_row rows[] = {
		{ 0, "every", OPTION_DURATION, AT(every_ns), "20s", "between beats around a command", NULL }, ROW_JSON };
	static const struct option_set set = {
		.verb = "agent heartbeat", .usage = "[--json] | --every 20s -- COMMAND [ARGS...]",
		.summary = "Says that the run lives, once, or as long as a command runs. A third of $WATCHDOG_USEC is\n"
			   "a good interval. Exit code 14: stop was requested.",
		.rows = rows, .count = COUNT(rows), .command = true,
	};
	struct plain_args args = { 0 };
	struct option_words words;
	int r = options_take(&set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if ((words.count > 0) != (args.every_ns > 0))
		return cli_usage("agent heartbeat", "a command and --every belong together");
	return words.count > 0 ? beat_around(words.words, args.every_ns) : beat(args.json, true);
}
