/* SPDX-License-Identifier: Apache-2.0 */
/* What `bailiff why` knows of a run and of one of its refusals, and how it is said: for people and
 * agents as lines, for programs as one object of JSON. What an agent chose is escaped in both. */
#ifndef CLI_WHY_SAY_H
#define CLI_WHY_SAY_H

#include <jansson.h>

#include "base/ulid.h"
#include "cli/why_again.h"
#include "cli/why_rule.h"
#include "compiler/compile.h"
#include "ledger/render.h"

struct why_run {
	bool known;              /* the record belongs to a run */
	uint8_t uid[16], digest[32];
	char id[ULID_TEXT_LEN + 1];
	char agent[128], policy_name[256], owner[64]; /* escaped */
	char workspace[4096];
	char policy_file[POLICY_PATH_MAX]; /* of this name on this machine; "" = none */
	bool extendable;         /* that file ships with this program */
	json_t *policy;          /* owned: what was in force; NULL = not kept */
};

struct why_hit {
	bool refusal, intact, revoked;
	enum why_again again;
	uint64_t seq, ts_ns, count;
	uint32_t pid;
	const char *kind, *verdict;
	struct buf process, what, exe, rule, reason, remedy, remedy_agent; /* escaped */
	struct why_answer answer;
};

#define WHY_VERDICTS (1U << RECORD_VERDICT_WARN | 1U << RECORD_VERDICT_DENY | \
		      1U << RECORD_VERDICT_HELD | 1U << RECORD_VERDICT_KILLED | 1U << RECORD_VERDICT_ERROR)

/* True for kinds of records that can be a refusal: decisions, violations and what the sandbox stopped. */
bool why_kind_refuses(uint32_t kind);

/* From the run_start record; run->uid is set already. */
void why_run_take(struct why_run *run, const struct ledger_hit *hit);
void why_run_finish(struct why_run *run);

/* Copies what lives only during the query. Returns 0 or -EMSGSIZE. */
int why_hit_take(struct why_hit *why, const struct why_run *run, const struct ledger_hit *hit) MUST_USE;
void why_hit_finish(struct why_hit *why);

void why_say(const struct why_hit *why, const struct why_run *run, bool json, bool utc);

#endif
