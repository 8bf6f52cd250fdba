/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of one task (`bailiff run --task NAME`): when one of them fails, what the earlier ones changed is taken back,
 * the newest first. Each runs on an overlay, so the way back is its snapshot: the overlay is dropped. The intent is
 * durable before the step; name and state lie beside the overlay, so the next supervisor ends what a dead one began,
 * and a run that is not known to have completed has failed. What somebody committed is the user's, and stays. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "run/kill_switch.h"
#include "run/record.h"

#define EXIT_REFUSED 122
#define TASK_FILE "task"         /* beside `upper`: struct task_mark */

enum task_state { TASK_OPEN, TASK_COMPLETED, TASK_UNDO };

/* What is kept of a run's task. */
struct task_mark {
	char name[TASK_NAME_MAX + 1];
	uint32_t owner_uid;
	uint32_t state;          /* enum task_state; OPEN: it runs, or its supervisor died with it */
	struct ulid failed;      /* UNDO: whose failure it is taken back for */
};

static bool task_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= TASK_NAME_MAX && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

/* ---- the mark ---- */

static int mark_write(struct daemon *daemon, const struct ulid *run, const struct task_mark *mark)
{
	auto_close int entry = workspace_entry(&daemon->workspaces, run);

	return entry < 0 ? entry : keep_write(entry, TASK_FILE, mark, sizeof(*mark), true);
}

static bool mark_read(const struct daemon *daemon, const struct ulid *run, struct task_mark *ret_mark)
{
	auto_close int entry = workspace_entry(&daemon->workspaces, run);

	return entry >= 0 && keep_read(entry, TASK_FILE, ret_mark, sizeof(*ret_mark)) == 0 &&
	       ret_mark->name[TASK_NAME_MAX] == '\0';
}

/* ---- the start ---- */

struct search {
	struct daemon *daemon;
	struct task_mark mark;   /* name and owner that are looked for */
	bool live;               /* runs that go on, or those that are over */
	bool undone;             /* of any task: those that have to be taken back */
	struct ulid over;        /* one that still counts as live, and is over */
	struct ulid found;
	bool any;
};

static bool search_one(void *ctx, const struct ulid *run)
{
	struct search *search = ctx;
	struct task_mark mark;

	if (!mark_read(search->daemon, run, &mark))
		return true;
	if (search->undone ? mark.state == TASK_COMPLETED :
			     mark.owner_uid != search->mark.owner_uid || strcmp(mark.name, search->mark.name) != 0)
		return true;
	if ((runs_find(&search->daemon->runs, run) && memcmp(run, &search->over, sizeof(*run)) != 0) != search->live)
		return true;
	if (!search->any || memcmp(run, &search->found, sizeof(*run)) > 0) {
		search->found = *run; /* ULIDs rise: the newest */
		search->mark = mark;
	}
	search->any = true;
	return true;
}

static bool search_run(struct search *search)
{
	search->any = false;
	/* A folder that cannot be read has nothing; the supervisor's start would have failed. */
	IGNORE(workspaces_each(&search->daemon->workspaces, search_one, search) < 0);
	return search->any;
}

int task_gate(struct daemon *daemon, const struct plan *plan, const char *name, struct error *err)
{
	struct search search = { .daemon = daemon, .mark.owner_uid = plan->head->owner_uid, .live = true };

	if (!name[0])
		return 0;
	if (!task_name_ok(name)) {
		error_say(err, -EINVAL, "a task's name is 1 to %u letters, digits, '.', '_', '-'", TASK_NAME_MAX);
		return error_next(err, "give it another name");
	}
	IGNORE(snprintf(search.mark.name, sizeof(search.mark.name), "%s", name) < 0);
	if (plan->head->workspace_mode != WORKSPACE_OVERLAY)
		error_say(err, -EPERM, "a run of a task works on an overlay, so that what it changes can be taken back");
	else if (search_run(&search))
		error_say(err, -EBUSY, "task '%s' has a run that is not over", name);
	else
		return 0;
	error_next(err, "%s", search.any ? "wait for its end (`bailiff ps`)" : "run it with --overlay, or without --task");
	return error_exit(err, EXIT_REFUSED);
}

int task_mark_run(struct daemon *daemon, const struct ulid *run, const char *name, uid_t owner_uid, struct error *err)
{
	struct task_mark mark = { .owner_uid = owner_uid };
	int r;

	IGNORE(snprintf(mark.name, sizeof(mark.name), "%s", name) < 0);
	r = name[0] ? mark_write(daemon, run, &mark) : 0;
	return r < 0 ? error_set(err, r, "keep the task's name beside the overlay") : 0;
}

/* ---- the way back ---- */

static uint64_t put(struct daemon *daemon, const struct task_undo *undo, const char *verb)
{
	struct record_frame frame = record_frame_now(&undo->failed);
	struct buf *buf = outbox_begin(daemon->outbox, RECORD_COMPENSATION);
	struct wire_workspace_row row = { .run = undo->run };
	char run[ULID_TEXT_LEN + 1], text[TASK_NAME_MAX + 64];
	struct draft draft;

	if (!buf)
		return 0; /* counted, becomes a gap */
	ulid_text(&undo->run, run);
	IGNORE(snprintf(text, sizeof(text), "task %s: its overlay is dropped", undo->name) < 0);
	/* Damaged or gone: then its workspace has no name here. */
	IGNORE(workspace_row(&daemon->workspaces, &undo->run, &row) < 0);
	draft = draft_begin(buf, RECORD_COMPENSATION, &frame, NULL);
	draft_by(&draft, "bailiffd");
	draft_obj(&draft, slice_of(row.workspace));
	draft_text(&draft, DETAIL_SUBJECT, slice_of(run));
	draft_text(&draft, DETAIL_VERB, slice_of(verb));
	draft_text(&draft, DETAIL_MESSAGE, slice_of(text));
	return outbox_put(daemon->outbox, RECORD_COMPENSATION, draft_end(&draft));
}

static void undo_end(struct task_undo *undo)
{
	struct daemon *daemon = undo->daemon;

	undo->daemon = NULL;
	if (undo->again)
		tasks_go_on(daemon); /* another one may be left */
	daemon_idle_check(daemon);
}

static void undo_next(struct task_undo *undo);

static void intent_durable(struct outbox_wait *wait)
{
	struct task_undo *undo = container_of(wait, struct task_undo, wait);

	struct daemon *daemon = undo->daemon;
	struct task_mark mark;
	bool blocked;

	workspace_drop(&daemon->workspaces, &undo->run);
	blocked = mark_read(daemon, &undo->run, &mark);
	/* Lost: counted, becomes a gap; the intent says what happened. */
	IGNORE(put(daemon, undo, blocked ? "blocked" : "done") == 0);
	outbox_flush(daemon->outbox);
	undo->again &= !blocked;
	if (blocked)
		undo_end(undo);
	else
		undo_next(undo);
}

/* What cannot be recorded is not done: it stays for a person, and for the next start. */
static void undo_next(struct task_undo *undo)
{
	struct daemon *daemon = undo->daemon;
	struct search search = { .daemon = daemon, .mark.owner_uid = undo->owner_uid, .over = undo->failed };
	struct task_mark mark;
	uint64_t cursor;

	memcpy(search.mark.name, undo->name, sizeof(search.mark.name));
	if (!search_run(&search)) {
		undo_end(undo);
		return;
	}
	undo->run = search.found;
	mark = search.mark;
	mark.state = TASK_UNDO;
	mark.failed = undo->failed;
	cursor = mark_write(daemon, &undo->run, &mark) == 0 ? put(daemon, undo, "intent") : 0;
	if (cursor == 0) {
		log_warn("task_not_undone", "task=%s", undo->name);
		undo->again = false;
		undo_end(undo);
		return;
	}
	outbox_flush(daemon->outbox);
	outbox_wait_for(daemon->outbox, &undo->wait, cursor, intent_durable);
}

static struct task_undo *undo_new(struct daemon *daemon)
{
	for (size_t i = 0; i < TASK_UNDOS_MAX; i++) {
		struct task_undo *undo = &daemon->undos[i];

		if (undo->daemon)
			continue;
		*undo = (struct task_undo){ .daemon = daemon };
		return undo;
	}
	return NULL;
}

bool tasks_work(const struct daemon *daemon)
{
	for (size_t i = 0; i < TASK_UNDOS_MAX; i++)
		if (daemon->undos[i].daemon)
			return true;
	return false;
}

/* A person stopped everything of this agent: then this, too. */
static bool is_stopped(const struct daemon *daemon, const struct run *run)
{
	return kill_switch_covers(&daemon->runs.people.kill_switch, plan_text(&run->plan, run->plan.head->agent), NULL);
}

static void undo_begin(struct daemon *daemon, const struct run *run, const struct task_mark *mark)
{
	struct task_undo *undo = undo_new(daemon);

	if (!undo) {
		log_warn("task_not_undone", "task=%s reason=\"too many at once\"", mark->name);
		return;
	}
	undo->failed = undo->run = run->id;
	undo->owner_uid = mark->owner_uid;
	memcpy(undo->name, mark->name, sizeof(undo->name));
	if (!is_stopped(daemon, run)) {
		undo_next(undo);
		return;
	}
	IGNORE(put(daemon, undo, "blocked") == 0); /* lost: counted, becomes a gap */
	undo_end(undo);
}

void overlay_ended(struct daemon *daemon, const struct run *run)
{
	struct task_mark mark;
	bool marked = mark_read(daemon, &run->id, &mark), failed = run->status != RUN_STATUS_COMPLETED;

	if (marked && !failed) {
		mark.state = TASK_COMPLETED;
		/* Else the next supervisor takes its task for one that failed, which loses nothing of the user's. */
		if (mark_write(daemon, &run->id, &mark) < 0)
			log_warn("task_not_kept", "task=%s", mark.name);
	}
	workspace_ended(&daemon->workspaces, &run->id, run->started);
	if (marked && failed)
		undo_begin(daemon, run, &mark);
}

void tasks_go_on(struct daemon *daemon)
{
	struct search search = { .daemon = daemon, .undone = true };
	struct task_undo *undo = search_run(&search) ? undo_new(daemon) : NULL;

	if (!undo)
		return;
	undo->again = true;
	undo->failed = search.mark.state == TASK_UNDO ? search.mark.failed : search.found;
	undo->owner_uid = search.mark.owner_uid;
	memcpy(undo->name, search.mark.name, sizeof(undo->name));
	undo_next(undo);
}
