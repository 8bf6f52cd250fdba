/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff`: finds the verb and calls it. */
#include <errno.h>

#include "cli/cli.h"
#include "cli/verbs.h"

static int unknown_verb(const char *name)
{
	const char *near = verb_nearest(name);
	struct error err = { 0 };

	error_say(&err, -EINVAL, "'%s' is not a verb of bailiff", name);
	if (near)
		error_next(&err, "did you mean `bailiff %s`? `bailiff --help` lists all", near);
	else
		error_next(&err, "`bailiff --help` lists the verbs; a command is run by "
				 "`bailiff run -- COMMAND`");
	error_print("bailiff", &err);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 1 || cli_begin() < 0)
		return CLI_INTERNAL;
	if (argc < 2) {
		IGNORE(cli_usage("", "a verb is missing"));
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		verbs_help();
		return cli_end(CLI_OK);
	}
	if (strcmp(argv[1], "--version") == 0)
		return cli_end(verb_version(1, (char *[]){ argv[1], NULL }));
	if (argv[1][0] == '-')
		return cli_usage("", "option '%s' is not known here", argv[1]);
	verb = verb_find(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	return cli_end(verb->run(argc - 1, argv + 1));
}
