/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "run/moves.h"

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define HEARTBEAT_SAMPLE 60U /* the first and every 60th beat are recorded */

static int step_due(struct timer *timer, uint64_t now_ns);

int run_step_deadline(struct run *run, uint64_t after_ns)
{
	return loop_timer_set(run->runs->loop, &run->step_timer, now_monotonic_ns() + after_ns, step_due);
}

static struct run *run_free(struct run *run)
{
	struct runs *runs;

	if (!run)
		return NULL;
	runs = run->runs;
	loop_remove(runs->loop, &run->channel);
	loop_remove(runs->loop, &run->init);
	loop_remove(runs->loop, &run->cgroup);
	loop_timer_clear(runs->loop, &run->step_timer);
	loop_timer_clear(runs->loop, &run->wall_timer);
	loop_timer_clear(runs->loop, &run->heartbeat_timer);
	agent_close(run);
	life_finish(run);
	outbox_wait_cancel(runs->outbox, &run->wait);
	spend_cancel(&run->completion_spend);
	run_relay_abandon(run);
	run->gate = gate_free(run->gate);
	if (runs->slots[run->slot] == run) {
		runs->slots[run->slot] = NULL;
		runs->count--;
	}
	if (runs->last == run)
		runs->last = NULL;
	if (run->plan.head)
		plan_unmap(&run->plan);
	fd_close(run->plan_fd);
	fd_close(run->session_fd);
	free(run->merge);
	free(run);
	return NULL;
}

static void run_free_p(struct run **run)
{
	*run = run_free(*run);
}

/* ---- ending ---- */

static void outcome_set(struct run *run, enum run_status status, enum run_cause cause, int exit_code,
			const char *text)
{
	if (run->outcome.set)
		return;
	run->outcome = (struct run_outcome){ .set = true, .status = status, .cause = cause,
					     .exit_code = exit_code };
	IGNORE(snprintf(run->outcome.text, sizeof(run->outcome.text), "%s", text ? text : "") < 0);
}

void run_look_empty(struct run *run)
{
	/* An empty cgroup without a kill: pid 1's end is seen by its pidfd. */
	if (run->step == RUN_STEP_KILLING && cgroup_populated(&run->launched.cgroup) == 0)
		run_conclude(run);
}

static int cgroup_changed(struct source *source, uint32_t events)
{
	struct run *run = container_of(source, struct run, cgroup);

	(void)events;
	/* A change that nobody reads stays ready, and the loop would turn for as long as the run lives. */
	IGNORE(cgroup_populated(&run->launched.cgroup) < 0);
	run_look_empty(run);
	return 0;
}

void run_kill(struct run *run)
{
	outbox_wait_cancel(run->runs->outbox, &run->wait);
	loop_timer_clear(run->runs->loop, &run->wall_timer);
	loop_timer_clear(run->runs->loop, &run->heartbeat_timer);
	loop_remove(run->runs->loop, &run->channel);
	agent_close(run);
	run->step = RUN_STEP_KILLING;
	IGNORE(runs_look_often(run->runs) < 0); /* armed already, perhaps for later */
	IGNORE(cgroup_kill(&run->launched.cgroup) < 0);     /* tried again by the timer until empty */
	/* Nobody in it: no event will come. Not concluded here, because the caller still holds the run. */
	IGNORE(run_step_deadline(run, cgroup_populated(&run->launched.cgroup) == 0
					      ? 0 : RUN_KILL_RETRY_NS) < 0);
}

static void end_with(struct run *run, enum run_status status, enum run_cause cause, int exit_code,
		     const char *text)
{
	if (run->step >= RUN_STEP_INTENT)
		return;
	outcome_set(run, status, cause, exit_code, text);
	run_kill(run);
}

void run_stop(struct run *run, enum run_cause cause, int exit_code, const char *text)
{
	end_with(run, RUN_STATUS_FAILED, cause, exit_code, text);
}

bool run_ask_to_end(struct run *run, int exit_code, const char *text, uint64_t grace_ns)
{
	if (run->step != RUN_STEP_LIVE || run->outcome.set)
		return false;
	outcome_set(run, RUN_STATUS_FAILED, RUN_CAUSE_CANCELLED, exit_code, text);
	run_unpause(run); /* what is frozen hears nothing */
	if (launch_signal(&run->launched, SIGTERM) < 0 || run_step_deadline(run, grace_ns) < 0)
		run_kill(run);
	return true;
}

void run_complete(struct run *run)
{
	end_with(run, RUN_STATUS_COMPLETED, RUN_CAUSE_EXIT, 0, NULL);
}

static void closed(struct run *run)
{
	struct runs *runs = run->runs;

	runs->callbacks.ended(runs->callbacks.ctx, run);
	run_free(run);
	/* Only now: while a porter waits for its groups, nobody else's cgroup can be written. */
	runs_porter_start(runs);
}

static void end_durable(struct outbox_wait *wait)
{
	closed(container_of(wait, struct run, wait));
}

static void close_begin(struct run *run)
{
	struct runs *runs = run->runs;

	run_put_start(run); /* a start that was refused late has none yet */
	people_run_ended(run);
	life_end(run);
	lease_end(run);
	run_put_end(run);
	run_move(run, run->outcome.status, run_cause_name(run->outcome.cause));
	run->step = RUN_STEP_CLOSING;
	outbox_flush(runs->outbox);
	if (!outbox_attached(runs->outbox) || run_step_deadline(run, RUN_END_TIMEOUT_NS) < 0) {
		closed(run);
		return;
	}
	outbox_wait_for(runs->outbox, &run->wait, outbox_last(runs->outbox), end_durable);
}

/* The cgroup is empty: read what is left in the rings, then forget the run. */
void run_conclude(struct run *run)
{
	struct runs *runs = run->runs;

	/* Its connections end with the processes: first what it says of that. */
	if (!run_relay_ended(run))
		return;
	runs_read(runs, true);
	runs_check_losses(runs);
	run_check_limits(run);
	run_settle(run);
	merge_flush(run->merge, run_merge_report, run);
	if (run->revoking && !run->done_put)
		run_revoke_done(run);
	run->done_put = true;
	loop_remove(runs->loop, &run->cgroup);
	loop_remove(runs->loop, &run->init);
	IGNORE(watch_run_remove(runs->watch, run->launched.cgroup.id) < 0); /* never added: -ENOENT */
	if (launched_finish(&run->launched, 1000, NULL) < 0) {
		/* Empty, yet not removable: pid 1 is not reaped yet. step_due() comes again. */
		IGNORE(loop_add(runs->loop, &run->cgroup, run->launched.cgroup.events_fd, EPOLLPRI,
				cgroup_changed) < 0);
		IGNORE(run_step_deadline(run, RUN_KILL_RETRY_NS) < 0);
		return;
	}
	close_begin(run);
}

/* ---- what pid 1 says ---- */

static void exec_failed(struct run *run, const struct init_message *message)
{
	bool missing = message->error == -ENOENT || message->error == -ENOTDIR;
	char text[WIRE_TEXT_MAX];

	if (gate_refusal(run)[0]) {
		end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_REFUSED, EXIT_REFUSED, gate_refusal(run));
		return;
	}

	IGNORE(snprintf(text, sizeof(text), "%s; next: %s", message->text, missing
			? "check the name and PATH; the run sees only what the policy's `files` name"
			: "check its mode and format; the run sees it as the caller does") < 0);
	end_with(run, RUN_STATUS_FAILED, missing ? RUN_CAUSE_NOT_FOUND : RUN_CAUSE_NOT_EXECUTABLE,
		 missing ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, text);
}

static void exited(struct run *run, int status)
{
	bool by_signal = WIFSIGNALED(status);
	int code = by_signal ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	run->wait_status = status;
	/* What it did last may revoke it, and so may what was lost of that. */
	runs_read(run->runs, true);
	runs_check_losses(run->runs);
	run_check_limits(run);
	run_settle(run);
	run_unpause(run);
	if (code == 0 && run->step == RUN_STEP_LIVE && !run->outcome.set && run_asks_to_complete(run))
		return;
	end_with(run, code == 0 ? RUN_STATUS_COMPLETED : RUN_STATUS_FAILED,
		 by_signal ? RUN_CAUSE_SIGNAL : RUN_CAUSE_EXIT, code, NULL);
}

void run_beat(struct run *run)
{
	heartbeat_beat(&run->heartbeat, now_monotonic_ns());
	if (run->beats++ % HEARTBEAT_SAMPLE == 0)
		run_put_heartbeat(run);
	run_heartbeat_arm(run);
}

static void notified(struct run *run, const struct init_message *message)
{
	if (message->notify & NOTIFY_STATUS)
		IGNORE(snprintf(run->status_text, sizeof(run->status_text), "%.199s", message->text) < 0);
	if (message->notify & NOTIFY_EXTEND)
		heartbeat_extend(&run->heartbeat, message->extend_ns);
	if (message->notify & NOTIFY_WATCHDOG)
		run_beat(run);
	run_reported(run, message);
	if (message->notify & NOTIFY_STOPPING)
		run_progress(run);
	if (message->notify & NOTIFY_TRIGGER)
		end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_CANCELLED, EXIT_INTERNAL,
			 "the agent declared itself failed (WATCHDOG=trigger)");
	else
		run_heartbeat_arm(run);
}

static void stage_failed(struct run *run, const struct init_message *message)
{
	bool missing = message->error == -EOPNOTSUPP || message->error == -ENOSYS;
	char text[WIRE_TEXT_MAX];

	IGNORE(snprintf(text, sizeof(text), "the sandbox could not be built: %s%s%s",
			message->text, strstr(message->text, "; next: ") ? "" : "; next: ",
			strstr(message->text, "; next: ") ? "" : "`bailiff doctor` lists what this kernel lacks; "
			"`bailiff policy show` prints the effective policy") < 0);
	end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_REFUSED, missing ? EXIT_MISSING : EXIT_REFUSED, text);
}

static void init_said(struct run *run, const struct init_message *message)
{
	switch ((enum init_kind)message->kind) {
	case INIT_STAGE_FAILED:
		stage_failed(run, message);
		return;
	case INIT_READY:
		run_init_ready(run, message);
		return;
	case INIT_EXEC_FAILED:
		exec_failed(run, message);
		return;
	case INIT_EXITED:
		exited(run, message->value);
		return;
	case INIT_NOTIFY:
		if (run->step == RUN_STEP_LIVE)
			notified(run, message);
		return;
	case INIT_GO:
	case INIT_SIGNAL:
	case INIT_PLAN:
		break;
	}
	end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_INTERNAL, EXIT_INTERNAL,
		 "pid 1 of the run sent what only the supervisor may send");
}

static int channel_ready(struct source *source, uint32_t events)
{
	struct run *run = container_of(source, struct run, channel);
	struct init_message message;
	int r;

	(void)events;
	while (run->channel.active && (r = launch_receive(&run->launched, &message)) == 1)
		init_said(run, &message);
	if (run->channel.active && r != -EAGAIN)
		end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_INTERNAL, EXIT_INTERNAL,
			 "pid 1 of the run died, and with it every process of the run");
	return 0;
}

static int init_died(struct source *source, uint32_t events)
{
	struct run *run = container_of(source, struct run, init);

	/* The end of its cgroup is told with a delay of up to 10 ms; pid 1, the last one in it, at once. */
	if (run->step >= RUN_STEP_INTENT) {
		loop_remove(run->runs->loop, source);
		run_look_empty(run);
		return 0;
	}
	/* Its last words come before its end. */
	channel_ready(&run->channel, events);
	end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_INTERNAL, EXIT_INTERNAL,
		 "pid 1 of the run died, and with it every process of the run");
	return 0;
}

/* ---- time ---- */

static int step_due(struct timer *timer, uint64_t now_ns)
{
	struct run *run = container_of(timer, struct run, step_timer);

	(void)now_ns;
	switch (run->step) {
	case RUN_STEP_LAUNCHING:
		end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_INTERNAL, EXIT_INTERNAL,
			 "the sandbox was not ready in time");
		return 0;
	case RUN_STEP_RECORDING:
		end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_REFUSED, EXIT_REFUSED,
			 "HEALTH: the ledger did not confirm the start in time"
			 "; next: look at the supervisor's log; is the disk full?");
		return 0;
	case RUN_STEP_INTENT:
		run_kill(run);
		return 0;
	case RUN_STEP_KILLING:
		if (cgroup_populated(&run->launched.cgroup) == 0)
			run_conclude(run);
		else
			run_kill(run);
		return 0;
	case RUN_STEP_CLOSING:
		closed(run);
		return 0;
	case RUN_STEP_LIVE: /* it was asked to end and did not */
		run_kill(run);
		return 0;
	}
	return 0;
}

static void look_at_activity(struct run *run, uint64_t now_ns)
{
	struct run_activity activity;

	if (watch_run_activity(run->runs->watch, run->slot, &activity) == 0)
		heartbeat_activity(&run->heartbeat, activity.last_ns, now_boottime_ns(), now_ns);
}

void run_heartbeat_stood(struct run *run, uint64_t from_ns, uint64_t now_ns)
{
	if (run->step != RUN_STEP_LIVE || run->heartbeat.paused_ns)
		return;
	look_at_activity(run, now_ns); /* what it did before counts from there, so it is moved as well */
	heartbeat_pause(&run->heartbeat, from_ns);
	heartbeat_resume(&run->heartbeat, now_ns);
	run_heartbeat_arm(run);
}

static int heartbeat_due(struct timer *timer, uint64_t now_ns)
{
	struct run *run = container_of(timer, struct run, heartbeat_timer);

	runs_alive(run->runs);
	now_ns = now_monotonic_ns();
	if (run->step != RUN_STEP_LIVE)
		return 0;
	look_at_activity(run, now_ns);
	if (heartbeat_deadline(&run->heartbeat) <= now_ns) {
		run_violation(run, HEARTBEAT_TIMEOUT, RECORD_EFFECT_OBSERVED, NULL, NULL,
			      slice_of("heartbeat.ttl"), NULL);
		run_settle(run);
		return 0;
	}
	if (lease_deadline(run) <= now_ns) {
		run_violation(run, LOCK_EXPIRED, RECORD_EFFECT_OBSERVED, NULL, NULL, slice_of("lease.ttl"), NULL);
		run_settle(run);
		return 0;
	}
	run_heartbeat_arm(run);
	return 0;
}

void run_heartbeat_arm(struct run *run)
{
	uint64_t deadline = MIN(heartbeat_deadline(&run->heartbeat), lease_deadline(run));

	if (deadline == HEARTBEAT_NEVER) {
		loop_timer_clear(run->runs->loop, &run->heartbeat_timer);
		return;
	}
	/* The heap grew for other timers of this run before; without memory the run is not watched. */
	if (loop_timer_set(run->runs->loop, &run->heartbeat_timer, deadline, heartbeat_due) < 0)
		end_with(run, RUN_STATUS_FAILED, RUN_CAUSE_INTERNAL, EXIT_INTERNAL, "out of memory");
}

/* ---- birth ---- */

static int slot_free(const struct runs *runs, uint32_t *ret_slot)
{
	for (uint32_t i = 0; i < RUNS_MAX; i++) {
		if (!runs->slots[i]) {
			*ret_slot = i;
			return 0;
		}
	}
	return -EMFILE;
}

static int run_new(struct runs *runs, const struct ulid *id, struct run **ret_run, struct error *err)
{
	cleanup_with(run_free_p) struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return error_set(err, -ENOMEM, "make a run");
	run->runs = runs;
	run->plan_fd = run->session_fd = FD_NONE;
	run->launched = LAUNCHED_NONE;
	run->relay = RELAY_NONE;
	run->slot = RUNS_MAX - 1; /* not ours until it is entered: run_free() compares */
	run->merge = merge_new();
	if (!run->merge)
		return error_set(err, -ENOMEM, "make a run");
	run->id = *id;
	r = slot_free(runs, &run->slot);
	if (r < 0) {
		error_say(err, r, "%u runs are alive already", RUNS_MAX);
		error_next(err, "wait for one to end; `bailiff ps` lists them");
		return error_exit(err, EXIT_REFUSED);
	}
	runs->slots[run->slot] = run;
	runs->count++;
	*ret_run = TAKE(run);
	return 0;
}

static int run_launch(struct run *run, const struct run_request *request, struct error *err)
{
	struct runs *runs = run->runs;
	const struct launch_host host = runs_host(runs);
	struct launch_spec spec = {
		.host = &host, .plan = request->plan, .plan_fd = *request->plan_fd, .run = run->id,
		.stdio = { request->stdio[0], request->stdio[1], request->stdio[2] },
		.session_fd = *request->session_fd, .workspace_fd = request->workspace_fd,
		.spare = &runs->spare,
	};
	int r;

	runs_porter_leave(runs);
	r = launch_run(&spec, &run->launched, err);
	runs_porter_watch(runs);
	return r;
}

static int run_listen(struct run *run, struct error *err)
{
	struct loop *loop = run->runs->loop;
	int r = loop_add(loop, &run->channel, run->launched.channel_fd, EPOLLIN, channel_ready);

	if (r == 0)
		r = loop_add(loop, &run->init, run->launched.init_pidfd, EPOLLIN, init_died);
	if (r == 0)
		r = loop_add(loop, &run->cgroup, run->launched.cgroup.events_fd, EPOLLPRI,
			     cgroup_changed);
	if (r == 0)
		r = run_step_deadline(run, RUN_START_TIMEOUT_NS);
	if (r == 0)
		r = runs_wake(run->runs);
	return r < 0 ? error_set(err, r, "watch over the run") : 0;
}

int run_start(struct runs *runs, const struct run_request *request, struct run **ret_run,
	      struct error *err)
{
	cleanup_with(run_free_p) struct run *run = NULL;
	int r = run_new(runs, &request->id, &run, err);

	if (r < 0)
		return r;
	r = run_launch(run, request, err);
	if (r < 0)
		return r;
	run->plan = *request->plan;
	plan_rules(&run->plan, &run->rules);
	*request->plan = (struct plan){ 0 };
	run->plan_fd = TAKE_FD(*request->plan_fd);
	run->session_fd = TAKE_FD(*request->session_fd);
	for (size_t i = 0; i < COUNT(run->stdio); i++) {
		if (fstat(request->stdio[i], &run->stdio[i]) < 0)
			run->stdio[i].st_mode = 0;
	}
	run->owner = request->owner;
	run->owner_uid = request->owner_uid;
	run->ask_place = request->ask_place;
	run->started_ns = now_realtime_ns();
	run->status = RUN_STATUS_STARTING;
	run->step = RUN_STEP_LAUNCHING;
	r = run_listen(run, err);
	if (r == 0)
		r = run_relay_start(run, err);
	if (r == 0)
		r = run_put_policy(run, err);
	if (r < 0) {
		IGNORE(launched_finish(&run->launched, 1000, NULL) < 0); /* init dies with its channel */
		return r;
	}
	*ret_run = TAKE(run);
	return 0;
}
