/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `bailiff` share. A verb gets its own argv (argv[0] is its name), prints its
 * result on stdout, everything else on stderr, and returns the exit code of the program. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"

/* Exit codes of design.md section 9. Ledger queries: 0 found, 1 none, 2 usage, 3 degraded,
 * 4 could not answer. */
enum cli_exit {
	CLI_OK = 0, CLI_NONE = 1, CLI_USAGE = 2, CLI_DEGRADED = 3, CLI_CANNOT = 4,
	CLI_POLICY_INVALID = 120, CLI_FEATURE_MISSING = 121, CLI_REFUSED = 122, CLI_REVOKED = 123,
	CLI_WALL_LIMIT = 124, CLI_INTERNAL = 125, CLI_NOT_EXECUTABLE = 126, CLI_NOT_FOUND = 127,
};

#define CLI_DEFAULT_STATE_DIR "/var/lib/bailiff"
#define CLI_DEFAULT_RUNTIME_DIR "/run/bailiff"
#define CLI_PROGRAM_PATH_MAX 4096U

int verb_run(int argc, char **argv);
int verb_shell(int argc, char **argv);
int verb_attach(int argc, char **argv);
int verb_ps(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_why(int argc, char **argv);
int verb_revoke(int argc, char **argv);
int verb_inbox(int argc, char **argv);
int verb_approve(int argc, char **argv);
int verb_deny(int argc, char **argv);
int verb_waive(int argc, char **argv);
int verb_clarify(int argc, char **argv);
int verb_pause(int argc, char **argv);
int verb_resume(int argc, char **argv);
int verb_cancel(int argc, char **argv);
int verb_kill_switch(int argc, char **argv);
int verb_changes(int argc, char **argv);
int verb_commit(int argc, char **argv);
int verb_rollback(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_policy(int argc, char **argv);
int verb_config(int argc, char **argv);
int verb_agents(int argc, char **argv);
int verb_capability(int argc, char **argv);
int verb_ledger(int argc, char **argv);
int verb_records(int argc, char **argv); /* `ledger`, `why` and `policy suggest`, in a program of their own */
int verb_completion(int argc, char **argv);
int verb_version(int argc, char **argv);

/* First in each main(): descriptors 0-2 open, no signal blocked or ignored. Returns 0 or -errno. */
int cli_begin(void) MUST_USE;
/* Last: `code`, or a failure when what was printed could not be written. */
int cli_end(int code);

/* Prints "bailiff VERB: text" and a "next:" line to stderr and returns CLI_USAGE. */
int cli_usage(const char *verb, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints `err` and returns err->exit_code, or CLI_INTERNAL when it has none. */
int cli_fail(const struct error *err);
/* True when stdout is a terminal and NO_COLOR is unset (https://no-color.org). */
bool cli_colour(void);
/* Columns of the terminal on stdout, or 0 when it is none. */
unsigned int cli_width(void);

#endif
