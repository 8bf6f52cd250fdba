/* SPDX-License-Identifier: Apache-2.0 */
/* The runs that a supervisor knows, for `ps`, `show` and `revoke`. */
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

#include "cli/client.h"

#define RUNS_TAIL_MIN 4U      /* characters of a run's id that may stand for it */

struct runs {
	struct wire_run_row *rows; /* owned */
	size_t count;
};

/* All live runs, and with `all` the ended ones of this supervisor's life. Release with
 * runs_finish() in each case. Returns 0 or a negative errno with text. */
int runs_list(int socket, bool all, struct runs *ret_runs, struct error *err) MUST_USE;
void runs_finish(struct runs *runs);

/* The one run whose id is `word` or ends in it, in either case. Pure. Returns 0; -EINVAL: too
 * short or no characters of an id; -ENOENT: none; -EEXIST: several. Text and exit code in *err. */
int runs_find(const struct runs *runs, const char *word, const struct wire_run_row **ret_row,
	      struct error *err) MUST_USE;

/* Asks the supervisor for the one run that `word` stands for, which must not be over. Returns as runs_find(); -ESRCH:
 * over, with how. */
int runs_find_live(int control_fd, const char *word, struct ulid *ret_run, struct error *err) MUST_USE;

/* Prints the row as one JSON line on stdout. Returns 0 or -ENOMEM. */
int runs_json_print(const struct wire_run_row *row) MUST_USE;

/* True for an answer of client_connect() that means that there is no supervisor. */
bool runs_nobody(int code);

#endif
