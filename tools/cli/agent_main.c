/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-agent: `bailiff agent ...` and nothing else, static, so that it runs in every sandbox. Each sandbox has
 * it as AGENT_PROGRAM, read-only. */
#include "cli/agent.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
	if (argc < 1 || cli_begin() < 0)
		return CLI_INTERNAL;
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		printf("bailiff %s\n", BAILIFF_VERSION);
		return cli_end(CLI_OK);
	}
	if (argc < 2 || strcmp(argv[1], "agent") != 0) {
		fprintf(stderr, "bailiff: inside a run there is only `bailiff agent`; `bailiff agent --help` lists its verbs\n");
		return CLI_USAGE;
	}
	return cli_end(verb_agent(argc - 1, argv + 1));
}
