/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that the policy's allowlist is applied to: the caller's, with HOME, USER and
 * LOGNAME of the run's user and with --env NAME=VALUE set. */
#ifndef CLI_RUN_ENV_H
#define CLI_RUN_ENV_H

#include "cli/identity.h"
#include "cli/options.h"

struct run_env {
	char **items;         /* owned, NULL-terminated */
	size_t count;
};

/* Returns 0; -ENOENT when --env NAME names a variable that is not set (exit code 2); -ENOMEM.
 * Release with run_env_finish() in each case. */
int run_env_make(const struct option_list *flags, const struct identity *identity,
		 struct run_env *ret_env, struct error *err) MUST_USE;
/* The variable `name`, when it is there. */
void run_env_remove(struct run_env *env, const char *name);
void run_env_finish(struct run_env *env);

#endif
