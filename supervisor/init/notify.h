/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams of NOTIFY_SOCKET (sd_notify(3), model.md 8.1), parsed in a process without privilege into
 * a fixed struct. Pure. */
#ifndef INIT_NOTIFY_H
#define INIT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct init_message;

#define NOTIFY_DATAGRAM_MAX 4096U
#define NOTIFY_STATUS_MAX 200U
#define NOTIFY_RATE 100U    /* a second */
#define NOTIFY_BURST 200U

/* Fills notify, extend_ns and text of *message. Unknown keys and malformed values set NOTIFY_UNKNOWN.
 * Returns 0, or -EILSEQ (not UTF-8; nothing was read), -EMSGSIZE (too long). */
int notify_parse(struct slice datagram, struct init_message *message);

/* A token bucket; zero-initialised it is full at its first use. */
struct notify_bucket {
	uint64_t last_ns;
	uint64_t used_millis;    /* thousandths of a datagram */
};
bool notify_take(struct notify_bucket *bucket, uint64_t now_ns);

#endif
