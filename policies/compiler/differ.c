/* SPDX-License-Identifier: Apache-2.0 */
/* Both canonical forms are walked together. One table says of each key what more of it means. */
#include "compiler/differ.h"

#include <errno.h>
#include <jansson.h>

#include "compiler/govern.h"

#define NAME_SIZE 192U

enum meaning {
	MEANING_OTHER,
	MEANING_NONE,        /* names and texts: no difference */
	MORE_WIDENS,         /* a longer list, a larger number; without a number no limit */
	MORE_NARROWS,
	WORD_WIDENS,         /* the order of `words`, from narrow to wide */
	ENTRY_NARROWS,       /* a named entry; a change of one is OTHER, unless its keys have rows */
	ENTRY_RULE,
};

static const struct row {
	const char *key;     /* a final * stands for names: "capabilities.*.risk" */
	enum meaning meaning;
	const char *words[6];
} rows[] = {
	{ "name", MEANING_NONE, { NULL } }, { "version", MEANING_NONE, { NULL } },
	{ "description", MEANING_NONE, { NULL } }, { "schema", MEANING_NONE, { NULL } },
	{ "agent.tier", WORD_WIDENS, { "T0", "T1", "T2", "T3", "T4" } },
	{ "agent.min_tier", MORE_NARROWS, { NULL } }, { "agent.max_concurrent", MORE_WIDENS, { NULL } },
	{ "agent.child_runs", MORE_WIDENS, { NULL } },
	{ "mode", WORD_WIDENS, { "enforce", "permissive" } },
	{ "on_loss", WORD_WIDENS, { "kill", "freeze" } }, { "on_supervisor_loss", WORD_WIDENS, { "kill", "freeze" } },
	{ "files.read", MORE_WIDENS, { NULL } }, { "files.write", MORE_WIDENS, { NULL } },
	{ "files.deny_read", MORE_NARROWS, { NULL } }, { "files.deny_write", MORE_NARROWS, { NULL } },
	{ "files.on_scope", WORD_WIDENS, { "violate", "deny" } }, { "files.baseline", ENTRY_NARROWS, { NULL } },
	{ "sandbox.hide", MORE_NARROWS, { NULL } }, { "sandbox.env", MORE_WIDENS, { NULL } },
	{ "sandbox.require", MORE_NARROWS, { NULL } }, { "sandbox.prefer", MORE_NARROWS, { NULL } },
	{ "sandbox.on_forbidden", WORD_WIDENS, { "violate", "deny" } },
	{ "workspace.mode", WORD_WIDENS, { "readonly", "overlay", "direct" } },
	{ "network.mode", WORD_WIDENS, { "none", "allowlist", "host" } },
	{ "network.allow", MORE_WIDENS, { NULL } },
	{ "network.deny", MORE_NARROWS, { NULL } }, { "network.expose", MORE_WIDENS, { NULL } },
	{ "network.allow_unix", MORE_WIDENS, { NULL } }, { "network.on_scope", WORD_WIDENS, { "violate", "deny" } },
	{ "limits.pids", MORE_WIDENS, { NULL } }, { "limits.memory", MORE_WIDENS, { NULL } },
	{ "limits.cpu", MORE_WIDENS, { NULL } }, { "limits.open_files", MORE_WIDENS, { NULL } },
	{ "limits.file_size", MORE_WIDENS, { NULL } }, { "limits.wall", MORE_WIDENS, { NULL } },
	{ "heartbeat.ttl", MORE_WIDENS, { NULL } }, { "heartbeat.grace_start", MORE_WIDENS, { NULL } },
	{ "heartbeat.max_extend", MORE_WIDENS, { NULL } }, { "heartbeat.stall_after", MORE_WIDENS, { NULL } },
	{ "heartbeat.max_repeats", MORE_WIDENS, { NULL } },
	{ "heartbeat.on_stall", WORD_WIDENS, { "violate", "clarify", "ignore" } },
	{ "budget.max_total_errors", MORE_WIDENS, { NULL } }, { "budget.max_same_error_repeats", MORE_WIDENS, { NULL } },
	{ "budget.max_procedure_violations", MORE_WIDENS, { NULL } }, { "budget.count", MORE_NARROWS, { NULL } },
	{ "budget.on_exceed", WORD_WIDENS, { "violate", "ask" } },
	{ "rules", ENTRY_RULE, { NULL } }, { "rules.*.unless", MORE_WIDENS, { NULL } },
	{ "rules.*.reason", MEANING_NONE, { NULL } },
	{ "rules.*.decision", WORD_WIDENS, { "deny", "require_approval", "allow" } },
	{ "rules.*.on", WORD_WIDENS, { "violate", "deny" } },
	{ "rules.*.accept_risk.up_to", WORD_WIDENS, { "LOW", "MEDIUM", "HIGH", "CRITICAL" } },
	{ "rules.*.accept_risk.reason", MEANING_NONE, { NULL } },
	{ "guards", ENTRY_NARROWS, { NULL } }, { "environments", ENTRY_NARROWS, { NULL } },
	{ "environments.*.min_tier", WORD_WIDENS, { "T4", "T3", "T2", "T1", "T0" } },
	{ "environments.*.on", WORD_WIDENS, { "violate", "deny", "ask" } },
	{ "environments.*.match.net", MORE_NARROWS, { NULL } }, { "environments.*.match.path", MORE_NARROWS, { NULL } },
	{ "environments.*.match.env", MORE_NARROWS, { NULL } },
	{ "capabilities.*.risk", WORD_WIDENS, { "CRITICAL", "HIGH", "MEDIUM", "LOW" } },
	{ "capabilities.*.plan", WORD_WIDENS, { "bound", "required", "none" } },
	{ "capabilities.*.state", WORD_WIDENS, { "frozen", "deprecated", "active" } },
	{ "capabilities.*.description", MEANING_NONE, { NULL } },
	{ "phases.PLAN.write", MORE_WIDENS, { NULL } }, { "phases.VERIFY.write", MORE_WIDENS, { NULL } },
	{ "phases.rework", MORE_WIDENS, { NULL } }, { "phases.optional", MORE_WIDENS, { NULL } },
	{ "phases.enforce", WORD_WIDENS, { "strict", "auto", "off" } },
	{ "plans.auto_approve", WORD_WIDENS, { "never", "LOW", "MEDIUM" } }, { "plans.ttl", MORE_WIDENS, { NULL } },
	{ "high_risk_transitions", MORE_NARROWS, { NULL } },
	{ "violations.critical", MORE_NARROWS, { NULL } }, { "violations.high", MORE_NARROWS, { NULL } },
	{ "violations.low", MORE_NARROWS, { NULL } },
};

struct walk {
	differ_fn say;
	void *context;
};

/* A name between dots of `key` may stand for the star of `pattern`. */
static bool key_is(const char *pattern, const char *key)
{
	while (*pattern && *key) {
		if (*pattern == '*') {
			key += strcspn(key, "\n");
			pattern++;
			key += *key == '\n';
			pattern += *pattern == '.';
		} else if (*pattern++ != *key++) {
			return false;
		}
	}
	return *pattern == '\0' && *key == '\0';
}

static const struct row *row_of(const char *key)
{
	static const struct row other = { "", MEANING_OTHER, { NULL } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (key_is(rows[i].key, key))
			return &rows[i];
	}
	return &other;
}

/* Names of entries are marked by line feeds while keys are compared, because they have dots. */
static void say(struct walk *walk, const char *key, enum difference difference, const json_t *from, const json_t *to)
{
	char *old = from ? json_dumps(from, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
	char *new = to ? json_dumps(to, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
	char shown[NAME_SIZE];
	size_t len = 0;

	for (; *key && len + 1 < sizeof(shown); key++) {
		if (*key != '\n')
			shown[len++] = *key;
		else if (key[1])
			shown[len++] = '.';
	}
	shown[len] = '\0';
	walk->say(walk->context, shown, difference, old, new);
	free(old);
	free(new);
}

static bool has_item(const json_t *array, const json_t *item)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (json_equal(json_array_get(array, i), item))
			return true;
	}
	return false;
}

/* Each entry that is in `array` and not in `other`. */
static void say_items(struct walk *walk, const char *key, enum difference difference, const json_t *array,
		      const json_t *other, bool added)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);

		if (!has_item(other, item))
			say(walk, key, difference, added ? NULL : item, added ? item : NULL);
	}
}

/* 60 of 60, "60ms" or "60B"; the canonical form has one unit for each key. */
static double number_of(const json_t *value)
{
	return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

static int rank_of(const struct row *row, const json_t *value)
{
	for (int i = 0; i < (int)COUNT(row->words) && row->words[i]; i++) {
		if (json_is_string(value) && strcmp(row->words[i], json_string_value(value)) == 0)
			return i;
	}
	return -1;
}

static enum difference turned(enum difference difference, bool turn)
{
	if (!turn || difference == DIFFERENCE_OTHER)
		return difference;
	return difference == DIFFERENCE_WIDER ? DIFFERENCE_NARROWER : DIFFERENCE_WIDER;
}

static void compare_amount(struct walk *walk, const char *key, const struct row *row, const json_t *from,
			   const json_t *to)
{
	bool narrows = row->meaning == MORE_NARROWS;

	if (json_is_array(from) || json_is_array(to)) {
		say_items(walk, key, turned(DIFFERENCE_NARROWER, narrows), from, to, false);
		say_items(walk, key, turned(DIFFERENCE_WIDER, narrows), to, from, true);
	} else if (!from || !to) {
		/* No number is no limit. */
		say(walk, key, turned(from ? DIFFERENCE_WIDER : DIFFERENCE_NARROWER, narrows), from, to);
	} else {
		say(walk, key, turned(number_of(to) > number_of(from) ? DIFFERENCE_WIDER : DIFFERENCE_NARROWER, narrows),
		    from, to);
	}
}

static void compare_word(struct walk *walk, const char *key, const struct row *row, const json_t *from, const json_t *to)
{
	int old = rank_of(row, from), new = rank_of(row, to);

	if (old < 0 || new < 0)
		say(walk, key, DIFFERENCE_OTHER, from, to);
	else
		say(walk, key, new > old ? DIFFERENCE_WIDER : DIFFERENCE_NARROWER, from, to);
}

/* A whole entry that is in one policy alone. A rule that allows widens, others narrow. */
static void compare_entry(struct walk *walk, const char *key, enum meaning meaning, const json_t *from, const json_t *to)
{
	const char *decision = json_string_value(json_object_get(from ? from : to, "decision"));
	bool allows = meaning == ENTRY_RULE && decision && strcmp(decision, "allow") == 0;

	if (meaning != ENTRY_RULE && meaning != ENTRY_NARROWS)
		say(walk, key, DIFFERENCE_OTHER, from, to);
	else
		say(walk, key, allows == (to != NULL) ? DIFFERENCE_WIDER : DIFFERENCE_NARROWER, from, to);
}

static void compare(struct walk *walk, const char *key, const json_t *from, const json_t *to);

static void compare_name(struct walk *walk, const char *key, const char *name, const json_t *from, const json_t *to)
{
	const json_t *old = json_object_get(from, name), *new = json_object_get(to, name);
	const struct row *row = row_of(key);
	bool entries = row->meaning == ENTRY_RULE || row->meaning == ENTRY_NARROWS || strcmp(key, "capabilities") == 0;
	char inner[NAME_SIZE];

	IGNORE(snprintf(inner, sizeof(inner), "%s%s%s%s", key, key[0] && key[strlen(key) - 1] != '\n' ? "." : "", name,
			entries ? "\n" : "") < 0);
	if (entries && (!old || !new))
		compare_entry(walk, inner, row->meaning, old, new);
	else
		compare(walk, inner, old, new);
}

static void compare_objects(struct walk *walk, const char *key, const json_t *from, const json_t *to)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)from, name, value)
		compare_name(walk, key, name, from, to);
	json_object_foreach((json_t *)(uintptr_t)to, name, value) {
		if (!json_object_get(from, name))
			compare_name(walk, key, name, from, to);
	}
}

static void compare(struct walk *walk, const char *key, const json_t *from, const json_t *to)
{
	const struct row *row = row_of(key);

	if (row->meaning == MEANING_NONE || (from && to && json_equal(from, to)))
		return;
	if (row->meaning == MORE_WIDENS || row->meaning == MORE_NARROWS)
		compare_amount(walk, key, row, from, to);
	else if (row->meaning == WORD_WIDENS)
		compare_word(walk, key, row, from, to);
	else if ((!from || json_is_object(from)) && (!to || json_is_object(to)))
		compare_objects(walk, key, from, to);
	else
		say(walk, key, DIFFERENCE_OTHER, from, to);
}

int policy_differ(const struct policy *from, const struct policy *to, differ_fn say_fn, void *context)
{
	struct walk walk = { .say = say_fn, .context = context };
	json_t *old = keys_json(from, policy_keys, from), *new = keys_json(to, policy_keys, to);
	int r = old && new ? 0 : -ENOMEM;

	if (r == 0)
		compare_objects(&walk, "", old, new);
	json_decref(old);
	json_decref(new);
	return r;
}
