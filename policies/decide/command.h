/* SPDX-License-Identifier: Apache-2.0 */
/* A command's words as one capability reads them (behaviour model, section 5.2): which are options, which are
 * values of options, which are neither. For classify.c and judge.c. */
#ifndef DECIDE_COMMAND_H
#define DECIDE_COMMAND_H

#include "decide/judge.h"

/* Not zeroed by the compiler, which takes as long as a dozen rules: filled before it is read, by
 * command_read(). */
#define unset __attribute__((uninitialized))

struct command {
	const struct action *action;
	uint32_t argc;                           /* that are looked at */
	bool has_options;
	uint32_t options[JUDGE_ARGS_MAX / 32];   /* bits of argv: options, before -- */
	uint32_t operands[JUDGE_ARGS_MAX / 32];  /* neither options nor their values, and all behind -- */
	uint32_t letters[256 / 32];              /* of clusters such as -rf, with short_clusters */
};

/* GOVERN_NONE: an option has no value and a cluster is one option. */
void command_read(const struct govern_view *govern, uint16_t capability, const struct action *action,
		  struct command *ret_command);
/* Whether one of the words (an option, such as "--force") is among the command's options. */
bool command_has_option(const struct govern_view *govern, const struct command *command,
			struct govern_list words);

static inline struct slice govern_word(const struct govern_view *govern, struct govern_list list, uint32_t at)
{
	return govern_text(govern, govern->words[list.first + at]);
}

/* Whether `text` is one of the words. A decision asks this some hundred times, and nearly always the length or the
 * first byte says no. */
static inline bool govern_has_word(const struct govern_view *govern, struct govern_list list, struct slice text)
{
	const struct policy_string *word = govern->words + list.first;

	for (uint32_t i = 0; i < list.count; i++, word++) {
		const char *own;

		if (word->len != text.len)
			continue;
		own = govern->strings + word->offset;
		if (text.len == 0 || (*own == *text.data && memcmp(own, text.data, text.len) == 0))
			return true;
	}
	return false;
}

static inline bool bit_of(const uint32_t *bits, uint32_t at)
{
	return bits[at / 32] >> at % 32 & 1U;
}

static inline void bit_set(uint32_t *bits, uint32_t at)
{
	bits[at / 32] |= 1U << at % 32;
}

/* Capabilities that need not be there: what std says about actions without argv. */
uint16_t capability_find(const struct govern_view *govern, struct slice id);

#endif
