/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The network before the fact: the cgroup hooks refuse by the run's rules before anything leaves.
 * What system calls tell afterwards is in socket.h. */
#ifndef BPF_NET_H
#define BPF_NET_H

#include <bpf/bpf_endian.h>

#include "bpf/alone.h"
#include "bpf/redirect.h"

/* What a hook is asked. Fields of a context are read one by one from the context itself (the
 * verifier allows nothing else), so each program fills this and calls net_hook(). */
struct net_question {
	__u32 addr[4];        /* network order, v4 mapped */
	__u32 port, where;    /* host order; enum net_where */
	__u32 family, type, protocol, kind;
	__s32 relay;          /* answer: the number of the relay's slot to go to, or -1 */
};

struct net_match {
	const struct run_config *run;
	const struct net_question *q;
	__u32 allow, deny;    /* 1 + index of the first rule that says so */
};

/* Few branches: what is looked at for each rule is looked at by the verifier for each hook. */
static __always_inline __u64 top_bits(__u32 count)
{
	return count ? ~0ULL << (64 - count) : 0;
}

static __always_inline bool in_prefix(const struct net_rule *rule, const __u32 addr[4])
{
	__u32 high = rule->prefix < 64 ? rule->prefix : 64, low = rule->prefix - high;
	__u64 want[2], have[2];

	__builtin_memcpy(want, rule->addr, sizeof(want));
	__builtin_memcpy(have, addr, sizeof(have));
	return !((bpf_be64_to_cpu(want[0] ^ have[0]) & top_bits(high)) |
		 (bpf_be64_to_cpu(want[1] ^ have[1]) & top_bits(low)));
}

static long net_rule_step(__u32 i, struct net_match *m)
{
	const struct net_rule *rule;

	if (i >= RUN_NET_RULES_MAX || i >= m->run->net_count)
		return 1;
	rule = &m->run->net[i];
	if (rule->where != m->q->where || m->q->port < rule->port_first ||
	    m->q->port > rule->port_last || !in_prefix(rule, m->q->addr))
		return 0;
	if (rule->verdict == NET_ALLOW) {
		if (!m->allow)
			m->allow = i + 1;
		return 0;
	}
	m->deny = i + 1;
	return 1;
}

/* What the run's rules say: 1 + the index of the first that allows, and << 16 of the first that denies. */
CHECKED_ONCE int net_rules(struct run_config *run, struct net_question *q)
{
	struct net_match m = { .run = run, .q = q };

	if (!run || !q)
		return 1 << 16;
	bpf_loop(RUN_NET_RULES_MAX, net_rule_step, &m, 0);
	return (int)(m.allow | m.deny << 16);
}

static __always_inline bool is_loopback(const __u32 addr[4])
{
	if (addr[0] || addr[1])
		return false;
	if (addr[2] == bpf_htonl(0xffff))
		return (bpf_ntohl(addr[3]) >> 24) == 127 || addr[3] == 0;
	return addr[2] == 0 && (addr[3] == bpf_htonl(1) || addr[3] == 0);
}

/* NET_ALLOW or NET_DENY; *ret_rule is what decided: 1 + its index, 0 = the default. */
static __always_inline __u32 net_decide(struct run_config *run, struct net_question *q, __u32 *ret_rule)
{
	__u32 says;

	*ret_rule = 0;
	if (!(run->flags & (RUN_NET_HOST | RUN_NET_RELAY))) /* its own namespace holds nothing but itself */
		return q->where == NET_BIND || is_loopback(q->addr) ? NET_ALLOW : NET_DENY;
	says = net_rules(run, q);
	*ret_rule = says >> 16 ? says >> 16 : says;
	if (says)
		return says >> 16 ? NET_DENY : NET_ALLOW;
	return q->where == NET_BIND ? run->bind_default : run->connect_default;
}

/* The same for a run with a relay. Names and lists of addresses are looked at by the relay; what is
 * denied whatever the name is ends here. A datagram socket that is only connected has sent nothing,
 * and libraries do that to compare addresses: the relay refuses what is sent. */
static __always_inline __u32 relay_decide(struct run_config *run, struct net_question *q,
					  __u32 *ret_rule)
{
	bool dns = q->port == DNS_PORT;

	*ret_rule = 0;
	if (q->where == NET_BIND)
		return NET_ALLOW;
	if (is_loopback(q->addr) && !dns)
		return q->port == RELAY_PORT ? NET_DENY : NET_ALLOW;
	if (!dns) {
		if (q->type != SOCK_STREAM && q->kind != EVENT_CONNECT)
			return NET_DENY;
		*ret_rule = (__u32)net_rules(run, q) >> 16;
		if (*ret_rule)
			return NET_DENY;
	}
	q->relay = relay_take(run->slot, q->addr, q->port, q->type);
	return q->relay < 0 ? NET_DENY : NET_ALLOW;
}

/* Returns 1 = go on, 0 = EPERM. A task of a cgroup without an entry has no policy, so nothing is
 * allowed to it. */
CHECKED_ONCE int net_hook(struct net_question *q)
{
	struct run_config *run;
	struct event_net e;
	__u64 cgroup_id;
	__u32 rule, verdict;

	if (!q)
		return 0;
	q->relay = -1;
	run = run_of_current(&cgroup_id);
	if (!run || (run->flags & RUN_REVOKED))
		return 0;
	if (run->flags & RUN_NET_RELAY)
		verdict = relay_decide(run, q, &rule);
	else
		verdict = net_decide(run, q, &rule);
	if (verdict == NET_ALLOW)
		return 1;
	__builtin_memset(&e, 0, sizeof(e));
	head_fill(&e.head, (__u16)q->kind, cgroup_id);
	e.head.ret = -EPERM;
	e.head.flags = EVENT_REFUSED | EVENT_HOOK;
	e.family = q->family;
	e.type = q->type;
	e.protocol = q->protocol;
	e.port = q->port;
	if (q->family == AF_INET6)
		__builtin_memcpy(e.addr, q->addr, 16);
	else
		__builtin_memcpy(e.addr, &q->addr[3], 4);
	e.rule_index = rule;
	e.count = 1;
	strike(&e.head, run, KERNEL_NET); /* who is revoked by it dies when its call returns */
	put(&e.head, sizeof(e), EVENT_RING_URGENT, run->slot);
	return 0;
}

/* The verifier wants to see that a cgroup program answers 0 or 1; clang knows, and would not say it. */
static __always_inline int net_answer(struct net_question *q)
{
	int answer = net_hook(q);

	OPAQUE(answer);
	return answer & 1;
}

static __always_inline int net_hook4(struct bpf_sock_addr *ctx, __u16 kind, __u32 where)
{
	struct net_question q = { .kind = kind, .family = AF_INET };

	q.where = where;
	q.addr[2] = bpf_htonl(0xffff);
	q.addr[3] = ctx->user_ip4;
	q.port = bpf_ntohs((__u16)ctx->user_port);
	q.type = ctx->type;
	q.protocol = ctx->protocol;
	if (!net_answer(&q))
		return 0;
	if (where == NET_CONNECT && q.relay >= 0) {
		relay_remember(ctx, q.addr, q.port);
		ctx->user_ip4 = bpf_htonl(RELAY_V4_BASE | (__u32)q.relay);
		ctx->user_port = bpf_htons(RELAY_PORT);
	}
	return 1;
}

static __always_inline int net_hook6(struct bpf_sock_addr *ctx, __u16 kind, __u32 where)
{
	struct net_question q = { .kind = kind, .family = AF_INET6 };

	q.where = where;
	q.addr[0] = ctx->user_ip6[0];
	q.addr[1] = ctx->user_ip6[1];
	q.addr[2] = ctx->user_ip6[2];
	q.addr[3] = ctx->user_ip6[3];
	q.port = bpf_ntohs((__u16)ctx->user_port);
	q.type = ctx->type;
	q.protocol = ctx->protocol;
	if (!net_answer(&q))
		return 0;
	if (where == NET_CONNECT && q.relay >= 0) {
		bool mapped = q.addr[2] == bpf_htonl(0xffff) && !q.addr[0] && !q.addr[1];

		relay_remember(ctx, q.addr, q.port);
		ctx->user_ip6[0] = mapped ? 0 : bpf_htonl(RELAY_V6_WORD0);
		ctx->user_ip6[1] = mapped ? 0 : bpf_htonl(RELAY_V6_WORD1);
		ctx->user_ip6[2] = mapped ? bpf_htonl(0xffff) : 0;
		ctx->user_ip6[3] = bpf_htonl((mapped ? RELAY_V4_BASE : 0) | (__u32)q.relay);
		ctx->user_port = bpf_htons(RELAY_PORT);
	}
	return 1;
}

#endif
