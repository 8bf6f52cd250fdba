/* SPDX-License-Identifier: Apache-2.0 */
/* What each verb of `bailiff agent` does. The request has passed agent_request_check(); texts and numbers are
 * looked at here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"
#include "decide/field.h"
#include "run/handed.h"
#include "run/run.h"
#include "run/snapshot.h"

#define COPY(to, from) IGNORE(snprintf((to), sizeof(to), "%s", (from)) < 0) /* a text that is cut is a text */
#define STATUS_MAX 200U

void agent_say(struct agent_answer *answer, enum agent_outcome outcome, const char *rule, const char *reason,
	       const char *remedy)
{
	answer->outcome = outcome;
	COPY(answer->rule, rule);
	COPY(answer->reason, reason);
	COPY(answer->remedy, remedy);
}

void agent_answer_begin(const struct run *run, uint32_t verb, struct agent_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->version = AGENT_VERSION;
	answer->verb = verb;
	answer->outcome = AGENT_DONE;
	answer->flags = run->life.stop_requested ? AGENT_STOP_REQUESTED : 0;
	answer->flags |= run->life.settings && run->life.settings->auto_allow_hooks ? AGENT_AUTO_ALLOW : 0;
	answer->inbox = inbox_open(&run->life.inbox);
	answer->phase = run->life.phases.now;
}

static bool invalid(struct agent_answer *answer, const char *reason)
{
	agent_say(answer, AGENT_INVALID, "", reason, "");
	return true;
}

static struct slice text_of(const struct agent_request *request)
{
	return slice_new(request->text, request->text_len);
}

/* Shown to people and recorded: UTF-8 without controls. */
static bool is_clean(struct slice text, size_t max)
{
	uint32_t point;
	size_t len;

	if (text.len == 0 || text.len > max)
		return false;
	for (; text.len > 0; text = slice_new(text.data + len, text.len - len)) {
		len = text_utf8_next(text, &point);
		if (len == 0 || point < 0x20 || (point >= 0x7f && point <= 0x9f))
			return false;
	}
	return true;
}

static bool serve_heartbeat(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)request;
	(void)fd;
	run_beat(run);
	if (run->heartbeat.paused_ns)
		agent_say(answer, AGENT_DONE, "", "the run is paused: the beat does not count", "");
	return true;
}

static bool serve_phase(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	const char *reason = "";
	enum phase_answer is = run_phase_ask(run, (enum phase)MIN(request->number, (uint32_t)PHASE_COUNT), &reason);
	bool good = is == PHASE_GOES || is == PHASE_STAYS;

	(void)fd;
	answer->phase = run->life.phases.now;
	agent_say(answer, good ? AGENT_DONE : AGENT_REFUSED, good ? "" : "phases.order", reason,
		  good ? "" : "do the work of the phase that the run is in, then ask for the next one");
	return true;
}

static bool serve_status(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	if (!is_clean(text_of(request), STATUS_MAX - 1))
		return invalid(answer, "a status is at most 199 bytes of UTF-8 without control characters");
	IGNORE(snprintf(run->status_text, sizeof(run->status_text), "%.*s", (int)request->text_len, request->text) < 0);
	return true;
}

static bool serve_confidence(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	if (request->value < 0 || request->value > AGENT_MILLIONTHS)
		return invalid(answer, "confidence is a number from 0 to 1");
	run_confidence(run, request->value);
	return true;
}

static bool serve_progress(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	if (!is_clean(text_of(request), STATUS_MAX))
		return invalid(answer, "a step is at most 200 bytes of UTF-8 without control characters");
	run_progress(run);
	return true;
}

static bool serve_error(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	char code[STATUS_MAX + 24];

	(void)fd;
	if (!is_clean(text_of(request), STATUS_MAX) || request->value < 0 || request->value > 4095)
		return invalid(answer, "an error is a code of at most 200 bytes and an errno");
	IGNORE(snprintf(code, sizeof(code), "%.*s:%lld", (int)request->text_len, request->text,
			(long long)request->value) < 0);
	run_error(run, ERROR_REPORTED, slice_of("agent"), (struct slice){ 0 }, slice_of(code));
	return true;
}

static bool serve_why(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	const struct denial *denial = &run->life.denial;

	(void)request;
	(void)fd;
	/* What was refused just before lies in the ring still. */
	runs_read(run->runs, false);
	if (denial->count == 0) {
		answer->outcome = AGENT_EMPTY;
		return true;
	}
	agent_say(answer, AGENT_DONE, denial->rule, denial->reason, denial->remedy);
	answer->flags |= denial->loop ? AGENT_LOOP : 0;
	answer->value = (int64_t)MIN(denial->count, (uint64_t)INT64_MAX);
	answer->text_len = (uint32_t)strnlen(denial->subject, sizeof(denial->subject));
	memcpy(answer->text, denial->subject, answer->text_len);
	return true;
}

static bool serve_inbox(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	const struct letter *letter = inbox_next(&run->life.inbox, request->id);
	uint64_t now = life_now(run);

	(void)fd;
	if (!letter) {
		answer->outcome = AGENT_EMPTY;
		return true;
	}
	agent_say(answer, AGENT_DONE, letter->by, "", "");
	answer->number = letter->kind;
	answer->id = letter->id;
	if (letter->deadline_ns != INBOX_NEVER)
		answer->value = (int64_t)(letter->deadline_ns - MIN(now, letter->deadline_ns));
	memcpy(answer->digest, letter->digest, sizeof(answer->digest));
	answer->text_len = (uint32_t)letter->len; /* LETTER_TEXT_MAX = AGENT_TEXT_MAX */
	memcpy(answer->text, letter->text, letter->len);
	return true;
}

static bool serve_ack(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	if (!run_letter_ack(run, request->id)) {
		agent_say(answer, AGENT_INVALID, "", "there is no such item in the inbox, or it was acknowledged already",
			  "`bailiff agent inbox` lists them");
		return true;
	}
	answer->inbox = inbox_open(&run->life.inbox);
	return true;
}

/* ---- what would be answered ---- */

static bool ask_decide(struct run *run, const struct agent_request *wire, struct agent_answer *answer)
{
	struct request request = { .path = slice_new(wire->text, strnlen(wire->text, wire->text_len)) };
	struct decision decision;

	if (request.path.len == 0 || request.path.data[0] != '/')
		return invalid(answer, "a path is absolute");
	request.kind = wire->number == ASK_READ ? REQUEST_READ : REQUEST_WRITE;
	decide(&run->rules, &request, &decision);
	if (decision.verdict != VERDICT_DENY)
		return true;
	agent_say(answer, AGENT_REFUSED, "", decision.reason, decision.remedy_agent);
	IGNORE(snprintf(answer->rule, sizeof(answer->rule), "%.*s", (int)MIN(decision.rule.len, (size_t)63),
			decision.rule.len ? decision.rule.data : "") < 0);
	return true;
}

/* As if a tool of the system were executed with these words. What really runs is judged again, by its file. */
static bool ask_judge(struct run *run, const struct agent_request *request, struct agent_answer *answer)
{
	static struct slice words[AGENT_TEXT_MAX];
	static struct field_value fields[FIELD_COUNT]; /* one thread */
	static struct snapshot snapshot;
	static struct ruling ruling;
	struct action action = { .kind = ACTION_EXEC, .argv = words, .place = PLACE_TOOL, .name_count = 1 };
	const char *slash;

	if (!run->life.govern)
		return true;
	for (size_t at = 0; at < request->text_len; at += words[action.argc++].len + 1)
		words[action.argc] = slice_of(request->text + at); /* the last byte is zero */
	slash = strrchr(words[0].data, '/');
	action.names[0] = slash ? slice_of(slash + 1) : words[0];
	action.environments = environments_of(run->life.govern, &action, NULL, 0);
	snapshot_fill(run, &action, now_monotonic_ns(), &snapshot, fields);
	judge(run->life.govern, &action, &snapshot, now_monotonic_ns(), &ruling);
	if (ruling.verdict == VERDICT_ALLOW)
		return true;
	agent_say(answer, ruling.verdict == VERDICT_ASK ? AGENT_NEEDS_APPROVAL : AGENT_REFUSED, "", ruling.reason,
		  ruling.remedy_agent);
	IGNORE(snprintf(answer->rule, sizeof(answer->rule), "%.*s", (int)MIN(ruling.rule_id.len, (size_t)63),
			ruling.rule_id.len ? ruling.rule_id.data : "") < 0);
	return true;
}

static bool serve_ask(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	if (request->text_len == 0 || request->text[request->text_len - 1] != '\0')
		return invalid(answer, "words end with a zero byte");
	if (request->number == ASK_READ || request->number == ASK_WRITE)
		return ask_decide(run, request, answer);
	if (request->number == ASK_EXEC)
		return ask_judge(run, request, answer);
	return invalid(answer, "this cannot be asked for");
}

/* ---- what it hands over ---- */

static bool serve_plan(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)request;
	plans_submit(run, fd, answer);
	return true;
}

static bool serve_plan_state(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	return plans_state(run, answer) || !(request->flags & AGENT_WAIT);
}

static bool serve_artifact(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	(void)fd;
	if (!is_clean(text_of(request), AGENT_TEXT_MAX))
		return invalid(answer, "a path is UTF-8 without control characters");
	artifact_register(run, text_of(request), answer);
	return true;
}

static bool serve_output(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	if (!is_clean(text_of(request), OUTPUT_NAME_MAX) || request->number >= MATURITY_COUNT)
		return invalid(answer, "an output has a name of at most 64 bytes and a maturity");
	output_take(run, text_of(request), (enum output_maturity)request->number, fd, answer);
	return true;
}

static bool (*const serves[AGENT_VERB_COUNT])(struct run *, const struct agent_request *, int, struct agent_answer *) = {
	[AGENT_HEARTBEAT] = serve_heartbeat, [AGENT_PHASE] = serve_phase, [AGENT_STATUS] = serve_status,
	[AGENT_CONFIDENCE] = serve_confidence, [AGENT_PROGRESS] = serve_progress, [AGENT_ERROR] = serve_error,
	[AGENT_WHY] = serve_why, [AGENT_INBOX] = serve_inbox, [AGENT_ACK] = serve_ack, [AGENT_ASK] = serve_ask,
	[AGENT_PLAN] = serve_plan, [AGENT_PLAN_STATE] = serve_plan_state, [AGENT_ARTIFACT] = serve_artifact,
	[AGENT_OUTPUT] = serve_output,
};

bool agent_serve(struct run *run, const struct agent_request *request, int fd, struct agent_answer *answer)
{
	if (!serves[request->verb])
		return invalid(answer, "there is no such request");
	return serves[request->verb](run, request, fd, answer);
}
