/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of a policy: lines of "WHAT SUBJECT VERDICT", asked of the pure decision.
 *
 *     write    $WORKSPACE/notes.txt   allow
 *     read     ~/.ssh/id_ed25519      deny    rule=sandbox.hide
 *     connect  169.254.169.254:80     deny
 *     syscall  ptrace                 deny    EPERM
 *     run      "git push"             ask     rule=risky-work     (cases_run.h)
 *
 * Blanks divide; # begins a comment. $WORKSPACE and ~ are CASES_WORKSPACE and CASES_HOME; connect
 * also takes a name, as example.com:443. "include NAME"
 * says that the lines of NAME.inc in the same folder belong to it; who asks reads that file, too. */
#ifndef CLI_POLICY_CASES_H
#define CLI_POLICY_CASES_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "decide/policy.h"

#define CASES_HOME "/home/agent"
#define CASES_WORKSPACE "/home/agent/work"

/* Called for each case; `problem` is NULL when it holds. `line` is from 1. */
typedef void (*case_result_fn)(void *context, uint32_t line, struct slice text, const char *problem);

/* The name of the `nth` include (from 0). -ENOENT behind the last, -ENAMETOOLONG. */
#define CASES_INCLUDE_MAX 64U
int policy_cases_include(struct slice cases, uint32_t nth, char ret_name[CASES_INCLUDE_MAX]) MUST_USE;

/* Asks all cases. Returns how many there were, or a negative errno when the rules could not be made. */
int policy_cases(const struct policy *policy, struct slice cases, case_result_fn result, void *context,
		 struct error *err) MUST_USE;

#endif
