// SPDX-License-Identifier: Apache-2.0
/* Network mode `allowlist` in the kernel: what goes to the relay and with which words, what goes to the run's own
 * loopback, what goes nowhere; and that the agent is told the address that it asked for. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "bpf/relay_slot.h"
#include "kernel/watched.h"

#define SLOT 3U
#define FAIL(code) do { fprintf(stderr, "line %d: errno %d\n", __LINE__, errno); _exit(code); } while (0)

static int ring_fd = FD_NONE;
static const volatile struct relay_slot *slots;

/* ---- inside: the loopback of a namespace of its own, and a relay's sockets ---- */

static void run_ip(const char *const *words)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execv("/sbin/ip", (char *const *)(uintptr_t)words);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		FAIL(2);
}

static void network_make(void)
{
	static const char *const up[] = { "ip", "link", "set", "lo", "up", NULL };
	static const char *const route[] = { "ip", "-6", "route", "add", "local", "fd62:6169:6c69:6666::/64", "dev",
					     "lo", NULL };

	if (unshare(CLONE_NEWNET) < 0)
		FAIL(2);
	run_ip(up);
	run_ip(route);
	slots = mmap(NULL, (RELAY_SLOTS + 1) * sizeof(*slots), PROT_READ, MAP_SHARED, ring_fd, 0);
	if (slots == MAP_FAILED)
		FAIL(2);
}

static int relay_socket(int family, int type)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(RELAY_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(RELAY_PORT) };
	bool v4 = family == AF_INET;
	int fd = socket(family, type | SOCK_CLOEXEC, 0), on = 1;

	if (!v4)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (bind(fd, v4 ? (void *)&in : (void *)&in6, v4 ? sizeof(in) : sizeof(in6)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) < 0))
		FAIL(2);
	return fd;
}

static socklen_t address_of(const char *text, uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (void *)to;
	struct sockaddr_in6 *in6 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		FAIL(2);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

/* What the hook wrote for the address at which the relay was reached. */
static void slot_must_be(const uint8_t *low, const char *address, uint16_t port, int type)
{
	uint32_t number = ((uint32_t)low[0] << 24 | (uint32_t)low[1] << 16 | (uint32_t)low[2] << 8 | low[3]) &
			  RELAY_NUMBER_MASK;
	const volatile struct relay_slot *slot = &slots[number % RELAY_SLOTS];
	uint8_t want[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, address, want + 12) != 1 && inet_pton(AF_INET6, address, want) != 1)
		FAIL(2);
	if (slot->number != number || slot->port != port || slot->type != type ||
	    slot->tgid != (uint32_t)getpid() || slot->uid != geteuid() || slot->start_ns == 0 ||
	    memcmp((const void *)(uintptr_t)slot->addr, want, sizeof(want)) != 0)
		FAIL(3);
}

/* ---- streams ---- */

static const struct stream_row {
	const char *address;
	uint16_t port;
	bool fast_open;
} streams[] = {
	{ "93.184.216.34", 443, false },
	{ "93.184.216.34", 443, true },
	{ "2001:db8::1", 80, false },
	{ "::ffff:93.184.216.34", 22, false },
	{ "10.1.2.3", 53, false },
	{ "127.0.0.53", 53, false },     /* a resolver of the host: only asked through the relay */
};
static const struct stream_row *stream;

static void act_stream(void)
{
	struct sockaddr_storage to, peer, local;
	socklen_t len, peer_len = sizeof(peer), local_len = sizeof(local);
	int listener, fd, accepted, r;
	bool v4_listener;

	network_make();
	len = address_of(stream->address, stream->port, &to);
	v4_listener = to.ss_family == AF_INET || strncmp(stream->address, "::ffff:", 7) == 0;
	listener = relay_socket(v4_listener ? AF_INET : AF_INET6, SOCK_STREAM);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (stream->fast_open)
		r = (int)sendto(fd, "x", 1, MSG_FASTOPEN, (void *)&to, len) - 1;
	else
		r = connect(fd, (void *)&to, len);
	if (r < 0)
		FAIL(4);
	accepted = accept(listener, NULL, NULL);
	if (accepted < 0 || getsockname(accepted, (void *)&local, &local_len) < 0 ||
	    getpeername(fd, (void *)&peer, &peer_len) < 0)
		FAIL(5);
	if (v4_listener)
		slot_must_be((void *)&((struct sockaddr_in *)(void *)&local)->sin_addr, stream->address, stream->port, SOCK_STREAM);
	else
		slot_must_be(((struct sockaddr_in6 *)(void *)&local)->sin6_addr.s6_addr + 12, stream->address, stream->port, SOCK_STREAM);
	if (peer_len != len || memcmp(&peer, &to, len) != 0)
		FAIL(6);
}

static void relay_begin(void)
{
	struct run_config config = { .flags = RUN_WATCHED | RUN_NET_RELAY, .slot = SLOT, .net_count = 1 };
	static const uint8_t denied[16] = { [10] = 0xff, 0xff, 10, 9 };

	config.net[0] = (struct net_rule){ .prefix = 112, .port_last = 65535, .where = NET_CONNECT,
					   .verdict = NET_DENY };
	memcpy(config.net[0].addr, denied, sizeof(denied));
	begin_with(&config);
	ck_assert_int_eq(watch_run_relay(watch, SLOT, &ring_fd), 0);
}

static void relay_end(void)
{
	ring_fd = fd_close(ring_fd);
	end();
}

START_TEST(a_stream_goes_to_the_relay_and_the_slot_says_where_it_wanted_to)
{
	NEEDS(FEATURE_BPF_CONNECT);
	stream = &streams[_i];
	relay_begin();
	ck_assert_msg(in_run(act_stream) == 0, "%s:%u", stream->address, stream->port);
	/* What becomes of it is told by the relay, not from here. */
	for (size_t i = 0; i < kept_count; i++)
		ck_assert_msg(kept[i].head.kind != EVENT_CONNECT || kept[i].net.port != RELAY_PORT,
			      "the relay's address was reported");
	relay_end();
}
END_TEST

/* ---- datagrams ---- */

static void act_question(void)
{
	struct sockaddr_storage to, from;
	socklen_t len, from_len = sizeof(from);
	char bytes[64], control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct iovec part = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr header = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
				 .msg_control = control, .msg_controllen = sizeof(control) };
	struct in_pktinfo info;
	int relay, fd;

	network_make();
	relay = relay_socket(AF_INET, SOCK_DGRAM);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	len = address_of("10.1.2.3", 53, &to);
	if (sendto(fd, "question", 8, 0, (void *)&to, len) != 8 || recvmsg(relay, &header, 0) != 8)
		FAIL(4);
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(info));
	slot_must_be((void *)&info.ipi_addr, "10.1.2.3", 53, SOCK_DGRAM);
	/* The answer comes from the address that was asked, as the relay sends it. */
	info.ipi_spec_dst = info.ipi_addr;
	info.ipi_ifindex = 0;
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &info, sizeof(info));
	part.iov_len = 6;
	if (sendmsg(relay, &header, 0) != 6 || recvfrom(fd, bytes, sizeof(bytes), 0, (void *)&from, &from_len) != 6)
		FAIL(5);
	if (from_len != len || memcmp(&from, &to, len) != 0)
		FAIL(6);
}

START_TEST(a_question_goes_to_the_relay_and_is_answered_from_where_it_was_asked)
{
	NEEDS(FEATURE_BPF_CONNECT);
	relay_begin();
	ck_assert_int_eq(in_run(act_question), 0);
	relay_end();
}
END_TEST

/* ---- what goes nowhere, and what stays ---- */

static int attempt(int type, bool send, const char *address, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(address, port, &to);
	int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0), r;

	if (send)
		r = sendto(fd, "x", 1, MSG_NOSIGNAL, (void *)&to, len) < 0 ? -errno : 0;
	else
		r = connect(fd, (void *)&to, len) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void act_attempts(void)
{
	static const struct {
		int type;
		bool send;
		const char *address;
		uint16_t port;
		int want;
	} rows[] = {
		{ SOCK_STREAM, false, "10.9.1.1", 443, -EPERM },          /* denied by a rule */
		{ SOCK_STREAM, false, "::ffff:10.9.1.1", 443, -EPERM },
		{ SOCK_DGRAM, false, "10.9.1.1", 443, -EPERM },
		{ SOCK_DGRAM, true, "93.184.216.34", 443, -EPERM },       /* UDP other than DNS */
		{ SOCK_DGRAM, true, "2001:db8::1", 443, -EPERM },
		{ SOCK_DGRAM, true, "93.184.216.34", 5353, -EPERM },
		{ SOCK_DGRAM, false, "93.184.216.34", 443, 0 },           /* sends nothing */
		{ SOCK_STREAM, false, "127.128.0.1", RELAY_PORT, -EPERM },/* the relay's own port */
		{ SOCK_STREAM, false, "127.0.0.1", RELAY_PORT, -EPERM },
		{ SOCK_STREAM, false, "127.0.0.1", 9, -ECONNREFUSED },    /* its own loopback */
		{ SOCK_STREAM, false, "::1", 9, -ECONNREFUSED },
		{ SOCK_DGRAM, true, "127.0.0.1", 9, 0 },
	};

	network_make();
	IGNORE(relay_socket(AF_INET, SOCK_STREAM) < 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int r = attempt(rows[i].type, rows[i].send, rows[i].address, rows[i].port);

		if (r == rows[i].want)
			continue;
		fprintf(stderr, "row %zu, %s:%u gave %d, want %d\n", i, rows[i].address, rows[i].port, r, rows[i].want);
		_exit(3);
	}
}

START_TEST(what_is_denied_and_every_other_datagram_ends_in_the_hook)
{
	size_t refused = 0;

	NEEDS(FEATURE_BPF_CONNECT);
	relay_begin();
	ck_assert_int_eq(in_run(act_attempts), 0);
	for (size_t i = 0; i < kept_count; i++)
		refused += (kept[i].head.kind == EVENT_CONNECT || kept[i].head.kind == EVENT_SEND) &&
			   kept[i].head.flags & EVENT_HOOK;
	ck_assert_uint_eq(refused, 8);
	relay_end();
}
END_TEST

static void act_without_ring(void)
{
	network_make();
	if (attempt(SOCK_STREAM, false, "93.184.216.34", 443) != -EPERM)
		_exit(3);
}

START_TEST(a_run_whose_ring_is_missing_reaches_nothing)
{
	struct run_config config = { .flags = RUN_WATCHED | RUN_NET_RELAY, .slot = SLOT + 1 };

	NEEDS(FEATURE_BPF_CONNECT);
	begin_with(&config);
	ck_assert_int_eq(watch_run_relay(watch, SLOT, &ring_fd), 0); /* another run's */
	ck_assert_int_eq(in_run(act_without_ring), 0);
	relay_end();
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "redirect", a_stream_goes_to_the_relay_and_the_slot_says_where_it_wanted_to, COUNT(streams) },
		{ "redirect", a_question_goes_to_the_relay_and_is_answered_from_where_it_was_asked, 1 },
		{ "redirect", what_is_denied_and_every_other_datagram_ends_in_the_hook, 1 },
		{ "redirect", a_run_whose_ring_is_missing_reaches_nothing, 1 },
	};

	return suite_of("redirect", rows, COUNT(rows));
}
