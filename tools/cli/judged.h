/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's rules about actions, asked away from a run: for `policy explain` and for cases. The answer is that of
 * the supervisor; what a run would know (a plan, a check, grants) is what the asker says. */
#ifndef CLI_JUDGED_H
#define CLI_JUDGED_H

#include "base/buf.h"
#include "decide/judge.h"

#define JUDGED_WORDS_MAX 256U

struct judged {
	const struct policy *policy;
	const char *workspace, *home;
	struct govern_view view;
	struct buf strings;
	struct policy_string words[GOVERN_WORDS_MAX];
};

/* What is asked, and what the run is like. */
struct judged_command {
	const struct slice *argv;
	uint32_t argc;
	const char *exe;         /* resolved; NULL: found by `names` below /usr/bin */
	const struct slice *env; /* "NAME=value" */
	uint32_t env_count;
	struct snapshot snapshot;
};

/* Paths are those of this workspace and home. Returns 0 or -ENOMEM; release with judged_finish(). Large: allocate. */
int judged_init(struct judged *judged, const struct policy *policy, const char *workspace, const char *home) MUST_USE;
void judged_finish(struct judged *judged);
/* A run of this policy that has just begun to work: no plan, no check, nothing granted. */
void judged_snapshot(const struct judged *judged, struct snapshot *ret_snapshot);
/* The ruling about a command line, and what it was taken for. */
void judged_ask(const struct judged *judged, const struct judged_command *command, struct action *ret_action,
		struct ruling *ret_ruling);
/* Where a program's file lies. */
enum program_place judged_place(const struct judged *judged, const char *exe);

#endif
