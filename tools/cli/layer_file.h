/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the workspace, made whole and put under its name in one step. */
#ifndef CLI_LAYER_FILE_H
#define CLI_LAYER_FILE_H

#include "cli/layer.h"

struct place {
	int parent;              /* O_PATH; borrowed */
	const char *name;
	bool replaces;           /* there is something that is no directory */
	char temporary[LAYER_TEMPORARY_SIZE];
};

/* The content, type, mode, attributes and times of the upper layer's file. Returns 0 or -errno; the
 * workspace has the old file then. */
int file_copy(struct layer *layer, const struct change *change, const struct place *place) MUST_USE;
/* A further name of a file that the workspace has already. Returns 0, 1 when there is none, -errno. */
int file_link(struct layer *layer, const struct change *change, const struct place *place) MUST_USE;
/* Mode, attributes and times only. */
int file_adjust(struct layer *layer, const struct change *change, const struct place *place) MUST_USE;
/* chmod(2) by an O_PATH descriptor. */
int file_mode(int path_fd, mode_t mode) MUST_USE;
/* `to`: O_PATH. */
int file_dress_directory(int from, int to, const struct stat *upper) MUST_USE;
/* A tree of the upper layer, of any depth, without following links. */
int file_remove_tree(int parent, const char *name) MUST_USE;

#endif
