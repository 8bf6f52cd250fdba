/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses seen from here: what the hook wrote for one of ours, and whether one is this host's. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "egress/address.h"
#include "egress/egress.h"

static uint32_t low_word(const struct sockaddr *local)
{
	const struct sockaddr_in6 *in6 = (const void *)local;
	uint32_t word;

	if (local->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)local)->sin_addr.s_addr);
	memcpy(&word, in6->sin6_addr.s6_addr + 12, sizeof(word));
	return ntohl(word);
}

struct relay_slot slot_of(const struct egress *egress, const struct sockaddr *local)
{
	const struct relay_slot lost = { .number = ~0U };
	uint32_t word = low_word(local), number = word & RELAY_NUMBER_MASK;
	const volatile struct relay_slot *shared = &egress->slots[number % RELAY_SLOTS];
	struct relay_slot slot;

	if (local->sa_family == AF_INET && (word & ~RELAY_NUMBER_MASK) != RELAY_V4_BASE)
		return lost;
	if (shared->number != number)
		return lost;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	memcpy(&slot, (const void *)(uintptr_t)shared, sizeof(slot));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return shared->number == number ? slot : lost;
}

/* A socket can be bound to what is this host's own, and to nothing else. Asked each time: addresses come
 * and go, and a list would be old. */
bool address_is_own(const uint8_t addr[16])
{
	struct sockaddr_storage to;
	socklen_t len = address_to_sockaddr(addr, 0, &to);
	auto_close int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 || bind(fd, (const struct sockaddr *)&to, len) == 0;
}

enum address_answer egress_address(const struct egress *egress, const uint8_t addr[16], uint16_t port)
{
	return rules_address(&egress->rules, addr, port, address_is_own(addr));
}
