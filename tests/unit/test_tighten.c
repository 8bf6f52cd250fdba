/* SPDX-License-Identifier: Apache-2.0 */
/* A project file only tightens: whatever it says, what the policy refuses stays refused. */
#include <check.h>
#include <errno.h>

#include "base/text.h"
#include "cli/project_file.h"
#include "compiler/covers.h"
#include "compiler/tighten.h"
#include "lib/runner.h"
#include "decide/judge.h"
#include "decide/net.h"
#include "plan/plan.h"

static struct policy *policy;
static struct diagnostics diagnostics;

#define POLICY \
	"schema: 1\nname: p\nagent: {tier: T1, max_concurrent: 4}\non_loss: freeze\n" \
	"heartbeat: {mode: either, ttl: 60s}\n" \
	"limits: {pids: 100, memory: 1GiB, cpu: 2, wall: 1h}\n" \
	"sandbox: {on_forbidden: deny, hide: [~/.ssh], env: [PATH, \"LC_*\"], require: [seccomp]}\n" \
	"workspace: {mode: direct}\n" \
	"files: {read: [/usr, .], write: [., /tmp], deny_write: [./.git], on_scope: deny,\n" \
	"  baseline: {ci: {paths: [./.ci]}}}\n" \
	"network: {mode: host, allow: [10.0.0.0/8, \"1.2.3.4:80-90\"], deny: [10.9.0.0/16], bind: [\"127.0.0.1:1024-65535\"]}\n" \
	"violations: {medium: [warn, revoke@3], override: {SCOPE_VIOLATION: HIGH}}\n"

static void setup(void)
{
	policy = policy_new();
	ck_assert_msg(policy_compile("p", POLICY, strlen(POLICY), policy, &diagnostics) == 0, "%s",
		      diagnostics.items[0].text);
}

static void teardown(void)
{
	policy_free(policy);
}

static const char *const narrow[] = {
	"schema: 1\nlimits: {pids: 99}\n",
	"limits: {pids: 100, memory: 1MiB, cpu: 0.5, wall: 10m, open_files: 64, file_size: 1MiB}\n",
	"on_loss: kill\n", "on_supervisor_loss: kill\n",
	"agent: {tier: T0, max_concurrent: 1}\n",
	"heartbeat: {mode: both, ttl: 1s}\n", "heartbeat: {mode: activity}\n",
	"sandbox: {on_forbidden: violate, hide: [/srv/x], require: [landlock], prefer: [bpf_lsm], user: caller}\n",
	"sandbox: {env: [PATH, LC_ALL]}\n", "sandbox: {env: [\"LC_*\"]}\n", "sandbox: {env: []}\n",
	"workspace: {mode: readonly}\n", "workspace: {mode: overlay}\n",
	"files: {read: [/usr]}\n", "files: {write: [./out, /tmp]}\n", "files: {write: []}\n",
	"files: {deny_read: [./secret], deny_write: [\"./*.lock\"], on_scope: violate}\n",
	"files: {baseline: {other: {paths: [./x], on: violate}}}\n",
	"network: {mode: none}\n",
	"network: {allow: [10.1.0.0/16, \"1.2.3.4:81\"]}\n", "network: {allow: []}\n",
	"network: {deny: [\"*:25\"], bind: [\"127.0.0.1:2000-3000\"], on_scope: violate}\n",
	"violations: {medium: [warn, revoke@2], low: [warn, revoke], critical: [revoke, alert]}\n",
	"violations: {override: {SCOPE_VIOLATION: CRITICAL}}\n",
	"network: {allow: [\"10.0.0.1:5\"], mode: host}\n",
	"network: {allow_unix: []}\n",
	"agent: {child_runs: 2}\n", "heartbeat: {on_stall: violate, stall_after: 1m, max_repeats: 50}\n", "budget: {max_total_errors: 5}\n",
};

/* Names within names, and what no name can be compared with. */
static const struct name_case {
	const char *list, *entry;
	bool covered;
} name_cases[] = {
	{ "example.com:443", "example.com:443", true }, { "example.com", "example.com:443", true },
	{ "example.com:443", "example.com", false }, { "*.example.com", "a.b.example.com:443", true },
	{ "*.example.com", "*.b.example.com", true }, { "*.example.com", "*.example.com", true },
	{ "*.example.com", "example.com", false }, { "a.example.com", "*.example.com", false },
	{ "example.com", "badexample.com", false }, { "*.example.com:80-90", "a.example.com:443", false },
	{ "*", "example.com:443", true }, { "10.0.0.0/8", "example.com", false }, { "example.com", "10.0.0.1:1", false },
};

START_TEST(a_name_lies_within_names)
{
	const struct name_case *row = &name_cases[_i];

	policy->net_allow.count = 0;
	ck_assert_int_eq(policy_add(policy, &policy->net_allow, slice_of(row->list)), 0);
	ck_assert_msg(covers_net(policy, &policy->net_allow, slice_of(row->entry), NET_CONNECT) == row->covered,
		      "%s in %s", row->entry, row->list);
}
END_TEST

static const struct wide_case {
	const char *document;
	uint32_t line, column;
} wide[] = {
	{ "limits:\n  pids: 101\n", 2, 9 },
	{ "limits: {memory: 2GiB}\n", 1, 18 },
	{ "limits: {wall: 2h}\n", 1, 16 },
	{ "on_loss: kill\nagent:\n  tier: T2\n", 3, 9 },
	{ "agent: {max_concurrent: 5}\n", 1, 25 },
	{ "heartbeat: {mode: off}\n", 1, 19 },
	{ "heartbeat: {ttl: 61s}\n", 1, 18 },
	{ "sandbox:\n  env: [PATH, AWS_SECRET_ACCESS_KEY]\n", 2, 15 },
	{ "sandbox: {env: [\"L*\"]}\n", 1, 17 },
	{ "files:\n  read:\n    - /usr\n    - /home\n", 4, 7 },
	{ "files: {read: [/usr/lib]}\n", 1, 16 },       /* a link may lead out of it */
	{ "files: {write: [/]}\n", 1, 17 },
	{ "files: {write: [~]}\n", 1, 17 },
	{ "files: {write: [/tmpx]}\n", 1, 17 },
	{ "files: {baseline: {ci: {paths: [./x]}}}\n", 1, 19 },
	{ "network: {allow: [10.0.0.0/7]}\n", 1, 19 },
	{ "network: {allow: [11.0.0.1]}\n", 1, 19 },
	{ "network: {allow: [\"1.2.3.4:79-90\"]}\n", 1, 19 },
	{ "network: {allow: [1.2.3.4]}\n", 1, 19 },
	{ "network: {allow: [\"*\"]}\n", 1, 19 },
	{ "network: {bind: [\"0.0.0.0:2000\"]}\n", 1, 18 },
	{ "network: {allow_unix: [/run/x.sock]}\n", 1, 24 }, { "network: {expose: [8080]}\n", 1, 11 },
	{ "violations: {medium: [warn]}\n", 1, 22 },
	{ "violations: {medium: [warn, revoke@4]}\n", 1, 22 },
	{ "violations: {critical: [revoke]}\n", 1, 24 },
	{ "violations: {override: {SCOPE_VIOLATION: MEDIUM}}\n", 1, 24 },
	/* What has no row is refused, whatever its value. */
	{ "name: other\n", 1, 1 }, { "version: \"1\"\n", 1, 1 }, { "description: x\n", 1, 1 },
	{ "mode: enforce\n", 1, 1 }, { "workspace: {path: /srv}\n", 1, 13 },
	{ "secrets: {A: {env: A}}\n", 1, 1 },
	/* And what is no document. */
	{ "extends: internet\n", 1, 10 }, { "limits: {pids: 1, pids: 2}\n", 1, 19 }, { "- a\n", 1, 1 }, { "a: [\n", 2, 1 },
	{ "rules: {r: {when: any, decision: deny}}\n", 1, 8 }, { "environments: {e: {}}\n", 1, 1 },
	{ "guards: {g: {type: pass_thru, at: action}}\n", 1, 1 }, { "approvals: {HIGH: {role: admin}}\n", 1, 1 },
	{ "phases: {enforce: strict}\n", 1, 1 }, { "lease: {resource: a}\n", 1, 1 }, { "include: [std]\n", 1, 11 },
	{ "files: {raed: [/]}\n", 1, 9 },
};

static int tighten(const char *document)
{
	return policy_tighten("/w/.bailiff.yaml", slice_of(document), policy, &diagnostics);
}

START_TEST(what_tightens_is_taken)
{
	ck_assert_msg(tighten(narrow[_i]) == 0, "%s: %u:%u: %s", narrow[_i], diagnostics.items[0].line,
		      diagnostics.items[0].column, diagnostics.items[0].text);
}
END_TEST

START_TEST(what_widens_is_an_error_with_its_place)
{
	const struct wide_case *row = &wide[_i];
	const struct diagnostic *first = &diagnostics.items[0];

	ck_assert_msg(tighten(row->document) == -EINVAL, "%s was taken", row->document);
	ck_assert_msg(first->line == row->line && first->column == row->column, "%s: at %u:%u, want %u:%u: %s",
		      row->document, first->line, first->column, row->line, row->column, first->text);
	ck_assert_uint_gt(strlen(first->text), 10);
}
END_TEST

static bool has(const struct policy_list *list, const char *text)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (strcmp(policy_text(policy, list->items[i]), text) == 0)
			return true;
	}
	return false;
}

START_TEST(it_is_applied)
{
	ck_assert_int_eq(tighten("limits: {pids: 7}\nfiles: {write: [./out], deny_write: [./lock]}\n"
				 "sandbox: {hide: [/srv]}\nnetwork: {mode: none}\n"), 0);
	ck_assert_uint_eq(policy->limits.pids, 7);
	ck_assert_uint_eq(policy->write.count, 1);
	ck_assert(has(&policy->write, "./out"));
	ck_assert(has(&policy->deny_write, "./.git") && has(&policy->deny_write, "./lock"));
	ck_assert(has(&policy->hide, "~/.ssh") && has(&policy->hide, "/srv"));
	ck_assert_int_eq(policy->network_mode, NETWORK_NONE);
	ck_assert_uint_eq(policy->net_allow.count + policy->net_bind.count, 0);
}
END_TEST

/* The property, asked of the decision: nothing that was denied is allowed afterwards. */
static const struct request_case {
	enum request_kind kind;
	const char *subject;
} questions[] = {
	{ REQUEST_READ, "/home/a/w/x" }, { REQUEST_READ, "/etc/passwd" }, { REQUEST_READ, "/usr/bin/ls" },
	{ REQUEST_WRITE, "/home/a/w/x" }, { REQUEST_WRITE, "/home/a/w/out/x" }, { REQUEST_WRITE, "/tmp/x" },
	{ REQUEST_WRITE, "/home/a/w/.git/config" }, { REQUEST_READ, "/home/a/.ssh/id" },
	{ REQUEST_CONNECT, "10.0.0.1:1" }, { REQUEST_CONNECT, "10.9.0.1:1" }, { REQUEST_CONNECT, "1.2.3.4:80" },
	{ REQUEST_CONNECT, "1.2.3.4:99" }, { REQUEST_BIND, "127.0.0.1:2000" }, { REQUEST_BIND, "0.0.0.0:80" },
};

static uint32_t allowed_now(void)
{
	struct plan_rules_memory *memory = NULL;
	struct rules rules;
	uint32_t bits = 0;

	ck_assert_int_eq(plan_rules_of(policy, "/home/a/w", "/home/a", &memory, &rules, NULL), 0);
	for (size_t i = 0; i < COUNT(questions); i++) {
		struct request request = { .kind = questions[i].kind };
		struct decision decision;

		if (questions[i].subject[0] == '/')
			request.path = slice_of(questions[i].subject);
		else
			ck_assert_int_eq(net_address_parse(slice_of(questions[i].subject), request.addr, &request.port), 0);
		decide(&rules, &request, &decision);
		bits |= (uint32_t)(decision.verdict == VERDICT_ALLOW) << i;
	}
	plan_rules_free(memory);
	return bits;
}

START_TEST(nothing_that_was_denied_is_allowed_afterwards)
{
	uint32_t before = allowed_now();

	ck_assert_int_eq(tighten(narrow[_i]), 0);
	/* With a network of its own a run has its loopback, where nobody else is. */
	if (policy->network_mode != NETWORK_NONE)
		ck_assert_msg((allowed_now() & ~before) == 0, "%s allows more", narrow[_i]);
}
END_TEST

/* ---- actions ---- */

#define GATED "schema: 1\nname: g\nagent: {tier: T2, min_tier: T1, child_runs: 4}\nbudget: {max_total_errors: 10, soft_at: 0.5, count: [denied]}\n" \
	"capabilities: {c.tool: {kind: read, exec: [tool]}, c.rm: {kind: delete, exec: [rm]}}\n" \
	"rules: {all: {when: any, decision: allow, accept_risk: {up_to: HIGH, reason: x}}}\n"

static const struct action_case {
	const char *document;
	uint32_t column;         /* of the error in line 1; 0: it is taken */
} action_cases[] = {
	{ "rules: {no: {when: {capability: [c.tool]}, decision: deny, reason: not here}}\n", 0 },
	{ "rules: {no: {when: any, decision: deny, on: violate}}\n", 0 },
	{ "capabilities: {c.tool: {risk: HIGH}}\n", 0 }, { "capabilities: {c.rm: {risk: HIGH}}\n", 0 },
	{ "budget: {max_total_errors: 9, soft_at: 0.25, count: [denied, crash]}\n", 0 }, { "agent: {min_tier: T2, child_runs: 1}\n", 0 },
	{ "budget: {on_exceed: violate, max_same_error_repeats: 0}\n", 0 },
	{ "rules: {all: {when: any, decision: deny}}\n", 9 }, { "rules: {yes: {when: any, decision: allow}}\n", 9 },
	{ "rules: {ask: {when: any, decision: require_approval}}\n", 9 },
	{ "rules: {no: {when: {capability: [c.tol]}, decision: deny}}\n", 34 },
	{ "rules: {no: {when: any, decision: deny, unless: [all]}}\n", 0 },
	{ "rules: []\n", 8 }, { "capabilities: []\n", 15 }, { "capabilities: {c.rm: {risk: LOW}}\n", 29 },
	{ "capabilities: {c.new: {kind: read}}\n", 16 }, { "capabilities: {c.rm: {risk: HIGH, exec: [x]}}\n", 22 },
	{ "capabilities: {c.rm: {state: frozen}}\n", 22 }, { "capabilities: {c.rm: {risk: SUPER}}\n", 29 },
	{ "capabilities: {c.rm: {risk: HIGH}, c.rm: {risk: HIGH}}\n", 36 }, { "capabilities: {c.rm: {}}\n", 22 },
	{ "budget: {max_total_errors: 11}\n", 28 }, { "budget: {soft_at: 0.75}\n", 19 }, { "budget: {soft_at: 0}\n", 19 },
	{ "budget: {count: [crash]}\n", 17 }, { "budget: {on_exceed: ask}\n", 21 }, { "agent: {min_tier: T0}\n", 19 },
	{ "agent: {min_tier: T3}\n", 8 }, { "agent: {child_runs: 5}\n", 21 },
};

START_TEST(of_actions_only_denials_risks_and_budgets_are_tightened)
{
	const struct action_case *row = &action_cases[_i];
	const struct diagnostic *first = &diagnostics.items[0];
	struct govern_view view;
	int r;

	ck_assert_int_eq(policy_compile("g", GATED, strlen(GATED), policy, &diagnostics), 0);
	r = tighten(row->document);
	ck_assert_msg((r == 0) == (row->column == 0), "%s: %s", row->document, first->text);
	if (row->column > 0) {
		ck_assert_msg(first->column == row->column, "%s: at %u: %s", row->document, first->column, first->text);
		return;
	}
	govern_view_of(&policy->govern, policy->strings, policy->strings_len, &view);
	ck_assert_int_eq(govern_view_check(&view, NULL), 0);
}
END_TEST

START_TEST(a_denial_of_the_project_is_one_of_the_policy)
{
	ck_assert_int_eq(policy_compile("g", GATED, strlen(GATED), policy, &diagnostics), 0);
	ck_assert_int_eq(tighten("rules: {aa: {when: {capability: [c.tool]}, decision: deny}}\ncapabilities: {c.tool: {risk: HIGH}}\n"
				 "budget: {max_total_errors: 3}\n"), 0);
	ck_assert_uint_eq(policy->govern.rules_count, 2);
	/* Sorted, with their references: c.rm is the first capability. */
	ck_assert_str_eq(policy_text(policy, policy->govern.rules[0].id), "aa");
	ck_assert_uint_eq(policy->govern.rules[0].verdict, VERDICT_DENY);
	ck_assert_uint_eq(policy->govern.rules[0].when.capabilities[0], 2);
	ck_assert_uint_eq(policy->govern.capabilities[1].risk, RISK_HIGH);
	ck_assert_uint_eq(policy->govern.settings.budget.max_total, 3);
	ck_assert_uint_eq(policy->govern.settings.budget.count, 1U << ERROR_DENIED);
}
END_TEST

START_TEST(the_file_is_written_down_and_protected)
{
	cleanup_with(buf_finish) struct buf json = buf_growing(POLICY_BYTES_MAX);
	static struct project_files files = { .count = 1, .files = { { .path = "/w/.bailiff.yaml", .digest = { 0xab } } } };
	struct error err = { 0 };

	ck_assert_int_eq(project_files_protect(&files, policy, &err), 0);
	ck_assert(has(&policy->deny_write, "/w/.bailiff.yaml") && has(&policy->deny_write, "./.bailiff*"));
	ck_assert_int_eq(policy_json(policy, &json), 0);
	ck_assert_int_eq(buf_append(&json, "", 1), 0);
	ck_assert_msg(strstr(json.data, "\"project\":[{\"path\":\"/w/.bailiff.yaml\",\"sha256\":\"ab00") != NULL, "%s",
		      json.data);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("tighten");
	TCase *files = tcase_create("project files");

	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_loop_test(files, what_tightens_is_taken, 0, (int)COUNT(narrow));
	tcase_add_loop_test(files, what_widens_is_an_error_with_its_place, 0, (int)COUNT(wide));
	tcase_add_loop_test(files, a_name_lies_within_names, 0, (int)COUNT(name_cases));
	tcase_add_test(files, it_is_applied);
	tcase_add_loop_test(files, nothing_that_was_denied_is_allowed_afterwards, 0, (int)COUNT(narrow));
	tcase_add_loop_test(files, of_actions_only_denials_risks_and_budgets_are_tightened, 0, (int)COUNT(action_cases));
	tcase_add_test(files, a_denial_of_the_project_is_one_of_the_policy);
	tcase_add_test(files, the_file_is_written_down_and_protected);
	tcase_set_tags(files, "pure");
	suite_add_tcase(suite, files);
	return suite;
}
