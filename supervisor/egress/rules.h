/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy of the run says about names and addresses. Read-only after rules_open(). */
#ifndef EGRESS_RULES_H
#define EGRESS_RULES_H

#include <stdbool.h>

#include "egress/wire.h"

struct egress_rules {
	const struct egress_config *config;
	const struct net_rule *nets;
	const struct net_name *names;
};

/* Checks what bailiffd handed over. Returns 0 or -EINVAL. */
int rules_check(const void *bytes, size_t len, struct egress_rules *ret_rules) MUST_USE;
/* The same of a sealed memfd, which it maps. Returns 0 or a negative errno. */
int rules_map(int memfd, struct egress_rules *ret_rules) MUST_USE;

/* `name` is clean; NET_PORT_ANY for a question of DNS. */
bool rules_name_allowed(const struct egress_rules *rules, struct slice name, uint32_t port);

enum address_answer {
	ADDRESS_REFUSED,         /* denied: never */
	ADDRESS_NEEDS_NAME,      /* only as the address of a listed name */
	ADDRESS_LISTED,          /* a network of the list holds it */
};

/* `own`: the address is one of this host's. An entry that names a guarded or own address (or a
 * network that holds nothing else) lifts that guard; denials of the policy are never lifted. */
enum address_answer rules_address(const struct egress_rules *rules, const uint8_t addr[16],
				  uint16_t port, bool own);

#endif
