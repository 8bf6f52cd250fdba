/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `bailiff policy` that have a file of their own. */
#ifndef CLI_POLICY_VERBS_H
#define CLI_POLICY_VERBS_H

int policy_diff(int argc, char **argv);
int policy_explain(int argc, char **argv);
int policy_import(int argc, char **argv);
int policy_suggest(int argc, char **argv); /* in bailiff-records */
int policy_names(int argc, char **argv);
/* The names that `bailiff run -p NAME` finds, one a line; returns an exit code. */
int policy_names_print(void);

#endif
