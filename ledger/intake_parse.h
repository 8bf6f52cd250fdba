/* SPDX-License-Identifier: Apache-2.0 */
/* Reading datagrams of intake.h. Believes nothing: every length is compared with what is left
 * before it is used, reserved and padding bytes must be zero, numbers are range-checked before they
 * become enums. Pure; does not allocate; the bytes need no alignment. */
#ifndef LEDGER_INTAKE_PARSE_H
#define LEDGER_INTAKE_PARSE_H

#include "base/slice.h"
#include "ledger/intake.h"

struct intake_pair_view {
	struct intake_pair head;
	struct slice bytes;         /* TEXT, BYTES */
};

struct intake_value_view {
	struct intake_value head;
	struct slice bytes;
};

struct intake_view {                /* slices point into the datagram */
	struct intake_record fixed;
	struct slice obj, obj2, rule, by;
	struct intake_pair_view pairs[INTAKE_PAIRS_MAX];
	struct intake_value_view values[INTAKE_VALUES_MAX];
};

/* Checks the head of a whole datagram and leaves what follows it in *ret_rest. -EBADMSG, or
 * -EPROTO for another version or message. */
int intake_parse_head(struct slice datagram, struct intake_head *ret_head,
		      struct slice *ret_rest) MUST_USE;

/* Takes the next record off `rest`. Returns 1, 0 at the end, or -EBADMSG (then *ret_view is
 * undefined and `rest` unchanged). */
int intake_parse_next(struct slice *rest, struct intake_view *ret_view) MUST_USE;

#endif
