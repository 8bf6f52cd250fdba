/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff capability`: what a policy knows of actions and their risks. */
#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "compiler/compile.h"
#include "compiler/govern.h"
#include "compiler/shown.h"

struct capability_args {
	const char *policy;
};

static const struct option_row rows[] = {
	{ 'p', "policy", OPTION_TEXT, offsetof(struct capability_args, policy), "NAME", "whose capability, else coding-agent", NULL },
};
static const struct option_set show_set = {
	.verb = "capability show", .usage = "[ID] [-p POLICY]",
	.summary = "Shows a capability with all that was not said filled in; without ID the list of them.",
	.examples = "  bailiff capability show vcs.push\n", .rows = rows, .count = COUNT(rows),
};
static const struct option_set lint_set = {
	.verb = "capability lint", .usage = "FILE...",
	.summary = "Runs the Risk Consistency Check and the tests (match, not_match) of the capabilities of a policy.\n"
		   "Exit code 0 or 120.",
	.examples = "  bailiff capability lint ./own.policy.yaml\n",
};

static int load(const char *name, struct policy *policy, struct diagnostics *diagnostics)
{
	char path[POLICY_PATH_MAX];
	struct error err = { 0 };
	int r = policy ? policy_load(name, policy, diagnostics, path, &err) : -ENOMEM;

	if (r == 0)
		return CLI_OK;
	diagnostics->file = path;
	if (diagnostics->count > 1)
		diagnostics_print(stderr, diagnostics);
	return cli_fail(&err);
}

static const char *strategy(const struct govern_capability *capability)
{
	switch ((enum way_back)capability->way_back) {
	case WAY_BACK_NONE:
		break;
	case WAY_BACK_MANUAL:
		return "manual";
	case WAY_BACK_RUN:
	case WAY_BACK_CAPABILITY:
	case WAY_BACK_SNAPSHOT:
		return "automatic";
	}
	return "none";
}

static void print_list(const struct policy *policy)
{
	for (uint32_t i = 0; i < policy->govern.capabilities_count; i++) {
		const struct govern_capability *capability = &policy->govern.capabilities[i];

		printf("%-24s %-8s %-8s %-8s %s\n", table_name(policy, TABLE_CAPABILITIES, i),
		       risk_name((enum risk)capability->risk), operation_name((enum operation)capability->operation),
		       class_name((enum action_class)capability->action_class),
		       capability->flags & CAPABILITY_REVERSIBLE ? "reversible" : "not reversible");
	}
}

static int print_one(const struct policy *policy, const char *id)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(1U << 20);
	const char *names[GOVERN_CAPABILITIES_MAX + 1] = { NULL };
	int found = table_find(policy, TABLE_CAPABILITIES, slice_of(id));
	const char *near;

	if (found >= 0) {
		const struct govern_capability *capability = &policy->govern.capabilities[found];

		if (!capability_shown(policy, (uint32_t)found, &text) || buf_append(&text, "", 1) < 0)
			return CLI_INTERNAL;
		printf("%s:%s", id, text.data);
		printf("  # compensation: supported %s, strategy %s%s%s\n",
		       capability->way_back != WAY_BACK_NONE ? "true" : "false", strategy(capability),
		       capability->way_back == WAY_BACK_CAPABILITY ? ", capability_id " : "",
		       capability->way_back == WAY_BACK_CAPABILITY ?
		       table_name(policy, TABLE_CAPABILITIES, capability->way_back_capability) : "");
		return CLI_OK;
	}
	for (uint32_t i = 0; i < policy->govern.capabilities_count; i++)
		names[i] = table_name(policy, TABLE_CAPABILITIES, i);
	near = text_nearest(slice_of(id), names);
	return cli_usage("capability show", "'%s' is not a capability of the policy '%s'%s%s%s", id, policy->name,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int capability_show(int argc, char **argv)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct capability_args args = { 0 };
	struct diagnostics diagnostics = { 0 };
	struct option_words words;
	int r = options_take(&show_set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 1)
		return cli_usage("capability show", "'%s' is too much here", words.words[1]);
	r = load(args.policy ? args.policy : "coding-agent", policy, &diagnostics);
	if (r != CLI_OK)
		return r;
	if (words.count == 1)
		return print_one(policy, words.words[0]);
	print_list(policy);
	return CLI_OK;
}

static int capability_lint(int argc, char **argv)
{
	struct option_words words;
	int r = options_take(&lint_set, argc, argv, NULL, &words), worst = CLI_OK;

	if (r >= 0)
		return r;
	if (words.count == 0)
		return cli_usage("capability lint", "name a policy file");
	for (int i = 0; i < words.count; i++) {
		cleanup_with(policy_free_p) struct policy *policy = policy_new();
		struct diagnostics diagnostics = { 0 };

		r = load(words.words[i], policy, &diagnostics);
		if (r == CLI_OK)
			printf("%s: %u capabilities are consistent, %u command lines tested\n", words.words[i],
			       policy->govern.capabilities_count, diagnostics.tested);
		worst = MAX(worst, r);
	}
	return worst;
}

int verb_capability(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "show") == 0)
		return capability_show(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "lint") == 0)
		return capability_lint(argc - 1, argv + 1);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("usage: bailiff capability VERB\n\n"
		       "  show [ID] [-p POLICY]  shows one with all its values, or lists them\n"
		       "  lint FILE...           the Risk Consistency Check, and the tests inside\n");
		return CLI_OK;
	}
	return cli_usage("capability", "name a verb: show, lint");
}
