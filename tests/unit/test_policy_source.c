/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that extend others, and the comments that say why an entry is there. */
#include <check.h>
#include <stddef.h>

#include "base/text.h"
#include "compiler/source.h"
#include "lib/runner.h"

static struct policy_source source;
static struct policy *policy;
static struct policy_notes notes;
static struct diagnostics diagnostics;

static void setup(void)
{
	policy = policy_new();
	notes = policy_notes_new();
	memset(&source, 0, sizeof(source));
}

static void teardown(void)
{
	policy_source_finish(&source);
	policy_notes_finish(&notes);
	policy_free(policy);
}

/* The policy first, then what it extends. */
static void add_layer(const char *extends, const char *document)
{
	struct policy_layer *layer = &source.layers[source.count];

	IGNORE(snprintf(layer->path, sizeof(layer->path), "/p/layer%u.yaml", source.count) < 0);
	IGNORE(text_copy(layer->extends, sizeof(layer->extends), slice_of(extends)));
	layer->bytes = buf_growing(POLICY_BYTES_MAX);
	ck_assert_int_eq(buf_text(&layer->bytes, document), 0);
	source.count++;
}

static void compile(void)
{
	int r = policy_compile_source(&source, policy, &notes, &diagnostics);

	ck_assert_msg(r == 0, "%s:%u: %s", diagnostics.file, diagnostics.items[0].line, diagnostics.items[0].text);
}

static bool has(const struct policy_list *list, const char *text)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (strcmp(policy_text(policy, list->items[i]), text) == 0)
			return true;
	}
	return false;
}

#define TOP "schema: 1\nname: top\nextends: low\n"
#define LOW "schema: 1\nname: low\n"

START_TEST(lists_are_added_to_and_values_replaced)
{
	add_layer("low", TOP "limits: {pids: 7}\nfiles: {read: [/b]}\nsandbox: {require: [landlock]}\n");
	add_layer("", LOW "version: \"9\"\ndescription: of the base\nlimits: {pids: 5, open_files: 100}\n"
		      "files: {read: [/a]}\nsandbox: {require: [limit_pids]}\n");
	compile();
	ck_assert_str_eq(policy->name, "top");
	ck_assert_str_eq(policy->version, "0");       /* what a base is called is not what this is called */
	ck_assert_str_eq(policy->description, "");
	ck_assert_uint_eq(policy->limits.pids, 7);
	ck_assert_uint_eq(policy->limits.open_files, 100);
	ck_assert(has(&policy->read, "/a") && has(&policy->read, "/b"));
	ck_assert(policy->require & (1U << FEATURE_LANDLOCK));
	ck_assert(policy->require & (1U << FEATURE_LIMIT_PIDS));
}
END_TEST

START_TEST(an_extended_policy_has_the_digest_of_the_same_written_out)
{
	cleanup_with(buf_finish) struct buf one = buf_growing(POLICY_BYTES_MAX), two = buf_growing(POLICY_BYTES_MAX);
	static const char whole[] = LOW "files: {read: [/a, /b]}\n";

	add_layer("low", "schema: 1\nextends: low\nname: low\nfiles: {read: [/b]} # why\n");
	add_layer("", LOW "files: {read: [/a]}\n");
	compile();
	ck_assert_int_eq(policy_json(policy, &one), 0);
	ck_assert_int_eq(policy_compile("x", whole, sizeof(whole) - 1, policy, &diagnostics), 0);
	ck_assert_int_eq(policy_json(policy, &two), 0);
	ck_assert(slice_eq(buf_slice(&one), buf_slice(&two)));
}
END_TEST

START_TEST(an_error_of_a_base_is_named_by_its_file)
{
	add_layer("low", TOP);
	add_layer("", LOW "nmae: x\n");
	ck_assert_int_lt(policy_compile_source(&source, policy, NULL, &diagnostics), 0);
	ck_assert_uint_eq(diagnostics.layer, 1);
	ck_assert_str_eq(diagnostics.file, "/p/layer1.yaml");
}
END_TEST

/* The base is found without a parser. Where the document means something else, it is refused. */
static const struct base_case {
	const char *document;
	const char *found;       /* "" = none */
	bool compiles;           /* with that base */
} base_cases[] = {
	{ TOP, "low", true },
	{ "schema: 1\nname: t\nextends: low   # why\n", "low", true },
	{ "schema: 1\nname: t\nextends: low\r\n", "low", true },
	{ LOW, "", true },
	{ "schema: 1\nname: t\n extends: low\n", "", false },
	{ "schema: 1\nname: t\nextends: \"low\"\n", "", false },
	{ "schema: 1\nname: t\nextends:  low\n", "", false },
	{ "schema: 1\nname: t\nextends: low#x\n", "", false },
	{ "schema: 1\nname: t\nextends: ../low\n", "", false },
	{ "schema: 1\nname: t\nextends: LOW\n", "", false },
	{ "{schema: 1, name: t, extends: low}\n", "", false },
	{ "schema: 1\nname: t\ndescription: \"a\nextends: low\nb\"\n", "low", false },
	{ "schema: 1\nname: t\nextends: low\nextends: high\n", "low", false },
	{ "schema: 1\nname: t\nlimits:\n  extends: low\n", "", false },
};

START_TEST(a_base_is_found_by_its_line_or_refused)
{
	const struct base_case *row = &base_cases[_i];
	char name[POLICY_NAME_MAX] = "x";
	int r;

	ck_assert_msg(policy_base_name(slice_of(row->document), name) == (row->found[0] != '\0'), "%s", row->document);
	ck_assert_msg(strcmp(name, row->found) == 0, "found '%s' in %s", name, row->document);
	add_layer(row->found, row->document);
	if (row->found[0])
		add_layer("", LOW);
	r = policy_compile_source(&source, policy, NULL, &diagnostics);
	ck_assert_msg((r == 0) == row->compiles, "%s is %s: %s", row->document, r == 0 ? "taken" : "refused",
		      diagnostics.count ? diagnostics.items[0].text : "");
}
END_TEST

START_TEST(a_name_has_a_maximum)
{
	char document[256], name[POLICY_NAME_MAX];

	memset(document, 'a', sizeof(document));
	memcpy(document, "extends: ", 9);
	ck_assert(policy_base_name(slice_new(document, 9 + POLICY_NAME_MAX - 1), name));
	ck_assert(!policy_base_name(slice_new(document, 9 + POLICY_NAME_MAX), name));
	ck_assert_str_eq(name, "");
}
END_TEST

/* ---- reasons ---- */

#define NOTED "schema: 1\n" \
	"name: x\n" \
	"limits:\n" \
	"  pids: 9      # few\n" \
	"  open_files: 64\n" \
	"files:\n" \
	"  # not of the list\n" \
	"  read:\n" \
	"    # programs\n" \
	"    # of the system\n" \
	"    - /usr\n" \
	"    - /bin      # old ones\n" \
	"    - /sbin\n" \
	"\n" \
	"    - /none\n" \
	"  write: [/a, /b,   # two\n" \
	"          \"/c # d\"] # third\n"

static const struct reason_case {
	size_t field;
	const char *entry, *reason;  /* NULL = no note */
} reason_cases[] = {
	{ offsetof(struct policy, limits.pids), "", "few" },
	{ offsetof(struct policy, limits.open_files), "", "" },
	{ offsetof(struct policy, read), "/usr", "programs of the system" },
	{ offsetof(struct policy, read), "/bin", "old ones" },
	{ offsetof(struct policy, read), "/sbin", "programs of the system" },
	{ offsetof(struct policy, read), "/none", "" },
	{ offsetof(struct policy, write), "/a", "two" },
	{ offsetof(struct policy, write), "/b", "two" },
	{ offsetof(struct policy, write), "/c # d", "third" },
	{ offsetof(struct policy, write), "/d", NULL },
	{ offsetof(struct policy, hide), "/usr", NULL },
};

START_TEST(a_comment_is_the_reason_of_its_entries)
{
	const struct reason_case *row = &reason_cases[_i];
	const struct policy_note *note;
	struct slice reason;

	add_layer("", NOTED);
	compile();
	note = policy_notes_find(&notes, row->field, slice_of(row->entry));
	ck_assert_msg((note != NULL) == (row->reason != NULL), "%s", row->entry);
	if (!note)
		return;
	reason = policy_notes_reason(&notes, note);
	ck_assert_msg(slice_is(reason, row->reason), "'%s' is there because '%.*s', want '%s'", row->entry,
		      (int)reason.len, reason.data, row->reason);
}
END_TEST

START_TEST(a_note_says_which_policy_it_is_from)
{
	add_layer("low", TOP "files: {read: [/b]}\n");
	add_layer("", LOW "files: {read: [/a, /b]}\n");
	compile();
	ck_assert_uint_eq(policy_notes_find(&notes, offsetof(struct policy, read), slice_of("/a"))->layer, 1);
	ck_assert_uint_eq(policy_notes_find(&notes, offsetof(struct policy, read), slice_of("/b"))->layer, 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("policy_source");
	TCase *layers = tcase_create("layers"), *reasons = tcase_create("reasons");

	tcase_add_checked_fixture(layers, setup, teardown);
	tcase_add_test(layers, lists_are_added_to_and_values_replaced);
	tcase_add_test(layers, an_extended_policy_has_the_digest_of_the_same_written_out);
	tcase_add_test(layers, an_error_of_a_base_is_named_by_its_file);
	tcase_add_loop_test(layers, a_base_is_found_by_its_line_or_refused, 0, (int)COUNT(base_cases));
	tcase_add_test(layers, a_name_has_a_maximum);
	tcase_add_checked_fixture(reasons, setup, teardown);
	tcase_add_loop_test(reasons, a_comment_is_the_reason_of_its_entries, 0, (int)COUNT(reason_cases));
	tcase_add_test(reasons, a_note_says_which_policy_it_is_from);
	tcase_set_tags(layers, "pure");
	tcase_set_tags(reasons, "pure");
	suite_add_tcase(suite, layers);
	suite_add_tcase(suite, reasons);
	return suite;
}
