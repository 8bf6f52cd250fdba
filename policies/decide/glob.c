/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns without backtracking beyond the last star of each kind: O(len(pattern) * len(path)). */
#include "decide/rules.h"

/* The state of a star that can swallow more bytes. */
struct star {
	size_t pattern;          /* what follows the star */
	size_t path;             /* where it was tried last */
	bool set;
	bool crosses;            /* **: components, too */
	bool whole;              /* ** with its slash: only whole components */
};

static bool at_component(struct slice path, size_t at)
{
	return at == 0 || path.data[at - 1] == '/';
}

static bool retry(struct star *star, struct slice path, size_t *p, size_t *s)
{
	do {
		if (!star->set || star->path >= path.len ||
		    (!star->crosses && path.data[star->path] == '/')) {
			star->set = false;
			return false;
		}
		star->path++;
	} while (star->whole && !at_component(path, star->path));
	*p = star->pattern;
	*s = star->path;
	return true;
}

/* Reads "**" or "** /" (written together), which also stands for nothing at all: with it "a/b" is
 * matched by a pattern that has it between a/ and b. */
static struct star read_double_star(struct slice pattern, size_t p, size_t s)
{
	struct star star = { .path = s, .set = true, .crosses = true };

	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	star.whole = p < pattern.len && pattern.data[p] == '/';
	star.pattern = p + star.whole;
	return star;
}

bool glob_matches(struct slice pattern, struct slice path)
{
	struct star one = { 0 }, many = { 0 };
	size_t p = 0, s = 0;

	while (s < path.len || p < pattern.len) {
		bool more = p < pattern.len;
		char c = more ? pattern.data[p] : '\0';

		if (more && c == '*' && p + 1 < pattern.len && pattern.data[p + 1] == '*') {
			many = read_double_star(pattern, p, s);
			p = many.pattern;
			/* A star before this one need not be tried again: this one reaches all it does. */
			one.set = false;
			if (many.whole && !at_component(path, s) && !retry(&many, path, &p, &s))
				return false;
			continue;
		}
		if (more && c == '*') {
			one = (struct star){ .pattern = ++p, .path = s, .set = true };
			continue;
		}
		if (more && s < path.len &&
		    (c == path.data[s] || (c == '?' && path.data[s] != '/'))) {
			p++;
			s++;
			continue;
		}
		if (retry(&one, path, &p, &s) || retry(&many, path, &p, &s))
			continue;
		return false;
	}
	return true;
}

/* The path's beginnings that end at a component: a match of a directory covers all below it. */
static bool glob_covers(struct slice pattern, struct slice path)
{
	for (size_t len = 1; len <= path.len; len++)
		if ((len == path.len || path.data[len] == '/') &&
		    glob_matches(pattern, slice_new(path.data, len)))
			return true;
	return false;
}

bool rule_path_matches(const struct rules *rules, const struct rule_path *rule, struct slice path)
{
	struct slice own = slice_new(rules->strings + rule->path_offset, rule->path_len);

	if (rule->flags & RULE_GLOB)
		return glob_covers(own, path);
	if (own.len == 1 && own.data[0] == '/')
		return path.len > 0 && path.data[0] == '/';
	return slice_starts(path, own) && (path.len == own.len || path.data[own.len] == '/');
}
