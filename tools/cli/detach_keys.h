/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that leave a run without ending it: "ctrl-\\", "ctrl-p,ctrl-q", "a,b". Pure. */
#ifndef CLI_DETACH_KEYS_H
#define CLI_DETACH_KEYS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

#define DETACH_KEYS_MAX 8U
#define DETACH_KEYS_DEFAULT "ctrl-\\"

struct detach_keys {
	char keys[DETACH_KEYS_MAX];
	size_t count;         /* 0 = none: nothing leaves */
	size_t seen;          /* so many of them were typed last; they are held back */
};

/* Names separated by commas: one character, or ctrl- and a letter or one of @ [ \ ] ^ _; or the word none.
 * Returns 0 or -EINVAL. */
int detach_keys_parse(const char *text, struct detach_keys *ret_keys) MUST_USE;
/* Takes what was typed. Writes to `to`, which has room for len + DETACH_KEYS_MAX, what goes on to the run: keys of
 * a beginning that did not go on are given back. True when the last key came; then what follows it is dropped. */
bool detach_keys_take(struct detach_keys *keys, struct slice typed, char *to, size_t *ret_len);

#endif
