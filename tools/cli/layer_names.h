/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a directory, in byte order. */
#ifndef CLI_LAYER_NAMES_H
#define CLI_LAYER_NAMES_H

#include <stdbool.h>

#include "base/cleanup.h"

#define NAMES_MAX 1000000U

struct names {
	char **items;            /* owned, sorted */
	size_t count;
};

/* Takes `fd`, which may be -errno: that is returned. Without "." and "..". names_finish() in each case.
 * Returns 0, -E2BIG beyond NAMES_MAX, or -errno. */
int names_read(int fd, struct names *ret_names) MUST_USE;
void names_finish(struct names *names);
bool names_has(const struct names *names, const char *name);

#endif
