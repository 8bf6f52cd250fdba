/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from the control socket: parsed as from an enemy, and who may ask what. Pure. */
#ifndef DAEMON_REQUEST_H
#define DAEMON_REQUEST_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "daemon/wire.h"

#define REQUEST_RUN_FDS 5U  /* plan, stdin, stdout, stderr, session */

/* Checks one datagram with `fd_count` descriptors. On success *ret_request has only known flags and a
 * terminated UTF-8 reason. Returns 0; -EPROTO: another version or an unknown kind; -EBADMSG. */
int request_parse(struct slice datagram, size_t fd_count, struct wire_request *ret_request,
		  struct error *err) MUST_USE;

enum requester { REQUESTER_OTHER, REQUESTER_OWNER, REQUESTER_ROOT, REQUESTER_COUNT };

/* May somebody who reached the socket ask this? OWNER: of the run that is named. Unknown: no. */
bool request_permitted(enum wire_request_kind kind, enum requester requester);
/* "run"; NULL for a number that is no request. */
const char *request_name(uint32_t kind);
/* Each attempt of these is recorded; of the others only what was refused. */
bool request_changes(enum wire_request_kind kind);

#endif
