/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled policies of root's runs, in <state-dir>/compiled, which only root can enter: a launch then
 * needs no confined child. What is kept is what that child gave and run_policy_check() passed; it is
 * found by the SHA-256 of all that it depends on (document, flags, this program) and checked again. Any
 * doubt is a miss: the policy is compiled. */
#ifndef CLI_POLICY_CACHE_H
#define CLI_POLICY_CACHE_H

#include <stdbool.h>

#include "base/slice.h"
#include "cli/run_args.h"
#include "cli/project_file.h"
#include "cli/run_policy.h"
#include "compiler/source.h"

struct policy_key { uint8_t bytes[32]; };

/* The key of a document, of those that it extends, of project files and of the flags of a command line. Returns 0 or -errno: then use no cache. */
int policy_cache_key(const struct run_args *args, const struct policy_source *source,
		     const struct project_files *project,
		     struct policy_key *ret_key) MUST_USE;
/* Fills policy (allocated by the caller), filter and filter_count of *policy. False: not there. */
bool policy_cache_get(const struct run_args *args, const struct policy_key *key, struct run_policy *policy);
/* Keeps them. What goes wrong only makes the next launch slower. */
void policy_cache_put(const struct run_args *args, const struct policy_key *key,
		      const struct run_policy *policy);

#endif
