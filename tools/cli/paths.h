/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the command line made absolute by their text alone; who may open them is decided by the
 * supervisor, with the caller's rights. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/client.h"
#include "cli/options.h"

/* `path` below `base` (absolute) without ".", ".." and double slashes; ".." at the root stays there,
 * as in the kernel. Pure. The caller frees *ret_path. Returns 0 or -ENOMEM. */
int path_absolute(const char *base, const char *path, char **ret_path) MUST_USE;

/* Owns the paths that were made. */
struct path_pool {
	char **items;
	size_t count;
};

void path_pool_finish(struct path_pool *pool);

/* Makes both directories absolute: the supervisor has another working directory. The new strings
 * belong to `pool`. */
int dirs_absolute(struct client_dirs *dirs, struct path_pool *pool, struct error *err) MUST_USE;

/* Replaces each path of --OPTION by an absolute one that exists. Refused (exit code 2): what does not
 * exist, is not UTF-8, or has characters that mean something in a policy. The new strings belong to
 * `pool`. */
int paths_resolve(const char *option, const char *cwd, struct option_list *list,
		  struct path_pool *pool, struct error *err) MUST_USE;

#endif
