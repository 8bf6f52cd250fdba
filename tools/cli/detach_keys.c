/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/detach_keys.h"

#include <errno.h>

static int key_parse(struct slice name, char *ret_key)
{
	static const char prefix[] = "ctrl-";
	char c;

	if (name.len == 1 && (unsigned char)name.data[0] > ' ' && (unsigned char)name.data[0] < 0x7f) {
		*ret_key = name.data[0];
		return 0;
	}
	if (name.len != strlen(prefix) + 1 || !slice_starts(name, slice_of(prefix)))
		return -EINVAL;
	c = name.data[strlen(prefix)];
	if (c >= 'a' && c <= 'z')
		*ret_key = (char)(c - 'a' + 1);
	else if (c >= '@' && c <= '_')
		*ret_key = (char)(c - '@');
	else
		return -EINVAL;
	return 0;
}

int detach_keys_parse(const char *text, struct detach_keys *ret_keys)
{
	struct detach_keys keys = { 0 };

	if (strcmp(text, "none") == 0) {
		*ret_keys = keys;
		return 0;
	}
	for (;;) {
		/* A comma itself is a key where a name begins. */
		size_t len = text[0] == ',' ? 1 : strcspn(text, ",");

		if (keys.count == DETACH_KEYS_MAX || key_parse(slice_new(text, len), &keys.keys[keys.count]) < 0)
			return -EINVAL;
		keys.count++;
		text += len;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	*ret_keys = keys;
	return 0;
}

/* So many of the keys still stand at the end of what was typed, after one that does not go on. */
static size_t fall_back(const struct detach_keys *keys, char c)
{
	char typed[DETACH_KEYS_MAX + 1];

	memcpy(typed, keys->keys, keys->seen);
	typed[keys->seen] = c;
	for (size_t len = keys->seen; len > 0; len--)
		if (memcmp(typed + keys->seen + 1 - len, keys->keys, len) == 0)
			return len;
	return 0;
}

bool detach_keys_take(struct detach_keys *keys, struct slice typed, char *to, size_t *ret_len)
{
	size_t len = 0;

	for (size_t i = 0; i < typed.len; i++) {
		char c = typed.data[i];
		size_t kept, given;

		if (keys->count > 0 && c == keys->keys[keys->seen]) {
			if (++keys->seen < keys->count)
				continue;
			keys->seen = 0;
			*ret_len = len;
			return true;
		}
		kept = fall_back(keys, c);
		given = keys->seen + 1 - kept;
		for (size_t j = 0; j < given; j++)
			to[len++] = j < keys->seen ? keys->keys[j] : c;
		keys->seen = kept;
	}
	*ret_len = len;
	return false;
}
