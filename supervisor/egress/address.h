/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of place an address is. Pure. */
#ifndef EGRESS_ADDRESS_H
#define EGRESS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_class {
	ADDRESS_ORDINARY,
	ADDRESS_GUARDED,         /* metadata, link-local: only where an entry names it */
	ADDRESS_NEVER,           /* loopback, unspecified, multicast, broadcast, reserved */
};

/* Looks through the forms of IPv6 that carry an IPv4 address: mapped, compatible, 6to4, NAT64, ISATAP.
 * Teredo and locally chosen NAT64 prefixes are NEVER: what they carry cannot be told. */
enum address_class address_class(const uint8_t addr[16]);

bool address_is_v4(const uint8_t addr[16]);
/* The sockaddr for it: AF_INET for a mapped one. Returns its length. */
socklen_t address_to_sockaddr(const uint8_t addr[16], uint16_t port, struct sockaddr_storage *ret);
/* v4 becomes mapped. */
void address_from_sockaddr(const struct sockaddr *from, uint8_t ret_addr[16], uint16_t *ret_port);

#endif
