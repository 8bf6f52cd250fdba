/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-records: `bailiff ledger`, `bailiff why` and `bailiff policy suggest`, executed by records.c with the words of the person. */
#include <string.h>

#include "cli/cli.h"
#include "cli/policy_verbs.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs_here[] = {
	{ "ledger", verb_ledger },
	{ "why", verb_why },
	{ "suggest", policy_suggest },
};

int main(int argc, char **argv)
{
	if (argc < 1 || cli_begin() < 0)
		return CLI_INTERNAL;
	for (size_t i = 0; argc > 1 && i < COUNT(verbs_here); i++) {
		if (strcmp(argv[1], verbs_here[i].name) == 0)
			return cli_end(verbs_here[i].run(argc - 1, argv + 1));
	}
	return cli_usage("", "bailiff-records is a part of `bailiff ledger` and `bailiff why`");
}
