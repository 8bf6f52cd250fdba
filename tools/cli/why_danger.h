/* SPDX-License-Identifier: Apache-2.0 */
/* What would happen if a refusal were lifted: for names that hold secrets, that run code later, or
 * that lead to whoever trusts this machine. One table. Pure. */
#ifndef CLI_WHY_DANGER_H
#define CLI_WHY_DANGER_H

#include "base/slice.h"

enum danger_when { DANGER_READ = 1, DANGER_WRITE = 2, DANGER_CONNECT = 4, DANGER_CALL = 8 };

struct danger {
	unsigned int when;       /* bits of enum danger_when */
	const char *name;        /* components of a path anywhere in it, a final * for the rest of one;
	                          * with a leading / from the root on; the start of an address; or a
	                          * system call */
	const char *harm;        /* a sentence without its point: what lifting it would risk */
	const char *instead;     /* what to do instead */
};

/* The first row that fits, or NULL. */
const struct danger *danger_of(enum danger_when when, struct slice object);

#endif
