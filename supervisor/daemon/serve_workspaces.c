/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about overlay workspaces. The supervisor hands out descriptors and keeps the account; what
 * is in a layer is judged and written back by whoever asked, with his own rights. */
#include <errno.h>
#include <stdio.h>

#include "daemon/daemon.h"
#include "run/record.h"

#define EXIT_NONE 1
#define EXIT_REFUSED 122

static void answer_none(struct client *client, const struct ulid *run, int code)
{
	struct error err = { 0 };
	char text[ULID_TEXT_LEN + 1];

	ulid_text(run, text);
	if (code == -ENOENT)
		error_say(&err, code, "nothing is kept of run %s: it had no overlay, changed nothing, or was "
			  "committed or rolled back", text);
	else
		error_set(&err, code, "open what is kept of run %s", text);
	error_next(&err, "`bailiff changes` lists what is kept");
	IGNORE(error_exit(&err, code == -ENOENT ? EXIT_NONE : EXIT_REFUSED) == 0); /* returns err.code */
	answer_error(client, &err);
}

static void answer_live(struct client *client, const char *verb)
{
	struct error err = { 0 };

	error_say(&err, -EBUSY, "the run is not over, so its changes cannot be %s yet", verb);
	error_next(&err, "wait for its end, or stop it with `bailiff revoke`");
	IGNORE(error_exit(&err, EXIT_REFUSED) == 0); /* returns err.code */
	answer_error(client, &err);
}

/* ---- list ---- */

struct listing {
	struct client *client;
	uint32_t skip, sent;
};

static bool row_of(const struct client *client, const struct ulid *run, struct wire_answer *answer)
{
	struct daemon *daemon = client->daemon;

	*answer = (struct wire_answer){ .version = WIRE_VERSION, .kind = WIRE_WORKSPACE_ROW };
	if (workspace_row(&daemon->workspaces, run, &answer->u.workspace) < 0)
		return false;
	answer->u.workspace.live = runs_find(&daemon->runs, run) != NULL;
	return client->peer.uid == 0 || client->peer.uid == answer->u.workspace.owner_uid;
}

static bool list_one(void *ctx, const struct ulid *run)
{
	struct listing *listing = ctx;
	struct wire_answer answer;

	if (!row_of(listing->client, run, &answer))
		return true;
	if (listing->skip > 0) {
		listing->skip--;
		return true;
	}
	listing->sent++;
	return client_answer(listing->client, &answer) && listing->sent < WIRE_RUNS_MAX;
}

void serve_workspaces(struct client *client, const struct wire_request *wire, int *fds)
{
	struct listing listing = { .client = client, .skip = wire->cursor };

	(void)fds;
	/* A folder that cannot be read has nothing to list; the supervisor's start would have failed. */
	IGNORE(workspaces_each(&client->daemon->workspaces, list_one, &listing) < 0);
	if (client->daemon)
		answer_done(client);
}

/* ---- one ---- */

void serve_workspace(struct client *client, const struct wire_request *wire, int *fds)
{
	struct daemon *daemon = client->daemon;
	bool commit = wire->flags & WIRE_COMMIT;
	struct wire_answer answer;
	int handed[WORKSPACE_FDS], count;

	(void)fds;
	if (commit && runs_find(&daemon->runs, &wire->run)) {
		answer_live(client, "committed");
		return;
	}
	/* Asked again: the owner was found in it before this request was permitted. */
	if (!row_of(client, &wire->run, &answer)) {
		answer_none(client, &wire->run, -ENOENT);
		return;
	}
	count = workspace_hand_out(&daemon->workspaces, &wire->run, handed);
	if (count < 0) {
		answer_none(client, &wire->run, count);
		return;
	}
	if (commit)
		intervention_record(daemon, &client->peer, "commit", &wire->run, true, NULL);
	/* Gone: nobody is to be told. */
	IGNORE(!client_answer_fds(client, &answer, handed, (size_t)count));
	for (int i = 0; i < count; i++)
		fd_close(handed[i]);
}

/* What became of the changes, as told by who did it. */
static void record_settled(struct daemon *daemon, const struct wire_workspace_row *row, const char *verb,
			   const struct peer *peer, const char *text)
{
	struct record_frame frame = record_frame_now(NULL);
	struct buf *buf = outbox_begin(daemon->outbox, RECORD_WORKSPACE);
	char by[INTAKE_BY_MAX], run[ULID_TEXT_LEN + 1];
	struct draft draft;

	if (!buf)
		return; /* counted, becomes a gap */
	draft = draft_begin(buf, RECORD_WORKSPACE, &frame, NULL);
	IGNORE(snprintf(by, sizeof(by), "uid:%u", peer->uid) < 0);
	draft_by(&draft, by);
	if (draft.record)
		draft.record->effect = RECORD_EFFECT_REPORTED;
	draft_obj(&draft, slice_of(row->workspace));
	ulid_text(&row->run, run);
	draft_text(&draft, DETAIL_SUBJECT, slice_of(run));
	draft_text(&draft, DETAIL_VERB, slice_of(verb));
	draft_text(&draft, DETAIL_MESSAGE, slice_of(text));
	IGNORE(outbox_put(daemon->outbox, RECORD_WORKSPACE, draft_end(&draft)) == 0); /* counted */
	outbox_flush(daemon->outbox);
}

void serve_settle(struct client *client, const struct wire_request *wire, int *fds)
{
	struct daemon *daemon = client->daemon;
	const char *verb = wire->flags & WIRE_COMMIT ? "commit" : "rollback";
	struct wire_workspace_row row;
	int r;

	(void)fds;
	if (runs_find(&daemon->runs, &wire->run)) {
		answer_live(client, wire->flags & WIRE_COMMIT ? "committed" : "rolled back");
		return;
	}
	r = workspace_row(&daemon->workspaces, &wire->run, &row);
	if (r == -ENOENT) {
		answer_none(client, &wire->run, r);
		return;
	}
	/* Damaged: whoever may say so (root) still gets rid of it. */
	if (r < 0)
		row = (struct wire_workspace_row){ .run = wire->run };
	if (!(wire->flags & WIRE_COMMIT))
		intervention_record(daemon, &client->peer, verb, &wire->run, true, wire->reason);
	record_settled(daemon, &row, verb, &client->peer, wire->reason);
	if (!(wire->flags & WIRE_KEEP))
		workspace_drop(&daemon->workspaces, &wire->run);
	answer_done(client);
}
