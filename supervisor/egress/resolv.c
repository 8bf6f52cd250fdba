/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf(5) as far as name servers go. */
#include "base/text.h"
#include "egress/egress.h"
#include "decide/net.h"

#define DNS_PORT 53U
#define WORD "nameserver"

static size_t word_len(struct slice text)
{
	size_t len = 0;

	while (len < text.len && !strchr(" \t\r\n;#", text.data[len]) && text.data[len] != '\0')
		len++;
	return len;
}

static bool take_server(struct slice line, struct egress_resolver *ret)
{
	char entry[64];
	uint16_t port;
	int len;

	if (!slice_starts(line, slice_of(WORD)))
		return false;
	line = slice_new(line.data + strlen(WORD), line.len - strlen(WORD));
	while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
		line = slice_new(line.data + 1, line.len - 1);
	line.len = word_len(line);
	len = snprintf(entry, sizeof(entry), memchr(line.data, ':', line.len) ? "[%.*s]:53" : "%.*s:53",
		       (int)MIN(line.len, sizeof(entry)), line.data);
	if (len < 0 || (size_t)len >= sizeof(entry) ||
	    net_address_parse(slice_new(entry, (size_t)len), ret->addr, &port) < 0)
		return false;
	ret->port = DNS_PORT;
	return true;
}

uint32_t resolvers_parse(struct slice text, struct egress_resolver ret[EGRESS_RESOLVERS_MAX])
{
	uint32_t count = 0;

	while (text.len > 0 && count < EGRESS_RESOLVERS_MAX) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;
		struct egress_resolver server = { 0 };

		if (take_server(slice_new(text.data, len), &server))
			ret[count++] = server;
		len += end ? 1 : 0;
		text = slice_new(text.data + len, text.len - len);
	}
	return count;
}
