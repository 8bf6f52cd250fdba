/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy_cases.h"

#include <errno.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/cases_run.h"
#include "decide/forbidden.h"
#include "decide/net.h"
#include "decide/net_name.h"
#include "plan/plan.h"

#define WORDS_MAX 10U
#define PROBLEM_MAX 320U

struct case_line {
	struct slice words[WORDS_MAX];
	size_t count;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* False when there are too many words. */
static bool split(struct slice line, struct case_line *ret)
{
	size_t at = 0;

	*ret = (struct case_line){ 0 };
	for (;;) {
		size_t start;

		while (at < line.len && is_blank(line.data[at]))
			at++;
		if (at == line.len || line.data[at] == '#')
			return true;
		if (ret->count == WORDS_MAX)
			return false;
		start = at;
		if (line.data[at] == '"') {
			const char *end = memchr(line.data + at + 1, '"', line.len - at - 1);

			start = at + 1;
			at = end ? (size_t)(end - line.data) : line.len;
			ret->words[ret->count++] = slice_new(line.data + start, at - start);
			at += end != NULL;
			continue;
		}
		while (at < line.len && !is_blank(line.data[at]))
			at++;
		ret->words[ret->count++] = slice_new(line.data + start, at - start);
	}
}

static bool replace(struct slice text, const char *name, const char *value, char to[PLAN_PATH_MAX])
{
	size_t len = strlen(name);

	if (!slice_starts(text, slice_of(name)) || (text.len > len && text.data[len] != '/'))
		return false;
	return snprintf(to, PLAN_PATH_MAX, "%s%.*s", value, (int)(text.len - len), text.data + len) <
	       (int)PLAN_PATH_MAX;
}

static const char *parse_path(struct slice text, char path[PLAN_PATH_MAX], struct request *request)
{
	if (!replace(text, "$WORKSPACE", CASES_WORKSPACE, path) && !replace(text, "~", CASES_HOME, path) &&
	    text_copy(path, PLAN_PATH_MAX, text) < 0)
		return "this path is too long";
	request->path = slice_of(path);
	return path[0] == '/' ? NULL : "a path begins with /, ~ or $WORKSPACE";
}

/* An address, or with connect the name of a host in its clean form (into `text`). */
static const char *parse_host(struct slice word, char text[PLAN_PATH_MAX], struct request *request)
{
	const char *colon = memrchr(word.data, ':', word.len);
	size_t len = colon ? (size_t)(colon - word.data) : 0;
	uint32_t port;

	if (net_address_parse(word, request->addr, &request->port) == 0)
		return NULL;
	if (request->kind != REQUEST_CONNECT || net_name_clean(slice_new(word.data, len), text) < 0 ||
	    parse_u32(slice_new(word.data + len + 1, word.len - len - 1), 1, 65535, &port) < 0)
		return "an address is 10.0.0.1:80 or [::1]:80, a name example.com:443";
	request->name = slice_of(text);
	request->port = (uint16_t)port;
	return NULL;
}

/* NULL, or what is wrong with the case. */
static const char *parse_request(const struct case_line *line, char path[PLAN_PATH_MAX],
				 struct request *request)
{
	static const struct {
		const char *word;
		enum request_kind kind;
	} kinds[] = {
		{ "read", REQUEST_READ }, { "write", REQUEST_WRITE }, { "exec", REQUEST_EXEC },
		{ "connect", REQUEST_CONNECT }, { "bind", REQUEST_BIND }, { "syscall", REQUEST_SYSCALL },
	};
	const struct forbidden_call *call;
	size_t i = 0;

	while (i < COUNT(kinds) && !slice_is(line->words[0], kinds[i].word))
		i++;
	if (i == COUNT(kinds))
		return "a case begins with read, write, exec, connect, bind, syscall or run";
	*request = (struct request){ .kind = kinds[i].kind, .syscall = -1 };
	if (request->kind == REQUEST_SYSCALL) {
		call = forbidden_call_named(line->words[1]);
		request->syscall = call ? call->number : -1;
		return NULL;
	}
	if (request->kind == REQUEST_BIND || (request->kind == REQUEST_CONNECT &&
					      line->words[1].data[0] != '/'))
		return parse_host(line->words[1], path, request);
	return parse_path(line->words[1], path, request);
}

static const char *verdict_word(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DENY:
		return "deny";
	case VERDICT_ASK:
		return "ask";
	case VERDICT_ALLOW:
		return "allow";
	}
	return "deny";
}

/* Compares "rule=ID", "on=WORD" and an errno behind the verdict. */
static bool extra_holds(struct slice extra, const struct request *request,
			const struct decision *decision)
{
	const struct forbidden_call *call = forbidden_call(request->syscall);

	if (slice_starts(extra, slice_of("rule=")))
		return slice_eq(slice_new(extra.data + 5, extra.len - 5), decision->rule);
	if (slice_is(extra, "on=violate"))
		return decision->on == ON_VIOLATE;
	if (slice_is(extra, "on=deny"))
		return decision->on == ON_DENY;
	return request->kind == REQUEST_SYSCALL && call && slice_is(extra, errno_name(call->error));
}

/* A denial must say why and what next: the agent and the person act on it. */
static bool is_explained(const struct decision *decision)
{
	return decision->verdict == VERDICT_ALLOW ||
	       (decision->reason[0] && decision->remedy[0] && decision->remedy_agent[0] &&
		decision->rule.len > 0);
}

/* What is asked: of decide(), and of judge() where the policy has rules about commands. */
struct asked {
	const struct rules *rules;
	const struct judged *judged;     /* NULL: it has none */
};

static const char *check_case(const struct asked *asked, const struct case_line *line,
			      char problem[PROBLEM_MAX])
{
	const struct rules *rules = asked->rules;
	char path[PLAN_PATH_MAX];
	struct decision decision;
	struct request request;
	const char *wrong;

	if (line->count < 3)
		return "a case is WHAT SUBJECT VERDICT";
	if (slice_is(line->words[0], "run"))
		return asked->judged ? case_run_check(asked->judged, line->words, line->count, problem, PROBLEM_MAX) :
				       "the policy has no rules about commands";
	wrong = parse_request(line, path, &request);
	if (wrong)
		return wrong;
	decide(rules, &request, &decision);
	if (!slice_is(line->words[2], verdict_word(decision.verdict))) {
		IGNORE(snprintf(problem, PROBLEM_MAX, "is %s (rule %.*s)%s%s",
				verdict_word(decision.verdict), (int)decision.rule.len,
				decision.rule.data, decision.reason[0] ? ": " : "",
				decision.reason) < 0);
		return problem;
	}
	for (size_t i = 3; i < line->count; i++) {
		if (extra_holds(line->words[i], &request, &decision))
			continue;
		IGNORE(snprintf(problem, PROBLEM_MAX, "%.*s does not hold (rule %.*s)",
				(int)MIN(line->words[i].len, 64U), line->words[i].data,
				(int)decision.rule.len, decision.rule.data) < 0);
		return problem;
	}
	return is_explained(&decision) ? NULL : "the denial has no reason or remedy";
}

/* Takes a line off *rest. False when there is none; a line with too many words has no words. */
static bool line_take(struct slice *rest, struct slice *ret_text, struct case_line *ret_line, bool *ret_whole)
{
	const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
	size_t used;

	if (rest->len == 0)
		return false;
	*ret_text = slice_new(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	used = ret_text->len + (end != NULL);
	*rest = slice_new(rest->data + used, rest->len - used);
	*ret_whole = split(*ret_text, ret_line);
	return true;
}

static bool is_include(const struct case_line *line)
{
	return line->count == 2 && slice_is(line->words[0], "include");
}

int policy_cases_include(struct slice cases, uint32_t nth, char ret_name[CASES_INCLUDE_MAX])
{
	struct case_line line;
	struct slice text;
	bool whole;

	while (line_take(&cases, &text, &line, &whole)) {
		if (whole && is_include(&line) && nth-- == 0)
			return text_copy(ret_name, CASES_INCLUDE_MAX, line.words[1]);
	}
	return -ENOENT;
}

static int ask_all(const struct asked *asked_of, struct slice cases, case_result_fn result, void *context)
{
	struct case_line line;
	struct slice text;
	uint32_t number = 0;
	int asked = 0;
	bool whole;

	while (line_take(&cases, &text, &line, &whole)) {
		char problem[PROBLEM_MAX];

		number++;
		if (whole && (line.count == 0 || is_include(&line)))
			continue;
		result(context, number, text, whole ? check_case(asked_of, &line, problem) : "too many words");
		asked++;
	}
	return asked;
}

int policy_cases(const struct policy *policy, struct slice cases, case_result_fn result, void *context,
		 struct error *err)
{
	auto_free struct judged *judged = calloc(1, sizeof(*judged));
	struct plan_rules_memory *memory = NULL;
	struct rules rules;
	struct asked asked = { .rules = &rules };
	int r = judged ? plan_rules_of(policy, CASES_WORKSPACE, CASES_HOME, &memory, &rules, err) : -ENOMEM;

	if (r == 0 && policy->govern.settings.gated) {
		r = judged_init(judged, policy, CASES_WORKSPACE, CASES_HOME);
		asked.judged = judged;
	}
	if (r == 0)
		r = ask_all(&asked, cases, result, context);
	plan_rules_free(memory);
	if (asked.judged)
		judged_finish(judged);
	return r;
}
