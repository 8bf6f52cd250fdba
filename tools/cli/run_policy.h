/* SPDX-License-Identifier: Apache-2.0 */
/* The effective policy of a run: the document, with what the flags add or narrow. A document is
 * hostile text, so it is compiled in a child that has given up root, files and almost every system
 * call; root takes only a fixed struct from it, checked. */
#ifndef CLI_RUN_POLICY_H
#define CLI_RUN_POLICY_H

#include <linux/filter.h>

#include "base/buf.h"
#include "cli/identity.h"
#include "cli/run_args.h"
#include "compiler/compile.h"
#include "plan/plan.h"

struct run_policy {
	struct policy *policy;        /* owned */
	uid_t owner;                  /* of its file */
	struct buf json;              /* owned; canonical */
	uint8_t digest[32];           /* of json */
	struct sock_filter filter[PLAN_FILTER_MAX];
	uint32_t filter_count;
};

/* Finds, reads, compiles (in the child) and applies the flags of `args`, whose paths are already
 * absolute. Prints the errors of a document on stderr, all but the first, which is in *err.
 * On success release with run_policy_finish(). err->exit_code is 120 for documents, 2 for flags
 * that would widen the policy. */
int run_policy_load(const struct run_args *args, const struct identity *identity,
		    struct run_policy *ret_policy, struct error *err) MUST_USE;
void run_policy_finish(struct run_policy *policy);

/* Applies flags to a compiled policy: lists grow by -r, -w and -e; --net and limits narrow. Pure.
 * Returns 0; -EPERM when a flag would widen it (exit code 2); -ENOSPC. */
int run_policy_narrow(const struct run_args *args, struct policy *policy,
		      struct error *err) MUST_USE;

/* Whether a struct policy from the child can be read without leaving it: counts, offsets,
 * terminators, enumerators. Pure and total. Returns 0 or -EINVAL. */
int run_policy_check(const struct policy *policy) MUST_USE;

#endif
