/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The network after the fact: what connect, bind, listen, accept and send tell when they return. */
#ifndef BPF_SOCKET_H
#define BPF_SOCKET_H

#include <bpf/bpf_endian.h>

#include "bpf/file.h"
#include "bpf/redirect.h"

#define UNIX_PATH_MAX 108

/* A network event with room for the name of a UNIX socket. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgnu-variable-sized-type-not-at-end"
struct net_record {
	struct event_net net;
	char path[112];
};
#pragma clang diagnostic pop

/* The struct sock behind a descriptor of the current task, or 0. */
CHECKED_ONCE __u64 sock_of(__s32 fd)
{
	bool shared;
	struct file *file = file_of(fd, &shared);
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	if (BPF_CORE_READ(socket, file) != file)
		return 0;
	return (__u64)BPF_CORE_READ(socket, sk);
}

/* Family, type and one end of the socket as the kernel has them. */
CHECKED_ONCE int fill_from_sock(struct event_net *net, __u64 sock, __u32 peer)
{
	struct sock *sk = (void *)sock;

	if (!net)
		return 0;
	net->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	net->type = BPF_CORE_READ(sk, sk_type);
	net->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (net->family != AF_INET && net->family != AF_INET6)
		return 0;
	net->port = peer ? bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)) :
			   BPF_CORE_READ(sk, __sk_common.skc_num);
	if (net->family == AF_INET) {
		__u32 addr = peer ? BPF_CORE_READ(sk, __sk_common.skc_daddr) :
				    BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

		__builtin_memcpy(net->addr, &addr, 4);
	} else if (peer) {
		BPF_CORE_READ_INTO(&net->addr, sk, __sk_common.skc_v6_daddr);
	} else {
		BPF_CORE_READ_INTO(&net->addr, sk, __sk_common.skc_v6_rcv_saddr);
	}
	return 0;
}

/* The address as the caller says: for what failed, and for UNIX names. */
CHECKED_ONCE int fill_from_user(struct net_record *r, __u64 address, __u32 len)
{
	struct sockaddr_any any = {};
	__u32 path_len;

	if (!r)
		return 0;
	r->net.head.flags |= EVENT_CLAIMED;
	if (len < 2 || bpf_probe_read_user(&any.family, 2, (void *)address))
		return 0;
	if (any.family == AF_UNIX) {
		path_len = len - 2;
		if (path_len > UNIX_PATH_MAX)
			path_len = UNIX_PATH_MAX;
		OPAQUE(path_len);
		path_len &= 127;
		if (path_len > UNIX_PATH_MAX || path_len == 0)
			return 0;
		if (bpf_probe_read_user(r->path, path_len, (void *)(address + 2)))
			return 0;
		r->net.family = AF_UNIX;
		r->net.path_len = path_len;
		return 0;
	}
	if (any.family != AF_INET && any.family != AF_INET6)
		return 0;
	if (bpf_probe_read_user(&any, any.family == AF_INET ? 8 : 24, (void *)address))
		return 0;
	r->net.family = any.family;
	r->net.port = bpf_ntohs(any.port);
	if (any.family == AF_INET)
		__builtin_memcpy(r->net.addr, &any.addr4, 4);
	else
		__builtin_memcpy(r->net.addr, any.addr6, 16);
	return 0;
}

/* The kernel's sun_path ends at the first NUL unless the name is abstract. */
static __always_inline void trim_unix_path(struct net_record *r)
{
	__u32 len = 0;

	if (r->net.family != AF_UNIX || r->path[0] == 0)
		return;
	for (int i = 0; i < UNIX_PATH_MAX; i++) {
		if (r->path[i] == 0)
			break;
		len++;
	}
	if (len < r->net.path_len)
		r->net.path_len = len;
}

CHECKED_ONCE int net_send(struct net_record *r, __u32 ring, __u32 slot)
{
	__u32 path_len;

	if (!r)
		return 0;
	trim_unix_path(r);
	path_len = r->net.path_len;
	if (path_len > UNIX_PATH_MAX)
		path_len = UNIX_PATH_MAX;
	r->net.path_len = path_len;
	OPAQUE(path_len);
	if (path_len > UNIX_PATH_MAX)
		return 0;
	send(&r->net.head, sizeof(r->net) + path_len, ring, slot);
	return 0;
}

/* On its way to the relay, which tells what becomes of it. `port` and `addr` are the kernel's. */
static __always_inline bool told_by_relay(const struct returned *call, const struct event_net *net)
{
	if (net->port != RELAY_PORT || !(call->run_flags & RUN_NET_RELAY))
		return false;
	if (net->family == AF_INET)
		return net->addr[0] == 127 && (net->addr[1] & 0xc0) == 0x80;
	return net->family == AF_INET6;
}

/* Refused by our own hook: the hook has reported it. */
static __always_inline bool reported_by_hook(const struct net_record *r)
{
	return r->net.head.ret == -EPERM && r->net.family != AF_UNIX;
}

static __always_inline void net_begin(struct net_record *r, const struct returned *call, __u16 kind)
{
	__builtin_memset(r, 0, sizeof(*r));
	head_fill(&r->net.head, kind, call->cgroup_id);
	r->net.head.ret = (__s32)call->ret;
	r->net.count = 1;
	if (is_refusal(call->ret))
		r->net.head.flags = EVENT_REFUSED;
}

static __always_inline __u32 net_ring(const struct returned *call)
{
	return is_refusal(call->ret) ? EVENT_RING_URGENT : EVENT_RING_BULK;
}

/* The kernel has the address: the call succeeded, or the connect is under way. */
static __always_inline bool is_done(const struct returned *call)
{
	return call->ret >= 0 ||
	       (call->ret == -EINPROGRESS && row_of(call)->class == CALL_CONNECT);
}

/* A missing UNIX socket, an address in use: no news. What our own hook refused, it has reported. */
static __always_inline bool is_news(const struct net_record *r, const struct returned *call)
{
	if (r->net.family == AF_INET || r->net.family == AF_INET6)
		return !reported_by_hook(r) &&
		       !(row_of(call)->class == CALL_CONNECT && told_by_relay(call, &r->net)) &&
		       (is_done(call) || is_refusal(call->ret) || row_of(call)->class == CALL_CONNECT);
	return r->net.family != AF_NETLINK && (is_done(call) || is_refusal(call->ret));
}

/* connect and bind: what the socket has become, or what was asked for where it failed. */
CHECKED_ONCE int addressed(struct returned *call)
{
	struct net_record r;
	__u64 sk;

	if (!call)
		return 0;
	sk = sock_of((__s32)call->args[0]);
	if (!sk)
		return 0;
	net_begin(&r, call, row_of(call)->kind);
	fill_from_sock(&r.net, sk, row_of(call)->class == CALL_CONNECT);
	if (!is_news(&r, call))
		return 0;
	if (!is_done(call) || r.net.family == AF_UNIX)
		fill_from_user(&r, call->args[1], (__u32)call->args[2]);
	net_send(&r, net_ring(call), call->slot);
	return 0;
}

CHECKED_ONCE int listening(struct returned *call)
{
	struct net_record r;
	bool accept;
	__u64 sk;

	if (!call || call->ret < 0)
		return 0;
	accept = row_of(call)->class == CALL_ACCEPT;
	sk = sock_of(accept ? (__s32)call->ret : (__s32)call->args[0]);
	if (!sk)
		return 0;
	net_begin(&r, call, row_of(call)->kind);
	fill_from_sock(&r.net, sk, accept);
	if (r.net.family == AF_UNIX && accept)
		return 0;                /* its peer has no name of its own */
	net_send(&r, EVENT_RING_BULK, call->slot);
	return 0;
}

/* Puts where sendmsg's message goes to and its flags where sendto has them. */
CHECKED_ONCE int message_target(struct returned *call)
{
	struct user_msghdr msg = {};

	if (!call)
		return 0;
	bpf_probe_read_user(&msg, sizeof(msg), (void *)call->args[1]);
	call->args[3] = call->nr == NR_sendmsg ? call->args[2] : call->args[3];
	call->args[4] = msg.name;
	call->args[5] = (__u32)msg.namelen;
	return 0;
}

/* Merged per process, socket family and destination. */
CHECKED_ONCE int sent_before(struct net_record *r, __u32 slot)
{
	struct seen_key key = { .kind = EVENT_SEND };

	if (!r)
		return false;
	key.start_ns = r->net.head.proc_start_ns;
	key.tgid = r->net.head.tgid;
	key.dev = (__u32)r->net.family << 16 | r->net.port;
	if (r->net.family == AF_UNIX) {
		__builtin_memcpy(&key.ino, r->path, 8);
		__builtin_memcpy(&key.extra, r->path + 8, 8);
		key.gen = r->net.path_len;
	} else {
		__builtin_memcpy(&key.ino, r->net.addr, 8);
		__builtin_memcpy(&key.extra, r->net.addr + 8, 8);
	}
	return seen_before(&key, slot);
}

/* Datagrams. A stream's first bytes with MSG_FASTOPEN are a connect. */
CHECKED_ONCE int sent(struct returned *call)
{
	struct net_record r;
	__u64 sk;

	if (!call || (call->ret < 0 && !is_refusal(call->ret)))
		return 0;
	sk = sock_of((__s32)call->args[0]);
	if (!sk)
		return 0;
	if (row_of(call)->class == CALL_SENDMSG)
		message_target(call);
	net_begin(&r, call, EVENT_SEND);
	fill_from_sock(&r.net, sk, true);
	if (r.net.type == SOCK_STREAM) {
		if (!(call->args[3] & MSG_FASTOPEN) || r.net.family == AF_UNIX)
			return 0;
		r.net.head.kind = EVENT_CONNECT;
	} else if (r.net.family == AF_UNIX && !call->args[4]) {
		return 0;                /* connected: the connect was reported */
	}
	if (r.net.family == AF_NETLINK || reported_by_hook(&r) || told_by_relay(call, &r.net))
		return 0;
	if (call->args[4])
		fill_from_user(&r, call->args[4], (__u32)call->args[5]);
	if (r.net.port == DNS_PORT && call->run_flags & RUN_NET_RELAY)
		return 0;                /* a question, which the relay tells of */
	if (call->ret >= 0) {
		r.net.bytes_sent = call->ret;
		r.net.head.flags |= EVENT_MERGED;
		if (sent_before(&r, call->slot))
			return 0;
	}
	net_send(&r, net_ring(call), call->slot);
	return 0;
}

#endif
