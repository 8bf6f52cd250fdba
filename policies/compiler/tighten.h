/* SPDX-License-Identifier: Apache-2.0 */
/* A project file: a part of a policy document that may only tighten the policy of a run. Whoever can write
 * in the workspace can write one, so nothing in it can give a run more than its policy does. */
#ifndef COMPILER_TIGHTEN_H
#define COMPILER_TIGHTEN_H

#include "compiler/compile.h"

/* Applies the file `name` with these bytes to `policy`: limits are lowered, denials added, what is read,
 * written, passed on or reached is cut down to what the file lists. Returns 0, or -EINVAL with a diagnostic at
 * each value that would widen it (the policy is then not to be used). Total: any bytes are answered. */
int policy_tighten(const char *name, struct slice bytes, struct policy *policy,
		   struct diagnostics *ret_diagnostics) MUST_USE;

#endif
