/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/people.h"
#include "cli/runs.h"
#include "decide/judge.h"

#define ANSWER_MS 10000

const char *const reason_code_words[] = {
	"FALSE_POSITIVE", "SAFE_HERE", "NEEDS_INFO", "WRONG_TARGET", "OUT_OF_SCOPE", "POLICY_GAP", "EMERGENCY",
	"TEST", "OTHER", NULL,
};

/* ---- the inbox ---- */

void items_finish(struct items *inbox)
{
	free(inbox->items);
	*inbox = (struct items){ 0 };
}

static int inbox_append(struct items *inbox, const struct wire_item *item)
{
	struct wire_item *grown = reallocarray(inbox->items, inbox->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[inbox->count++] = *item;
	inbox->items = grown;
	return 0;
}

/* One INBOX: its items up to DONE. Returns their number. */
static int inbox_page(int control_fd, bool all, struct items *inbox, struct error *err)
{
	const struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = WIRE_INBOX,
						       .flags = all ? WIRE_ALL : 0, .cursor = (uint32_t)inbox->count } };
	struct wire_answer answer;
	int count = 0, r = people_ask(control_fd, &request, &answer, err);

	while (r == 0 && answer.kind == WIRE_ITEM) {
		r = inbox_append(inbox, &answer.u.item);
		count++;
		if (r < 0)
			return error_set(err, r, "list the inbox");
		r = client_receive(control_fd, ANSWER_MS, &answer, err);
	}
	return r < 0 ? r : count;
}

static int by_importance(const void *one, const void *other)
{
	const struct wire_item *a = one, *b = other;

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

int items_read(int control_fd, bool all, struct items *ret_inbox, struct error *err)
{
	int count;

	*ret_inbox = (struct items){ 0 };
	do {
		count = inbox_page(control_fd, all, ret_inbox, err);
	} while (count >= (int)WIRE_ITEMS_MAX);
	if (count < 0)
		return count;
	if (ret_inbox->count > 0)
		qsort(ret_inbox->items, ret_inbox->count, sizeof(*ret_inbox->items), by_importance);
	return 0;
}

static int refuse(int code, const char *word, const char *why, struct error *err)
{
	error_say(err, code, "item '%s' %s", word, why);
	error_next(err, "`bailiff inbox --all` lists them; give the id or its last %u or more characters", RUNS_TAIL_MIN);
	return error_exit(err, code == -ENOENT ? CLI_NONE : CLI_USAGE);
}

int items_find(const struct items *inbox, const char *word, const struct wire_item **ret_item, struct error *err)
{
	size_t len = strlen(word);
	const struct wire_item *found = NULL;

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)word[i]))
			return refuse(-EINVAL, word, "is no id", err);
	}
	if (len < RUNS_TAIL_MIN || len > ULID_TEXT_LEN)
		return refuse(-EINVAL, word, "is too short or too long", err);
	for (size_t i = 0; i < inbox->count; i++) {
		char id[ULID_TEXT_LEN + 1];

		ulid_text(&inbox->items[i].id, id);
		if (strcasecmp(id + ULID_TEXT_LEN - len, word) != 0)
			continue;
		if (found)
			return refuse(-EEXIST, word, "fits several", err);
		found = &inbox->items[i];
	}
	if (!found)
		return refuse(-ENOENT, word, "is not known to the supervisor", err);
	*ret_item = found;
	return 0;
}

/* ---- showing ---- */

const char *shown(char *to, size_t size, const char *text)
{
	size_t kept = 0, len = text_escape(to, size, slice_of(text));

	/* What was escaped before stays as it is: only its backslashes would be doubled. */
	for (size_t i = 0; i < len; i++) {
		to[kept++] = to[i];
		if (to[i] == '\\' && to[i + 1] == '\\')
			i++;
	}
	to[kept] = '\0';
	return to;
}

static void show_line(FILE *out, const char *name, const char *text)
{
	char escaped[WIRE_ITEM_TEXT_MAX * 4];

	if (text[0])
		fprintf(out, "  %-10s %s\n", name, shown(escaped, sizeof(escaped), text));
}

void item_show(FILE *out, const struct wire_item *item)
{
	char id[ULID_TEXT_LEN + 1], run[ULID_TEXT_LEN + 1], left[24], digest[65];

	ulid_text(&item->id, id);
	ulid_text(&item->run, run);
	text_duration(left, sizeof(left), item->expires_in_ns);
	text_hex(digest, item->binding + sizeof(struct ulid), 32);
	fprintf(out, "%s  %s  %s\n", id, inbox_status_name((enum approval_state)item->state),
		inbox_priority_name((enum inbox_priority)item->priority));
	show_line(out, "action", item->text);
	if (item->text_bytes)
		fprintf(out, "  %-10s only a part of it: it has %u bytes\n", "CUT", item->text_bytes);
	show_line(out, "capability", item->capability);
	if (item->risk < RISK_COUNT)
		show_line(out, "risk", risk_name((enum risk)item->risk));
	show_line(out, "rule", item->rule);
	show_line(out, "why", item->reason);
	show_line(out, "agent", item->agent);
	show_line(out, "run", run);
	fprintf(out, "  %-10s sha256:%s\n", "digest", digest);
	if (item->count > 1)
		fprintf(out, "  %-10s %u of %u\n", "votes", item->votes, item->count);
	if (item->claimed_by != UID_NONE)
		fprintf(out, "  %-10s uid %u\n", "claimed by", item->claimed_by);
	if (item->expires_in_ns > 0 && (item->state == APPROVAL_PENDING || item->state == APPROVAL_CLAIMED))
		fprintf(out, "  %-10s %s\n", "left", left);
}

/* ---- asking ---- */

int people_ask(int control_fd, const struct wire_people *request, struct wire_answer *ret_answer, struct error *err)
{
	int r = fdpass_send(control_fd, request, sizeof(*request), NULL, 0, 0);

	if (r < 0)
		return error_set(err, r == -ECONNRESET ? -EPIPE : r, "ask the supervisor");
	return client_receive(control_fd, ANSWER_MS, ret_answer, err);
}

int people_text(const char *option, const char *text, char *to, size_t size, struct error *err)
{
	if (!text)
		return 0;
	if (text_is_utf8(slice_of(text)) && text_copy(to, size, slice_of(text)) == 0)
		return 0;
	error_say(err, -E2BIG, "%s must be UTF-8 and at most %zu bytes", option, size - 1);
	error_next(err, "say it shorter");
	return error_exit(err, CLI_USAGE);
}

int people_reason_code(const char *name, uint32_t *ret_code, struct error *err)
{
	*ret_code = name ? reason_code_find(slice_of(name)) : REASON_OTHER;
	if (*ret_code != REASON_NONE)
		return 0;
	error_say(err, -EINVAL, "'%s' is no reason code", name);
	error_next(err, "one of FALSE_POSITIVE SAFE_HERE NEEDS_INFO WRONG_TARGET OUT_OF_SCOPE POLICY_GAP EMERGENCY TEST OTHER");
	return error_exit(err, CLI_USAGE);
}
