/* SPDX-License-Identifier: Apache-2.0 */
/* Who a run is (design.md section 4). Not root: oneself. Root through sudo: SUDO_UID. Root alone:
 * the account bailiff-agent, with root's files mapped to it (owner_uid 0). Never uid 0. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "base/cleanup.h"
#include "base/error.h"

#define IDENTITY_ACCOUNT "bailiff-agent"
#define IDENTITY_GROUPS_MAX 256

struct identity {
	uid_t uid, owner_uid;
	gid_t gid;
	gid_t groups[IDENTITY_GROUPS_MAX];
	size_t group_count;
	char name[64];        /* account of the run's user */
	char owner_name[64];  /* who is responsible: the person behind it */
	char home[4096];      /* as the run shall see it; "" = none */
	char shell[4096];     /* of the person; "" = none */
};

/* Reads the account database (NSS: this program is not privileged by itself). Returns 0, or
 * -EINVAL (SUDO_UID is no uid), -ENOENT (no such account), -E2BIG (too many groups), with text. */
int identity_find(struct identity *ret_identity, struct error *err) MUST_USE;

/* The account of `uid`, with all its groups. Returns 0, -ENOENT or -E2BIG, with text. */
int identity_of(uid_t uid, struct identity *ret_identity, struct error *err) MUST_USE;

/* Gives up root for good in the calling process: groups, gid, uid, no_new_privs, then reads back.
 * Returns 0 or -errno; after a failure the caller must end. */
int identity_become(const struct identity *identity) MUST_USE;
/* The same as the person who called sudo, with the groups of the account and what set-id programs give. */
int identity_become_caller(const struct identity *identity) MUST_USE;

#endif
