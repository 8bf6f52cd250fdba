/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that a policy's patterns name, as they are in the run when it starts: so that a copy, a hard
 * link or another name of one is still known by its name. Also those that run what their argument names:
 * loaders, and programs of many names. */
#ifndef RUN_KNOWN_H
#define RUN_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "decide/judge.h"
#include "run/program.h"

#define KNOWN_MAX 512U
#define KNOWN_SEEN 64U

enum known_kind { KNOWN_PROGRAM, KNOWN_LOADER, KNOWN_MANY };

struct known_file {
	struct slice name;         /* of the policy, or static */
	enum known_kind kind;
	uint64_t dev, ino, size;
	char path[96];             /* inside the run */
};

/* What a file was found to be. */
struct known_as {
	uint64_t dev, ino, size, change_ns;
	bool loader, many, more;   /* more: there are more names than places */
	uint32_t name_count;
	struct slice names[JUDGE_NAMES_MAX];
};

struct known {
	uint32_t count;
	struct known_file files[KNOWN_MAX];
	struct known_as seen[KNOWN_SEEN];
};

/* `search`: the run's PATH. Names that are not there are left out. */
void known_fill(struct known *known, const struct govern_view *govern, const struct program_root *root,
		const char *search);
/* Whether a pattern of the policy has this program. */
bool known_is_named(const struct govern_view *govern, struct slice name);
/* The names under which this file is known: by identity, or because its content is the same. */
const struct known_as *known_find(struct known *known, const struct program_root *root,
				  const struct program *program);

#endif
