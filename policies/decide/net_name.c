/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/net_name.h"

#include <errno.h>

#include "base/parse.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* The last label decides whether this is an address that was written in an odd way (1.2.3, 0x7f.1). */
static bool looks_like_address(const char *name, size_t len)
{
	size_t at = len;

	while (at > 0 && name[at - 1] != '.')
		at--;
	if (at < len && !is_digit(name[at]))
		return false;
	if (len - at > 2 && name[at] == '0' && name[at + 1] == 'x')
		return true;
	for (size_t i = at; i < len; i++)
		if (!is_digit(name[i]))
			return false;
	return true;
}

int net_name_clean(struct slice name, char to[NET_NAME_MAX + 1])
{
	size_t label = 0;

	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > NET_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < name.len; i++) {
		char c = lower(name.data[i]);

		if (c == '.' ? label == 0 : !is_name_byte(c) || label == NET_LABEL_MAX)
			return -EINVAL;
		label = c == '.' ? 0 : label + 1;
		to[i] = c;
	}
	if (label == 0 || looks_like_address(to, name.len))
		return -EINVAL;
	to[name.len] = '\0';
	return (int)name.len;
}

static int parse_ports(struct slice text, struct net_name *name)
{
	const char *dash = memchr(text.data, '-', text.len);
	size_t len = dash ? (size_t)(dash - text.data) : text.len;
	struct slice last = dash ? slice_new(dash + 1, text.len - len - 1) : text;
	uint32_t low, high;

	if (parse_u32(slice_new(text.data, len), 0, UINT16_MAX, &low) < 0 ||
	    parse_u32(last, low, UINT16_MAX, &high) < 0)
		return -EINVAL;
	name->port_first = (uint16_t)low;
	name->port_last = (uint16_t)high;
	return 0;
}

static bool is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] & (char)0x80)
			return false;
	return true;
}

int net_name_parse(struct slice entry, enum net_verdict verdict, struct net_name *ret_name)
{
	struct net_name name = { .verdict = (uint8_t)verdict, .port_last = UINT16_MAX };
	const char *colon = memchr(entry.data ? entry.data : "", ':', entry.len);
	struct slice host = slice_new(entry.data, colon ? (size_t)(colon - entry.data) : entry.len);
	int len;

	if (!is_ascii(host))
		return -EILSEQ;
	if (colon && !slice_is(slice_new(colon + 1, entry.len - host.len - 1), "*") &&
	    parse_ports(slice_new(colon + 1, entry.len - host.len - 1), &name) < 0)
		return -EINVAL;
	if (slice_starts(host, slice_of("*."))) {
		name.flags = NET_NAME_BELOW;
		host = slice_new(host.data + 2, host.len - 2);
	}
	len = net_name_clean(host, name.text);
	if (len < 0)
		return len;
	name.len = (uint8_t)len;
	*ret_name = name;
	return 0;
}

bool net_name_is_sound(const struct net_name *rule)
{
	char clean[NET_NAME_MAX + 1];

	if (rule->port_first > rule->port_last || rule->verdict > NET_ALLOW ||
	    rule->flags > NET_NAME_BELOW || rule->reserved != 0 || rule->len > NET_NAME_MAX)
		return false;
	for (size_t i = rule->len; i < sizeof(rule->text); i++)
		if (rule->text[i] != '\0')
			return false;
	return net_name_clean(slice_new(rule->text, rule->len), clean) == rule->len &&
	       memcmp(clean, rule->text, rule->len) == 0;
}

bool net_name_covers(const struct net_name *rule, struct slice name)
{
	size_t more;

	if (!(rule->flags & NET_NAME_BELOW))
		return name.len == rule->len && memcmp(name.data, rule->text, rule->len) == 0;
	if (name.len <= rule->len + 1U)
		return false;
	more = name.len - rule->len;
	return name.data[more - 1] == '.' && memcmp(name.data + more, rule->text, rule->len) == 0;
}

enum net_verdict net_names_decide(const struct net_name *rules, size_t count, struct slice name,
				  uint32_t port, bool *ret_denied)
{
	bool allowed = false, denied = false;

	for (size_t i = 0; i < count; i++) {
		const struct net_name *rule = &rules[i];
		bool every = rule->port_first == 0 && rule->port_last == UINT16_MAX;

		if (!net_name_covers(rule, name))
			continue;
		if (port == NET_PORT_ANY ? rule->verdict == NET_DENY && !every :
					   port < rule->port_first || port > rule->port_last)
			continue;
		allowed |= rule->verdict == NET_ALLOW;
		denied |= rule->verdict == NET_DENY;
	}
	*ret_denied = denied;
	return allowed && !denied ? NET_ALLOW : NET_DENY;
}

bool net_name_within(const struct net_name *inner, const struct net_name *outer)
{
	struct slice name = slice_of(inner->text);
	bool same = slice_is(name, outer->text) && (inner->flags & NET_NAME_BELOW) == (outer->flags & NET_NAME_BELOW);

	if (inner->port_first < outer->port_first || inner->port_last > outer->port_last)
		return false;
	return same || ((outer->flags & NET_NAME_BELOW) && net_name_covers(outer, name));
}
