/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/request.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define BY(requester) (1U << REQUESTER_##requester)
#define ANYBODY (BY(OTHER) | BY(OWNER) | BY(ROOT))

static const struct permit {
	const char *name;
	unsigned int who;       /* bits of enum requester */
	uint32_t flags;         /* WIRE_* that it takes */
	size_t fds;
	bool changes, names_run;
} permits[] = {
	/* Anybody on the socket for themselves: plan_check_peer() compares uid, gid and groups. */
	[WIRE_RUN] = { "run", ANYBODY, WIRE_DETACHED, REQUEST_RUN_FDS, true, false },
	[WIRE_LIST] = { "list", ANYBODY, WIRE_ALL, 0, false, false },
	[WIRE_SHOW] = { "show", ANYBODY, 0, 0, false, true },
	[WIRE_REVOKE] = { "revoke", BY(OWNER) | BY(ROOT), WIRE_WAIT, 0, true, true },
	[WIRE_FEATURES] = { "features", ANYBODY, 0, 0, false, false },
	[WIRE_PING] = { "ping", ANYBODY, 0, 0, false, false },
	[WIRE_WORKSPACES] = { "list workspaces", ANYBODY, 0, 0, false, false },
	[WIRE_WORKSPACE] = { "look at", BY(OWNER) | BY(ROOT), WIRE_COMMIT, 0, false, true },
	[WIRE_SETTLE] = { "settle", BY(OWNER) | BY(ROOT), WIRE_COMMIT | WIRE_KEEP, 0, true, true },
	[WIRE_ATTACH] = { "attach", BY(OWNER) | BY(ROOT), 0, 1, true, true },
};

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

int request_parse(struct slice datagram, size_t fd_count, struct wire_request *ret_request,
		  struct error *err)
{
	struct wire_request request;
	const struct permit *permit;
	size_t reason_len;

	if (datagram.len != sizeof(request))
		return bad(err, "its size");
	memcpy(&request, datagram.data, sizeof(request));
	permit = permit_of(request.kind);
	if (request.version != WIRE_VERSION || !permit) {
		error_say(err, -EPROTO, "the supervisor does not know this request");
		return error_next(err, "use the `bailiff` of the same version as the supervisor");
	}
	if (request.flags & ~permit->flags)
		return bad(err, "its flags");
	if (fd_count != permit->fds)
		return bad(err, "its descriptors");
	if (request.cursor && request.kind != WIRE_LIST && request.kind != WIRE_WORKSPACES)
		return bad(err, "its cursor");
	if (request.flags == WIRE_KEEP)
		return bad(err, "its flags");
	if (permit->names_run == ulid_is_zero(&request.run))
		return bad(err, "its run");
	reason_len = strnlen(request.reason, sizeof(request.reason));
	if (reason_len == sizeof(request.reason) ||
	    !text_is_utf8(slice_new(request.reason, reason_len)))
		return bad(err, "its reason");
	for (size_t i = reason_len; i < sizeof(request.reason); i++) {
		if (request.reason[i])
			return bad(err, "its reason");
	}
	if (reason_len > 0 && request.kind != WIRE_REVOKE && request.kind != WIRE_SETTLE)
		return bad(err, "its reason");
	*ret_request = request;
	return 0;
}
