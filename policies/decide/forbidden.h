/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that no run needs and that every policy's filter refuses. The filter is generated
 * from this table and decide() answers from it, so that they cannot differ. */
#ifndef DECIDE_FORBIDDEN_H
#define DECIDE_FORBIDDEN_H

#include <stddef.h>

#include "base/slice.h"

struct forbidden_call {
	int number;              /* x86-64 */
	int error;               /* what the caller gets: EPERM, or ENOSYS where programs fall back */
	const char *name;
};

extern const struct forbidden_call forbidden_calls[];
extern const size_t forbidden_call_count;

/* NULL when calls with this number are not refused as a whole. */
const struct forbidden_call *forbidden_call(int number);
const struct forbidden_call *forbidden_call_named(struct slice name);

#endif
