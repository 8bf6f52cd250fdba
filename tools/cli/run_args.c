/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_args.h"

#include <ctype.h>
#include <errno.h>

#include "cli/cli.h"
#include "cli/preset.h"
#include "cli/verbs.h"

static const char *const tier_words[] = { "T0", "T1", "T2", "T3", "T4", NULL };
static const char *const network_words[] = { "none", "allowlist", "host", NULL };

#define AT(member) offsetof(struct run_args, member)

static const struct option_row rows[] = {
	{ 'p', "policy", OPTION_TEXT, AT(policy), "POLICY", "name or file (contains a /); else the command's preset, else `default`", NULL },
	{ 'r', "read", OPTION_LIST, AT(read), "PATH", "may read this too; adds to files.read", NULL },
	{ 'w', "write", OPTION_LIST, AT(write), "PATH", "may write this too; adds to files.write", NULL },
	{ 0, "net", OPTION_WORD, AT(network), "MODE", "none, allowlist or host; only narrows the policy", network_words },
	{ 'a', "allow", OPTION_LIST, AT(allow), "HOST[:PORT]", "may connect there too; adds to network.allow", NULL },
	{ 'm', "memory", OPTION_SIZE, AT(memory_bytes), "SIZE", "memory limit, 2G; only lowers the policy's", NULL },
	{ 'P', "pids", OPTION_COUNT, AT(pids), "N", "process limit; only lowers", NULL },
	{ 't', "time", OPTION_DURATION, AT(wall_ns), "TIME", "wall-clock limit, 10m; only lowers (exit 124)", NULL },
	{ 0, "cpu", OPTION_MILLI, AT(cpu_milli), "N", "processors, 1.5; only lowers", NULL },
	{ 'e', "env", OPTION_LIST, AT(env), "NAME[=VALUE]", "passes or sets an environment variable", NULL },
	{ 'C', "workspace", OPTION_TEXT, AT(workspace), "DIR", "the workspace, else the current directory", NULL },
	{ 0, "overlay", OPTION_FLAG, AT(overlay), NULL, "changes of the workspace are kept apart: `bailiff changes`", NULL },
	{ 0, "dry-run", OPTION_FLAG, AT(dry_run), NULL, "--overlay --net none; shows the changes, drops them", NULL },
	{ 0, "task", OPTION_TEXT, AT(task), "NAME", "--overlay, and of a task: when a later run of it fails, all is taken back", NULL },
	{ 0, "learn", OPTION_FLAG, AT(learn), NULL, "observes, for `bailiff policy suggest`: T1, an overlay, the home can be read; rules are recorded, not enforced", NULL },
	{ 0, "agent", OPTION_TEXT, AT(agent), "NAME", "name in the ledger, else the command's", NULL },
	{ 0, "tier", OPTION_WORD, AT(tier), "TIER", "T0 to T4; only narrows the policy: T1 writes to an overlay, without a network", tier_words },
	{ 'q', "quiet", OPTION_FLAG, AT(quiet), NULL, "no line on what is enforced", NULL },
	{ 'v', "verbose", OPTION_FLAG, AT(verbose), NULL, "one line more when the run ends", NULL },
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "start and end as JSON lines on stderr", NULL },
	{ 0, "ask", OPTION_FLAG, AT(ask), NULL, "what needs approval is asked at this terminal; without one it is denied", NULL },
	{ 'd', "detach", OPTION_FLAG, AT(detach), NULL, "prints the run's id; it goes on without you", NULL },
	{ 0, "detach-keys", OPTION_TEXT, AT(detach_keys_text), "KEYS", "leave the run by these, ctrl-p,ctrl-q", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set run_options = {
	.verb = "run",
	.usage = "[OPTIONS] [--] COMMAND [ARGUMENTS...]",
	.summary = "Runs a command in its sandbox, watches it from the kernel, records what it does and stops\n"
		   "it when it breaks its policy. Options end at the first word that is none. The exit code is\n"
		   "the command's; 120 to 127 are ours (`bailiff --help`).",
	.examples = "  sudo bailiff run -- claude            # the policy `claude`, by the command's name\n"
		    "  sudo bailiff run -p default -- make -j2\n"
		    "  sudo bailiff run --allow packages.example.org:443 -- ./update.sh\n"
		    "  sudo bailiff run -r /data -w ./out --net none -m 2G -P 64 -t 10m --env FOO -- ./job.sh\n",
	.rows = rows,
	.count = COUNT(rows),
	.command = true,
};

const struct option_set shell_options = {
	.verb = "shell",
	.usage = "[OPTIONS] [--] [ARGUMENTS...]",
	.summary = "Starts your shell as `bailiff run` starts a command: in the sandbox of the policy, watched and\n"
		   "recorded. Its prompt begins with \"(bailiff)\". The exit code is the shell's.\n",
	.examples = "  sudo bailiff shell\n"
		    "  sudo bailiff shell -p offline -- -c 'ls; id'\n",
	.rows = rows,
	.count = COUNT(rows),
	.command = true,
};

static bool env_name_is_right(const char *text)
{
	size_t len = strcspn(text, "=");

	if (len == 0 || len > 255 || isdigit((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	}
	return true;
}

static bool agent_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

static bool agent_is_right(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > RUN_AGENT_MAX || name[0] == '-' || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!agent_char(name[i]))
			return false;
	}
	return true;
}

void run_agent_name(const char *program, char ret_name[RUN_AGENT_MAX + 1])
{
	const char *slash = strrchr(program, '/');
	const char *base = slash ? slash + 1 : program;
	size_t len = MIN(strlen(base), (size_t)RUN_AGENT_MAX);

	for (size_t i = 0; i < len; i++)
		ret_name[i] = agent_char(base[i]) ? base[i] : '_';
	if (len == 0)
		ret_name[len++] = '_';
	if (ret_name[0] == '-' || ret_name[0] == '.')
		ret_name[0] = '_';
	ret_name[len] = '\0';
}

int run_args_parse(const struct option_set *set, int argc, char **argv, struct run_args *ret_args)
{
	struct option_words words;
	int r;

	*ret_args = (struct run_args){ .shell = set == &shell_options };
	r = options_take(set, argc, argv, ret_args, &words);
	if (r >= 0)
		return r;
	if (words.count == 0 && !ret_args->shell)
		return cli_usage("run", "a command is missing: bailiff run [OPTIONS] -- COMMAND");
	if (words.count > 0 && words.words[0][0] == '\0' && !ret_args->shell)
		return cli_usage("run", "the command's name is empty");
	for (size_t i = 0; i < ret_args->env.count; i++) {
		if (!env_name_is_right(ret_args->env.items[i]))
			return cli_usage(set->verb, "--env '%s' is neither NAME nor NAME=VALUE",
					 ret_args->env.items[i]);
	}
	if (ret_args->agent && !agent_is_right(ret_args->agent))
		return cli_usage(set->verb, "--agent '%s' must be 1 to %u letters, digits, '.', '_', '-'",
				 ret_args->agent, RUN_AGENT_MAX);
	if (ret_args->dry_run && (ret_args->detach || ret_args->detach_keys_text))
		return cli_usage("run", "--dry-run shows what changed at its end, so it cannot be left");
	if (ret_args->task && !agent_is_right(ret_args->task))
		return cli_usage(set->verb, "--task '%s' must be 1 to %u letters, digits, '.', '_', '-'",
				 ret_args->task, RUN_AGENT_MAX);
	if (ret_args->task && ret_args->dry_run)
		return cli_usage(set->verb, "--dry-run keeps nothing that --task could take back");
	ret_args->overlay |= ret_args->task != NULL;
	if (ret_args->learn && ret_args->tier && ret_args->tier[1] > '1')
		return cli_usage(set->verb, "--learn runs at T1, so --tier %s makes no sense", ret_args->tier);
	if (ret_args->ask && ret_args->detach)
		return cli_usage(set->verb, "--ask asks at this terminal, which --detach leaves");
	if (ret_args->dry_run) {
		if (ret_args->network && strcmp(ret_args->network, "none") != 0)
			return cli_usage("run", "--dry-run has no network, so --net %s makes no sense",
					 ret_args->network);
		ret_args->overlay = true;
		ret_args->network = "none";
	}
	if (ret_args->detach_keys_text && detach_keys_parse(ret_args->detach_keys_text, &ret_args->detach_keys) < 0)
		return cli_usage(set->verb, "--detach-keys '%s' must be keys such as a or ctrl-p, with commas, at most %u",
				 ret_args->detach_keys_text, DETACH_KEYS_MAX);
	ret_args->command = words.words;
	if (!ret_args->policy && words.count > 0) {
		ret_args->policy = preset_of(words.words[0]);
		ret_args->policy_picked = ret_args->policy != NULL;
	}
	if (!ret_args->policy)
		ret_args->policy = "default";
	return -1;
}

void run_args_finish(struct run_args *args)
{
	option_list_finish(&args->read);
	option_list_finish(&args->write);
	option_list_finish(&args->env);
	option_list_finish(&args->allow);
}
