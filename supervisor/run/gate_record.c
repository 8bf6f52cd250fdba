/* SPDX-License-Identifier: Apache-2.0 */
#include "run/gate_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/proc.h"
#include "base/sys.h"
#include "run/exec.h"
#include "run/gate.h"
#include "run/run.h"
#include "watch/validate.h"

#define SAMPLE 100U                /* the first and every 100th of a capability that was allowed */
#define EXACT_DENIALS 8U           /* of the same action; then only the 16th, 32nd, ... */

uint32_t gate_memory_find(const struct gate_memory *memory, const uint8_t digest[32])
{
	for (size_t i = 0; i < GATE_DENIED_MAX; i++)
		if (memory->denied[i].count && memcmp(memory->denied[i].digest, digest, 32) == 0)
			return memory->denied[i].count;
	return 0;
}

/* Counts a denial; returns which one of this action it is. The one seen least makes room. */
static uint32_t memory_count(struct gate_memory *memory, const uint8_t digest[32])
{
	size_t least = 0;

	for (size_t i = 0; i < GATE_DENIED_MAX; i++) {
		if (memory->denied[i].count && memcmp(memory->denied[i].digest, digest, 32) == 0)
			return ++memory->denied[i].count;
		if (memory->denied[i].count < memory->denied[least].count)
			least = i;
	}
	memcpy(memory->denied[least].digest, digest, 32);
	memory->denied[least].count = 1;
	return 1;
}

void gate_process(const struct run *run, pid_t tid, uint32_t *ret_pid, uint64_t *ret_start_ns)
{
	char path[64], status[4096];
	auto_close int pidfd = FD_NONE;
	const char *at;
	uint64_t tgid = 0;

	*ret_pid = 0;
	*ret_start_ns = 0;
	IGNORE(snprintf(path, sizeof(path), "/proc/%d/status", tid) < 0);
	if (io_read_text(AT_FDCWD, path, status, sizeof(status)) < 0)
		return;
	at = strstr(status, "\nTgid:\t");
	if (!at || parse_u64(slice_new(at + 7, strcspn(at + 7, "\n")), 1, INT32_MAX, &tgid) < 0)
		return;
	pidfd = sys_pidfd_open((pid_t)tgid, 0);
	if (pidfd < 0) {
		pidfd = FD_NONE;
		return;
	}
	/* Of the command itself nothing was seen: then to the clock tick. */
	if (watch_process_start(run->runs->watch, pidfd, ret_start_ns) < 0 &&
	    proc_start_ns((pid_t)tgid, ret_start_ns) < 0)
		return;
	*ret_pid = (uint32_t)tgid;
}

static void fill_process(const struct run *run, struct intake_record *record, pid_t tid)
{
	gate_process(run, tid, &record->proc_pid, &record->proc_start_ns);
}

static const struct govern_capability *capability_of(const struct run *run, const struct ruling *ruling)
{
	const struct govern_view *govern = &run->plan.govern;

	return ruling->capability < govern->capabilities_count ? &govern->capabilities[ruling->capability] : NULL;
}

static void put_words(struct draft *draft, const struct run *run, const struct ruling *ruling)
{
	const struct govern_capability *capability = capability_of(run, ruling);

	draft_rule(draft, ruling->rule_id);
	draft_text(draft, DETAIL_VERB, slice_of("exec"));
	if (capability)
		draft_text(draft, DETAIL_CAPABILITY, govern_text(&run->plan.govern, capability->id));
	draft_text(draft, DETAIL_RISK, slice_of(risk_name((enum risk)ruling->risk)));
	draft_text(draft, DETAIL_CLASS, slice_of(class_name((enum action_class)ruling->action_class)));
	if (ruling->blocked_by != BLOCKED_NOT)
		draft_text(draft, DETAIL_BLOCKED_BY, slice_of(blocked_name(ruling->blocked_by)));
	draft_text(draft, DETAIL_REASON, slice_of(ruling->reason));
	draft_text(draft, DETAIL_REMEDY, slice_of(ruling->remedy));
	draft_text(draft, DETAIL_REMEDY_AGENT, slice_of(ruling->remedy_agent));
}

static enum record_verdict verdict_of(const struct ruling *ruling)
{
	if (ruling->verdict == VERDICT_ALLOW)
		return ruling->would == VERDICT_ALLOW ? RECORD_VERDICT_NONE : RECORD_VERDICT_WARN;
	return ruling->verdict == VERDICT_ASK ? RECORD_VERDICT_HELD : RECORD_VERDICT_DENY;
}

static void put_ruling(struct run *run, const struct exec_case *exec, uint32_t count)
{
	const struct ruling *ruling = &exec->ruling;
	const struct program *program = &exec->chain[exec->ruled];
	struct slice argv = slice_new(exec->held.strings, exec->held.arg_bytes);
	bool allowed = ruling->verdict == VERDICT_ALLOW;
	char used[ULID_TEXT_LEN + 1];
	struct draft draft;

	if (!run_fact_begin(run, RECORD_DECISION, "", &draft))
		return;
	if (draft.record) {
		fill_process(run, draft.record, exec->held.tid);
		draft.record->verdict = (uint8_t)verdict_of(ruling);
		draft.record->effect = allowed ? RECORD_EFFECT_NONE : RECORD_EFFECT_PREVENTED;
		draft.record->dev = program->st.st_dev;
		draft.record->ino = program->st.st_ino;
		draft.record->gen = program->head.gen;
	}
	draft_obj(&draft, slice_new(program->path, program->path_len));
	put_words(&draft, run, ruling);
	draft_bytes(&draft, DETAIL_DIGEST, exec->digest, sizeof(exec->digest));
	draft_uint(&draft, DETAIL_ARGC, exec->held.argc);
	if (grant_name(run, ruling, used))
		draft_text(&draft, DETAIL_ID, slice_of(used));
	if (ruling->waiver)
		draft_bool(&draft, DETAIL_WAIVER_ISSUED, true);
	if (count > 1)
		draft_uint(&draft, DETAIL_COUNT, count);
	if (draft.record)
		IGNORE(intake_value(draft.buf, draft.at, VALUE_ARGV,
				    slice_new(argv.data, MIN(argv.len, (size_t)INTAKE_VALUE_MAX)), argv.len) < 0);
	if (draft.record && exec->question.len > 0)
		IGNORE(intake_value(draft.buf, draft.at, VALUE_QUESTION, exec->question, exec->question.len) < 0);
	IGNORE(run_fact_end(run, RECORD_DECISION, &draft) == 0); /* counted */
}

static struct decision decision_of(const struct ruling *ruling)
{
	struct decision decision = { .verdict = VERDICT_DENY, .on = ON_VIOLATE, .violation = ruling->violation,
				     .rule = ruling->rule_id };

	IGNORE(snprintf(decision.reason, sizeof(decision.reason), "%.191s", ruling->reason) < 0);
	IGNORE(snprintf(decision.remedy, sizeof(decision.remedy), "%.191s", ruling->remedy) < 0);
	IGNORE(snprintf(decision.remedy_agent, sizeof(decision.remedy_agent), "%.191s", ruling->remedy_agent) < 0);
	return decision;
}

static bool is_power_of_two(uint32_t number)
{
	return (number & (number - 1)) == 0;
}

void gate_record(struct run *run, struct gate_memory *memory, const struct exec_case *exec)
{
	const struct ruling *ruling = &exec->ruling;
	const struct program *program = &exec->chain[exec->ruled];
	uint32_t slot = MIN(ruling->capability, GOVERN_CAPABILITIES_MAX), nth;

	if (ruling->verdict == VERDICT_ALLOW) {
		nth = memory->allowed[slot]++;
		if (ruling->would != VERDICT_ALLOW || ruling->grant || ruling->waiver || nth % SAMPLE == 0)
			put_ruling(run, exec, 1);
	} else if (ruling->verdict == VERDICT_ASK) {
		put_ruling(run, exec, 1);
	} else {
		run->refused++;
		nth = memory_count(memory, exec->digest);
		if (nth <= EXACT_DENIALS || is_power_of_two(nth))
			put_ruling(run, exec, nth <= EXACT_DENIALS ? 1 : nth / 2);
	}
	if (ruling->violation != VIOLATION_NONE) {
		struct decision decision = decision_of(ruling);

		run_violation(run, ruling->violation,
			      ruling->verdict == VERDICT_ALLOW ? RECORD_EFFECT_OBSERVED : RECORD_EFFECT_PREVENTED,
			      &decision, NULL, slice_new(program->path, program->path_len), NULL);
	}
}

void gate_record_unfit(struct run *run, pid_t tid, const char *path, const char *why)
{
	struct draft draft;

	run->refused++;
	if (!run_fact_begin(run, RECORD_DECISION, "", &draft))
		return;
	if (draft.record) {
		fill_process(run, draft.record, tid);
		draft.record->verdict = RECORD_VERDICT_DENY;
		draft.record->effect = RECORD_EFFECT_PREVENTED;
	}
	draft_obj(&draft, slice_of(path));
	draft_rule(&draft, slice_of("exec.unfit"));
	draft_text(&draft, DETAIL_VERB, slice_of("exec"));
	draft_text(&draft, DETAIL_REASON, slice_of(why));
	draft_text(&draft, DETAIL_REMEDY, slice_of("nothing in a policy allows this: what cannot be looked at whole is refused"));
	draft_text(&draft, DETAIL_REMEDY_AGENT, slice_of("Pass the long part in a file, or in several commands (xargs -n)."));
	IGNORE(run_fact_end(run, RECORD_DECISION, &draft) == 0); /* counted */
}

void gate_ungranted(struct run *run, const struct event_head *event)
{
	const struct event_exec *exec = (const void *)event;
	struct decision decision = {
		.verdict = VERDICT_DENY, .on = ON_VIOLATE, .violation = FORBIDDEN_ACTION, .rule = slice_of("exec.binding"),
		.reason = "what was executed is not what was judged: the file, its directory, an argument or a variable "
			  "changed in between",
		.remedy = "look at the process with `bailiff ledger run tree RUN`: honest programs do not do that",
		.remedy_agent = "Do not change a command while it is being started.",
	};

	run->refused++;
	run_violation(run, FORBIDDEN_ACTION, RECORD_EFFECT_PREVENTED, &decision, NULL, event_exec_path(exec), event);
}
