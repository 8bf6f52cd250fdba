/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff approve` and `bailiff deny`: one answer to one item. What is sent back is the whole binding that was
 * shown, so that nothing else than that is approved. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/people.h"
#include "cli/verbs.h"

struct answer_args {
	const char *reason, *reason_code;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct answer_args, member)

static const struct option_row rows[] = {
	{ 0, "reason", OPTION_TEXT, AT(reason), "TEXT", "why; it is recorded with your name", NULL },
	{ 0, "reason-code", OPTION_WORD, AT(reason_code), "CODE", "why, in a word", reason_code_words },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set approve_options = {
	.verb = "approve",
	.usage = "ID [--reason TEXT]",
	.summary = "Lets the one action go on that `bailiff inbox` shows under ID (its last 4 or more characters are\n"
		   "enough): this action, once, and no other. What you asked for yourself is approved at a terminal\n"
		   "only, by typing the code that is shown there, and only where the policy allows it.",
	.examples = "  bailiff approve 9KQ2\n",
	.rows = rows,
	.count = COUNT(rows),
};

const struct option_set deny_options = {
	.verb = "deny",
	.usage = "ID --reason TEXT",
	.summary = "Refuses the one action that `bailiff inbox` shows under ID. The agent is told the reason.",
	.examples = "  bailiff deny 9KQ2 --reason 'not on a friday' --reason-code NEEDS_INFO\n",
	.rows = rows,
	.count = COUNT(rows),
};

/* One line from the controlling terminal; what was typed before the question is not an answer to it. */
static int read_code(const struct wire_item *item, char code[WIRE_CODE_MAX], struct error *err)
{
	auto_close int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char line[64];
	ssize_t len;
	FILE *tty = fd < 0 ? NULL : fdopen(dup(fd), "w");

	if (!tty) {
		error_say(err, -EPERM, "it is your own request: it is approved at a terminal only");
		error_next(err, "call it from your terminal, or let somebody else approve it");
		return error_exit(err, CLI_REFUSED);
	}
	item_show(tty, item);
	IGNORE(tcflush(fd, TCIFLUSH) < 0); /* then the wrong line is read, and refused */
	fprintf(tty, "type %s to approve: ", item->code);
	fclose(tty);
	len = read(fd, line, sizeof(line) - 1);
	if (len <= 0)
		return error_set(err, len < 0 ? -errno : -ECANCELED, "read the code");
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (text_copy(code, WIRE_CODE_MAX, slice_of(line)) == 0 && strcasecmp(code, item->code) == 0) {
		memcpy(code, item->code, WIRE_CODE_MAX); /* in either case of letters */
		return 0;
	}
	error_say(err, -EPERM, "that is not the code: nothing was approved");
	error_next(err, "call it again and type what is shown");
	return error_exit(err, CLI_REFUSED);
}

static int answer_item(int control_fd, const struct wire_item *item, const struct answer_args *args, bool yes,
		       struct error *err)
{
	struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = yes ? WIRE_APPROVE : WIRE_DENY,
						 .run = item->id } };
	struct wire_answer answer;
	int r = people_text("--reason", args->reason, request.head.reason, sizeof(request.head.reason), err);

	memcpy(request.seen, item->binding, sizeof(request.seen));
	if (r == 0)
		r = people_reason_code(args->reason_code, &request.reason_code, err);
	if (r == 0 && yes && item->code[0])
		r = read_code(item, request.code, err);
	if (r == 0)
		r = people_ask(control_fd, &request, &answer, err);
	if (r < 0)
		return r;
	if (answer.kind == WIRE_COUNTED)
		printf("counted: %u of %u votes\n", answer.u.counted.votes, answer.u.counted.needed);
	else
		printf("%s\n", yes ? "approved" : "denied");
	return 0;
}

static int verb_answer(const struct option_set *set, bool yes, int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	cleanup_with(items_finish) struct items inbox = { 0 };
	auto_close int control_fd = FD_NONE;
	const struct wire_item *item;
	struct answer_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage(set->verb, "one ID is expected: `bailiff inbox` lists them");
	if (!yes && !args.reason)
		return cli_usage(set->verb, "--reason TEXT is missing: the agent and the ledger are told");
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = client_connect(&args.dirs, &control_fd, &err);
	if (r == 0)
		r = items_read(control_fd, true, &inbox, &err);
	if (r == 0)
		r = items_find(&inbox, words.words[0], &item, &err);
	if (r == 0)
		r = answer_item(control_fd, item, &args, yes, &err);
	return r < 0 ? cli_fail(&err) : CLI_OK;
}

int verb_approve(int argc, char **argv)
{
	return verb_answer(&approve_options, true, argc, argv);
}

int verb_deny(int argc, char **argv)
{
	return verb_answer(&deny_options, false, argc, argv);
}
