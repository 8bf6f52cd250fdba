/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay may connect to: classes of addresses, the lists of the policy, what DNS said. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>

#include "base/buf.h"
#include "decide/net.h"
#include "egress/address.h"
#include "egress/answers.h"
#include "egress/egress.h"
#include "egress/rules.h"
#include "lib/runner.h"

static void address(const char *text, uint8_t to[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(to, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, to + 12) != 1)
		ck_assert_msg(inet_pton(AF_INET6, text, to) == 1, "%s", text);
}

static const struct class_row {
	const char *address;
	enum address_class want;
} classes[] = {
	{ "93.184.216.34", ADDRESS_ORDINARY },    { "10.0.0.1", ADDRESS_ORDINARY },
	{ "2606:2800:220:1::1", ADDRESS_ORDINARY },{ "fd00::1", ADDRESS_ORDINARY },
	{ "0.0.0.0", ADDRESS_NEVER },             { "0.1.2.3", ADDRESS_NEVER },
	{ "127.0.0.1", ADDRESS_NEVER },           { "127.255.255.254", ADDRESS_NEVER },
	{ "224.0.0.1", ADDRESS_NEVER },           { "255.255.255.255", ADDRESS_NEVER },
	{ "240.0.0.1", ADDRESS_NEVER },           { "::", ADDRESS_NEVER },
	{ "::1", ADDRESS_NEVER },                 { "ff02::1", ADDRESS_NEVER },
	{ "169.254.169.254", ADDRESS_GUARDED },   { "100.100.100.200", ADDRESS_GUARDED },
	{ "168.63.129.16", ADDRESS_GUARDED },     { "192.0.0.192", ADDRESS_GUARDED },
	{ "fe80::1", ADDRESS_GUARDED },           { "fec0::1", ADDRESS_GUARDED },
	{ "fd00:ec2::254", ADDRESS_GUARDED },     { "fd20:ce::254", ADDRESS_GUARDED },
	/* The same in forms of IPv6 that carry IPv4. */
	{ "::ffff:127.0.0.1", ADDRESS_NEVER },    { "::ffff:169.254.169.254", ADDRESS_GUARDED },
	{ "::127.0.0.1", ADDRESS_NEVER },         { "64:ff9b::7f00:1", ADDRESS_NEVER },
	{ "64:ff9b::a9fe:a9fe", ADDRESS_GUARDED },{ "64:ff9b:1::1", ADDRESS_NEVER },
	{ "2002:7f00:1::1", ADDRESS_NEVER },      { "2002:a9fe:a9fe::1", ADDRESS_GUARDED },
	{ "2001:0:1::1", ADDRESS_NEVER },         { "2001:db8::5efe:7f00:1", ADDRESS_NEVER },
	{ "fe80::5efe:7f00:1", ADDRESS_NEVER },   { "64:ff9b::5db8:d822", ADDRESS_ORDINARY },
};

START_TEST(an_address_has_the_class_of_its_row)
{
	uint8_t addr[16];

	address(classes[_i].address, addr);
	ck_assert_msg(address_class(addr) == classes[_i].want, "%s is %d", classes[_i].address,
		      (int)address_class(addr));
}
END_TEST

struct world {
	struct buf bytes;
	struct egress_rules rules;
};

static struct world world_of(const char *const *allow, const char *const *deny)
{
	struct world world = { .bytes = buf_growing(1U << 20) };
	struct egress_config config = { .version = EGRESS_VERSION, .flows_max = 10 };
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	cleanup_with(buf_finish) struct buf names = buf_growing(1U << 18);

	ck_assert_int_eq(buf_append(&world.bytes, &config, sizeof(config)), 0);
	for (int list = 0; list < 2; list++) {
		enum net_verdict verdict = list ? NET_DENY : NET_ALLOW;

		for (const char *const *at = list ? deny : allow; at && *at; at++) {
			int count = net_entry_parse(slice_of(*at), verdict, NET_CONNECT, rules);
			struct net_name name;

			if (count > 0) {
				ck_assert_int_eq(buf_append(&world.bytes, rules, (size_t)count * sizeof(rules[0])), 0);
				config.net_count += (uint32_t)count;
				continue;
			}
			ck_assert_msg(net_name_parse(slice_of(*at), verdict, &name) == 0, "%s", *at);
			ck_assert_int_eq(buf_append(&names, &name, sizeof(name)), 0);
			config.name_count++;
		}
	}
	ck_assert_int_eq(buf_append(&world.bytes, names.data, names.len), 0);
	config.bytes = (uint32_t)world.bytes.len;
	memcpy(world.bytes.data, &config, sizeof(config));
	ck_assert_int_eq(rules_check(world.bytes.data, world.bytes.len, &world.rules), 0);
	return world;
}

static const struct address_row {
	const char *allow[3], *deny[3];
	const char *address;
	uint16_t port;
	bool own;
	enum address_answer want;
} addresses[] = {
	{ { "a.test" }, { NULL }, "93.184.216.34", 443, false, ADDRESS_NEEDS_NAME },
	{ { "93.184.216.0/24:443" }, { NULL }, "93.184.216.34", 443, false, ADDRESS_LISTED },
	{ { "93.184.216.0/24:443" }, { NULL }, "93.184.216.34", 80, false, ADDRESS_NEEDS_NAME },
	{ { "*" }, { NULL }, "93.184.216.34", 80, false, ADDRESS_LISTED },
	{ { "*" }, { "93.184.216.34" }, "93.184.216.34", 80, false, ADDRESS_REFUSED },
	{ { "a.test" }, { "10.0.0.0/8" }, "10.1.2.3", 80, false, ADDRESS_REFUSED },
	{ { "a.test" }, { "10.0.0.0/8" }, "2002:a01:203::1", 80, false, ADDRESS_REFUSED },
	/* Guarded: a wide entry does not name it, a narrow one does. */
	{ { "*" }, { NULL }, "169.254.169.254", 80, false, ADDRESS_REFUSED },
	{ { "0.0.0.0/0" }, { NULL }, "169.254.169.254", 80, false, ADDRESS_REFUSED },
	{ { "169.254.169.254:80" }, { NULL }, "169.254.169.254", 80, false, ADDRESS_LISTED },
	{ { "169.254.169.254:80" }, { NULL }, "169.254.169.254", 81, false, ADDRESS_REFUSED },
	{ { "169.254.169.254" }, { "169.254.0.0/16" }, "169.254.169.254", 80, false, ADDRESS_REFUSED },
	{ { "fe80::/64" }, { NULL }, "fe80::1", 80, false, ADDRESS_LISTED },
	{ { "::/0" }, { NULL }, "fe80::1", 80, false, ADDRESS_REFUSED },
	/* This host's own. */
	{ { "*" }, { NULL }, "192.168.1.5", 80, true, ADDRESS_REFUSED },
	{ { "192.168.1.0/24" }, { NULL }, "192.168.1.5", 80, true, ADDRESS_REFUSED },
	{ { "192.168.1.5" }, { NULL }, "192.168.1.5", 80, true, ADDRESS_LISTED },
	/* Never, whoever names it. */
	{ { "127.0.0.1", "*" }, { NULL }, "127.0.0.1", 80, true, ADDRESS_REFUSED },
	{ { "::1" }, { NULL }, "::1", 80, true, ADDRESS_REFUSED },
	{ { "127.0.0.0/8" }, { NULL }, "::ffff:127.0.0.1", 80, false, ADDRESS_REFUSED },
};

START_TEST(an_address_is_answered_as_its_row_says)
{
	const struct address_row *row = &addresses[_i];
	struct world world = world_of(row->allow, row->deny);
	uint8_t addr[16];
	enum address_answer got;

	address(row->address, addr);
	got = rules_address(&world.rules, addr, row->port, row->own);
	ck_assert_msg(got == row->want, "%s:%u is %d", row->address, row->port, (int)got);
	buf_finish(&world.bytes);
}
END_TEST

START_TEST(a_configuration_is_taken_whole_or_not_at_all)
{
	struct world world = world_of((const char *const[]){ "a.test", "10.0.0.0/8", NULL }, NULL);
	struct egress_config *config = (void *)world.bytes.data;
	struct net_rule *net = (void *)(config + 1);
	struct egress_rules rules;

	for (size_t n = 0; n < world.bytes.len; n++)
		ck_assert_int_eq(rules_check(world.bytes.data, n, &rules), -EINVAL);
	net->prefix = 129;
	ck_assert_int_eq(rules_check(world.bytes.data, world.bytes.len, &rules), -EINVAL);
	net->prefix = 104;
	((struct net_name *)(void *)(net + 1))->reserved = 1;
	ck_assert_int_eq(rules_check(world.bytes.data, world.bytes.len, &rules), -EINVAL);
	((struct net_name *)(void *)(net + 1))->reserved = 0;
	config->flows_max = 0;
	ck_assert_int_eq(rules_check(world.bytes.data, world.bytes.len, &rules), -EINVAL);
	config->flows_max = 1;
	ck_assert_int_eq(rules_check(world.bytes.data, world.bytes.len, &rules), 0);
	buf_finish(&world.bytes);
}
END_TEST

START_TEST(what_dns_said_is_known_until_its_time_and_for_its_name_only)
{
	static struct answers answers;
	uint8_t one[1][16], two[1][16];
	const uint64_t ttl = 5000000000, now = 1000;
	struct slice a = slice_of("a.test"), b = slice_of("b.test");
	uint32_t at = 0;

	address("10.0.0.1", one[0]);
	address("10.0.0.2", two[0]);
	answers_put(&answers, a, 1, (const void *)one, 1, ttl, now);
	ck_assert(answers_has(&answers, a, one[0], now + 1));
	ck_assert(!answers_has(&answers, b, one[0], now + 1));
	ck_assert(!answers_has(&answers, a, two[0], now + 1));
	ck_assert_ptr_nonnull(answers_fresh(&answers, a, 1, now + ttl - 1));
	ck_assert_ptr_null(answers_fresh(&answers, a, 1, now + ttl));
	ck_assert_ptr_null(answers_fresh(&answers, a, 28, now + 1));
	/* Another answer for the same name: who got the first one may still use it. */
	answers_put(&answers, a, 1, (const void *)two, 1, ttl, now + 10);
	ck_assert(answers_has(&answers, a, one[0], now + 20));
	ck_assert(answers_has(&answers, a, two[0], now + 20));
	ck_assert(!answers_has(&answers, a, one[0], now + ttl + ANSWER_GRACE_NS));
	ck_assert_ptr_nonnull(answers_next(&answers, one[0], now + 20, &at));
	ck_assert_ptr_null(answers_next(&answers, one[0], now + 20, &at));
}
END_TEST

START_TEST(a_flood_of_answers_forgets_the_oldest)
{
	static struct answers answers;
	uint8_t addr[1][16];
	char name[32];

	for (uint32_t i = 0; i < ANSWERS_MAX + 10; i++) {
		IGNORE(snprintf(name, sizeof(name), "n%u.test", i) < 0);
		address("10.0.0.1", addr[0]);
		answers_put(&answers, slice_of(name), 1, (const void *)addr, 1, 1000000 + i, 1);
	}
	ck_assert(!answers_has(&answers, slice_of("n0.test"), addr[0], 2));
	ck_assert(answers_has(&answers, slice_of(name), addr[0], 2));
	ck_assert_uint_eq(answers.used, ANSWERS_MAX);
}
END_TEST

START_TEST(name_servers_are_read_from_resolv_conf)
{
	struct egress_resolver servers[EGRESS_RESOLVERS_MAX];
	uint8_t want[16];

	ck_assert_uint_eq(resolvers_parse(slice_of("# x\nnameserver 10.0.0.1\nsearch a\nnameserver\t::1 # y\n"
						   "nameserver x\nnameservers 1.1.1.1\nnameserver 1.1.1.1"),
					  servers), 3);
	address("10.0.0.1", want);
	ck_assert_mem_eq(servers[0].addr, want, 16);
	ck_assert_uint_eq(servers[0].port, 53);
	address("::1", want);
	ck_assert_mem_eq(servers[1].addr, want, 16);
	ck_assert_uint_eq(resolvers_parse(slice_of(""), servers), 0);
	ck_assert_uint_eq(resolvers_parse(slice_of("nameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 1.1.1.1\n"
						   "nameserver 1.1.1.1\nnameserver 1.1.1.1\n"), servers),
			  EGRESS_RESOLVERS_MAX);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("egress_rules");
	TCase *tcase = tcase_create("rules");

	tcase_add_loop_test(tcase, an_address_has_the_class_of_its_row, 0, (int)COUNT(classes));
	tcase_add_loop_test(tcase, an_address_is_answered_as_its_row_says, 0, (int)COUNT(addresses));
	tcase_add_test(tcase, a_configuration_is_taken_whole_or_not_at_all);
	tcase_add_test(tcase, what_dns_said_is_known_until_its_time_and_for_its_name_only);
	tcase_add_test(tcase, a_flood_of_answers_forgets_the_oldest);
	tcase_add_test(tcase, name_servers_are_read_from_resolv_conf);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
