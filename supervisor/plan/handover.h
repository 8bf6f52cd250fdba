/* SPDX-License-Identifier: Apache-2.0 */
/* What launch/ hands to bailiff-init: descriptors at fixed numbers and a fixed argv, `bailiff-init UID GID
 * RUN-ULID AGENT own|host` (UID and GID: of pid 1 itself, decimal; AGENT: host path of the program that the run finds at
 * AGENT_PROGRAM; then whose network namespace it is in). No environment.
 *
 * Those of HANDOVER_LATER come after exec, in one message (INIT_PLAN) on the channel: pid 1 may be there
 * before anybody knows what it will be for (launch/spare.h). `value` of the message has a bit for each
 * number that is passed, and the descriptors are in the order of their numbers. */
#ifndef PLAN_HANDOVER_H
#define PLAN_HANDOVER_H

enum handover {
	HANDOVER_STDIN, HANDOVER_STDOUT, HANDOVER_STDERR,
	HANDOVER_PLAN,        /* sealed memfd */
	HANDOVER_CHANNEL,     /* SOCK_SEQPACKET to the supervisor: struct init_message */
	HANDOVER_SUPERVISOR,  /* its pidfd */
	HANDOVER_KILL,        /* the run's cgroup.kill, for writing */
	HANDOVER_FREEZE,      /* the run's cgroup.freeze, for writing */
	HANDOVER_SESSION,     /* SOCK_SEQPACKET to the CLI; may be missing */
	HANDOVER_WORKSPACE,   /* detached mount of the directory that gets the upper layer; may be missing */
	HANDOVER_COUNT,
};

#define HANDOVER_NEEDED (1U << HANDOVER_STDIN | 1U << HANDOVER_STDOUT | 1U << HANDOVER_STDERR | \
			 1U << HANDOVER_PLAN)
#define HANDOVER_LATER (HANDOVER_NEEDED | 1U << HANDOVER_SESSION | 1U << HANDOVER_WORKSPACE)

#define HANDOVER_ARGC 6
#define HANDOVER_OWN_NETWORK "own"
#define HANDOVER_HOST_NETWORK "host"

#endif
