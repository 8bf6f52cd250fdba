/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and the record of what they asked. */
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "run/record.h"

enum role peer_role(const struct daemon *daemon, const struct peer *peer, uid_t owner)
{
	enum role role = role_of(&daemon->runs.people.roles, peer->uid, peer->gid, peer->groups, peer->group_count);

	return owner == peer->uid ? MAX(role, ROLE_OPERATOR) : role;
}

/* Of a run, of an item, or of the overlay that a run left. */
static uid_t owner_of(struct daemon *daemon, const struct ulid *id)
{
	const struct run *run = id ? runs_find(&daemon->runs, id) : NULL;
	const struct approval *item = id && !run ? approvals_find(&daemon->runs.people.approvals, id) : NULL;

	if (run)
		return run->owner_uid;
	if (item)
		return item->owner_uid;
	return id ? workspace_owner(&daemon->workspaces, id) : UID_NONE;
}

void intervention_record(struct daemon *daemon, const struct peer *peer, const char *verb,
			 const struct ulid *run, bool allowed, const char *reason)
{
	struct record_frame frame = record_frame_now(NULL);
	struct buf *buf = outbox_begin(daemon->outbox, RECORD_INTERVENTION);
	struct draft draft;
	char by[INTAKE_BY_MAX], subject[ULID_TEXT_LEN + 1] = "";

	if (!buf)
		return; /* counted, becomes a gap */
	draft = draft_begin(buf, RECORD_INTERVENTION, &frame, NULL);
	IGNORE(snprintf(by, sizeof(by), "uid:%u", peer->uid) < 0);
	draft_by(&draft, by);
	if (draft.record)
		draft.record->verdict = allowed ? RECORD_VERDICT_NONE : RECORD_VERDICT_DENY;
	/* Named, not joined: the run may be one that the ledger has not seen, or somebody's guess. */
	if (run)
		ulid_text(run, subject);
	draft_text(&draft, DETAIL_SUBJECT, slice_of(subject));
	draft_text(&draft, DETAIL_VERB, slice_of(verb));
	draft_text(&draft, DETAIL_CHANNEL, slice_of("local"));
	draft_text(&draft, DETAIL_ROLE, slice_of(role_name(peer_role(daemon, peer, owner_of(daemon, run)))));
	draft_uint(&draft, DETAIL_UID, peer->uid);
	draft_text(&draft, DETAIL_REASON, slice_of(reason ? reason : ""));
	IGNORE(outbox_put(daemon->outbox, RECORD_INTERVENTION, draft_end(&draft)) == 0); /* counted */
}

enum requester requester_of(struct client *client, const struct wire_request *wire)
{
	static const enum requester of_role[ROLE_COUNT] = {
		[ROLE_NONE] = REQUESTER_NONE, [ROLE_VIEWER] = REQUESTER_VIEWER,
		[ROLE_OPERATOR] = REQUESTER_OPERATOR, [ROLE_ADMIN] = REQUESTER_ADMIN,
	};
	enum requester requester = of_role[peer_role(client->daemon, &client->peer, UID_NONE)];
	bool owner = !ulid_is_zero(&wire->run) && owner_of(client->daemon, &wire->run) == client->peer.uid;

	return owner ? MAX(requester, REQUESTER_OWNER) : requester;
}
