/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cases_run.h"

#include "base/text.h"
#include "decide/policy.h"

#define VALUE_SIZE 256U

struct run_case {
	struct slice argv[JUDGED_WORDS_MAX];
	struct slice env;
	char exe[VALUE_SIZE];
	struct judged_command command;
};

static bool option_of(struct slice word, const char *name, struct slice *ret_value)
{
	size_t len = strlen(name);

	if (!slice_starts(word, slice_of(name)) || word.len <= len || word.data[len] != '=')
		return false;
	*ret_value = slice_new(word.data + len + 1, word.len - len - 1);
	return true;
}

static bool split_command(struct slice line, struct run_case *run)
{
	for (size_t at = 0; at < line.len;) {
		const char *blank = memchr(line.data + at, ' ', line.len - at);
		size_t len = blank ? (size_t)(blank - line.data) - at : line.len - at;

		if (run->command.argc == JUDGED_WORDS_MAX)
			return false;
		if (len > 0)
			run->argv[run->command.argc++] = slice_new(line.data + at, len);
		at += len + (blank != NULL);
	}
	return run->command.argc > 0;
}

static bool set_phase(struct slice value, struct snapshot *snapshot)
{
	for (unsigned int i = 0; i < PHASE_COUNT; i++) {
		if (!slice_is(value, phase_name((enum phase)i)))
			continue;
		snapshot->phase = i;
		snapshot->phase_reported = true;
		return true;
	}
	return false;
}

static bool set_plan(struct slice value, struct snapshot *snapshot)
{
	snapshot->plan_status = PLAN_APPROVED;
	snapshot->plan_cover = slice_is(value, "bound") ? COVER_BOUND : COVER_ARGV;
	return slice_is(value, "bound") || slice_is(value, "approved");
}

static bool set_check(struct slice value, struct snapshot *snapshot)
{
	snapshot->check = slice_is(value, "ok") ? CHECK_OK : CHECK_FAILED;
	return slice_is(value, "ok") || slice_is(value, "failed");
}

/* What is said of the run; 0 when the word is none of these, -1 when its value is none. */
static int take_said(struct slice word, struct run_case *run)
{
	struct snapshot *snapshot = &run->command.snapshot;
	struct slice value;
	bool good;

	if (option_of(word, "phase", &value)) {
		good = set_phase(value, snapshot);
	} else if (option_of(word, "plan", &value)) {
		good = set_plan(value, snapshot);
	} else if (option_of(word, "check", &value)) {
		good = set_check(value, snapshot);
	} else if (option_of(word, "env", &run->env)) {
		run->command.env = &run->env;
		run->command.env_count = 1;
		good = true;
	} else if (option_of(word, "exe", &value)) {
		good = text_copy(run->exe, sizeof(run->exe), value) == 0;
		run->command.exe = run->exe;
	} else {
		return 0;
	}
	return good ? 1 : -1;
}

/* -1: nothing of that name is asked of an answer. */
static int holds(const struct judged *judged, struct slice word, const struct ruling *ruling)
{
	const struct policy *policy = judged->policy;
	struct slice value;

	if (option_of(word, "rule", &value))
		return slice_eq(value, ruling->rule_id);
	if (option_of(word, "risk", &value))
		return slice_is(value, risk_name((enum risk)ruling->risk));
	if (option_of(word, "step", &value))
		return slice_is(value, step_name(ruling->step));
	if (option_of(word, "violation", &value))
		return ruling->would_raise != VIOLATION_NONE && slice_is(value, violation_name(ruling->would_raise));
	if (option_of(word, "capability", &value))
		return ruling->capability != GOVERN_NONE &&
		       slice_is(value, policy_text(policy, policy->govern.capabilities[ruling->capability].id));
	return -1;
}

static const char *verdict_is(enum verdict verdict)
{
	return verdict == VERDICT_ALLOW ? "allow" : verdict == VERDICT_ASK ? "ask" : "deny";
}

static const char *compare(const struct judged *judged, const struct slice *words, size_t count,
			   const struct ruling *ruling, char *problem, size_t size)
{
	if (!slice_is(words[2], verdict_is(ruling->verdict))) {
		IGNORE(snprintf(problem, size, "is %s (%.*s, step %s): %s", verdict_is(ruling->verdict),
				(int)ruling->rule_id.len, ruling->rule_id.data, step_name(ruling->step), ruling->reason) < 0);
		return problem;
	}
	for (size_t i = 3; i < count; i++) {
		int held = holds(judged, words[i], ruling);

		if (held > 0 || (held < 0 && words[i].len == 0))
			continue;
		IGNORE(snprintf(problem, size, "%.*s %s (%.*s, step %s)", (int)MIN(words[i].len, 64U), words[i].data,
				held < 0 ? "is not known here" : "does not hold", (int)ruling->rule_id.len,
				ruling->rule_id.data, step_name(ruling->step)) < 0);
		return problem;
	}
	if (ruling->verdict != VERDICT_ALLOW && (!ruling->reason[0] || !ruling->remedy[0] || !ruling->remedy_agent[0]))
		return "the denial has no reason or remedy";
	return NULL;
}

const char *case_run_check(const struct judged *judged, const struct slice *words, size_t count,
			   char *problem, size_t problem_size)
{
	auto_free struct run_case *run = calloc(1, sizeof(*run));
	struct slice asked[16];
	struct action action;
	struct ruling ruling;
	size_t left = 0;

	if (!run || count > COUNT(asked))
		return "no memory, or too many words";
	judged_snapshot(judged, &run->command.snapshot);
	run->command.argv = run->argv;
	if (!split_command(words[1], run))
		return "a command is \"PROGRAM ARGS...\", words divided by blanks";
	for (size_t i = 0; i < count; i++) {
		int said = i < 3 ? 0 : take_said(words[i], run);

		if (said < 0)
			return "a run has plan=approved|bound, check=ok|failed, phase=PHASE, env=NAME=VALUE, exe=/PATH";
		if (said == 0)
			asked[left++] = words[i];
	}
	judged_ask(judged, &run->command, &action, &ruling);
	return compare(judged, asked, left, &ruling, problem, problem_size);
}
