/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor as a whole: what it owns, and the order in which it is put together and ended. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/loop.h"
#include "daemon/options.h"
#include "daemon/peer.h"
#include "daemon/request.h"
#include "daemon/scribe.h"
#include "daemon/workspaces.h"
#include "launch/cgroup.h"
#include "run/run.h"
#include "run/standing.h"

#define DAEMON_CLIENTS_MAX 512U
#define DAEMON_CLIENTS_PER_UID 256U /* each run holds one, a detached run two for a moment */
#define DAEMON_HISTORY 512U         /* ended runs that LIST --all and SHOW still know */
#define DAEMON_IDLE_NS 2000000000ULL
#define DAEMON_STOP_NS 10000000000ULL

struct daemon;

struct client {
	struct daemon *daemon;      /* NULL = free */
	struct source source;
	int fd;                     /* owned */
	struct peer peer;
	struct run *run;            /* started by WIRE_RUN over this connection */
	struct ulid waits_for;      /* REVOKE with WAIT */
	bool waits;
	bool refused;               /* its first request gets `refusal`, then it is closed */
	struct error refusal;
};

#define TASK_NAME_MAX 63U
#define TASK_UNDOS_MAX 16U

/* A task of which a run failed: what its runs changed is being taken back. */
struct task_undo {
	struct daemon *daemon;      /* NULL = free */
	bool again;                 /* after a restart: others may be left */
	char name[TASK_NAME_MAX + 1];
	uid_t owner_uid;
	struct ulid failed, run;    /* run: whose overlay is next */
	struct outbox_wait wait;
};

struct daemon {
	struct options options;
	struct loop *loop;
	struct outbox *outbox;
	struct watch *watch;
	struct cgroup_tree tree;
	struct feature_report features;
	struct runs runs;
	struct scribe scribe;
	struct workspaces workspaces;
	struct ceiling *ceiling;    /* NULL = this host has none */
	struct host_settings *host; /* NULL = no host.yaml: tiers of agents, promotion and breakers are not kept */
	struct standing *agents[HOST_AGENTS_MAX]; /* with `host` only; each owned */
	uint32_t agent_count;
	int state_fd, runtime_fd, lock_fd, listen_fd, signal_fd, inbox_fd, agents_fd;
	char socket_path[108];      /* unix(7) */
	struct source listener, signals;
	struct timer idle_timer, stop_timer;
	struct outbox_wait stop_wait;
	bool stopping;
	struct client clients[DAEMON_CLIENTS_MAX];
	uint32_t client_count;
	struct task_undo undos[TASK_UNDOS_MAX];
	struct wire_run_row history[DAEMON_HISTORY];
	uint64_t history_count;     /* ever; the newest is at (count - 1) % DAEMON_HISTORY */
};

/* Runs until it is stopped. Returns 0 or a negative errno with text, next step and exit code. */
int daemon_run(const struct options *options, struct error *err) MUST_USE;

/* ---- between the files of this folder ---- */

int control_open(struct daemon *daemon, struct error *err) MUST_USE;
void control_close(struct daemon *daemon);
void client_close(struct client *client);
/* False: the client is gone (closed). */
bool client_answer(struct client *client, const struct wire_answer *answer);
/* The same with descriptors, which stay the caller's. */
bool client_answer_fds(struct client *client, const struct wire_answer *answer, const int *fds,
		       size_t fd_count);
/* For requests that are served in files of their own. */
void answer_error(struct client *client, const struct error *err);
void answer_done(struct client *client);
/* One request with its descriptors, which the callee owns. */
void request_serve(struct client *client, struct slice datagram, int *fds, size_t fd_count);
void requests_started(void *ctx, struct run *run);
void requests_notice(void *ctx, struct run *run, const char *text);
void requests_ended(void *ctx, struct run *run);
/* serve_workspaces.c */
void serve_workspaces(struct client *client, const struct wire_request *wire, int *fds);
void serve_workspace(struct client *client, const struct wire_request *wire, int *fds);
void serve_settle(struct client *client, const struct wire_request *wire, int *fds);
/* tasks.c: 0, or why no run of this task may start ("" = of none). */
int task_gate(struct daemon *daemon, const struct plan *plan, const char *name, struct error *err) MUST_USE;
int task_mark_run(struct daemon *daemon, const struct ulid *run, const char *name, uid_t owner_uid,
		  struct error *err) MUST_USE;
/* A run on an overlay is over: what it leaves is kept, or with it all of its task goes. */
void overlay_ended(struct daemon *daemon, const struct run *run);
/* Goes on with what a dead predecessor had begun. */
void tasks_go_on(struct daemon *daemon);
bool tasks_work(const struct daemon *daemon);
/* serve_people.c, serve_inbox.c */
void serve_pause(struct client *client, const struct wire_request *wire, int *fds);
void serve_resume(struct client *client, const struct wire_request *wire, int *fds);
void serve_cancel(struct client *client, const struct wire_request *wire, int *fds);
void serve_clarify(struct client *client, const struct wire_request *wire, int *fds);
void serve_waive(struct client *client, const struct wire_request *wire, int *fds);
void serve_kill_switch(struct client *client, const struct wire_request *wire, int *fds);
void serve_inbox(struct client *client, const struct wire_request *wire, int *fds);
void serve_claim(struct client *client, const struct wire_request *wire, int *fds);
void serve_release(struct client *client, const struct wire_request *wire, int *fds);
void serve_answer(struct client *client, const struct wire_request *wire, int *fds);
/* To a connection with WIRE_ASK: an item of its run is new or has another state. */
void question_show(struct daemon *daemon, const struct approval *approval);
const struct wire_run_row *history_find(const struct daemon *daemon, const struct ulid *id);
void answer_unknown(struct client *client, const struct ulid *id);
/* The role of a user, for what `owner` started: whoever did is operator of it. UID_NONE = nobody did. */
enum role peer_role(const struct daemon *daemon, const struct peer *peer, uid_t owner);
/* keep.c */
int keep_open(struct daemon *daemon, struct error *err) MUST_USE;
int keep_kill_switch(struct daemon *daemon) MUST_USE;
/* Below `dir`, whole beside the old one and renamed, with a sum. `durable`: also against a loss of power. */
int keep_write(int dir, const char *name, const void *bytes, size_t len, bool durable) MUST_USE;
/* Returns 0; -ENOENT: there is none; -EBADMSG: it is not what was written. */
int keep_read(int dir, const char *name, void *bytes, size_t len) MUST_USE;
/* agents.c: how agents stand, where the host keeps that. */
int agents_open(struct daemon *daemon, struct error *err) MUST_USE;
void agents_close(struct daemon *daemon);
/* 0, or a refusal with text and exit code 122; counts the probe of a breaker that is half open. */
int agents_gate(struct daemon *daemon, const struct plan *plan, struct error *err) MUST_USE;
void agents_ended(struct daemon *daemon, const struct run *run);
void serve_agents(struct client *client, const struct wire_request *wire, int *fds);
void serve_tier(struct client *client, const struct wire_request *wire, int *fds);
void keep_item(void *ctx, const struct approval *approval);
enum requester requester_of(struct client *client, const struct wire_request *wire);
/* An operator's action, also a refused one. */
void intervention_record(struct daemon *daemon, const struct peer *peer, const char *verb,
			 const struct ulid *run, bool allowed, const char *reason);
/* Kills and removes what a dead predecessor of this instance left, and records its runs as lost. */
int leftovers_sweep(struct daemon *daemon, struct error *err) MUST_USE;
/* settings.c: reads what the administrator says of this host, if anything. */
int settings_open(struct daemon *daemon, struct error *err) MUST_USE;
void settings_close(struct daemon *daemon);
/* Whether a plan stays below it: 0, or -EPERM with text and exit code 122. */
int ceiling_gate(const struct daemon *daemon, const struct plan *plan, struct error *err) MUST_USE;
/* The instance's name for a runtime directory: the same for the same directory. */
void instance_name(const char *runtime_dir, char *to, size_t to_size);
/* The program `name` beside this one, in ../lib/bailiff, or in ../../bin. */
int program_find(const char *name, char *path, size_t size, struct error *err) MUST_USE;
void daemon_idle_check(struct daemon *daemon);
void daemon_stop(struct daemon *daemon, const char *why);

#endif
