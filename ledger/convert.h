/* SPDX-License-Identifier: Apache-2.0 */
/* From a producer's fixed struct to a record: identities instead of pids, bytes where text is not
 * UTF-8. Sensitive values are the store's business. */
#ifndef LEDGER_CONVERT_H
#define LEDGER_CONVERT_H

#include "ledger/intake_parse.h"
#include "ledger/record.h"

#define CONVERTER_SLOTS 1024U

struct converter {
	uint8_t boot_id[16];
	struct converter_slot {
		uint32_t pid;
		uint64_t start_ns;      /* 0 = empty */
		uint8_t identity[16];
	} slots[CONVERTER_SLOTS];       /* direct-mapped by pid */
};

/* Fills *ret_record without values; it borrows from `view`, and from `converter` until the next
 * call. Returns 0, -EINVAL (a detail key twice), -EPERM (a kind that producers do not write) or
 * -EIO. */
int convert(struct converter *converter, const struct intake_view *view,
	    struct record *ret_record) MUST_USE;

/* True when a record like this commits at once. */
bool convert_is_sync(const struct intake_view *view);

#endif
