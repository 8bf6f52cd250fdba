/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/net.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/parse.h"
#include "base/text.h"

#define ADDRESS_TEXT_MAX 64U

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool find_byte(struct slice text, char byte, size_t *ret_at)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == byte) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

static struct slice slice_from(struct slice text, size_t at)
{
	return slice_new(text.data + at, text.len - at);
}

/* Divides "HOST:PORTS" or "[V6]:PORTS"; a bare v6 address or network has no ports. */
static int divide(struct slice entry, struct slice *ret_host, struct slice *ret_ports)
{
	size_t at, second;

	*ret_ports = slice_new(NULL, 0);
	*ret_host = entry;
	if (entry.len > 0 && entry.data[0] == '[') {
		if (!find_byte(entry, ']', &at))
			return -EINVAL;
		*ret_host = slice_new(entry.data + 1, at - 1);
		entry = slice_from(entry, at + 1);
		if (entry.len == 0)
			return 0;
		if (entry.data[0] != ':' || entry.len == 1)
			return -EINVAL;
		*ret_ports = slice_from(entry, 1);
		return 0;
	}
	if (!find_byte(entry, ':', &at) || find_byte(slice_from(entry, at + 1), ':', &second))
		return 0;
	*ret_host = slice_new(entry.data, at);
	*ret_ports = slice_from(entry, at + 1);
	return ret_ports->len > 0 ? 0 : -EINVAL;
}

static int parse_ports(struct slice text, struct net_rule *rule)
{
	struct slice first = text, last = text;
	uint32_t low, high;
	size_t dash;

	rule->port_first = 0;
	rule->port_last = UINT16_MAX;
	if (text.len == 0 || slice_is(text, "*"))
		return 0;
	if (find_byte(text, '-', &dash)) {
		first.len = dash;
		last = slice_from(text, dash + 1);
	}
	if (parse_u32(first, 0, UINT16_MAX, &low) < 0 || parse_u32(last, low, UINT16_MAX, &high) < 0)
		return -EINVAL;
	rule->port_first = (uint16_t)low;
	rule->port_last = (uint16_t)high;
	return 0;
}

/* The address of "A" or "A/N"; v4 becomes the mapped form. */
static int parse_network(struct slice host, struct net_rule *rule, bool *ret_v4)
{
	char text[ADDRESS_TEXT_MAX];
	struct slice address = host;
	uint32_t prefix, bits;
	size_t slash = 0;
	bool v4;

	if (find_byte(host, '/', &slash))
		address.len = slash;
	if (text_copy(text, sizeof(text), address) < 0 || strlen(text) != address.len)
		return -EINVAL;
	v4 = inet_pton(AF_INET, text, rule->addr + 12) == 1;
	if (v4)
		memcpy(rule->addr, v4_mapped, sizeof(v4_mapped));
	else if (inet_pton(AF_INET6, text, rule->addr) != 1)
		return -EINVAL;
	bits = v4 ? 32 : 128;
	prefix = bits;
	if (address.len < host.len && parse_u32(slice_from(host, slash + 1), 0, bits, &prefix) < 0)
		return -EINVAL;
	rule->prefix = (uint8_t)(prefix + (v4 ? 96 : 0));
	*ret_v4 = v4;
	return 0;
}

static bool rest_is_zero(const struct net_rule *rule)
{
	for (uint32_t bit = rule->prefix; bit < 128; bit++)
		if (rule->addr[bit / 8] & (0x80U >> (bit % 8)))
			return false;
	return true;
}

/* Only what could be a network with a slip of the pen; a name has a letter beyond hex or no digit. */
static bool looks_like_name(struct slice host)
{
	size_t at;
	bool letter = false;

	for (size_t i = 0; i < host.len; i++) {
		char c = host.data[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		letter |= alpha;
		if (!alpha && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_' && c != '*')
			return false;
	}
	return letter && !find_byte(host, '/', &at);
}

/* 64:ff9b::/96 (RFC 6052) and 2002::/16 (RFC 3056) carry a v4 address. */
static int add_carriers(struct net_rule *rules)
{
	const uint8_t *v4 = rules[0].addr + 12;
	uint8_t v4_prefix = (uint8_t)(rules[0].prefix - 96);

	rules[1] = rules[0];
	memset(rules[1].addr, 0, sizeof(rules[1].addr));
	memcpy(rules[1].addr, "\x00\x64\xff\x9b", 4);
	memcpy(rules[1].addr + 12, v4, 4);
	rules[2] = rules[0];
	memset(rules[2].addr, 0, sizeof(rules[2].addr));
	memcpy(rules[2].addr, "\x20\x02", 2);
	memcpy(rules[2].addr + 2, v4, 4);
	rules[2].prefix = (uint8_t)(16 + v4_prefix);
	return 3;
}

int net_entry_parse(struct slice entry, enum net_verdict verdict, enum net_where where,
		    struct net_rule ret_rules[NET_ENTRY_RULES_MAX])
{
	struct net_rule rule = { .verdict = (uint8_t)verdict, .where = (uint8_t)where };
	struct slice host, ports;
	bool v4 = false;

	if (divide(entry, &host, &ports) < 0 || parse_ports(ports, &rule) < 0)
		return -EINVAL;
	if (slice_is(host, "*")) {
		ret_rules[0] = rule;
		return 1;
	}
	if (parse_network(host, &rule, &v4) < 0)
		return looks_like_name(host) ? -EDOM : -EINVAL;
	if (!rest_is_zero(&rule))
		return -EINVAL;
	ret_rules[0] = rule;
	return v4 && verdict == NET_DENY && where == NET_CONNECT ? add_carriers(ret_rules) : 1;
}

bool net_rule_matches(const struct net_rule *rule, enum net_where where, const uint8_t addr[16],
		      uint16_t port)
{
	uint32_t whole = rule->prefix / 8U, rest = rule->prefix % 8U;

	if (rule->where != where || rule->prefix > 128 || port < rule->port_first ||
	    port > rule->port_last)
		return false;
	if (memcmp(rule->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((rule->addr[whole] ^ addr[whole]) & (0xff00U >> rest) & 0xffU) == 0;
}

void net_address_text(char *to, size_t to_size, const uint8_t addr[16], uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0;

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, text, sizeof(text)))
		text[0] = '\0';
	IGNORE(snprintf(to, to_size, v4 ? "%s:%u" : "[%s]:%u", text, port) < 0);
}

int net_address_parse(struct slice text, uint8_t ret_addr[16], uint16_t *ret_port)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];

	if (net_entry_parse(text, NET_ALLOW, NET_CONNECT, rules) != 1 || rules[0].prefix != 128 ||
	    rules[0].port_first != rules[0].port_last)
		return -EINVAL;
	memcpy(ret_addr, rules[0].addr, sizeof(rules[0].addr));
	*ret_port = rules[0].port_first;
	return 0;
}

static bool prefix_within(const struct net_rule *inner, const struct net_rule *outer)
{
	if (inner->prefix < outer->prefix)
		return false;
	for (unsigned int bit = 0; bit < outer->prefix; bit++) {
		unsigned int mask = 0x80U >> (bit % 8);

		if ((inner->addr[bit / 8] & mask) != (outer->addr[bit / 8] & mask))
			return false;
	}
	return true;
}

bool net_rule_within(const struct net_rule *inner, const struct net_rule *outer)
{
	return inner->port_first >= outer->port_first && inner->port_last <= outer->port_last &&
	       prefix_within(inner, outer);
}
