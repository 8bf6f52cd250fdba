/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options as data: one table per verb feeds the parser, `--help` and the shell
 * completions, so that the three cannot disagree. Every value is checked by its kind while it is
 * parsed; unknown options name the nearest known one. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

enum option_kind {
	OPTION_FLAG,      /* bool; takes no value */
	OPTION_TEXT,      /* const char *, never empty */
	OPTION_LIST,      /* struct option_list; may be given many times */
	OPTION_SIZE,      /* uint64_t bytes, at least 1: "2G" "512MiB" */
	OPTION_DURATION,  /* uint64_t nanoseconds, at least 1: "10m" "90s" */
	OPTION_COUNT,     /* uint32_t, 1 to 4194304 */
	OPTION_MILLI,     /* uint64_t thousandths, at least 1: "1.5" */
	OPTION_WORD,      /* const char *: one of `words` */
};

struct option_list {
	const char **items;   /* borrowed strings of argv; the array is owned */
	size_t count;
};

struct option_row {
	char letter;          /* 0 = none */
	const char *name;     /* without the dashes */
	enum option_kind kind;
	size_t offset;        /* of the member that takes the value */
	const char *value;    /* how help calls the value: "PATH"; NULL for flags */
	const char *help;
	const char *const *words; /* OPTION_WORD, NULL-terminated */
};

/* Rows that several verbs share. */
#define OPTION_ROW_STATE_DIR(at) \
	{ 0, "state-dir", OPTION_TEXT, at, "DIR", "of the supervisor, else " CLI_DEFAULT_STATE_DIR, NULL }
#define OPTION_ROW_RUNTIME_DIR(at) \
	{ 0, "runtime-dir", OPTION_TEXT, at, "DIR", "of the supervisor, else " CLI_DEFAULT_RUNTIME_DIR, NULL }

struct option_set {
	const char *verb;
	const char *usage;    /* "[OPTIONS] [--] COMMAND [ARGS...]" */
	const char *summary;  /* one or more sentences, lines ready to print */
	const char *examples; /* lines ready to print, or NULL */
	const struct option_row *rows;
	size_t count;
	bool command;         /* options end at the first word that is none; else they may follow words */
};

struct option_words {         /* what is not an option, in its order; points into argv */
	char **words;
	int count;
};

enum options_result { OPTIONS_PARSED, OPTIONS_HELP };

/* Parses argv[1..]; argv[0] is the verb. Values go to `into`, whose members must be zero or hold
 * defaults. Without set->command the words are moved together inside argv. Returns
 * OPTIONS_PARSED, OPTIONS_HELP (--help or -h was met first), or -EINVAL, -ERANGE, -ENOMEM with
 * the option named in *err. Lists may be filled in each case: option_list_finish() them. */
int options_parse(const struct option_set *set, int argc, char **argv, void *into,
		  struct option_words *ret_words, struct error *err) MUST_USE;

/* options_parse() for verbs: prints help or the error. Returns -1 to go on, else the exit code. */
int options_take(const struct option_set *set, int argc, char **argv, void *into,
		 struct option_words *ret_words);

void options_help(const struct option_set *set);
/* Borrows `text`. Returns 0 or -ENOMEM. */
int option_list_append(struct option_list *list, const char *text) MUST_USE;
void option_list_finish(struct option_list *list);

#endif
