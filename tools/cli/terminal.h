/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal while a run is connected to it by a pty: raw while we are in its foreground,
 * put back before we stop or end. Pipes and files are never touched; the run has them itself. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

#include "base/cleanup.h"

struct terminal {
	int in_fd;             /* 0 when it is a terminal, else FD_NONE; borrowed */
	int out_fd;            /* the first terminal of 1, 2, 0, else FD_NONE; borrowed */
	struct termios saved;  /* valid while raw */
	bool raw;
};

void terminal_init(struct terminal *terminal);
/* True when our process group is the one that the terminal belongs to now. Without a controlling
 * terminal there is nobody to share with: true. */
bool terminal_foreground(const struct terminal *terminal);
/* Raw mode, unless stdin is no terminal, we are in the background, or it is raw. 0 or -errno. */
int terminal_raw(struct terminal *terminal);
void terminal_restore(struct terminal *terminal);
/* Gives a new pty the user's modes and size. Where stdin is no terminal, the user's terminal stays
 * as it is and does the output processing, so the pty's is turned off. 0 or -errno. */
int terminal_dress(const struct terminal *terminal, int master_fd);
/* Copies the window's size to the pty. 0 or -errno. */
int terminal_resize(const struct terminal *terminal, int master_fd);

#endif
