/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `bailiff` as one table: help, dispatch and shell completions read it. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/options.h"

struct verb {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
	const struct option_set *options; /* NULL: the verb has verbs of its own */
	const char *words;                /* these, separated by blanks, or words beside options; or NULL */
};

extern const struct option_set inbox_options, approve_options, deny_options, waive_options, clarify_options,
	pause_options, resume_options, cancel_options, kill_switch_options;
extern const struct option_set changes_options, commit_options, rollback_options;
extern const struct option_set run_options, shell_options, attach_options, ps_options, show_options, why_options, revoke_options,
	doctor_options, completion_options, version_options;

extern const struct verb verbs[];
extern const size_t verb_count;

/* NULL when there is none of this name. */
const struct verb *verb_find(const char *name);
/* The nearest name, or NULL. */
const char *verb_nearest(const char *name);
void verbs_help(void);

#endif
