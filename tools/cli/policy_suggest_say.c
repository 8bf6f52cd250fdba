/* SPDX-License-Identifier: Apache-2.0 */
/* The document of a suggestion. What the run chose stands in quotes or, in comments, escaped. */
#include <ctype.h>
#include <errno.h>

#include "base/text.h"
#include "cli/policy_suggest.h"

#define SHOWN_SIZE 1024U

/* ---- scalars ---- */

static int put_point(struct buf *to, uint32_t point)
{
	if (point == '"' || point == '\\')
		return buf_printf(to, "\\%c", (char)point);
	if (point >= 0x20 && point < 0x7f)
		return buf_printf(to, "%c", (char)point);
	if (point > 0xffff)
		return buf_printf(to, "\\U%08x", point);
	return buf_printf(to, point > 0xff ? "\\u%04x" : "\\x%02x", point);
}

int suggest_put_scalar(struct buf *to, const char *text)
{
	struct slice rest = slice_of(text);
	bool plain = text[0] == '/' || ((text[0] == '.' || text[0] == '~') && text[1] == '/');
	int r;

	for (const char *at = text; *at; at++)
		plain &= isalnum((unsigned char)*at) || strchr("/._-+@~", *at);
	if (plain)
		return buf_text(to, text);
	r = buf_text(to, "\"");
	while (r == 0 && rest.len > 0) {
		uint32_t point;
		size_t used = text_utf8_next(rest, &point);

		if (used == 0)
			return -EILSEQ;
		r = put_point(to, point);
		rest = slice_new(rest.data + used, rest.len - used);
	}
	return r < 0 ? r : buf_text(to, "\"");
}

/* ---- lines ---- */

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return len > 1 && strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* As a policy writes it: from the workspace, from the home, or whole. */
static void short_path(const struct suggest *suggest, const char *path, char to[SUGGEST_PATH_MAX])
{
	const char *top = is_below(path, suggest->workspace) ? suggest->workspace : suggest->home;

	if (is_below(path, top))
		IGNORE(snprintf(to, SUGGEST_PATH_MAX, "%s%s", top == suggest->workspace ? "." : "~", path + strlen(top)) < 0);
	else
		IGNORE(text_copy(to, SUGGEST_PATH_MAX, slice_of(path)) < 0);
}

static void put_origin(struct buf *to, const struct suggestion *item)
{
	IGNORE(buf_printf(to, " # record %llu", (unsigned long long)item->seq) < 0);
	if (item->stands_for > 1)
		IGNORE(buf_printf(to, " and %u more", item->stands_for - 1) < 0);
	IGNORE(buf_text(to, "\n") < 0);
}

static size_t count_of(const struct suggest *suggest, enum suggest_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < suggest->count; i++)
		count += suggest->items[i].kind == kind && !suggest->items[i].why_not;
	return count;
}

static void put_list(struct buf *to, const struct suggest *suggest, enum suggest_kind kind, const char *key)
{
	if (count_of(suggest, kind) > 0)
		IGNORE(buf_printf(to, "  %s:\n", key) < 0);
	for (size_t i = 0; i < suggest->count; i++) {
		const struct suggestion *item = &suggest->items[i];
		char path[SUGGEST_PATH_MAX];

		if (item->kind != kind || item->why_not)
			continue;
		if (kind == SUGGEST_CONNECT)
			IGNORE(text_copy(path, sizeof(path), slice_of(item->text)) < 0);
		else
			short_path(suggest, item->text, path);
		IGNORE(buf_text(to, "    - ") < 0 || suggest_put_scalar(to, path) < 0);
		put_origin(to, item);
	}
}

static void put_workspace(struct buf *to, const struct suggest *suggest, const struct policy *base)
{
	bool inside = false;

	for (size_t i = 0; i < suggest->count; i++)
		inside |= suggest->items[i].kind == SUGGEST_WRITE && !suggest->items[i].why_not &&
			  is_below(suggest->items[i].text, suggest->workspace);
	if (inside && base->workspace_mode == WORKSPACE_READONLY)
		IGNORE(buf_text(to, "\nworkspace:\n  mode: direct\n") < 0);
}

/* A rule that only says what no rule of the base says; those of HIGH risk stay a comment, for a person to decide. */
static void put_rules(struct buf *to, const struct suggest *suggest)
{
	if (count_of(suggest, SUGGEST_RULE) > 0)
		IGNORE(buf_text(to, "\nrules:\n") < 0);
	for (size_t i = 0; i < suggest->count; i++) {
		const struct suggestion *item = &suggest->items[i];

		if (item->kind != SUGGEST_RULE || item->why_not)
			continue;
		IGNORE(buf_text(to, "  learned-") < 0);
		for (const char *at = item->text; *at; at++)
			IGNORE(buf_printf(to, "%c", islower((unsigned char)*at) || isdigit((unsigned char)*at) ? *at : '-') < 0);
		IGNORE(buf_text(to, ":") < 0);
		put_origin(to, item);
		IGNORE(buf_text(to, "    when: {capability: [") < 0 || suggest_put_scalar(to, item->text) < 0 ||
		       buf_text(to, "]}\n    decision: allow\n") < 0);
	}
}

/* ---- the whole ---- */

static void put_refused(struct buf *to, const struct suggest *suggest)
{
	static const char *const verbs[] = {
		[SUGGEST_READ] = "read", [SUGGEST_WRITE] = "write", [SUGGEST_CONNECT] = "connect to",
		[SUGGEST_CALL] = "system call", [SUGGEST_RULE] = "run",
	};
	bool any = false;

	for (size_t i = 0; i < suggest->count; i++) {
		const struct suggestion *item = &suggest->items[i];
		char shown[SHOWN_SIZE];

		if (!item->why_not)
			continue;
		if (!any)
			IGNORE(buf_text(to, "#\n# Not suggested:\n") < 0);
		any = true;
		text_escape(shown, sizeof(shown), slice_of(item->text));
		IGNORE(buf_printf(to, "# - %s %s (record %llu): ", verbs[item->kind], shown, (unsigned long long)item->seq) < 0);
		text_escape(shown, sizeof(shown), slice_of(item->why_not));
		IGNORE(buf_printf(to, "%s\n", shown) < 0);
	}
	if (suggest->dropped > 0)
		IGNORE(buf_printf(to, "#\n# %llu more places did not fit here.\n", (unsigned long long)suggest->dropped) < 0);
}

int suggest_say(const struct suggest *suggest, const struct suggest_head *head, struct buf *to)
{
	bool network = count_of(suggest, SUGGEST_CONNECT) > 0;

	IGNORE(buf_printf(to, "# A proposal, made of what run %s did under the policy %s.\n# Nothing uses it yet: read it, "
			  "change it, then `bailiff run -p ./THIS-FILE -- ...`.\n# Which variables of the environment were "
			  "needed is not recorded: `sandbox: {env: [NAME]}` passes one.\n", head->run, head->policy_name) < 0);
	put_refused(to, suggest);
	IGNORE(buf_printf(to, "schema: 1\nname: suggested\nextends: %s\n", head->base) < 0);
	if (network && head->base_policy->network_mode == NETWORK_NONE && head->base_policy->tier < 2)
		IGNORE(buf_text(to, "\nagent:\n  tier: T2 # T1 has no network\n") < 0);
	put_workspace(to, suggest, head->base_policy);
	if (count_of(suggest, SUGGEST_READ) + count_of(suggest, SUGGEST_WRITE) > 0)
		IGNORE(buf_text(to, "\nfiles:\n") < 0);
	put_list(to, suggest, SUGGEST_READ, "read");
	put_list(to, suggest, SUGGEST_WRITE, "write");
	if (network)
		IGNORE(buf_printf(to, "\nnetwork:\n%s", head->base_policy->network_mode == NETWORK_NONE ? "  mode: allowlist\n" : "") < 0);
	put_list(to, suggest, SUGGEST_CONNECT, "allow");
	put_rules(to, suggest);
	return to->failed ? -ENOMEM : 0;
}
