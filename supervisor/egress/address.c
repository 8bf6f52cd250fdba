/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

struct network {
	uint8_t bytes[16];
	uint8_t prefix;
	uint8_t class;
};

/* IANA's special-purpose registries, and the metadata services of clouds that are not link-local. */
static const struct network v4_networks[] = {
	{ { 0 }, 8, ADDRESS_NEVER },
	{ { 127 }, 8, ADDRESS_NEVER },
	{ { 224 }, 4, ADDRESS_NEVER },
	{ { 240 }, 4, ADDRESS_NEVER },
	{ { 169, 254 }, 16, ADDRESS_GUARDED },
	{ { 100, 100, 100, 200 }, 32, ADDRESS_GUARDED },
	{ { 168, 63, 129, 16 }, 32, ADDRESS_GUARDED },
	{ { 192, 0, 0, 192 }, 32, ADDRESS_GUARDED },
};

static const struct network v6_networks[] = {
	{ { 0 }, 127, ADDRESS_NEVER },                        /* :: and ::1 */
	{ { 0xff }, 8, ADDRESS_NEVER },
	{ { 0x20, 0x01, 0, 0 }, 32, ADDRESS_NEVER },          /* Teredo */
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, ADDRESS_NEVER }, /* RFC 8215 */
	{ { 0xfe, 0x80 }, 10, ADDRESS_GUARDED },
	{ { 0xfe, 0xc0 }, 10, ADDRESS_GUARDED },
	{ { 0xfd, 0, 0x0e, 0xc2, [15] = 0x54, [14] = 0x02 }, 128, ADDRESS_GUARDED },
	{ { 0xfd, 0x20, 0, 0xce, [15] = 0x54, [14] = 0x02 }, 128, ADDRESS_GUARDED },
};

static bool holds(const struct network *network, const uint8_t *addr)
{
	uint32_t whole = network->prefix / 8U, rest = network->prefix % 8U;

	if (memcmp(network->bytes, addr, whole) != 0)
		return false;
	return rest == 0 || ((network->bytes[whole] ^ addr[whole]) & (0xff00U >> rest) & 0xffU) == 0;
}

static enum address_class class_of(const struct network *networks, size_t count, const uint8_t *addr)
{
	for (size_t i = 0; i < count; i++)
		if (holds(&networks[i], addr))
			return (enum address_class)networks[i].class;
	return ADDRESS_ORDINARY;
}

/* Where an IPv6 address carries an IPv4 one, or NULL. */
static const uint8_t *carried(const uint8_t addr[16])
{
	static const uint8_t compatible[12], nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(addr, mapped, 12) == 0 || memcmp(addr, nat64, 12) == 0)
		return addr + 12;
	if (memcmp(addr, compatible, 12) == 0 && (addr[12] || addr[13] || addr[14]))
		return addr + 12;
	if (addr[0] == 0x20 && addr[1] == 0x02)
		return addr + 2;
	if ((addr[8] & 0xfd) == 0 && addr[9] == 0 && addr[10] == 0x5e && addr[11] == 0xfe)
		return addr + 12;
	return NULL;
}

enum address_class address_class(const uint8_t addr[16])
{
	const uint8_t *v4 = carried(addr);
	enum address_class outer = address_is_v4(addr) ? ADDRESS_ORDINARY :
				   class_of(v6_networks, COUNT(v6_networks), addr);
	enum address_class inner = v4 ? class_of(v4_networks, COUNT(v4_networks), v4) : ADDRESS_ORDINARY;

	return MAX(outer, inner);
}

bool address_is_v4(const uint8_t addr[16])
{
	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

socklen_t address_to_sockaddr(const uint8_t addr[16], uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (address_is_v4(addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr + 12, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr, 16);
	return sizeof(*in6);
}

void address_from_sockaddr(const struct sockaddr *from, uint8_t ret_addr[16], uint16_t *ret_port)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	if (from->sa_family == AF_INET) {
		memcpy(ret_addr, mapped, sizeof(mapped));
		memcpy(ret_addr + 12, &in->sin_addr, 4);
		*ret_port = ntohs(in->sin_port);
		return;
	}
	memcpy(ret_addr, &in6->sin6_addr, 16);
	*ret_port = ntohs(in6->sin6_port);
}
