/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the processes of one run: its cgroup, then pid 1 (bailiff-init) in new namespaces, born
 * inside the cgroup. bailiff-init does the rest (init/README.md) and speaks struct init_message
 * (daemon/wire.h) over the channel:
 *
 *   launch_run() ... INIT_READY (all stages done) or INIT_STAGE_FAILED
 *   the caller registers cgroup.id with the watcher, writes the ledger, then launch_go()
 *   ... INIT_EXEC_FAILED, or INIT_NOTIFY*, INIT_EXITED; then cgroup_kill(), cgroup_wait_empty(),
 *   launched_finish()
 *
 * End of stream on the channel, or init_pidfd readable, before INIT_EXITED: pid 1 died and with it
 * every process of the run. */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/feature.h"
#include "base/ulid.h"
#include "launch/cgroup.h"
#include "plan/plan.h"

#define LAUNCH_AGENT_MAX 1024U

struct init_message;
struct porter;
struct spare;

struct launch_host {             /* the same for every run; all borrowed */
	int init_fd;                 /* bailiff-init in a sealed memfd: launch_init_memfd() */
	const char *agent_program;   /* host path of bailiff-agent, below LAUNCH_AGENT_MAX */
	int supervisor_pidfd;        /* the caller's own pidfd: init watches it */
	const struct cgroup_tree *tree;
	uid_t init_uid;              /* of pid 1: account bailiff-init; never 0 and never the run's */
	gid_t init_gid;
	struct porter *porter;       /* may be NULL; used when it is ready */
};

struct launch_spec {             /* all borrowed */
	const struct launch_host *host;
	const struct plan *plan;     /* passed plan_check() */
	int plan_fd;                 /* the sealed memfd behind it; init maps and checks it again */
	struct ulid run;
	int stdio[3];
	int session_fd;              /* SOCK_SEQPACKET to `bailiff run`; FD_NONE = none */
	int workspace_fd;            /* HANDOVER_WORKSPACE; FD_NONE = no overlay */
	struct spare *spare;         /* may be NULL; used when it is there and has the run's id (spare.h) */
};

struct launched {
	pid_t pid;                   /* of pid 1, in the caller's pid namespace; signal by init_pidfd only */
	int init_pidfd;              /* readable when pid 1 is dead: then waitid(P_PIDFD) */
	int channel_fd;              /* SOCK_SEQPACKET, blocking; struct init_message both ways */
	int control_fd;              /* listens at the run's AGENT_CONTROL; came with INIT_READY, FD_NONE before */
	int notify_fd;               /* of the last INIT_NOTIFY, closed by the next launch_receive(); FD_NONE = none */
	int held_fd;                 /* PLAN_GATE: the listener of held execs, with INIT_READY, too */
	int execs_fd;                /* PLAN_BROKER, too: the broker receives them, and hands them on here (struct
				      * held_exec) */
	struct cgroup cgroup;
	uint32_t in_force;           /* bits of enum feature that launch applied: NAMESPACES, CGROUP_*,
				      * LIMIT_*, PIDFD. INIT_READY.in_force has the rest; or them */
};

#define LAUNCHED_NONE ((struct launched){ .init_pidfd = FD_NONE, .channel_fd = FD_NONE, \
	.control_fd = FD_NONE, .notify_fd = FD_NONE, .held_fd = FD_NONE, .execs_fd = FD_NONE, \
	.cgroup = CGROUP_NONE })

/* The program at `path` as a sealed, executable memfd, so that nothing inside a run can reach the
 * installed file (runc CVE-2019-5736). Once per supervisor. Returns 0 or -errno. */
int launch_init_memfd(const char *path, int *ret_fd, struct error *err) MUST_USE;

/* The part of a launch that needs no plan: the cgroup, and pid 1, which waits for a plan. Without `own_network`
 * it has the host's. What launch_run() says of its results and blocking holds here. */
int launch_begin(const struct launch_host *host, const struct ulid *run, bool own_network,
		 struct launched *ret_launched, struct error *err) MUST_USE;

/* Starts pid 1. On success the caller owns everything in *ret_launched; pid 1 works through its
 * stages meanwhile and waits for launch_go(). On failure nothing was left behind: no process, no
 * cgroup. Does not block longer than a fork. With PDEATHSIG in use the calling thread must live as
 * long as the run.
 *
 * Returns 0; -EAGAIN when the host's process limit is reached (retry later); -EOPNOTSUPP when
 * something that plan->head->require names could not be applied (err->exit_code 121); or another
 * negative errno with the failed step named in *err. */
int launch_run(const struct launch_spec *spec, struct launched *ret_launched, struct error *err) MUST_USE;

/* The command may be executed now. Returns 0, -EPIPE (pid 1 is gone), or -errno. Never blocks. */
int launch_go(const struct launched *launched) MUST_USE;
/* Sends `signal` to the command's process group, through pid 1 (a friendly cancel; not for killing). */
int launch_signal(const struct launched *launched, int signal) MUST_USE;

/* The next message of pid 1, checked: version, kind, terminated text, and that INIT_READY comes with descriptors
 * (control_fd, and of a gated run held_fd and execs_fd), and only INIT_NOTIFY may, too (notify_fd). Never blocks.
 * Returns 1; 0 at end of stream; -EAGAIN when there is none; -EPROTO; or -errno. */
int launch_receive(struct launched *launched, struct init_message *ret_message) MUST_USE;

/* Kills whatever is left, waits until the cgroup is empty and pid 1 is reaped (at most `timeout_ms`),
 * removes the cgroup, closes everything. *ret_wait_status of pid 1, may be NULL; -1 when it was
 * reaped by somebody else. Takes LAUNCHED_NONE. Returns 0; -ETIMEDOUT: call again; or -errno. */
int launched_finish(struct launched *launched, uint32_t timeout_ms, int *ret_wait_status) MUST_USE;

#endif
