/* SPDX-License-Identifier: Apache-2.0 */
/* What is done for a request. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fdpass.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "run/moves.h"
#include "run/record.h"

#define EXIT_REFUSED 122

void answer_error(struct client *client, const struct error *err)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_ERROR };

	answer.u.error.code = err->code < 0 ? err->code : -EINVAL;
	answer.u.error.exit_code = err->exit_code ? err->exit_code : EXIT_REFUSED;
	IGNORE(snprintf(answer.u.error.text, sizeof(answer.u.error.text), "%s", err->text) < 0);
	IGNORE(snprintf(answer.u.error.next, sizeof(answer.u.error.next), "%s", err->next) < 0);
	IGNORE(!client_answer(client, &answer)); /* gone: then nobody is to be told */
}

void answer_done(struct client *client)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_DONE };

	IGNORE(!client_answer(client, &answer)); /* as above */
}

/* ---- run ---- */

static int stdio_check(int fd, const char *name, struct error *err)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "look at the command's %s", name);
	/* A directory or block device would be a way out of the sandbox. */
	if (!(flags & O_PATH) && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) ||
				  S_ISCHR(st.st_mode) || S_ISSOCK(st.st_mode)))
		return 0;
	error_say(err, -EPERM, "the command's %s is neither a terminal, pipe, file nor socket", name);
	error_next(err, "redirect it, for example from or to /dev/null");
	return error_exit(err, EXIT_REFUSED);
}

static int gates(const struct daemon *daemon, const struct client *client, struct error *err)
{
	if (client->run) {
		error_say(err, -EBUSY, "this connection has a run already");
		error_next(err, "open another connection");
		return error_exit(err, EXIT_REFUSED);
	}
	if (daemon->stopping)
		error_say(err, -ESHUTDOWN, "HEALTH: the supervisor is being stopped");
	else if (scribe_is_down(&daemon->scribe))
		error_say(err, -EIO, "HEALTH: the ledger cannot be written, so no run may start");
	else if (outbox_full(daemon->outbox))
		error_say(err, -ENOSPC, "HEALTH: the ledger's disk is full, so no run may start");
	else
		return 0;
	error_next(err, daemon->stopping ? "start it again" : "look at the supervisor's log; is the disk full? "
								"It goes on by itself when it can write again");
	return error_exit(err, EXIT_REFUSED);
}

/* How many runs one agent of one owner may have at the same time. */
static int concurrency(const struct daemon *daemon, const struct plan *plan, struct error *err)
{
	const char *agent = plan_text(plan, plan->head->agent);
	uint32_t live = 0;

	for (size_t i = 0; i < RUNS_MAX; i++) {
		const struct run *run = daemon->runs.slots[i];

		live += run && run->plan.head->owner_uid == plan->head->owner_uid &&
			strcmp(plan_text(&run->plan, run->plan.head->agent), agent) == 0;
	}
	if (plan->head->max_concurrent == 0 || live < plan->head->max_concurrent)
		return 0;
	error_say(err, -EBUSY, "agent '%s' has %u runs already, as many as `agent.max_concurrent` allows",
		  agent, live);
	error_next(err, "wait for one to end (`bailiff ps`), or raise it in the policy");
	return error_exit(err, EXIT_REFUSED);
}

static int kill_switch_gate(const struct daemon *daemon, const struct plan *plan, struct error *err)
{
	const char *agent = plan_text(plan, plan->head->agent);
	const struct kill_entry *entry = kill_switch_covers(&daemon->runs.people.kill_switch, agent, NULL);
	char scope[KILL_AGENT_MAX + 16];

	if (!entry)
		return 0;
	kill_target_text(&entry->target, scope, sizeof(scope));
	error_say(err, -EPERM, "KILL_SWITCH: it is tripped for %s by uid:%u: %s", scope, entry->uid, entry->reason);
	error_next(err, "an admin resets it: `bailiff kill-switch reset`");
	return error_exit(err, EXIT_REFUSED);
}

static int lease_gate(const struct daemon *daemon, const struct plan *plan, struct error *err)
{
	const struct run *holder = lease_holder(&daemon->runs, plan);
	char resource[LEASE_RESOURCE_MAX], shown[256], id[ULID_TEXT_LEN + 1];

	if (!holder)
		return 0;
	IGNORE(!lease_resource(plan, resource)); /* it has one, or there were no holder */
	text_escape(shown, sizeof(shown), slice_of(resource));
	ulid_text(&holder->id, id);
	error_say(err, -EBUSY, "LEASE: %s is held by run %s of agent '%s'", shown, id,
		  plan_text(&holder->plan, holder->plan.head->agent));
	error_next(err, "wait for it to end (`bailiff ps`), or an admin ends it: `bailiff revoke %s`", id);
	return error_exit(err, EXIT_REFUSED);
}

static int start(struct client *client, const struct wire_request *wire, int *fds, struct error *err)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	struct daemon *daemon = client->daemon;
	const uint32_t flags = wire->flags;
	struct plan plan = { 0 };
	struct run_request request = {
		.plan = &plan, .plan_fd = &fds[0], .session_fd = &fds[4],
		.stdio = { fds[1], fds[2], fds[3] },
		.workspace_fd = FD_NONE, .owner_uid = client->peer.uid, .owner = client,
		.ask_place = flags & WIRE_ASK ? ASK_HERE : flags & WIRE_ASK_NOWHERE ? ASK_NOWHERE : ASK_INBOX,
	};
	auto_close int workspace_fd = FD_NONE;
	int r = gates(daemon, client, err);

	for (size_t i = 0; i < COUNT(names) && r == 0; i++)
		r = stdio_check(fds[1 + i], names[i], err);
	if (r == 0)
		r = plan_map(fds[0], &plan, err);
	if (r < 0)
		return r;
	r = plan_check_peer(&plan, client->peer.uid, client->peer.gid, client->peer.groups,
			    client->peer.group_count, err);
	if (r == 0)
		r = ceiling_gate(daemon, &plan, err);
	if (r == 0)
		r = concurrency(daemon, &plan, err);
	if (r == 0)
		r = kill_switch_gate(daemon, &plan, err);
	if (r == 0)
		r = lease_gate(daemon, &plan, err);
	/* Last: it counts what it lets through. */
	if (r == 0)
		r = agents_gate(daemon, &plan, err);
	if (r == 0)
		r = task_gate(daemon, &plan, wire->reason, err);
	if (r == 0 && runs_id_next(&daemon->runs, plan.head->network_mode != NETWORK_HOST, &request.id) < 0)
		r = error_set(err, -EIO, "make the run's id");
	if (r == 0 && plan.head->workspace_mode == WORKSPACE_OVERLAY)
		r = workspace_make(&daemon->workspaces, &request.id, &workspace_fd, err);
	if (r == 0)
		r = task_mark_run(daemon, &request.id, wire->reason, plan.head->owner_uid, err);
	request.workspace_fd = workspace_fd;
	if (r == 0)
		r = run_start(&daemon->runs, &request, &client->run, err);
	if (r < 0 && workspace_fd != FD_NONE)
		workspace_drop(&daemon->workspaces, &request.id);
	if (r < 0)
		runs_id_drop(&daemon->runs, &request.id);
	if (plan.head)
		plan_unmap(&plan);
	return r;
}

static void serve_run(struct client *client, const struct wire_request *wire, int *fds)
{
	struct daemon *daemon = client->daemon;
	struct error err = { 0 };
	int r = start(client, wire, fds, &err);
	char task[WIRE_REASON_MAX + 8] = "";

	if (wire->reason[0])
		IGNORE(snprintf(task, sizeof(task), "task %s", wire->reason) < 0);
	intervention_record(daemon, &client->peer, "run", r == 0 ? &client->run->id : NULL, r == 0,
			    r < 0 ? err.text : task[0] ? task : wire->flags & WIRE_DETACHED ? "detached" : NULL);
	if (r == 0) {
		run_foretell(client->run);
		return; /* STARTED or ENDED follow */
	}
	log_info("run_refused", "uid=%u reason=\"%s\"", client->peer.uid, err.text);
	answer_error(client, &err);
}

void requests_started(void *ctx, struct run *run)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_STARTED };
	const struct plan_head *head = run->plan.head;
	struct client *client = run->owner;

	(void)ctx;
	answer.u.started = (struct wire_started){
		.run = run->id, .in_force = run->in_force, .missing = head->prefer & ~run->in_force,
		.landlock_abi = run->landlock_abi, .network_mode = head->network_mode,
		.watch_tier = run->runs->features->watch_tier,
		.workspace_mode = head->workspace_mode,
	};
	IGNORE(snprintf(answer.u.started.policy_name, sizeof(answer.u.started.policy_name), "%s",
			plan_text(&run->plan, head->policy_name)) < 0);
	IGNORE(snprintf(answer.u.started.agent, sizeof(answer.u.started.agent), "%s",
			plan_text(&run->plan, head->agent)) < 0);
	if (client)
		IGNORE(!client_answer(client, &answer)); /* gone: client_close() stopped the run */
}

void requests_notice(void *ctx, struct run *run, const char *text)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_NOTICE };
	struct client *client = run->owner;

	(void)ctx;
	IGNORE(snprintf(answer.u.notice, sizeof(answer.u.notice), "%s", text) < 0);
	if (client && run->started)
		IGNORE(!client_answer(client, &answer)); /* as above */
}

/* A start that failed: the part before "; next:" is the text. */
static void answer_not_started(struct client *client, const struct run *run)
{
	struct error err = { 0 };
	const char *next = strstr(run->outcome.text, "; next: ");
	size_t len = next ? (size_t)(next - run->outcome.text) : strlen(run->outcome.text);

	error_say(&err, -ECANCELED, "%.*s", (int)len, run->outcome.text);
	error_next(&err, "%s", next ? next + strlen("; next: ") : "`bailiff doctor`");
	IGNORE(error_exit(&err, run->outcome.exit_code) == 0); /* returns err.code */
	answer_error(client, &err);
}

static void answer_waiters(struct daemon *daemon, const struct run *run)
{
	for (size_t i = 0; i < DAEMON_CLIENTS_MAX; i++) {
		struct client *client = &daemon->clients[i];

		if (!client->daemon || !client->waits ||
		    memcmp(&client->waits_for, &run->id, sizeof(run->id)) != 0)
			continue;
		client->waits = false;
		answer_done(client);
	}
}

void requests_ended(void *ctx, struct run *run)
{
	struct daemon *daemon = ctx;
	struct client *client = run->owner;
	struct wire_run_row *row = &daemon->history[daemon->history_count++ % DAEMON_HISTORY];
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_ENDED };

	run_row(run, row);
	row->ended_ns = now_realtime_ns();
	row->processes = 0;
	agents_ended(daemon, run);
	if (client) {
		client->run = NULL;
		run->owner = NULL;
		run_ended(run, &answer.u.ended);
		if (run->started)
			IGNORE(!client_answer(client, &answer)); /* gone: nobody is to be told */
		else
			answer_not_started(client, run);
	}
	answer_waiters(daemon, run);
	/* Behind the answers: it may fork. What is asked next is served after this. */
	if (run->plan.head->workspace_mode == WORKSPACE_OVERLAY)
		overlay_ended(daemon, run);
	daemon_idle_check(daemon);
}

/* ---- the others ---- */

static bool answer_row(struct client *client, const struct wire_run_row *row)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_RUN_ROW, .u.row = *row };

	return client_answer(client, &answer);
}

struct listing {
	struct client *client;
	uint32_t skip, sent;
};

/* False when the listing is over: full, or nobody reads it. */
static bool list_row(struct listing *listing, const struct wire_run_row *row)
{
	if (listing->skip > 0) {
		listing->skip--;
		return true;
	}
	listing->sent++;
	return answer_row(listing->client, row) && listing->sent < WIRE_RUNS_MAX;
}

static void serve_list(struct client *client, const struct wire_request *wire, int *fds)
{
	struct daemon *daemon = client->daemon;
	struct listing listing = { .client = client, .skip = wire->cursor };
	uint64_t known = MIN(daemon->history_count, (uint64_t)DAEMON_HISTORY);
	bool more = true;

	(void)fds;
	for (size_t i = 0; i < RUNS_MAX && more; i++) {
		struct wire_run_row row;

		if (!daemon->runs.slots[i])
			continue;
		run_row(daemon->runs.slots[i], &row);
		more = list_row(&listing, &row);
	}
	for (uint64_t i = 0; wire->flags & WIRE_ALL && i < known && more; i++)
		more = list_row(&listing, &daemon->history[(daemon->history_count - 1 - i) %
							   DAEMON_HISTORY]);
	if (client->daemon)
		answer_done(client);
}

const struct wire_run_row *history_find(const struct daemon *daemon, const struct ulid *id)
{
	for (size_t i = 0; i < MIN(daemon->history_count, (uint64_t)DAEMON_HISTORY); i++) {
		if (memcmp(&daemon->history[i].run, id, sizeof(*id)) == 0)
			return &daemon->history[i];
	}
	return NULL;
}

void answer_unknown(struct client *client, const struct ulid *id)
{
	struct error err = { 0 };
	char text[ULID_TEXT_LEN + 1];

	ulid_text(id, text);
	error_say(&err, -ENOENT, "this supervisor knows no run %s", text);
	error_next(&err, "`bailiff ps --all` lists what it knows; older ones are in the ledger: "
			 "`bailiff ledger run show %s`", text);
	IGNORE(error_exit(&err, 1) == 0); /* returns err.code */
	answer_error(client, &err);
}

static void serve_show(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct run *run = runs_find(&client->daemon->runs, &wire->run);
	const struct wire_run_row *old = history_find(client->daemon, &wire->run);
	struct wire_run_row row;

	(void)fds;
	if (run)
		run_row(run, &row);
	else if (old)
		row = *old;
	else {
		answer_unknown(client, &wire->run);
		return;
	}
	IGNORE(!answer_row(client, &row)); /* gone: nobody is to be told */
}

static void serve_revoke(struct client *client, const struct wire_request *wire, int *fds)
{
	struct daemon *daemon = client->daemon;
	struct run *run = runs_find(&daemon->runs, &wire->run);
	const char *reason = wire->reason[0] ? wire->reason : "no reason was given";
	char by[INTAKE_BY_MAX], text[WIRE_TEXT_MAX];

	(void)fds;
	if (!run) {
		answer_unknown(client, &wire->run);
		return;
	}
	intervention_record(daemon, &client->peer, "revoke", &wire->run, true, reason);
	IGNORE(snprintf(by, sizeof(by), "uid:%u", client->peer.uid) < 0);
	IGNORE(snprintf(text, sizeof(text), "revoked by %s: %s", by, reason) < 0);
	if (wire->flags & WIRE_WAIT) {
		client->waits = true;
		client->waits_for = wire->run;
	} else {
		answer_done(client);
	}
	/* The answer may have closed the connection that the run belongs to: then it is ending. */
	run = runs_find(&daemon->runs, &wire->run);
	if (run)
		run_revoke(run, RUN_CAUSE_OPERATOR, by, text);
}

static void answer_not_attached(struct client *client, const struct ulid *id, enum run_status status)
{
	struct error err = { 0 };
	char text[ULID_TEXT_LEN + 1];

	ulid_text(id, text);
	error_say(&err, -ESRCH, "run %s is %s: there is nothing to attach to", text, run_status_name(status));
	error_next(&err, "`bailiff show %s`", text);
	answer_error(client, &err);
}

/* Only passes the descriptor on: what goes through it is between the two, and no business of root. */
static void serve_attach(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_VIEWER };
	struct daemon *daemon = client->daemon;
	const struct run *run = runs_find(&daemon->runs, &wire->run);
	const struct wire_run_row *row = run ? NULL : history_find(daemon, &wire->run);
	const struct client *keeper = run ? run->owner : NULL;
	bool live = keeper && run->started && run->step == RUN_STEP_LIVE;

	if (!run && !row) {
		answer_unknown(client, &wire->run);
		return;
	}
	live = live && fdpass_send(keeper->fd, &answer, sizeof(answer), fds, 1, MSG_DONTWAIT) == 0;
	intervention_record(daemon, &client->peer, "attach", &wire->run, live, live ? NULL : "it is not running");
	if (live)
		answer_done(client);
	else
		answer_not_attached(client, &wire->run, run ? run->status : (enum run_status)row->status);
}

static void serve_features(struct client *client, const struct wire_request *wire, int *fds)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_FEATURE_REPORT,
				      .u.features = client->daemon->features };

	(void)wire;
	(void)fds;
	IGNORE(!client_answer(client, &answer)); /* gone: nobody is to be told */
}

static void serve_ping(struct client *client, const struct wire_request *wire, int *fds)
{
	(void)wire;
	(void)fds;
	answer_done(client);
}

static void (*const serves[])(struct client *, const struct wire_request *, int *) = {
	[WIRE_RUN] = serve_run, [WIRE_LIST] = serve_list, [WIRE_SHOW] = serve_show,
	[WIRE_REVOKE] = serve_revoke, [WIRE_FEATURES] = serve_features, [WIRE_PING] = serve_ping,
	[WIRE_WORKSPACES] = serve_workspaces, [WIRE_WORKSPACE] = serve_workspace,
	[WIRE_SETTLE] = serve_settle,
	[WIRE_ATTACH] = serve_attach,
	[WIRE_INBOX] = serve_inbox, [WIRE_CLAIM] = serve_claim, [WIRE_RELEASE] = serve_release,
	[WIRE_APPROVE] = serve_answer, [WIRE_DENY] = serve_answer, [WIRE_PAUSE] = serve_pause,
	[WIRE_RESUME] = serve_resume, [WIRE_CANCEL] = serve_cancel, [WIRE_CLARIFY] = serve_clarify,
	[WIRE_WAIVE] = serve_waive, [WIRE_KILL_SWITCH] = serve_kill_switch,
	[WIRE_AGENTS] = serve_agents, [WIRE_TIER] = serve_tier,
};

static void refuse(struct client *client, const struct wire_request *wire)
{
	const struct run *run = runs_find(&client->daemon->runs, &wire->run);
	struct error err = { 0 };
	const char *name = request_name(wire->kind);

	const struct approval *item = approvals_find(&client->daemon->runs.people.approvals, &wire->run);

	error_say(&err, -EPERM, "uid %u (%s) may not %s%s%s%s%s", client->peer.uid,
		  role_name(peer_role(client->daemon, &client->peer, UID_NONE)), name,
		  ulid_is_zero(&wire->run) ? "" : item ? " this item" : " this run", run || item ? " (it is " : "",
		  run ? run_status_name(run->status)
		      : item ? approval_state_name((enum approval_state)item->state) : "", run || item ? ")" : "");
	error_next(&err, "ask its owner, or use sudo");
	IGNORE(error_exit(&err, EXIT_REFUSED) == 0); /* returns err.code */
	intervention_record(client->daemon, &client->peer, name, &wire->run, false, err.text);
	answer_error(client, &err);
}

void request_serve(struct client *client, struct slice datagram, int *fds, size_t fd_count)
{
	struct wire_people wire;
	struct error err = { 0 };

	if (request_parse(datagram, fd_count, &wire, &err) < 0) {
		answer_error(client, &err);
		return;
	}
	if (!request_permitted((enum wire_request_kind)wire.head.kind, requester_of(client, &wire.head))) {
		refuse(client, &wire.head);
		return;
	}
	serves[wire.head.kind](client, &wire.head, fds);
}
