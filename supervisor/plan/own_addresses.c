/* SPDX-License-Identifier: Apache-2.0 */
/* This host has more addresses than 127.0.0.1: a service that listens everywhere answers at each. What
 * a policy denies of 127.0.0.1 is denied of all addresses that this host has when the run starts. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "decide/net.h"
#include "plan/build.h"

static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };

static struct net_rule *rule_at(const struct build *build, size_t i)
{
	return &((struct net_rule *)(void *)build->nets.data)[i];
}

static bool denies(const struct net_rule *rule, const uint8_t addr[16])
{
	return rule->verdict == NET_DENY && net_rule_matches(rule, NET_CONNECT, addr, rule->port_first);
}

static bool is_denied(const struct build *build, size_t count, const uint8_t addr[16],
		      const struct net_rule *ports)
{
	for (size_t i = 0; i < count; i++) {
		const struct net_rule *rule = rule_at(build, i);

		if (denies(rule, addr) && rule->port_first <= ports->port_first &&
		    rule->port_last >= ports->port_last)
			return true;
	}
	return false;
}

/* As an entry of a policy, so that the forms that carry a v4 address are denied, too. */
static int deny(struct build *build, const char *text, bool v4, uint16_t first, uint16_t last)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	char entry[INET6_ADDRSTRLEN + 16];
	int count;

	IGNORE(snprintf(entry, sizeof(entry), v4 ? "%s:%u-%u" : "[%s]:%u-%u", text, first, last) < 0);
	count = net_entry_parse(slice_of(entry), NET_DENY, NET_CONNECT, rules);
	return count < 0 ? count : buf_append(&build->nets, rules, (size_t)count * sizeof(rules[0]));
}

static int deny_address(struct build *build, const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;
	bool v4 = address && address->sa_family == AF_INET;
	size_t count = build->nets.len / sizeof(struct net_rule);
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	int r = 0;

	if (!address || (!v4 && address->sa_family != AF_INET6))
		return 0;
	memcpy(addr, loopback, sizeof(addr));
	if (v4)
		memcpy(addr + 12, &in->sin_addr, 4);
	else
		memcpy(addr, &in6->sin6_addr, sizeof(addr));
	if (!inet_ntop(address->sa_family, v4 ? addr + 12 : addr, text, sizeof(text)))
		return -errno;
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct net_rule rule = *rule_at(build, i);

		if (denies(&rule, loopback) && !is_denied(build, count, addr, &rule))
			r = deny(build, text, v4, rule.port_first, rule.port_last);
	}
	return r;
}

int own_addresses_build(struct build *build, struct error *err)
{
	struct ifaddrs *list;
	int r = 0;

	if (build->policy->network_mode != NETWORK_HOST || build->spec->network == NETWORK_NONE)
		return 0;
	if (getifaddrs(&list) < 0)
		return error_set(err, -errno, "list the addresses of this host");
	for (const struct ifaddrs *at = list; r == 0 && at; at = at->ifa_next) {
		r = deny_address(build, at->ifa_addr);
		/* A datagram to everybody on a network comes here, too. */
		if (r == 0 && at->ifa_flags & IFF_BROADCAST)
			r = deny_address(build, at->ifa_broadaddr);
	}
	freeifaddrs(list);
	if (r == 0)
		return 0;
	error_set(err, r, "deny this host's own addresses");
	error_exit(err, BUILD_EXIT_REFUSED);
	return error_next(err, "this host may have too many addresses for one plan; deny the networks that hold "
			  "them in `network.deny`, or use `network: {mode: none}`");
}
