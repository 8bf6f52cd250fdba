/* SPDX-License-Identifier: Apache-2.0 */
/* Total parsers: the whole text or nothing. On failure the output is untouched. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"

/* Decimal digits only: no sign, blank, prefix, leading zero or overflow.
 * Returns 0, -EINVAL (not a number), -ERANGE (outside min..max). */
int parse_u64(struct slice text, uint64_t min, uint64_t max, uint64_t *ret_value) MUST_USE;
int parse_u32(struct slice text, uint32_t min, uint32_t max, uint32_t *ret_value) MUST_USE;
/* A decimal uid or gid; (uint32_t)-1 is refused with -ERANGE. */
int parse_uid(struct slice text, uid_t *ret_uid) MUST_USE;
/* "200ms" "60s" "15m" "4h" "7d" to nanoseconds; a unit is required, except for 0. */
int parse_duration(struct slice text, uint64_t *ret_ns) MUST_USE;
/* "8GiB" "512MiB" "64KiB" "100B" and the short "2G" "512M" "64K" (powers of 1024) to bytes. */
int parse_size(struct slice text, uint64_t *ret_bytes) MUST_USE;

#endif
