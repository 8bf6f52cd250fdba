/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a HTTP/1 request as far as it says whom it is for and how long its body is. Strict: what
 * two programs could understand in two ways (bare line ends, folded lines, two lengths, two hosts) is
 * refused, because the server behind is one of the two. Pure. */
#ifndef EGRESS_REQUEST_HEAD_H
#define EGRESS_REQUEST_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define HEAD_MAX 18432U

enum head_result {
	HEAD_MORE,               /* not all there yet */
	HEAD_NOT_HTTP,           /* some other protocol */
	HEAD_BAD,
	HEAD_DONE,
};

struct request_head {
	size_t len;              /* of the head, its empty line included */
	bool connect;            /* CONNECT: `authority` is where to */
	bool absolute;           /* the target names an authority: a request to a proxy */
	bool upgrade;            /* asks for another protocol on this connection */
	bool chunked;
	bool secure;             /* absolute-form with https:// */
	uint64_t body;           /* bytes that follow; 0 with chunked */
	struct slice host;       /* of the Host header or the authority, without port; len 0 = none */
	uint16_t port;           /* of it; 0 = not said */
};

/* `first`: these are the first bytes of the connection, which may be any protocol. Slices of *ret point
 * into `bytes`. */
enum head_result request_head_parse(struct slice bytes, bool first, struct request_head *ret);

/* The line of a chunk: its length with the line, the data and the line end behind it; 0 with *ret_last for
 * the last one. Returns HEAD_MORE, HEAD_BAD or HEAD_DONE. */
enum head_result chunk_parse(struct slice bytes, uint64_t *ret_len, bool *ret_last);
/* What follows the last chunk: trailers and an empty line. */
enum head_result trailers_parse(struct slice bytes, uint64_t *ret_len);

#endif
