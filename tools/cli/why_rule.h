/* SPDX-License-Identifier: Apache-2.0 */
/* From the rule of a refusal to the line of the policy that it comes from, and to what would change
 * the answer: a flag of `bailiff run`, a line of a policy, or nothing. Pure. */
#ifndef CLI_WHY_RULE_H
#define CLI_WHY_RULE_H

#include <jansson.h>

#include "base/slice.h"
#include "cli/why_danger.h"

#define WHY_TEXT_MAX 6144U

struct why_question {
	struct slice rule;       /* "files.deny_write", "files.baseline.ci", "network.mode" */
	struct slice verb;       /* read, write, exec, connect, bind, syscall */
	struct slice object;     /* path, address, or the name of a system call */
	const json_t *policy;    /* canonical JSON of the run's policy, or NULL */
	const char *policy_name, *policy_file; /* file "" = not found here */
	const char *workspace;   /* absolute; "" = unknown */
	bool extendable;         /* a shipped policy: one of one's own can say `extends: NAME` */
	bool exists;             /* the object is there now, for `-w`, which takes what exists */
};

struct why_answer {
	char entry[512];         /* the entry of the list that matched, escaped; "" = none is known */
	char flag[512];          /* "-r '/srv/data'"; "" = no flag does it */
	char line[768];          /* "files: {read: [/srv/data]}"; "" = no line does it */
	char change[WHY_TEXT_MAX]; /* the same as a sentence; "" = ask the record's remedy */
	const struct danger *danger;
};

void why_answer(const struct why_question *question, struct why_answer *ret_answer);

#endif
