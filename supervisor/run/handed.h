/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent hands over: artifacts (files of the workspace) and outputs (JSON documents). Both are hashed
 * here; what the agent says of them beyond a name is not believed. */
#ifndef RUN_HANDED_H
#define RUN_HANDED_H

#include "base/slice.h"
#include "daemon/agent_wire.h"

#define OUTPUT_NAME_MAX 64U
#define OUTPUT_BYTES_MAX (1U << 20)

struct run;

/* A regular, non-empty file below a path that the run may write: recorded with its digest; progress. */
void artifact_register(struct run *run, struct slice path, struct agent_answer *answer);
/* A JSON document in a sealed memfd (borrowed): kept in the ledger by its digest. Its maturity is at most that of the
 * phase; the agent may only lower it. */
void output_take(struct run *run, struct slice name, enum output_maturity maturity, int memfd,
		 struct agent_answer *answer);
/* The artifacts that a phase declares, when it is left: MISSING_ARTIFACT for each that is not there. */
void artifacts_look(struct run *run, uint32_t phase);

#endif
