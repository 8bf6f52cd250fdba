/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line of `bailiff run` says, checked as far as it can be without a policy. */
#ifndef CLI_RUN_ARGS_H
#define CLI_RUN_ARGS_H

#include "cli/client.h"
#include "cli/detach_keys.h"
#include "cli/options.h"

#define RUN_AGENT_MAX 63U

struct run_args {
	const char *policy;           /* name or path */
	bool policy_picked;           /* by the command's name (preset.h), not by -p */
	const char *network;          /* "none", "allowlist", "host" or NULL */
	const char *workspace, *agent, *tier; /* tier: "T0" to "T4" or NULL */
	const char *task;             /* or NULL; implies overlay */
	struct option_list read, write, env, allow;
	uint64_t memory_bytes, wall_ns, cpu_milli;
	uint32_t pids;
	bool overlay, dry_run;        /* dry_run implies overlay and network none */
	bool learn;                   /* observes: run_learn.h */
	bool quiet, verbose, json;
	bool detach;
	bool ask;                     /* at this terminal */
	const char *detach_keys_text; /* NULL = none */
	struct detach_keys detach_keys;
	bool shell;                   /* the caller's shell, with `command` as its arguments */
	struct client_dirs dirs;
	char *const *command;         /* NULL-terminated, at least one word unless `shell` */
};

/* Parses and checks by run_options or shell_options (verbs.h). Returns -1 to go on, else the exit code (help was printed or the error).
 * Borrows argv; release with run_args_finish() in each case. */
int run_args_parse(const struct option_set *set, int argc, char **argv, struct run_args *ret_args);
void run_args_finish(struct run_args *args);

/* "claude" for "/usr/bin/claude": the agent's name when none was given. Characters other than
 * letters, digits and "._-" become "_"; never empty. */
void run_agent_name(const char *program, char ret_name[RUN_AGENT_MAX + 1]);

#endif
