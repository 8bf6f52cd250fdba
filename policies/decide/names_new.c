/* SPDX-License-Identifier: Apache-2.0 */
/* A rule and a path are compared component by component: either they part (free), or the rule covers
 * the path (protected), or the path ends first (leads), or a ** makes the rest unknown (reaches). */
#include "decide/names_new.h"

#include "base/cleanup.h"

static bool forbids(uint16_t kind)
{
	return kind == RULE_HIDE || kind == RULE_DENY_READ || kind == RULE_DENY_WRITE ||
	       kind == RULE_BASELINE;
}

/* Takes the first component off *rest, which starts with a slash or is empty. */
static struct slice component_take(struct slice *rest)
{
	size_t end = 1;
	struct slice part;

	if (rest->len == 0)
		return *rest;
	while (end < rest->len && rest->data[end] != '/')
		end++;
	part = slice_new(rest->data + 1, end - 1);
	*rest = slice_new(rest->data + end, rest->len - end);
	return part;
}

static bool crosses(struct slice part)
{
	for (size_t i = 0; i + 1 < part.len; i++)
		if (part.data[i] == '*' && part.data[i + 1] == '*')
			return true;
	return false;
}

static bool same(struct slice pattern, struct slice part, bool glob)
{
	if (glob)
		return glob_matches(pattern, part);
	return pattern.len == part.len && slice_starts(pattern, part);
}

/* What lies below `path` of a rule that does not cover it. */
static enum new_name below(struct slice own, bool glob, struct slice path)
{
	while (own.len > 0) {
		struct slice pattern = component_take(&own), part;

		if (glob && crosses(pattern))
			return NEW_NAME_REACHES;
		if (path.len == 0)
			return NEW_NAME_LEADS;
		part = component_take(&path);
		if (part.len > 0 && !same(pattern, part, glob))
			return NEW_NAME_FREE;
		if (part.len == 0) /* "/" itself: above everything */
			return NEW_NAME_LEADS;
	}
	return NEW_NAME_FREE;
}

/* Most paths part from a rule before its first wildcard, and most of these soon. */
static bool parts_early(struct slice own, bool glob, struct slice path)
{
	size_t common = MIN(own.len, path.len);

	for (size_t i = 0; i < common; i++) {
		if (glob && (own.data[i] == '*' || own.data[i] == '?'))
			return false;
		if (own.data[i] != path.data[i])
			return true;
	}
	return false;
}

enum new_name new_name_at(const struct rules *rules, struct slice path)
{
	enum new_name strictest = NEW_NAME_FREE;

	if (path.len == 0 || path.data[0] != '/')
		return NEW_NAME_PROTECTED;
	for (size_t i = 0; i < rules->path_count; i++) {
		const struct rule_path *rule = &rules->paths[i];
		struct slice own = slice_new(rules->strings + rule->path_offset, rule->path_len);
		enum new_name one;

		if (!forbids(rule->kind) || parts_early(own, rule->flags & RULE_GLOB, path))
			continue;
		if (rule_path_matches(rules, rule, path))
			return NEW_NAME_PROTECTED;
		one = below(own, rule->flags & RULE_GLOB, path);
		strictest = MIN(strictest, one);
	}
	return strictest;
}
