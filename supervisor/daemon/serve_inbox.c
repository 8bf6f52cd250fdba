/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox: what is asked of people, and their answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "run/moves.h"

_Static_assert(sizeof(struct approval_binding) == WIRE_BINDING_BYTES, "an answer carries the whole of it");
#define COPY(to, from) IGNORE(snprintf((to), sizeof(to), "%.*s", (int)sizeof(from), (from)) < 0)

static struct answerer answerer_of(struct client *client, const struct approval *approval, const char *code)
{
	return (struct answerer){
		.uid = client->peer.uid, .code = code,
		.role = peer_role(client->daemon, &client->peer, approval->owner_uid),
		.terminal = peer_has_terminal(client->fd, &client->peer),
	};
}

/* What this person may do with it, and sees of it: the code is for the eyes of who may type it. */
static void item_row(struct client *client, const struct approval *approval, struct wire_item *to)
{
	const struct answerer who = answerer_of(client, approval, "");
	enum approval_result may = approval_may_answer(approval, &who);
	uint64_t now = now_monotonic_ns();

	*to = (struct wire_item){
		.id = approval->id, .run = approval->binding.run, .number = approval->number,
		.state = approval->state, .type = approval->type, .priority = approval->priority,
		.role = approval->role, .count = approval->count, .votes = approval->vote_count,
		.risk = approval->risk, .owner_uid = approval->owner_uid, .claimed_by = approval->claimed_by,
		.created_ns = approval->created_realtime_ns, .text_bytes = approval->text_cut,
		.expires_in_ns = approval->binding.expires_ns == UINT64_MAX ? 0 :
				 approval->binding.expires_ns - MIN(approval->binding.expires_ns, now),
		.mine = may == RESULT_DONE && (approval->state == APPROVAL_PENDING ||
					       approval->claimed_by == client->peer.uid),
	};
	memcpy(to->binding, &approval->binding, sizeof(to->binding));
	if (who.uid == approval->owner_uid && may == RESULT_DONE)
		COPY(to->code, approval->code);
	COPY(to->agent, approval->agent);
	COPY(to->capability, approval->binding.capability);
	COPY(to->rule, approval->rule);
	COPY(to->reason, approval->reason);
	COPY(to->text, approval->text);
}

static bool answer_item(struct client *client, const struct approval *approval)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_ITEM };

	item_row(client, approval, &answer.u.item);
	return client_answer(client, &answer);
}

/* To the run's own terminal: what is asked there, and that it is answered. */
void question_show(struct daemon *daemon, const struct approval *approval)
{
	struct run *run = runs_find(&daemon->runs, &approval->binding.run);

	if (run && run->owner && run->ask_place == ASK_HERE)
		IGNORE(!answer_item(run->owner, approval)); /* gone: the run ends with it */
}

void serve_inbox(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct approvals *approvals = &client->daemon->runs.people.approvals;
	uint32_t skip = wire->cursor, sent = 0;

	(void)fds;
	for (uint32_t i = 0; i < approvals->count && sent < WIRE_ITEMS_MAX; i++) {
		const struct approval *item = &approvals->items[i];

		if (!(wire->flags & WIRE_ALL) && !approval_is_open((enum approval_state)item->state))
			continue;
		if (skip > 0) {
			skip--;
			continue;
		}
		sent++;
		if (!answer_item(client, item))
			return;
	}
	answer_done(client);
}

static void result_answer(struct client *client, const struct wire_request *wire, enum approval_result result,
			  const char *reason)
{
	const struct approval *approval = approvals_find(&client->daemon->runs.people.approvals, &wire->run);
	struct wire_answer counted = { .version = WIRE_VERSION, .kind = WIRE_COUNTED };
	struct error err = { 0 };
	char id[ULID_TEXT_LEN + 1];

	ulid_text(&wire->run, id);
	if (result >= RESULT_DONE) {
		intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, true, reason);
		if (result == RESULT_DONE) {
			answer_done(client);
			return;
		}
		counted.u.counted = (struct wire_counted){ .votes = approval->vote_count, .needed = approval->count };
		IGNORE(!client_answer(client, &counted)); /* gone: nobody is to be told */
		return;
	}
	error_say(&err, result == RESULT_UNKNOWN ? -ENOENT : -EPERM, "item %s%s%s: %s", id, approval ? " is " : "",
		  approval ? approval_state_name((enum approval_state)approval->state) : "",
		  approval_result_text(result));
	error_next(&err, result == RESULT_CODE || result == RESULT_TERMINAL
		   ? "in a terminal, `bailiff approve ID` shows the code that is to be typed"
		   : "`bailiff inbox --all` shows its state, and who may answer");
	intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, false, err.text);
	answer_error(client, &err);
}

static void serve_claim_or_release(struct client *client, const struct wire_request *wire, bool release)
{
	struct approval *approval = approvals_find(&client->daemon->runs.people.approvals, &wire->run);
	struct answerer who;

	if (!approval) {
		result_answer(client, wire, RESULT_UNKNOWN, NULL);
		return;
	}
	who = answerer_of(client, approval, "");
	result_answer(client, wire, people_claim(&client->daemon->runs, &wire->run, &who, release), NULL);
}

void serve_claim(struct client *client, const struct wire_request *wire, int *fds)
{
	(void)fds;
	serve_claim_or_release(client, wire, false);
}

void serve_release(struct client *client, const struct wire_request *wire, int *fds)
{
	(void)fds;
	serve_claim_or_release(client, wire, true);
}

/* APPROVE and DENY. */
void serve_answer(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct wire_people *people = request_people(wire);
	struct approval *approval = approvals_find(&client->daemon->runs.people.approvals, &wire->run);
	struct approval_binding seen;
	struct answerer who;

	(void)fds;
	if (!approval) {
		result_answer(client, wire, RESULT_UNKNOWN, NULL);
		return;
	}
	memcpy(&seen, people->seen, sizeof(seen));
	who = answerer_of(client, approval, people->code);
	result_answer(client, wire, people_answer(&client->daemon->runs, &wire->run, &who, &seen,
						  wire->kind == WIRE_APPROVE, wire->reason),
		      wire->reason);
}
