/* SPDX-License-Identifier: Apache-2.0 */
/* ULIDs (48-bit Unix milliseconds, 80 random bits; Crockford base32, 26 characters). */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"

#define ULID_TEXT_LEN 26

struct ulid {
	uint8_t bytes[16];
};

/* From CLOCK_REALTIME and getrandom(2). Returns 0 or -errno. */
int ulid_new(struct ulid *ret_ulid) MUST_USE;
void ulid_text(const struct ulid *ulid, char to[ULID_TEXT_LEN + 1]);
/* Takes 26 characters in either case. Returns 0 or -EINVAL. */
int ulid_parse(struct slice text, struct ulid *ret_ulid) MUST_USE;
bool ulid_is_zero(const struct ulid *ulid);

#endif
