/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why_say.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/ledger.h"
#include "cli/words.h"
#include "decide/forbidden.h"

bool why_kind_refuses(uint32_t kind)
{
	return kind == RECORD_DECISION || kind == RECORD_VIOLATION || kind == RECORD_SYSCALL_DENIED ||
	       kind == RECORD_MOUNT_DENIED || kind == RECORD_ESCAPE || kind == RECORD_EXEC_CLAIM;
}

/* ---- taking ---- */

static void take_text(char *to, size_t size, const struct record *record, enum detail_key key)
{
	struct slice text = record_bytes(record, key);

	text_escape(to, size, text.len ? text : slice_of("?"));
}

void why_run_take(struct why_run *run, const struct ledger_hit *hit)
{
	struct slice digest = record_bytes(&hit->record, DETAIL_POLICY_DIGEST);
	struct ulid ulid;

	memcpy(ulid.bytes, run->uid, sizeof(ulid.bytes));
	ulid_text(&ulid, run->id);
	take_text(run->agent, sizeof(run->agent), &hit->record, DETAIL_AGENT);
	take_text(run->owner, sizeof(run->owner), &hit->record, DETAIL_OWNER);
	take_text(run->policy_name, sizeof(run->policy_name), &hit->record, DETAIL_POLICY_NAME);
	IGNORE(text_copy(run->workspace, sizeof(run->workspace),
			 record_bytes(&hit->record, DETAIL_WORKSPACE))); /* too long is unknown */
	if (digest.len == sizeof(run->digest))
		memcpy(run->digest, digest.data, digest.len);
}

void why_run_finish(struct why_run *run)
{
	json_decref(run->policy);
	run->policy = NULL;
}

static void put(struct buf *to, struct slice text)
{
	*to = buf_growing(RENDER_MAX);
	render_text(to, text);
}

static bool exists(struct slice path)
{
	char text[4096];
	struct stat st;

	return text_copy(text, sizeof(text), path) == 0 && lstat(text, &st) == 0;
}

static struct slice object_of(const struct record *record, struct slice verb)
{
	const struct forbidden_call *call;
	uint64_t number;

	if (!slice_is(verb, "syscall") || !record_uint(record, DETAIL_SYSCALL, &number) || number > 4096)
		return record->obj;
	call = forbidden_call((int)number);
	return call ? slice_of(call->name) : record->obj;
}

/* A violation carries no verb: its rule tells what kind of thing its object is. */
static struct slice verb_of(const struct record *record)
{
	struct slice verb = record_bytes(record, DETAIL_VERB);

	if (verb.len)
		return verb;
	if (slice_starts(record->rule, slice_of("network.")))
		return slice_of(slice_is(record->rule, "network.bind") ? "bind" : "connect");
	if (slice_starts(record->rule, slice_of("sandbox.on_forbidden")))
		return slice_of("syscall");
	return slice_of(slice_is(record->rule, "files.read") ? "read" : "write");
}

static void take_answer(struct why_hit *why, const struct why_run *run, const struct record *record)
{
	struct slice verb = verb_of(record);
	struct why_question question = {
		.rule = record->rule, .verb = verb, .object = object_of(record, verb),
		.policy = run->policy, .policy_name = run->policy_name, .policy_file = run->policy_file,
		.workspace = run->workspace, .extendable = run->extendable,
	};

	question.exists = exists(question.object);
	why_answer(&question, &why->answer);
	/* Of a rename the second name may be the one that was refused. */
	if (!why->answer.entry[0] && record->obj2.len) {
		question.object = record->obj2;
		question.exists = exists(question.object);
		why_answer(&question, &why->answer);
	}
}

int why_hit_take(struct why_hit *why, const struct why_run *run, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	struct slice reason = record_bytes(record, DETAIL_REASON);

	*why = (struct why_hit){
		.seq = hit->seq, .ts_ns = record->ts_ns, .intact = hit->intact, .pid = record->pid, .count = 1,
		.kind = record_kind_name(record->kind), .verdict = word_name(WORDS_VERDICT, record->verdict),
		.refusal = hit->decoded && why_kind_refuses(record->kind) &&
			   ((WHY_VERDICTS >> record->verdict) & 1U),
		.revoked = record->kind == RECORD_VIOLATION && record->verdict == RECORD_VERDICT_KILLED,
		.process = buf_growing(RENDER_MAX), .what = buf_growing(RENDER_MAX),
	};
	IGNORE(record_uint(record, DETAIL_COUNT, &why->count)); /* absent: once */
	render_process(&why->process, hit);
	render_what(&why->what, hit);
	put(&why->exe, record_bytes(record, DETAIL_EXE).len ? record_bytes(record, DETAIL_EXE) : hit->exe);
	put(&why->rule, record->rule);
	put(&why->reason, reason.len ? reason : record_bytes(record, DETAIL_MESSAGE));
	put(&why->remedy, record_bytes(record, DETAIL_REMEDY));
	put(&why->remedy_agent, record_bytes(record, DETAIL_REMEDY_AGENT));
	take_answer(why, run, record);
	why->again = why_again(hit, run->policy, run->workspace, run->owner);
	return why->what.failed || why->remedy.failed ? -EMSGSIZE : 0;
}

void why_hit_finish(struct why_hit *why)
{
	struct buf *const bufs[] = { &why->process, &why->what, &why->exe, &why->rule, &why->reason,
				     &why->remedy, &why->remedy_agent };

	for (size_t i = 0; i < COUNT(bufs); i++)
		buf_finish(bufs[i]);
}

/* ---- saying ---- */

static void line(const char *label, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void line(const char *label, const char *fmt, ...)
{
	va_list args;

	printf("%-8s  ", label);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

#define TEXT(buf) (int)(buf).len, (buf).data ? (buf).data : ""

static void say_projects(const struct why_run *run)
{
	const json_t *projects = json_object_get(run->policy, "project");

	for (size_t i = 0; i < json_array_size(projects); i++) {
		const char *path = json_string_value(json_object_get(json_array_get(projects, i), "path"));
		char shown[512];

		text_escape(shown, sizeof(shown), slice_of(path ? path : "?"));
		line("", "tightened by the project file %s, where the entry may stand", shown);
	}
}

static void say_rule(const struct why_hit *why, const struct why_run *run)
{
	const char *entry = why->answer.entry;

	if (why->rule.len == 0)
		return;
	line("rule", "%.*s%s%s%s, policy %s%s%s%s", TEXT(why->rule), entry[0] ? ", entry `" : "", entry,
	     entry[0] ? "`" : "", run->policy_name, run->policy_file[0] ? " (" : "", run->policy_file,
	     run->policy_file[0] ? ")" : "");
	say_projects(run);
}

/* What to do: with a danger first why not to, and what to do instead. */
static void say_change(const struct why_hit *why)
{
	const struct danger *danger = why->answer.danger;

	if (danger) {
		line("danger", "do not lift it: %s", danger->harm);
		if (danger->instead)
			line("instead", "%s", danger->instead);
	}
	if (why->answer.change[0])
		line(danger ? "if ever" : "change", "%s", why->answer.change);
	else if (why->remedy.len)
		line(danger ? "if ever" : "change", "%.*s", TEXT(why->remedy));
	if (why->remedy_agent.len)
		line("agent", "%.*s", TEXT(why->remedy_agent));
}

static void say_again(const struct why_hit *why)
{
	static const char *const texts[] = {
		[AGAIN_SAME] = "judged anew by the recorded policy: the same answer, byte for byte",
		[AGAIN_DIFFERS] = "judged anew by the recorded policy: ANOTHER ANSWER; is this `bailiff` another version?",
		[AGAIN_IMPOSSIBLE] = "cannot be judged anew: its question, words or policy are not kept whole, or hidden from you",
	};

	if (why->again != AGAIN_NO_QUESTION)
		line("again", "%s", texts[why->again]);
}

static void say_people(const struct why_hit *why, const struct why_run *run, bool utc)
{
	char time[LEDGER_TIME_MAX];

	ledger_time_text(time, why->ts_ns, utc);
	line(why->refusal ? "refused" : "record", "%llu%s, %s%s%s%s%s", (unsigned long long)why->seq,
	     why->intact ? "" : " (NOT INTACT: see `bailiff ledger verify`)", time,
	     run->known ? ", run " : "", run->known ? run->id : "", run->known ? ", agent " : "",
	     run->known ? run->agent : "");
	if (why->process.len)
		line("who", "%.*s%s%.*s", TEXT(why->process), why->exe.len ? ", " : "", TEXT(why->exe));
	line("what", "%.*s", TEXT(why->what));
	if (!why->refusal) {
		line("why", "this record is no refusal: nothing was stopped");
		say_again(why);
		return;
	}
	say_rule(why, run);
	if (why->reason.len && !memmem(why->what.data, why->what.len, why->reason.data, why->reason.len))
		line("reason", "%.*s", TEXT(why->reason));
	if (why->revoked)
		line("then", "the run was revoked: all its processes were killed (exit 123)");
	say_change(why);
	say_again(why);
}

static json_t *text_or_null(const struct buf *text)
{
	char copy[4096];

	if (text->len == 0)
		return json_null();
	IGNORE(snprintf(copy, sizeof(copy), "%.*s", TEXT(*text)) < 0); /* cut texts are still texts */
	return word_json(copy);
}

static json_t *string_or_null(const char *text)
{
	return text && text[0] ? word_json(text) : json_null();
}

static void say_json(const struct why_hit *why, const struct why_run *run)
{
	const struct why_answer *answer = &why->answer;
	json_t *object = json_pack(
		"{s:I, s:b, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:i, s:o, s:o, s:o}",
		"seq", (json_int_t)why->seq, "refusal", why->refusal, "intact", why->intact,
		"kind", why->kind ? why->kind : "unknown", "verdict", why->verdict ? why->verdict : "",
		"run", string_or_null(run->known ? run->id : NULL), "agent", string_or_null(run->agent),
		"policy", string_or_null(run->policy_name), "policy_file", string_or_null(run->policy_file),
		"what", text_or_null(&why->what), "count", (json_int_t)why->count,
		"process", text_or_null(&why->process), "pid", (int)why->pid, "exe", text_or_null(&why->exe),
		"rule", text_or_null(&why->rule), "entry", string_or_null(answer->entry));
	json_t *more = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "reason", text_or_null(&why->reason),
		"danger", string_or_null(answer->danger ? answer->danger->harm : NULL),
		"instead", string_or_null(answer->danger ? answer->danger->instead : NULL),
		"change", answer->change[0] ? string_or_null(answer->change) : text_or_null(&why->remedy),
		"flag", string_or_null(answer->flag), "line", string_or_null(answer->line),
		"agent_advice", text_or_null(&why->remedy_agent), "revoked", why->revoked,
		"reproduced", why->again == AGAIN_SAME ? json_true() : why->again == AGAIN_DIFFERS ? json_false() : json_null());
	char *text;

	IGNORE(json_object_update(object, more) < 0);
	text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	printf("%s\n", text ? text : "{}");
	free(text);
	json_decref(more);
	json_decref(object);
}

void why_say(const struct why_hit *why, const struct why_run *run, bool json, bool utc)
{
	if (json)
		say_json(why, run);
	else
		say_people(why, run, utc);
}
