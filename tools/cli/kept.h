/* SPDX-License-Identifier: Apache-2.0 */
/* The overlays that a supervisor keeps, for `changes`, `commit` and `rollback`. */
#ifndef CLI_KEPT_H
#define CLI_KEPT_H

#include "cli/layer.h"

struct kept {
	struct wire_workspace_row *rows; /* owned */
	size_t count;
};

/* What may be seen: one's own, and all of them as root. kept_finish() in each case. */
int kept_list(int control_fd, struct kept *ret_kept, struct error *err) MUST_USE;
void kept_finish(struct kept *kept);
/* What an upper layer takes on disk, as far as it can be read; at least that with more than
 * KEPT_ENTRIES_MAX entries. Takes `fd`. */
#define KEPT_ENTRIES_MAX 200000U
uint64_t kept_bytes(int fd);
/* The overlay of the run that `word` names: its id or the last characters of it. */
int kept_find(int control_fd, const char *word, struct ulid *ret_run, struct error *err) MUST_USE;

/* Marks the changes at or below `paths` (of the workspace, or absolute in it) and the new directories
 * on the way there; without paths all. -ENOENT: a path has no change. */
int layer_select(struct layer *layer, char *const *paths, int count, struct error *err) MUST_USE;

/* ---- changes_show.c ---- */

/* One line for each change, escaped. */
void changes_print(const struct layer *layer);
int changes_json(const struct layer *layer) MUST_USE;
/* ---- changes_patch.c ---- */

/* As a patch that `git apply` takes; binary files are named only. Returns 0 or -ENOMEM. */
int changes_patch(struct layer *layer) MUST_USE;
/* Lines added and removed, by file. */
int changes_stat(struct layer *layer) MUST_USE;

/* "3 changes: 1 added, 2 modified; 1 held" */
void changes_sum(const struct layer *layer, char *to, size_t to_size);
/* One line for each that is held, on stderr. Returns their number. */
size_t changes_held(const struct layer *layer);

#endif
