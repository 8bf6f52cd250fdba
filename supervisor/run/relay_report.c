/* SPDX-License-Identifier: Apache-2.0 */
#include "run/relay_report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "decide/net.h"
#include "run/run.h"

#define OBJECT_MAX 352U          /* a name of 255 bytes, an address, a port */

bool relay_report_is_sound(const struct egress_report *report, size_t len)
{
	return len == sizeof(*report) && report->version == EGRESS_VERSION &&
	       report->kind >= EGRESS_READY && report->kind < EGRESS_KIND_LIMIT &&
	       report->reason < EGRESS_REASON_LIMIT && report->flags <= (EGRESS_STRAY | EGRESS_EXPOSED) &&
	       (report->kind == EGRESS_REFUSED) == (report->reason != EGRESS_NONE) &&
	       report->answer_count <= EGRESS_ANSWERS_MAX && report->reserved == 0 &&
	       report->result <= 0 && report->result >= -4095 &&
	       (report->protocol == IPPROTO_TCP || report->protocol == IPPROTO_UDP);
}

static struct slice name_of(const struct egress_report *report)
{
	return slice_new(report->name, report->name_len);
}

static bool has_address(const struct egress_report *report)
{
	static const uint8_t none[16];

	return memcmp(report->addr, none, sizeof(none)) != 0;
}

/* "1.2.3.4:443"; a name that only DNS was asked for stands for itself. */
static struct slice object_of(const struct egress_report *report, char to[OBJECT_MAX])
{
	bool question = report->kind == EGRESS_DNS || report->reason == EGRESS_REBINDING ||
			report->reason == EGRESS_NOT_RESOLVED ||
			(report->reason == EGRESS_NAME_NOT_LISTED && report->port == 53);

	if (question || !has_address(report))
		return name_of(report);
	net_address_text(to, OBJECT_MAX, report->addr, report->port);
	return slice_of(to);
}

/* ---- records ---- */

static struct draft begin(struct run *run, enum record_kind kind, const struct egress_report *report,
			  struct buf *buf)
{
	struct record_frame frame = record_frame_now(&run->id);
	struct draft draft = draft_begin(buf, kind, &frame, NULL);

	if (draft.record && report) {
		draft.record->proc_pid = report->pid;
		draft.record->proc_start_ns = report->proc_start_ns;
		draft.record->effect = RECORD_EFFECT_REPORTED;
	}
	draft_by(&draft, "bailiff-egress");
	return draft;
}

static void finish(struct run *run, enum record_kind kind, struct draft *draft)
{
	if (outbox_put(run->runs->outbox, kind, draft_end(draft)) == 0)
		run->lost++;
	else
		run->records++;
}

static void put_answers(struct draft *draft, const struct egress_report *report)
{
	char text[EGRESS_ANSWERS_MAX * (INET6_ADDRSTRLEN + 1)];
	struct buf buf = buf_fixed(text, sizeof(text));

	for (uint32_t i = 0; i < report->answer_count; i++) {
		bool v4 = report->answers[i][10] == 0xff;
		char one[INET6_ADDRSTRLEN] = "";

		IGNORE(!inet_ntop(v4 ? AF_INET : AF_INET6, report->answers[i] + (v4 ? 12 : 0), one,
				  sizeof(one)));
		IGNORE(buf_printf(&buf, "%s%s", i ? " " : "", one) < 0); /* it fits */
	}
	draft_text(draft, DETAIL_NAMES, buf_slice(&buf));
}

static void put_happened(struct run *run, enum record_kind kind, const struct egress_report *report)
{
	struct buf *buf = outbox_begin(run->runs->outbox, kind);
	char object[OBJECT_MAX];
	struct draft draft;

	if (!buf) {
		run->lost++;
		return;
	}
	draft = begin(run, kind, report, buf);
	if (draft.record && report->result < 0) {
		draft.record->flags |= INTAKE_HAS_RET;
		draft.record->ret = report->result;
	}
	draft_obj(&draft, object_of(report, object));
	if (kind != RECORD_DNS) {
		draft_text(&draft, DETAIL_PROTO, slice_of("tcp"));
		draft_text(&draft, DETAIL_HOST, name_of(report));
	}
	if (kind == RECORD_FLOW_END) {
		draft_uint(&draft, DETAIL_BYTES, report->bytes_out);
		draft_uint(&draft, DETAIL_BYTES_IN, report->bytes_in);
		draft_uint(&draft, DETAIL_MICROSECONDS, report->duration_ns / 1000);
	}
	put_answers(&draft, report);
	finish(run, kind, &draft);
}

/* ---- refusals ---- */

/* What no list decides. A `scope` refusal is what `network.on_scope` is about. */
static const struct refusal_words {
	const char *rule, *reason, *remedy;
	bool scope;
} refusals[EGRESS_REASON_LIMIT] = {
	[EGRESS_NAME_ELSEWHERE] = { "network.allow",
		"the name that the connection gives (TLS or Host) is not one of this address",
		"let the program connect to the name itself", true },
	[EGRESS_ADDRESS_DENIED] = { "network.deny",
		"this address is never allowed by a name: it is this host's own, link-local, metadata or denied",
		"name the address itself in `network.allow` if the run may use it", true },
	[EGRESS_REBINDING] = { "network.deny",
		"the name has only addresses that no name may lead to (this host's own, loopback, metadata, denied)",
		"look at what its DNS says; name the address in `network.allow` if the run may use it", true },
	[EGRESS_MALFORMED] = { "network.mode",
		"the connection began with TLS or HTTP that cannot be understood in one way only",
		"use TLS, or plain HTTP/1.1 with one Host", true },
	[EGRESS_SLOW] = { "network.mode", "the connection did not say in time whom it is for",
		"look at the program: it began a TLS hello or HTTP request and stopped", false },
	[EGRESS_FULL] = { "network.mode", "too many connections at the same time",
		"close connections that are done, or run fewer at once", false },
	[EGRESS_LOST] = { "network.mode", "too many connections were begun at once",
		"begin fewer connections at once", false },
	[EGRESS_NOT_RESOLVED] = { "network.mode", "no resolver answered",
		"look at the resolvers of this host, or give others with `bailiffd --resolver`", false },
};

static void decide_refusal(const struct run *run, const struct egress_report *report,
			   struct decision *decision)
{
	const struct refusal_words *words = &refusals[report->reason];
	struct request request = { .kind = REQUEST_CONNECT, .port = report->port,
				   .datagram = report->protocol == IPPROTO_UDP };

	memcpy(request.addr, report->addr, sizeof(request.addr));
	if (report->reason == EGRESS_NAME_NOT_LISTED) {
		request.name = name_of(report);
		request.port = report->port == 53 ? 0 : report->port;
	}
	if (!words->rule) {
		decide(&run->rules, &request, decision);
		run_decide_environment(run, &request, decision);
		return;
	}
	*decision = (struct decision){
		.verdict = VERDICT_DENY, .violation = SCOPE_VIOLATION, .rule = slice_of(words->rule),
		.on = words->scope ? (enum on_refusal)run->rules.net_on_scope : ON_DENY,
	};
	IGNORE(snprintf(decision->reason, sizeof(decision->reason), "%s", words->reason) < 0);
	IGNORE(snprintf(decision->remedy, sizeof(decision->remedy), "%s", words->remedy) < 0);
	IGNORE(snprintf(decision->remedy_agent, sizeof(decision->remedy_agent),
			"Do not try again or another way round: the answer stays the same.") < 0);
	if (report->reason == EGRESS_ADDRESS_DENIED)
		run_decide_environment(run, &request, decision);
}

static void put_refusal(struct run *run, const struct egress_report *report, struct slice object,
			const struct decision *decision)
{
	struct buf *buf = outbox_begin(run->runs->outbox, RECORD_DECISION);
	struct draft draft;

	if (!buf) {
		run->lost++;
		return;
	}
	draft = begin(run, RECORD_DECISION, report, buf);
	if (draft.record) {
		draft.record->verdict = RECORD_VERDICT_DENY;
		draft.record->effect = RECORD_EFFECT_PREVENTED;
	}
	draft_obj(&draft, object);
	draft_rule(&draft, decision->rule);
	draft_text(&draft, DETAIL_VERB, slice_of("connect"));
	draft_text(&draft, DETAIL_PROTO, slice_of(report->protocol == IPPROTO_UDP ? "udp" : "tcp"));
	if (!slice_eq(object, name_of(report)))
		draft_text(&draft, DETAIL_HOST, name_of(report));
	if (report->count > 1)
		draft_uint(&draft, DETAIL_COUNT, report->count);
	put_answers(&draft, report);
	draft_text(&draft, DETAIL_REASON, slice_of(decision->reason));
	draft_text(&draft, DETAIL_REMEDY, slice_of(decision->remedy));
	draft_text(&draft, DETAIL_REMEDY_AGENT, slice_of(decision->remedy_agent));
	finish(run, RECORD_DECISION, &draft);
}

static bool first_of(struct run *run, const struct egress_report *report, struct slice object,
		     struct slice rule)
{
	struct merge_slot sample = {
		.key = { .proc_start_ns = report->proc_start_ns, .proc_pid = report->pid,
			 .what = MERGE_DENIAL },
		.kind = RECORD_DECISION,
	};

	memcpy(sample.rule, rule.data ? rule.data : "", MIN(rule.len, sizeof(sample.rule) - 1));
	sample.key.object = merge_object(0, 0, report->reason, object, rule);
	return merge_first(run->merge, &sample, object, now_boottime_ns(), MAX(report->count, (uint64_t)1),
			   run_merge_report, run);
}

static void refused(struct run *run, const struct egress_report *report)
{
	char text[OBJECT_MAX];
	struct slice object = object_of(report, text);
	struct decision decision;

	decide_refusal(run, report, &decision);
	if (decision.verdict == VERDICT_ALLOW) /* the relay and decide() do not agree: still refused */
		decision.verdict = VERDICT_DENY;
	run->refused += MAX(report->count, (uint64_t)1);
	if (decision.on == ON_VIOLATE && !(report->flags & EGRESS_STRAY)) {
		put_refusal(run, report, object, &decision);
		run_violation(run, decision.violation, RECORD_EFFECT_PREVENTED, &decision, NULL, object,
			      NULL);
		return;
	}
	if (first_of(run, report, object, decision.rule))
		put_refusal(run, report, object, &decision);
}

void relay_put(struct run *run, const struct egress_report *report)
{
	run->events++;
	switch ((enum egress_kind)report->kind) {
	case EGRESS_DNS:
		put_happened(run, RECORD_DNS, report);
		return;
	case EGRESS_OPEN:
		put_happened(run, report->flags & EGRESS_EXPOSED ? RECORD_ACCEPT : RECORD_CONNECT, report);
		return;
	case EGRESS_END:
		put_happened(run, RECORD_FLOW_END, report);
		return;
	case EGRESS_REFUSED:
		refused(run, report);
		return;
	case EGRESS_READY:
	case EGRESS_KIND_LIMIT:
		return;
	}
}

void relay_put_death(struct run *run)
{
	static const char text[] = "the relay of the run's network died: nothing leaves it any more";
	struct buf *buf = outbox_begin(run->runs->outbox, RECORD_HEALTH);
	struct draft draft;

	if (!buf) {
		run->lost++;
		return;
	}
	draft = begin(run, RECORD_HEALTH, NULL, buf);
	draft_text(&draft, DETAIL_SUBJECT, slice_of("bailiff-egress"));
	draft_text(&draft, DETAIL_MESSAGE, slice_of(text));
	finish(run, RECORD_HEALTH, &draft);
	run->runs->callbacks.notice(run->runs->callbacks.ctx, run, text);
}
