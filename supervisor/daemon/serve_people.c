/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of people on runs: pause, resume, cancel, clarify, waive, kill switch. Who may is decided before;
 * each attempt is recorded with what became of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "run/moves.h"

static struct run *run_or_answer(struct client *client, const struct wire_request *wire)
{
	struct run *run = runs_find(&client->daemon->runs, &wire->run);
	const struct wire_run_row *old = run ? NULL : history_find(client->daemon, &wire->run);
	struct error err = { 0 };
	char id[ULID_TEXT_LEN + 1];

	if (run && run->step <= RUN_STEP_LIVE)
		return run;
	ulid_text(&wire->run, id);
	if (!run && !old) {
		intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, false,
				    "no such run");
		answer_unknown(client, &wire->run);
		return NULL;
	}
	error_say(&err, -ESRCH, "run %s is %s: there is nothing to %s", id, run ? "ending" :
		  run_status_name((enum run_status)old->status), request_name(wire->kind));
	error_next(&err, "`bailiff show %s`", id);
	intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, false, err.text);
	answer_error(client, &err);
	return NULL;
}

/* Done, or refused with the state that the run is in. */
static void settle(struct client *client, const struct wire_request *wire, const struct run *run, bool done,
		   const char *next)
{
	const char *reason = wire->kind == WIRE_CLARIFY ? reason_code_name(request_people(wire)->reason_code)
							: wire->reason;
	struct error err = { 0 };
	char id[ULID_TEXT_LEN + 1];

	if (done) {
		intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, true,
				    reason);
		answer_done(client);
		return;
	}
	ulid_text(&wire->run, id);
	error_say(&err, -EALREADY, "run %s is %s%s%s%s", id, run_status_name(run->status), run->paused ? " (" : "",
		  pause_name(run->paused), run->paused ? ")" : "");
	error_next(&err, "%s", next);
	intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, false, err.text);
	answer_error(client, &err);
}

void serve_pause(struct client *client, const struct wire_request *wire, int *fds)
{
	struct run *run = run_or_answer(client, wire);

	(void)fds;
	if (run)
		settle(client, wire, run, run_pause(run, PAUSE_MANUAL), "`bailiff resume RUN` lets it go on");
}

void serve_resume(struct client *client, const struct wire_request *wire, int *fds)
{
	struct run *run = run_or_answer(client, wire);
	bool done;

	(void)fds;
	if (!run)
		return;
	done = run_resume(run, PAUSE_MANUAL);
	done = run_resume(run, PAUSE_CHECKPOINT) || done;
	settle(client, wire, run, done, run_is_paused(run, PAUSE_KILL_SWITCH)
	       ? "an admin resets the kill switch: `bailiff kill-switch reset`"
	       : run_is_paused(run, PAUSE_APPROVAL) ? "answer what it asks: `bailiff inbox`"
						    : "it ends what `bailiff pause` began; for others `bailiff clarify RUN --text TEXT`");
}

void serve_cancel(struct client *client, const struct wire_request *wire, int *fds)
{
	struct run *run = run_or_answer(client, wire);

	(void)fds;
	if (run)
		settle(client, wire, run, people_cancel(run, client->peer.uid, wire->reason[0]
			? wire->reason : "no reason was given"), "it is ending already: `bailiff show RUN`");
}

void serve_clarify(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct wire_people *people = request_people(wire);
	struct run *run = run_or_answer(client, wire);

	(void)fds;
	if (run)
		settle(client, wire, run, people_clarify(run, client->peer.uid, people->text),
		       "its inbox is full: it has to read what is there first");
}

void serve_waive(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct wire_people *people = request_people(wire);
	struct waiver waiver = { .reason_code = people->reason_code };
	struct run *run = run_or_answer(client, wire);
	struct error err = { 0 };

	(void)fds;
	if (!run)
		return;
	memcpy(waiver.rule, people->rule, sizeof(waiver.rule));
	memcpy(waiver.action, people->seen, sizeof(waiver.action));
	if (people_waive(run, client->peer.uid, &waiver, people->ttl_ns, wire->reason, &err) < 0) {
		intervention_record(client->daemon, &client->peer, request_name(wire->kind), &wire->run, false,
				    err.text);
		answer_error(client, &err);
		return;
	}
	settle(client, wire, run, true, "");
}

/* ---- the kill switch ---- */

static void answer_killed(struct client *client, const struct kill_count *count, bool changed)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_KILLED };

	answer.u.killed = (struct wire_killed){ .frozen = count->frozen, .revoked = count->revoked,
						.stopped = count->stopped, .changed = changed };
	IGNORE(!client_answer(client, &answer)); /* gone: nobody is to be told */
}

static void kill_refused(struct client *client, const struct error *err)
{
	intervention_record(client->daemon, &client->peer, "kill-switch", NULL, false, err->text);
	answer_error(client, err);
}

void serve_kill_switch(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct wire_people *people = request_people(wire);
	struct daemon *daemon = client->daemon;
	struct kill_entry entry = { .target.scope = people->scope, .target.run = wire->run, .uid = client->peer.uid,
				    .realtime_ns = now_realtime_ns() };
	struct kill_count count;
	struct error err = { 0 };
	bool changed;

	(void)fds;
	memcpy(entry.target.agent, people->agent, sizeof(entry.target.agent));
	memcpy(entry.reason, wire->reason, sizeof(entry.reason));
	if (!kill_target_is_valid(&entry.target)) {
		error_say(&err, -EINVAL, "this is no scope of the kill switch");
		error_next(&err, "all, agent:NAME or run:ID");
		kill_refused(client, &err);
		return;
	}
	if (wire->flags & WIRE_RESET)
		changed = people_kill_reset(&daemon->runs, &entry.target, client->peer.uid, wire->reason, &count);
	else
		changed = people_kill(&daemon->runs, &entry, wire->flags & WIRE_TERMINATE, &count);
	if (keep_kill_switch(daemon) < 0) {
		error_say(&err, -EIO, "it is %s now, but that cannot be kept on the disk: the next supervisor will not know",
			  wire->flags & WIRE_RESET ? "reset" : "tripped");
		error_next(&err, "look at the space below the state directory, then say it again");
		kill_refused(client, &err);
		return;
	}
	intervention_record(daemon, &client->peer, wire->flags & WIRE_RESET ? "kill-switch reset" : "kill-switch",
			    NULL, true, wire->reason);
	answer_killed(client, &count, changed);
}
