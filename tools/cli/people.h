/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of people share: the inbox, one item of it, sending a decision. */
#ifndef CLI_PEOPLE_H
#define CLI_PEOPLE_H

#include "cli/client.h"
#include "cli/options.h"
#include "decide/people.h"

struct items {
	struct wire_item *items;   /* owned; the most important first */
	size_t count;
};

/* Release with items_finish() in each case. */
int items_read(int control_fd, bool all, struct items *ret_inbox, struct error *err) MUST_USE;
void items_finish(struct items *inbox);
/* The one whose id is `word` or ends in it (4 or more characters). Returns 0, -EINVAL, -ENOENT, -EEXIST with
 * text and exit code. */
int items_find(const struct items *inbox, const char *word, const struct wire_item **ret_item, struct error *err) MUST_USE;

/* What an agent chose, for a terminal. It was escaped by the supervisor; whoever that is, nothing but what can be
 * seen comes through here. Returns `to`. */
const char *shown(char *to, size_t size, const char *text);
/* Several lines on `out`: who wants what, by which rule, until when. */
void item_show(FILE *out, const struct wire_item *item);

/* Sends it and waits for the one answer. */
int people_ask(int control_fd, const struct wire_people *request, struct wire_answer *ret_answer,
	       struct error *err) MUST_USE;
/* Fills a text of the wire. -E2BIG: too long or not UTF-8, with the option named. */
int people_text(const char *option, const char *text, char *to, size_t size, struct error *err) MUST_USE;
/* The option --reason-code. NULL: REASON_OTHER. */
int people_reason_code(const char *name, uint32_t *ret_code, struct error *err) MUST_USE;
extern const char *const reason_code_words[];

#endif
