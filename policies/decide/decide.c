/* SPDX-License-Identifier: Apache-2.0 */
/* Strictest rule wins: all rules that match are looked at, a denial beats every permission, and
 * nothing at all is a denial. Order of rules has no meaning, except that the first denial of the
 * strictest `on` gives its name. */
#include <stdarg.h>

#include "base/text.h"
#include "decide/forbidden.h"
#include "decide/net.h"
#include "decide/rules.h"

#define PATH_SHOWN_MAX 96U

static const char agent_advice[] =
	"Do not try again or another way round: the answer stays the same. Work without it, or ask a person.";

struct match {
	const struct rule_path *deny;
	const struct rule_path *allow;
};

static bool denies(uint16_t kind, bool write)
{
	if (kind == RULE_HIDE || kind == RULE_DENY_READ)
		return true;
	return write && (kind == RULE_DENY_WRITE || kind == RULE_BASELINE);
}

static bool allows(uint16_t kind, bool write)
{
	return kind == RULE_WRITE || (!write && kind == RULE_READ);
}

static struct match match_path(const struct rules *rules, struct slice path, bool write)
{
	const struct rule_path *own = NULL;
	struct match match = { 0 };
	bool shown = false;

	for (size_t i = 0; i < rules->path_count; i++) {
		const struct rule_path *rule = &rules->paths[i];

		if (!rule_path_matches(rules, rule, path))
			continue;
		if (denies(rule->kind, write) && (!match.deny || rule->on > match.deny->on))
			match.deny = rule;
		if (rule->kind != RULE_READ && rule->kind != RULE_WRITE)
			continue;
		shown |= !(rule->flags & RULE_PRIVATE);
		if (!allows(rule->kind, write))
			continue;
		if (rule->flags & RULE_PRIVATE)
			own = rule;
		else if (!match.allow)
			match.allow = rule;
	}
	/* What the host shows inside a private tree has the host's rule, not the tree's. */
	if (!match.allow && !shown)
		match.allow = own;
	return match;
}

static struct slice rule_id(const struct rules *rules, const struct rule_path *rule)
{
	return slice_new(rules->strings + rule->id_offset, rule->id_len);
}

/* Cuts what does not fit: a text for people, never compared. */
static void say(char to[DECISION_TEXT_MAX], const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(char to[DECISION_TEXT_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	IGNORE(vsnprintf(to, DECISION_TEXT_MAX, fmt, args) < 0);
	va_end(args);
}

/* Relative names ("..", "//") never match by accident: such a path is refused as it stands. */
static bool path_is_normal(struct slice path)
{
	if (path.len == 0 || path.data[0] != '/')
		return false;
	for (size_t i = 0; i < path.len; i++) {
		size_t end = i + 1;
		struct slice part;

		if (path.data[i] == '\0')
			return false;
		if (path.data[i] != '/' || path.len == 1)
			continue;
		while (end < path.len && path.data[end] != '/')
			end++;
		part = slice_new(path.data + i + 1, end - i - 1);
		if (part.len == 0 || slice_is(part, ".") || slice_is(part, ".."))
			return false;
	}
	return true;
}

static void deny_by_rule(const struct rules *rules, const struct rule_path *rule, const char *shown,
			 struct decision *decision)
{
	char id[64];

	decision->rule = rule_id(rules, rule);
	decision->on = (enum on_refusal)rule->on;
	decision->violation = rule->kind == RULE_BASELINE ? BASELINE_MUTATION : SCOPE_VIOLATION;
	text_escape(id, sizeof(id), decision->rule);
	if (rule->kind == RULE_BASELINE)
		say(decision->reason, "%s belongs to a baseline that must not change (%s)", shown, id);
	else if (rule->kind == RULE_DENY_WRITE)
		say(decision->reason, "%s is protected against writing (%s)", shown, id);
	else
		say(decision->reason, "%s is hidden from this run (%s)", shown, id);
	say(decision->remedy, "if the run may touch it, take it out of `%s` in the policy", id);
}

static void deny_by_absence(const struct rules *rules, bool write, const char *shown,
			    struct decision *decision)
{
	decision->rule = slice_of(write ? "files.write" : "files.read");
	decision->on = (enum on_refusal)(write ? rules->files_on_scope : ON_DENY);
	decision->violation = SCOPE_VIOLATION;
	say(decision->reason, "%s is not in `files.%s`", shown, write ? "write" : "read");
	say(decision->remedy, "run with `-%c %s`, or add it to `files.%s`", write ? 'w' : 'r', shown,
	    write ? "write" : "read");
}

static void decide_path(const struct rules *rules, const struct request *request, bool write,
			struct decision *decision)
{
	char shown[PATH_SHOWN_MAX];
	struct match match;

	text_escape(shown, sizeof(shown), request->path);
	say(decision->remedy_agent, "%s", agent_advice);
	if (!path_is_normal(request->path)) {
		deny_by_absence(rules, write, shown, decision);
		return;
	}
	match = match_path(rules, request->path, write);
	if (match.deny) {
		deny_by_rule(rules, match.deny, shown, decision);
		return;
	}
	if (!match.allow) {
		deny_by_absence(rules, write, shown, decision);
		return;
	}
	*decision = (struct decision){ .verdict = VERDICT_ALLOW, .rule = rule_id(rules, match.allow) };
}

/* Names leave an allowlist network through the relay, which carries streams and DNS, nothing else. */
static bool is_stray_datagram(const struct rules *rules, const struct request *request)
{
	static const uint8_t v4[13] = { [10] = 0xff, 0xff, 127 }, v6[16] = { [15] = 1 };

	return rules->network_mode == NETWORK_ALLOWLIST && request->datagram &&
	       memcmp(request->addr, v4, sizeof(v4)) != 0 && memcmp(request->addr, v6, sizeof(v6)) != 0;
}

static void deny_net(const struct rules *rules, const struct request *request, enum net_where where,
		     bool denied, struct decision *decision)
{
	const char *verb = where == NET_CONNECT ? "connect to" : "listen at";
	const char *list = where == NET_CONNECT ? "network.allow" : "network.bind";
	char shown[64];

	net_address_text(shown, sizeof(shown), request->addr, request->port);
	decision->on = (enum on_refusal)rules->net_on_scope;
	decision->violation = SCOPE_VIOLATION;
	decision->rule = slice_of(denied ? "network.deny" : "network.mode");
	say(decision->remedy_agent, "%s", agent_advice);
	if (denied) {
		say(decision->reason, "may not %s %s: `network.deny` covers it", verb, shown);
		say(decision->remedy, "take it out of `network.deny` in the policy");
	} else if (rules->network_mode == NETWORK_NONE) {
		say(decision->reason, "may not %s %s: `network.mode` is none", verb, shown);
		say(decision->remedy, "use a policy with `network: {mode: host, allow: [\"%s\"]}`", shown);
	} else if (is_stray_datagram(rules, request)) {
		say(decision->reason, "may not send datagrams to %s: only DNS leaves an allowlist network "
		    "by UDP", shown);
		say(decision->remedy, "use TCP, or a policy with `network: {mode: host}`");
	} else {
		decision->rule = slice_of(list);
		say(decision->reason, "may not %s %s: it is not in `%s`", verb, shown, list);
		say(decision->remedy, "add \"%s\" to `%s` in the policy", shown, list);
	}
}

static void decide_net(const struct rules *rules, const struct request *request, enum net_where where,
		       struct decision *decision)
{
	uint8_t usual = where == NET_CONNECT ? rules->connect_default : rules->bind_default;
	bool denied = false, allowed = usual == NET_ALLOW;

	for (size_t i = 0; i < rules->net_count; i++) {
		if (!net_rule_matches(&rules->nets[i], where, request->addr, request->port))
			continue;
		denied |= rules->nets[i].verdict == NET_DENY;
		allowed |= rules->nets[i].verdict == NET_ALLOW;
	}
	if (!allowed || denied || is_stray_datagram(rules, request)) {
		deny_net(rules, request, where, denied, decision);
		return;
	}
	decision->verdict = VERDICT_ALLOW;
	decision->rule = slice_of(where == NET_CONNECT ? "network.allow" : "network.bind");
}

/* A host by its name: what the relay of a run with `mode: allowlist` asks. */
static void decide_name(const struct rules *rules, const struct request *request,
			struct decision *decision)
{
	char shown[PATH_SHOWN_MAX];
	bool denied;

	decision->rule = slice_of("network.allow");
	if (net_names_decide(rules->names, rules->name_count, request->name,
			     request->port ? request->port : NET_PORT_ANY, &denied) == NET_ALLOW) {
		decision->verdict = VERDICT_ALLOW;
		return;
	}
	text_escape(shown, sizeof(shown), request->name);
	decision->on = (enum on_refusal)rules->net_on_scope;
	decision->violation = SCOPE_VIOLATION;
	say(decision->remedy_agent, "%s", agent_advice);
	if (denied) {
		decision->rule = slice_of("network.deny");
		say(decision->reason, "may not connect to %s: `network.deny` covers it", shown);
		say(decision->remedy, "take it out of `network.deny` in the policy");
		return;
	}
	say(decision->reason, "may not connect to %s: it is not in `network.allow`", shown);
	say(decision->remedy, "run with `--allow %s:%u`, or add it to `network.allow`", shown,
	    request->port ? request->port : 443U);
}

/* UNIX sockets: those of the run itself lie where it may write; all others are outside. */
static void decide_unix(const struct rules *rules, const struct request *request,
			struct decision *decision)
{
	decide_path(rules, request, true, decision);
	if (decision->verdict == VERDICT_ALLOW)
		return;
	decision->rule = slice_of("network.allow_unix");
	decision->on = (enum on_refusal)rules->net_on_scope;
	say(decision->remedy, "if the run may talk to this service, add its socket to `network.allow_unix`");
}

static void decide_syscall(const struct rules *rules, const struct request *request,
			   struct decision *decision)
{
	const struct forbidden_call *call = forbidden_call(request->syscall);

	decision->rule = slice_of("sandbox.on_forbidden");
	if (!call) {
		decision->verdict = VERDICT_ALLOW;
		return;
	}
	decision->on = (enum on_refusal)rules->on_forbidden;
	decision->violation = FORBIDDEN_ACTION;
	say(decision->reason, "the system call %s is refused in every run", call->name);
	say(decision->remedy, "run this part outside Bailiff, or without %s", call->name);
	say(decision->remedy_agent, "%s", agent_advice);
}

void decide(const struct rules *rules, const struct request *request, struct decision *ret_decision)
{
	*ret_decision = (struct decision){ .verdict = VERDICT_DENY, .rule = slice_of("default") };
	switch (request->kind) {
	case REQUEST_READ:
	case REQUEST_EXEC:
		decide_path(rules, request, false, ret_decision);
		return;
	case REQUEST_WRITE:
		decide_path(rules, request, true, ret_decision);
		return;
	case REQUEST_CONNECT:
		if (request->path.len > 0)
			decide_unix(rules, request, ret_decision);
		else if (request->name.len > 0)
			decide_name(rules, request, ret_decision);
		else
			decide_net(rules, request, NET_CONNECT, ret_decision);
		return;
	case REQUEST_BIND:
		decide_net(rules, request, NET_BIND, ret_decision);
		return;
	case REQUEST_SYSCALL:
		decide_syscall(rules, request, ret_decision);
		return;
	}
}
