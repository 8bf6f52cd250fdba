/* SPDX-License-Identifier: Apache-2.0 */
/* Any document is answered. One that is accepted gives canonical JSON, which is a policy document in
 * its turn only in form; here: it is written twice alike, and its rules can be made and asked. */
#include <stdint.h>

#include "compiler/compile.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7 loses a table of a syntax error ("''''''''''''"), 4 KiB for each. Only programs that
 * compile a policy and end may live with that. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

static void use_policy(const struct policy *policy)
{
	cleanup_with(buf_finish) struct buf one = buf_growing(8U << 20);
	cleanup_with(buf_finish) struct buf two = buf_growing(8U << 20);
	struct request request = { .kind = REQUEST_WRITE, .path = slice_of("/home/a/w/x") };
	struct plan_rules_memory *memory = NULL;
	struct decision decision;
	struct rules rules;

	if (policy_json(policy, &one) < 0 || policy_json(policy, &two) < 0 ||
	    !slice_eq(buf_slice(&one), buf_slice(&two)))
		abort();
	if (plan_rules_of(policy, "/home/a/w", "/home/a", &memory, &rules, NULL) < 0)
		return;
	decide(&rules, &request, &decision);
	if (decision.verdict == VERDICT_DENY && (!decision.reason[0] || !decision.remedy[0]))
		abort();
	plan_rules_free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	union {
		const uint8_t *bytes;
		const char *text;
	} input = { .bytes = data };
	int r;

	if (!policy)
		return 0;
	r = policy_compile("fuzz", input.text, size, policy, &diagnostics);
	if (r < 0 && diagnostics.count == 0)
		abort();
	if (r == 0)
		use_policy(policy);
	return 0;
}
