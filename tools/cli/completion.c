/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completions, generated from the verbs' and options' tables. */
#include "cli/cli.h"
#include "cli/verbs.h"

const struct option_set completion_options = {
	.verb = "completion",
	.usage = "bash|zsh|fish",
	.summary = "Prints completions for a shell.",
	.examples = "  bailiff completion bash > /etc/bash_completion.d/bailiff\n",
};

static void print_options(const struct option_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		printf("--%s ", set->rows[i].name);
		if (set->rows[i].letter)
			printf("-%c ", set->rows[i].letter);
	}
	printf("--help");
}

static void print_verbs(void)
{
	for (size_t i = 0; i < verb_count; i++)
		printf("%s%s", i ? " " : "", verbs[i].name);
}

static void print_case(void)
{
	for (size_t i = 0; i < verb_count; i++) {
		printf("\t%s) words='", verbs[i].name);
		if (verbs[i].options && verbs[i].words)
			printf("%s ", verbs[i].words);
		if (verbs[i].options)
			print_options(verbs[i].options);
		else
			printf("%s --help", verbs[i].words);
		printf("' ;;\n");
	}
}

/* Names that only a policy knows; asked when they are wanted. */
static void print_bash_names(void)
{
	printf("\tcase ${COMP_WORDS[1]}-${COMP_WORDS[2]}-${COMP_WORDS[COMP_CWORD-1]} in\n"
	       "\t*--p|*---policy) words=$(bailiff policy names policies 2>/dev/null) ;;\n"
	       "\tpolicy-show-*|policy-test-*|policy-explain-*|policy-diff-*) words=\"$(bailiff policy names policies 2>/dev/null) $words\" ;;\n"
	       "\tcapability-show-*) words=\"$(bailiff policy names capabilities 2>/dev/null) $words\" ;;\n"
	       "\twaive-*) words=\"$(bailiff policy names rules 2>/dev/null) $(bailiff policy names guards 2>/dev/null) $words\" ;;\n"
	       "\tesac\n");
}

static void complete_bash(void)
{
	printf("# bash completion for bailiff\n"
	       "_bailiff() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=''\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	print_verbs();
	printf(" --help --version' -- \"$cur\"))\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	print_case();
	printf("\tesac\n");
	print_bash_names();
	printf("\tcase $cur in\n"
	       "\t-*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
	       "\t*) COMPREPLY=($(compgen -W \"${words%%%%--*}\" -- \"$cur\") $(compgen -f -- \"$cur\")) ;;\n"
	       "\tesac\n"
	       "}\n"
	       "complete -o filenames -F _bailiff bailiff\n");
}

static void complete_zsh(void)
{
	printf("#compdef bailiff\n"
	       "_bailiff() {\n"
	       "\tlocal words='' words_of=(${(Q)${(z)BUFFER}})\n"
	       "\tif (( CURRENT == 2 )); then\n"
	       "\t\tcompadd -- ");
	print_verbs();
	printf(" --help --version\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tcase ${(Q)${(z)BUFFER}[2]} in\n");
	print_case();
	printf("\tesac\n"
	       "\tcase ${words_of[2]}-${words_of[3]}-${words_of[CURRENT-1]} in\n"
	       "\t*--p|*---policy|policy-show-*|policy-test-*|policy-explain-*|policy-diff-*) compadd -- ${(f)\"$(bailiff policy names policies 2>/dev/null)\"} ;;\n"
	       "\tcapability-show-*) compadd -- ${(f)\"$(bailiff policy names capabilities 2>/dev/null)\"} ;;\n"
	       "\twaive-*) compadd -- ${(f)\"$(bailiff policy names rules 2>/dev/null; bailiff policy names guards 2>/dev/null)\"} ;;\n"
	       "\tesac\n"
	       "\tcompadd -- ${=words}\n"
	       "\t_files\n"
	       "}\n"
	       "compdef _bailiff bailiff\n");
}

static void fish_option(const char *verb, const struct option_row *row)
{
	printf("complete -c bailiff -n '__fish_seen_subcommand_from %s' -l %s", verb, row->name);
	if (row->letter)
		printf(" -s %c", row->letter);
	if (row->kind != OPTION_FLAG)
		printf(" -r");
	printf(" -d \"%s\"\n", row->help);
}

static void complete_fish(void)
{
	printf("# fish completion for bailiff\n");
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *verb = &verbs[i];

		printf("complete -c bailiff -n __fish_use_subcommand -a %s -d \"%s\"\n", verb->name,
		       verb->summary);
		for (size_t row = 0; verb->options && row < verb->options->count; row++)
			fish_option(verb->name, &verb->options->rows[row]);
		if (verb->words)
			printf("complete -c bailiff -n '__fish_seen_subcommand_from %s' -a '%s'\n",
			       verb->name, verb->words);
	}
	printf("complete -c bailiff -n '__fish_seen_subcommand_from run policy' -s p -l policy -x -a '(bailiff policy names policies)'\n"
	       "complete -c bailiff -n '__fish_seen_subcommand_from capability' -a '(bailiff policy names capabilities)'\n"
	       "complete -c bailiff -n '__fish_seen_subcommand_from waive' -a '(bailiff policy names rules; bailiff policy names guards)'\n");
}

int verb_completion(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", complete_bash }, { "zsh", complete_zsh }, { "fish", complete_fish } };
	struct option_words words;
	int r = options_take(&completion_options, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	for (size_t i = 0; words.count == 1 && i < COUNT(shells); i++) {
		if (strcmp(words.words[0], shells[i].name) == 0) {
			shells[i].print();
			return CLI_OK;
		}
	}
	return cli_usage("completion", "one of bash, zsh, fish is expected");
}
