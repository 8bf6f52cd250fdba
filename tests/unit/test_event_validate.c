// SPDX-License-Identifier: Apache-2.0
/* Event records are checked like bytes from the network; paths are made absolute by text alone. */
#include <errno.h>

#include "lib/runner.h"
#include "watch/paths.h"
#include "watch/validate.h"

#define ROOM 8192

static union {
	struct event_head head;
	struct event_path path;
	struct event_exec exec;
	struct event_net net;
	char bytes[ROOM];
} record;

static void make(unsigned int kind, uint32_t size)
{
	memset(&record, 0, sizeof(record));
	record.head.kind = (uint16_t)kind;
	record.head.size = size;
}

static const struct {
	unsigned int kind;
	uint32_t size;
} fixed_cases[] = {
	{ EVENT_FORK, sizeof(struct event_fork) },
	{ EVENT_EXEC, sizeof(struct event_exec) },
	{ EVENT_EXIT, sizeof(struct event_exit) },
	{ EVENT_OPEN_READ, sizeof(struct event_path) },
	{ EVENT_XATTR, sizeof(struct event_path) },
	{ EVENT_WITNESS, sizeof(struct event_path) },
	{ EVENT_CONNECT, sizeof(struct event_net) },
	{ EVENT_SEND, sizeof(struct event_net) },
	{ EVENT_CRED, sizeof(struct event_cred) },
	{ EVENT_SIGNAL, sizeof(struct event_syscall) },
	{ EVENT_ESCAPE, sizeof(struct event_syscall) },
};

START_TEST(a_record_passes_at_its_size_and_at_no_other)
{
	unsigned int kind = fixed_cases[_i].kind;
	uint32_t size = fixed_cases[_i].size;

	make(kind, size);
	ck_assert_ptr_eq(event_validate(&record, size), &record.head);
	ck_assert_ptr_null(event_validate(&record, size - 1));
	ck_assert_ptr_null(event_validate(&record, size + 1));
	make(kind, size + 1);
	ck_assert_ptr_null(event_validate(&record, size + 1));
	make(kind, size - 1);
	ck_assert_ptr_null(event_validate(&record, size - 1));
	ck_assert_ptr_null(event_validate(&record, 0));
}
END_TEST

START_TEST(every_kind_has_a_shape_and_unknown_kinds_have_none)
{
	for (unsigned int kind = 1; kind < EVENT_KIND_LIMIT; kind++)
		ck_assert_msg(event_shape(kind) != SHAPE_NONE, "kind %u", kind);
	ck_assert_int_eq(event_shape(0), SHAPE_NONE);
	ck_assert_int_eq(event_shape(EVENT_KIND_LIMIT), SHAPE_NONE);
	ck_assert_int_eq(event_shape(0xffff), SHAPE_NONE);
	make(0, sizeof(struct event_head));
	ck_assert_ptr_null(event_validate(&record, sizeof(struct event_head)));
}
END_TEST

START_TEST(an_unknown_ring_is_refused)
{
	make(EVENT_EXIT, sizeof(struct event_exit));
	record.head.ring = EVENT_RING_COUNT;
	ck_assert_ptr_null(event_validate(&record, sizeof(struct event_exit)));
}
END_TEST

START_TEST(lengths_must_add_up_even_where_they_would_overflow)
{
	uint32_t size = sizeof(struct event_path) + 7;

	make(EVENT_RENAME, size);
	record.path.base_len = 4;
	record.path.path_len = 1;
	record.path.base2_len = 0;
	record.path.path2_len = 2;
	memcpy(record.path.bytes, "/dirabc", 7);
	ck_assert_ptr_nonnull(event_validate(&record, size));
	ck_assert(slice_is(event_path_base(&record.path), "/dir"));
	ck_assert(slice_is(event_path_path(&record.path), "a"));
	ck_assert(slice_is(event_path_path2(&record.path), "bc"));
	record.path.path2_len = 3;
	ck_assert_ptr_null(event_validate(&record, size));
	record.path.path2_len = 0xffffffff;
	record.path.base2_len = 3;
	ck_assert_ptr_null(event_validate(&record, size));
}
END_TEST

START_TEST(a_length_passes_at_its_maximum_and_not_above)
{
	uint32_t size = sizeof(struct event_path) + EVENT_PATH_MAX;

	make(EVENT_CREATE, size);
	record.path.path_len = EVENT_PATH_MAX;
	ck_assert_ptr_nonnull(event_validate(&record, size));
	make(EVENT_CREATE, size + 1);
	record.path.path_len = EVENT_PATH_MAX + 1;
	ck_assert_ptr_null(event_validate(&record, size + 1));
	make(EVENT_EXEC, sizeof(struct event_exec) + EVENT_ARGV_MAX + 1);
	record.exec.argv_len = EVENT_ARGV_MAX + 1;
	ck_assert_ptr_null(event_validate(&record, record.head.size));
}
END_TEST

START_TEST(the_parts_of_an_exec_follow_each_other)
{
	static const char bytes[] = "/bin/sh" "sh\0-c\0" "/x";

	make(EVENT_EXEC, sizeof(struct event_exec) + 15);
	record.exec.path_len = 7;
	record.exec.argv_len = 6;
	record.exec.interp_len = 2;
	memcpy(record.exec.bytes, bytes, 15);
	ck_assert_ptr_nonnull(event_validate(&record, record.head.size));
	ck_assert(slice_is(event_exec_path(&record.exec), "/bin/sh"));
	ck_assert(slice_eq(event_exec_argv(&record.exec), slice_new("sh\0-c", 6)));
	ck_assert(slice_is(event_exec_interp(&record.exec), "/x"));
}
END_TEST

static const struct {
	const char *base, *claimed, *want;
} path_cases[] = {
	{ "/work", "a", "/work/a" },
	{ "/work", "./a//b/", "/work/a/b" },
	{ "/work", "../x", "/x" },
	{ "/work", "../../../x", "/x" },
	{ "/work/deep", "..", "/work" },
	{ "/", "a", "/a" },
	{ "/", "", "/" },
	{ "/work", "", "/work" },
	{ "/work", "/etc/./passwd", "/etc/passwd" },
	{ "", "/etc/../etc/passwd", "/etc/passwd" },
	{ "", "/..", "/" },
	{ "/a", "...", "/a/..." },
	{ "/a", "..b/.c", "/a/..b/.c" },
};

START_TEST(a_claimed_path_becomes_absolute_and_normal)
{
	char to[64];
	ssize_t len = path_normalise(slice_of(path_cases[_i].base), slice_of(path_cases[_i].claimed),
				     to, sizeof(to));

	ck_assert_msg(len == (ssize_t)strlen(path_cases[_i].want) &&
		      strcmp(to, path_cases[_i].want) == 0, "'%s' + '%s' gave '%s', want '%s'",
		      path_cases[_i].base, path_cases[_i].claimed, to, path_cases[_i].want);
}
END_TEST

START_TEST(a_path_that_does_not_fit_or_has_no_base_is_an_error)
{
	char to[8];

	ck_assert_int_eq(path_normalise(slice_of(""), slice_of("a"), to, sizeof(to)), -EINVAL);
	ck_assert_int_eq(path_normalise(slice_of("rel"), slice_of("a"), to, sizeof(to)), -EINVAL);
	ck_assert_int_eq(path_normalise(slice_of("/"), slice_of("123456"), to, sizeof(to)), 7);
	ck_assert_int_eq(path_normalise(slice_of("/"), slice_of("1234567"), to, sizeof(to)),
			 -ENAMETOOLONG);
	ck_assert_str_eq(to, "");
	ck_assert_int_eq(path_normalise(slice_of("/"), slice_of(""), to, 1), -ENAMETOOLONG);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("event_validate");
	TCase *records = tcase_create("records"), *paths = tcase_create("paths");

	tcase_set_tags(records, "pure");
	tcase_set_tags(paths, "pure");
	tcase_add_loop_test(records, a_record_passes_at_its_size_and_at_no_other, 0,
			    (int)COUNT(fixed_cases));
	tcase_add_test(records, every_kind_has_a_shape_and_unknown_kinds_have_none);
	tcase_add_test(records, an_unknown_ring_is_refused);
	tcase_add_test(records, lengths_must_add_up_even_where_they_would_overflow);
	tcase_add_test(records, a_length_passes_at_its_maximum_and_not_above);
	tcase_add_test(records, the_parts_of_an_exec_follow_each_other);
	tcase_add_loop_test(paths, a_claimed_path_becomes_absolute_and_normal, 0,
			    (int)COUNT(path_cases));
	tcase_add_test(paths, a_path_that_does_not_fit_or_has_no_base_is_an_error);
	suite_add_tcase(suite, records);
	suite_add_tcase(suite, paths);
	return suite;
}
