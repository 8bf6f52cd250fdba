/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why_rule.h"

#include "base/buf.h"
#include "base/text.h"
#include "decide/net.h"
#include "decide/rules.h"

/* What lifts a rule. */
enum lift {
	LIFT_ADD,                /* an entry more in the list of the rule's name */
	LIFT_REMOVE,             /* an entry less: only in a policy of one's own */
	LIFT_NETWORK,            /* another network mode */
	LIFT_NOTHING,
};

static const struct rule_lift {
	const char *rule;        /* a final dot stands for all below it */
	enum lift lift;
	const char *flag;        /* of `bailiff run`, or NULL */
	const char *nothing;     /* LIFT_NOTHING: the sentence */
} lifts[] = {
	{ "files.read", LIFT_ADD, "-r", NULL },
	{ "files.write", LIFT_ADD, "-w", NULL },
	{ "files.deny_read", LIFT_REMOVE, NULL, NULL },
	{ "files.deny_write", LIFT_REMOVE, NULL, NULL },
	{ "files.baseline.", LIFT_REMOVE, NULL, NULL },
	{ "sandbox.hide", LIFT_REMOVE, NULL, NULL },
	{ "network.deny", LIFT_REMOVE, NULL, NULL },
	{ "network.allow", LIFT_ADD, "--allow", NULL },
	{ "network.bind", LIFT_ADD, NULL, NULL },
	{ "network.allow_unix", LIFT_ADD, NULL, NULL },
	{ "network.mode", LIFT_NETWORK, "--allow", NULL },
	{ "sandbox.own", LIFT_NOTHING, NULL, "nothing lifts it: it is Bailiff's own, out of reach of every run" },
	{ "secret.double_read", LIFT_NOTHING, NULL, "nothing lifts it: each byte of a secret is read once" },
	{ "sandbox.on_forbidden", LIFT_NOTHING, NULL,
	  "no policy allows this call: do this part outside of the run, or without the call" },
};

static const struct rule_lift *lift_of(struct slice rule)
{
	for (size_t i = 0; i < COUNT(lifts); i++) {
		size_t len = strlen(lifts[i].rule);
		bool below = lifts[i].rule[len - 1] == '.';

		if (below ? slice_starts(rule, slice_of(lifts[i].rule)) : slice_is(rule, lifts[i].rule))
			return &lifts[i];
	}
	return NULL;
}

/* ---- the line of the policy ---- */

/* "files.deny_write" to the list; "files.baseline.ci" to its paths. */
static const json_t *list_of(const json_t *policy, struct slice rule)
{
	const json_t *at = policy;

	while (at && rule.len > 0) {
		const char *dot = memchr(rule.data, '.', rule.len);
		size_t len = dot ? (size_t)(dot - rule.data) : rule.len;
		char name[64];

		if (text_copy(name, sizeof(name), slice_new(rule.data, len)) < 0)
			return NULL;
		at = json_object_get(at, name);
		rule = slice_new(rule.data + len + (dot ? 1 : 0), rule.len - len - (dot ? 1 : 0));
	}
	return json_is_object(at) ? json_object_get(at, "paths") : at;
}

#define PATTERN_MAX 4224U

/* The entry as the run saw it. The home of the run is not known here, but that the list matched is: `~`
 * stands for any folder. Returns its length, or 0 when it is too long. */
static size_t expand(const char *entry, const char *workspace, char pattern[PATTERN_MAX])
{
	const char *start = entry[0] == '.' ? workspace : entry[0] == '~' ? "/**" : "";
	int len = snprintf(pattern, PATTERN_MAX, "%s%s", start, entry + (start[0] != '\0'));

	return len > 0 && (size_t)len + 4 < PATTERN_MAX ? (size_t)len : 0;
}

/* An entry covers what it names and all below it. */
static bool path_entry_fits(const char *entry, const struct why_question *question)
{
	char pattern[PATTERN_MAX];
	size_t len = expand(entry, question->workspace, pattern);

	if (len == 0)
		return false;
	if (glob_matches(slice_of(pattern), question->object))
		return true;
	IGNORE(text_copy(pattern + len, PATTERN_MAX - len, slice_of(pattern[len - 1] == '/' ? "**" : "/**")) < 0);
	return glob_matches(slice_of(pattern), question->object);
}

/* What holds a protected name cannot be moved or removed either. */
static bool entry_lies_below(const char *entry, const struct why_question *question)
{
	char pattern[PATTERN_MAX];
	size_t len = expand(entry, question->workspace, pattern), above = question->object.len;

	return len > above && slice_starts(slice_of(pattern), question->object) && pattern[above] == '/';
}

static bool net_entry_fits(const char *entry, const struct why_question *question)
{
	enum net_where where = slice_is(question->verb, "bind") ? NET_BIND : NET_CONNECT;
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	int count = net_entry_parse(slice_of(entry), NET_DENY, where, rules);
	uint8_t addr[16];
	uint16_t port;

	if (net_address_parse(question->object, addr, &port) < 0)
		return false;
	for (int i = 0; i < count; i++) {
		if (net_rule_matches(&rules[i], where, addr, port))
			return true;
	}
	return false;
}

static bool find_entry(const struct why_question *question, const json_t *list,
		       bool (*fits)(const char *, const struct why_question *), struct why_answer *answer)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *entry = json_string_value(json_array_get(list, i));

		if (!entry || !fits(entry, question))
			continue;
		text_escape(answer->entry, sizeof(answer->entry), slice_of(entry));
		return true;
	}
	return false;
}

static void find_line(const struct why_question *question, struct why_answer *answer)
{
	const json_t *list = list_of(question->policy, question->rule);
	char pattern[PATTERN_MAX];

	if (slice_starts(question->rule, slice_of("network."))) {
		IGNORE(find_entry(question, list, net_entry_fits, answer));
		return;
	}
	if (find_entry(question, list, path_entry_fits, answer) ||
	    !find_entry(question, list, entry_lies_below, answer) || answer->danger)
		return;
	if (expand(answer->entry, question->workspace, pattern) > 0)
		answer->danger = danger_of(DANGER_WRITE, slice_of(pattern));
}

/* ---- what would change it ---- */

/* The name of a file for a shell and for YAML: plain, or in single quotes; an address as it is. What cannot
 * be typed gives "". */
static void quote(struct slice text, bool shell, char *to, size_t size)
{
	bool plain = text.len > 0;
	char escaped[480];

	to[0] = '\0';
	/* Where escaping changes it, it is no text to be typed. */
	text_escape(escaped, sizeof(escaped), text);
	if (!slice_is(text, escaped) || text.len + 3 > size)
		return;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '\'')
			return;
		plain &= !shell || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			 memchr("/._-+@", c, 6) != NULL;
	}
	IGNORE(snprintf(to, size, plain ? "%.*s" : "'%.*s'", (int)text.len, text.data) < 0);
}

/* -w takes what exists: of a file that could not be made, its folder. A socket by its path. */
static struct slice nameable(const struct why_question *question)
{
	size_t len = question->object.len;

	if (slice_starts(question->object, slice_of("unix:/")))
		return slice_new(question->object.data + 5, len - 5);
	if (question->exists || !slice_is(question->verb, "write"))
		return question->object;
	while (len > 1 && question->object.data[len - 1] != '/')
		len--;
	return slice_new(question->object.data, len > 1 ? len - 1 : len);
}

static void say_where(const struct why_question *question, const char *line, char *to, size_t size)
{
	if (question->extendable)
		IGNORE(snprintf(to, size, "a policy of your own: `extends: %s` and `%s`", question->policy_name,
				line) < 0);
	else
		IGNORE(snprintf(to, size, "`%s` in %s%s", line,
				question->policy_file[0] ? "" : "the policy ",
				question->policy_file[0] ? question->policy_file : question->policy_name) < 0);
}

/* "for one run ...; for good ..." of what the answer holds. */
static void say_change(const struct why_question *question, struct why_answer *answer)
{
	char where[WHY_TEXT_MAX - 600];

	say_where(question, answer->line, where, sizeof(where));
	if (answer->flag[0])
		IGNORE(snprintf(answer->change, sizeof(answer->change), "for one run `bailiff run %s ...`; for good %s",
				answer->flag, where) < 0);
	else
		IGNORE(snprintf(answer->change, sizeof(answer->change), "%s", where) < 0);
}

static void answer_add(const struct why_question *question, const struct rule_lift *lift,
		       struct why_answer *answer)
{
	const char *list = strchr(lift->rule, '.') + 1;
	bool file = slice_starts(slice_of(lift->rule), slice_of("files.")) || strcmp(list, "allow_unix") == 0;
	char name[480];

	quote(nameable(question), file, name, sizeof(name));
	/* An abstract socket of the host has no path to be named by. */
	if (!name[0] || slice_starts(question->object, slice_of("unix:@")))
		return;
	if (lift->flag)
		IGNORE(snprintf(answer->flag, sizeof(answer->flag), "%s %s", lift->flag, name) < 0);
	IGNORE(snprintf(answer->line, sizeof(answer->line), "%.*s: {%s: [%s%s%s]}",
			(int)(list - lift->rule - 1), lift->rule, list, file ? "" : "\"", name,
			file ? "" : "\"") < 0);
	say_change(question, answer);
}

/* From no network to what is named, and no further. */
static void answer_network(const struct why_question *question, const struct rule_lift *lift,
			   struct why_answer *answer)
{
	char name[480];

	quote(question->object, false, name, sizeof(name));
	if (!name[0])
		return;
	IGNORE(snprintf(answer->flag, sizeof(answer->flag), "%s %s", lift->flag, name) < 0);
	IGNORE(snprintf(answer->line, sizeof(answer->line), "network: {mode: allowlist, allow: [\"%s\"]}", name) < 0);
	say_change(question, answer);
}

/* The entry may stand in what the policy extends: the compiled form has all of it in one file. */
static void answer_remove(const struct why_question *question, struct why_answer *answer)
{
	const char *file = question->policy_file;

	IGNORE(snprintf(answer->change, sizeof(answer->change),
			"no flag lifts it: `bailiff policy show --json %s > own.yaml`, take %s%s%s out of `%.*s` there, "
			"and run with `-p ./own.yaml`", file[0] && !question->extendable ? file : question->policy_name,
			answer->entry[0] ? "`" : "the entry", answer->entry, answer->entry[0] ? "`" : "",
			(int)question->rule.len, question->rule.data) < 0);
}

static enum danger_when when_of(struct slice verb)
{
	if (slice_is(verb, "read") || slice_is(verb, "exec"))
		return DANGER_READ;
	if (slice_is(verb, "connect") || slice_is(verb, "bind"))
		return DANGER_CONNECT;
	return slice_is(verb, "syscall") ? DANGER_CALL : DANGER_WRITE;
}

void why_answer(const struct why_question *question, struct why_answer *ret_answer)
{
	const struct rule_lift *lift = lift_of(question->rule);

	*ret_answer = (struct why_answer){ .danger = danger_of(when_of(question->verb), question->object) };
	find_line(question, ret_answer);
	if (!lift)
		return;
	switch (lift->lift) {
	case LIFT_ADD:
		answer_add(question, lift, ret_answer);
		return;
	case LIFT_REMOVE:
		answer_remove(question, ret_answer);
		return;
	case LIFT_NETWORK:
		answer_network(question, lift, ret_answer);
		return;
	case LIFT_NOTHING:
		IGNORE(text_copy(ret_answer->change, sizeof(ret_answer->change), slice_of(lift->nothing)));
		return;
	}
}
