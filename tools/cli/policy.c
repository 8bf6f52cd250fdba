/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy`: checks and shows policies. Nothing here starts a run. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy_cases.h"
#include "cli/policy_ceiling.h"
#include "cli/policy_show.h"
#include "cli/policy_verbs.h"
#include "compiler/compile.h"
#include "compiler/lint.h"

#define NAMES_MAX 128U
#define NAME_MAX_BYTES 128U
#define CASES_BYTES_MAX (1U << 20)

struct policy_args {
	bool json;
};

static const struct option_row json_rows[] = {
	{ 0, "json", OPTION_FLAG, offsetof(struct policy_args, json), NULL,
	  "the canonical JSON and nothing else", NULL },
};

static const struct option_set lint_options = {
	.verb = "policy lint", .usage = "FILE...",
	.summary = "Checks policies: each error with file, line and column. Exit code 0 or 120.",
	.examples = "  bailiff policy lint ./my.policy.yaml\n",
};
static const struct option_set show_options_ = {
	.verb = "policy show", .usage = "NAME|FILE [--json]",
	.summary = "Shows a compiled policy, what each key means, and its digest.",
	.examples = "  bailiff policy show default\n  bailiff policy show --json ./my.policy.yaml | jq .files\n",
	.rows = json_rows, .count = COUNT(json_rows),
};
static const struct option_set list_options = {
	.verb = "policy list", .usage = "",
	.summary = "Lists the policies that `bailiff run -p NAME` finds.",
};
static const struct option_set cases_options = {
	.verb = "policy test", .usage = "FILE...",
	.summary = "Checks a policy, runs the tests inside it (match, not_match), and asks it the cases beside it\n"
		   "(FILE.cases for FILE.yaml): what it must allow and deny. Nothing is run. Exit code 0, 120 when the\n"
		   "policy is invalid, or 1 when a case does not hold. `check-cases` is the same, and wants cases.",
	.examples = "  bailiff policy test ./my.policy.yaml\n",
};

static void print_odd(void *context, const char *where, const char *text)
{
	char shown[1024], file[512];

	text_escape(shown, sizeof(shown), slice_of(text));
	text_escape(file, sizeof(file), slice_of(context));
	fprintf(stderr, "%s: warning: %s %s\n", file, where, shown);
}

static int policy_lint_one(const char *name)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics = { 0 };
	char path[POLICY_PATH_MAX];
	struct error err = { 0 };
	int r;

	if (!policy)
		return CLI_INTERNAL;
	r = policy_load(name, policy, &diagnostics, path, &err);
	if (r == 0) {
		IGNORE(policy_lint_odd(policy, print_odd, path));
		printf("%s: ok\n", path);
		return CLI_OK;
	}
	if (diagnostics.count > 0)
		diagnostics_print(stderr, &diagnostics);
	else
		error_print("bailiff policy lint", &err);
	return CLI_POLICY_INVALID;
}

static int policy_lint(int argc, char **argv)
{
	struct option_words words;
	struct policy_args args = { 0 };
	int r = options_take(&lint_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count == 0)
		return cli_usage("policy lint", "name a policy file");
	r = CLI_OK;
	for (int i = 0; i < words.count; i++) {
		int one = policy_lint_one(words.words[i]);

		r = MAX(r, one);
	}
	return r;
}

struct shown {
	struct policy *policy;
	struct policy_source source;
	struct policy_notes notes;
	struct buf json;
};

static void shown_finish(struct shown **shown)
{
	if (!*shown)
		return;
	policy_free((*shown)->policy);
	policy_source_finish(&(*shown)->source);
	policy_notes_finish(&(*shown)->notes);
	buf_finish(&(*shown)->json);
	free(*shown);
}

static int show_compile(const char *name, struct shown *shown, struct error *err)
{
	struct diagnostics diagnostics = { 0 };
	int r = policy_source_read(name, &shown->source, err);

	if (r < 0)
		return r;
	if (policy_compile_source(&shown->source, shown->policy, &shown->notes, &diagnostics) == 0)
		return 0;
	if (diagnostics.count > 1)
		diagnostics_print(stderr, &diagnostics);
	return diagnostics_error(&diagnostics, err);
}

static int show_one(const char *name, struct shown *shown, bool json, struct error *err)
{
	uint8_t digest[32];
	int r = show_compile(name, shown, err);

	if (r < 0)
		return r;
	r = policy_json(shown->policy, &shown->json);
	if (r == 0)
		r = policy_digest(buf_slice(&shown->json), digest);
	if (r < 0)
		return error_set(err, r, "write policy '%s' as JSON", shown->policy->name);
	if (json)
		printf("%.*s\n", (int)shown->json.len, shown->json.data);
	else
		policy_print(shown->policy, &shown->source, &shown->notes, digest);
	return 0;
}

static int policy_show(int argc, char **argv)
{
	cleanup_with(shown_finish) struct shown *shown = calloc(1, sizeof(*shown));
	struct policy_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&show_options_, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage("policy show", "name one policy; `bailiff policy list` shows all");
	if (!shown || !(shown->policy = policy_new()))
		return CLI_INTERNAL;
	shown->json = buf_growing(POLICY_BYTES_MAX);
	shown->notes = policy_notes_new();
	return show_one(words.words[0], shown, args.json, &err) < 0 ? cli_fail(&err) : CLI_OK;
}

/* ---- list ---- */

static bool policy_name_of(const char *file, char name[NAME_MAX_BYTES])
{
	size_t len = strlen(file);

	return len > 5 && strcmp(file + len - 5, ".yaml") == 0 && !policy_is_pack(file) &&
	       text_copy(name, NAME_MAX_BYTES, slice_new(file, len - 5)) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static size_t names_in(const char *directory, char names[NAMES_MAX][NAME_MAX_BYTES])
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	size_t count = 0;

	while (dir && count < NAMES_MAX && (entry = readdir(dir)))
		count += policy_name_of(entry->d_name, names[count]);
	if (dir)
		closedir(dir);
	qsort(names, count, NAME_MAX_BYTES, by_name);
	return count;
}

static void list_one(const char *name, const char *directory)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics = { 0 };
	char found[POLICY_PATH_MAX], shown[NAME_MAX_BYTES], text[POLICY_TEXT_MAX * 2];
	struct error err = { 0 };
	int r = policy ? policy_load(name, policy, &diagnostics, found, &err) : -ENOMEM;

	text_escape(shown, sizeof(shown), slice_of(name));
	text_escape(text, sizeof(text), slice_of(r == 0 ? policy->description : err.text));
	/* One of this name in a directory before this one is what `-p NAME` takes. */
	if (strncmp(found, directory, strlen(directory)) == 0)
		printf("%-16s %s%s\n", shown, r == 0 ? "" : "invalid: ", text);
}

int policy_names_print(void)
{
	char names[NAMES_MAX][NAME_MAX_BYTES], directory[POLICY_PATH_MAX];

	for (size_t i = 0; policy_directory(i, directory) == 0; i++) {
		size_t count = directory[0] ? names_in(directory, names) : 0;

		for (size_t j = 0; j < count; j++)
			printf("%s\n", names[j]);
	}
	return CLI_OK;
}

static int policy_list(int argc, char **argv)
{
	char names[NAMES_MAX][NAME_MAX_BYTES], directory[POLICY_PATH_MAX];
	struct policy_args args = { 0 };
	struct option_words words;
	int r = options_take(&list_options, argc, argv, &args, &words);
	size_t shown = 0;

	if (r >= 0)
		return r;
	if (words.count > 0)
		return cli_usage("policy list", "'%s' is too much here", words.words[0]);
	for (size_t i = 0; policy_directory(i, directory) == 0; i++) {
		size_t count = directory[0] ? names_in(directory, names) : 0;

		for (size_t j = 0; j < count; j++)
			list_one(names[j], directory);
		shown += count;
	}
	return shown > 0 ? CLI_OK : CLI_NONE;
}

/* ---- check-cases ---- */

struct case_count {
	const char *file;
	uint32_t failed;
};

static void case_result(void *context, uint32_t line, struct slice text, const char *problem)
{
	struct case_count *count = context;
	char shown[200];

	if (!problem)
		return;
	count->failed++;
	text_escape(shown, sizeof(shown), text);
	printf("%s:%u: %s: %s\n", count->file, line, shown, problem);
}

/* FILE.yaml to FILE.cases. */
static int cases_name(const char *path, char to[POLICY_PATH_MAX])
{
	size_t len = strlen(path);

	if (len < 5 || strcmp(path + len - 5, ".yaml") != 0)
		return -EINVAL;
	return snprintf(to, POLICY_PATH_MAX, "%.*s.cases", (int)(len - 5), path) < (int)POLICY_PATH_MAX ?
		0 : -ENAMETOOLONG;
}

/* One file of cases, and with `top` those that it includes. Adds to *asked. */
static int check_file(const struct policy *policy, const char *file, bool top, int *asked, uint32_t *failed,
		      struct error *err)
{
	cleanup_with(buf_finish) struct buf cases = buf_growing(CASES_BYTES_MAX);
	struct case_count count = { .file = file };
	char name[CASES_INCLUDE_MAX], path[POLICY_PATH_MAX];
	const char *slash = strrchr(file, '/');
	int folder = slash ? (int)(slash - file) + 1 : 0;
	int r = policy_read(file, &cases, err);

	if (r == 0)
		r = policy_cases(policy, buf_slice(&cases), case_result, &count, err);
	if (r < 0)
		return r;
	*asked += r;
	*failed += count.failed;
	r = 0;
	for (uint32_t i = 0; top && r == 0 && policy_cases_include(buf_slice(&cases), i, name) == 0; i++) {
		if (strchr(name, '/') || snprintf(path, sizeof(path), "%.*s%s.inc", folder, file, name) >=
						 (int)sizeof(path))
			return error_say(err, -EINVAL, "%s: include takes a name of the same folder", file);
		r = check_file(policy, path, false, asked, failed, err);
	}
	return r;
}

static bool access_cases(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0;
}

static int check_cases(const char *name, bool must, struct error *err)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics = { 0 };
	char path[POLICY_PATH_MAX], file[POLICY_PATH_MAX];
	uint32_t failed = 0;
	int asked = 0;
	int r = policy ? policy_load(name, policy, &diagnostics, path, err) : -ENOMEM;

	if (r == 0)
		r = cases_name(path, file);
	if (r == 0 && (must || access_cases(file)))
		r = check_file(policy, file, true, &asked, &failed, err);
	if (r < 0)
		return err->code ? r : error_set(err, r, "check the cases of '%s'", name);
	if (!must)
		printf("%s: %u command lines inside hold\n", path, diagnostics.tested);
	if (must || asked > 0)
		printf("%s: %d cases, %u do not hold\n", file, asked, failed);
	if (!must && asked + (int)diagnostics.tested == 0)
		fprintf(stderr, "%s: there is nothing to test: write `match` in capabilities, or %s\n", path, file);
	return asked + (must ? 0 : (int)diagnostics.tested) > 0 && failed == 0 ? CLI_OK : CLI_NONE;
}

static int test_all(int argc, char **argv, bool must)
{
	struct policy_args args = { 0 };
	struct option_words words;
	int r = options_take(&cases_options, argc, argv, &args, &words), worst = CLI_OK;

	if (r >= 0)
		return r;
	if (words.count == 0)
		return cli_usage(must ? "policy check-cases" : "policy test", "name a policy");
	for (int i = 0; i < words.count; i++) {
		struct error err = { 0 };

		r = check_cases(words.words[i], must, &err);
		if (r < 0)
			return cli_fail(&err);
		worst = MAX(worst, r);
	}
	return worst;
}

static int policy_check_cases(int argc, char **argv)
{
	return test_all(argc, argv, true);
}

static int policy_test(int argc, char **argv)
{
	return test_all(argc, argv, false);
}

static int policy_help(void)
{
	printf("usage: bailiff policy VERB\n\n"
	       "  lint FILE...         checks policies; errors with file, line and column, then what is odd\n"
	       "  test FILE...         the tests inside a policy, and the cases beside it\n"
	       "  show NAME [--json]   shows a compiled policy and its digest\n"
	       "  explain NAME -- CMD  how it answers to a command or a file, step by step\n"
	       "  diff OLD NEW         what NEW allows more and less\n"
	       "  suggest RUN          a policy made of what a run did; see `bailiff run --learn`\n"
	       "  list                 lists the policies that `bailiff run -p NAME` finds\n"
	       "  import srt FILE      makes a policy of settings of the sandbox-runtime\n"
	       "  check-cases FILE...  asks a policy the cases beside it\n"
	       "  ceiling [FILE]       checks what no run on this host may exceed\n"
	       "  names KIND           names for completions\n");
	return CLI_OK;
}

int verb_policy(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {
		{ "lint", policy_lint }, { "show", policy_show }, { "list", policy_list },
		{ "check-cases", policy_check_cases }, { "test", policy_test }, { "diff", policy_diff },
		{ "explain", policy_explain }, { "import", policy_import }, { "names", policy_names }, { "ceiling", policy_ceiling },
		{ "suggest", verb_records },
	};

	if (argc < 2)
		return cli_usage("policy", "name a verb: lint, test, show, explain, diff, suggest, list, import, check-cases, ceiling, names");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return policy_help();
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	return cli_usage("policy", "'%s' is not a verb of `bailiff policy`: lint, test, show, explain, diff, suggest, list, import, check-cases, ceiling, names",
			 argv[1]);
}
