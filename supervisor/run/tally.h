/* SPDX-License-Identifier: Apache-2.0 */
/* How often each of many things happened, in fixed memory: the rarest makes room for a new one. What is counted
 * often is never forgotten, so a limit on the same thing holds. Pure. */
#ifndef RUN_TALLY_H
#define RUN_TALLY_H

#include <stdint.h>

#include "base/slice.h"

#define TALLY_MAX 64U

struct tally {
	struct tally_row {
		uint64_t key;
		uint32_t count;  /* 0 = free */
	} rows[TALLY_MAX];
};

/* Counts `key` once more; returns its count, at most UINT32_MAX. */
uint32_t tally_add(struct tally *tally, uint64_t key);
/* Nothing was counted. */
void tally_clear(struct tally *tally);
/* Keys are made of parts: start with TALLY_KEY. */
#define TALLY_KEY 0xcbf29ce484222325ULL
uint64_t tally_key(uint64_t key, struct slice part);

#endif
