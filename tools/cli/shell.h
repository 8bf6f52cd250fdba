/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff shell`: which program that is, and how its prompt says where it is. */
#ifndef CLI_SHELL_H
#define CLI_SHELL_H

#include "cli/identity.h"
#include "cli/run_args.h"

#define SHELL_PATH_MAX 4096U

struct shell {
	char path[SHELL_PATH_MAX], variable[SHELL_PATH_MAX + 8];
	char **argv;          /* owned; the strings are borrowed */
};

/* Makes args->command the person's shell, behind which the words of the command line follow, and sets what shows
 * "(bailiff)" in its prompt. Not a login shell: it reads no profile. Release with shell_finish() in each case.
 * Returns 0; -ENOENT: this machine has no shell (exit code 127); -ENOMEM. */
int shell_fill(struct run_args *args, const struct identity *identity, struct shell *ret_shell,
	       struct error *err) MUST_USE;
void shell_finish(struct shell *shell);

#endif
