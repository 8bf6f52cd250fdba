/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of a policy. Their order has no meaning, so they are kept sorted and without repeats: equal
 * policies then have equal digests. */
#include <errno.h>

#include "base/parse.h"
#include "base/text.h"
#include "compiler/read.h"
#include "decide/net.h"
#include "decide/net_name.h"

bool policy_keep(struct policy *policy, struct slice text, struct policy_string *ret)
{
	if (text.len >= POLICY_STRINGS_MAX - policy->strings_len)
		return false;
	*ret = (struct policy_string){ .offset = policy->strings_len, .len = (uint32_t)text.len };
	if (text.len > 0)
		memcpy(policy->strings + policy->strings_len, text.data, text.len);
	policy->strings[policy->strings_len + text.len] = '\0';
	policy->strings_len += (uint32_t)text.len + 1;
	return true;
}

static int compare(const struct policy *policy, struct policy_string a, struct slice b)
{
	int r = memcmp(policy_text(policy, a), b.data, MIN(a.len, b.len));

	return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

int policy_add(struct policy *policy, struct policy_list *list, struct slice text)
{
	struct policy_string string;
	uint32_t at = 0;

	while (at < list->count && compare(policy, list->items[at], text) < 0)
		at++;
	if (at < list->count && compare(policy, list->items[at], text) == 0)
		return 0;
	if (list->count == POLICY_LIST_MAX || !policy_keep(policy, text, &string))
		return -ENOSPC;
	memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof(list->items[0]));
	list->items[at] = string;
	list->count++;
	return 0;
}

/* Writes the path without "./" inside, doubled and final slashes. Returns NULL or what is wrong. */
static const char *normalise(struct slice text, bool globs, struct buf *path)
{
	size_t at = 0;

	if (text.len == 0 || (text.data[0] != '/' && text.data[0] != '~' && text.data[0] != '.'))
		return "a path starts with /, ~/, ./ or is .";
	if (text.data[0] != '/') {
		if (text.len > 1 && text.data[1] != '/')
			return text.data[0] == '~' ? "~user is not supported; write the path out" :
						     "a path starts with /, ~/, ./ or is .";
		IGNORE(buf_append(path, text.data, 1) < 0);
		at = 1;
	}
	while (at < text.len) {
		size_t end = at + 1;
		struct slice part;

		while (end < text.len && text.data[end] != '/')
			end++;
		part = slice_new(text.data + at + 1, end - at - 1);
		at = end;
		if (part.len == 0 || slice_is(part, "."))
			continue;
		if (slice_is(part, ".."))
			return "\"..\" is not allowed in a path";
		if (!globs && (memchr(part.data, '*', part.len) || memchr(part.data, '?', part.len)))
			return "patterns are allowed in hide, deny and baseline lists only";
		IGNORE(buf_append(path, "/", 1) < 0);
		IGNORE(buf_append(path, part.data, part.len) < 0);
	}
	if (path->len == 0)
		IGNORE(buf_append(path, "/", 1) < 0);
	return path->failed || path->len >= POLICY_PATH_MAX ? "this path is too long" : NULL;
}

const char *check_path(struct slice text, bool globs, struct buf *path)
{
	if (text.len > 1 && text.data[0] == '$')
		return "variables are not known here; write . for the workspace or ~ for the home";
	return normalise(text, globs, path);
}

static const char *check_env(struct slice text, struct buf *name)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		    (i > 0 && ((c >= '0' && c <= '9') || (c == '*' && i == text.len - 1))))
			continue;
		return "a variable has letters, digits and _; a final * stands for the rest";
	}
	IGNORE(buf_append(name, text.data, text.len) < 0);
	return text.len == 0 || name->failed ? "a name of a variable belongs here" : NULL;
}

static const char *check_port(struct slice text, struct buf *port)
{
	uint32_t number;

	if (parse_u32(text, 1024, UINT16_MAX, &number) < 0)
		return "a port is a number from 1024 to 65535";
	IGNORE(buf_append(port, text.data, text.len) < 0);
	return port->failed ? "this port is too long" : NULL;
}

static const char *check_net(struct slice text, enum net_where where, struct buf *entry)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	struct net_name name;
	int r = net_entry_parse(text, NET_ALLOW, where, rules);

	if (r < 0 && where == NET_CONNECT)
		r = net_name_parse(text, NET_ALLOW, &name);
	else if (r == -EDOM)
		return "a run listens at addresses of its own; write an address, not a name";
	if (r == -EILSEQ)
		return "write an international name as it travels, with xn--";
	if (r < 0)
		return "not a network or name; write 10.0.0.0/8, 10.0.0.1:22, [::1]:80, *:25, example.com:443 "
		       "or *.example.com";
	IGNORE(buf_append(entry, text.data, text.len) < 0);
	return entry->failed ? "this network is too long" : NULL;
}

const char *check_item(enum key_type type, struct slice text, struct buf *clean)
{
	if (type == KEY_ENV)
		return check_env(text, clean);
	if (type == KEY_PORTS)
		return check_port(text, clean);
	if (type == KEY_NET_CONNECT)
		return check_net(text, NET_CONNECT, clean);
	if (type == KEY_NET_BIND)
		return check_net(text, NET_BIND, clean);
	return check_path(text, type == KEY_GLOBS, clean);
}

void read_list(struct reader *reader, const struct key *key, const struct yaml_node *node, void *field)
{
	char shown[SHOWN_MAX], memory[POLICY_PATH_MAX + 2];

	if (node->kind != YAML_SEQUENCE) {
		reader_fail(reader, node, "a list belongs here, such as [a, b], not %s",
			    reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(reader->yaml, at);
		struct buf clean = buf_fixed(memory, sizeof(memory));
		struct slice text;
		const char *wrong;

		at = item->next;
		if (key->type == KEY_PORTS && item->kind == YAML_SCALAR)
			text = yaml_text(reader->yaml, item);
		else if (!reader_text(reader, item, &text))
			continue;
		wrong = check_item(key->type, text, &clean);
		if (wrong)
			reader_fail(reader, item, "%s: %s", reader_show(reader, item, shown), wrong);
		else if (policy_add(reader->policy, field, buf_slice(&clean)) < 0)
			reader_fail(reader, item, "\"%s\" has more than %u entries, or the lists of this "
				    "policy are too long together", key->name, POLICY_LIST_MAX);
		else
			policy_notes_add(reader->notes, (size_t)((char *)field - (char *)reader->policy),
					 reader->layer, buf_slice(&clean), reader->document, item->line);
	}
}

void read_workspace(struct reader *reader, const struct yaml_node *node, struct policy_string *ret)
{
	char shown[SHOWN_MAX], memory[POLICY_PATH_MAX + 2];
	struct buf clean = buf_fixed(memory, sizeof(memory));
	struct slice text;
	const char *wrong = NULL;

	if (!reader_text(reader, node, &text))
		return;
	if (slice_is(text, "${cwd}"))
		IGNORE(buf_text(&clean, "${cwd}") < 0);
	else if (text.len > 0 && text.data[0] == '.')
		wrong = "the workspace cannot lie below itself; write \"${cwd}\", ~/x or /x";
	else
		wrong = check_path(text, false, &clean);
	if (!wrong && buf_slice(&clean).len == 1)
		wrong = "the whole file system or home cannot be the workspace";
	if (wrong)
		reader_fail(reader, node, "%s: %s", reader_show(reader, node, shown), wrong);
	else if (!policy_keep(reader->policy, buf_slice(&clean), ret))
		reader_fail(reader, node, "the lists of this policy are too long together");
}

void read_features(struct reader *reader, const struct yaml_node *node, uint32_t *ret_bits)
{
	const char *names[FEATURE_COUNT + 1] = { NULL };
	char shown[SHOWN_MAX];
	uint32_t bits = 0;

	for (size_t i = 0; i < FEATURE_COUNT; i++)
		names[i] = feature_infos[i].name;
	if (node->kind != YAML_SEQUENCE) {
		reader_fail(reader, node, "a list of protections belongs here, not %s",
			    reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(reader->yaml, at);
		enum feature feature;
		const char *near;
		struct slice text;

		at = item->next;
		if (!reader_text(reader, item, &text))
			continue;
		if (feature_parse(text, &feature) == 0) {
			bits |= 1U << feature;
			continue;
		}
		near = text_nearest(text, names);
		reader_fail(reader, item, "%s is not a protection%s%s%s", reader_show(reader, item, shown),
			    near ? "; did you mean \"" : "; `bailiff doctor` lists them",
			    near ? near : "", near ? "\"?" : "");
	}
	*ret_bits = reader->extending ? *ret_bits | bits : bits;
}

static void read_baseline(struct reader *reader, const struct yaml_node *name,
			  const struct yaml_node *value)
{
	struct policy *policy = reader->policy;
	struct policy_baseline *baseline = &policy->baselines[policy->baseline_count];
	struct slice id = yaml_text(reader->yaml, name);
	char shown[SHOWN_MAX];

	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')
			continue;
		reader_fail(reader, name, "%s is not a name; use a-z, 0-9 and -",
			    reader_show(reader, name, shown));
		return;
	}
	for (uint32_t i = 0; i < policy->baseline_count; i++) {
		if (compare(policy, policy->baselines[i].id, id) != 0)
			continue;
		reader_fail(reader, name, "%s stands here twice", reader_show(reader, name, shown));
		return;
	}
	if (id.len == 0 || id.len > POLICY_NAME_MAX || policy->baseline_count == POLICY_BASELINES_MAX ||
	    !policy_keep(policy, id, &baseline->id)) {
		reader_fail(reader, name, "too many or too long baselines (at most %u)",
			    POLICY_BASELINES_MAX);
		return;
	}
	policy->baseline_count++;
	baseline->on = ON_VIOLATE;
	read_mapping(reader, baseline_keys, value, baseline);
	if (baseline->paths.count == 0)
		reader_fail(reader, name, "the baseline %s has no paths", reader_show(reader, name, shown));
}

void read_baselines(struct reader *reader, const struct yaml_node *node)
{
	char shown[SHOWN_MAX];

	if (node->kind != YAML_MAPPING) {
		reader_fail(reader, node, "named baselines belong here, not %s",
			    reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);
		const struct yaml_node *value = yaml_node(reader->yaml, name->next);
		struct slice text;

		at = value->next;
		if (reader_text(reader, name, &text))
			read_baseline(reader, name, value);
	}
}

/* "revoke@2" to its count. */
static bool parse_revoke_at(struct slice text, uint32_t *ret_count)
{
	return slice_starts(text, slice_of("revoke@")) &&
	       parse_u32(slice_new(text.data + 7, text.len - 7), 2, 1000, ret_count) == 0;
}

void read_response(struct reader *reader, const struct key *key, const struct yaml_node *node,
		   struct response *ret)
{
	struct response response = { 0 };
	char shown[SHOWN_MAX];

	if (!reader_list(reader, node, "warn, revoke, revoke@2, alert"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(reader->yaml, at);
		struct slice text;

		at = item->next;
		if (!reader_text(reader, item, &text))
			continue;
		if (slice_is(text, "warn"))
			response.bits |= RESPONSE_WARN;
		else if (slice_is(text, "revoke"))
			response.bits |= RESPONSE_REVOKE;
		else if (slice_is(text, "alert"))
			response.bits |= RESPONSE_ALERT;
		else if (!parse_revoke_at(text, &response.revoke_at))
			reader_fail(reader, item, "%s is not a response (warn, revoke, revoke@2, alert)",
				    reader_show(reader, item, shown));
	}
	/* model.md 3.3: a run never outlives a CRITICAL or HIGH violation. */
	if (key->min >= SEVERITY_HIGH && !(response.bits & RESPONSE_REVOKE))
		reader_fail(reader, node, "\"%s\" must have revoke", key->name);
	*ret = response;
}

static bool parse_severity(struct slice text, enum severity *ret_severity)
{
	for (unsigned int i = 0; i < SEVERITY_COUNT; i++) {
		if (!slice_is(text, severity_name((enum severity)i)))
			continue;
		*ret_severity = (enum severity)i;
		return true;
	}
	return false;
}

static enum violation_type parse_violation(struct slice text)
{
	for (unsigned int i = 1; i < VIOLATION_TYPE_LIMIT; i++)
		if (violation_name((enum violation_type)i) &&
		    slice_is(text, violation_name((enum violation_type)i)))
			return (enum violation_type)i;
	return VIOLATION_NONE;
}

/* SEVERITY, or {severity: SEVERITY, reason: TEXT}. */
static bool read_override_value(struct reader *reader, const struct yaml_node *value,
				struct slice *ret_severity, bool *ret_reason)
{
	char shown[SHOWN_MAX];
	bool found = false;

	*ret_reason = false;
	if (value->kind != YAML_MAPPING)
		return reader_text(reader, value, ret_severity);
	for (uint32_t at = value->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);
		const struct yaml_node *item = yaml_node(reader->yaml, name->next);
		struct slice text;

		at = item->next;
		if (!reader_text(reader, item, &text))
			return false;
		if (slice_is(yaml_text(reader->yaml, name), "severity") && !found) {
			*ret_severity = text;
			found = true;
		} else if (slice_is(yaml_text(reader->yaml, name), "reason") && !*ret_reason) {
			*ret_reason = text.len > 0;
		} else {
			reader_fail(reader, name, "%s is not known here, or stands here twice",
				    reader_show(reader, name, shown));
			return false;
		}
	}
	if (!found)
		reader_fail(reader, value, "a severity is missing here");
	return found;
}

static void read_override(struct reader *reader, const struct yaml_node *name,
			  const struct yaml_node *value)
{
	enum violation_type type = parse_violation(yaml_text(reader->yaml, name));
	enum severity severity, usual = violation_severity(type);
	char shown[SHOWN_MAX];
	struct slice text;
	bool reason;

	if (type == VIOLATION_NONE || reader->policy->severity_override[type] != 0) {
		reader_fail(reader, name, "%s is not a violation, or stands here twice",
			    reader_show(reader, name, shown));
		return;
	}
	if (!read_override_value(reader, value, &text, &reason))
		return;
	if (!parse_severity(text, &severity))
		reader_fail(reader, value, "a severity is LOW, MEDIUM, HIGH or CRITICAL");
	else if (severity < usual && usual == SEVERITY_CRITICAL)
		reader_fail(reader, value, "%s is CRITICAL and cannot be lowered", violation_name(type));
	else if (severity < usual && (severity + 1U < usual || !reason))
		reader_fail(reader, value, "%s is %s; it can be lowered by one step, with a reason: "
			    "{severity: %s, reason: ...}", violation_name(type), severity_name(usual),
			    severity_name((enum severity)(usual - 1)));
	else
		reader->policy->severity_override[type] = (uint8_t)(severity + 1);
}

void read_overrides(struct reader *reader, const struct yaml_node *node)
{
	char shown[SHOWN_MAX];

	if (node->kind != YAML_MAPPING) {
		reader_fail(reader, node, "violations and severities belong here, not %s",
			    reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);
		const struct yaml_node *value = yaml_node(reader->yaml, name->next);

		at = value->next;
		read_override(reader, name, value);
	}
}
