/* SPDX-License-Identifier: Apache-2.0 */
/* Waivers: single-use, expiring, justified exceptions to one rule in one run (behaviour model, section 5.6).
 * Pure. Not kept on the disk: a run does not outlive its supervisor, and neither does an exception for it. */
#ifndef RUN_WAIVERS_H
#define RUN_WAIVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "base/ulid.h"

#define WAIVERS_MAX 64U
#define WAIVER_RULE_MAX 64U

enum waiver_state { WAIVER_NONE, WAIVER_GRANTED, WAIVER_CONSUMED, WAIVER_EXPIRED, WAIVER_WITHDRAWN,
		    WAIVER_STATE_COUNT };

struct waiver {
	struct ulid id, run;
	uint32_t number;                 /* the id of the grant that it is */
	uint32_t state;                  /* enum waiver_state */
	uint64_t expires_ns;             /* CLOCK_MONOTONIC */
	uint8_t action[32];              /* this action only; zero = any of this rule in this run */
	uint32_t uid;                    /* who granted it */
	uint32_t reason_code;
	char rule[WAIVER_RULE_MAX];
};

struct waivers {
	uint32_t count;
	struct waiver items[WAIVERS_MAX];
};

bool waiver_move_allowed(enum waiver_state from, enum waiver_state to);
const char *waiver_state_name(enum waiver_state state);
/* GRANTED, with this number. NULL: WAIVERS_MAX are live. */
struct waiver *waivers_add(struct waivers *waivers, const struct waiver *item, uint32_t number);
struct waiver *waivers_number(struct waivers *waivers, uint32_t number);
/* The one use. False: used, expired, withdrawn, or for another run or action. */
bool waiver_consume(struct waiver *waiver, const struct ulid *run, const uint8_t action[32], uint64_t now_ns);
bool waiver_withdraw(struct waiver *waiver);
/* True: it is expired now. */
bool waiver_tick(struct waiver *waiver, uint64_t now_ns);
uint64_t waivers_deadline(const struct waivers *waivers);

#endif
