/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/scrub.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#define RANDOM_WORD_MIN 28U    /* characters of a word that is judged by its look */
#define RANDOM_DISTINCT_MIN 18U /* more than hex digits have, so digests stay readable */

static const char *const secret_names[] = {
	"token", "key", "password", "passwd", "secret", "credential", "authorization",
};

static const char *const token_prefixes[] = {
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "sk_live_",
	"rk_live_", "xoxb-", "xoxp-", "xoxa-", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "eyJ",
	"hf_", "npm_", "pypi-", "hvs.", "hvb.", "dop_v1_", "shpat_",
};

#define TOKEN_TAIL_MIN 12U     /* token characters behind a prefix that make it one */

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '+' ||
	       c == '=';
}

static bool is_break(char c)
{
	return c == '\0' || isspace((unsigned char)c);
}

static struct slice cut(struct slice text, size_t from, size_t to)
{
	return slice_new(text.data + from, to - from);
}

static size_t find_char(struct slice text, const char *set)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '\0' && strchr(set, text.data[i]))
			return i;
	}
	return text.len;
}

static bool has_secret_name(struct slice name)
{
	for (size_t i = 0; i < COUNT(secret_names); i++) {
		size_t len = strlen(secret_names[i]);

		for (size_t at = 0; at + len <= name.len; at++) {
			if (strncasecmp(name.data + at, secret_names[i], len) == 0)
				return true;
		}
	}
	return false;
}

static void put(struct buf *out, struct slice text)
{
	IGNORE(buf_append(out, text.data, text.len)); /* remembered in out->failed */
}

static int put_scrubbed(struct buf *out, size_t len)
{
	IGNORE(buf_printf(out, "[scrubbed:%zu]", len)); /* as above */
	return 1;
}

static bool looks_random(struct slice word)
{
	bool seen[256] = { false }, upper = false, lower = false, digit = false;
	size_t distinct = 0;

	if (word.len < RANDOM_WORD_MIN)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		unsigned char c = (unsigned char)word.data[i];

		distinct += !seen[c];
		seen[c] = true;
		upper |= isupper(c) != 0;
		lower |= islower(c) != 0;
		digit |= isdigit(c) != 0;
	}
	return upper && lower && digit && distinct >= RANDOM_DISTINCT_MIN;
}

static bool is_token(struct slice word)
{
	for (size_t i = 0; i < COUNT(token_prefixes); i++) {
		struct slice prefix = slice_of(token_prefixes[i]);

		if (slice_starts(word, prefix) && word.len >= prefix.len + TOKEN_TAIL_MIN)
			return true;
	}
	return looks_random(word);
}

/* Runs of token characters, each judged alone. */
static int scrub_tokens(struct slice word, struct buf *out)
{
	int taken = 0;
	size_t at = 0;

	while (at < word.len) {
		size_t end = at;

		while (end < word.len && is_token_char(word.data[end]))
			end++;
		if (end == at) {
			put(out, cut(word, at, at + 1));
			at++;
			continue;
		}
		if (is_token(cut(word, at, end)))
			taken = put_scrubbed(out, end - at);
		else
			put(out, cut(word, at, end));
		at = end;
	}
	return taken;
}

/* scheme://user:secret@host: the user info goes, in every URL of the word. */
static int scrub_urls(struct slice word, struct buf *out)
{
	int taken = 0;

	for (;;) {
		size_t scheme = 0, end, user_end;

		while (scheme + 3 <= word.len && memcmp(word.data + scheme, "://", 3) != 0)
			scheme++;
		if (scheme + 3 > word.len)
			return scrub_tokens(word, out) | taken;
		scheme += 3;
		end = scheme + find_char(cut(word, scheme, word.len), "/?#");
		user_end = end;
		while (user_end > scheme && word.data[user_end - 1] != '@')
			user_end--;
		put(out, cut(word, 0, scheme));
		if (user_end > scheme) {
			taken = put_scrubbed(out, user_end - 1 - scheme);
			scheme = user_end - 1;
		}
		taken |= scrub_tokens(cut(word, scheme, end), out);
		word = cut(word, end, word.len);
	}
}

/* What the words behind this one are, as far as this one says. */
enum expects { EXPECT_NOTHING, EXPECT_SECRET, EXPECT_HEADER };

/* "--token", "-password" and "Authorization:" announce that what follows is one. */
static enum expects announces(struct slice word)
{
	if (word.len > 1 && word.data[word.len - 1] == ':' && has_secret_name(word))
		return EXPECT_HEADER;
	if (word.len > 1 && word.data[0] == '-' && find_char(word, "=:") == word.len &&
	    has_secret_name(word))
		return EXPECT_SECRET;
	return EXPECT_NOTHING;
}

static int scrub_word(struct slice word, struct buf *out)
{
	size_t at = find_char(word, "=:");

	/* NAME=value, --name=value, name:value; but not a URL's scheme. */
	if (at + 1 < word.len && has_secret_name(cut(word, 0, at)) &&
	    !(word.data[at] == ':' && word.data[at + 1] == '/')) {
		put(out, cut(word, 0, at + 1));
		return put_scrubbed(out, word.len - at - 1);
	}
	return scrub_urls(word, out);
}

int scrub(struct slice value, struct buf *out)
{
	enum expects expects = EXPECT_NOTHING;
	int taken = 0;
	size_t at = 0;

	while (at < value.len) {
		size_t end = at;

		if (is_break(value.data[at])) {
			/* A header's value ends with its argument or line, not with a blank. */
			if (value.data[at] != ' ' && expects == EXPECT_HEADER)
				expects = EXPECT_NOTHING;
			put(out, cut(value, at, at + 1));
			at++;
			continue;
		}
		while (end < value.len && !is_break(value.data[end]))
			end++;
		if (expects != EXPECT_NOTHING) {
			taken = put_scrubbed(out, end - at);
			if (expects == EXPECT_SECRET)
				expects = EXPECT_NOTHING;
		} else {
			expects = announces(cut(value, at, end));
			taken |= scrub_word(cut(value, at, end), out);
		}
		at = end;
	}
	return out->failed ? -ENOSPC : taken;
}
