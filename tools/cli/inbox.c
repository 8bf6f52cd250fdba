/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff inbox`: what is asked of people. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/paths.h"
#include "cli/people.h"
#include "cli/runs.h"
#include "cli/verbs.h"
#include "cli/words.h"

struct inbox_args {
	bool all, json, mine;
	const char *claim, *release;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct inbox_args, member)

static const struct option_row rows[] = {
	{ 'a', "all", OPTION_FLAG, AT(all), NULL, "what is answered, expired or used, too", NULL },
	{ 0, "mine", OPTION_FLAG, AT(mine), NULL, "only what you may answer and nobody else has claimed", NULL },
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object per line", NULL },
	{ 0, "claim", OPTION_TEXT, AT(claim), "ID", "keep it for yourself for 10 minutes", NULL },
	{ 0, "release", OPTION_TEXT, AT(release), "ID", "give it back", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set inbox_options = {
	.verb = "inbox",
	.usage = "[--all] [--mine] [--json] [ID] | --claim ID | --release ID",
	.summary = "Lists what runs ask of people, the most important first; with ID all of one. What an agent\n"
		   "wrote is shown with its control characters made visible.",
	.examples = "  bailiff inbox\n"
		    "  bailiff inbox 9KQ2\n",
	.rows = rows,
	.count = COUNT(rows),
};

static int json_print(const struct wire_item *item)
{
	char id[ULID_TEXT_LEN + 1], run[ULID_TEXT_LEN + 1], created[TEXT_TIME_MAX], digest[65];
	json_t *object;
	int r;

	ulid_text(&item->id, id);
	ulid_text(&item->run, run);
	text_time_utc(created, item->created_ns);
	text_hex(digest, item->binding + sizeof(struct ulid), 32);
	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:i, s:b, s:o, s:I}",
			   "id", id, "run", run, "type", inbox_type_name((enum inbox_type)item->type),
			   "status", inbox_status_name((enum approval_state)item->state),
			   "priority", inbox_priority_name((enum inbox_priority)item->priority),
			   "created", created, "expires_in_ms", (json_int_t)(item->expires_in_ns / 1000000),
			   "agent", word_json(item->agent), "capability", word_json(item->capability),
			   "rule", word_json(item->rule), "title", word_json(item->reason),
			   "text", word_json(item->text), "digest", digest, "votes", (int)item->votes,
			   "needed", (int)item->count, "mine", (int)item->mine,
			   "assigned_to", item->claimed_by == UID_NONE ? json_null() : json_integer(item->claimed_by),
			   "cut_of_bytes", (json_int_t)item->text_bytes);
	r = object && json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 ? 0 : -ENOMEM;
	json_decref(object);
	putchar('\n');
	return r;
}

static void show_row(const struct wire_item *item, unsigned int width)
{
	char id[ULID_TEXT_LEN + 1], run[ULID_TEXT_LEN + 1], left[24], line[WIRE_ITEM_TEXT_MAX * 4 + 256];
	char agent[256], text[WIRE_ITEM_TEXT_MAX * 4];

	ulid_text(&item->id, id);
	ulid_text(&item->run, run);
	if (item->expires_in_ns > 0)
		text_duration(left, sizeof(left), item->expires_in_ns);
	else
		IGNORE(snprintf(left, sizeof(left), "-") < 0);
	IGNORE(snprintf(line, sizeof(line), "%s  %-11s  %-8s  %6s  %s  %-14s  %s", id + ULID_TEXT_LEN - 8,
			inbox_status_name((enum approval_state)item->state),
			inbox_priority_name((enum inbox_priority)item->priority), left, run + ULID_TEXT_LEN - 8,
			shown(agent, sizeof(agent), item->agent), shown(text, sizeof(text), item->text)) < 0);
	printf("%.*s\n", width ? (int)width : (int)sizeof(line), line);
}

static int show_all(const struct items *inbox, const struct inbox_args *args)
{
	unsigned int width = cli_width();
	size_t count = 0;

	for (size_t i = 0; i < inbox->count; i++) {
		const struct wire_item *item = &inbox->items[i];

		if (args->mine && !item->mine)
			continue;
		if (!args->json && count == 0)
			printf("%-8s  %-11s  %-8s  %6s  %-8s  %-14s  %s\n", "ID", "STATUS", "PRIORITY", "LEFT", "RUN",
			       "AGENT", "ACTION");
		count++;
		if (!args->json)
			show_row(item, width);
		else if (json_print(item) < 0)
			return CLI_INTERNAL;
	}
	if (count == 0 && !args->json)
		fprintf(stderr, "bailiff: nothing is asked of %s\n", args->mine ? "you" : "anybody");
	return CLI_OK;
}

static int claim_or_release(int control_fd, const struct items *inbox, const struct inbox_args *args, struct error *err)
{
	struct wire_people request = { .head = { .version = WIRE_VERSION,
						 .kind = args->claim ? WIRE_CLAIM : WIRE_RELEASE } };
	const struct wire_item *item;
	struct wire_answer answer;
	int r = items_find(inbox, args->claim ? args->claim : args->release, &item, err);

	if (r < 0)
		return r;
	request.head.run = item->id;
	r = people_ask(control_fd, &request, &answer, err);
	if (r == 0)
		printf("%s\n", args->claim ? "it is yours for 10 minutes" : "it is anybody's again");
	return r;
}

static int inbox_verb(const struct inbox_args *args, const char *word, struct error *err)
{
	cleanup_with(items_finish) struct items inbox = { 0 };
	auto_close int control_fd = FD_NONE;
	const struct wire_item *item;
	int r = client_connect(&args->dirs, &control_fd, err);

	if (runs_nobody(r)) {
		fprintf(stderr, "bailiff: %s, so nothing is asked\n", err->text);
		return CLI_OK;
	}
	if (r == 0)
		r = items_read(control_fd, args->all || word || args->claim || args->release, &inbox, err);
	if (r < 0)
		return cli_fail(err);
	if (args->claim || args->release)
		r = claim_or_release(control_fd, &inbox, args, err);
	else if (!word)
		return show_all(&inbox, args);
	else
		r = items_find(&inbox, word, &item, err);
	if (r == 0 && word)
		item_show(stdout, item);
	return r < 0 ? cli_fail(err) : CLI_OK;
}

int verb_inbox(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct inbox_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&inbox_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 1 || (words.count == 1 && (args.claim || args.release)) || (args.claim && args.release))
		return cli_usage("inbox", "one ID is expected, or none");
	r = dirs_absolute(&args.dirs, &pool, &err);
	return r < 0 ? cli_fail(&err) : inbox_verb(&args, words.count ? words.words[0] : NULL, &err);
}
