/* SPDX-License-Identifier: Apache-2.0 */
/* Names of hosts in a policy, and how a name from outside is compared with them.
 *
 *   example.com:443      this name and port; without a port all ports
 *   *.example.com:443    every name below example.com, at any depth, not example.com itself
 *
 * A name is compared in its clean form: ASCII, lower case, one final dot taken away. International
 * names are written as they travel (xn--...): what the bytes of another form mean is for no two
 * programs the same. A name of digits and dots is an address that somebody mistyped, never a name. */
#ifndef DECIDE_NET_NAME_H
#define DECIDE_NET_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "bpf/net_rule.h"

#define NET_NAME_MAX 253U        /* RFC 1035: 255 bytes on the wire */
#define NET_LABEL_MAX 63U

#define NET_NAME_BELOW 1U        /* what is below `text`, at any depth */

struct net_name {                /* fixed: part of the plan */
	uint16_t port_first, port_last;
	uint8_t verdict;         /* enum net_verdict */
	uint8_t flags;           /* NET_NAME_* */
	uint8_t len;
	uint8_t reserved;
	char text[256];          /* clean; zeros behind it */
};
_Static_assert(sizeof(struct net_name) == 264, "part of the plan");

/* Writes the clean form of a name from outside, NUL-terminated. Returns its length, or -EINVAL: empty,
 * too long, empty or long label, a byte that is none of a-z A-Z 0-9 - _ . (NUL, blank, non-ASCII). */
int net_name_clean(struct slice name, char to[NET_NAME_MAX + 1]) MUST_USE;
/* An entry of a policy. Returns 0; -EINVAL; -EILSEQ when it is not ASCII and xn-- would help. */
int net_name_parse(struct slice entry, enum net_verdict verdict, struct net_name *ret_name) MUST_USE;
/* A rule of a plan that nobody has looked at yet: true when it is one that net_name_parse() makes. */
bool net_name_is_sound(const struct net_name *rule);
/* `name` is clean. The port is not looked at. */
bool net_name_covers(const struct net_name *rule, struct slice name);

/* Whether all names and ports of `inner` are those of `outer`, verdicts apart. */
bool net_name_within(const struct net_name *inner, const struct net_name *outer);

#define NET_PORT_ANY UINT32_MAX  /* a question about the name alone: any port will do */

/* A denial that matches beats every permission; nothing at all is a denial. A name that is denied at
 * some ports only is not denied for NET_PORT_ANY. */
enum net_verdict net_names_decide(const struct net_name *rules, size_t count, struct slice name,
				  uint32_t port, bool *ret_denied);

#endif
