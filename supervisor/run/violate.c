/* SPDX-License-Identifier: Apache-2.0 */
#include "run/violate.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct violation_words {
	const char *rule, *message, *remedy, *remedy_agent;
};

static const struct violation_words unnamed = {
	"violation", "the run broke its policy", "see `bailiff show RUN`",
	"stop, and ask your operator",
};

/* For what no rule of the policy document decides. */
static const struct violation_words words[VIOLATION_TYPE_LIMIT] = {
	[UNRECORDED_ROOT] = { "sandbox.privilege", "a process of the run gained privilege",
		"nothing in a policy allows this; look at the process with `bailiff ledger run tree RUN`",
		"do not try to become another user" },
	[BASELINE_MUTATION] = { "files.baseline", "a pinned file was changed",
		"restore the file, then take it out of `files.baseline` if agents may change it",
		"leave this file as it is" },
	[HEARTBEAT_TIMEOUT] = { "heartbeat.ttl", "no sign of life within the ttl",
		"raise `heartbeat.ttl`, or set `heartbeat.mode: off` for commands that are silent for long",
		"send WATCHDOG=1 to $NOTIFY_SOCKET at a third of the ttl" },
	[SCOPE_VIOLATION] = { "files.scope", "an action outside of the policy's scope",
		"name the path under `files.read` or `files.write` if agents need it",
		"stay inside your workspace" },
	[FORBIDDEN_ACTION] = { "sandbox.forbidden", "a forbidden call",
		"no policy key allows this call", "do it without this call" },
	[SANDBOX_ESCAPE] = { "sandbox.escape", "a process of the run was seen outside of its sandbox",
		"keep the ledger and the machine as they are and report it: SECURITY.md says where",
		"stop" },
	[SELF_TAMPER] = { "files.deny_write", "a file that rules this run or the next one was changed",
		"restore the file before anything else is started; look for who took its protection away",
		"leave rules, hooks and settings as they are" },
	[OBSERVER_GAP] = { "watch.gap", "events of this run were lost",
		"see `bailiff doctor`; run fewer agents at once",
		"make fewer system calls at once" },
	[LIMIT_EXCEEDED] = { "limits", "a limit of the policy was reached",
		"raise the limit under `limits` if the command needs it",
		"use less of what the message names" },
};

static void set_text(char *to, size_t size, const char *text, const char *otherwise)
{
	const char *from = text && text[0] ? text : otherwise;

	IGNORE(snprintf(to, size, "%s", from) < 0); /* cut texts are still texts */
}

static const enum violation_type kernel_types[KERNEL_DECIDES] = {
	[KERNEL_FORBIDDEN] = FORBIDDEN_ACTION, [KERNEL_ROOT] = UNRECORDED_ROOT,
	[KERNEL_ESCAPE] = SANDBOX_ESCAPE, [KERNEL_NET] = SCOPE_VIOLATION,
};

static uint32_t revoke_at(const struct rules *rules, enum violation_type type)
{
	return rules_revokes(rules, type, 1) ? 1 : rules->responses[rules_severity(rules, type)].revoke_at;
}

void violation_kernel_rules(const struct rules *rules, struct kernel_rule to[KERNEL_DECIDES])
{
	const bool violates[KERNEL_DECIDES] = {
		[KERNEL_FORBIDDEN] = rules->on_forbidden == ON_VIOLATE, [KERNEL_ROOT] = true,
		[KERNEL_ESCAPE] = true, [KERNEL_NET] = rules->net_on_scope == ON_VIOLATE,
	};

	for (size_t i = 0; i < KERNEL_DECIDES; i++) {
		to[i] = (struct kernel_rule){ 0 };
		if (violates[i])
			to[i] = (struct kernel_rule){ .type = kernel_types[i],
						      .revoke_at = revoke_at(rules, kernel_types[i]) };
	}
}

void violation_follow(struct strikes *strikes, const struct event_head *event)
{
	uint32_t *count;

	if (event->violation == VIOLATION_NONE || event->violation >= VIOLATION_TYPE_LIMIT)
		return;
	count = &strikes->count[event->violation];
	*count = MAX(*count, (uint32_t)event->strike - (event->strike > 0));
}

bool violation_tell(struct user_strikes *strikes, enum violation_type type)
{
	for (size_t i = 0; i < KERNEL_DECIDES; i++) {
		if (kernel_types[i] == type) {
			strikes->count[i]++; /* modulo 2^32, as what was waived is subtracted */
			return true;
		}
	}
	return false;
}

bool violation_waive(struct strikes *strikes, struct user_strikes *told, enum violation_type type)
{
	if ((unsigned int)type >= VIOLATION_TYPE_LIMIT || strikes->count[type] == 0)
		return false;
	strikes->count[type]--;
	/* The kernel adds what it was told to what it counted itself, modulo 2^32. */
	for (size_t i = 0; i < KERNEL_DECIDES; i++) {
		if (kernel_types[i] == type) {
			told->count[i]--;
			break;
		}
	}
	return true;
}

enum violation_type violation_of_change(struct slice path)
{
	static const char *const own[] = { "/.git/hooks", "/.git/config", "/.git/modules/", "/.claude/settings", "/.bailiff",
					   "/var/lib/bailiff/", "/run/bailiff/", "/etc/bailiff/" };

	for (size_t i = 0; i < COUNT(own); i++)
		if (memmem(path.data, path.len, own[i], strlen(own[i])))
			return SELF_TAMPER;
	return SCOPE_VIOLATION;
}

void violation_make(const struct rules *rules, struct strikes *strikes, enum violation_type type,
		    enum record_effect effect, const struct decision *decision,
		    const char *message, struct slice subject, struct violation *ret_violation)
{
	bool known = (unsigned int)type < VIOLATION_TYPE_LIMIT;
	const struct violation_words *own = known && words[type].rule ? &words[type] : &unnamed;
	struct violation v = { .type = type, .effect = effect, .subject = subject };

	if (known && strikes->count[type] < UINT32_MAX)
		v.nth = ++strikes->count[type];
	strikes->total++;
	v.severity = rules_severity(rules, type);
	/* A type that we do not know revokes: deny is the safe value. */
	v.revokes = !known || rules_revokes(rules, type, v.nth);
	v.rule = decision && decision->rule.len ? decision->rule : slice_of(own->rule);
	set_text(v.message, sizeof(v.message), decision ? decision->reason : message, own->message);
	set_text(v.remedy, sizeof(v.remedy), decision ? decision->remedy : NULL, own->remedy);
	set_text(v.remedy_agent, sizeof(v.remedy_agent), decision ? decision->remedy_agent : NULL,
		 own->remedy_agent);
	*ret_violation = v;
}

int record_violation(struct buf *buf, const struct violation_run *run, const struct event_head *event,
		     const struct violation *violation)
{
	const char *name = violation_name(violation->type);
	struct draft draft = draft_begin(buf, RECORD_VIOLATION, &run->frame, event);

	if (draft.record) {
		draft.record->sev = (uint8_t)(RECORD_SEV_LOW + violation->severity);
		draft.record->effect = (uint8_t)violation->effect;
		draft.record->verdict = violation->revokes ? RECORD_VERDICT_KILLED : RECORD_VERDICT_WARN;
	}
	draft_rule(&draft, violation->rule);
	draft_by(&draft, "bailiffd");
	draft_obj(&draft, violation->subject);
	draft_uint(&draft, DETAIL_TYPE, violation->type);
	draft_text(&draft, DETAIL_SUBJECT, slice_of(name ? name : "UNKNOWN"));
	draft_uint(&draft, DETAIL_RESPONSE, violation->revokes ? RESPONSE_REVOKE : RESPONSE_WARN);
	draft_uint(&draft, DETAIL_STRIKES, violation->nth);
	draft_text(&draft, DETAIL_MESSAGE, slice_of(violation->message));
	draft_text(&draft, DETAIL_REMEDY, slice_of(violation->remedy));
	draft_text(&draft, DETAIL_REMEDY_AGENT, slice_of(violation->remedy_agent));
	draft_text(&draft, DETAIL_AGENT, slice_of(run->agent));
	draft_uint(&draft, DETAIL_TIER, run->tier);
	draft_bytes(&draft, DETAIL_POLICY_DIGEST, run->policy_digest, 32);
	draft_text(&draft, DETAIL_EXE, run->exe);
	return draft_end(&draft);
}
