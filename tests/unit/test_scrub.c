/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/scrub.h"
#include "lib/runner.h"

#define RANDOM "Zm9vYmFyQmF6UXV4MTIzNDU2Nzg5MGFiY2Rl"

static const struct scrub_case {
	const char *value, *want;
} cases[] = {
	{ "ls|-l|/tmp", "ls|-l|/tmp" },
	{ "", "" },
	{ "curl|--token|abc|x", "curl|--token|[scrubbed:3]|x" },
	{ "curl|--token=abc|x", "curl|--token=[scrubbed:3]|x" },
	{ "mysql|--password=|x", "mysql|--password=|x" },
	{ "env|API_KEY=12|true", "env|API_KEY=[scrubbed:2]|true" },
	{ "curl|-H|Authorization: Bearer abc|http://h/",
	  "curl|-H|Authorization: [scrubbed:6] [scrubbed:3]|http://h/" },
	{ "curl|-HAuthorization:x", "curl|-HAuthorization:[scrubbed:1]" },
	{ "git|clone|https://me:pw@host/r.git", "git|clone|https://[scrubbed:5]@host/r.git" },
	{ "git|clone|https://host/a@b", "git|clone|https://host/a@b" },
	{ "https://a@b:1/https://c:d@e", "https://[scrubbed:1]@b:1/https://[scrubbed:3]@e" },
	{ "echo|ghp_abcdefghijklmnop", "echo|[scrubbed:20]" },
	{ "echo|'ghp_abcdefghijklmnop'", "echo|'[scrubbed:20]'" },
	{ "echo|ghp_short", "echo|ghp_short" },
	{ "echo|AKIAIOSFODNN7EXAMPLE", "echo|[scrubbed:20]" },
	{ "echo|" RANDOM, "echo|[scrubbed:36]" },
	{ "git|show|0123456789abcdef0123456789abcdef01234567",
	  "git|show|0123456789abcdef0123456789abcdef01234567" },
	{ "cc|/usr/lib/x86_64-linux-gnu/SomeLongDirectoryName/file",
	  "cc|/usr/lib/x86_64-linux-gnu/SomeLongDirectoryName/file" },
	{ "--secret", "--secret" },
	{ "=", "=" },
	{ "://", "://" },
	{ "a://@", "a://[scrubbed:0]@" },
};

START_TEST(secrets_go_and_the_rest_stays)
{
	const struct scrub_case *row = &cases[_i];
	cleanup_with(buf_finish) struct buf out = buf_growing(4096);
	size_t len = strlen(row->value);
	char *value = malloc(len ? len : 1);
	int r;

	for (size_t i = 0; i < len; i++)
		value[i] = row->value[i] == '|' ? '\0' : row->value[i];
	r = scrub(slice_new(value, len), &out);
	free(value);
	for (size_t i = 0; i < out.len; i++)
		out.data[i] = out.data[i] == '\0' ? '|' : out.data[i];
	ck_assert_msg(slice_is(buf_slice(&out), row->want), "'%s' gave '%.*s'", row->value,
		      (int)out.len, out.data ? out.data : "");
	ck_assert_msg(r == (strcmp(row->value, row->want) != 0), "'%s' returned %d", row->value, r);
}
END_TEST

START_TEST(an_output_that_is_too_small_is_an_error)
{
	char memory[8];
	struct buf out = buf_fixed(memory, sizeof(memory));

	ck_assert_int_lt(scrub(slice_of("a value that does not fit"), &out), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("scrub");
	TCase *tcase = tcase_create("secrets");

	tcase_add_loop_test(tcase, secrets_go_and_the_rest_stays, 0, (int)COUNT(cases));
	tcase_add_test(tcase, an_output_that_is_too_small_is_an_error);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
