/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/render_people.h"

#include "ledger/intake.h"
#include "ledger/record.h"

static void say(struct buf *buf, const char *text)
{
	IGNORE(buf_text(buf, text) < 0); /* remembered in buf->failed */
}

/* Behind `before`, when it is there. */
static void say_text(struct buf *buf, const char *before, const struct record *record, enum detail_key key)
{
	struct slice text = record_bytes(record, key);

	if (text.len == 0)
		return;
	say(buf, before);
	render_text(buf, text);
}

/* What an approval is about: a capability, or the type of its item. */
static void say_subject(struct buf *buf, const struct record *record)
{
	bool named = record_bytes(record, DETAIL_CAPABILITY).len > 0;

	say_text(buf, "", record, named ? DETAIL_CAPABILITY : DETAIL_TYPE);
}

/* By the state that it has now. Who: the sentence begins with them. */
static const struct { const char *state; bool who; const char *before, *behind; } answers[] = {
	{ "PENDING", false, "people are asked about ", "" },
	{ "CLAIMED", true, " claimed the question about ", "" },
	{ "APPROVED", true, " approved ", "" },
	{ "REJECTED", true, " denied ", "" },
	{ "EXPIRED", false, "nobody answered in time about ", "" },
	{ "CANCELLED", false, "the question about ", " was withdrawn" },
	{ "CONSUMED", false, "the approval of ", " was used" },
};

static void say_approval(struct buf *buf, const struct record *record)
{
	struct slice state = record_bytes(record, DETAIL_STATE_TO);

	for (size_t i = 0; i < COUNT(answers); i++) {
		if (!slice_is(state, answers[i].state))
			continue;
		if (answers[i].who)
			render_text(buf, record->by);
		say(buf, answers[i].before);
		say_subject(buf, record);
		say(buf, answers[i].behind);
	}
	say_text(buf, ": ", record, DETAIL_REASON);
}

static void say_waiver(struct buf *buf, const struct record *record)
{
	struct slice state = record_bytes(record, DETAIL_STATE_TO);
	bool granted = slice_is(state, "GRANTED");

	if (granted)
		render_text(buf, record->by);
	say(buf, granted ? " granted a waiver of " : "the waiver of ");
	render_text(buf, record->rule);
	if (!granted)
		say(buf, slice_is(state, "CONSUMED") ? " was used" : slice_is(state, "EXPIRED") ? " expired" : " was withdrawn");
	say_text(buf, ": ", record, DETAIL_REASON);
}

static void say_kill_switch(struct buf *buf, const struct record *record)
{
	render_text(buf, record->by);
	say(buf, slice_is(record_bytes(record, DETAIL_STATE_TO), "ARMED") ? " reset the kill switch" :
									  " tripped the kill switch");
	say_text(buf, " for ", record, DETAIL_SUBJECT);
	say_text(buf, ": ", record, DETAIL_REASON);
}

void render_people(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	if (record->kind == RECORD_APPROVAL)
		say_approval(buf, record);
	else if (record->kind == RECORD_WAIVER)
		say_waiver(buf, record);
	else
		say_kill_switch(buf, record);
}
