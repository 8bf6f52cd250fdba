/* SPDX-License-Identifier: Apache-2.0 */
/* Which modes of a terminal the run has changed, read from what it wrote: to put the person's terminal back when the
 * run ends or is left, and to bring a terminal that comes later to where the others are. A push parser of the
 * few sequences that leave something behind (ECMA-48, xterm's ctlseqs); any bytes, no allocation. Pure. */
#ifndef CLI_MODES_H
#define CLI_MODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define MODES_NUMBERS_MAX 8U
#define MODES_BYTES_MAX 512U      /* of what modes_leave() and modes_enter() write */

enum modes_state { MODES_GROUND, MODES_ESCAPE, MODES_CHARSET, MODES_SEQUENCE, MODES_STRING, MODES_STRING_ESCAPE };

struct modes {
	enum modes_state state;
	uint32_t changed;             /* bit i: row i of the table of private modes is not at its default */
	bool keypad, charset, insert, attributes, margins, cursor_style;
	uint32_t key_reports;         /* CSI > 4 ; N m */
	uint32_t key_stack;           /* CSI > N u, not yet taken back */
	char intro;                   /* of the sequence that is read: '?', '>', '<', '=', '!', or 0 */
	char between;                 /* its intermediate byte, or 0 */
	uint32_t numbers[MODES_NUMBERS_MAX];
	size_t count;
};

void modes_read(struct modes *modes, struct slice bytes);
/* Appends what brings a terminal in these modes back to the usual ones; nothing where nothing was changed. A sequence
 * that the run left unfinished is ended first. */
void modes_leave(const struct modes *modes, struct buf *to);
/* Appends what brings a usual terminal into these modes. */
void modes_enter(const struct modes *modes, struct buf *to);

#endif
