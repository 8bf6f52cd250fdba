/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the connect hooks leave for the relay of a run (network mode `allowlist`). A connection is
 * sent to an address of the run's own loopback that no other connection has, and the address is the
 * number of a slot, where the relay reads what was asked for. So the relay needs no bpf(2), and
 * what the agent writes about its connections counts for nothing.
 *
 *   v4   127.128.0.0/10 + number      v6   fd62:6169:6c69:6666:: + number     port RELAY_PORT
 *
 * The slots are a ring: a number's slot is number % RELAY_SLOTS, and a slot that carries another
 * number was used again. Behind the last slot lies the counter. */
#ifndef BPF_RELAY_SLOT_H
#define BPF_RELAY_SLOT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define RELAY_PORT 1U            /* below 1024: no process of a run can listen there */
#define RELAY_SLOTS 4096U        /* as many as wait in the relay's backlog, and a power of two */
#define RELAY_NUMBER_MASK 0x3fffffU
#define RELAY_V4_BASE 0x7f800000U /* host order */
#define RELAY_V6_WORD0 0xfd626169U
#define RELAY_V6_WORD1 0x6c696666U

struct relay_slot {
	__u8 addr[16];           /* v4 as ::ffff:a.b.c.d */
	__u16 port;              /* host order */
	__u16 type;              /* SOCK_* */
	__u32 number;            /* written last */
	__u32 tgid, uid;         /* who asked: the process, in the initial namespaces */
	__u64 start_ns;          /* of its group leader; of the last slot: the counter */
};
_Static_assert(sizeof(struct relay_slot) == 40, "ABI: raise EVENTS_VERSION too");

#endif
