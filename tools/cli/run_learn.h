/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff run --learn`: a policy becomes one that observes (behaviour model, section 5.7). */
#ifndef CLI_RUN_LEARN_H
#define CLI_RUN_LEARN_H

#include "compiler/compile.h"

/* Mode learn, for T1 and an overlay, which narrowing to T1 then makes of it: the workspace may be written,
 * and more of the host can be read - the home without secrets, /opt, /srv. Returns 0 or -ENOSPC. */
int run_learn(struct policy *policy) MUST_USE;

#endif
