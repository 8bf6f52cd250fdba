/* SPDX-License-Identifier: Apache-2.0 */
/* Walks policies/library: each policy compiles, has cases, and decides as they say. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/policy_cases.h"
#include "cli/preset.h"
#include "compiler/source.h"
#include "decide/forbidden.h"
#include "decide/judge.h"
#include "lib/filter_machine.h"
#include "lib/runner.h"

#define LIBRARY "policies/library"
#define POLICIES_MAX 64
#define CASES_LEAST 40
#define CALLS_LEAST 10

static char names[POLICIES_MAX][128];
static int name_count;

static void read_packs(struct policy_source *source, uint32_t of)
{
	struct policy_pack_name pack_names[POLICY_PACKS_MAX];
	uint32_t count = policy_pack_names(buf_slice(&source->layers[of].bytes), pack_names);
	struct error err = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		struct policy_pack *pack = &source->packs[source->pack_count++];

		*pack = (struct policy_pack){ .of = of, .name = pack_names[i], .bytes = buf_growing(POLICY_BYTES_MAX) };
		IGNORE(snprintf(pack->path, sizeof(pack->path), "%s/%.*s.pack.yaml", LIBRARY, (int)pack_names[i].name.len,
				pack_names[i].name.data));
		ck_assert_msg(policy_read(pack->path, &pack->bytes, &err) == 0, "%s: %s", pack->path, err.text);
	}
}

/* As policy_source_read(), from the tree's library wherever this program is. */
static void read_source(const char *file, struct policy_source *source)
{
	char name[POLICY_NAME_MAX];
	struct error err = { 0 };

	IGNORE(text_copy(name, sizeof(name), slice_of(file)));
	while (name[0] && source->count < POLICY_LAYERS_MAX) {
		struct policy_layer *layer = &source->layers[source->count++];

		layer->bytes = buf_growing(POLICY_BYTES_MAX);
		IGNORE(snprintf(layer->path, sizeof(layer->path), "%s/%s.yaml", LIBRARY, name) < 0);
		ck_assert_msg(policy_read(layer->path, &layer->bytes, &err) == 0, "%s: %s", layer->path, err.text);
		IGNORE(policy_base_name(buf_slice(&layer->bytes), name));
		IGNORE(text_copy(layer->extends, sizeof(layer->extends), slice_of(name)));
		read_packs(source, source->count - 1);
	}
}

static void load(const char *file, struct policy *policy)
{
	auto_free struct policy_source *source = calloc(1, sizeof(*source));
	struct diagnostics diagnostics;
	int r;

	ck_assert_ptr_nonnull(source);
	read_source(file, source);
	r = policy_compile_source(source, policy, NULL, &diagnostics);
	if (r < 0)
		diagnostics_print(stderr, &diagnostics);
	ck_assert_msg(r == 0, "%s does not compile", file);
	policy_source_finish(source);
}

/* The lines of NAME.cases and of what it includes. */
static void read_cases(const char *name, struct buf *to)
{
	struct error err = { 0 };
	char path[256], include[CASES_INCLUDE_MAX];
	size_t own;

	IGNORE(snprintf(path, sizeof(path), "%s/%s.cases", LIBRARY, name) < 0);
	ck_assert_msg(policy_read(path, to, &err) == 0, "a shipped policy needs cases: %s", err.text);
	own = to->len;
	for (uint32_t i = 0; policy_cases_include(slice_new(to->data, own), i, include) == 0; i++) {
		IGNORE(snprintf(path, sizeof(path), "%s/%s.inc", LIBRARY, include) < 0);
		ck_assert_msg(policy_read(path, to, &err) == 0, "%s includes what is not there: %s", name, err.text);
	}
}

struct tally {
	const char *name;
	int failed;
	int denials;
};

static void count_result(void *context, uint32_t line, struct slice text, const char *problem)
{
	struct tally *tally = context;

	for (size_t i = 0; i + 4 < text.len; i++)
		tally->denials += memcmp(text.data + i, "deny", 4) == 0;
	if (!problem)
		return;
	tally->failed++;
	fprintf(stderr, "%s.cases:%u: %.*s: %s\n", tally->name, line, (int)text.len, text.data, problem);
}

START_TEST(a_shipped_policy_decides_as_its_cases_say)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	cleanup_with(buf_finish) struct buf cases = buf_growing(1U << 20);
	struct tally tally = { .name = names[_i] };
	struct error err = { 0 };
	const char *path = names[_i];
	int asked;

	load(names[_i], policy);
	ck_assert_str_eq(policy->name, names[_i]);
	read_cases(names[_i], &cases);
	asked = policy_cases(policy, buf_slice(&cases), count_result, &tally, &err);
	ck_assert_msg(asked >= CASES_LEAST, "%s has %d cases, want %d", path, asked, CASES_LEAST);
	ck_assert_msg(tally.denials > 10, "%s has %d denials", path, tally.denials);
	ck_assert_msg(tally.failed == 0, "%d cases of %s do not hold", tally.failed, path);
}
END_TEST

/* What the compiled filter answers to a call with harmless arguments. */
static int filter_answer(struct slice program, int number)
{
	struct seccomp_data call = { .nr = number, .arch = AUDIT_ARCH_X86_64 };

	return filter_run((const void *)program.data, (uint32_t)(program.len / sizeof(struct sock_filter)), &call);
}

/* The second way: the filter that is installed, for each line about a system call. Returns 1 for one. */
static int check_call(const char *policy, struct slice program, const char *line)
{
	char name[64], verdict[16], want[16] = "";
	int number, answer, words = sscanf(line, "syscall %63s %15s %15s", name, verdict, want);

	if (words < 2)
		return 0;
	number = seccomp_syscall_resolve_name(name);
	answer = filter_answer(program, number);
	ck_assert_msg(number >= 0, "%s: '%s' is no system call", policy, name);
	if (strcmp(verdict, "allow") == 0)
		ck_assert_msg(answer == FILTER_ALLOWS, "%s: the filter answers %d to %s", policy, answer, name);
	else
		ck_assert_msg(answer > 0 && strcmp(errno_name(answer), want) == 0,
			      "%s: the filter answers %d to %s, want %s", policy, answer, name, want);
	return 1;
}

START_TEST(the_compiled_filter_agrees_with_the_cases)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	cleanup_with(buf_finish) struct buf program = buf_growing(1U << 20);
	cleanup_with(buf_finish) struct buf cases = buf_growing(1U << 20);
	struct error err = { 0 };
	char line[512];
	int asked = 0;
	FILE *file;

	load(names[_i], policy);
	ck_assert_msg(policy_filter(policy, &program, &err) == 0, "%s", err.text);
	read_cases(names[_i], &cases);
	file = fmemopen(cases.data, cases.len, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		asked += check_call(names[_i], buf_slice(&program), line);
	fclose(file);
	ck_assert_msg(asked >= CALLS_LEAST, "%s has %d lines about calls", names[_i], asked);
	/* And all that decide() refuses, whether a case names it or not. */
	for (size_t i = 0; i < forbidden_call_count; i++)
		ck_assert_int_eq(filter_answer(buf_slice(&program), forbidden_calls[i].number),
				 forbidden_calls[i].error);
}
END_TEST

START_TEST(a_wrong_case_is_found)
{
	static const char *const wrong[] = {
		"write /etc/passwd allow\n", "read /etc/shadow allow\n", "read /etc/shadow deny rule=files.read\n",
		"syscall ptrace deny ENOSYS\n", "syscall read deny\n", "connect 1.2.3.4:80 allow\n",
		"connect 1.2.3.4 deny\n", "jump /etc deny\n", "read\n", "read etc deny\n",
		"read /etc/passwd deny on=violate\n", "a b c d e f g\n", "read /etc/shadow ask\n",
	};
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct tally tally = { .name = "wrong" };
	struct error err = { 0 };

	load("default", policy);
	fclose(stderr);
	ck_assert_int_eq(policy_cases(policy, slice_of(wrong[_i]), count_result, &tally, &err), 1);
	ck_assert_msg(tally.failed == 1, "'%s' was believed", wrong[_i]);
}
END_TEST

START_TEST(the_shipped_policies_are_there)
{
	static const char *const wanted[] = { "base", "default", "coding-agent", "offline", "ci", "internet", "agent" };

	for (size_t i = 0; i < COUNT(wanted); i++) {
		bool found = false;

		for (int j = 0; j < name_count; j++)
			found |= strcmp(names[j], wanted[i]) == 0;
		ck_assert_msg(found, "%s is missing", wanted[i]);
	}
}
END_TEST

/* Whoever types the name of a program gets a policy that exists. */
START_TEST(each_preset_has_its_policy)
{
	static const char *const programs[] = {
		"claude", "codex", "gemini", "opencode", "copilot", "aider", "npm", "npx", "pip", "pip3", "cargo",
		"git", "make", "gmake",
	};
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	char path[64];

	for (size_t i = 0; i < COUNT(programs); i++) {
		IGNORE(snprintf(path, sizeof(path), "/opt/x/%s", programs[i]) < 0);
		ck_assert_msg(preset_of(programs[i]) && preset_of(path) == preset_of(programs[i]), "%s has no preset",
			      programs[i]);
		load(preset_of(programs[i]), policy);
	}
	ck_assert_ptr_null(preset_of("default"));
	ck_assert_ptr_null(preset_of("claude/"));
	ck_assert_ptr_null(preset_of("Claude"));
	ck_assert_ptr_null(preset_of("./claude.sh"));
}
END_TEST

/* The whole language in one document, with what it includes. */
START_TEST(the_example_of_the_language_compiles_and_its_form_too)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new(), *again = policy_new();
	cleanup_with(buf_finish) struct buf json = buf_growing(POLICY_BYTES_MAX);
	cleanup_with(buf_finish) struct buf twice = buf_growing(POLICY_BYTES_MAX);
	auto_free struct policy_source *source = calloc(1, sizeof(*source));
	struct policy_layer *layer = &source->layers[0];
	struct diagnostics diagnostics;
	struct govern_view view;
	struct error err = { 0 };

	source->count = 1;
	layer->bytes = buf_growing(POLICY_BYTES_MAX);
	ck_assert_int_eq(text_copy(layer->path, sizeof(layer->path), slice_of("tests/policy/example.policy.yaml")), 0);
	ck_assert_int_eq(policy_read(layer->path, &layer->bytes, &err), 0);
	read_packs(source, 0);
	ck_assert_msg(policy_compile_source(source, policy, NULL, &diagnostics) == 0, "%u: %s", diagnostics.items[0].line,
		      diagnostics.items[0].text);
	ck_assert_uint_eq(diagnostics.tested, 22);
	govern_view_of(&policy->govern, policy->strings, policy->strings_len, &view);
	ck_assert_msg(govern_view_check(&view, &err) == 0, "%s", err.text);
	ck_assert_int_eq(policy_json(policy, &json), 0);
	ck_assert_msg(policy_compile("json", json.data, json.len, again, &diagnostics) == 0, "%u: %s",
		      diagnostics.items[0].column, diagnostics.items[0].text);
	ck_assert_int_eq(policy_json(again, &twice), 0);
	ck_assert(slice_eq(buf_slice(&json), buf_slice(&twice)));
	policy_source_finish(source);
}
END_TEST

static void find_policies(void)
{
	DIR *dir = opendir(LIBRARY);
	struct dirent *entry;

	while (dir && name_count < POLICIES_MAX && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len > 5 && len < sizeof(names[0]) && strcmp(entry->d_name + len - 5, ".yaml") == 0 &&
		    !policy_is_pack(entry->d_name))
			memcpy(names[name_count++], entry->d_name, len - 5);
	}
	if (dir)
		closedir(dir);
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("cases");
	TCase *cases = tcase_create("shipped policies");

	find_policies();
	tcase_add_loop_test(cases, a_shipped_policy_decides_as_its_cases_say, 0, name_count);
	tcase_add_loop_test(cases, the_compiled_filter_agrees_with_the_cases, 0, name_count);
	tcase_add_loop_test(cases, a_wrong_case_is_found, 0, 13);
	tcase_add_test(cases, the_shipped_policies_are_there);
	tcase_add_test(cases, each_preset_has_its_policy);
	tcase_add_test(cases, the_example_of_the_language_compiles_and_its_form_too);
	tcase_set_tags(cases, "pure");
	suite_add_tcase(suite, cases);
	return suite;
}
