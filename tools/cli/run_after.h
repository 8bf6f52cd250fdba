/* SPDX-License-Identifier: Apache-2.0 */
/* What `bailiff run` says and does about an overlay workspace when the run is over. */
#ifndef CLI_RUN_AFTER_H
#define CLI_RUN_AFTER_H

#include "base/error.h"
#include "base/ulid.h"

/* Says on stderr how to go on with what is kept of the run, if anything is;
 * of one that was `learned` from also how to make a policy. */
void run_after_hint(int control_fd, const struct ulid *run, bool learned);
/* --dry-run: shows the changes on stderr and drops them. Gives up root for good. Returns 0 or a
 * negative errno with text; then the changes are still kept. */
int run_after_dry(int control_fd, const struct ulid *run, struct error *err) MUST_USE;

#endif
