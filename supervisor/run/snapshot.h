/* SPDX-License-Identifier: Apache-2.0 */
/* What judge() is told about a run: everything at one moment. */
#ifndef RUN_SNAPSHOT_H
#define RUN_SNAPSHOT_H

#include "decide/field.h"
#include "decide/judge.h"

struct run;

/* `fields` has FIELD_COUNT places, to which the snapshot refers; texts are borrowed from the run. */
void snapshot_fill(struct run *run, const struct action *action, uint64_t now_ns,
		   struct snapshot *ret_snapshot, struct field_value *fields);

#endif
