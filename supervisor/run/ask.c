/* SPDX-License-Identifier: Apache-2.0 */
#include "run/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/proc.h"
#include "base/text.h"
#include "run/people.h"
#include "run/run.h"

static const char code_letters[] = "23456789ABCDEFGHJKMNPQRSTVWXYZ"; /* none that looks like another */
#define CODE_LEN 4U

/* ---- those who wait ---- */

static void unlink_ask(struct ask *ask)
{
	struct ask **at = &ask->run->runs->people.asks;

	while (*at && *at != ask)
		at = &(*at)->next;
	if (*at)
		*at = ask->next;
	ask->next = NULL;
}

static bool anybody_waits(const struct runs *runs, uint32_t number)
{
	for (const struct ask *ask = runs->people.asks; ask; ask = ask->next) {
		if (ask->number == number)
			return true;
	}
	return false;
}

static bool run_waits(const struct run *run)
{
	for (const struct ask *ask = run->runs->people.asks; ask; ask = ask->next) {
		if (ask->run == run && !ask->ready)
			return true;
	}
	return false;
}

static void tell(struct ask *ask)
{
	unlink_ask(ask);
	ask->run = NULL;
	ask->answered(ask, ask->answer);
}

/* The first one that may be told: being told, it may ask again or take others away. */
static struct ask *next_ready(const struct run *run)
{
	for (struct ask *ask = run->runs->people.asks; ask; ask = ask->next) {
		if (ask->run == run && ask->ready)
			return ask;
	}
	return NULL;
}

void asks_settle(struct run *run)
{
	struct ask *ask;

	while (run->step == RUN_STEP_LIVE && !run_is_frozen(run) && (ask = next_ready(run)))
		tell(ask);
}

void asks_ended(struct run *run)
{
	struct ask *ask = run->runs->people.asks;

	while (ask) {
		struct ask *next = ask->next;

		if (ask->run == run) {
			ask->answer = ASK_CANCELLED;
			tell(ask);
			next = run->runs->people.asks;
		}
		ask = next;
	}
}

static enum ask_answer answer_of(enum approval_state state)
{
	switch (state) {
	case APPROVAL_APPROVED:
	case APPROVAL_CONSUMED:
		return ASK_APPROVED;
	case APPROVAL_EXPIRED:
		return ASK_EXPIRED;
	case APPROVAL_CANCELLED:
		return ASK_CANCELLED;
	case APPROVAL_NONE:
	case APPROVAL_PENDING:
	case APPROVAL_CLAIMED:
	case APPROVAL_REJECTED:
	case APPROVAL_STATE_COUNT:
		break;
	}
	return ASK_REJECTED;
}

/* Nothing of this run waits any more for people: it goes on, and those who waited hear of it. */
static void go_on(struct run *run)
{
	if (run->step != RUN_STEP_LIVE || run_waits(run))
		return;
	IGNORE(!run_resume(run, PAUSE_PROMPT));   /* false: it was not asked at its terminal */
	IGNORE(!run_resume(run, PAUSE_APPROVAL)); /* false: it ends */
	asks_settle(run);
}

void asks_changed(struct runs *runs, const struct approval *approval)
{
	struct run *run = runs_find(runs, &approval->binding.run);
	bool any = false;

	if (approval_is_open((enum approval_state)approval->state))
		return;
	for (struct ask *ask = runs->people.asks; ask; ask = ask->next) {
		if (ask->number != approval->number || ask->ready)
			continue;
		ask->ready = any = true;
		ask->answer = answer_of((enum approval_state)approval->state);
	}
	if (run && any)
		go_on(run);
}

void ask_forget(struct ask *ask)
{
	struct run *run = ask->run;
	struct approval *approval;

	if (!run)
		return;
	unlink_ask(ask);
	ask->run = NULL;
	approval = approvals_number(&run->runs->people.approvals, ask->number);
	if (approval && approval_is_open((enum approval_state)approval->state) &&
	    !anybody_waits(run->runs, ask->number))
		people_withdraw(run->runs, approval);
	go_on(run);
}

/* ---- asking ---- */

static void binding_of(const struct run *run, const struct ask_question *question, struct approval_binding *to)
{
	*to = (struct approval_binding){ .run = run->id, .environments = question->ruling->environments };
	memcpy(to->action, question->action, sizeof(to->action));
	if (question->inputs)
		memcpy(to->inputs, question->inputs, sizeof(to->inputs));
	memcpy(to->policy, run->plan.head->policy_digest, sizeof(to->policy));
	if (question->plan)
		to->plan = *question->plan;
	memcpy(to->capability, question->capability.data, MIN(question->capability.len, sizeof(to->capability) - 1));
}

int approval_code(char code[APPROVAL_CODE_MAX])
{
	uint8_t bytes[CODE_LEN];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	memset(code, 0, APPROVAL_CODE_MAX);
	for (size_t i = 0; i < CODE_LEN; i++)
		code[i] = code_letters[bytes[i] % (sizeof(code_letters) - 1)];
	return 0;
}

/* "user:ann". Who has no account here cannot answer here. */
static int named(const struct ask_question *question, struct approval *item)
{
	const struct govern_list *of = &question->who.of;

	for (uint32_t i = 0; i < of->count; i++) {
		struct slice word = govern_text(question->govern, question->govern->words[of->first + i]);
		char name[APPROVAL_NAME_MAX];
		uid_t uid;
		gid_t gid;

		if (word.len > 5 && memcmp(word.data, "user:", 5) == 0)
			word = slice_new(word.data + 5, word.len - 5);
		if (item->of_count >= APPROVAL_PEOPLE_MAX)
			return -E2BIG;
		if (text_copy(name, sizeof(name), word) == 0 && account_lookup(name, &uid, &gid) == 0)
			item->of[item->of_count++] = uid;
		else
			item->of[item->of_count++] = UID_NONE; /* stands for nobody; 0 of them would be everybody */
	}
	return 0;
}

static void words_of(const struct run *run, const struct ask_question *question, struct approval *item)
{
	struct slice rule = question->ruling->rule_id;

	memcpy(item->rule, rule.data ? rule.data : "", MIN(rule.len, sizeof(item->rule) - 1));
	IGNORE(snprintf(item->agent, sizeof(item->agent), "%s", plan_text(&run->plan, run->plan.head->agent)) < 0);
	IGNORE(snprintf(item->reason, sizeof(item->reason), "%.255s", question->ruling->reason) < 0);
	if (text_escape(item->text, sizeof(item->text), question->text) >= sizeof(item->text) - 4)
		item->text_cut = (uint32_t)question->text.len;
}

static int item_of(const struct run *run, const struct ask_question *question, uint64_t now_ns,
		   struct approval *ret_item)
{
	static const enum inbox_priority priorities[RISK_COUNT] = {
		[RISK_LOW] = PRIORITY_LOW, [RISK_MEDIUM] = PRIORITY_NORMAL, [RISK_HIGH] = PRIORITY_HIGH,
		[RISK_CRITICAL] = PRIORITY_CRITICAL,
	};
	const struct govern_approval *who = &question->who;
	struct approval item = {
		.state = APPROVAL_PENDING, .type = INBOX_RESUME, .risk = question->ruling->risk, .created_ns = now_ns,
		.created_realtime_ns = now_realtime_ns(), .owner_uid = run->owner_uid,
		.run_uid = run->plan.head->uid, .role = who->role, .self = who->self,
		.count = MAX(who->count, 1U), .claimed_by = UID_NONE,
	};
	int r = ulid_new(&item.id);

	item.priority = item.risk < RISK_COUNT ? priorities[item.risk] : PRIORITY_CRITICAL;
	binding_of(run, question, &item.binding);
	item.binding.uses = MAX(who->uses, 1U);
	if (__builtin_add_overflow(now_ns, who->ttl_ns, &item.binding.expires_ns))
		item.binding.expires_ns = UINT64_MAX - 1;
	if (r == 0 && getrandom(item.binding.nonce, sizeof(item.binding.nonce), 0) !=
			      (ssize_t)sizeof(item.binding.nonce))
		r = -EIO;
	if (r == 0)
		r = approval_code(item.code);
	if (r == 0)
		r = named(question, &item);
	words_of(run, question, &item);
	if (r == 0)
		*ret_item = item;
	return r;
}

static int nobody(struct error *err, const char *why, const char *next)
{
	error_say(err, -EACCES, "approval is needed, and there is nobody to ask: %s", why);
	error_next(err, "%s", next);
	return -EACCES;
}

static int could_be_asked(const struct run *run, const struct approval *item, struct error *err)
{
	if (run->ask_place == ASK_NOWHERE)
		return nobody(err, "`--ask` was given, and the run has no terminal",
			      "run it in a terminal, or without `--ask`: then `bailiff inbox` shows what it asks");
	if (item->count > APPROVAL_PEOPLE_MAX)
		return nobody(err, "more votes are wanted than are counted", "lower `approvals.*.count` in the policy");
	if (!roles_could_answer(&run->runs->people.roles, item))
		return nobody(err, "no user of this host has the role, or only the one who asks",
			      "start the run as another user than the one who is to answer, or let the policy say "
			      "`self: true`");
	return 0;
}

/* People were asked about this very action, and it is tried again. */
static int already_refused(const struct approval *refused, struct error *err)
{
	bool rejected = refused->state == APPROVAL_REJECTED;

	error_say(err, rejected ? -EKEYREJECTED : -ETIME, "%s%s%s", rejected ? "it was rejected" : "nobody answered in time",
		  rejected && refused->reason[0] ? ": " : "", rejected ? refused->reason : "");
	return error_next(err, "do not retry: the same action is asked about again after a minute");
}

static int find_or_add(struct run *run, const struct ask_question *question, struct approval **ret_item,
		       struct error *err)
{
	uint64_t now = now_monotonic_ns();
	const struct approval *refused;
	struct approval_binding binding;
	struct approval item;
	int r;

	binding_of(run, question, &binding);
	*ret_item = approvals_same(&run->runs->people.approvals, &binding);
	if (*ret_item && approval_is_open((enum approval_state)(*ret_item)->state))
		return 0;
	refused = approvals_refused(&run->runs->people.approvals, &binding, now);
	if (refused)
		return already_refused(refused, err);
	r = item_of(run, question, now, &item);
	if (r < 0)
		return error_set(err, r, "make the question");
	r = could_be_asked(run, &item, err);
	if (r < 0)
		return r;
	r = people_add(run->runs, &item, ret_item);
	if (r < 0) {
		error_say(err, r, "too many questions of this run are open");
		error_next(err, "answer some: `bailiff inbox`");
	}
	return r;
}

int ask_people(struct run *run, const struct ask_question *question, struct ask *ask, struct error *err)
{
	struct approval *item = NULL;
	char id[ULID_TEXT_LEN + 1], notice[WIRE_TEXT_MAX];
	int r;

	if (run->step != RUN_STEP_LIVE) {
		error_say(err, -EACCES, "the run is ending");
		error_next(err, "nothing more is asked");
		return -EACCES;
	}
	/* Frozen before the question stands at the terminal. */
	if (run->ask_place == ASK_HERE)
		IGNORE(!run_pause(run, PAUSE_PROMPT)); /* false: another call is asked about already */
	r = find_or_add(run, question, &item, err);
	if (r < 0) {
		go_on(run);
		return r;
	}
	ask->run = run;
	ask->number = item->number;
	ask->ready = false;
	ask->next = run->runs->people.asks;
	run->runs->people.asks = ask;
	IGNORE(!run_pause(run, PAUSE_APPROVAL)); /* as above */
	if (run->ask_place == ASK_HERE)
		return 0;
	ulid_text(&item->id, id);
	IGNORE(snprintf(notice, sizeof(notice), "%.600s is held until somebody approves it; next: `bailiff approve %s`",
			item->text, id + ULID_TEXT_LEN - 8) < 0); /* cut */
	run->runs->callbacks.notice(run->runs->callbacks.ctx, run, notice);
	return 0;
}

/* ---- rights ---- */

uint32_t grants_fill(struct run *run, uint64_t now_ns, struct grant *to, uint32_t max)
{
	struct people *people = &run->runs->people;
	uint32_t count = 0;

	for (uint32_t i = 0; i < people->approvals.count && count < max; i++) {
		const struct approval *item = &people->approvals.items[i];
		const struct approval_binding *binding = &item->binding;

		if (item->state != APPROVAL_APPROVED || now_ns >= binding->expires_ns ||
		    memcmp(&binding->run, &run->id, sizeof(run->id)) != 0)
			continue;
		to[count] = (struct grant){ .kind = GRANT_APPROVAL, .id = item->number,
					    .uses = (uint16_t)MIN(binding->uses - item->used, UINT16_MAX),
					    .expires_ns = binding->expires_ns, .max_risk = RISK_CRITICAL };
		memcpy(to[count++].digest, binding->action, sizeof(binding->action));
	}
	for (uint32_t i = 0; i < people->waivers.count && count < max; i++) {
		const struct waiver *waiver = &people->waivers.items[i];

		if (waiver->state != WAIVER_GRANTED || now_ns >= waiver->expires_ns ||
		    memcmp(&waiver->run, &run->id, sizeof(run->id)) != 0)
			continue;
		to[count] = (struct grant){ .kind = GRANT_WAIVER, .id = waiver->number, .uses = 1,
					    .expires_ns = waiver->expires_ns, .rule = slice_of(waiver->rule) };
		memcpy(to[count++].digest, waiver->action, sizeof(waiver->action));
	}
	return count;
}

bool grant_name(const struct run *run, const struct ruling *ruling, char to[ULID_TEXT_LEN + 1])
{
	struct people *people = &run->runs->people;
	const struct waiver *waiver = ruling->waiver ? waivers_number(&people->waivers, ruling->waiver) : NULL;
	const struct approval *item = ruling->grant ? approvals_number(&people->approvals, ruling->grant) : NULL;

	if (!waiver && !item)
		return false;
	ulid_text(waiver ? &waiver->id : &item->id, to);
	return true;
}

static void spend_durable(struct outbox_wait *wait)
{
	struct spend *spend = container_of(wait, struct spend, wait);

	spend->run = NULL;
	spend->spent(spend, true);
}

static uint64_t spend_approval(struct run *run, const struct ask_question *action, uint64_t now_ns)
{
	struct approval *item = approvals_number(&run->runs->people.approvals, action->ruling->grant);
	struct approval_binding binding;

	binding_of(run, action, &binding);
	return item && approval_consume(item, &binding, now_ns) ? people_used(run->runs, item) : 0;
}

static uint64_t spend_waiver(struct run *run, const struct ask_question *action, uint64_t now_ns)
{
	struct waiver *waiver = waivers_number(&run->runs->people.waivers, action->ruling->waiver);

	return waiver && waiver_consume(waiver, &run->id, action->action, now_ns) ?
	       people_put_waiver(run, waiver, WAIVER_GRANTED, "bailiffd", "") : 0;
}

int grant_spend(struct run *run, const struct ask_question *action, struct spend *spend)
{
	const struct ruling *ruling = action->ruling;
	uint64_t now = now_monotonic_ns(), cursor = 0;

	/* A use that cannot be recorded is none: what was taken is gone, and the action is denied. */
	if (ruling->waiver)
		cursor = spend_waiver(run, action, now);
	if (ruling->grant && (cursor || !ruling->waiver))
		cursor = spend_approval(run, action, now);
	if (cursor == 0)
		return -ENOENT;
	spend->run = run;
	outbox_flush(run->runs->outbox);
	outbox_wait_for(run->runs->outbox, &spend->wait, cursor, spend_durable);
	return 0;
}

void spend_cancel(struct spend *spend)
{
	if (spend->run)
		outbox_wait_cancel(spend->run->runs->outbox, &spend->wait);
	spend->run = NULL;
}
