/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay was told of names: (name, address, until when). Only what is in here, or in a listed
 * network, is ever connected to. Bounded: the oldest answer gives way. */
#ifndef EGRESS_ANSWERS_H
#define EGRESS_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "egress/wire.h"

#define ANSWERS_MAX 1024U
/* Programs keep addresses longer than they should; whoever asks anew gets what is true now. */
#define ANSWER_GRACE_NS 600000000000ULL

struct answer {
	uint64_t fresh_ns;       /* until then DNS questions are answered from here (monotonic) */
	uint64_t valid_ns;       /* until then it may be connected to; 0 = free */
	uint16_t type;           /* 1 A, 28 AAAA */
	uint8_t name_len, count;
	uint8_t addrs[EGRESS_ANSWERS_MAX][16];
	char name[256];
};

struct answers {
	struct answer rows[ANSWERS_MAX];
	uint32_t used;           /* rows ever used: those behind are free */
};

/* Adds to what is known. */
void answers_put(struct answers *answers, struct slice name, uint16_t type,
		 const uint8_t (*addrs)[16], size_t count, uint64_t ttl_ns, uint64_t now_ns);
/* Fresh ones only; NULL = ask. */
const struct answer *answers_fresh(const struct answers *answers, struct slice name, uint16_t type,
				   uint64_t now_ns);
bool answers_has(const struct answers *answers, struct slice name, const uint8_t addr[16],
		 uint64_t now_ns);
/* The names that have this address, one after another: pass *at = 0 first. NULL = no more. */
const struct answer *answers_next(const struct answers *answers, const uint8_t addr[16], uint64_t now_ns,
				  uint32_t *at);

#endif
