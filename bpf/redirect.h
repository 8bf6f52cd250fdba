/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network mode `allowlist`: the run's network namespace has a loopback and no route. What is not for
 * that loopback goes to the relay, which listens on it; relay_slot.h says how the relay learns
 * what was asked for. Names are the relay's business; addresses that the policy denies, and datagrams
 * other than DNS, end here. */
#ifndef BPF_REDIRECT_H
#define BPF_REDIRECT_H

#include <bpf/bpf_endian.h>

#include "bpf/emit.h"
#include "bpf/relay_slot.h"

#define DNS_PORT 53U

struct relay_ring {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RELAY_SLOTS + 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32)); /* libbpf 1.1 finds no types in an inner map */
	__uint(value_size, sizeof(struct relay_slot));
};

struct {                         /* index = slot of the run; the ring of a run with a relay */
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RUNS_MAX);
	__type(key, __u32);
	__array(values, struct relay_ring);
} relays SEC(".maps");

struct peer {                    /* what a socket was connected to, as its owner said */
	__u32 addr[4];           /* network order, v4 mapped */
	__u32 port;              /* network order */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct peer);
} redirected SEC(".maps");

/* Takes the next slot of the run. Returns its number, or -1. */
static __always_inline __s32 relay_take(__u32 run_slot, const __u32 addr[4], __u32 port, __u32 type)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	void *ring = bpf_map_lookup_elem(&relays, &run_slot);
	__u32 at = RELAY_SLOTS, number;
	struct relay_slot *slot;

	if (!ring)
		return -1;
	slot = bpf_map_lookup_elem(ring, &at);
	if (!slot)
		return -1;
	number = __sync_fetch_and_add(&slot->start_ns, 1) & RELAY_NUMBER_MASK;
	at = number % RELAY_SLOTS;
	slot = bpf_map_lookup_elem(ring, &at);
	if (!slot)
		return -1;
	slot->number = ~0U;
	__builtin_memcpy(slot->addr, addr, sizeof(slot->addr));
	slot->port = port;
	slot->type = type;
	slot->tgid = bpf_get_current_pid_tgid() >> 32;
	slot->uid = BPF_CORE_READ(task, cred, euid.val);
	slot->start_ns = process_start_ns(task);
	barrier();
	*(volatile __u32 *)&slot->number = number;
	return number;
}

/* The number that an address of the relay stands for, or -1. */
static __always_inline __s32 relay_number(const __u32 addr[4], __u32 port)
{
	__u32 low = bpf_ntohl(addr[3]);

	if (port != RELAY_PORT)
		return -1;
	if (!addr[0] && !addr[1] && addr[2] == bpf_htonl(0xffff))
		return (low & ~RELAY_NUMBER_MASK) == RELAY_V4_BASE ? (__s32)(low & RELAY_NUMBER_MASK) : -1;
	if (addr[0] != bpf_htonl(RELAY_V6_WORD0) || addr[1] != bpf_htonl(RELAY_V6_WORD1) || addr[2])
		return -1;
	return low & RELAY_NUMBER_MASK;
}

/* Makes the other end of a datagram what its receiver thinks that it is: `addr` and `port` (host
 * order) are the relay's. False: they are not, or their slot was used again. */
CHECKED_ONCE int relay_original(struct peer *peer, __u32 port)
{
	__s32 number = peer ? relay_number(peer->addr, port) : -1;
	const struct relay_slot *slot;
	const struct run_config *run;
	__u32 at, run_slot;
	__u64 cgroup_id;
	void *ring;

	if (number < 0)
		return false;
	run = run_of_current(&cgroup_id);
	if (!run || !(run->flags & RUN_NET_RELAY))
		return false;
	run_slot = run->slot;
	ring = bpf_map_lookup_elem(&relays, &run_slot);
	at = (__u32)number % RELAY_SLOTS;
	slot = ring ? bpf_map_lookup_elem(ring, &at) : NULL;
	if (!slot || slot->number != (__u32)number)
		return false;
	__builtin_memcpy(peer->addr, slot->addr, sizeof(slot->addr));
	peer->port = bpf_htons(slot->port);
	return true;
}

static __always_inline void relay_remember(struct bpf_sock_addr *ctx, const __u32 addr[4], __u32 port)
{
	struct bpf_sock *sk = ctx->sk;
	struct peer *peer = sk ? bpf_sk_storage_get(&redirected, sk, NULL,
						    BPF_LOCAL_STORAGE_GET_F_CREATE) : NULL;

	if (!peer)
		return;                  /* no memory: getpeername tells the relay's address */
	peer->addr[0] = addr[0];
	peer->addr[1] = addr[1];
	peer->addr[2] = addr[2];
	peer->addr[3] = addr[3];
	peer->port = bpf_htons(port);
}

/* recvmsg and getpeername: always 1, only the address changes. */
static __always_inline int relay_source4(struct bpf_sock_addr *ctx)
{
	struct peer peer = { .addr = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 } };

	if (relay_original(&peer, bpf_ntohs((__u16)ctx->user_port))) {
		ctx->user_ip4 = peer.addr[3];
		ctx->user_port = peer.port;
	}
	return 1;
}

static __always_inline int relay_source6(struct bpf_sock_addr *ctx)
{
	struct peer peer = { .addr = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
				       ctx->user_ip6[3] } };

	if (relay_original(&peer, bpf_ntohs((__u16)ctx->user_port))) {
		ctx->user_ip6[0] = peer.addr[0];
		ctx->user_ip6[1] = peer.addr[1];
		ctx->user_ip6[2] = peer.addr[2];
		ctx->user_ip6[3] = peer.addr[3];
		ctx->user_port = peer.port;
	}
	return 1;
}

static __always_inline int relay_peer4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	const struct peer *peer = sk ? bpf_sk_storage_get(&redirected, sk, NULL, 0) : NULL;

	if (peer && bpf_ntohs((__u16)ctx->user_port) == RELAY_PORT) {
		ctx->user_ip4 = peer->addr[3];
		ctx->user_port = peer->port;
	}
	return 1;
}

static __always_inline int relay_peer6(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	const struct peer *peer = sk ? bpf_sk_storage_get(&redirected, sk, NULL, 0) : NULL;

	if (peer && bpf_ntohs((__u16)ctx->user_port) == RELAY_PORT) {
		ctx->user_ip6[0] = peer->addr[0];
		ctx->user_ip6[1] = peer->addr[1];
		ctx->user_ip6[2] = peer->addr[2];
		ctx->user_ip6[3] = peer->addr[3];
		ctx->user_port = peer->port;
	}
	return 1;
}

#endif
