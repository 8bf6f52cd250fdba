/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a policy: sorted, bounded; capabilities pass the Risk Consistency Check or are none. */
#include <check.h>
#include <errno.h>

#include "base/text.h"
#include "compiler/source.h"
#include "decide/judge.h"
#include "lib/runner.h"

#define HEAD "schema: 1\nname: x\n"
#define RULES "rules: {r: {when: any, decision: allow}}\n"
#define TEXT_MAX 512
#define RISK "Risk Consistency Check Failed: "

static int compile(const char *document, struct policy *policy, struct diagnostics *diagnostics)
{
	return policy_compile("f", document, strlen(document), policy, diagnostics);
}

/* ---- the Risk Consistency Check, as the behaviour model lists it ---- */

#define R1(risk) RISK "Irreversible side effects (reversible=false) require risk level HIGH or CRITICAL, got " risk
#define R2(risk) RISK "DELETE operations require risk level HIGH or CRITICAL, got " risk
#define R3(risk) RISK "Irreversible side effects without compensation require risk level CRITICAL, got " risk
#define WAY "compensation: {manual: undo it}"

static const struct risk_case {
	const char *body;
	const char *errors[3];
} risk_cases[] = {
	/* The oldest of them: a write that cannot be undone, said to be LOW. */
	{ "operation: WRITE, reversible: false, risk: LOW, " WAY, { R1("LOW") } },
	{ "operation: WRITE, reversible: false, risk: MEDIUM, " WAY, { R1("MEDIUM") } },
	{ "operation: WRITE, reversible: false, risk: HIGH, " WAY, { NULL } },
	{ "operation: WRITE, reversible: false, risk: LOW", { R1("LOW"), R3("LOW") } },
	{ "operation: WRITE, reversible: false, risk: LOW, compensation: none", { R1("LOW"), R3("LOW") } },
	{ "operation: WRITE, reversible: false, risk: HIGH", { R3("HIGH") } },
	{ "operation: WRITE, reversible: false, risk: CRITICAL", { NULL } },
	{ "operation: WRITE, reversible: true, risk: LOW", { NULL } },
	{ "operation: DELETE, reversible: true, risk: MEDIUM, " WAY, { R2("MEDIUM") } },
	{ "operation: DELETE, reversible: true, risk: HIGH, " WAY, { NULL } },
	{ "operation: EXECUTE", { R3("HIGH") } },
	{ "operation: DELETE, risk: LOW", { R1("LOW"), R2("LOW"), R3("LOW") } },
	{ "operation: EXECUTE, reversible: true, risk: MEDIUM, class: apply, plan: none",
	  { RISK "class apply requires risk level HIGH or CRITICAL, got MEDIUM" } },
	{ "operation: EXECUTE, reversible: true, risk: LOW, class: destroy, plan: none",
	  { RISK "class destroy requires risk level HIGH or CRITICAL, got LOW" } },
	{ "operation: EXECUTE, reversible: true, risk: HIGH, class: destroy, plan: none", { NULL } },
	{ "kind: read", { NULL } }, { "kind: write", { NULL } }, { "kind: delete", { NULL } },
	{ "kind: write, reversible: false", { R3("HIGH") } },
	{ "kind: write, reversible: false, " WAY, { NULL } },
	{ "kind: delete, risk: MEDIUM", { R1("MEDIUM"), R2("MEDIUM") } },
};

START_TEST(an_inconsistent_capability_is_never_registered)
{
	const struct risk_case *row = &risk_cases[_i];
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	char document[TEXT_MAX];
	uint32_t want = 0;
	int r;

	IGNORE(snprintf(document, sizeof(document), HEAD RULES "capabilities: {c: {%s}}\n", row->body) < 0);
	r = compile(document, policy, &diagnostics);
	while (want < COUNT(row->errors) && row->errors[want])
		want++;
	ck_assert_msg(diagnostics.count == want, "%s: %u errors, want %u: %s", row->body, diagnostics.count, want,
		      diagnostics.items[0].text);
	for (uint32_t i = 0; i < want; i++)
		ck_assert_str_eq(diagnostics.items[i].text, row->errors[i]);
	ck_assert_int_eq(r, want ? -EINVAL : 0);
}
END_TEST

/* model 4.3 */
static const struct kind_case {
	const char *body;
	uint8_t operation, risk, flags, way_back;
} kind_cases[] = {
	{ "kind: read", OPERATION_READ, RISK_LOW, CAPABILITY_REVERSIBLE, WAY_BACK_NONE },
	{ "kind: write", OPERATION_WRITE, RISK_MEDIUM, CAPABILITY_REVERSIBLE, WAY_BACK_NONE },
	{ "kind: write, reversible: false, compensation: {snapshot: workspace}", OPERATION_WRITE, RISK_HIGH,
	  CAPABILITY_ASKS, WAY_BACK_SNAPSHOT },
	{ "kind: delete", OPERATION_DELETE, RISK_HIGH, CAPABILITY_ASKS, WAY_BACK_SNAPSHOT },
	{ "kind: read, risk: HIGH", OPERATION_READ, RISK_HIGH, CAPABILITY_REVERSIBLE, WAY_BACK_NONE },
};

START_TEST(a_kind_stands_for_its_row)
{
	const struct kind_case *row = &kind_cases[_i];
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	const struct govern_capability *capability = &policy->govern.capabilities[0];
	struct diagnostics diagnostics;
	char document[TEXT_MAX];

	IGNORE(snprintf(document, sizeof(document), HEAD RULES "capabilities: {c: {%s}}\n", row->body) < 0);
	ck_assert_msg(compile(document, policy, &diagnostics) == 0, "%s", diagnostics.items[0].text);
	ck_assert_uint_eq(capability->operation, row->operation);
	ck_assert_uint_eq(capability->risk, row->risk);
	ck_assert_uint_eq(capability->flags, row->flags);
	ck_assert_uint_eq(capability->way_back, row->way_back);
}
END_TEST

/* ---- the tables ---- */

START_TEST(tables_are_sorted_and_parts_stand_before_their_guard)
{
	static const char document[] = HEAD
		"capabilities: {z: {kind: read, class: check}, a: {kind: read, class: run, check: z}}\n"
		"environments: {y: {class: pool, match: {path: [/y]}}, b: {class: prod, match: {path: [/b]}}}\n"
		"rules:\n  s: {when: {capability: [z], environment: [y]}, decision: deny, unless: [c]}\n"
		"  c: {when: any, decision: allow, accept_risk: {up_to: HIGH, reason: x}}\n"
		"guards:\n  a: {type: composite, at: action, all: [z, m]}\n  m: {type: composite, any: [z]}\n"
		"  z: {type: pass_thru}\n";
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	const struct govern *govern = &policy->govern;
	struct diagnostics diagnostics;
	struct govern_view view;
	struct error err = { 0 };

	ck_assert_msg(compile(document, policy, &diagnostics) == 0, "%s", diagnostics.items[0].text);
	ck_assert_str_eq(policy_text(policy, govern->capabilities[0].id), "a");
	ck_assert_uint_eq(govern->capabilities[0].check, 1);
	ck_assert_str_eq(policy_text(policy, govern->rules[1].id), "s");
	ck_assert_uint_eq(govern->rules[1].when.capabilities[0], 2);
	ck_assert_uint_eq(govern->rules[1].when.environments, 2);
	ck_assert_uint_eq(govern->rules[1].unless[0], 1);
	ck_assert_str_eq(policy_text(policy, govern->guards[0].id), "z");
	ck_assert_str_eq(policy_text(policy, govern->guards[1].id), "m");
	ck_assert_str_eq(policy_text(policy, govern->guards[2].id), "a");
	ck_assert_uint_eq(govern->settings.gated, 1);
	govern_view_of(govern, policy->strings, policy->strings_len, &view);
	ck_assert_msg(govern_view_check(&view, &err) == 0, "%s", err.text);
}
END_TEST

/* Eight levels of composites are taken and not one more. */
START_TEST(guards_are_composed_eight_deep)
{
	for (int levels = 8; levels <= 9; levels++) {
		cleanup_with(buf_finish) struct buf document = buf_growing(8192);
		cleanup_with(policy_free_p) struct policy *policy = policy_new();
		struct diagnostics diagnostics;

		buf_text(&document, HEAD RULES "guards:\n  g0: {type: pass_thru}\n");
		for (int i = 1; i <= levels; i++)
			buf_printf(&document, "  g%d: {type: composite, all: [g%d]%s}\n", i, i - 1,
				   i == levels ? ", at: action" : "");
		buf_append(&document, "", 1);
		ck_assert_int_eq(compile(document.data, policy, &diagnostics), levels > 8 ? -EINVAL : 0);
	}
}
END_TEST

START_TEST(a_table_has_its_maximum_and_not_one_more)
{
	for (uint32_t rules = GOVERN_RULES_MAX; rules <= GOVERN_RULES_MAX + 1; rules++) {
		cleanup_with(buf_finish) struct buf document = buf_growing(1U << 16);
		cleanup_with(policy_free_p) struct policy *policy = policy_new();
		struct diagnostics diagnostics;

		buf_text(&document, HEAD "rules:\n");
		for (uint32_t i = 0; i < rules; i++)
			buf_printf(&document, "  r%u: {when: any, decision: deny}\n", i);
		buf_append(&document, "", 1);
		ck_assert_int_eq(compile(document.data, policy, &diagnostics), rules > GOVERN_RULES_MAX ? -EINVAL : 0);
	}
}
END_TEST

/* ---- packs ---- */

START_TEST(packs_are_found_without_a_parser)
{
	static const struct {
		const char *document;
		uint32_t count;
		const char *first, *last, *digest;
	} rows[] = {
		{ HEAD "include: [std]\n", 1, "std", "std", NULL },
		{ HEAD "include: [ \"std\" , {file: a.yaml, sha256: ab}] # x\n", 2, "std", "a.yaml", "ab" },
		{ HEAD "include: [{sha256: ab, file: /b},\n   std]\n", 2, "/b", "std", NULL },
		{ HEAD " include: [std]\n", 0, NULL, NULL, NULL }, { HEAD "include: std\n", 0, NULL, NULL, NULL },
		{ HEAD "include: [", 0, NULL, NULL, NULL }, { HEAD "include:", 0, NULL, NULL, NULL },
		{ HEAD "include: [a, b, c, d, e]\n", 4, "a", "d", NULL },
	};
	struct policy_pack_name names[POLICY_PACKS_MAX];
	uint32_t count = policy_pack_names(slice_of(rows[_i].document), names);

	ck_assert_uint_eq(count, rows[_i].count);
	if (count == 0)
		return;
	ck_assert(slice_is(names[0].name, rows[_i].first));
	ck_assert(slice_is(names[count - 1].name, rows[_i].last));
	ck_assert(!rows[_i].digest || slice_is(names[count - 1].sha256, rows[_i].digest));
}
END_TEST

/* The parent reads what the line says; a document that means something else is refused. */
START_TEST(a_pack_that_was_not_read_is_not_included)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;

	ck_assert_int_eq(compile(HEAD RULES "include: [std]\n", policy, &diagnostics), -EINVAL);
	ck_assert_ptr_nonnull(strstr(diagnostics.items[0].text, "cannot be included"));
	ck_assert_uint_eq(diagnostics.items[0].line, 4);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("policy_govern");
	TCase *refused = tcase_create("tables");

	tcase_add_loop_test(refused, an_inconsistent_capability_is_never_registered, 0, (int)COUNT(risk_cases));
	tcase_add_loop_test(refused, a_kind_stands_for_its_row, 0, (int)COUNT(kind_cases));
	tcase_add_test(refused, tables_are_sorted_and_parts_stand_before_their_guard);
	tcase_add_test(refused, guards_are_composed_eight_deep);
	tcase_add_test(refused, a_table_has_its_maximum_and_not_one_more);
	tcase_add_loop_test(refused, packs_are_found_without_a_parser, 0, 8);
	tcase_add_test(refused, a_pack_that_was_not_read_is_not_included);
	tcase_set_tags(refused, "pure");
	suite_add_tcase(suite, refused);
	return suite;
}
