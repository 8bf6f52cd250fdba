/* SPDX-License-Identifier: Apache-2.0 */
/* Repeats of one (process, operation, object) in a run: the first is recorded at once, those that
 * follow are counted and become one record each second at most, and one at the end. Fixed table,
 * direct-mapped: a collision evicts (its count is handed out first), it never merges two objects. */
#ifndef RUN_MERGE_H
#define RUN_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "ledger/intake.h"

#define MERGE_SLOTS 512U
#define MERGE_OBJECT_MAX 240U
#define MERGE_REPORT_NS 1000000000ULL

enum merge_what { MERGE_READ = 1, MERGE_WRITE, MERGE_DENIAL, MERGE_NET };

struct merge_key {
	uint64_t proc_start_ns;
	uint32_t proc_pid;
	uint32_t what;             /* enum merge_what */
	uint64_t object;           /* of merge_object() */
};

struct merge_slot {
	struct merge_key key;      /* what 0 = empty */
	uint64_t first_ns, last_ns;/* of the pending ones, CLOCK_BOOTTIME */
	uint64_t reported_ns;
	uint64_t pending;          /* counted, not recorded yet */
	uint64_t dev, ino;
	uint16_t kind;             /* enum record_kind of the summary */
	uint16_t object_len;
	char rule[INTAKE_RULE_MAX];
	char object[MERGE_OBJECT_MAX];
};

/* The slots lie in the order of their first use, so that a run with few objects touches few pages. */
struct merge_table {
	uint32_t used;
	uint16_t place[MERGE_SLOTS];          /* by hash: 1 + index of its slot; 0 = none */
	struct merge_slot slots[MERGE_SLOTS]; /* those from `used` on were never written */
};

/* Empty; NULL when there is no memory. free() ends it. */
struct merge_table *merge_new(void) MUST_USE;

/* Called with a slot whose pending count is to be recorded; the table then forgets the count. */
typedef void merge_report(void *ctx, const struct merge_slot *slot);

/* A number for an object: its file identity, or the bytes of its name where there is none, together
 * with the rule that refused it. The generation belongs to the identity: file systems give the number
 * of a removed file to the next one. */
uint64_t merge_object(uint64_t dev, uint64_t ino, uint64_t gen, struct slice name,
		      struct slice rule);

/* True when this one is to be recorded by the caller: the first of its key and name. `sample` gives what the
 * summary of later ones will carry (its key is used, its counts are not). Repeats are counted;
 * when a report is due, `report` gets it. */
bool merge_first(struct merge_table *table, const struct merge_slot *sample, struct slice object,
		 uint64_t now_ns, uint64_t count, merge_report *report, void *ctx);
/* Hands out everything that is pending. */
void merge_flush(struct merge_table *table, merge_report *report, void *ctx);

#endif
