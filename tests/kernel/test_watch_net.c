// SPDX-License-Identifier: Apache-2.0
/* The network: rules decide in the kernel, the rest is told. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kernel/watched.h"

static int connect_to(const char *address, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	inet_pton(AF_INET, address, &sin.sin_addr);
	r = connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void act_connects(void)
{
	if (connect_to("127.9.9.9", 9) != -EPERM || connect_to("127.0.0.1", 9) != -ECONNREFUSED)
		_exit(1);
}

START_TEST(a_connect_that_a_rule_denies_is_refused_and_reported_with_the_rule)
{
	struct run_config config = {
		.flags = RUN_WATCHED | RUN_NET_HOST, .slot = 3, .net_count = 2,
		.connect_default = NET_ALLOW, .bind_default = NET_ALLOW,
	};
	static const uint8_t denied[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 9, 0, 0 };
	const struct kept *k = NULL;
	size_t hooks = 0;

	NEEDS(FEATURE_BPF_CONNECT);
	for (int i = 0; i < 2; i++) {
		config.net[i] = (struct net_rule){ .prefix = 112, .port_last = 65535,
						   .where = NET_CONNECT,
						   .verdict = i == 0 ? NET_ALLOW : NET_DENY };
		memcpy(config.net[i].addr, denied, sizeof(denied));
	}
	ck_assert_msg(connect_to("127.9.9.9", 9) == -ECONNREFUSED, "control: outside it is free");
	begin_with(&config);
	ck_assert_int_eq(in_run(act_connects), 0);
	for (size_t i = 0; i < kept_count; i++) {
		if (kept[i].head.kind != EVENT_CONNECT || !(kept[i].head.flags & EVENT_HOOK))
			continue;
		k = &kept[i];
		hooks++;
	}
	ck_assert_uint_eq(hooks, 1);
	ck_assert_uint_eq(k->net.rule_index, 2);
	ck_assert_uint_eq(k->net.port, 9);
	ck_assert_mem_eq(k->net.addr, "\x7f\x09\x09\x09", 4);
	ck_assert_int_eq(k->head.ret, -EPERM);
	k = NULL;
	for (size_t i = 0; i < kept_count; i++) {
		if (kept[i].head.kind == EVENT_CONNECT && kept[i].head.ret == -ECONNREFUSED)
			k = &kept[i];
	}
	ck_assert_ptr_nonnull(k);
	ck_assert(!(k->head.flags & EVENT_REFUSED));
	end();
}
END_TEST

static void act_outside_without_network(void)
{
	if (connect_to("192.0.2.1", 80) != -EPERM || connect_to("127.0.0.1", 9) != -ECONNREFUSED)
		_exit(1);
}

START_TEST(a_run_without_network_reaches_loopback_only)
{
	NEEDS(FEATURE_BPF_CONNECT);
	begin();
	ck_assert_int_eq(in_run(act_outside_without_network), 0);
	end();
}
END_TEST

static void act_bind(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int un = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (const struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1) < 0 ||
	    bind(un, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		_exit(1);
	sin.sin_port = htons(9);
	for (int i = 0; i < 5; i++)
		sendto(udp, "x", 1, 0, (const struct sockaddr *)&sin, sizeof(sin));
}

START_TEST(bind_listen_and_datagrams_are_reported)
{
	const struct kept *k, *bound = NULL, *named = NULL;
	size_t sends = 0;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(in_run(act_bind), 0);
	for (size_t i = 0; i < kept_count; i++) {
		k = &kept[i];
		sends += k->head.kind == EVENT_SEND;
		if (k->head.kind == EVENT_BIND && k->net.family == AF_INET)
			bound = k;
		if (k->head.kind == EVENT_BIND && k->net.family == AF_UNIX)
			named = k;
	}
	ck_assert_ptr_nonnull(bound);
	ck_assert_uint_ne(bound->net.port, 0);
	ck_assert_mem_eq(bound->net.addr, "\x7f\x00\x00\x01", 4);
	ck_assert_ptr_nonnull(named);
	ck_assert(slice_eq(event_net_path(&named->net), slice_of("socket")));
	k = find(EVENT_LISTEN, NULL);
	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(k->net.port, bound->net.port);
	ck_assert_uint_eq(sends, 1);
	end();
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "network", a_connect_that_a_rule_denies_is_refused_and_reported_with_the_rule, 1 },
		{ "network", a_run_without_network_reaches_loopback_only, 1 },
		{ "network", bind_listen_and_datagrams_are_reported, 1 },
	};

	return suite_of("watch_net", rows, COUNT(rows));
}
