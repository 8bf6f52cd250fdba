/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/runs.h"
#include "cli/verbs.h"

#define REVOKE_WAIT_MS 30000

struct revoke_args {
	const char *reason;
	bool wait;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct revoke_args, member)

static const struct option_row rows[] = {
	{ 0, "reason", OPTION_TEXT, AT(reason), "TEXT", "why; it is recorded with your name (required)", NULL },
	{ 0, "wait", OPTION_FLAG, AT(wait), NULL, "until no process of it is left", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set revoke_options = {
	.verb = "revoke",
	.usage = "RUN --reason TEXT [--wait]",
	.summary = "Stops a run at once: every process of it is killed and none can start. RUN is its id or\n"
		   "the last 4 or more characters of it.",
	.examples = "  bailiff revoke 9KQ2 --reason 'it deletes tests' --wait\n",
	.rows = rows,
	.count = COUNT(rows),
};

static int revoke_run(const struct revoke_args *args, const char *word, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_REVOKE,
					.flags = args->wait ? WIRE_WAIT : 0 };
	auto_close int control_fd = FD_NONE;
	char run[ULID_TEXT_LEN + 1];
	struct wire_answer answer;
	int r = client_connect(&args->dirs, &control_fd, err);

	if (r == 0)
		r = runs_find_live(control_fd, word, &request.run, err);
	if (r == 0)
		r = text_copy(request.reason, sizeof(request.reason), slice_of(args->reason));
	if (r == 0)
		r = client_send(control_fd, &request, err);
	if (r == 0)
		r = client_receive(control_fd, REVOKE_WAIT_MS, &answer, err);
	if (r < 0)
		return r;
	ulid_text(&request.run, run);
	printf("run %s %s\n", run, args->wait ? "is revoked; nothing is left of it" : "is being revoked");
	return 0;
}

int verb_revoke(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct revoke_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&revoke_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage("revoke", "one RUN is expected: bailiff revoke RUN --reason TEXT");
	if (!args.reason)
		return cli_usage("revoke", "--reason TEXT is missing: it is recorded for who asks later");
	if (strlen(args.reason) >= WIRE_REASON_MAX || !text_is_utf8(slice_of(args.reason)))
		return cli_usage("revoke", "--reason must be UTF-8 and at most %u bytes", WIRE_REASON_MAX - 1);
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = revoke_run(&args, words.words[0], &err);
	return r < 0 ? cli_fail(&err) : CLI_OK;
}
