/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of this host is to the supervisor (behaviour model, section 9.1). Pure. */
#ifndef RUN_ROLES_H
#define RUN_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decide/people.h"

struct approval;

#define ROLE_IDS_MAX 16U

/* Root is always admin. Nobody else is anything that no row says. */
struct role_map {
	struct role_ids {
		uid_t uids[ROLE_IDS_MAX];
		gid_t gids[ROLE_IDS_MAX];
		size_t uid_count, gid_count;
	} of[ROLE_COUNT];
};

/* Without settings of the host: the group that may connect looks on. */
void roles_usual(struct role_map *map, gid_t viewers);
/* The highest that user and groups give. */
enum role role_of(const struct role_map *map, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count);
/* Are there enough people who could answer this? A group counts as enough, whoever is in it. */
bool roles_could_answer(const struct role_map *map, const struct approval *approval);

#endif
