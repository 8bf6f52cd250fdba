/* SPDX-License-Identifier: Apache-2.0 */
/* The relay of one run as a whole: what its files share. One process, one thread, one loop. */
#ifndef EGRESS_EGRESS_H
#define EGRESS_EGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/loop.h"
#include "bpf/relay_slot.h"
#include "egress/answers.h"
#include "egress/dns_codec.h"
#include "egress/rules.h"

#define PIPES_MAX 64U            /* idle ones that are kept */
#define REFUSED_NAMES 64U        /* names that were refused lately: each is told once in a while */

struct pipe {
	int read_fd, write_fd;
	struct pipe *next;
};

struct refused_name {
	uint64_t until_ns;
	uint8_t len;
	char name[256];
};

struct own_answer {              /* whether an address is one of this host's */
	uint64_t until_ns;
	uint8_t addr[16];
	bool own;
};
#define OWN_ANSWERS 64U

struct flow;
struct query;

struct egress {
	struct loop *loop;
	struct egress_rules rules;
	struct egress_resolver resolvers[EGRESS_RESOLVERS_MAX];
	uint32_t resolver_count;
	const struct relay_slot *slots;
	int channel;
	struct source channel_source, tcp[2], udp[2];
	struct source exposed[EGRESS_EXPOSE_MAX];
	int inside[EGRESS_INSIDE_MAX];   /* free ones */
	uint32_t inside_count;
	struct timer full_timer;
	struct flow *flows;              /* all of them */
	uint32_t flow_count;
	uint64_t turned_away;            /* for want of room, not told yet */
	struct query *queries;           /* in flight */
	uint32_t query_count;
	struct answers *answers;
	struct refused_name refused[REFUSED_NAMES];
	struct own_answer own[OWN_ANSWERS];
	struct pipe *pipes;
	uint32_t pipe_count;
};

/* What the hook wrote for an address of ours (the destination of a connection or datagram); a slot
 * with number ~0 when it is not known any more. */
struct relay_slot slot_of(const struct egress *egress, const struct sockaddr *local);

/* report.c: to bailiffd. Blocks while it is slow: nothing that happened goes untold. */
struct egress_report report_new(enum egress_kind kind, const struct relay_slot *slot);
void report_name(struct egress_report *report, struct slice name);
void report_send(struct egress *egress, const struct egress_report *report);
/* A name that DNS was asked for and that is not listed: told once in a while, and marked when it only is
 * another name with a search suffix behind. */
void report_refused_name(struct egress *egress, struct egress_report *report, struct slice name,
			 uint64_t now_ns);

/* rules_address(), with whether `addr` is one of this host's own as of the last second. */
enum address_answer egress_address(struct egress *egress, const uint8_t addr[16], uint16_t port);

/* dns.c: */
int dns_open(struct egress *egress) MUST_USE;
void dns_close(struct egress *egress);
/* A question that came over TCP: `flow_dns_answer` is called with the answer, at once or later. */
void dns_ask(struct egress *egress, struct slice message, const struct relay_slot *slot,
	     struct flow *flow);
/* The flow is gone: its answers go nowhere. */
void dns_forget(struct egress *egress, const struct flow *flow);

/* flow.c: */
int flows_open(struct egress *egress) MUST_USE;
void flows_close(struct egress *egress);
void flow_dns_answer(struct flow *flow, const uint8_t *message, size_t len);

/* expose.c: connections from the host to ports of the run. */
int expose_open(struct egress *egress) MUST_USE;
/* A socket inside, to be used again. */
void expose_give(struct egress *egress, int fd);

/* pipes.c: */
struct pipe *pipe_take(struct egress *egress);
/* Must be empty, unless `spoiled`. */
void pipe_give(struct egress *egress, struct pipe *pipe, bool spoiled);
void pipes_close(struct egress *egress);

/* confine.c: no file, no process, no new privilege from here on. */
int confine(struct error *err) MUST_USE;
/* resolv.c: the first name servers of a resolv.conf. */
uint32_t resolvers_parse(struct slice text, struct egress_resolver ret[EGRESS_RESOLVERS_MAX]);

#endif
