/* SPDX-License-Identifier: Apache-2.0 */
/* Room that the ledger keeps for itself on its disk: a file whose blocks are given back when nothing
 * else is left, so that what was done about a run can be written while its deeds cannot. */
#ifndef LEDGER_RESERVE_H
#define LEDGER_RESERVE_H

#include <stdbool.h>

#define RESERVE_BYTES (16U << 20)
/* Less than this free: the reserve is given back. A commit and the checkpoint behind it fit. */
#define RESERVE_LOW_BYTES (8U << 20)

struct reserve {
	int dir_fd;                 /* borrowed */
	bool held;                  /* the file is there, with all its blocks */
};

/* Looks at `dir_fd`, and takes or gives back the reserve as reserve_check() does. */
bool reserve_open(struct reserve *reserve, int dir_fd);
/* Gives the reserve back when the disk is nearly full, takes it again when there is room for it and as
 * much beside it. Returns true when the disk is full: the reserve is not held. */
bool reserve_check(struct reserve *reserve);

#endif
