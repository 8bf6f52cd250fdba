/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from the control socket: parsed as from an enemy, and who may ask what. Pure. */
#ifndef DAEMON_REQUEST_H
#define DAEMON_REQUEST_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "daemon/wire.h"

#define REQUEST_RUN_FDS 5U  /* plan, stdin, stdout, stderr, session */

/* Checks one datagram with `fd_count` descriptors. On success *ret_request has only known flags, terminated UTF-8
 * texts, and nothing that its kind does not take; of the short kinds only `head`. Returns 0; -EPROTO: another
 * version or an unknown kind; -EBADMSG. */
int request_parse(struct slice datagram, size_t fd_count, struct wire_people *ret_request,
		  struct error *err) MUST_USE;

/* OWNER started the run (or asked for the item) that is named: operator of that one. */
enum requester { REQUESTER_NONE, REQUESTER_VIEWER, REQUESTER_OPERATOR, REQUESTER_OWNER, REQUESTER_ADMIN,
		 REQUESTER_COUNT };

/* The whole request, of a kind that has more than the head. */
static inline const struct wire_people *request_people(const struct wire_request *head)
{
	return (const struct wire_people *)(const void *)head; /* its first member */
}

/* May somebody who reached the socket ask this? Unknown: no. */
bool request_permitted(enum wire_request_kind kind, enum requester requester);
/* "run"; NULL for a number that is no request. */
const char *request_name(uint32_t kind);
/* Each attempt of these is recorded; of the others only what was refused. */
bool request_changes(enum wire_request_kind kind);

#endif
