/* SPDX-License-Identifier: Apache-2.0 */
/* What is odd is said, and what one policy allows more or less than another. */
#include <check.h>

#include "base/text.h"
#include "compiler/compile.h"
#include "compiler/differ.h"
#include "compiler/lint.h"
#include "lib/runner.h"

#define HEAD "schema: 1\nname: x\n"
#define CAPS "capabilities: {a.low: {kind: read}, b.high: {kind: delete}, c.old: {kind: read, state: deprecated}}\n"
#define TEXT_MAX 2048

static struct policy *compiled(const char *document)
{
	struct policy *policy = policy_new();
	struct diagnostics diagnostics;

	ck_assert_msg(policy_compile("f", document, strlen(document), policy, &diagnostics) == 0, "%s: %s", document,
		      diagnostics.items[0].text);
	return policy;
}

/* ---- lint ---- */

static const struct odd {
	const char *document;
	const char *says;        /* NULL: nothing */
} odds[] = {
	{ "rules: {r: {when: any, decision: allow}}\n", NULL },
	/* The pair that never works as meant, and what mends it. */
	{ CAPS "rules: {ok: {when: {capability: [b.high]}, decision: allow, accept_risk: {up_to: HIGH, reason: x}},"
	  " ask: {when: {risk: [HIGH]}, decision: require_approval}}\n",
	  "rules.ok never wins: \"ask\" matches all that it matches, and is stricter; write `unless: [ok]` in \"ask\"" },
	{ CAPS "rules: {ok: {when: {capability: [a.low]}, decision: allow}, no: {when: any, decision: deny}}\n",
	  "rules.ok never wins: \"no\" matches all that it matches, and is stricter" },
	{ CAPS "rules: {ok: {when: {capability: [a.low]}, decision: allow}, no: {when: {exe: [/x]}, decision: deny}}\n",
	  "capabilities.c.old is deprecated" },
	{ CAPS "rules: {ok: {when: {capability: [c.old]}, decision: allow}}\n", "rules.ok names \"c.old\", which is deprecated" },
	{ CAPS "rules: {ok: {when: any, decision: allow, accept_risk: {up_to: HIGH, reason: because}}}\n",
	  "rules.ok allows up to HIGH without asking: because" },
	{ "rules: {r: {when: any, decision: allow}}\nguards: {old: {type: ttl_check, at: run_start, field: plan.approved_at}}\n",
	  "guards.old asks for a plan at run_start" },
	{ "rules: {r: {when: any, decision: allow}}\nguards: {old: {type: criteria_gate, at: run_start, "
	  "all: [{field: plan.status, eq: APPROVED}]}}\n", "guards.old asks for a plan at run_start" },
	{ "rules: {r: {when: any, decision: allow}}\nguards: {old: {type: criteria_gate, at: run_start, "
	  "all: [{field: plan.id, not_exists: true}]}}\n", NULL },
	{ "rules: {r: {when: any, decision: allow}}\nguards: {old: {type: ttl_check, at: action, field: plan.approved_at}}\n", NULL },
	{ "rules: {r: {when: any, decision: allow}}\nmode: permissive\n", "mode is permissive: what rules and guards refuse is recorded, and happens" },
	{ "violations: {override: {SCOPE_VIOLATION: {severity: LOW, reason: x}}}\n",
	  "violations.override.SCOPE_VIOLATION is lowered from MEDIUM to LOW" },
	{ "violations: {override: {SCOPE_VIOLATION: HIGH}}\n", NULL },
};

static void gather(void *context, const char *where, const char *text)
{
	IGNORE(buf_printf(context, "%s %s\n", where, text) < 0);
}

START_TEST(what_is_odd_is_said)
{
	cleanup_with(buf_finish) struct buf said = buf_growing(65536);
	char document[TEXT_MAX];
	struct policy *policy;
	uint32_t count;

	IGNORE(snprintf(document, sizeof(document), HEAD "%s", odds[_i].document) < 0);
	policy = compiled(document);
	count = policy_lint_odd(policy, gather, &said);
	buf_append(&said, "", 1);
	if (!odds[_i].says)
		ck_assert_msg(count == 0, "%s says %s", document, said.data);
	else
		ck_assert_msg(strstr(said.data, odds[_i].says) != NULL, "%s says %s", document, said.data);
	policy_free(policy);
}
END_TEST

/* ---- diff ---- */

static const struct change {
	const char *from, *to;
	enum difference difference;
	const char *key;         /* NULL: they mean the same */
} changes[] = {
	{ "", "", DIFFERENCE_OTHER, NULL }, { "version: \"1\"", "version: \"2\"\ndescription: x", DIFFERENCE_OTHER, NULL },
	{ "files: {read: [/a, /b]}", "files: {read: [/b, /a]}", DIFFERENCE_OTHER, NULL },
	{ "limits: {memory: 1GiB}", "limits: {memory: 1024MiB}", DIFFERENCE_OTHER, NULL },
	{ "files: {read: [/a]}", "files: {read: [/a, /b]}", DIFFERENCE_WIDER, "files.read" },
	{ "files: {read: [/a, /b]}", "files: {read: [/a]}", DIFFERENCE_NARROWER, "files.read" },
	{ "", "files: {deny_read: [/a]}", DIFFERENCE_NARROWER, "files.deny_read" },
	{ "files: {deny_read: [/a]}", "", DIFFERENCE_WIDER, "files.deny_read" },
	{ "limits: {pids: 100}", "limits: {pids: 99}", DIFFERENCE_NARROWER, "limits.pids" },
	{ "limits: {pids: 99}", "limits: {pids: 100}", DIFFERENCE_WIDER, "limits.pids" },
	{ "limits: {wall: 90s}", "limits: {wall: 2m}", DIFFERENCE_WIDER, "limits.wall" },
	{ "", "limits: {wall: 2m}", DIFFERENCE_NARROWER, "limits.wall" }, { "limits: {wall: 2m}", "", DIFFERENCE_WIDER, "limits.wall" },
	{ "agent: {tier: T1}", "agent: {tier: T3}", DIFFERENCE_WIDER, "agent.tier" },
	{ "network: {mode: host}", "network: {mode: allowlist}", DIFFERENCE_NARROWER, "network.mode" },
	{ "on_loss: kill", "on_loss: freeze", DIFFERENCE_WIDER, "on_loss" },
	{ "files: {on_scope: deny}", "files: {on_scope: violate}", DIFFERENCE_NARROWER, "files.on_scope" },
	{ "", "files: {baseline: {a: {paths: [/a]}}}", DIFFERENCE_NARROWER, "files.baseline.a" },
	{ "workspace: {path: /a}", "workspace: {path: /b}", DIFFERENCE_OTHER, "workspace.path" },
	{ "rules: {a: {when: any, decision: allow}}", "rules: {a: {when: any, decision: require_approval}}", DIFFERENCE_NARROWER, "rules.a.decision" },
	{ CAPS "rules: {a: {when: any, decision: deny}}", CAPS "rules: {a: {when: any, decision: deny}, b: {when: any, decision: allow}}",
	  DIFFERENCE_WIDER, "rules.b" },
	{ CAPS "rules: {a: {when: any, decision: allow}}", CAPS "rules: {a: {when: any, decision: allow}, b: {when: any, decision: deny}}",
	  DIFFERENCE_NARROWER, "rules.b" },
	{ "capabilities: {a.b: {kind: read, risk: LOW}}\nrules: {a: {when: any, decision: allow}}",
	  "capabilities: {a.b: {kind: read, risk: MEDIUM}}\nrules: {a: {when: any, decision: allow}}", DIFFERENCE_NARROWER, "capabilities.a.b.risk" },
	{ "capabilities: {a.b: {kind: read, exec: [x]}}\nrules: {a: {when: any, decision: allow}}",
	  "capabilities: {a.b: {kind: read, exec: [y]}}\nrules: {a: {when: any, decision: allow}}", DIFFERENCE_OTHER, "capabilities.a.b.exec" },
	{ "rules: {a: {when: any, decision: allow}}", "rules: {a: {when: any, decision: allow}}\nguards: {g: {type: pass_thru, at: action}}",
	  DIFFERENCE_NARROWER, "guards.g" },
};

struct found {
	uint32_t count;
	enum difference difference;
	char key[128];
};

static void keep(void *context, const char *key, enum difference difference, const char *from, const char *to)
{
	struct found *found = context;

	(void)from;
	(void)to;
	found->count++;
	found->difference = difference;
	IGNORE(text_copy(found->key, sizeof(found->key), slice_of(key)));
}

START_TEST(a_difference_has_its_direction)
{
	const struct change *row = &changes[_i];
	char from[TEXT_MAX], to[TEXT_MAX];
	struct found found = { 0 };
	struct policy *old, *new;

	IGNORE(snprintf(from, sizeof(from), HEAD "%s\n", row->from) < 0);
	IGNORE(snprintf(to, sizeof(to), HEAD "%s\n", row->to) < 0);
	old = compiled(from);
	new = compiled(to);
	ck_assert_int_eq(policy_differ(old, new, keep, &found), 0);
	ck_assert_msg(found.count == (row->key != NULL), "%s | %s: %u differences, %s", row->from, row->to, found.count, found.key);
	if (row->key) {
		ck_assert_str_eq(found.key, row->key);
		ck_assert_msg(found.difference == row->difference, "%s | %s: %s %d", row->from, row->to, found.key, found.difference);
	}
	policy_free(old);
	policy_free(new);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("policy_lint");
	TCase *all = tcase_create("lint and diff");

	tcase_add_loop_test(all, what_is_odd_is_said, 0, (int)COUNT(odds));
	tcase_add_loop_test(all, a_difference_has_its_direction, 0, (int)COUNT(changes));
	tcase_set_tags(all, "pure");
	suite_add_tcase(suite, all);
	return suite;
}
