/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a policy's secrets: read at each start, from a file, the caller's environment or a command,
 * with the rights of the caller: through sudo those of SUDO_UID. They go into one sealed memfd for
 * bailiff-init (plan/secrets.h) and nowhere else. */
#ifndef CLI_SECRETS_H
#define CLI_SECRETS_H

#include "cli/identity.h"
#include "cli/run_env.h"
#include "cli/run_policy.h"

/* Takes the variables that secrets come from out of `env`: what is a secret is in no plan. */
void secrets_withhold(const struct policy *policy, struct run_env *env);

/* Fills *ret_fd (FD_NONE when the policy has no secrets). A child that gave up root reads files and runs
 * commands, these in the environment `env`. Blocks at most for the time-outs of the secrets.
 *
 * Returns 0, or a negative errno with the secret's name, next step and exit code 122 in *err: nothing
 * starts half equipped. */
int secrets_gather(const struct run_policy *policy, const struct identity *identity, const struct run_env *env,
		   int *ret_fd, struct error *err) MUST_USE;

#endif
