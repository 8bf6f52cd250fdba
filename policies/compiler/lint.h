/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy may say and hardly means. No error: the document is understood. */
#ifndef COMPILER_LINT_H
#define COMPILER_LINT_H

#include "decide/policy.h"

/* Called for each; `where` is "rules.clean-build-dirs". */
typedef void (*lint_fn)(void *context, const char *where, const char *text);
/* Returns how many there were. */
uint32_t policy_lint_odd(const struct policy *policy, lint_fn lint, void *context);

#endif
