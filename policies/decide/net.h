/* SPDX-License-Identifier: Apache-2.0 */
/* Network entries of a policy as rules, and the match that the cgroup hooks make, without a kernel. */
#ifndef DECIDE_NET_H
#define DECIDE_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "bpf/net_rule.h"

/* The most rules that one entry expands to: "*" is v4 and v6; a v4 network also covers the v6
 * forms that carry it (6to4, NAT64). */
#define NET_ENTRY_RULES_MAX 3U

/* Parses "10.0.0.0/8", "10.0.0.1:22", "[::1]:80", "fe80::/10", "*:25", "*", "1.2.3.4:1000-2000" and
 * fills verdict and where. Without a port all ports are meant. A v4 entry of a denial also gives
 * the 6to4 and NAT64 forms. Bits of the address behind the prefix must be zero.
 * Returns the number of rules (1-3); -EINVAL; -EDOM when it is a host name, which only the network
 * mode `allowlist` can match. */
int net_entry_parse(struct slice entry, enum net_verdict verdict, enum net_where where,
		    struct net_rule ret_rules[NET_ENTRY_RULES_MAX]) MUST_USE;

bool net_rule_matches(const struct net_rule *rule, enum net_where where, const uint8_t addr[16],
		      uint16_t port);
/* Whether all that `inner` matches is matched by `outer`, verdict and direction apart. */
bool net_rule_within(const struct net_rule *inner, const struct net_rule *outer);
/* "10.1.2.3:80" or "[fe80::1]:80"; at most 64 bytes. */
void net_address_text(char *to, size_t to_size, const uint8_t addr[16], uint16_t port);
/* "10.1.2.3:80" or "[::1]:80" to an address (v4 mapped) and port. Returns 0 or -EINVAL. */
int net_address_parse(struct slice text, uint8_t ret_addr[16], uint16_t *ret_port) MUST_USE;

#endif
