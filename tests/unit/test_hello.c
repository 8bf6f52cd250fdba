/* SPDX-License-Identifier: Apache-2.0 */
/* The server name of a TLS ClientHello: whole, in pieces, over records, and everything that is none. */
#include <check.h>

#include "base/buf.h"
#include "egress/hello.h"
#include "lib/runner.h"

struct shape {
	const char *name;        /* NULL = no extension */
	size_t name_len;         /* 0 = strlen */
	size_t padding;          /* bytes of another extension in front */
	size_t record;           /* bytes of the message in each record; 0 = one record */
	unsigned int names;      /* entries in the list; 0 = one */
	unsigned int twice;      /* the extension is there so often; 0 = once */
};

static void put(struct buf *buf, uint32_t value, unsigned int bytes)
{
	while (bytes-- > 0)
		ck_assert_int_eq(buf_append(buf, &(uint8_t){ (uint8_t)(value >> 8 * bytes) }, 1), 0);
}

static void put_name_extension(struct buf *buf, const struct shape *shape)
{
	size_t len = shape->name_len ? shape->name_len : strlen(shape->name);
	unsigned int names = shape->names ? shape->names : 1;

	put(buf, 0, 2);
	put(buf, (uint32_t)(2 + names * (3 + len)), 2);
	put(buf, (uint32_t)(names * (3 + len)), 2);
	for (unsigned int i = 0; i < names; i++) {
		put(buf, 0, 1);
		put(buf, (uint32_t)len, 2);
		ck_assert_int_eq(buf_append(buf, shape->name, len), 0);
	}
}

static void put_message(struct buf *message, const struct shape *shape)
{
	struct buf extensions = buf_growing(1U << 17), body = buf_growing(1U << 17);

	if (shape->padding) {
		put(&extensions, 21, 2);
		put(&extensions, (uint32_t)shape->padding, 2);
		ck_assert_ptr_nonnull(buf_reserve(&extensions, shape->padding));
	}
	for (unsigned int i = 0; shape->name && i < (shape->twice ? shape->twice : 1); i++)
		put_name_extension(&extensions, shape);
	put(&body, 0x0303, 2);
	ck_assert_ptr_nonnull(buf_reserve(&body, 32));
	put(&body, 0, 1);
	put(&body, 2, 2);
	put(&body, 0x1301, 2);
	put(&body, 1, 1);
	put(&body, 0, 1);
	put(&body, (uint32_t)extensions.len, 2);
	ck_assert_int_eq(buf_append(&body, extensions.data, extensions.len), 0);
	put(message, 1, 1);
	put(message, (uint32_t)body.len, 3);
	ck_assert_int_eq(buf_append(message, body.data, body.len), 0);
	buf_finish(&extensions);
	buf_finish(&body);
}

static struct buf hello(const struct shape *shape)
{
	struct buf message = buf_growing(1U << 17), wire = buf_growing(1U << 18);
	size_t step;

	put_message(&message, shape);
	step = shape->record ? shape->record : message.len;
	for (size_t at = 0; at < message.len; at += step) {
		size_t len = MIN(step, message.len - at);

		put(&wire, 22, 1);
		put(&wire, 0x0301, 2);
		put(&wire, (uint32_t)len, 2);
		ck_assert_int_eq(buf_append(&wire, message.data + at, len), 0);
	}
	buf_finish(&message);
	return wire;
}

static const struct shape good[] = {
	{ .name = "example.com" },
	{ .name = "example.com", .record = 1 },
	{ .name = "example.com", .record = 7 },
	{ .name = "example.com", .padding = 16000 },
	{ .name = "example.com", .padding = 16000, .record = 1000 },
	{ .name = "good\0evil", .name_len = 9 },
};

START_TEST(a_name_is_found_once_it_is_all_there_and_never_before)
{
	cleanup_with(buf_finish) struct buf wire = hello(&good[_i]);
	size_t len = good[_i].name_len ? good[_i].name_len : strlen(good[_i].name);
	struct hello_name name = { 0 };

	for (size_t n = 0; n < wire.len; n += wire.len > 1000 ? 97 : 1)
		ck_assert_msg(hello_parse(slice_new(wire.data, n), &name) == HELLO_MORE, "%zu bytes", n);
	ck_assert_int_eq(hello_parse(buf_slice(&wire), &name), HELLO_NAME);
	ck_assert_uint_eq(name.len, len);
	ck_assert_mem_eq(name.bytes, good[_i].name, len);
	/* What follows is not looked at. */
	ck_assert_int_eq(buf_append(&wire, "\x17\x03\x03\x00\x10garbage", 12), 0);
	ck_assert_int_eq(hello_parse(buf_slice(&wire), &name), HELLO_NAME);
}
END_TEST

START_TEST(a_hello_without_a_name_is_one)
{
	cleanup_with(buf_finish) struct buf wire = hello(&(struct shape){ .padding = 8 });
	struct hello_name name;

	ck_assert_int_eq(hello_parse(buf_slice(&wire), &name), HELLO_NO_NAME);
}
END_TEST

static const struct shape bad[] = {
	{ .name = "a.test", .names = 2 },
	{ .name = "a.test", .twice = 2 },
	{ .name = "a.test", .padding = 16400 },
	{ .name = "a.test", .padding = 16400, .record = 4000 },
	{ .name = "", .name_len = 0 },
	{ .name = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "0123456789012345678901234567890123456789012345678901234567" },
};

START_TEST(a_hello_that_two_could_read_in_two_ways_is_refused)
{
	cleanup_with(buf_finish) struct buf wire = hello(&bad[_i]);
	struct hello_name name;

	ck_assert_int_eq(hello_parse(buf_slice(&wire), &name), HELLO_BAD);
}
END_TEST

START_TEST(what_never_ends_is_refused_at_the_maximum)
{
	cleanup_with(buf_finish) struct buf wire = hello(&(struct shape){ .name = "a.test", .padding = 4000,
									  .record = 1 });
	struct hello_name name;

	ck_assert_uint_gt(wire.len, HELLO_WIRE_MAX);
	ck_assert_int_eq(hello_parse(slice_new(wire.data, HELLO_WIRE_MAX - 1), &name), HELLO_MORE);
	ck_assert_int_eq(hello_parse(slice_new(wire.data, HELLO_WIRE_MAX), &name), HELLO_BAD);
}
END_TEST

START_TEST(other_beginnings_are_no_hello)
{
	struct hello_name name;

	ck_assert_int_eq(hello_parse(slice_of("GET / HTTP/1.1\r\n"), &name), HELLO_NOT_TLS);
	ck_assert_int_eq(hello_parse(slice_new("\x16\x05", 2), &name), HELLO_NOT_TLS);
	ck_assert_int_eq(hello_parse(slice_new("\x15\x03\x01", 3), &name), HELLO_NOT_TLS);
	ck_assert_int_eq(hello_parse(slice_new("\x16\x03\x01\0\0", 5), &name), HELLO_BAD);
	ck_assert_int_eq(hello_parse(slice_new("\x16\x03\x01\0\1\2", 6), &name), HELLO_BAD);
	ck_assert_int_eq(hello_parse(slice_new("\x16\x03\x01\0\1\1\x17\x03\x01\0\1x", 12), &name), HELLO_BAD);
	ck_assert_int_eq(hello_parse(slice_new("", 0), &name), HELLO_MORE);
}
END_TEST

START_TEST(no_byte_flipped_makes_a_crash_or_another_name)
{
	cleanup_with(buf_finish) struct buf wire = hello(&(struct shape){ .name = "example.com" });

	for (size_t at = 0; at < wire.len; at++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct hello_name name = { 0 };

			wire.data[at] = (char)(wire.data[at] ^ (1 << bit));
			if (hello_parse(buf_slice(&wire), &name) == HELLO_NAME)
				ck_assert_uint_gt(name.len, 0);
			wire.data[at] = (char)(wire.data[at] ^ (1 << bit));
		}
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("hello");
	TCase *tcase = tcase_create("names");

	tcase_add_loop_test(tcase, a_name_is_found_once_it_is_all_there_and_never_before, 0, (int)COUNT(good));
	tcase_add_test(tcase, a_hello_without_a_name_is_one);
	tcase_add_loop_test(tcase, a_hello_that_two_could_read_in_two_ways_is_refused, 0, (int)COUNT(bad));
	tcase_add_test(tcase, what_never_ends_is_refused_at_the_maximum);
	tcase_add_test(tcase, other_beginnings_are_no_hello);
	tcase_add_test(tcase, no_byte_flipped_makes_a_crash_or_another_name);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
