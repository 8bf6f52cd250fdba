/* SPDX-License-Identifier: Apache-2.0 */
/* Names of hosts: what an entry of a policy means, and what a name from outside is compared with. */
#include <check.h>
#include <errno.h>

#include "decide/net_name.h"
#include "lib/runner.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct clean_row {
	const char *name;
	size_t len;              /* 0 = strlen */
	const char *want;        /* NULL = refused */
} clean_rows[] = {
	{ "example.com", 0, "example.com" },    { "EXAMPLE.Com", 0, "example.com" },
	{ "example.com.", 0, "example.com" },   { "example.com..", 0, NULL },
	{ ".example.com", 0, NULL },            { "a..b", 0, NULL },
	{ "", 0, NULL },                        { ".", 0, NULL },
	{ "xn--bcher-kva.example", 0, "xn--bcher-kva.example" },
	{ "b\xc3\xbc" "cher.example", 0, NULL },{ "a b.example", 0, NULL },
	{ "good.test\0.evil.test", 20, NULL },  { "good.test\0", 10, NULL },
	{ "a/b", 0, NULL },                     { "a:80", 0, NULL },
	{ "user@host", 0, NULL },               { "[::1]", 0, NULL },
	{ "*.example.com", 0, NULL },           { "a%2eb", 0, NULL },
	{ "1.2.3.4", 0, NULL },                 { "1.2.3.4.", 0, NULL },
	{ "0x7f.1", 0, NULL },                  { "0x7f000001", 0, NULL },
	{ "2130706433", 0, NULL },              { "1.2.3.0x4", 0, NULL },
	{ "1.2.3.4a", 0, "1.2.3.4a" },          { "4.example", 0, "4.example" },
	{ "_dmarc.example", 0, "_dmarc.example" },
	{ L63 ".x", 0, L63 ".x" },              { L63 "a.x", 0, NULL },
	{ L63 "." L63 "." L63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0,
	  L63 "." L63 "." L63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ L63 "." L63 "." L63 "." L63, 0, NULL },
};

START_TEST(a_name_has_one_clean_form_or_none)
{
	const struct clean_row *row = &clean_rows[_i];
	struct slice name = slice_new(row->name, row->len ? row->len : strlen(row->name));
	char clean[NET_NAME_MAX + 1];
	int len = net_name_clean(name, clean);

	if (!row->want) {
		ck_assert_msg(len == -EINVAL, "'%s' was taken", row->name);
		return;
	}
	ck_assert_msg(len == (int)strlen(row->want), "'%s' gave %d", row->name, len);
	ck_assert_str_eq(clean, row->want);
}
END_TEST

static const struct cover_row {
	const char *entry, *name;
	uint32_t port;
	bool want;
} cover_rows[] = {
	{ "example.com:443", "example.com", 443, true },
	{ "example.com:443", "example.com", 80, false },
	{ "example.com:443", "example.com", NET_PORT_ANY, true },
	{ "example.com", "example.com", 22, true },
	{ "example.com:*", "example.com", 22, true },
	{ "example.com:80-90", "example.com", 90, true },
	{ "example.com:80-90", "example.com", 91, false },
	{ "Example.COM.:443", "example.com", 443, true },
	{ "example.com", "notexample.com", 443, false },
	{ "example.com", "example.com.evil", 443, false },
	{ "example.com", "www.example.com", 443, false },
	{ "*.example.com", "example.com", 443, false },
	{ "*.example.com", "www.example.com", 443, true },
	{ "*.example.com", "a.b.example.com", 443, true },
	{ "*.example.com", "notexample.com", 443, false },
	{ "*.example.com", ".example.com", 443, false },
	{ "*.example.com:443", "www.example.com", 80, false },
};

START_TEST(an_entry_covers_what_its_row_says)
{
	const struct cover_row *row = &cover_rows[_i];
	struct net_name rule;
	bool denied;
	enum net_verdict verdict;

	ck_assert_msg(net_name_parse(slice_of(row->entry), NET_ALLOW, &rule) == 0, "%s", row->entry);
	ck_assert(net_name_is_sound(&rule));
	verdict = net_names_decide(&rule, 1, slice_of(row->name), row->port, &denied);
	ck_assert_msg((verdict == NET_ALLOW) == row->want, "%s on %s:%u", row->entry, row->name, row->port);
}
END_TEST

static const struct entry_row {
	const char *entry;
	int want;
} bad_entries[] = {
	{ "", -EINVAL }, { ":443", -EINVAL }, { "a:", -EINVAL }, { "a:x", -EINVAL }, { "a:65536", -EINVAL },
	{ "a:90-80", -EINVAL }, { "*", -EINVAL }, { "*.", -EINVAL }, { "**.a", -EINVAL }, { "a.*.b", -EINVAL },
	{ "*a.b", -EINVAL }, { "10.0.0.1", -EINVAL }, { "10.0.0.0/8", -EINVAL }, { "b\xc3\xbc.example", -EILSEQ },
};

START_TEST(an_entry_that_is_no_name_is_refused)
{
	struct net_name rule = { .len = 77 };

	ck_assert_msg(net_name_parse(slice_of(bad_entries[_i].entry), NET_ALLOW, &rule) ==
		      bad_entries[_i].want, "'%s'", bad_entries[_i].entry);
	ck_assert_uint_eq(rule.len, 77);
}
END_TEST

START_TEST(a_denial_beats_every_permission)
{
	struct net_name rules[3];
	bool denied;

	ck_assert_int_eq(net_name_parse(slice_of("*.example.com"), NET_ALLOW, &rules[0]), 0);
	ck_assert_int_eq(net_name_parse(slice_of("evil.example.com"), NET_DENY, &rules[1]), 0);
	ck_assert_int_eq(net_name_parse(slice_of("part.example.com:25"), NET_DENY, &rules[2]), 0);
	ck_assert_int_eq(net_names_decide(rules, 3, slice_of("a.example.com"), 443, &denied), NET_ALLOW);
	ck_assert(!denied);
	ck_assert_int_eq(net_names_decide(rules, 3, slice_of("evil.example.com"), 443, &denied), NET_DENY);
	ck_assert(denied);
	ck_assert_int_eq(net_names_decide(rules, 3, slice_of("evil.example.com"), NET_PORT_ANY, &denied), NET_DENY);
	ck_assert_int_eq(net_names_decide(rules, 3, slice_of("part.example.com"), 25, &denied), NET_DENY);
	/* Its addresses may be asked for: another port of it is allowed. */
	ck_assert_int_eq(net_names_decide(rules, 3, slice_of("part.example.com"), NET_PORT_ANY, &denied), NET_ALLOW);
	ck_assert_int_eq(net_names_decide(rules, 0, slice_of("a"), 1, &denied), NET_DENY);
}
END_TEST

START_TEST(a_rule_from_a_plan_is_sound_only_as_it_would_be_written)
{
	struct net_name good, rule;

	ck_assert_int_eq(net_name_parse(slice_of("*.example.com:443"), NET_ALLOW, &good), 0);
	ck_assert(net_name_is_sound(&good));
	ck_assert(!net_name_is_sound(&(struct net_name){ 0 }));
	for (size_t i = 0; i < 8; i++) {
		rule = good;
		if (i == 0)
			rule.port_first = 444;
		else if (i == 1)
			rule.verdict = 2;
		else if (i == 2)
			rule.flags = 2;
		else if (i == 3)
			rule.reserved = 1;
		else if (i == 4)
			rule.len = 254;
		else if (i == 5)
			rule.text[0] = 'E';
		else if (i == 6)
			rule.text[rule.len] = 'x';
		else
			rule.text[3] = '\0';
		ck_assert_msg(!net_name_is_sound(&rule), "change %zu was taken", i);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("net_name");
	TCase *tcase = tcase_create("names");

	tcase_add_loop_test(tcase, a_name_has_one_clean_form_or_none, 0, (int)COUNT(clean_rows));
	tcase_add_loop_test(tcase, an_entry_covers_what_its_row_says, 0, (int)COUNT(cover_rows));
	tcase_add_loop_test(tcase, an_entry_that_is_no_name_is_refused, 0, (int)COUNT(bad_entries));
	tcase_add_test(tcase, a_denial_beats_every_permission);
	tcase_add_test(tcase, a_rule_from_a_plan_is_sound_only_as_it_would_be_written);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
