/* SPDX-License-Identifier: Apache-2.0 */
/* What one policy allows more or less than another: by meaning, not by text. */
#ifndef COMPILER_DIFFER_H
#define COMPILER_DIFFER_H

#include "base/cleanup.h"
#include "decide/policy.h"

/* OTHER: neither wider nor narrower can be told from the text. */
enum difference { DIFFERENCE_NARROWER, DIFFERENCE_WIDER, DIFFERENCE_OTHER, DIFFERENCE_COUNT };

/* Called for each; `key` is "files.write", `from` and `to` are values as JSON, NULL where there is none. */
typedef void (*differ_fn)(void *context, const char *key, enum difference difference, const char *from, const char *to);

/* Compares `to` with `from`. Returns 0 or -ENOMEM. Nothing is said of what only has another name or text. */
int policy_differ(const struct policy *from, const struct policy *to, differ_fn say, void *context) MUST_USE;

#endif
