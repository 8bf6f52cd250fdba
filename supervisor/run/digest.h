/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 over what an exec is: the name by which an approval, a grant and a repeated refusal know it. */
#ifndef RUN_DIGEST_H
#define RUN_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "run/held.h"
#include "run/program.h"

/* All words of argv, the working directory, the identity of each file of the chain, the variables by which
 * loaders and interpreters are told what else to run, and the environments (bits) that are touched. */
void digest_exec(const struct held *held, const struct program_cwd *cwd, const struct program *chain,
		 size_t chain_count, uint32_t environments, uint8_t ret_digest[32]);

/* Whether a variable ("NAME=value") can make a program run or load something else. Pure. */
bool digest_binds_variable(struct slice variable);

#endif
