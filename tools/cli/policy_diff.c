/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy diff`: what the second policy allows more and less than the first. */
#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy_verbs.h"
#include "compiler/compile.h"
#include "compiler/differ.h"

const struct option_set policy_diff_options = {
	.verb = "policy diff", .usage = "OLD NEW",
	.summary = "Compares two policies by meaning: what NEW allows more (wider), less (narrower), and what only\n"
		   "differs. Exit code 0 when they mean the same, 1 when not.",
	.examples = "  bailiff policy diff default ./own.yaml\n",
};

static void print_difference(void *context, const char *key, enum difference difference, const char *from, const char *to)
{
	static const char *const words[DIFFERENCE_COUNT] = {
		[DIFFERENCE_NARROWER] = "narrower", [DIFFERENCE_WIDER] = "wider", [DIFFERENCE_OTHER] = "differs",
	};
	uint32_t *counts = context;
	char left[128], old[320], new[320];

	counts[difference]++;
	text_escape(left, sizeof(left), slice_of(key));
	text_escape(old, sizeof(old), slice_of(from ? from : ""));
	text_escape(new, sizeof(new), slice_of(to ? to : ""));
	if (from && to)
		printf("%-9s %s: %s -> %s\n", words[difference], left, old, new);
	else
		printf("%-9s %s: %s%s\n", words[difference], left, from ? "- " : "+ ", from ? old : new);
}

static int print_summary(const uint32_t *counts)
{
	uint32_t wider = counts[DIFFERENCE_WIDER], narrower = counts[DIFFERENCE_NARROWER], other = counts[DIFFERENCE_OTHER];

	if (wider + narrower + other == 0)
		printf("equal: both mean the same\n");
	else if (narrower + other == 0)
		printf("wider: %u\n", wider);
	else if (wider + other == 0)
		printf("narrower: %u\n", narrower);
	else
		printf("wider: %u, narrower: %u, differs: %u\n", wider, narrower, other);
	return wider + narrower + other == 0 ? CLI_OK : CLI_NONE;
}

int policy_diff(int argc, char **argv)
{
	cleanup_with(policy_free_p) struct policy *from = policy_new(), *to = policy_new();
	uint32_t counts[DIFFERENCE_COUNT] = { 0 };
	struct diagnostics diagnostics = { 0 };
	char path[POLICY_PATH_MAX];
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&policy_diff_options, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	if (words.count != 2)
		return cli_usage("policy diff", "name two policies");
	if (!from || !to)
		return CLI_INTERNAL;
	r = policy_load(words.words[0], from, &diagnostics, path, &err);
	if (r == 0)
		r = policy_load(words.words[1], to, &diagnostics, path, &err);
	if (r == 0)
		r = policy_differ(from, to, print_difference, counts);
	return r < 0 ? cli_fail(&err) : print_summary(counts);
}
