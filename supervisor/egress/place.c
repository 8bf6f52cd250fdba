/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses seen from here: what the hook wrote for one of ours, and whether one is this host's. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "egress/address.h"
#include "egress/egress.h"

#define OWN_NS 1000000000ULL

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

/* A socket can be bound to what is this host's own, and to nothing else. Addresses come and go, and a list
 * would be old. */
static bool is_own_now(const uint8_t addr[16])
{
	struct sockaddr_storage to;
	socklen_t len = address_to_sockaddr(addr, 0, &to);
	auto_close int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 || bind(fd, (const struct sockaddr *)&to, len) == 0;
}

/* What was so a moment ago is so. */
static bool is_own(struct egress *egress, const uint8_t addr[16])
{
	struct own_answer *row = &egress->own[(addr[13] ^ addr[14] ^ addr[15]) % OWN_ANSWERS];
	uint64_t now_ns = now_monotonic_ns();

	if (row->until_ns > now_ns && memcmp(row->addr, addr, sizeof(row->addr)) == 0)
		return row->own;
	row->own = is_own_now(addr);
	row->until_ns = now_ns + OWN_NS;
	memcpy(row->addr, addr, sizeof(row->addr));
	return row->own;
}

enum address_answer egress_address(struct egress *egress, const uint8_t addr[16], uint16_t port)
{
	return rules_address(&egress->rules, addr, port, is_own(egress, addr));
}
