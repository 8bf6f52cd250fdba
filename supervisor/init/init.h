/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-init: pid 1 of a sandbox. One context, two ordered tables of stages (stages.c): those of
 * pid 1, as root in new namespaces, and those of the command's process, which ends by execve. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "plan/handover.h"
#include "plan/plan.h"

#define OWN_DEVICES_MAX 64U

struct init {
	struct plan plan;
	uid_t uid;               /* of pid 1 after its stages */
	gid_t gid;
	const char *run;         /* ULID, text */
	bool own_network;
	const char *agent_program; /* host path of what is at AGENT_PROGRAM inside */
	int channel, session;    /* session: FD_NONE = nobody */
	int supervisor, kill, freeze;
	int workspace;           /* where the upper layer is made; FD_NONE = no overlay */

	int host;                /* O_PATH of the host's root, until the pivot */
	int root;                /* the new root */
	int idmap;               /* user namespace fd of MOUNT_IDMAP mounts */
	int mask_file, mask_dir; /* O_PATH of what MOUNT_MASK shows */
	int pts;                 /* the devpts of the new /dev */
	bool as_caller;          /* whose file identity we have: taken and given back by identity.c */
	bool has_parent, parent_own; /* tree_make(): the directory of what was made last */
	int parent;
	char parent_path[PLAN_PATH_MAX];
	int source;              /* of the bind that is made now: a descriptor, or -errno */
	dev_t own[OWN_DEVICES_MAX]; /* tmpfs made here: only on these are directories created */
	size_t own_count;

	int terminal;            /* the pty's slave in pid 1; FD_NONE without a terminal */
	uint32_t terminal_fds;   /* bit n: fd n of the command is the terminal */
	int notify;              /* datagram socket of NOTIFY_SOCKET */
	int control;             /* listens for `bailiff agent` until the supervisor does */

	pid_t command;           /* process group, too */
	int command_report;      /* pid 1 reads struct command_report from here */
	int command_go;          /* pid 1 writes one byte here to let it execute */

	pid_t broker;            /* 0: this run has none */
	int broker_channel;      /* the command's end, until the broker has its listener */

	struct secret *secrets;  /* secrets.c: one per plan_secret; NULL = the plan has none */

	uint32_t in_force;       /* bits of enum feature */
	uint32_t landlock_abi;
};

struct stage {
	const char *name;
	int (*run)(struct init *init, struct error *err);
};

/* Runs the stages in order. On failure *ret_stage is the index and *err has the text. */
int stages_run(const struct stage *stages, size_t count, struct init *init, size_t *ret_stage,
	       struct error *err) MUST_USE;
/* stages.c */
extern const struct stage early_stages[], init_stages[], command_stages[];
extern const size_t early_stage_count, init_stage_count, command_stage_count;

/* What the command's process tells pid 1, a message each. */
enum command_report_kind { COMMAND_READY = 1, COMMAND_STAGE_FAILED, COMMAND_EXEC_FAILED,
			   COMMAND_HELD }; /* with descriptors for the supervisor: INIT_READY */
struct command_report {
	uint32_t kind, stage, in_force, landlock_abi;
	uint32_t broker;         /* its pid, or 0 */
	int32_t error;
	char text[256];
};

/* identity.c: whose rights count in file lookups and what is left of privileges. */
int identity_as_caller(struct init *init, struct error *err) MUST_USE;
int identity_as_root(struct init *init, struct error *err) MUST_USE;
int stage_bounding(struct init *init, struct error *err) MUST_USE;
int stage_identity(struct init *init, struct error *err) MUST_USE;
int stage_capabilities(struct init *init, struct error *err) MUST_USE;
int stage_limits(struct init *init, struct error *err) MUST_USE;
int stage_proof(struct init *init, struct error *err) MUST_USE;
/* The same for pid 1: own uid, CAP_KILL left, own filter. */
int identity_demote_init(const struct init *init, struct error *err) MUST_USE;
/* And for the broker: pid 1's uid, the run's file identity, CAP_SYS_PTRACE left. */
int identity_demote_broker(const struct init *init, struct error *err) MUST_USE;

/* root.c */
int stage_cgroup_namespace(struct init *init, struct error *err) MUST_USE;
int stage_loopback(struct init *init, struct error *err) MUST_USE;
int stage_network(struct init *init, struct error *err) MUST_USE;
int stage_hostname(struct init *init, struct error *err) MUST_USE;
int stage_memfd(struct init *init, struct error *err) MUST_USE;
int stage_new_root(struct init *init, struct error *err) MUST_USE;
int stage_mount_namespace(struct init *init, struct error *err) MUST_USE;
int stage_root(struct init *init, struct error *err) MUST_USE;
int stage_pivot(struct init *init, struct error *err) MUST_USE;

/* mounts.c */
int stage_mounts(struct init *init, struct error *err) MUST_USE;

/* overlay.c: the workspace from init->source, which is taken. */
int mount_overlay(struct init *init, const struct plan_mount *mount, const char *target,
		  struct error *err) MUST_USE;

/* device.c: /proc and /dev */
int mount_proc(struct init *init, const char *target, struct error *err) MUST_USE;
int mount_dev(struct init *init, const char *target, struct error *err) MUST_USE;

/* idmap.c: a user namespace fd that swaps 0 and the run's ids, when a mount wants it. */
int stage_idmap(struct init *init, struct error *err) MUST_USE;

/* terminal.c */
int stage_stdio(struct init *init, struct error *err) MUST_USE;
int stage_terminal(struct init *init, struct error *err) MUST_USE;

/* landlock.c, filter.c */
int stage_landlock(struct init *init, struct error *err) MUST_USE;
int stage_seccomp(struct init *init, struct error *err) MUST_USE;
int filter_init_install(struct error *err) MUST_USE;
int filter_broker_install(struct error *err) MUST_USE;

/* broker.c: forks the broker, a child of pid 1, when the plan needs one. */
int stage_broker(struct init *init, struct error *err) MUST_USE;

/* agent.c */
int stage_agent(struct init *init, struct error *err) MUST_USE;

/* secrets.c */
int stage_secrets(struct init *init, struct error *err) MUST_USE;

/* command.c: forks; the child does not return. */
int stage_fork(struct init *init, struct error *err) MUST_USE;
int stage_directory(struct init *init, struct error *err) MUST_USE;
/* Hands the listener of held calls to pid 1, and with a broker the channel for execs. Returns 0 or -errno. */
int command_held(const struct init *init, const int *fds, size_t count) MUST_USE;

/* reaper.c: pid 1's life after the stages. Returns its exit status. */
int reaper_run(struct init *init);
/* Sends INIT_STAGE_FAILED. */
void reaper_stage_failed(int channel, uint32_t stage, const char *name, const struct error *err);

#endif
