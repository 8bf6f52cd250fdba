/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup of a run: what it is identified, limited, frozen and killed by.
 *
 * Tree: <v2 mount>/bailiff/<instance>/<RUN-ULID>, and the same below the v1 hierarchies of pids,
 * memory and cpu where the v2 tree does not have the controller (a hybrid host). Each supervisor
 * has its own instance, so that several can run side by side. The inode of the v2 directory is the
 * id that BPF sees (bpf_get_current_cgroup_id). Source: kernel Documentation/admin-guide/cgroup-v2.rst,
 * cgroups(7). */
#ifndef LAUNCH_CGROUP_H
#define LAUNCH_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "plan/plan.h"

#define CGROUP_PATH_MAX 512U
#define CGROUP_NAME_MAX 64U

enum cgroup_controller { CGROUP_PIDS, CGROUP_MEMORY, CGROUP_CPU, CGROUP_CONTROLLER_COUNT };

/* The parent of all runs of one supervisor. */
struct cgroup_tree {
	int v2_fd;                             /* <v2 mount>/bailiff/<instance>; cgroup BPF programs are
						* attached here, once */
	int v1_fd[CGROUP_CONTROLLER_COUNT];    /* the same below v1; FD_NONE: v2 has it, or nobody */
	bool v2_has[CGROUP_CONTROLLER_COUNT];
	char v2_path[CGROUP_PATH_MAX];         /* as seen in the supervisor's mount namespace */
	char instance[CGROUP_NAME_MAX];
};

struct cgroup {
	int dir_fd;                            /* v2, O_DIRECTORY (not O_PATH): for clone3 and *at() */
	int events_fd;                         /* cgroup.events: EPOLLPRI when populated or frozen changes */
	int v1_fd[CGROUP_CONTROLLER_COUNT];
	uint64_t id;                           /* inode of the v2 directory */
	const struct cgroup_tree *tree;        /* borrowed, must outlive it; NULL = none */
	char name[CGROUP_NAME_MAX];
};

#define CGROUP_NONE ((struct cgroup){ .dir_fd = FD_NONE, .events_fd = FD_NONE, \
	.v1_fd = { FD_NONE, FD_NONE, FD_NONE } })

/* Finds the hierarchies in /proc/self/mountinfo and makes the parents (mode 0755, root's). `instance`
 * is one path component of [a-z0-9_-]. Existing ones are used. The caller owns the result and ends
 * it with cgroup_tree_close(). Returns 0; -ENOENT (exit code 121): no v2 tree; or -errno. */
int cgroup_tree_open(const char *instance, struct cgroup_tree *ret_tree, struct error *err) MUST_USE;
/* Removes the instance's directories where they are empty, closes the descriptors. */
void cgroup_tree_close(struct cgroup_tree *tree);
/* Kills and removes what an earlier supervisor of this instance left. Blocks at most
 * `timeout_ms`. Returns the number of runs removed, or -ETIMEDOUT, or -errno. */
int cgroup_tree_sweep(const struct cgroup_tree *tree, uint32_t timeout_ms) MUST_USE;

/* Makes the directories of one run. `name` as for an instance, capitals allowed. With `v1_from` the v1
 * ones are not made: those of this name, with whoever is in them, are renamed. End it with
 * cgroup_remove(). On failure nothing is left. Returns 0, -EEXIST, or -errno. */
int cgroup_new(const struct cgroup_tree *tree, const char *name, const char *v1_from,
	       struct cgroup *ret_cgroup, struct error *err) MUST_USE;

/* Applies pids, memory and cpu. *ret_in_force gets the FEATURE_LIMIT_* bits of what was asked for and
 * applied. Returns 0 also when some could not be applied: the caller compares with what is required. */
int cgroup_limit(const struct cgroup *cgroup, const struct plan_limits *limits,
		 uint32_t *ret_in_force) MUST_USE;

/* Sends SIGKILL to every process in it, also frozen ones and those that fork meanwhile (one write to
 * cgroup.kill; without it, 5.14, freeze and signal each). Does not wait. Returns 0 or -errno. */
int cgroup_kill(const struct cgroup *cgroup) MUST_USE;
/* Does not wait; events_fd tells. A task held by seccomp notification never reports frozen. */
int cgroup_freeze(const struct cgroup *cgroup, bool freeze) MUST_USE;
/* 1 when a live process is in it, 0 when none, or -errno. Reads events_fd from its start, which also
 * acknowledges a pending EPOLLPRI. */
int cgroup_populated(const struct cgroup *cgroup) MUST_USE;
int cgroup_frozen(const struct cgroup *cgroup) MUST_USE;
/* Waits until nobody is left. Returns 0, -ETIMEDOUT, or -errno. */
int cgroup_wait_empty(const struct cgroup *cgroup, uint32_t timeout_ms) MUST_USE;
/* Processes in it now, pid 1 of the run included. */
int cgroup_count(const struct cgroup *cgroup, uint32_t *ret_count) MUST_USE;
/* Removes the directories and closes everything; then *cgroup is CGROUP_NONE. With processes left it
 * changes nothing and returns -EBUSY. Takes CGROUP_NONE. Returns 0 or -errno. */
int cgroup_remove(struct cgroup *cgroup) MUST_USE;

#endif
