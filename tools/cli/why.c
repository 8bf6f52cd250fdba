/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff why`: one refusal explained, from the ledger alone: no supervisor, no privilege but to read. */
#include <errno.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/ulid.h"
#include "cli/identity.h"
#include "cli/ledger.h"
#include "cli/paths.h"
#include "cli/verbs.h"
#include "cli/why_say.h"
#include "compiler/compile.h"

#define OTHERS_SHOWN 5U
#define DOCUMENT_MAX (1U << 20)

struct why {
	const struct ledger_args *args;
	struct ledger *ledger;
	struct why_run run;
	struct why_hit hit;
	struct buf others;
	uint32_t found;
	uint64_t seq;            /* the one that was asked for; with `numbered` */
	bool numbered;
};

/* ---- which run ---- */

struct owned {
	const char *owner;
	uint8_t uid[16];
	bool found;
};

static int newest_of(void *context, const struct ledger_run *run)
{
	struct owned *owned = context;

	if (!slice_is(run->owner, owned->owner))
		return 0;
	memcpy(owned->uid, run->uid, sizeof(owned->uid));
	owned->found = true;
	return 1;
}

static int own_last_run(struct why *why, struct error *err)
{
	auto_free struct identity *identity = calloc(1, sizeof(*identity));
	struct owned owned = { 0 };
	int r = identity ? identity_find(identity, err) : -ENOMEM;

	if (r < 0)
		return r;
	owned.owner = identity->owner_name;
	r = ledger_runs(why->ledger, true, 0, newest_of, &owned, err);
	if (r < 0)
		return r;
	if (!owned.found) {
		error_say(err, -ENOENT, "no run of %s in this ledger", identity->owner_name);
		return error_next(err, "`bailiff ledger run list` shows all runs; `bailiff why RUN` takes one");
	}
	memcpy(why->run.uid, owned.uid, sizeof(why->run.uid));
	return 0;
}

static int note_run(void *context, const struct ledger_hit *hit)
{
	struct why *why = context;

	why->found++;
	memcpy(why->run.uid, hit->record.run, sizeof(why->run.uid));
	why->run.known = hit->record.has_run;
	return 1;
}

static int run_of_record(struct why *why, struct error *err)
{
	struct ledger_filter filter = { .seq_from = why->seq, .seq_to = why->seq };
	struct ledger_answer answer;
	int r = ledger_query(why->ledger, &filter, note_run, why, &answer, err);

	/* seq_to 0 means "to the end": record 0 is the log's beginning, never a refusal. */
	if (r < 0)
		return r;
	if (why->found == 0) {
		error_say(err, -ENOENT, "no record %llu in this ledger", (unsigned long long)why->seq);
		return error_next(err, "`bailiff ledger log --verdict deny` shows the numbers of refusals");
	}
	why->found = 0;
	return 0;
}

/* ---- what is known of it ---- */

static int note_start(void *context, const struct ledger_hit *hit)
{
	struct why *why = context;

	why_run_take(&why->run, hit);
	return 1;
}

static int read_policy(struct why *why, struct error *err)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(DOCUMENT_MAX);
	auto_free char *clean = NULL;
	char path[POLICY_PATH_MAX], shipped[POLICY_PATH_MAX];
	struct error none = { 0 };
	int r = ledger_document(why->ledger, why->run.digest, &bytes, err);

	if (r < 0)
		return r;
	if (r == 1)
		why->run.policy = json_loadb(bytes.data, bytes.len, 0, NULL);
	if (policy_find(why->run.policy_name, path, &none) == 0 && path_absolute("/", path, &clean) == 0)
		text_escape(why->run.policy_file, sizeof(why->run.policy_file), slice_of(clean));
	/* `extends` takes what ships with this program. */
	why->run.extendable = why->run.policy_file[0] &&
			      policy_find_shipped(why->run.policy_name, shipped, &none) == 0 &&
			      strcmp(path, shipped) == 0;
	return 0;
}

static int read_run(struct why *why, struct error *err)
{
	struct ledger_filter filter = { .has_run = true, .limit = 1 };
	struct ledger_answer answer;
	int r;

	memcpy(filter.run, why->run.uid, sizeof(filter.run));
	filter.any_kind[RECORD_RUN_START] = true;
	r = ledger_query(why->ledger, &filter, note_start, why, &answer, err);
	return r < 0 ? r : read_policy(why, err);
}

/* ---- the refusal ---- */

static int take_hit(void *context, const struct ledger_hit *hit)
{
	struct why *why = context;

	if (why->found++ == 0)
		return why_hit_take(&why->hit, &why->run, hit);
	if (why->found <= OTHERS_SHOWN + 1) {
		IGNORE(buf_printf(&why->others, "%7llu  ", (unsigned long long)hit->seq) < 0);
		render_sentence(&why->others, hit);
		IGNORE(buf_text(&why->others, "\n") < 0);
	}
	return 0;
}

static int query(struct why *why, struct ledger_answer *answer, struct error *err)
{
	struct ledger_filter filter = { .newest_first = true };

	if (why->numbered) {
		filter.seq_from = filter.seq_to = why->seq;
		return ledger_query(why->ledger, &filter, take_hit, why, answer, err);
	}
	filter.has_run = true;
	memcpy(filter.run, why->run.uid, sizeof(filter.run));
	filter.verdicts = WHY_VERDICTS;
	filter.limit = OTHERS_SHOWN + 2;
	for (size_t i = 0; i < COUNT(filter.any_kind); i++)
		filter.any_kind[i] = why_kind_refuses((uint32_t)i);
	return ledger_query(why->ledger, &filter, take_hit, why, answer, err);
}

static int say_end(void *context, const struct ledger_hit *hit)
{
	struct buf *line = context;

	IGNORE(buf_text(line, "; ") < 0);
	render_what(line, hit);
	return 1;
}

static int nothing(struct why *why, struct error *err)
{
	cleanup_with(buf_finish) struct buf line = buf_growing(RENDER_MAX);
	struct ledger_filter filter = { .has_run = true };
	struct ledger_answer answer;
	int r;

	memcpy(filter.run, why->run.uid, sizeof(filter.run));
	filter.any_kind[RECORD_RUN_END] = true;
	r = ledger_query(why->ledger, &filter, say_end, &line, &answer, err);
	if (r < 0)
		return r;
	if (!why->args->json)
		printf("run %s (agent %s, policy %s): nothing was refused%.*s\n", why->run.id, why->run.agent,
		       why->run.policy_name, (int)line.len, line.data ? line.data : "");
	return CLI_NONE;
}

static int finish(struct why *why, const struct ledger_answer *answer)
{
	const struct ledger_args silent = { .json = true };  /* no footer: only what is degraded */

	why_say(&why->hit, &why->run, why->args->json, why->args->utc);
	if (!why->args->json && why->others.len > 0)
		printf("\nmore refusals of this run (`bailiff why SEQ`)\n%.*s", (int)why->others.len,
		       why->others.data);
	if (!why->args->json && why->found > OTHERS_SHOWN + 1)
		printf("    ...  `bailiff ledger log --run %s --verdict deny`\n", why->run.id + ULID_TEXT_LEN - 8);
	if (answer->gaps)
		fprintf(stderr, "bailiff: %llu gaps: something that happened is missing here\n",
			(unsigned long long)answer->gaps);
	return why->hit.refusal ? ledger_answer_end(answer, &silent) : CLI_NONE;
}

static int find(struct why *why, const char *word, struct error *err)
{
	why->run.known = true;
	if (!word)
		return own_last_run(why, err);
	if (parse_u64(slice_of(word), 0, INT64_MAX, &why->seq) == 0) {
		why->numbered = true;
		return run_of_record(why, err);
	}
	return ledger_run_find(why->ledger, slice_of(word), why->run.uid, err);
}

static int answer_word(struct why *why, const char *word, struct error *err)
{
	struct ledger_answer answer = { 0 };
	int r = find(why, word, err);

	if (r == 0 && why->run.known)
		r = read_run(why, err);
	if (r == 0)
		r = query(why, &answer, err);
	if (r < 0)
		return r;
	return why->found == 0 ? nothing(why, err) : finish(why, &answer);
}

static void why_finish(struct why *why)
{
	why_run_finish(&why->run);
	why_hit_finish(&why->hit);
	buf_finish(&why->others);
	ledger_free_p(&why->ledger);
}

int verb_why(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	cleanup_with(why_finish) struct why why = { .args = &args, .others = buf_growing(RENDER_MAX) };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&why_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 1)
		return cli_usage("why", "one RUN or the number of one record is expected");
	r = ledger_args_open(&args, &why.ledger, &err);
	if (r == 0)
		r = answer_word(&why, words.count ? words.words[0] : NULL, &err);
	if (r >= 0)
		return r;
	error_print("bailiff why", &err);
	if (r == -ENOENT && why.ledger)
		return CLI_NONE;
	return r == -EINVAL || r == -ENOTUNIQ ? CLI_USAGE : CLI_CANNOT;
}
