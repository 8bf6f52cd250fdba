/* SPDX-License-Identifier: Apache-2.0 */
/* Cases about commands:
 *
 *     run  "git push --force"   deny    rule=no-force-push capability=vcs.push
 *     run  "terraform apply"    allow   plan=bound
 *
 * Said of the run: plan=approved|bound check=ok|failed phase=PHASE env=NAME=VALUE exe=/PATH. Asked of the
 * answer: rule=ID capability=ID risk=RISK step=STEP violation=TYPE. */
#ifndef CLI_CASES_RUN_H
#define CLI_CASES_RUN_H

#include "cli/judged.h"

/* `words`: of the line, the first is `run`. NULL, or what is wrong, in `problem` or static. */
const char *case_run_check(const struct judged *judged, const struct slice *words, size_t count,
			   char *problem, size_t problem_size);

#endif
