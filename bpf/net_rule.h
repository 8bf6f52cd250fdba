/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One network rule as the kernel matches it. Shared by the cgroup hooks, by decide/ (which answers
 * the same question without a kernel) and by the plan that carries it between them. */
#ifndef BPF_NET_RULE_H
#define BPF_NET_RULE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum net_verdict { NET_DENY, NET_ALLOW };
enum net_where { NET_CONNECT = 1, NET_BIND = 2 };

struct net_rule {            /* any deny that matches wins, else any allow, else the default */
	__u8 addr[16];           /* v4 as ::ffff:a.b.c.d */
	__u8 prefix;             /* bits of addr that count, 0-128 */
	__u8 verdict;            /* enum net_verdict */
	__u8 where;              /* enum net_where */
	__u8 reserved;
	__u16 port_first, port_last; /* host order */
};
_Static_assert(sizeof(struct net_rule) == 24, "ABI: raise EVENTS_VERSION too");

#endif
