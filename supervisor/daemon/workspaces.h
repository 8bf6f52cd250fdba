/* SPDX-License-Identifier: Apache-2.0 */
/* The upper layers of overlay workspaces, <state-dir>/workspaces/<RUN>/ (plan/overlay.h). They are made
 * before a run, outlive it and its supervisor, and stay until somebody commits or rolls back. Nothing
 * in them but the head of `meta`, which bailiff-init wrote, is read here: names and files are the
 * agent's, and whoever judges them has no privilege (tools/cli). */
#ifndef DAEMON_WORKSPACES_H
#define DAEMON_WORKSPACES_H

#include <stdbool.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/ulid.h"
#include "daemon/wire.h"

struct workspaces {
	struct loop *loop;
	int fd;                  /* the folder; FD_NONE = not open */
	struct source remover;   /* the child that removes what was dropped */
	int remover_pidfd;
	bool again;              /* something was dropped meanwhile */
};

#define WORKSPACES_NONE ((struct workspaces){ .fd = FD_NONE, .remover_pidfd = FD_NONE })

/* Opens the folder (made as needed, root's alone) and drops what a dead predecessor left half-made. */
int workspaces_open(struct workspaces *workspaces, struct loop *loop, int state_fd,
		    struct error *err) MUST_USE;
void workspaces_close(struct workspaces *workspaces);

/* The place of a new overlay, as a detached mount that only its descriptor keeps. Returns 0 or a
 * negative errno with text, next step and exit code; nothing is left then. */
int workspace_make(struct workspaces *workspaces, const struct ulid *run, int *ret_fd,
		   struct error *err) MUST_USE;
/* The run is over. One that never started, or changed nothing, leaves no overlay. */
void workspace_ended(struct workspaces *workspaces, const struct ulid *run, bool started);
/* Away at once; a child removes the files. One that is not there: no effect. */
void workspace_drop(struct workspaces *workspaces, const struct ulid *run);

/* What is kept of this run, for files beside it. Returns a descriptor or -errno. */
int workspace_entry(const struct workspaces *workspaces, const struct ulid *run) MUST_USE;
/* The owner in meta, or UID_NONE. */
uid_t workspace_owner(const struct workspaces *workspaces, const struct ulid *run);
/* Returns 0, -ENOENT (none is kept of this run), -EINVAL (meta is damaged) or -errno. */
int workspace_row(const struct workspaces *workspaces, const struct ulid *run,
		  struct wire_workspace_row *ret_row) MUST_USE;
/* The upper directory, meta, and the index of files with several names if there is one, for reading; the
 * caller owns them. Returns their number or -errno. */
#define WORKSPACE_FDS 3U
int workspace_hand_out(const struct workspaces *workspaces, const struct ulid *run,
		       int ret_fds[WORKSPACE_FDS]) MUST_USE;
/* Calls `each` with the id of each kept overlay until it returns false. */
int workspaces_each(const struct workspaces *workspaces, bool (*each)(void *ctx, const struct ulid *run),
		    void *ctx) MUST_USE;

#endif
