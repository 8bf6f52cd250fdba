/* SPDX-License-Identifier: Apache-2.0 */
#include "run/inbox.h"

#include <errno.h>
#include <stdio.h>

#include "base/sha256.h"

static bool is_open(const struct letter *letter)
{
	return letter->id != 0 && !letter->acked;
}

static void letter_finish(struct letter *letter)
{
	free(letter->text);
	*letter = (struct letter){ 0 };
}

void inbox_finish(struct inbox *inbox)
{
	for (size_t i = 0; i < LETTERS_MAX; i++)
		letter_finish(&inbox->letters[i]);
}

static struct letter *room(struct inbox *inbox)
{
	for (size_t i = 0; i < LETTERS_MAX; i++)
		if (!is_open(&inbox->letters[i]))
			return &inbox->letters[i];
	return NULL;
}

int64_t inbox_put(struct inbox *inbox, enum letter_kind kind, const char *by, struct slice text, uint64_t ack_ns,
		  uint64_t now_ns)
{
	struct letter *letter = room(inbox);
	char *copy;

	if (text.len > LETTER_TEXT_MAX)
		return -E2BIG;
	if (!letter)
		return -ENOSPC;
	copy = malloc(text.len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text.data ? text.data : "", text.len);
	letter_finish(letter);
	*letter = (struct letter){
		.id = ++inbox->last_id, .kind = kind, .text = copy, .len = text.len,
		.deadline_ns = ack_ns > 0 ? now_ns + ack_ns : INBOX_NEVER,
	};
	IGNORE(snprintf(letter->by, sizeof(letter->by), "%s", by) < 0); /* a name that is cut is a name */
	sha256_of(text, letter->digest);
	return (int64_t)letter->id;
}

const struct letter *inbox_next(const struct inbox *inbox, uint64_t id)
{
	const struct letter *found = NULL;

	for (size_t i = 0; i < LETTERS_MAX; i++) {
		const struct letter *letter = &inbox->letters[i];

		if (is_open(letter) && letter->id > id && (!found || letter->id < found->id))
			found = letter;
	}
	return found;
}

const struct letter *inbox_ack(struct inbox *inbox, uint64_t id)
{
	for (size_t i = 0; i < LETTERS_MAX; i++) {
		struct letter *letter = &inbox->letters[i];

		if (is_open(letter) && letter->id == id) {
			letter->acked = true;
			return letter;
		}
	}
	return NULL;
}

void inbox_forget_due(struct inbox *inbox, uint64_t now_ns)
{
	for (size_t i = 0; i < LETTERS_MAX; i++)
		if (inbox->letters[i].deadline_ns <= now_ns)
			inbox->letters[i].deadline_ns = INBOX_NEVER;
}

uint32_t inbox_open(const struct inbox *inbox)
{
	uint32_t count = 0;

	for (size_t i = 0; i < LETTERS_MAX; i++)
		count += is_open(&inbox->letters[i]);
	return count;
}

uint64_t inbox_deadline(const struct inbox *inbox)
{
	uint64_t first = INBOX_NEVER;

	for (size_t i = 0; i < LETTERS_MAX; i++)
		if (is_open(&inbox->letters[i]))
			first = MIN(first, inbox->letters[i].deadline_ns);
	return first;
}
