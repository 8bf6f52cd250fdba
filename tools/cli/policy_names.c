/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy names`: what shell completions offer. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy_verbs.h"
#include "compiler/compile.h"
#include "compiler/govern.h"

const struct option_set policy_names_options = {
	.verb = "policy names", .usage = "policies | capabilities|rules|guards|environments [POLICY]",
	.summary = "Prints names, one a line, for completions of shells. POLICY is `coding-agent` when none is said.",
};

static int print_table(enum table table, const char *name)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics = { 0 };
	char path[POLICY_PATH_MAX];
	struct error err = { 0 };

	if (!policy)
		return CLI_INTERNAL;
	if (policy_load(name, policy, &diagnostics, path, &err) < 0)
		return cli_fail(&err);
	for (uint32_t i = 0; i < *table_count(&policy->govern, table); i++)
		printf("%s\n", table_name(policy, table, i));
	return CLI_OK;
}

int policy_names(int argc, char **argv)
{
	struct option_words words;
	int r = options_take(&policy_names_options, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	if (words.count == 1 && strcmp(words.words[0], "policies") == 0)
		return policy_names_print();
	for (unsigned int i = 0; i < TABLE_COUNT && words.count >= 1 && words.count <= 2; i++) {
		if (strcmp(words.words[0], table_rows[i].plural) == 0)
			return print_table((enum table)i, words.count == 2 ? words.words[1] : "coding-agent");
	}
	return cli_usage("policy names", "one of policies, capabilities, rules, guards, environments is expected");
}
