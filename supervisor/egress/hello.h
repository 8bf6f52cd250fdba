/* SPDX-License-Identifier: Apache-2.0 */
/* The server name in the first bytes of a TLS connection (RFC 8446, RFC 6066). Asked again with more
 * bytes of the same beginning until it knows. Pure; reads what it must and no further. */
#ifndef EGRESS_HELLO_H
#define EGRESS_HELLO_H

#include "base/slice.h"

#define HELLO_MAX 16384U         /* of the handshake message, as RFC 8446 limits a record */
#define HELLO_WIRE_MAX 18432U    /* with the heads of the records it may be cut into */
#define HELLO_NAME_MAX 255U

enum hello_result {
	HELLO_MORE,              /* not all there yet */
	HELLO_NOT_TLS,           /* the first bytes are no handshake */
	HELLO_BAD,               /* malformed, too long, more than one name */
	HELLO_NO_NAME,
	HELLO_NAME,              /* *ret_name: bytes, as the client sent them */
};

struct hello_name {
	unsigned char len;
	char bytes[HELLO_NAME_MAX];
};

enum hello_result hello_parse(struct slice bytes, struct hello_name *ret_name);

#endif
