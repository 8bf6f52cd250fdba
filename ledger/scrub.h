/* SPDX-License-Identifier: Apache-2.0 */
/* Takes what looks like a secret out of a value before it is kept (ledger.md section 7): arguments
 * and variables with telling names, user info in URLs, known token prefixes, long random words.
 * Words are separated by NUL bytes or blanks. Pure. */
#ifndef LEDGER_SCRUB_H
#define LEDGER_SCRUB_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Appends the scrubbed `value` to `out`; "[scrubbed:N]" stands for N bytes. Returns 1 when anything
 * was taken out, 0 when not, or -ENOSPC / -ENOMEM. */
int scrub(struct slice value, struct buf *out) MUST_USE;

#endif
