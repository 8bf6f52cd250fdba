/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP requests: whom they are for and where they end, or a refusal. */
#include <check.h>

#include "base/cleanup.h"
#include "egress/request_head.h"
#include "lib/runner.h"

static const struct good_row {
	const char *head, *host;
	uint16_t port;
	uint64_t body;
	bool chunked, absolute, connect, upgrade;
} good[] = {
	{ "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", .host = "a.test" },
	{ "GET / HTTP/1.1\r\nhost:\ta.test:8080 \r\nX: y\r\n\r\n", .host = "a.test", .port = 8080 },
	{ "GET / HTTP/1.0\r\n\r\n", .host = "" },
	{ "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", .host = "a.test" },
	{ "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 42\r\n\r\n", .host = "a", .body = 42 },
	{ "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", .host = "a", .chunked = true },
	{ "GET http://a.test/x HTTP/1.1\r\nHost: A.test\r\n\r\n", .host = "a.test", .port = 80, .absolute = true },
	{ "GET https://a.test:444?x HTTP/1.1\r\nHost: a.test:444\r\n\r\n", .host = "a.test", .port = 444, .absolute = true },
	{ "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", .host = "a.test", .port = 443, .absolute = true,
	  .connect = true },
	{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\nUpgrade: websocket\r\n\r\n", .host = "[::1]", .port = 80, .upgrade = true },
	{ "XYZZY / HTTP/1.1\r\nHost: a\r\n\r\n", .host = "a" },
};

START_TEST(a_head_says_whom_it_is_for_once_it_is_all_there)
{
	const struct good_row *row = &good[_i];
	size_t len = strlen(row->head);
	struct request_head head = { 0 };

	for (size_t n = 0; n < len; n++)
		ck_assert_msg(request_head_parse(slice_new(row->head, n), true, &head) == HEAD_MORE,
			      "%zu bytes of %s", n, row->head);
	ck_assert_int_eq(request_head_parse(slice_of(row->head), true, &head), HEAD_DONE);
	ck_assert_uint_eq(head.len, len);
	ck_assert_msg(slice_is(head.host, row->host), "%s", row->head);
	ck_assert_uint_eq(head.port, row->port);
	ck_assert_uint_eq(head.body, row->body);
	ck_assert_int_eq(head.chunked, row->chunked);
	ck_assert_int_eq(head.absolute, row->absolute);
	ck_assert_int_eq(head.connect, row->connect);
	ck_assert_int_eq(head.upgrade, row->upgrade);
}
END_TEST

static const char *const bad[] = {
	"GET / HTTP/1.1\r\n\r\n",                                   /* no Host */
	"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\n\r\n",                          /* a line end of its own */
	"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",                  /* folded */
	"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: \r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a:0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\001b\r\n\r\n",
	"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
	"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
	"GET / http/1.1\r\nHost: a\r\n\r\n",
	" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"get / HTTP/1.1\nHost: a\n\n",
	"xyzzy / HTTP/1.1\nHost: a\n\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",               /* two names */
	"GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n",
	"GET http://a:80/ HTTP/1.1\r\nHost: a:81\r\n\r\n",
	"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
	"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
	"connect a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
	"CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
	"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
};

START_TEST(what_two_could_read_in_two_ways_is_refused)
{
	struct request_head head;

	ck_assert_msg(request_head_parse(slice_of(bad[_i]), true, &head) == HEAD_BAD, "%s", bad[_i]);
}
END_TEST

static const struct other_row {
	const char *bytes;
	size_t len;
} others[] = {
	{ "SSH-2.0-OpenSSH_9.2p1\r\n", 23 }, { "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", 32 },
	{ "0032git-upload-pack /x\0host=a\0", 30 }, { "EHLO a\r\n", 8 }, { "*1\r\n$4\r\nPING\r\n", 14 },
	{ "\0\0\0\x08\x04\xd2\x16\x2f", 8 }, { "\x80\x2e\x01", 3 }, { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 40 },
};

START_TEST(other_protocols_are_not_http)
{
	struct request_head head;

	ck_assert_int_eq(request_head_parse(slice_new(others[_i].bytes, others[_i].len), true, &head),
			 HEAD_NOT_HTTP);
}
END_TEST

START_TEST(later_on_a_connection_there_is_only_http)
{
	struct request_head head;

	for (size_t i = 0; i < COUNT(others) - 1; i++)
		ck_assert_int_ne(request_head_parse(slice_new(others[i].bytes, others[i].len), false, &head),
				 HEAD_NOT_HTTP);
}
END_TEST

START_TEST(a_head_that_never_ends_is_refused_at_the_maximum)
{
	static char bytes[HEAD_MAX + 1] = "GET / HTTP/1.1\r\nX: ";
	struct request_head head;

	memset(bytes + 19, 'a', sizeof(bytes) - 19);
	ck_assert_int_eq(request_head_parse(slice_new(bytes, HEAD_MAX - 1), true, &head), HEAD_MORE);
	ck_assert_int_eq(request_head_parse(slice_new(bytes, HEAD_MAX), true, &head), HEAD_BAD);
}
END_TEST

static const struct chunk_row {
	const char *line;
	enum head_result want;
	uint64_t len;
	bool last;
} chunks[] = {
	{ "5\r\n", HEAD_DONE, 10, false },      { "1F;x=y\r\n", HEAD_DONE, 41, false },
	{ "0\r\n", HEAD_DONE, 3, true },        { "000\r\n", HEAD_DONE, 5, true },
	{ "5", HEAD_MORE, 0, false },           { "5\n", HEAD_BAD, 0, false },
	{ "\r\n", HEAD_BAD, 0, false },         { "0x5\r\n", HEAD_BAD, 0, false },
	{ "-5\r\n", HEAD_BAD, 0, false },       { "5 \r\n", HEAD_BAD, 0, false },
	{ "fffffffffffffffff\r\n", HEAD_BAD, 0, false },
};

START_TEST(a_chunk_has_one_length)
{
	const struct chunk_row *row = &chunks[_i];
	uint64_t len = 0;
	bool last = false;

	ck_assert_msg(chunk_parse(slice_of(row->line), &len, &last) == row->want, "%s", row->line);
	ck_assert_uint_eq(len, row->len);
	ck_assert_int_eq(last, row->last);
}
END_TEST

START_TEST(trailers_end_with_an_empty_line)
{
	uint64_t len = 0;

	ck_assert_int_eq(trailers_parse(slice_of("\r\nGET"), &len), HEAD_DONE);
	ck_assert_uint_eq(len, 2);
	ck_assert_int_eq(trailers_parse(slice_of("A: b\r\n\r\n"), &len), HEAD_DONE);
	ck_assert_uint_eq(len, 8);
	ck_assert_int_eq(trailers_parse(slice_of("A: b\r\n"), &len), HEAD_MORE);
	ck_assert_int_eq(trailers_parse(slice_of("A: b\n"), &len), HEAD_BAD);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("request_head");
	TCase *tcase = tcase_create("heads");

	tcase_add_loop_test(tcase, a_head_says_whom_it_is_for_once_it_is_all_there, 0, (int)COUNT(good));
	tcase_add_loop_test(tcase, what_two_could_read_in_two_ways_is_refused, 0, (int)COUNT(bad));
	tcase_add_loop_test(tcase, other_protocols_are_not_http, 0, (int)COUNT(others));
	tcase_add_test(tcase, later_on_a_connection_there_is_only_http);
	tcase_add_test(tcase, a_head_that_never_ends_is_refused_at_the_maximum);
	tcase_add_loop_test(tcase, a_chunk_has_one_length, 0, (int)COUNT(chunks));
	tcase_add_test(tcase, trailers_end_with_an_empty_line);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
