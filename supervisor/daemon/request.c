/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/request.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "decide/people.h"

#define BY(requester) (1U << REQUESTER_##requester)
#define ANYBODY (BY(NONE) | VIEWERS)
#define VIEWERS (BY(VIEWER) | OPERATORS)
#define OPERATORS (BY(OPERATOR) | OWNERS)
#define OWNERS (BY(OWNER) | ADMINS) /* whose it is: another operator has no business with it */
#define ADMINS BY(ADMIN)

/* What a request may carry beyond kind and flags. */
#define F_REASON 1U
#define F_CURSOR 2U
#define F_CODE 4U        /* the code that was typed */
#define F_SEEN 8U
#define F_RULE 16U
#define F_AGENT 32U
#define F_TEXT 64U
#define F_TTL 128U
#define F_SCOPE 256U
#define F_WHY 512U       /* the reason code */

enum names { NAMES_NOTHING, NAMES_ONE, NAMES_MAYBE };

static const struct permit {
	const char *name;
	unsigned int who;       /* bits of enum requester */
	uint32_t flags;         /* WIRE_* that it takes */
	size_t fds;
	bool changes;
	enum names names;       /* a run, or an item */
	uint32_t fields;        /* F_* */
	bool whole;             /* struct wire_people, not the head alone */
} permits[] = {
	/* Anybody on the socket for themselves: plan_check_peer() compares uid, gid and groups. */
	[WIRE_RUN] = { "run", VIEWERS, WIRE_DETACHED | WIRE_ASK | WIRE_ASK_NOWHERE, REQUEST_RUN_FDS, true,
		       NAMES_NOTHING, F_REASON, false },
	[WIRE_LIST] = { "list", VIEWERS, WIRE_ALL, 0, false, NAMES_NOTHING, F_CURSOR, false },
	[WIRE_SHOW] = { "show", VIEWERS, 0, 0, false, NAMES_ONE, 0, false },
	[WIRE_REVOKE] = { "revoke", OWNERS, WIRE_WAIT, 0, true, NAMES_ONE, F_REASON, false },
	[WIRE_FEATURES] = { "features", ANYBODY, 0, 0, false, NAMES_NOTHING, 0, false },
	[WIRE_PING] = { "ping", ANYBODY, 0, 0, false, NAMES_NOTHING, 0, false },
	[WIRE_WORKSPACES] = { "list workspaces", VIEWERS, 0, 0, false, NAMES_NOTHING, F_CURSOR, false },
	[WIRE_WORKSPACE] = { "look at", OWNERS, WIRE_COMMIT, 0, false, NAMES_ONE, 0, false },
	[WIRE_SETTLE] = { "settle", OWNERS, WIRE_COMMIT | WIRE_KEEP, 0, true, NAMES_ONE, F_REASON, false },
	[WIRE_ATTACH] = { "attach", OWNERS, 0, 1, true, NAMES_ONE, 0, false },
	[WIRE_INBOX] = { "inbox", VIEWERS, WIRE_ALL, 0, false, NAMES_NOTHING, F_CURSOR, true },
	[WIRE_CLAIM] = { "claim", OPERATORS, 0, 0, true, NAMES_ONE, 0, true },
	[WIRE_RELEASE] = { "release", OPERATORS, 0, 0, true, NAMES_ONE, 0, true },
	/* What is CRITICAL needs an admin: that is the item's role (run/approvals.h). */
	[WIRE_APPROVE] = { "approve", OPERATORS, 0, 0, true, NAMES_ONE, F_REASON | F_WHY | F_CODE | F_SEEN, true },
	[WIRE_DENY] = { "deny", OPERATORS, 0, 0, true, NAMES_ONE, F_REASON | F_WHY | F_SEEN, true },
	[WIRE_PAUSE] = { "pause", OPERATORS, 0, 0, true, NAMES_ONE, F_REASON, true },
	[WIRE_RESUME] = { "resume", OPERATORS, 0, 0, true, NAMES_ONE, F_REASON, true },
	[WIRE_CANCEL] = { "cancel", OPERATORS, 0, 0, true, NAMES_ONE, F_REASON, true },
	[WIRE_CLARIFY] = { "clarify", OPERATORS, 0, 0, true, NAMES_ONE, F_TEXT | F_WHY, true },
	[WIRE_WAIVE] = { "waive", ADMINS, 0, 0, true, NAMES_ONE, F_REASON | F_WHY | F_RULE | F_SEEN | F_TTL, true },
	[WIRE_KILL_SWITCH] = { "kill-switch", ADMINS, WIRE_TERMINATE | WIRE_RESET, 0, true, NAMES_MAYBE,
			       F_REASON | F_WHY | F_AGENT | F_SCOPE, true },
	[WIRE_AGENTS] = { "agents", VIEWERS, 0, 0, false, NAMES_NOTHING, 0, false },
	[WIRE_TIER] = { "tier", ADMINS, WIRE_UP | WIRE_DOWN | WIRE_CLEAR | WIRE_CLOSE, 0, true, NAMES_NOTHING,
			F_REASON | F_AGENT, true },
};
static_assert(COUNT(permits) == WIRE_REQUEST_LIMIT, "a request has no row");

static const struct permit *permit_of(uint32_t kind)
{
	return kind < COUNT(permits) && permits[kind].name ? &permits[kind] : NULL;
}

bool request_permitted(enum wire_request_kind kind, enum requester requester)
{
	const struct permit *permit = permit_of(kind);

	return permit && (unsigned int)requester < REQUESTER_COUNT &&
	       (permit->who >> requester & 1U) == 1U;
}

const char *request_name(uint32_t kind)
{
	const struct permit *permit = permit_of(kind);

	return permit ? permit->name : NULL;
}

bool request_changes(enum wire_request_kind kind)
{
	const struct permit *permit = permit_of(kind);

	return permit && permit->changes;
}

static int bad(struct error *err, const char *what)
{
	error_say(err, -EBADMSG, "the request is malformed: %s", what);
	return error_next(err, "use the `bailiff` of the same version as the supervisor");
}

static bool all_zero(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++) {
		if (at[i])
			return false;
	}
	return true;
}

/* Terminated, UTF-8, and nothing behind the terminator. */
static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	return len < size && text_is_utf8(slice_new(text, len)) && all_zero(text + len, size - len);
}

#define FIELD(flag, member, text) { flag, offsetof(struct wire_people, member), \
				    sizeof(((struct wire_people *)NULL)->member), text, #member }

static const struct field {
	uint32_t flag;
	size_t offset, size;
	bool text;
	const char *name;
} fields[] = {
	FIELD(F_REASON, head.reason, true), FIELD(F_CURSOR, head.cursor, false), FIELD(F_CODE, code, true),
	FIELD(F_SEEN, seen, false), FIELD(F_RULE, rule, true), FIELD(F_AGENT, agent, true),
	FIELD(F_TEXT, text, true), FIELD(F_TTL, ttl_ns, false), FIELD(F_SCOPE, scope, false),
	FIELD(F_WHY, reason_code, false),
};

static int check_fields(const struct permit *permit, const struct wire_people *request, struct error *err)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		const char *at = (const char *)request + fields[i].offset;
		bool good = permit->fields & fields[i].flag ? !fields[i].text || is_text(at, fields[i].size)
							    : all_zero(at, fields[i].size);

		if (!good)
			return bad(err, fields[i].name);
	}
	if (request->reason_code >= REASON_CODE_COUNT || request->scope >= KILL_SCOPE_COUNT)
		return bad(err, "a number of it");
	return 0;
}

/* Whoever says what they do must say why, and what. */
static int check_meaning(const struct wire_people *request, struct error *err)
{
	uint32_t kind = request->head.kind;

	if ((kind == WIRE_WAIVE || kind == WIRE_DENY) && !request->head.reason[0])
		return bad(err, "a reason is missing");
	if (kind == WIRE_WAIVE && (!request->rule[0] || request->reason_code == REASON_NONE))
		return bad(err, "a rule or a reason code is missing");
	if (kind == WIRE_CLARIFY && !request->text[0])
		return bad(err, "its text is missing");
	if (kind == WIRE_KILL_SWITCH && !(request->head.flags & WIRE_RESET) && !request->head.reason[0])
		return bad(err, "a reason is missing");
	if (kind == WIRE_TIER && (!request->agent[0] || !request->head.reason[0] ||
				  __builtin_popcount(request->head.flags) != 1))
		return bad(err, "an agent, a reason or one change");
	if (request->head.flags == WIRE_KEEP || request->head.flags == (WIRE_TERMINATE | WIRE_RESET) ||
	    (request->head.flags & WIRE_ASK && request->head.flags & WIRE_ASK_NOWHERE))
		return bad(err, "its flags");
	return 0;
}

int request_parse(struct slice datagram, size_t fd_count, struct wire_people *ret_request,
		  struct error *err)
{
	struct wire_people request = { 0 };
	const struct permit *permit;
	int r;

	if (datagram.len < sizeof(request.head) || datagram.len > sizeof(request))
		return bad(err, "its size");
	memcpy(&request, datagram.data, datagram.len);
	permit = permit_of(request.head.kind);
	if (request.head.version != WIRE_VERSION || !permit) {
		error_say(err, -EPROTO, "the supervisor does not know this request");
		return error_next(err, "use the `bailiff` of the same version as the supervisor");
	}
	if (datagram.len != (permit->whole ? sizeof(request) : sizeof(request.head)))
		return bad(err, "its size");
	if (request.head.flags & ~permit->flags)
		return bad(err, "its flags");
	if (fd_count != permit->fds)
		return bad(err, "its descriptors");
	if (permit->names != NAMES_MAYBE && (permit->names == NAMES_ONE) == ulid_is_zero(&request.head.run))
		return bad(err, "its run");
	r = check_fields(permit, &request, err);
	if (r == 0)
		r = check_meaning(&request, err);
	if (r == 0)
		*ret_request = request;
	return r;
}
