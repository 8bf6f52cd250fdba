/* SPDX-License-Identifier: Apache-2.0 */
/* The last part of what a run wrote to its terminal, for those who attach later or read slowly: a ring of fixed size, in
 * which every reader has a place of its own. A reader that is overtaken goes on with the oldest that is left. */
#ifndef CLI_SCROLLBACK_H
#define CLI_SCROLLBACK_H

#include <stdint.h>

#include "cli/modes.h"

#define SCROLLBACK_BYTES (256U << 10)

struct scrollback {
	char *bytes;          /* owned; NULL until the first output */
	uint64_t start, end;  /* of all that was ever written: [start, end) is here */
	struct modes at_start;/* of a terminal that has read everything before */
};

/* Without memory what is written is only not kept. */
void scrollback_add(struct scrollback *scrollback, struct slice bytes);
void scrollback_finish(struct scrollback *scrollback);
/* Where a new reader begins: at the oldest whole line, or at the oldest byte. *ret_modes are those that its terminal must
 * have there. */
uint64_t scrollback_open(const struct scrollback *scrollback, struct modes *ret_modes);
/* What follows at `place`, as far as it lies together; moves an overtaken place. Empty at the end. */
struct slice scrollback_at(const struct scrollback *scrollback, uint64_t *place);

#endif
