/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy explain`: how a policy answers, step by step. Nothing is run. */
#include <errno.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "cli/policy_verbs.h"
#include "compiler/compile.h"
#include "decide/rules.h"
#include "plan/plan.h"

#define ARGV_MAX 256
#define PATH_SIZE 4096U

struct explain_args {
	struct option_list env;
	const char *phase, *plan, *check, *read, *write;
};

static const char *const phase_words_[] = { "PLAN", "EXECUTE", "VERIFY", "PACKAGE", "REPORT", NULL };
static const char *const plan_words_[] = { "none", "approved", "bound", NULL };
static const char *const check_words_[] = { "missing", "failed", "ok", NULL };
#define AT(field) offsetof(struct explain_args, field)

static const struct option_row rows[] = {
	{ 'e', "env", OPTION_LIST, AT(env), "NAME=VALUE", "a variable of the command", NULL },
	{ 0, "phase", OPTION_WORD, AT(phase), "PHASE", "that the run has announced", phase_words_ },
	{ 0, "plan", OPTION_WORD, AT(plan), "STATE", "of a plan that names it: none, approved, or bound to its inputs", plan_words_ },
	{ 0, "check", OPTION_WORD, AT(check), "STATE", "of its check: missing, failed or ok", check_words_ },
	{ 0, "read", OPTION_TEXT, AT(read), "PATH", "asks about reading a file instead", NULL },
	{ 0, "write", OPTION_TEXT, AT(write), "PATH", "asks about writing a file instead", NULL },
};

const struct option_set policy_explain_options = {
	.verb = "policy explain", .usage = "NAME [OPTIONS] [--] COMMAND [ARGS...]",
	.summary = "Shows how a policy answers to a command, or to a file: what it is taken for, which rules match, which\n"
		   "wins, and what to do about it. Nothing is run. Exit code 0 allowed, 10 approval needed, 11 denied.",
	.examples = "  bailiff policy explain coding-agent -- git push --force\n"
		    "  bailiff policy explain default --write ~/.bashrc\n",
	.rows = rows, .count = COUNT(rows), .command = false,
};

enum { EXPLAIN_ASKS = 10, EXPLAIN_DENIES = 11 };

static const char *verdict_text(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_DENY] = "deny", [VERDICT_ASK] = "require_approval", [VERDICT_ALLOW] = "allow",
	};

	return words[verdict];
}

static int exit_of(enum verdict verdict)
{
	return verdict == VERDICT_ALLOW ? CLI_OK : verdict == VERDICT_ASK ? EXPLAIN_ASKS : EXPLAIN_DENIES;
}

static void print_text(const char *label, const char *text)
{
	char shown[1024];

	text_escape(shown, sizeof(shown), slice_of(text));
	if (text[0])
		printf("%-12s %s\n", label, shown);
}

/* ---- a command ---- */

static void print_capability(const struct policy *policy, const struct ruling *ruling)
{
	const struct govern_capability *capability;

	if (ruling->capability == GOVERN_NONE) {
		printf("%-12s none: HIGH, class other (the policy does not include std)\n", "capability");
		return;
	}
	capability = &policy->govern.capabilities[ruling->capability];
	printf("%-12s %s: %s, %s, class %s, %s\n", "capability", policy_text(policy, capability->id),
	       operation_name((enum operation)ruling->operation), risk_name((enum risk)ruling->risk),
	       class_name((enum action_class)ruling->action_class),
	       capability->flags & CAPABILITY_REVERSIBLE ? "reversible" : "not reversible");
}

static void print_environments(const struct policy *policy, uint32_t bits)
{
	for (uint32_t i = 0; i < policy->govern.environments_count; i++) {
		const struct govern_environment *environment = &policy->govern.environments[i];

		if (bits >> i & 1U)
			printf("%-12s %s: %s from T%u on; the run is T%u\n", "environment",
			       policy_text(policy, environment->id),
			       environment->environment_class == ENVIRONMENT_PROD ? "prod" : "pool", environment->min_tier,
			       policy->tier);
	}
}

static void print_rules(const struct policy *policy, const struct ruling *ruling)
{
	bool any = false;

	for (uint32_t i = 0; i < policy->govern.rules_count; i++) {
		const struct govern_rule *rule = &policy->govern.rules[i];

		if (!(ruling->rules[i / 32] >> (i % 32) & 1U))
			continue;
		printf("%-12s %s: %s%s\n", any ? "" : "rules", policy_text(policy, rule->id),
		       verdict_text((enum verdict)rule->verdict), ruling->rule == i ? " (the strictest)" : "");
		any = true;
	}
	if (!any)
		printf("%-12s none matches\n", "rules");
}

static void print_guards(const struct policy *policy, const struct ruling *ruling)
{
	for (uint32_t i = 0; i < policy->govern.guards_count; i++) {
		if (ruling->guards[i / 32] >> (i % 32) & 1U)
			printf("%-12s %s: %s\n", "guard", policy_text(policy, policy->govern.guards[i].id),
			       ruling->guards_false[i / 32] >> (i % 32) & 1U ? "does not hold" : "holds");
	}
}

static void print_ruling(const struct policy *policy, const struct ruling *ruling)
{
	print_capability(policy, ruling);
	print_environments(policy, ruling->environments);
	print_rules(policy, ruling);
	print_guards(policy, ruling);
	printf("%-12s %s, at the step \"%s\"", "answer", verdict_text(ruling->would), step_name(ruling->step));
	if (ruling->rule_id.len > 0)
		printf(", by %.*s", (int)ruling->rule_id.len, ruling->rule_id.data);
	if (ruling->blocked_by != BLOCKED_NOT)
		printf(" (%s)", blocked_name(ruling->blocked_by));
	printf("\n");
	if (ruling->verdict != ruling->would)
		printf("%-12s %s, because the policy's mode is not enforce\n", "in force", verdict_text(ruling->verdict));
	if (ruling->would_raise != VIOLATION_NONE)
		printf("%-12s %s\n", "violation", violation_name(ruling->would_raise));
	print_text("reason", ruling->reason);
	print_text("next", ruling->remedy);
	print_text("agent", ruling->remedy_agent);
}

/* The program as a shell would find it; NULL: not on this host. */
static const char *find_program(const char *name, char path[PATH_SIZE])
{
	const char *at = getenv("PATH");
	char found[PATH_SIZE];
	struct stat st;

	if (strchr(name, '/'))
		return NULL;
	for (at = at ? at : "/usr/bin:/bin"; *at;) {
		size_t len = strcspn(at, ":");

		if (len > 0 && at[0] == '/' && snprintf(found, sizeof(found), "%.*s/%s", (int)len, at, name) < (int)sizeof(found) &&
		    stat(found, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111)) {
			ssize_t to = readlink(found, path, PATH_SIZE - 1);

			/* One link is enough to know the other name: vi is vim.basic by /etc/alternatives. */
			if (to > 0 && path[0] == '/') {
				path[to] = '\0';
				return path;
			}
			return text_copy(path, PATH_SIZE, slice_of(found)) == 0 ? path : NULL;
		}
		at += len + (at[len] == ':');
	}
	return NULL;
}

static void set_snapshot(const struct explain_args *args, struct snapshot *snapshot)
{
	for (unsigned int i = 0; args->phase && i < PHASE_COUNT; i++) {
		if (strcmp(phase_name((enum phase)i), args->phase) == 0)
			snapshot->phase = i;
	}
	snapshot->phase_reported = args->phase != NULL;
	if (args->plan && strcmp(args->plan, "none") != 0) {
		snapshot->plan_status = PLAN_APPROVED;
		snapshot->plan_cover = strcmp(args->plan, "bound") == 0 ? COVER_BOUND : COVER_ARGV;
	}
	if (args->check)
		snapshot->check = strcmp(args->check, "ok") == 0 ? CHECK_OK :
				  strcmp(args->check, "failed") == 0 ? CHECK_FAILED : CHECK_MISSING;
}

static int explain_command(const struct policy *policy, const struct explain_args *args, char **argv, int argc,
			   const char *workspace, const char *home)
{
	auto_free struct judged *judged = calloc(1, sizeof(*judged));
	struct slice words[ARGV_MAX], env[64];
	char path[PATH_SIZE], line[1024];
	struct judged_command command = { .argv = words, .env = env };
	struct action action;
	struct ruling ruling;
	int r = judged ? judged_init(judged, policy, workspace, home) : -ENOMEM;

	if (r < 0)
		return CLI_INTERNAL;
	for (int i = 0; i < argc && i < ARGV_MAX; i++)
		words[command.argc++] = slice_of(argv[i]);
	for (size_t i = 0; i < args->env.count && i < COUNT(env); i++)
		env[command.env_count++] = slice_of(args->env.items[i]);
	command.exe = find_program(argv[0], path);
	judged_snapshot(judged, &command.snapshot);
	set_snapshot(args, &command.snapshot);
	judged_ask(judged, &command, &action, &ruling);
	printf("%-12s", "command");
	for (int i = 0; i < argc; i++) {
		text_escape(line, sizeof(line), slice_of(argv[i]));
		printf(" %s", line);
	}
	printf("\n%-12s %s\n", "program", command.exe ? command.exe : "not on this host; taken for one of the system");
	print_ruling(policy, &ruling);
	judged_finish(judged);
	return exit_of(ruling.verdict);
}

/* ---- a file ---- */

static int explain_file(const struct policy *policy, enum request_kind kind, const char *path, const char *workspace,
			const char *home, struct error *err)
{
	struct request request = { .kind = kind, .path = slice_of(path), .syscall = -1 };
	struct plan_rules_memory *memory = NULL;
	struct decision decision;
	struct rules rules;
	int r = plan_rules_of(policy, workspace, home, &memory, &rules, err);

	if (r < 0)
		return cli_fail(err);
	decide(&rules, &request, &decision);
	print_text(kind == REQUEST_READ ? "read" : "write", path);
	printf("%-12s %s, by %.*s\n", "answer", verdict_text(decision.verdict), (int)decision.rule.len, decision.rule.data);
	print_text("reason", decision.reason);
	print_text("next", decision.remedy);
	print_text("agent", decision.remedy_agent);
	if (decision.verdict == VERDICT_DENY)
		printf("%-12s %s\n", "leads to", decision.on == ON_VIOLATE ? violation_name(decision.violation) :
		       "a recorded refusal");
	plan_rules_free(memory);
	return exit_of(decision.verdict);
}

static int explain(const struct explain_args *args, const struct option_words *words, struct error *err)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	const char *home = getenv("HOME") ? getenv("HOME") : "/root";
	struct diagnostics diagnostics = { 0 };
	char path[POLICY_PATH_MAX], workspace[PATH_SIZE];
	int r = policy ? policy_load(words->words[0], policy, &diagnostics, path, err) : -ENOMEM;

	if (r < 0)
		return cli_fail(err);
	if (!getcwd(workspace, sizeof(workspace)))
		return cli_usage("policy explain", "the current directory has no path");
	if (args->read || args->write)
		return explain_file(policy, args->read ? REQUEST_READ : REQUEST_WRITE, args->read ? args->read : args->write,
				    workspace, home, err);
	if (!policy->govern.settings.gated) {
		printf("%-12s allow: the policy '%s' has no rules about commands; what they may reach is another matter\n",
		       "answer", policy->name);
		return CLI_OK;
	}
	return explain_command(policy, args, words->words + 1, words->count - 1, workspace, home);
}

int policy_explain(int argc, char **argv)
{
	struct explain_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&policy_explain_options, argc, argv, &args, &words);

	if (r < 0)
		r = words.count < 2 && !args.read && !args.write ?
			cli_usage("policy explain", "name a policy, then a command or --read PATH or --write PATH") :
			words.count < 1 ? cli_usage("policy explain", "name a policy") : explain(&args, &words, &err);
	option_list_finish(&args.env);
	return r;
}
