/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys a document names, for readers to whom silence is not a value: a ceiling limits what it names. */
#ifndef COMPILER_MENTIONS_H
#define COMPILER_MENTIONS_H

#include "compiler/compile.h"

/* Called for each key that is no section: "files.write", "on_loss". */
typedef void (*mention_fn)(void *context, const char *name, uint32_t line, uint32_t column);

/* Returns 0, or -EINVAL with diagnostics when it is no document. Keys that no policy has are passed over:
 * policy_compile() refuses them. */
int policy_mentions(struct slice bytes, mention_fn mention, void *context, struct diagnostics *diagnostics) MUST_USE;

#endif
