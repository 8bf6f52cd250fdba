/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of what people decide. Where the run is over already, its record names it and does not join its chain. */
#include <stdio.h>
#include <string.h>

#include "run/people.h"
#include "run/run.h"

static struct run *joined(struct runs *runs, const struct ulid *id)
{
	struct run *run = ulid_is_zero(id) ? NULL : runs_find(runs, id);

	return run && run->recorded && run->step != RUN_STEP_CLOSING ? run : NULL;
}

static bool begin(struct runs *runs, enum record_kind kind, const struct ulid *id, const char *by, struct draft *draft)
{
	struct run *run = joined(runs, id);
	struct record_frame frame = record_frame_now(run ? id : NULL);
	struct buf *buf = outbox_begin(runs->outbox, kind);
	char subject[ULID_TEXT_LEN + 1];

	if (!buf) {
		if (run)
			run->lost++;
		return false; /* counted, becomes a gap */
	}
	*draft = draft_begin(buf, kind, &frame, NULL);
	draft_by(draft, by);
	ulid_text(id, subject);
	if (!run && !ulid_is_zero(id))
		draft_text(draft, DETAIL_SUBJECT, slice_of(subject));
	return true;
}

static uint64_t finish(struct runs *runs, enum record_kind kind, const struct ulid *id, struct draft *draft)
{
	struct run *run = joined(runs, id);
	uint64_t cursor = outbox_put(runs->outbox, kind, draft_end(draft));

	if (run && cursor == 0)
		run->lost++;
	else if (run)
		run->records++;
	return cursor;
}

static void put_id(struct draft *draft, const struct ulid *id)
{
	char text[ULID_TEXT_LEN + 1];

	ulid_text(id, text);
	draft_text(draft, DETAIL_ID, slice_of(text));
}

static enum record_verdict verdict_of(enum approval_state state)
{
	if (approval_is_open(state))
		return RECORD_VERDICT_HELD;
	return state == APPROVAL_APPROVED || state == APPROVAL_CONSUMED ? RECORD_VERDICT_NONE : RECORD_VERDICT_DENY;
}

static uint64_t put_approval(struct runs *runs, const struct approval *approval, enum approval_state from,
			     const char *by)
{
	const struct approval_binding *binding = &approval->binding;
	enum approval_state to = (enum approval_state)approval->state;
	struct draft draft;

	if (!begin(runs, RECORD_APPROVAL, &binding->run, by, &draft))
		return 0;
	if (draft.record)
		draft.record->verdict = (uint8_t)verdict_of(to);
	draft_rule(&draft, slice_of(approval->rule));
	put_id(&draft, &approval->id);
	draft_text(&draft, DETAIL_TYPE, slice_of(inbox_type_name((enum inbox_type)approval->type)));
	if (from != APPROVAL_NONE)
		draft_text(&draft, DETAIL_STATE_FROM, slice_of(approval_state_name(from)));
	draft_text(&draft, DETAIL_STATE_TO, slice_of(approval_state_name(to)));
	draft_text(&draft, DETAIL_CAPABILITY, slice_of(binding->capability));
	draft_text(&draft, DETAIL_AGENT, slice_of(approval->agent));
	draft_text(&draft, DETAIL_REASON, slice_of(approval->reason));
	draft_bytes(&draft, DETAIL_DIGEST, binding->action, sizeof(binding->action));
	draft_bytes(&draft, DETAIL_POLICY_DIGEST, binding->policy, sizeof(binding->policy));
	draft_uint(&draft, DETAIL_VOTES, approval->vote_count);
	draft_uint(&draft, DETAIL_NEEDED, approval->count);
	/* argv may carry a secret: the ledger scrubs values, and only a commitment is in the record. */
	if (draft.record && from == APPROVAL_NONE)
		IGNORE(intake_value(draft.buf, draft.at, VALUE_TEXT, slice_of(approval->text),
				    strlen(approval->text)) < 0); /* draft_end() tells */
	return finish(runs, RECORD_APPROVAL, &binding->run, &draft);
}

void people_put_approval(struct runs *runs, const struct approval *approval, enum approval_state from,
			 const char *by)
{
	IGNORE(put_approval(runs, approval, from, by) == 0); /* counted */
}

uint64_t people_put_use(struct runs *runs, const struct approval *approval)
{
	return put_approval(runs, approval, APPROVAL_APPROVED, "bailiffd");
}

uint64_t people_put_waiver(struct run *run, const struct waiver *waiver, enum waiver_state from, const char *by,
			   const char *reason)
{
	struct draft draft;

	if (!begin(run->runs, RECORD_WAIVER, &run->id, by, &draft))
		return 0;
	draft_rule(&draft, slice_of(waiver->rule));
	put_id(&draft, &waiver->id);
	if (from != WAIVER_NONE)
		draft_text(&draft, DETAIL_STATE_FROM, slice_of(waiver_state_name(from)));
	draft_text(&draft, DETAIL_STATE_TO, slice_of(waiver_state_name((enum waiver_state)waiver->state)));
	draft_bytes(&draft, DETAIL_DIGEST, waiver->action, sizeof(waiver->action));
	draft_text(&draft, DETAIL_REASON_CODE, slice_of(reason_code_name(waiver->reason_code)));
	draft_text(&draft, DETAIL_REASON, slice_of(reason));
	return finish(run->runs, RECORD_WAIVER, &run->id, &draft);
}

void people_put_kill(struct runs *runs, const struct kill_target *target, bool tripped, const char *by,
		     const char *reason, const struct kill_count *count)
{
	static const struct ulid none;
	char scope[KILL_AGENT_MAX + 16];
	struct draft draft;

	if (!begin(runs, RECORD_KILL_SWITCH, &none, by, &draft))
		return;
	kill_target_text(target, scope, sizeof(scope));
	draft_text(&draft, DETAIL_SUBJECT, slice_of(scope));
	draft_text(&draft, DETAIL_STATE_TO, slice_of(tripped ? "TRIPPED" : "ARMED"));
	draft_text(&draft, DETAIL_REASON, slice_of(reason));
	draft_uint(&draft, DETAIL_COUNT, count->frozen + count->stopped);
	draft_uint(&draft, DETAIL_KILLED, count->revoked);
	IGNORE(finish(runs, RECORD_KILL_SWITCH, &none, &draft) == 0); /* counted */
}
