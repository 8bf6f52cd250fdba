/* SPDX-License-Identifier: Apache-2.0 */
/* One agent command under supervision, from the accepted request until nothing is left of it. All runs
 * of a supervisor share `struct runs`. Nothing here blocks: each wait (for pid 1, for the ledger, for an
 * empty cgroup) is a step with a deadline.
 *
 *   LAUNCHING  pid 1 works through its stages            -> READY
 *   RECORDING  run_start is on its way to the disk       -> durable: launch_go()
 *   LIVE       the command runs
 *   INTENT     revoked and frozen; violation and intent on their way, at most 20 ms
 *   KILLING    cgroup.kill written                       -> populated 0
 *   CLOSING    run_end is on its way                     -> the owner hears of it; freed
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/loop.h"
#include "daemon/wire.h"
#include "launch/launch.h"
#include "launch/porter.h"
#include "launch/spare.h"
#include "plan/plan.h"
#include "run/agent.h"
#include "run/foretold.h"
#include "run/gate.h"
#include "run/heartbeat.h"
#include "run/lease.h"
#include "run/life.h"
#include "run/merge.h"
#include "run/outbox.h"
#include "run/pause.h"
#include "run/plans.h"
#include "run/people.h"
#include "run/relay.h"
#include "run/violate.h"
#include "watch/watch.h"

#define RUNS_MAX WATCH_RUNS_MAX
#define RUN_START_TIMEOUT_NS 20000000000ULL
#define RUN_DURABLE_TIMEOUT_NS 5000000000ULL
#define RUN_END_TIMEOUT_NS 1000000000ULL      /* what is dead is said to be dead, disk or not */
#define RUN_INTENT_TIMEOUT_NS 20000000ULL
#define RUN_KILL_RETRY_NS 100000000ULL
#define RUN_TICK_NS 250000000ULL
#define RUNS_REST_NS 3000000000ULL /* without a run: then the host is left alone */

#define EXIT_MISSING 121
#define EXIT_REFUSED 122
#define EXIT_WALL 124
#define EXIT_INTERNAL 125

enum run_step {
	RUN_STEP_LAUNCHING, RUN_STEP_RECORDING, RUN_STEP_LIVE, RUN_STEP_INTENT, RUN_STEP_KILLING,
	RUN_STEP_CLOSING,
};

struct run;

/* To the owner. The run is alive during the call; after `ended` it is freed. */
struct run_callbacks {
	void (*started)(void *ctx, struct run *run);
	void (*notice)(void *ctx, struct run *run, const char *text);
	void (*ended)(void *ctx, struct run *run);
	void *ctx;
};

struct runs {
	/* Set by the owner before the first run; borrowed. */
	struct loop *loop;
	struct watch *watch;
	struct outbox *outbox;
	const struct cgroup_tree *tree;
	const struct feature_report *features;
	struct run_callbacks callbacks;
	int init_fd, self_pidfd;
	char agent_program[LAUNCH_AGENT_MAX]; /* host path of bailiff-agent */
	uid_t init_uid;
	gid_t init_gid;
	struct relay_setup relay;
	bool no_porter;                /* the supervisor ends with its run: nobody would use one */
	/* Own. */
	struct porter porter;
	struct spare spare;
	struct source porter_source;   /* until it is ready */
	struct run *slots[RUNS_MAX];
	uint32_t count;
	struct foretold foretold;
	struct people people;
	struct run *last;              /* the run of the last event: most have the same */
	uint64_t lease_epoch;          /* of the last lease that was given */
	uint64_t alive_ns;             /* of the last runs_alive(); 0 = no run lives */
	uint64_t idle_ns;              /* since when a tick has met no run; 0 = the last one met some */
	bool pressed;                  /* the outbox asked for a pause */
	struct watch_losses losses;    /* as of the last look */
	uint64_t window_ns, window_events, window_lost; /* bulk loss in the last 10 s */
	uint64_t queue_lost;           /* to be recorded when there is room */
	uint64_t strays;               /* events of no run of ours */
	struct timer poll_timer, tick_timer;
	uint32_t quiet_polls;          /* in a row that found nothing */
	struct source watch_source, bulk_source;
};

struct run_outcome {
	bool set;
	enum run_status status;
	enum run_cause cause;
	int exit_code;
	char text[WIRE_TEXT_MAX];
};

struct limit_hits { uint64_t pids, memory; };

struct run {
	struct runs *runs;
	uint32_t slot;
	struct ulid id;
	uint64_t flags;                /* RUN_* of bpf/events.h */
	enum run_status status;
	enum run_step step;
	bool started;                  /* the command was let go */
	bool recorded;                 /* run_start was written */
	bool durable;                  /* and is on the disk */
	struct run_outcome outcome;
	int wait_status;
	struct plan plan;
	struct rules rules;
	int plan_fd, session_fd;
	struct stat stdio[3];          /* st_mode 0 = not known */
	struct launched launched;
	uint32_t in_force, landlock_abi;
	struct source channel, init, cgroup;
	struct relay relay;
	struct gate *gate;             /* NULL: the policy has no rules about actions */
	bool executed;                 /* the command itself was allowed */
	uint64_t live_ns;              /* CLOCK_MONOTONIC; 0 = not yet */
	struct timer step_timer, wall_timer, heartbeat_timer;
	struct outbox_wait wait;
	uint64_t events, refused, lost, records;
	struct strikes strikes;
	struct user_strikes told;      /* those that the kernel was told of */
	struct heartbeat heartbeat;
	uint64_t lease_epoch;          /* 0 = it holds nothing */
	uint32_t paused;               /* bits of enum pause_reason */
	bool ring_pressed;
	uint64_t beats;                /* explicit ones */
	struct life life;
	struct agent agent;            /* its control socket */
	struct plans plans;
	struct limit_hits hits;
	struct merge_table *merge;
	bool revoke_wanted;            /* by an event: carried out after the ring was read */
	bool revoking;                 /* an intent was written */
	bool done_put;                 /* what follows an empty cgroup was recorded */
	uint64_t revoke_from_ns;       /* CLOCK_BOOTTIME of what led to it */
	uint32_t killed;
	bool late;
	char revoke_text[WIRE_TEXT_MAX];
	enum run_cause revoke_cause;
	char revoke_by[INTAKE_BY_MAX];
	uint64_t started_ns;           /* CLOCK_REALTIME */
	char status_text[200];
	void *owner;                   /* the caller's, not touched here */
	uid_t owner_uid;               /* who asked */
	enum ask_place ask_place;
	struct ask completion_ask;     /* transition.c */
	struct spend completion_spend;
};

/* Adds the watcher to the loop and its polls. */
int runs_init(struct runs *runs) MUST_USE;
void runs_finish(struct runs *runs);
/* The callback of watch_open(): `ctx` is the struct runs. */
void runs_event(void *ctx, const struct event_head *event);
/* The outbox's wish: stop or go on. */
void runs_press(struct runs *runs, bool high);
/* The watcher's wish: `ctx` is the struct runs. */
void runs_ring_press(void *ctx, uint64_t cgroup_id, bool on);
/* Sees to it that the next launch finds a spare and the one after it a porter (launch/spare.h, porter.h). Costs
 * two forks at most; nobody waits for what it starts. */
void runs_porter_start(struct runs *runs);
void runs_ahead_finish(struct runs *runs);
/* What is the same for every launch. */
struct launch_host runs_host(struct runs *runs);
/* Around a launch, which may use the porter up (ahead.c). */
void runs_porter_leave(struct runs *runs);
void runs_porter_watch(struct runs *runs);
/* The id of the next run: the spare's, when it can be used. Each is asked for once: when no run comes of it,
 * runs_id_drop() says so. */
int runs_id_next(const struct runs *runs, bool own_network, struct ulid *ret_id) MUST_USE;
void runs_id_drop(struct runs *runs, const struct ulid *id);
struct run *runs_find(const struct runs *runs, const struct ulid *id);

struct run_request {
	struct plan *plan;             /* checked; taken on success */
	int *plan_fd;                  /* taken on success */
	int *session_fd;               /* taken on success */
	int stdio[3];                  /* borrowed */
	int workspace_fd;              /* borrowed: where the overlay goes; FD_NONE = none */
	struct ulid id;
	uid_t owner_uid;
	enum ask_place ask_place;
	void *owner;
};

/* Launches. Returns 0, or a negative errno with text, next step and exit code in *err: nothing is
 * left then. What fails later comes as `ended` without `started`. */
int run_start(struct runs *runs, const struct run_request *request, struct run **ret_run,
	      struct error *err) MUST_USE;
/* Revokes by an operator: 123. No effect on a run that is ending already. */
void run_revoke(struct run *run, enum run_cause cause, const char *by, const char *text);
/* After run_start() and what the caller records about it: run_start goes to the disk while pid 1 builds the sandbox,
 * where the protections of the last run of this kind are known. */
void run_foretell(struct run *run);
/* Kills: FAILED with this cause. */
void run_stop(struct run *run, enum run_cause cause, int exit_code, const char *text);
/* The command ended well, and its policy wants people to agree: they are asked, and the run goes on to its end when
 * they answer. False: nothing is asked (transition.c). */
bool run_asks_to_complete(struct run *run);
void run_complete(struct run *run);
/* TERM to the command; what is left after `grace_ns` is killed: FAILED(cancelled). False: it is ending already. */
bool run_ask_to_end(struct run *run, int exit_code, const char *text, uint64_t grace_ns);
void run_row(const struct run *run, struct wire_run_row *ret_row);
void run_ended(const struct run *run, struct wire_ended *ret_ended);

/* ---- between the files of this folder ---- */

/* A fact of the run: fill the draft between the two. False: there is no room for it, which is counted. */
bool run_fact_begin(struct run *run, enum record_kind kind, const char *by, struct draft *draft);
/* Returns the record's number; 0: it was not written, which is counted. */
uint64_t run_fact_end(struct run *run, enum record_kind kind, struct draft *draft);
/* Refused when the table has no such move. */
void run_move(struct run *run, enum run_status to, const char *reason);
/* What was refused may belong to an environment: then *decision says so. */
void run_decide_environment(const struct run *run, const struct request *request, struct decision *decision);
void run_violation(struct run *run, enum violation_type type, enum record_effect effect,
		   const struct decision *decision, const char *message, struct slice subject,
		   const struct event_head *event);
void run_settle(struct run *run);           /* carries out what events asked for */
void run_merge_report(void *ctx, const struct merge_slot *slot);
void run_event(struct run *run, const struct event_head *event);
void run_check_limits(struct run *run);
void run_kill(struct run *run);
void run_init_ready(struct run *run, const struct init_message *message); /* begin.c */
void run_conclude(struct run *run);
/* Concludes a killed run whose cgroup is empty. Asked at each poll, too: the kernel tells of changes in
 * cgroup.events at most once in 10 ms (CGROUP_FILE_NOTIFY_MIN_INTV, kernel/cgroup/cgroup.c), and a short
 * run begins and ends within that. The run may be gone afterwards. */
void run_look_empty(struct run *run);
void run_revoke_done(struct run *run);
void run_heartbeat_arm(struct run *run);
void run_beat(struct run *run);             /* an explicit beat */
/* The kernel stopped it for that time: its clock of signs of life stood still. */
void run_heartbeat_stood(struct run *run, uint64_t from_ns, uint64_t now_ns);
void runs_check_losses(struct runs *runs);
/* The loop turns. If it did not for so long that the kernel stopped the runs, their clocks of signs of
 * life are moved on by that. Before anything that judges by time. */
void runs_alive(struct runs *runs);
int runs_read(struct runs *runs, bool drain); /* how many records, or -errno */
/* Something begins or ends: polls now, and each WATCH_POLL_INTERVAL_NS until nothing has come for a while. */
int runs_look_often(struct runs *runs) MUST_USE;
int runs_wake(struct runs *runs) MUST_USE;  /* a run lives: read its rings */
void run_put_start(struct run *run);        /* run_start, run_end, run_state: facts.c */
void run_put_end(struct run *run);
void run_put_heartbeat(struct run *run);
void run_put_state(struct run *run, enum run_status from, enum run_status to, const char *reason);
int run_put_policy(struct run *run, struct error *err) MUST_USE;
int run_step_deadline(struct run *run, uint64_t after_ns);

#endif
