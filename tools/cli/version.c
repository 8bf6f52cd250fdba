/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/verbs.h"

const struct option_set version_options = {
	.verb = "version",
	.usage = "",
	.summary = "Prints the version of bailiff.",
};

int verb_version(int argc, char **argv)
{
	struct option_words words;
	int r = options_take(&version_options, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	if (words.count > 0)
		return cli_usage("version", "'%s' is not expected here", words.words[0]);
	printf("bailiff %s\n", BAILIFF_VERSION);
	return CLI_OK;
}
