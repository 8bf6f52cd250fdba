/* SPDX-License-Identifier: Apache-2.0 */
/* One held exec, from the caller's memory to a ruling and to what the kernel is told of it. Nothing here
 * answers anybody. */
#ifndef RUN_EXEC_H
#define RUN_EXEC_H

#include "decide/judge.h"
#include "run/held.h"
#include "run/known.h"
#include "run/program.h"

struct run;

/* What does not change while the run lives. */
struct exec_rules {
	const struct govern_view *govern;
	struct program_root root;
	struct known known;
	bool paths;                /* rules look at paths in arguments */
	char principal[80];
};

/* What is known of an exec: of one at a time, the strings are static. */
struct exec_case {
	struct held held;
	struct program_cwd cwd;
	struct program chain[PROGRAM_LEVELS_MAX]; /* the file itself, then interpreters; the last one is loaded */
	size_t chain_count;
	uint32_t environments;
	uint8_t digest[32];
	struct ruling ruling;      /* the strictest of the chain */
	size_t ruled;              /* whose it is */
	struct slice question;     /* whose answer it is, for the ledger (VALUE_QUESTION); empty: too long */
	struct govern_approval who;/* ASK: of whom */
	struct action first;       /* as it was called: before interpreters came in front */
	struct exec_grant grant;
};

/* `search`: PATH of the run, may be NULL. */
void exec_rules_fill(struct exec_rules *rules, const struct govern_view *govern, const char *agent,
		     const char *search);

/* Reads the call and finds the files. Returns 0, or what the caller has to be told. exec_case_finish() is due
 * in any case. */
int exec_case_read(struct exec_rules *rules, pid_t tid, uint64_t id, const struct seccomp_data *data,
		   struct exec_case *ret_case) MUST_USE;
/* `said`: what people answered about it. Fills ruling and grant (but its hash and cgroup); argv becomes that of the program that is loaded. */
int exec_case_judge(struct exec_rules *rules, struct run *run, uint64_t now_ns, enum approval_answer said,
		    struct exec_case *exec) MUST_USE;
void exec_case_finish(struct exec_case *exec);

#endif
