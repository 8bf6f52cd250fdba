/* SPDX-License-Identifier: Apache-2.0 */
/* One question on its way to a resolver: over UDP from a port of its own, over TCP when the answer was
 * cut, to the next resolver when one is silent. */
#ifndef EGRESS_QUERY_H
#define EGRESS_QUERY_H

#include "egress/egress.h"

#define QUERIES_MAX 128U

/* Where an answer goes. */
struct asker {
	struct relay_slot slot;
	struct flow *flow;               /* over TCP; NULL = by datagram: */
	int udp_fd;
	struct sockaddr_storage from, to;/* the client; our address that it asked */
	socklen_t from_len;
};

struct query {
	struct egress *egress;
	struct query *next, **at;        /* of egress->queries */
	struct dns_question question;    /* its name is clean */
	struct asker asker;
	struct source source;
	struct timer timer;
	int fd;
	uint16_t id;
	uint32_t tries;
	bool tcp;
	size_t got;                      /* bytes of the answer over TCP, its length included */
	uint8_t answer[2 + DNS_ANSWER_MAX];
	/* `answers` is NULL when no resolver said anything. The query is freed afterwards. */
	void (*done)(struct query *query, const struct dns_answers *answers);
};

/* Returns 0, -EAGAIN (too many), or a negative errno. */
int query_start(struct egress *egress, const struct dns_question *question, const struct asker *asker,
		void (*done)(struct query *, const struct dns_answers *)) MUST_USE;
struct query *query_free(struct query *query);

#endif
