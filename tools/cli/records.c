/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that read the ledger need SQLite and libcrypto, whose relocation alone is half of a launch's
 * command line. So they are a program of their own, bailiff-records, which takes the place of this one. */
#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

#define PROGRAM "bailiff-records"

static int become(const char *path, int argc, char **argv, struct error *err)
{
	auto_free char **words = calloc((size_t)argc + 2, sizeof(*words));
	static char name[] = "bailiff";

	if (!words)
		return error_set(err, -ENOMEM, "start " PROGRAM);
	words[0] = name;
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	execv(path, words);
	return error_set(err, -errno, "execute '%s'", path);
}

int verb_records(int argc, char **argv)
{
	char path[CLI_PROGRAM_PATH_MAX];
	struct error err = { 0 };
	int r = client_find_program(PROGRAM, path, sizeof(path), &err);

	if (r == 0)
		r = become(path, argc, argv, &err);
	IGNORE(r < 0); /* it always is */
	IGNORE(error_exit(&err, CLI_CANNOT) == 0); /* returns err.code */
	return cli_fail(&err);
}
