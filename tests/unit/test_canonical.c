/* SPDX-License-Identifier: Apache-2.0 */
/* Equal policies have equal digests whatever their layout; different ones differ. The form is that
 * of RFC 8785. */
#include <check.h>
#include <jansson.h>

#include "base/text.h"
#include "compiler/compile.h"
#include "lib/runner.h"

#define HEAD "schema: 1\nname: x\n"
#define DOCUMENT_MAX 512

static void digest_of(const char *document, char hex[65], struct buf *json)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	uint8_t digest[32];

	ck_assert_msg(policy_compile("f", document, strlen(document), policy, &diagnostics) == 0, "%s: %s",
		      document, diagnostics.items[0].text);
	ck_assert_int_eq(policy_json(policy, json), 0);
	ck_assert_int_eq(policy_digest(buf_slice(json), digest), 0);
	text_hex(hex, digest, sizeof(digest));
}

static bool same_digest(const char *a, const char *b)
{
	cleanup_with(buf_finish) struct buf one = buf_growing(POLICY_BYTES_MAX);
	cleanup_with(buf_finish) struct buf two = buf_growing(POLICY_BYTES_MAX);
	char first[65], second[65];

	digest_of(a, first, &one);
	digest_of(b, second, &two);
	return strcmp(first, second) == 0;
}

START_TEST(layout_and_order_have_no_meaning)
{
	static const char *const pairs[][2] = {
		{ HEAD, "name: \"x\"\nschema: 1 # one\n" },
		{ HEAD, "{\"schema\": 1, \"name\": \"x\"}" },
		{ HEAD "files: {read: [/b, /a]}\n", HEAD "files:\n  read:\n    - /a\n    - /b\n    - /a/\n" },
		{ HEAD "limits: {memory: 1GiB}\n", HEAD "limits: {memory: 1024MiB}\n" },
		{ HEAD "heartbeat: {ttl: 60s}\n", HEAD "heartbeat: {ttl: 1m}\n" },
		{ HEAD "limits: {cpu: 2}\n", HEAD "limits: {cpu: 2.000}\n" },
		{ HEAD "violations: {critical: [alert, revoke]}\n", HEAD "violations: {critical: [revoke, alert]}\n" },
	};

	ck_assert_msg(same_digest(pairs[_i][0], pairs[_i][1]), "%s\n---\n%s", pairs[_i][0], pairs[_i][1]);
}
END_TEST

#define RULES "rules: {r: {when: any, decision: allow}}\n"
#define RULE(body) "rules: {r: {" body "}}"
#define CAPABILITY(body) "capabilities: {c: {" body "}}\n" RULES
#define ENVIRONMENT(body) "environments: {e: {" body "}}\n" RULES
#define GUARD(body) "guards: {g: {" body "}}\n" RULES

/* One row per key: whatever is accepted has an effect on the digest. */
static const char *const variants[] = {
	"secrets: {a: {file: /b}}", "secrets: {a: {env: b}}", "secrets: {a: {env: b, as: env}}",
	"secrets: {a: {command: [/b]}}", "secrets: {a: {command: [/b, c]}}",
	"secrets: {a: {command: [/b], timeout: 1s}}",
	"version: \"1\"", "description: a", "on_supervisor_loss: freeze", "on_loss: kill",
	"agent: {tier: T2}", "agent: {max_concurrent: 3}", "heartbeat: {mode: either}",
	"heartbeat: {ttl: 61s}", "heartbeat: {grace_start: 31s}", "heartbeat: {max_extend: 16m}",
	"limits: {pids: 9}", "limits: {memory: 1B}", "limits: {cpu: 1}", "limits: {open_files: 16}",
	"limits: {file_size: 1B}", "limits: {wall: 1ms}", "sandbox: {require: [idmap]}",
	"sandbox: {prefer: [idmap]}", "sandbox: {on_forbidden: violate}", "sandbox: {hide: [/x]}",
	"sandbox: {env: [A]}", "workspace: {path: /x}", "workspace: {mode: direct}",
	"files: {read: [/x]}", "files: {write: [/x]}", "files: {deny_read: [/x]}",
	"files: {deny_write: [/x]}", "files: {on_scope: violate}", "files: {baseline: {a: {paths: [/x]}}}",
	"files: {baseline: {a: {paths: [/x], on: deny}}}", "files: {baseline: {b: {paths: [/x]}}}",
	"network: {mode: host}", "network: {mode: host, allow: [\"*\"]}", "network: {mode: host, bind: [\"*\"]}",
	"network: {mode: allowlist}", "network: {mode: allowlist, expose: [8080]}",
	"network: {allow_unix: [/run/x.sock]}", "network: {mode: allowlist, allow: [\"a.test\"]}",
	"network: {deny: [\"*:25\"]}", "network: {on_scope: violate}", "violations: {low: [alert]}",
	"violations: {medium: [revoke@3]}", "violations: {override: {SCOPE_VIOLATION: HIGH}}",
	"network: {mode: allowlist, bind: [\"127.0.0.1:2000\"]}", "heartbeat: {on_stall: clarify}", "heartbeat: {stall_after: 5m}",
	"heartbeat: {max_repeats: 10}", "agent: {child_runs: 3}", "agent: {tier: T3, min_tier: T2}",
	"high_risk_transitions: [COMPLETED]", "lease: {resource: a}", "lease: {resource: a, ttl: 1m}",
	"lease: {resource: a, ttl: 9s}", "lease: {resource: \"a${workspace}\"}", "budget: {}",
	"budget: {max_total_errors: 5}", "budget: {max_same_error_repeats: 0}", "budget: {max_procedure_violations: 0}",
	"budget: {soft_at: 0.25}", "budget: {soft_at: 0}", "budget: {on_exceed: ask}", "budget: {count: [crash]}",
	"phases: {enforce: strict}", "phases: {rework: 0}", "phases: {optional: [REPORT]}",
	"phases: {PLAN: {write: []}}", "phases: {PLAN: {write: [~/x]}}", "phases: {VERIFY: {require_class: [check]}}",
	"phases: {VERIFY: {artifacts: [a.xml]}}", "phases: {VERIFY: {min_confidence: 0.7}}", "phases: {EXECUTE: {min_confidence: 0.7}}",
	RULES, RULES "mode: permissive", RULES "mode: learn\nagent: {tier: T2}", RULES "approvals: {HIGH: {role: admin}}", RULES "approvals: {HIGH: {count: 2}}",
	RULES "approvals: {HIGH: {ttl: 1m}}", RULES "approvals: {HIGH: {uses: 2}}", RULES "approvals: {HIGH: {self: false}}",
	RULES "approvals: {HIGH: {count: 2, of: [\"user:a\", \"user:b\"]}}", RULES "approvals: {LOW: {role: admin}}",
	RULES "plans: {auto_approve: LOW}", RULES "plans: {ttl: 1h}",
	RULE("when: any, decision: deny, reason: x"), RULE("when: any, decision: deny, on: violate"), RULE("when: any, decision: require_approval"),
	RULE("when: any, decision: allow, accept_risk: {up_to: HIGH, reason: x}"),
	RULE("when: any, decision: allow, accept_risk: {up_to: CRITICAL, reason: x}"),
	RULE("when: {principal: [\"agent:a\"]}, decision: deny"), RULE("when: {class: [other]}, decision: deny"),
	RULE("when: {risk: [HIGH]}, decision: deny"), RULE("when: {operation: [EXECUTE]}, decision: deny"),
	RULE("when: {exe: [/bin/x]}, decision: deny"), RULE("when: {option: [-f]}, decision: deny"),
	RULE("when: {path_under: [./b]}, decision: deny"), RULE("when: {phase: [VERIFY]}, decision: deny"),
	CAPABILITY("operation: READ, risk: CRITICAL"), CAPABILITY("kind: read"), CAPABILITY("kind: write"), CAPABILITY("kind: delete"),
	CAPABILITY("kind: read, description: x"), CAPABILITY("kind: read, operation: NETWORK"), CAPABILITY("kind: read, scope: external"),
	CAPABILITY("kind: read, risk: {level: LOW, justification: x}"), CAPABILITY("kind: read, risk: {level: LOW, requires_approval: true}"),
	CAPABILITY("kind: read, class: plan"), CAPABILITY("kind: read, class: run, check: none"), CAPABILITY("kind: read, state: frozen"),
	CAPABILITY("kind: read, class: apply, plan: none, risk: HIGH"), CAPABILITY("kind: read, class: apply, plan: bound, risk: HIGH"),
	CAPABILITY("kind: read, exec: [a b]"), CAPABILITY("kind: read, exec: [[a, \"b c\", [d, \"e|f\"]]]"), CAPABILITY("kind: read, exec: [a b|c -x]"),
	CAPABILITY("kind: read, exec: [a], takes_value: [-x]"), CAPABILITY("kind: read, exec: [a], unless: [-x]"),
	CAPABILITY("kind: read, exec: [a], short_clusters: true"), CAPABILITY("kind: read, compensation: {manual: x}"),
	CAPABILITY("kind: read, compensation: {run: [a, \"\"]}"), CAPABILITY("kind: read, capture: {x: [git, x]}, compensation: {run: [a, \"${x}\"]}"),
	"capabilities: {c.d: {kind: read, class: check}, e: {kind: read, class: run, check: c.d}}\n" RULES,
	"capabilities: {c.d: {kind: read, class: check}, e: {kind: read, class: run, check: c.d, check_ttl: 1m}}\n" RULES,
	"capabilities: {c.d: {kind: read, exec: [x]}, e: {kind: write, reversible: false, compensation: {capability: c.d}}}\n" RULES,
	"capabilities: {c.d: {kind: read}}\nrules: {a: {when: {capability: [c.d]}, decision: allow}}",
	"rules: {a: {when: any, decision: allow, accept_risk: {up_to: HIGH, reason: x}}, b: {when: any, decision: deny, unless: [a]}}",
	ENVIRONMENT("class: pool, match: {net: [10.0.0.0/8]}"), ENVIRONMENT("class: prod, match: {net: [10.0.0.0/8]}"),
	ENVIRONMENT("class: pool, match: {net: [10.0.0.0/8]}, min_tier: T0"), ENVIRONMENT("class: pool, match: {path: [/a]}"),
	ENVIRONMENT("class: pool, match: {env: [\"A=b*\"]}"), ENVIRONMENT("class: pool, match: {path: [/a]}, on: ask"),
	ENVIRONMENT("class: pool, match: {path: [/a]}, owners: [\"agent:x\"]"),
	"environments: {e: {class: pool, match: {path: [/a]}}}\nrules: {a: {when: {environment: [e]}, decision: deny}}",
	GUARD("type: pass_thru, at: run_start"), GUARD("type: pass_thru, at: action"), GUARD("type: pass_thru, at: \"phase_enter:PLAN\""),
	GUARD("type: pass_thru, at: action, on_fail: violate"), GUARD("type: cerberus, at: run_exit"),
	GUARD("type: cerberus, at: run_exit, min_children: 0"), GUARD("type: cerberus, at: run_exit, max_children: 3"),
	GUARD("type: cerberus, at: run_exit, accept: [FAILED]"), GUARD("type: cerberus, at: run_exit, timeout: 1m"),
	GUARD("type: ttl_check, at: action, field: run.started_at"), GUARD("type: ttl_check, at: action, field: plan.approved_at"),
	GUARD("type: ttl_check, at: action, field: run.started_at, max_age: 1h"),
	GUARD("type: criteria_gate, at: action, all: [{field: plan.confidence, ge: 0.7}]"),
	GUARD("type: criteria_gate, at: action, any: [{field: plan.confidence, ge: 0.7}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: plan.confidence, ge: 0.75}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: plan.confidence, gt: 0.7}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: run.tier, ge: T2}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: agent.suspended, eq: false}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: plan.id, exists: true}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: plan.id, not_exists: true}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: run.task, in: [a, b]}]"),
	GUARD("type: criteria_gate, at: action, all: [{field: run.task, glob: \"a*\"}]"),
	GUARD("type: directional_filter, at: approval_create, attribute: request.risk, default: [\"role:admin\"]"),
	GUARD("type: directional_filter, at: approval_create, attribute: request.class, routes: {a: [\"role:admin\"]}"),
	GUARD("type: directional_filter, at: approval_create, attribute: request.class, routes: {a: [\"user:b\"]}"),
	"guards: {a: {type: pass_thru}, g: {type: composite, at: action, all: [a]}}\n" RULES,
	"guards: {a: {type: pass_thru}, g: {type: composite, at: action, any: [a]}}\n" RULES,
	"guards: {a: {type: pass_thru}, g: {type: composite, at: action, not: a}}\n" RULES,
	"guards: {a: {type: pass_thru}}\nphases: {PLAN: {exit_guard: a}}\n" RULES,
};

START_TEST(each_key_changes_the_digest)
{
	static char documents[COUNT(variants) + 1][DOCUMENT_MAX];

	IGNORE(text_copy(documents[COUNT(variants)], DOCUMENT_MAX, slice_of(HEAD)) < 0);
	for (size_t i = 0; i < COUNT(variants); i++)
		IGNORE(snprintf(documents[i], DOCUMENT_MAX, HEAD "%s\n", variants[i]) < 0);
	for (size_t i = 0; i <= COUNT(variants); i++)
		ck_assert_msg(i == (size_t)_i || !same_digest(documents[_i], documents[i]),
			      "%s\nhas the digest of\n%s", documents[_i], documents[i]);
}
END_TEST

/* What the ledger keeps of a policy is a policy. */
START_TEST(the_form_compiles_to_itself)
{
	cleanup_with(buf_finish) struct buf once = buf_growing(POLICY_BYTES_MAX);
	cleanup_with(buf_finish) struct buf again = buf_growing(POLICY_BYTES_MAX);
	char document[DOCUMENT_MAX], first[65], second[65];

	IGNORE(snprintf(document, sizeof(document), HEAD "%s\n", variants[_i]) < 0);
	digest_of(document, first, &once);
	buf_append(&once, "", 1);
	digest_of(once.data, second, &again);
	ck_assert_msg(strcmp(first, second) == 0, "%s\nbecame\n%.*s", once.data, (int)again.len, again.data);
}
END_TEST

/* jansson's reader is an independent judge of the form: parsed and written sorted, it is the same. */
START_TEST(the_form_is_rfc_8785)
{
	static const char document[] = "schema: 1\nname: x\ndescription: \"a/b \\\"c\\\" \\\\ é € \\U0001F600\"\n"
		"limits: {memory: 1024TiB, wall: 3650d}\n";
	cleanup_with(buf_finish) struct buf json = buf_growing(POLICY_BYTES_MAX);
	char hex[65], *again;
	json_t *object;

	digest_of(document, hex, &json);
	buf_append(&json, "", 1);
	ck_assert_ptr_nonnull(strstr(json.data, "\"description\":\"a/b \\\"c\\\" \\\\ é € 😀\""));
	ck_assert_ptr_nonnull(strstr(json.data, "\"memory\":\"1125899906842624B\","));
	ck_assert_ptr_nonnull(strstr(json.data, "\"wall\":\"315360000000ms\"}"));
	for (const char *at = json.data; *at; at++)
		ck_assert_msg((unsigned char)*at >= 0x20, "control character in %s", json.data);
	object = json_loads(json.data, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(object);
	again = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_str_eq(again, json.data);
	free(again);
	json_decref(object);
}
END_TEST

/* The shortest policy's digest is known: a change of the form shows here and must be meant. */
START_TEST(the_form_of_the_empty_policy_is_known)
{
	static const char want[] =
		"{\"agent\":{\"tier\":\"T0\"},\"files\":{\"baseline\":{},\"deny_read\":[],\"deny_write\":[],"
		"\"on_scope\":\"deny\",\"read\":[],\"write\":[]},\"heartbeat\":{\"grace_start\":\"30000ms\","
		"\"max_extend\":\"900000ms\",\"mode\":\"off\",\"on_stall\":\"ignore\",\"ttl\":\"60000ms\"},"
		"\"limits\":{\"pids\":512},\"mode\":\"enforce\",\"name\":\"x\",\"network\":{\"allow\":[],"
		"\"allow_unix\":[],\"bind\":[],\"deny\":[],\"expose\":[],\"mode\":\"none\",\"on_scope\":\"deny\"},\"on_loss\":\"freeze\","
		"\"on_supervisor_loss\":\"kill\",\"sandbox\":{\"env\":[],\"hide\":[],\"on_forbidden\":\"deny\","
		"\"prefer\":[\"landlock\",\"bpf_lsm\"],\"require\":[\"namespaces\",\"seccomp\",\"cgroup_v2\","
		"\"cgroup_kill\",\"mount_api\",\"pidfd\",\"bpf_watch\"],\"user\":\"caller\"},\"schema\":1,"
		"\"version\":\"0\",\"violations\":{\"critical\":[\"alert\",\"revoke\"],\"high\":[\"revoke\"],"
		"\"low\":[\"warn\"],\"medium\":[\"revoke@2\",\"warn\"],\"override\":{}},"
		"\"workspace\":{\"mode\":\"readonly\",\"path\":\"${cwd}\"}}";
	cleanup_with(buf_finish) struct buf json = buf_growing(POLICY_BYTES_MAX);
	char hex[65];

	digest_of(HEAD, hex, &json);
	buf_append(&json, "", 1);
	ck_assert_str_eq(json.data, want);
}
END_TEST

START_TEST(sha_256_is_that_of_fips_180)
{
	char hex[65];
	uint8_t digest[32];

	ck_assert_int_eq(policy_digest(slice_of("abc"), digest), 0);
	text_hex(hex, digest, sizeof(digest));
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("canonical");
	TCase *form = tcase_create("canonical form");

	tcase_add_loop_test(form, layout_and_order_have_no_meaning, 0, 7);
	tcase_add_loop_test(form, each_key_changes_the_digest, 0, (int)COUNT(variants));
	tcase_add_loop_test(form, the_form_compiles_to_itself, 0, (int)COUNT(variants));
	tcase_add_test(form, the_form_is_rfc_8785);
	tcase_add_test(form, the_form_of_the_empty_policy_is_known);
	tcase_add_test(form, sha_256_is_that_of_fips_180);
	tcase_set_tags(form, "pure");
	suite_add_tcase(suite, form);
	return suite;
}
