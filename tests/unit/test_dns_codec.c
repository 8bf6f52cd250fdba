/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages: questions of the run, answers of resolvers, and what neither of them is. */
#include <check.h>
#include <errno.h>

#include "base/buf.h"
#include "egress/dns_codec.h"
#include "lib/runner.h"

#define NAME_A "\1a\4test\0"
#define NAME_B "\1b\4test\0"
#define NAME_C "\1c\4test\0"

static struct slice query_of(struct slice name, uint16_t type, uint8_t bytes[DNS_MESSAGE_MAX])
{
	return slice_new(bytes, dns_write_query(bytes, 0x1234, name, type));
}

START_TEST(a_question_of_ours_is_read_as_one)
{
	uint8_t bytes[DNS_MESSAGE_MAX];
	struct dns_question question;
	struct slice query = query_of(slice_of("www.example.com"), DNS_AAAA, bytes);

	ck_assert_int_eq(dns_parse_question(query, &question), 0);
	ck_assert_uint_eq(question.id, 0x1234);
	ck_assert_uint_eq(question.type, DNS_AAAA);
	ck_assert_uint_eq(question.class, 1);
	ck_assert(question.recursion && question.name_ok);
	ck_assert_uint_eq(question.name_len, 15);
	ck_assert_mem_eq(question.name, "www.example.com", 15);
	for (size_t n = 0; n < 12 + 17 + 4; n++)
		ck_assert_msg(dns_parse_question(slice_new(query.data, n), &question) == -EBADMSG, "%zu", n);
}
END_TEST

#define HEAD_Q "\x12\x34\x01\0\0\1\0\0\0\0\0\0"
static const struct question_row {
	const char *what;
	struct slice message;
	int want;
	bool name_ok;
} questions[] = {
	{ "upper case", { HEAD_Q "\1A\4tEsT\0\0\1\0\1", 12 + 8 + 4 }, 0, true },
	{ "the root", { HEAD_Q "\0\0\1\0\1", 12 + 1 + 4 }, 0, false },
	{ "a NUL in a label", { HEAD_Q "\3a\0b\4test\0\0\1\0\1", 12 + 10 + 4 }, 0, false },
	{ "a dot in a label", { HEAD_Q "\3a.b\4test\0\0\1\0\1", 12 + 10 + 4 }, 0, false },
	{ "a blank", { HEAD_Q "\3a b\4test\0\0\1\0\1", 12 + 10 + 4 }, 0, false },
	{ "not ASCII", { HEAD_Q "\2\xc3\xbc\4test\0\0\1\0\1", 12 + 9 + 4 }, 0, false },
	{ "an address", { HEAD_Q "\1""1\1""2\1""3\1""4\0\0\1\0\1", 12 + 9 + 4 }, 0, false },
	{ "a pointer", { HEAD_Q "\xc0\x04\0\1\0\1", 12 + 2 + 4 }, -EBADMSG, false },
	{ "a label of 64", { HEAD_Q "\x40" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0\1\0\1", 12 + 66 + 4 }, -EBADMSG, false },
	{ "an answer", { "\x12\x34\x81\0\0\1\0\0\0\0\0\0" NAME_A "\0\1\0\1", 12 + 8 + 4 }, -EBADMSG, false },
	{ "two questions", { "\x12\x34\1\0\0\2\0\0\0\0\0\0" NAME_A "\0\1\0\1", 12 + 8 + 4 }, -ENOTSUP, false },
	{ "a notification", { "\x12\x34\x21\0\0\1\0\0\0\0\0\0" NAME_A "\0\1\0\1", 12 + 8 + 4 }, -ENOTSUP, false },
};

START_TEST(a_question_is_judged_as_its_row_says)
{
	const struct question_row *row = &questions[_i];
	struct dns_question question = { 0 };
	int r = dns_parse_question(row->message, &question);

	ck_assert_msg(r == row->want, "%s: %d", row->what, r);
	ck_assert_msg(r != 0 || question.name_ok == row->name_ok, "%s", row->what);
}
END_TEST

#define HEAD_R(count) "\x12\x34\x81\x80\0\1\0" count "\0\0\0\0" NAME_A "\0\1\0\1"
#define A_OF(name, ttl, address) name "\0\1\0\1\0\0\0" ttl "\0\4" address
#define CNAME_OF(name, ttl, target) name "\0\5\0\1\0\0\0" ttl "\0\x08" target

static const struct answer_row {
	const char *what;
	struct slice message;
	int want;
	uint32_t count, ttl;
} rows[] = {
	{ "an address", { HEAD_R("\1") A_OF("\xc0\x0c", "\x3c", "\1\2\3\4"), 24 + 16 }, 0, 1, 60 },
	{ "of another name", { HEAD_R("\1") A_OF(NAME_B, "\x3c", "\1\2\3\4"), 24 + 22 }, 0, 0, 0 },
	{ "a chain", { HEAD_R("\2") CNAME_OF(NAME_A, "\x3c", NAME_B) A_OF(NAME_B, "\x0a", "\1\2\3\4"), 24 + 26 + 22 }, 0, 1, 10 },
	{ "a chain in the wrong order",
	  { HEAD_R("\2") A_OF(NAME_B, "\x3c", "\1\2\3\4") CNAME_OF(NAME_A, "\x05", NAME_B), 24 + 22 + 26 }, 0, 1, 5 },
	{ "a chain to nowhere", { HEAD_R("\1") CNAME_OF(NAME_A, "\x3c", NAME_B), 24 + 26 }, 0, 0, 0 },
	{ "a chain to another", { HEAD_R("\2") CNAME_OF(NAME_A, "\x3c", NAME_B) A_OF(NAME_C, "\x0a", "\1\2\3\4"), 24 + 26 + 22 }, 0, 0, 0 },
	{ "a circle", { HEAD_R("\2") CNAME_OF(NAME_A, "\x3c", NAME_B) CNAME_OF(NAME_B, "\x3c", NAME_A), 24 + 52 }, 0, 0, 0 },
	{ "a circle of one", { HEAD_R("\1") CNAME_OF(NAME_A, "\x3c", NAME_A), 24 + 26 }, 0, 0, 0 },
	{ "five bytes of address", { HEAD_R("\1") "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5\1\2\3\4\5", 24 + 17 }, 0, 0, 0 },
	{ "another class", { HEAD_R("\1") "\xc0\x0c\0\1\0\3\0\0\0\x3c\0\4\1\2\3\4", 24 + 16 }, 0, 0, 0 },
	{ "cut", { HEAD_R("\1") A_OF("\xc0\x0c", "\x3c", "\1\2\3"), 24 + 15 }, -EBADMSG, 0, 0 },
	{ "a record too few", { HEAD_R("\2") A_OF("\xc0\x0c", "\x3c", "\1\2\3\4"), 24 + 16 }, -EBADMSG, 0, 0 },
	{ "a pointer to itself", { HEAD_R("\1") A_OF("\xc0\x18", "\x3c", "\1\2\3\4"), 24 + 16 }, -EBADMSG, 0, 0 },
	{ "a pointer ahead", { HEAD_R("\1") A_OF("\xc0\x20", "\x3c", "\1\2\3\4"), 24 + 16 }, -EBADMSG, 0, 0 },
	{ "a CNAME longer than its target", { HEAD_R("\1") NAME_A "\0\5\0\1\0\0\0\x3c\0\x09" NAME_B "x", 24 + 27 }, -EBADMSG, 0, 0 },
	{ "another number", { "\x12\x35\x81\x80\0\1\0\0\0\0\0\0" NAME_A "\0\1\0\1", 24 }, -EBADMSG, 0, 0 },
	{ "another question", { "\x12\x34\x81\x80\0\1\0\0\0\0\0\0" NAME_B "\0\1\0\1", 24 }, -EBADMSG, 0, 0 },
	{ "another type", { "\x12\x34\x81\x80\0\1\0\0\0\0\0\0" NAME_A "\0\x1c\0\1", 24 }, -EBADMSG, 0, 0 },
	{ "a question", { "\x12\x34\1\0\0\1\0\0\0\0\0\0" NAME_A "\0\1\0\1", 24 }, -EBADMSG, 0, 0 },
	{ "no such name", { "\x12\x34\x81\x83\0\1\0\0\0\0\0\0" NAME_A "\0\1\0\1", 24 }, 0, 0, 0 },
};

START_TEST(an_answer_counts_only_along_the_way_from_the_name)
{
	const struct answer_row *row = &rows[_i];
	struct dns_answers answers = { .count = 77 };
	int r = dns_parse_answer(row->message, 0x1234, slice_of("a.test"), DNS_A, &answers);

	ck_assert_msg(r == row->want, "%s: %d", row->what, r);
	ck_assert_msg(answers.count == (r < 0 ? 77 : row->count), "%s: %u addresses", row->what, answers.count);
	ck_assert_msg(r < 0 || answers.ttl == row->ttl, "%s: ttl %u", row->what, answers.ttl);
	ck_assert(r < 0 || row->count == 0 || memcmp(answers.addrs[0] + 10, "\xff\xff\1\2\3\4", 6) == 0);
}
END_TEST

START_TEST(more_addresses_than_the_maximum_are_left_out)
{
	cleanup_with(buf_finish) struct buf message = buf_growing(DNS_ANSWER_MAX);
	struct dns_answers answers;

	ck_assert_int_eq(buf_append(&message, HEAD_R("\x28"), 24), 0);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(buf_append(&message, A_OF("\xc0\x0c", "\x3c", "\1\2\3\4"), 16), 0);
	ck_assert_int_eq(dns_parse_answer(buf_slice(&message), 0x1234, slice_of("a.test"), DNS_A, &answers), 0);
	ck_assert_uint_eq(answers.count, EGRESS_ANSWERS_MAX);
}
END_TEST

START_TEST(what_is_written_for_the_run_is_read_back)
{
	uint8_t query[DNS_MESSAGE_MAX], message[DNS_MESSAGE_MAX], addrs[EGRESS_ANSWERS_MAX][16];
	char name[NET_NAME_MAX + 1];
	struct dns_question question;
	struct dns_answers answers;
	size_t len;

	/* The longest name and the most addresses fit into one datagram. */
	memset(name, 'a', NET_NAME_MAX);
	name[63] = name[127] = name[191] = '.';
	name[NET_NAME_MAX] = '\0';
	for (size_t i = 0; i < EGRESS_ANSWERS_MAX; i++)
		memset(addrs[i], (int)i + 1, 16);
	ck_assert_int_eq(dns_parse_question(query_of(slice_of(name), DNS_AAAA, query), &question), 0);
	len = dns_write_answer(message, &question, DNS_OK, 30, (const void *)addrs, EGRESS_ANSWERS_MAX);
	ck_assert_uint_le(len, DNS_MESSAGE_MAX);
	ck_assert_int_eq(dns_parse_answer(slice_new(message, len), 0x1234, slice_of(name), DNS_AAAA, &answers), 0);
	ck_assert_uint_eq(answers.count, EGRESS_ANSWERS_MAX);
	ck_assert_uint_eq(answers.ttl, 30);
	ck_assert_mem_eq(answers.addrs, addrs, sizeof(addrs));
	len = dns_write_answer(message, &question, DNS_NXDOMAIN, 0, NULL, 0);
	ck_assert_int_eq(dns_parse_answer(slice_new(message, len), 0x1234, slice_of(name), DNS_AAAA, &answers), 0);
	ck_assert_int_eq(answers.rcode, DNS_NXDOMAIN);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("dns_codec");
	TCase *tcase = tcase_create("messages");

	tcase_add_test(tcase, a_question_of_ours_is_read_as_one);
	tcase_add_loop_test(tcase, a_question_is_judged_as_its_row_says, 0, (int)COUNT(questions));
	tcase_add_loop_test(tcase, an_answer_counts_only_along_the_way_from_the_name, 0, (int)COUNT(rows));
	tcase_add_test(tcase, more_addresses_than_the_maximum_are_left_out);
	tcase_add_test(tcase, what_is_written_for_the_run_is_read_back);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
