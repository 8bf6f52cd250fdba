/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff ledger`: finds the verb; where the ledger is may be said before or behind it. */
#include "cli/ledger.h"

#include <errno.h>

#include "base/text.h"

static const struct ledger_verb {
	const char *name, *usage, *summary;
	int (*run)(int argc, char **argv);
} ledger_verbs[] = {
	{ "log", "[FILTER]... [-f]", "what happened, one sentence for each record", ledger_log },
	{ "who", "PATH [FILTER]...", "who changed a file, also under its former names", ledger_who },
	{ "blame", "PATH", "who changed it last", ledger_who },
	{ "run", "list | show RUN | tree RUN", "one run: what it did, why it ended", ledger_run },
	{ "verify", "", "checks every byte, says what is proved", ledger_verify },
	{ "prove", "SEQ [-o FILE]", "a proof of one record for a stranger", ledger_prove },
	{ "checkpoint", "", "the newest signed checkpoint, to be kept elsewhere", ledger_checkpoint_verb },
};

void ledger_args_finish(struct ledger_args *args)
{
	option_list_finish(&args->runs);
	option_list_finish(&args->pids);
	option_list_finish(&args->kinds);
	option_list_finish(&args->verdicts);
	option_list_finish(&args->paths);
	option_list_finish(&args->seqs);
}

const char *ledger_args_path(const struct ledger_args *args, char *buf, size_t size)
{
	if (args->db)
		return args->db;
	IGNORE(snprintf(buf, size, "%s/ledger",
			args->state_dir ? args->state_dir : CLI_DEFAULT_STATE_DIR) < 0);
	return buf;
}

int ledger_args_open(const struct ledger_args *args, struct ledger **ret_ledger, struct error *err)
{
	char path[4096];
	uint64_t ms = args->deadline_ns / 1000000;

	if (args->deadline_ns)
		ms = MAX(ms, (uint64_t)1);
	return ledger_open(ledger_args_path(args, path, sizeof(path)),
			   (uint32_t)MIN(ms, (uint64_t)UINT32_MAX), ret_ledger, err);
}

int ledger_fail(const char *verb, int code, const struct error *err)
{
	char program[64];

	IGNORE(snprintf(program, sizeof(program), "bailiff ledger %s", verb) < 0);
	error_print(program, err);
	return code == -EINVAL || code == -ENOTUNIQ ? CLI_USAGE : CLI_CANNOT;
}

static void help(void)
{
	printf("bailiff ledger log --verdict deny --since -1h      # what was refused in the last hour\n"
	       "bailiff ledger run show @last                      # what the newest run did, and why it ended\n"
	       "bailiff ledger verify                              # is it all still there, unchanged?\n"
	       "\n"
	       "usage: bailiff ledger [--state-dir DIR | --db PATH] VERB [OPTIONS]\n\n");
	for (size_t i = 0; i < COUNT(ledger_verbs); i++)
		printf("  %-11s %-27s %s\n", ledger_verbs[i].name, ledger_verbs[i].usage,
		       ledger_verbs[i].summary);
	printf("\n`bailiff ledger VERB --help` explains one. Exit codes: 0 found, 1 none, 2 usage,\n"
	       "3 answered but degraded (gaps, unsigned or damaged records), 4 could not answer;\n"
	       "verify: 0 PASS, 1 FAIL, 3 only self-consistent or with gaps, 4 cannot verify.\n");
}

static bool takes_value(const char *word)
{
	return strcmp(word, "--state-dir") == 0 || strcmp(word, "--db") == 0 ||
	       strcmp(word, "--deadline") == 0;
}

int ledger_first_word(int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return i;
		i += takes_value(argv[i]);
	}
	return 0;
}

static const struct ledger_verb *find(const char *name)
{
	for (size_t i = 0; i < COUNT(ledger_verbs); i++) {
		if (strcmp(ledger_verbs[i].name, name) == 0)
			return &ledger_verbs[i];
	}
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[COUNT(ledger_verbs) + 1] = { 0 };
	struct error err = { 0 };
	const char *near;

	for (size_t i = 0; i < COUNT(ledger_verbs); i++)
		names[i] = ledger_verbs[i].name;
	near = text_nearest(slice_of(name), names);
	error_say(&err, -EINVAL, "'%s' is not a verb of bailiff ledger", name);
	if (near)
		error_next(&err, "did you mean `bailiff ledger %s`?", near);
	else
		error_next(&err, "`bailiff ledger --help` lists the verbs");
	error_print("bailiff", &err);
	return CLI_USAGE;
}

void ledger_word_first(char **argv, int at)
{
	char *word = argv[at];

	memmove(&argv[2], &argv[1], (size_t)(at - 1) * sizeof(argv[0]));
	argv[1] = word;
}

int verb_ledger(int argc, char **argv)
{
	const struct ledger_verb *verb;
	int at = ledger_first_word(argc, argv);

	for (int i = 1; i < (at ? at : argc); i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help();
			return CLI_OK;
		}
	}
	if (!at)
		return cli_usage("ledger", "a verb is missing");
	verb = find(argv[at]);
	if (!verb)
		return unknown(argv[at]);
	ledger_word_first(argv, at);
	return verb->run(argc - 1, argv + 1);
}
