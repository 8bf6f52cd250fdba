/* SPDX-License-Identifier: Apache-2.0 */
/* Any document is answered. One that is accepted gives canonical JSON, which is a policy document in
 * its turn only in form; here: it is written twice alike, and its rules can be made and asked. */
#include <stdint.h>

#include "compiler/compile.h"
#include "compiler/tighten.h"
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

/* As a project file it is refused or tightens: what the policy of below refuses stays refused. */
static void use_project(struct slice bytes, struct policy *policy)
{
	static const char base[] = "schema: 1\nname: base\nworkspace: {mode: direct}\nlimits: {pids: 9}\n"
				   "files: {read: [/usr, .], write: [.], deny_write: [./.git]}\n"
				   "sandbox: {hide: [~/.ssh], env: [PATH]}\n"
				   "network: {mode: host, allow: [10.0.0.0/8]}\n";
	static const char *const refused[] = { "/etc/shadow", "/home/a/w/.git/config", "/home/a/.ssh/id", "/home/b/x" };
	const struct request elsewhere = { .kind = REQUEST_CONNECT, .port = 80,
					   .addr = { [10] = 0xff, [11] = 0xff, 11, 0, 0, 1 } };
	struct plan_rules_memory *memory = NULL;
	struct diagnostics diagnostics;
	struct decision decision;
	struct rules rules;

	if (policy_compile("base", base, sizeof(base) - 1, policy, &diagnostics) < 0)
		abort();
	if (policy_tighten("project", bytes, policy, &diagnostics) < 0) {
		if (diagnostics.count == 0)
			abort();
		return;
	}
	if (policy->limits.pids == 0 || policy->limits.pids > 9 || policy->env.count > 1)
		abort();
	if (plan_rules_of(policy, "/home/a/w", "/home/a", &memory, &rules, NULL) < 0)
		return;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct request request = { .kind = REQUEST_WRITE, .path = slice_of(refused[i]) };

		decide(&rules, &request, &decision);
		if (decision.verdict != VERDICT_DENY)
			abort();
	}
	decide(&rules, &elsewhere, &decision);
	if (decision.verdict != VERDICT_DENY)
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
	use_project(slice_new(input.text, size), policy);
	return 0;
}
