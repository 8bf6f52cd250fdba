/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a run's own life: its begin with the protections really in force, each move, its end with
 * the balance of its events. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "run/moves.h"
#include "run/run.h"

#define PROTECTIONS_MAX 512U

bool run_fact_begin(struct run *run, enum record_kind kind, const char *by, struct draft *draft)
{
	struct record_frame frame = record_frame_now(&run->id);
	struct buf *buf = outbox_begin(run->runs->outbox, kind);

	if (!buf) {
		run->lost++;
		return false;
	}
	*draft = draft_begin(buf, kind, &frame, NULL);
	draft_by(draft, by);
	return true;
}

uint64_t run_fact_end(struct run *run, enum record_kind kind, struct draft *draft)
{
	uint64_t cursor = outbox_put(run->runs->outbox, kind, draft_end(draft));

	if (cursor == 0)
		run->lost++;
	else
		run->records++;
	return cursor;
}

/* "namespaces seccomp landlock ..." */
static struct slice names_of(uint32_t features, char *to, size_t size)
{
	struct buf buf = buf_fixed(to, size);

	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		if (features >> i & 1U)
			buf_printf(&buf, "%s%s", buf.len ? " " : "", feature_infos[i].name);
	}
	return buf_slice(&buf);
}

int run_put_policy(struct run *run, struct error *err)
{
	struct slice doc = run->plan.doc;
	int fd, r = io_sealed_memfd("policy", doc.data, doc.len, &fd);

	if (r == 0)
		r = outbox_document(run->runs->outbox, fd, run->plan.head->policy_digest);
	return r < 0 ? error_set(err, r, "hand the policy to the ledger") : 0;
}

void run_put_start(struct run *run)
{
	const struct plan_head *head = run->plan.head;
	const struct plan *plan = &run->plan;
	char names[PROTECTIONS_MAX];
	struct draft draft;

	if (run->recorded || !run_fact_begin(run, RECORD_RUN_START, "bailiffd", &draft))
		return;
	draft_obj(&draft, slice_of(plan_text(plan, head->program)));
	draft_bytes(&draft, DETAIL_POLICY_DIGEST, head->policy_digest, sizeof(head->policy_digest));
	draft_text(&draft, DETAIL_POLICY_NAME, slice_of(plan_text(plan, head->policy_name)));
	draft_text(&draft, DETAIL_AGENT, slice_of(plan_text(plan, head->agent)));
	draft_text(&draft, DETAIL_OWNER, slice_of(plan_text(plan, head->owner_name)));
	draft_text(&draft, DETAIL_WORKSPACE, slice_of(plan_text(plan, head->workspace)));
	draft_uint(&draft, DETAIL_TIER, head->tier);
	draft_uint(&draft, DETAIL_UID, head->uid);
	draft_uint(&draft, DETAIL_GID, head->gid);
	draft_uint(&draft, DETAIL_STATUS_FROM, RUN_STATUS_PENDING);
	draft_uint(&draft, DETAIL_STATUS_TO, RUN_STATUS_STARTING);
	draft_text(&draft, DETAIL_PROTECTIONS, names_of(run->in_force, names, sizeof(names)));
	if (draft.record)
		IGNORE(intake_value(draft.buf, draft.at, VALUE_ARGV,
				    slice_new(plan->argv.data, MIN(plan->argv.len, (size_t)4096)),
				    plan->argv.len) < 0); /* draft_end() tells */
	run->recorded = run_fact_end(run, RECORD_RUN_START, &draft) != 0;
}

void run_put_state(struct run *run, enum run_status from, enum run_status to, const char *reason)
{
	struct draft draft;

	if (!run_fact_begin(run, RECORD_RUN_STATE, "bailiffd", &draft))
		return;
	draft_uint(&draft, DETAIL_STATUS_FROM, from);
	draft_uint(&draft, DETAIL_STATUS_TO, to);
	draft_text(&draft, DETAIL_CAUSE, slice_of(reason));
	IGNORE(run_fact_end(run, RECORD_RUN_STATE, &draft) == 0); /* counted */
}

void run_put_heartbeat(struct run *run)
{
	struct draft draft;

	if (!run_fact_begin(run, RECORD_HEARTBEAT, "bailiffd", &draft))
		return;
	if (draft.record)
		draft.record->effect = RECORD_EFFECT_REPORTED;
	draft_uint(&draft, DETAIL_COUNT, run->beats);
	draft_text(&draft, DETAIL_MESSAGE, slice_new(run->status_text,
				strnlen(run->status_text, sizeof(run->status_text))));
	IGNORE(run_fact_end(run, RECORD_HEARTBEAT, &draft) == 0); /* counted */
}

void run_put_end(struct run *run)
{
	struct draft draft;

	if (!run_fact_begin(run, RECORD_RUN_END, "bailiffd", &draft))
		return;
	draft_uint(&draft, DETAIL_STATUS_FROM, run->status);
	draft_uint(&draft, DETAIL_STATUS_TO, run->outcome.status);
	draft_uint(&draft, DETAIL_REASON, run->outcome.cause);
	draft_text(&draft, DETAIL_CAUSE, slice_of(run_cause_name(run->outcome.cause)));
	draft_text(&draft, DETAIL_MESSAGE, slice_of(run->outcome.text));
	draft_uint(&draft, DETAIL_EXIT_CODE, (uint64_t)run->outcome.exit_code);
	draft_uint(&draft, DETAIL_RECORDS, run->records + 1);
	draft_uint(&draft, DETAIL_LOST, run->lost);
	draft_uint(&draft, DETAIL_COUNT, run->events);
	IGNORE(run_fact_end(run, RECORD_RUN_END, &draft) == 0); /* counted */
}

void run_move(struct run *run, enum run_status to, const char *reason)
{
	enum run_status from = run->status;

	if (!run_move_allowed(from, to)) {
		run_violation(run, GUARD_BYPASS, RECORD_EFFECT_PREVENTED, NULL,
			      "a move of the run's status that the table does not have",
			      slice_of(run_status_name(to)), NULL);
		return;
	}
	run->status = to;
	if (!run_status_is_terminal(to)) /* the end has its own record */
		run_put_state(run, from, to, reason);
}
