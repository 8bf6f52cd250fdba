/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff agent`: what a run's processes say to their supervisor and ask of it. Needs no configuration and no
 * network; runs unprivileged inside the sandbox, so it is here that JSON and other text is parsed. Linked
 * into `bailiff` and into the small static program that every sandbox has at AGENT_PROGRAM. */
#ifndef CLI_AGENT_H
#define CLI_AGENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/options.h"
#include "daemon/agent_wire.h"

/* Exit codes of `bailiff agent`; 2 is CLI_USAGE. */
enum agent_exit {
	AGENT_EXIT_DONE = 0, AGENT_EXIT_APPROVAL = 10, AGENT_EXIT_DENIED = 11, AGENT_EXIT_WAITED = 12,
	AGENT_EXIT_OUTSIDE = 13, AGENT_EXIT_STOP = 14,
};

/* A question: one verb, at most one descriptor (borrowed; FD_NONE = none). */
struct agent_call {
	struct agent_request request;
	int fd;
};

struct agent_call agent_call_of(enum agent_verb verb);
/* Returns 0 or -E2BIG. */
int agent_call_text(struct agent_call *call, struct slice text) MUST_USE;

/* Asks once, on a connection of its own. `timeout_ms` -1: as long as it takes. Returns 0; or a negative errno with
 * text, next step and exit code in *err. */
int agent_ask(const struct agent_call *call, int timeout_ms, struct agent_answer *ret_answer,
	      struct error *err) MUST_USE;

/* The exit code of an answer. */
int agent_exit_of(const struct agent_answer *answer);
/* Prints an answer: one JSON object on stdout, or for people what there is to say (a refusal: on stderr). `more` is
 * taken; its members are added to the object. Returns the exit code. */
int agent_report(const struct agent_answer *answer, bool json, json_t *more);
/* Asks and reports. */
int agent_run(const struct agent_call *call, int timeout_ms, bool json);

/* "PLAN" in any letter case. Returns 0 or -EINVAL. */
int agent_phase_parse(const char *name, uint32_t *ret_phase) MUST_USE;
/* "0.83" with at most six decimals, 0 to 1, to millionths. Returns 0 or -EINVAL. */
int agent_confidence_parse(const char *text, int64_t *ret_millionths) MUST_USE;

/* A whole file (`-`: stdin), at most `max` bytes, owned by the caller. Returns 0 or -errno with the name in *err. */
int agent_read_file(const char *path, size_t max, char **ret_bytes, size_t *ret_len, struct error *err) MUST_USE;

/* agent_plan.c: JSON to the plan of the wire, in a sealed memfd. Returns 0; -EINVAL with the place in *err. */
int agent_plan_memfd(const char *json, size_t len, int *ret_fd, struct error *err) MUST_USE;

/* agent_output.c: sorted keys, ", " and ": ", non-ASCII as \uXXXX; the first 12 hex digits of its SHA-256. Returns 0,
 * -EINVAL (a real number that JSON cannot hold), -ENOMEM. */
int agent_output_checksum(const json_t *value, char ret_checksum[13]) MUST_USE;

/* Verbs: argv[0] is the verb. */
int agent_heartbeat(int argc, char **argv);
int agent_phase(int argc, char **argv);
int agent_status(int argc, char **argv);
int agent_confidence(int argc, char **argv);
int agent_progress(int argc, char **argv);
int agent_error(int argc, char **argv);
int agent_why(int argc, char **argv);
int agent_inbox(int argc, char **argv);
int agent_ack(int argc, char **argv);
int agent_ask_verb(int argc, char **argv);
int agent_plan(int argc, char **argv);
int agent_artifact(int argc, char **argv);
int agent_output(int argc, char **argv);
int agent_hook(int argc, char **argv);

int verb_agent(int argc, char **argv);

#endif
