/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two texts by lines: Myers' O(ND) algorithm between the first and the last line that
 * differ, with a bound on D beyond which everything in between counts as replaced. Pure. */
#ifndef CLI_DIFF_H
#define CLI_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"

#define DIFF_BYTES_MAX (8U << 20) /* of one text; more is not compared by lines */
#define DIFF_EDITS_MAX 2000U

struct diff_side {
	struct slice *lines;     /* with their newline; the last one may lack it */
	bool *changed;           /* removed (before) or added (after) */
	size_t count;
};

struct diff {
	struct diff_side before, after;
	size_t removed, added;
};

/* Borrows both texts. Release with diff_finish() in each case. Returns 0 or -ENOMEM. */
int diff_make(struct slice before, struct slice after, struct diff *ret_diff) MUST_USE;
void diff_finish(struct diff *diff);
/* A NUL in the first 8000 bytes, as git has it. */
bool diff_is_binary(struct slice text);

/* The next hunk from line *at of `before` and its counterpart on, with `context` lines around. False:
 * there is none. Ranges are [first, end). */
struct diff_hunk {
	size_t before_first, before_end, after_first, after_end;
};
bool diff_next(const struct diff *diff, size_t context, struct diff_hunk *hunk);

#endif
