/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: what one run of this host has at a time, such as a workspace (behaviour model, sections 2.4 and 3.5). A
 * run holds its resource from its start until nothing of it is left, so the next holder never meets it; it loses
 * the lease when no sign of life came for the ttl, which is LOCK_EXPIRED. */
#ifndef RUN_LEASE_H
#define RUN_LEASE_H

#include <stdint.h>

#include "plan/plan.h"

struct run;
struct runs;

#define LEASE_RESOURCE_MAX 4352U

/* The resource of a plan, with ${workspace} replaced. False: it has none. */
bool lease_resource(const struct plan *plan, char to[LEASE_RESOURCE_MAX]);
/* The run that holds what this plan wants; NULL = it is free. */
const struct run *lease_holder(const struct runs *runs, const struct plan *plan);

/* ---- of a run; without a lease they do nothing ---- */

void lease_begin(struct run *run);
/* When it is lost if nothing more is heard, CLOCK_MONOTONIC ns; HEARTBEAT_NEVER. */
uint64_t lease_deadline(const struct run *run);
/* Records that it is released, or that it had expired. */
void lease_end(struct run *run);

#endif
