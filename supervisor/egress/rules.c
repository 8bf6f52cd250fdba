/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "decide/net.h"
#include "egress/address.h"

#define FLOWS_LIMIT 65536U

static bool net_is_sound(const struct net_rule *rule)
{
	return rule->prefix <= 128 && rule->verdict <= NET_ALLOW && rule->reserved == 0 &&
	       (rule->where == NET_CONNECT || rule->where == NET_BIND) &&
	       rule->port_first <= rule->port_last;
}

int rules_check(const void *bytes, size_t len, struct egress_rules *ret_rules)
{
	const struct egress_config *config = bytes;
	struct egress_rules rules = { .config = config };

	if (len < sizeof(*config) || config->version != EGRESS_VERSION || config->bytes != len ||
	    config->net_count > EGRESS_NETS_MAX || config->name_count > EGRESS_NAMES_MAX ||
	    config->resolver_count > EGRESS_RESOLVERS_MAX || config->reserved != 0 ||
	    config->expose_count > EGRESS_EXPOSE_MAX || config->flows_max == 0 ||
	    config->flows_max > FLOWS_LIMIT ||
	    len != sizeof(*config) + config->net_count * sizeof(struct net_rule) +
			   config->name_count * sizeof(struct net_name))
		return -EINVAL;
	rules.nets = (const void *)(config + 1);
	rules.names = (const void *)(rules.nets + config->net_count);
	for (uint32_t i = 0; i < config->net_count; i++)
		if (!net_is_sound(&rules.nets[i]))
			return -EINVAL;
	for (uint32_t i = 0; i < config->name_count; i++)
		if (!net_name_is_sound(&rules.names[i]))
			return -EINVAL;
	*ret_rules = rules;
	return 0;
}

int rules_map(int memfd, struct egress_rules *ret_rules)
{
	const int needed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	int seals = fcntl(memfd, F_GET_SEALS);
	struct stat st;
	void *bytes;

	if (seals < 0 || (seals & needed) != needed)
		return -EPERM;
	if (fstat(memfd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > 1 << 20)
		return -EINVAL;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	return rules_check(bytes, (size_t)st.st_size, ret_rules);
}

bool rules_name_allowed(const struct egress_rules *rules, struct slice name, uint32_t port)
{
	bool denied;

	return net_names_decide(rules->names, rules->config->name_count, name, port, &denied) == NET_ALLOW;
}

/* The entry names this address, not just a network that it happens to be in. */
static bool names_it(const struct net_rule *rule, bool own)
{
	if (own && rule->prefix == 128)
		return true;
	/* A network below a guarded one has its class at its first address. */
	return !own && address_class(rule->addr) == ADDRESS_GUARDED &&
	       rule->prefix >= (address_is_v4(rule->addr) ? 96 + 16 : 10);
}

enum address_answer rules_address(const struct egress_rules *rules, const uint8_t addr[16],
				  uint16_t port, bool own)
{
	enum address_class class = address_class(addr);
	bool guarded = own || class == ADDRESS_GUARDED, listed = false, named = false;

	if (class == ADDRESS_NEVER)
		return ADDRESS_REFUSED;
	for (uint32_t i = 0; i < rules->config->net_count; i++) {
		const struct net_rule *rule = &rules->nets[i];

		if (!net_rule_matches(rule, NET_CONNECT, addr, port))
			continue;
		if (rule->verdict == NET_DENY)
			return ADDRESS_REFUSED;
		listed = true;
		named |= names_it(rule, own);
	}
	if (guarded && !named)
		return ADDRESS_REFUSED;
	return listed ? ADDRESS_LISTED : ADDRESS_NEEDS_NAME;
}
