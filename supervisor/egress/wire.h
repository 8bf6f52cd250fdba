/* SPDX-License-Identifier: Apache-2.0 */
/* Between bailiffd and the relay of one run: descriptors at fixed numbers, the policy in a sealed memfd,
 * reports over SOCK_SEQPACKET. Fixed structs, host order (same host), all padding zero. Each side
 * checks what it gets. */
#ifndef EGRESS_WIRE_H
#define EGRESS_WIRE_H

#include <stdint.h>

#include "bpf/net_rule.h"
#include "decide/net_name.h"

#define EGRESS_VERSION 1U

enum egress_fd {
	EGRESS_FD_CHANNEL = 3,   /* SOCK_SEQPACKET: struct egress_report to bailiffd; its end ends us */
	EGRESS_FD_CONFIG,        /* sealed memfd: struct egress_config */
	EGRESS_FD_SLOTS,         /* the run's ring of struct relay_slot, for reading */
	EGRESS_FD_TCP4, EGRESS_FD_TCP6, EGRESS_FD_UDP4, EGRESS_FD_UDP6, /* inside the run's network */
	EGRESS_FD_EXPOSE,        /* listeners of the host, one for each port of `expose` */
	EGRESS_FD_INSIDE = EGRESS_FD_EXPOSE + 16, /* sockets inside the run's network, to connect from */
	EGRESS_FD_LIMIT = EGRESS_FD_INSIDE + 64,
};

#define EGRESS_EXPOSE_MAX 16U
#define EGRESS_INSIDE_MAX 64U    /* connections from the host at the same time */

#define EGRESS_RESOLVERS_MAX 4U
#define EGRESS_NETS_MAX 128U
#define EGRESS_NAMES_MAX 256U

struct egress_resolver {
	uint8_t addr[16];        /* v4 mapped */
	uint16_t port;
	uint16_t reserved[3];
};

struct egress_config {           /* then `net_count` struct net_rule, `name_count` struct net_name */
	uint32_t version;        /* EGRESS_VERSION */
	uint32_t bytes;          /* of the whole */
	uint32_t net_count, name_count;
	uint32_t resolver_count; /* 0 = those of /etc/resolv.conf */
	uint32_t flows_max;      /* connections at the same time */
	struct egress_resolver resolvers[EGRESS_RESOLVERS_MAX];
	uint32_t expose_count;   /* listeners from EGRESS_FD_EXPOSE on */
	uint16_t expose[EGRESS_EXPOSE_MAX]; /* the port inside and outside */
	uint32_t reserved;
};

enum egress_kind {
	EGRESS_READY = 1,        /* listening */
	EGRESS_DNS,              /* a name of the list was asked for and answered: `answers` */
	EGRESS_OPEN,             /* a connection that the policy allows; `result` of the connect */
	EGRESS_END,              /* its end: bytes and time */
	EGRESS_REFUSED,          /* `reason` says why */
	EGRESS_KIND_LIMIT,
};

enum egress_reason {
	EGRESS_NONE,
	EGRESS_NAME_NOT_LISTED,  /* DNS, SNI, Host, CONNECT: `name` */
	EGRESS_NAME_ELSEWHERE,   /* a listed name in SNI or Host, but not of this address */
	EGRESS_ADDRESS_UNKNOWN,  /* no listed name has it, no listed network holds it */
	EGRESS_ADDRESS_DENIED,   /* metadata, this host's own, ...: never, whatever the name */
	EGRESS_REBINDING,        /* a listed name whose addresses are all denied */
	EGRESS_DATAGRAM,         /* UDP other than DNS */
	EGRESS_MALFORMED,        /* a TLS or HTTP beginning that is none, or is too long */
	EGRESS_SLOW,             /* a beginning that was not finished in time */
	EGRESS_FULL,             /* too many connections at the same time */
	EGRESS_LOST,             /* what it wanted is not known any more */
	EGRESS_NOT_RESOLVED,     /* a listed name that the resolvers did not answer */
	EGRESS_REASON_LIMIT,
};

#define EGRESS_ANSWERS_MAX 8U
#define EGRESS_EXPOSED 2U        /* flags: a connection from the host to a port of the run */
#define EGRESS_STRAY 1U          /* flags: a search suffix behind a name that was asked for: no strike */

struct egress_report {
	uint32_t version;        /* EGRESS_VERSION */
	uint32_t kind;           /* enum egress_kind */
	uint32_t reason;         /* enum egress_reason */
	uint32_t flags;          /* EGRESS_STRAY, EGRESS_EXPOSED */
	uint32_t pid, uid;       /* who asked, as the hook saw it; 0 = not known */
	uint64_t proc_start_ns;
	uint64_t bytes_out, bytes_in, duration_ns; /* END; out = from the run */
	uint64_t count;          /* REFUSED: how often, if more than once */
	uint8_t addr[16];        /* v4 mapped; zero = none */
	int32_t result;          /* OPEN, END: 0 or a negative errno */
	uint16_t port;
	uint8_t protocol;        /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t name_len;
	uint32_t answer_count;
	uint32_t reserved;
	uint8_t answers[EGRESS_ANSWERS_MAX][16];
	char name[256];          /* clean where we made it; else bytes of the agent's */
};
_Static_assert(sizeof(struct egress_report) == 480, "wire format");

#endif
