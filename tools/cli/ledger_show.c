/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff ledger run show`: from the records that decide, not from all of them. */
#include "cli/ledger_show.h"

#include <errno.h>

#include "base/text.h"
#include "base/ulid.h"
#include "ledger/render.h"

#define REFUSALS_SHOWN 10U

struct shown {
	const struct ledger_args *args;
	struct buf line;
	struct ledger_run run;      /* numbers only: its slices are gone */
	uint64_t refusals;
	bool found, began;
};

static void put_line(struct shown *shown, const char *label)
{
	printf("%-9s  %.*s\n", label, (int)shown->line.len, shown->line.data ? shown->line.data : "");
	shown->line.len = 0;
	shown->line.failed = false;
}

static void put_next(struct shown *shown, const struct record *record)
{
	struct slice person = record_bytes(record, DETAIL_REMEDY);

	if (!person.len)
		return;
	render_text(&shown->line, person);
	put_line(shown, "  next");
}

static void put_hit(struct shown *shown, const char *label, const struct ledger_hit *hit)
{
	IGNORE(buf_printf(&shown->line, "%llu%s ", (unsigned long long)hit->seq,
			  hit->intact ? "" : "!!") < 0);
	render_sentence(&shown->line, hit);
	if (hit->record.rule.len) {
		IGNORE(buf_text(&shown->line, ", rule ") < 0);
		render_text(&shown->line, hit->record.rule);
	}
	put_line(shown, label);
}

static void put_policy(struct shown *shown, const struct ledger_hit *hit)
{
	struct slice digest = record_bytes(&hit->record, DETAIL_POLICY_DIGEST);
	struct slice name = record_bytes(&hit->record, DETAIL_POLICY_NAME);
	char hex[65] = "";

	if (digest.len == 32)
		text_hex(hex, (const uint8_t *)digest.data, 32);
	render_text(&shown->line, name.len ? name : slice_of("(no name)"));
	IGNORE(buf_printf(&shown->line, ", sha256 %.16s...", hex) < 0);
	put_line(shown, "policy");
}

static void put_refusal(struct shown *shown, const struct ledger_hit *hit)
{
	if (hit->record.verdict != RECORD_VERDICT_DENY)
		return;
	if (++shown->refusals > REFUSALS_SHOWN)
		return;
	put_hit(shown, "refused", hit);
	put_next(shown, &hit->record);
}

static int show_hit(void *context, const struct ledger_hit *hit)
{
	struct shown *shown = context;

	switch ((int)hit->record.kind) {
	case RECORD_RUN_START:
		shown->began = true;
		put_hit(shown, "began", hit);
		put_policy(shown, hit);
		break;
	case RECORD_VIOLATION:
		put_hit(shown, "violation", hit);
		put_next(shown, &hit->record);
		break;
	case RECORD_RUN_STATE:
		put_hit(shown, "state", hit);
		break;
	case RECORD_HEARTBEAT_LOST:
	case RECORD_REVOKE_INTENT:
	case RECORD_REVOKE_DONE:
	case RECORD_INTERVENTION:
		put_hit(shown, "then", hit);
		break;
	case RECORD_GAP:
		put_hit(shown, "gap", hit);
		break;
	case RECORD_RUN_END:
		put_hit(shown, "outcome", hit);
		break;
	default:
		put_refusal(shown, hit);
	}
	return 0;
}

static int json_hit(void *context, const struct ledger_hit *hit)
{
	struct shown *shown = context;

	render_json(&shown->line, hit);
	printf("%.*s\n", (int)shown->line.len, shown->line.data);
	shown->line.len = 0;
	return shown->line.failed ? -EMSGSIZE : 0;
}

static int find_run(void *context, const struct ledger_run *run)
{
	struct shown *shown = context;

	if (memcmp(run->uid, shown->run.uid, sizeof(run->uid)) != 0)
		return 0;
	shown->run = *run;
	shown->run.owner = shown->run.agent = shown->run.policy_name = (struct slice){ 0 };
	shown->found = true;
	return 1;
}

static void put_head(const struct shown *shown)
{
	const struct ledger_run *run = &shown->run;
	const char *status = word_name(WORDS_STATUS, (uint64_t)run->status);
	char uid[ULID_TEXT_LEN + 1], time[LEDGER_TIME_MAX], took[24] = "";
	struct ulid ulid;

	memcpy(ulid.bytes, run->uid, sizeof(ulid.bytes));
	ulid_text(&ulid, uid);
	ledger_time_text(time, run->start_ns, shown->args->utc);
	if (run->end_ns > run->start_ns)
		text_duration(took, sizeof(took), run->end_ns - run->start_ns);
	printf("run %s  %s%s%s  began %s\n", uid, status ? status : "?", *took ? " after " : "", took,
	       time);
}

static void put_tail(struct shown *shown)
{
	if (shown->refusals > REFUSALS_SHOWN)
		printf("%-9s  %llu further refusals: `bailiff ledger log --run RUN --verdict deny`\n", "",
		       (unsigned long long)(shown->refusals - REFUSALS_SHOWN));
	if (!shown->run.end_ns)
		printf("%-9s  no end is recorded: it still runs, or its supervisor was lost\n", "outcome");
	else if (shown->refusals == 0 && shown->run.violations == 0)
		printf("%-9s  nothing was refused, no violation\n", "");
}

static int explain(struct shown *shown, struct ledger *ledger, struct ledger_answer *answer,
		   struct error *err)
{
	static const enum record_kind kinds[] = {
		RECORD_RUN_START, RECORD_RUN_STATE, RECORD_HEARTBEAT_LOST, RECORD_DECISION,
		RECORD_VIOLATION, RECORD_REVOKE_INTENT, RECORD_REVOKE_DONE, RECORD_INTERVENTION,
		RECORD_GAP, RECORD_RUN_END,
	};
	struct ledger_filter filter = { .has_run = true };
	int r;

	memcpy(filter.run, shown->run.uid, sizeof(filter.run));
	for (size_t i = 0; i < COUNT(kinds); i++)
		filter.any_kind[kinds[i]] = true;
	if (shown->args->json)
		return ledger_query(ledger, &filter, json_hit, shown, answer, err);
	r = ledger_runs(ledger, true, 0, find_run, shown, err);
	if (r < 0)
		return r;
	put_head(shown);
	r = ledger_query(ledger, &filter, show_hit, shown, answer, err);
	if (r == 0)
		put_tail(shown);
	return r;
}

int ledger_show(const struct ledger_args *args, const char *run)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	cleanup_with(buf_finish) struct buf line = buf_growing(RENDER_MAX);
	struct shown shown = { .args = args, .line = line };
	struct ledger_answer answer = { 0 };
	struct error err = { 0 };
	int r = ledger_args_open(args, &ledger, &err);

	if (r == 0)
		r = ledger_run_find(ledger, slice_of(run), shown.run.uid, &err);
	if (r == -ENOENT && ledger) {
		error_print("bailiff ledger run show", &err);
		return CLI_NONE;
	}
	if (r == 0)
		r = explain(&shown, ledger, &answer, &err);
	line = shown.line;
	return r < 0 ? ledger_fail("run show", r, &err) : ledger_answer_end(&answer, args);
}
