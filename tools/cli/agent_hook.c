/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff agent hook`: answers the hooks of coding agents, which hand over one JSON object on stdin. Comfort, no
 * enforcement: it turns a refusal that would follow anyway into a sentence before the fact. File tools are
 * answered by path; shell text is not parsed. Exits 0, with JSON or without an opinion, or 2 with a reason. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"

#define HOOK_MAX (8U << 20)        /* tool inputs carry whole files */
#define ANSWER_MS 4000             /* below the timeouts that settings files give */
#define STATUS_MAX 199U
#define HOOK_BLOCKED 2

struct hook {
	const char *event, *tool;
	json_t *input;                 /* tool_input; borrowed */
	json_t *root;
	bool auto_allow;
};

static const char *text_at(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* One tool calls its events PreToolUse, the other pre_tool_use. */
static bool same_name(const char *name, const char *wanted)
{
	for (; *name; name++) {
		if (*name == '_' || *name == '-')
			continue;
		if (tolower((unsigned char)*name) != tolower((unsigned char)*wanted))
			return false;
		wanted++;
	}
	return *wanted == '\0';
}

/* ---- what is said ---- */

static int say(json_t *object)
{
	int r = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

	json_decref(object);
	if (r == 0)
		printf("\n");
	return r == 0 ? CLI_OK : CLI_INTERNAL;
}

static int decision(const struct hook *hook, const char *word, const char *reason)
{
	if (same_name(hook->event, "PermissionRequest"))
		return say(json_pack("{s:{s:s, s:{s:s, s:s}}}", "hookSpecificOutput", "hookEventName", hook->event,
				     "decision", "behavior", word, "message", reason));
	return say(json_pack("{s:{s:s, s:s, s:s}}", "hookSpecificOutput", "hookEventName", hook->event,
			     "permissionDecision", word, "permissionDecisionReason", reason));
}

static int no_opinion(const struct hook *hook)
{
	return hook->auto_allow ? decision(hook, "allow", "the kernel decides about each command") : CLI_OK;
}

static int denied(const struct hook *hook, const struct agent_answer *answer)
{
	char text[1024];

	IGNORE(snprintf(text, sizeof(text), "Bailiff: %s. %s%s (rule %s)", answer->reason, answer->remedy,
			answer->flags & AGENT_LOOP ? " Do not retry." : "", answer->rule) < 0); /* cut is cut */
	return decision(hook, "deny", text);
}

/* ---- events ---- */

static bool ask(struct agent_call *call, struct agent_answer *answer)
{
	struct error err = { 0 };

	/* No supervisor: nothing to say. The kernel's answer stands whatever hooks say. */
	return agent_ask(call, ANSWER_MS, answer, &err) == 0;
}

/* At most STATUS_MAX bytes, whole characters, no controls. */
static void tell(enum agent_verb verb, const char *text)
{
	struct agent_call call = agent_call_of(verb);
	struct slice rest = slice_of(text);
	struct agent_answer answer;
	uint32_t point;
	size_t len;

	for (; rest.len > 0; rest = slice_new(rest.data + len, rest.len - len)) {
		len = text_utf8_next(rest, &point);
		if (len == 0 || call.request.text_len + len > STATUS_MAX)
			break;
		if (point < 0x20 || (point >= 0x7f && point <= 0x9f))
			continue;
		memcpy(call.request.text + call.request.text_len, rest.data, len);
		call.request.text_len += (uint32_t)len;
	}
	if (call.request.text_len > 0 || verb == AGENT_HEARTBEAT)
		IGNORE(!ask(&call, &answer)); /* comfort */
}

/* What people wrote reaches the model here. */
static void add_letters(struct buf *buf)
{
	struct agent_call call = agent_call_of(AGENT_INBOX);
	struct agent_answer answer;
	char text[2 * AGENT_TEXT_MAX];

	while (ask(&call, &answer) && answer.outcome == AGENT_DONE && answer.id > call.request.id) {
		call.request.id = answer.id;
		text_escape(text, sizeof(text), slice_new(answer.text, answer.text_len));
		IGNORE(buf_printf(buf, "\nMessage %llu from %s: %s (acknowledge: `bailiff agent ack %llu`)",
				  (unsigned long long)answer.id, answer.rule, text, (unsigned long long)answer.id) < 0);
	}
}

static int context(const struct hook *hook, const char *first)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(65536);

	IGNORE(buf_text(&buf, first) < 0);
	add_letters(&buf);
	if (buf.len == 0)
		return CLI_OK;
	return say(json_pack("{s:{s:s, s:s%}}", "hookSpecificOutput", "hookEventName", hook->event, "additionalContext",
			     buf.data, buf.len));
}

static int session_start(const struct hook *hook)
{
	tell(AGENT_HEARTBEAT, "");
	tell(AGENT_STATUS, "the session started");
	return context(hook, "This session runs under Bailiff. What it refuses stays refused: `bailiff agent why` explains the "
		       "last refusal, and trying the same in another way leads to the end of the run.");
}

static int prompt(const struct hook *hook)
{
	tell(AGENT_STATUS, text_at(hook->root, "prompt"));
	return context(hook, "");
}

/* Tools that name the file they read or write, and the member that names it. */
static const struct file_tool {
	const char *tool, *path;
	enum agent_ask kind;
} file_tools[] = {
	{ "Read", "file_path", ASK_READ }, { "Write", "file_path", ASK_WRITE }, { "Edit", "file_path", ASK_WRITE },
	{ "MultiEdit", "file_path", ASK_WRITE }, { "NotebookEdit", "notebook_path", ASK_WRITE },
	{ "NotebookRead", "notebook_path", ASK_READ }, { "read_file", "path", ASK_READ }, { "write_file", "path", ASK_WRITE },
};

static int about_file(const struct hook *hook, const struct file_tool *tool)
{
	const char *path = text_at(hook->input, tool->path), *cwd = text_at(hook->root, "cwd");
	struct agent_call call = agent_call_of(AGENT_ASK);
	struct buf text = buf_fixed(call.request.text, sizeof(call.request.text) - 1);
	struct agent_answer answer;

	if (!path[0])
		return no_opinion(hook);
	if (path[0] != '/')
		IGNORE(buf_printf(&text, "%s/", cwd) < 0); /* looked at below */
	IGNORE(buf_text(&text, path) < 0);
	if (text.failed)
		return no_opinion(hook);
	call.request.text_len = (uint32_t)text.len + 1; /* with the zero byte that is there */
	call.request.number = tool->kind;
	if (!ask(&call, &answer))
		return CLI_OK;
	if (answer.outcome == AGENT_REFUSED)
		return denied(hook, &answer);
	return answer.outcome == AGENT_NEEDS_APPROVAL ? decision(hook, "ask", answer.reason) : no_opinion(hook);
}

/* A plan mode's plan is prose; one that holds a plan as JSON, alone or as a ```json block, is submitted. */
static int about_plan(const struct hook *hook)
{
	const char *text = text_at(hook->input, "plan"), *block = strstr(text, "```json");
	struct agent_call call = agent_call_of(AGENT_PLAN);
	auto_close int fd = FD_NONE;
	struct agent_answer answer;
	struct error err = { 0 };
	size_t len = strlen(text);

	if (block) {
		const char *end = strstr(block + 7, "```");

		text = block + 7;
		len = end ? (size_t)(end - text) : strlen(text);
	}
	if (agent_plan_memfd(text, len, &fd, &err) < 0)
		return no_opinion(hook);
	call.fd = fd;
	if (!ask(&call, &answer))
		return CLI_OK;
	if (answer.outcome == AGENT_DONE)
		return no_opinion(hook);
	if (answer.outcome == AGENT_NEEDS_APPROVAL)
		return decision(hook, "ask", "Bailiff asks people about this plan; wait: `bailiff agent plan state --wait`.");
	return denied(hook, &answer);
}

static int before_tool(const struct hook *hook)
{
	if (strcmp(hook->tool, "ExitPlanMode") == 0)
		return about_plan(hook);
	for (size_t i = 0; i < COUNT(file_tools); i++)
		if (strcmp(file_tools[i].tool, hook->tool) == 0)
			return about_file(hook, &file_tools[i]);
	return no_opinion(hook);
}

static int after_tool(const struct hook *hook)
{
	tell(AGENT_HEARTBEAT, "");
	tell(AGENT_PROGRESS, hook->tool);
	return CLI_OK;
}

static int notification(const struct hook *hook)
{
	tell(AGENT_STATUS, text_at(hook->root, "message"));
	return CLI_OK;
}

static int turn_ended(const struct hook *hook)
{
	tell(AGENT_STATUS, same_name(hook->event, "SubagentStop") ? "a subagent ended" : "waiting for the next prompt");
	return CLI_OK;
}

static int session_end(const struct hook *hook)
{
	(void)hook;
	tell(AGENT_STATUS, "the session ended");
	return CLI_OK;
}

static const struct event_row {
	const char *event;
	int (*run)(const struct hook *hook);
} events[] = {
	{ "SessionStart", session_start }, { "UserPromptSubmit", prompt }, { "PreToolUse", before_tool },
	{ "PermissionRequest", before_tool }, { "PostToolUse", after_tool }, { "Notification", notification },
	{ "SubagentStop", turn_ended }, { "Stop", turn_ended }, { "SessionEnd", session_end },
};

/* ---- the verb ---- */

static int blocked(const char *reason)
{
	fprintf(stderr, "bailiff agent hook: %s\n", reason);
	return HOOK_BLOCKED;
}

static bool wants_auto_allow(void)
{
	struct agent_call call = agent_call_of(AGENT_HEARTBEAT);
	struct agent_answer answer;

	return ask(&call, &answer) && answer.flags & AGENT_AUTO_ALLOW;
}

static int answer_hook(json_t *root)
{
	struct hook hook = { .root = root, .event = text_at(root, "hook_event_name"), .tool = text_at(root, "tool_name"),
			     .input = json_object_get(root, "tool_input") };

	if (!hook.event[0])
		return blocked("the JSON object on stdin has no hook_event_name");
	for (size_t i = 0; i < COUNT(events); i++) {
		if (!same_name(hook.event, events[i].event))
			continue;
		if (events[i].run == before_tool)
			hook.auto_allow = wants_auto_allow();
		return events[i].run(&hook);
	}
	return CLI_OK; /* an event of a later version: no opinion */
}

int agent_hook(int argc, char **argv)
{
	static const struct option_set set = {
		.verb = "agent hook", .usage = "claude|codex|generic",
		.summary = "Answers a coding agent's hook: its JSON on stdin, the answer's on stdout. Exits 0, or 2 with a reason\n"
			   "where the input makes no sense. Without hooks every refusal holds all the same.",
	};
	static const char *const kinds[] = { "claude", "codex", "generic" };
	auto_free char *bytes = NULL;
	struct option_words words;
	struct error err = { 0 };
	bool known = false;
	json_t *root;
	size_t len;
	int r = options_take(&set, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	for (size_t i = 0; words.count == 1 && i < COUNT(kinds); i++)
		known |= strcmp(words.words[0], kinds[i]) == 0;
	if (!known)
		return cli_usage("agent hook", "one of claude, codex, generic is expected");
	if (agent_read_file("-", HOOK_MAX, &bytes, &len, &err) < 0)
		return blocked(err.text);
	root = json_loadb(bytes, len, 0, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return blocked("stdin is no JSON object");
	}
	r = answer_hook(root);
	json_decref(root);
	return r;
}
