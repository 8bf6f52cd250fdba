/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the run, and the one outside that stands for it. */
#ifndef EGRESS_FLOW_H
#define EGRESS_FLOW_H

#include "egress/egress.h"

#define LANE_ALL UINT64_MAX

/* One direction. */
struct lane {
	struct pipe *pipe;       /* only while bytes are in it */
	size_t in_pipe;
	uint64_t bytes;          /* delivered */
	uint64_t budget;         /* bytes that may pass before somebody looks; LANE_ALL */
	bool from_eof;           /* nothing more comes */
	bool done;               /* and the other end was told so */
};

/* What the next bytes of the client are. */
enum look {
	LOOK_FIRST,              /* the first of the connection, or of a tunnel */
	LOOK_HEAD,               /* of a HTTP request */
	LOOK_CHUNK, LOOK_TRAILERS,
	LOOK_PASS,               /* nobody looks any more */
};

/* What the server's next bytes decide. */
enum await { AWAIT_NOTHING, AWAIT_UPGRADE, AWAIT_CONNECT };

struct flow {
	struct egress *egress;
	struct flow *next, **at;
	struct relay_slot slot;
	struct source client, server;
	int client_fd, server_fd;    /* server: FD_NONE for DNS over TCP */
	uint32_t client_wants, server_wants;
	struct lane out, in;         /* from the run; to the run */
	bool connected, opened;      /* opened: EGRESS_OPEN was told */
	bool listed;                 /* the address itself is on the list */
	bool exposed;                /* from the host to a port of the run; `server` is inside */
	bool tunnel;                 /* behind a proxy that is on the list */
	bool waiting;                /* for more bytes of a beginning */
	enum look look;
	enum await await;
	uint32_t requests;
	uint16_t tunnel_port;
	size_t looked;               /* bytes of the beginning seen so far */
	uint64_t started_ns, last_ns;
	struct timer timer;          /* connect, or a beginning that is not finished */
	uint8_t name_len;
	char name[256];              /* for the record: SNI or Host, else by DNS */
	uint8_t *dns;                /* DNS over TCP: a question that comes in pieces */
	size_t dns_got;
	bool dns_busy;
};

/* lane.c: moves what can be moved now. Returns 1 = moved something, 0 = nothing to do, or a negative errno
 * when the connection broke. */
int lane_fill(struct egress *egress, struct lane *lane, int from);
int lane_drain(struct egress *egress, struct lane *lane, int to);

/* look.c: the client's next bytes. Sets budget and state, or refuses. */
enum look_result {
	LOOK_GO,                 /* bytes were understood and are in the pipe; more may follow: out.budget */
	LOOK_WAIT,               /* not enough yet */
	LOOK_END,                /* the client sends no more */
	LOOK_REFUSED,            /* told already: end the flow */
	LOOK_BROKEN,             /* no memory for them */
};
enum look_result flow_look(struct flow *flow);
/* The server's first bytes after a request that may change the protocol. False: not enough yet. */
bool flow_look_response(struct flow *flow);
void flow_name(struct flow *flow, struct slice name);

/* Takes both descriptors. */
void flow_begin_exposed(struct egress *egress, int fd, int inside, uint16_t port);
/* False: there is no room, also not by ending somebody who is silent. */
bool flow_make_room(struct egress *egress);
void flow_turn_away(struct egress *egress, int fd);

#endif
