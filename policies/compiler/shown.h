/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMPILER_SHOWN_H
#define COMPILER_SHOWN_H

#include "base/buf.h"
#include "compiler/keys.h"

/* The value of a key of the tables as YAML, indented by `depth` steps, behind "key:". False: there is none. */
bool policy_shown(const struct policy *policy, const struct key *key, const void *base, int depth, struct buf *to);
/* One capability, all of its values. */
bool capability_shown(const struct policy *policy, uint32_t i, struct buf *to);

#endif
