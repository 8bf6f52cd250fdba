/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beside an upper layer is read as from anybody. */
#include <errno.h>

#include "lib/runner.h"
#include "plan/overlay.h"

static const char strings[] = "\0/w\0agent\0id\0p";
enum { S_W = 1, S_AGENT = 4, S_ID = 10, S_P = 13 };

struct sample {
	struct overlay_head head;
	struct rule_path rules[2];
	char strings[sizeof(strings)];
};

static void sample_init(struct sample *sample)
{
	*sample = (struct sample){ .head = {
		.magic = OVERLAY_MAGIC, .version = OVERLAY_VERSION, .run = { { 1 } }, .uid = 1000, .gid = 1000,
		.owner_uid = 1000, .workspace = { S_W, 2 }, .agent = { S_AGENT, 5 }, .policy_name = { S_P, 1 },
		.path_count = 2, .strings_len = sizeof(strings) } };
	for (size_t i = 0; i < COUNT(sample->rules); i++)
		sample->rules[i] = (struct rule_path){ .path_offset = S_W, .path_len = 2, .id_offset = S_ID,
						       .id_len = 2, .kind = RULE_WRITE };
	memcpy(sample->strings, strings, sizeof(strings));
}

static int check(const struct sample *sample, size_t len)
{
	struct overlay_meta meta;
	struct error err = { 0 };
	int r = overlay_check(sample, len, &meta, &err);

	ck_assert(r == 0 || (err.text[0] && err.next[0]));
	return r;
}

#define LEN (offsetof(struct sample, strings) + sizeof(strings))
#define BREAKS(X) \
	X(s->head.magic++) X(s->head.version++) X(s->head.reserved = 1) X(s->head.uid = 0) X(s->head.gid = 0) \
	X(s->head.uid = UID_NONE) X(s->head.owner_uid = 7) X(s->head.run.bytes[0] = 0) \
	X(s->head.path_count = 3) X(s->head.path_count = UINT32_MAX) X(s->head.strings_len = 0) \
	X(s->head.strings_len--) X(s->head.strings_len = UINT32_MAX) X(s->head.files_on_scope = 9) \
	X(s->head.workspace.len = 1) X(s->head.workspace.offset = S_AGENT) X(s->head.workspace.len = 0) \
	X(s->head.agent.offset = UINT32_MAX) X(s->head.agent.len = 4) X(s->head.policy_name.len = 99) \
	X(s->rules[1].kind = RULE_NONE) X(s->rules[1].kind = RULE_KIND_COUNT) X(s->rules[1].flags = 4) \
	X(s->rules[1].on = 3) X(s->rules[1].reserved = 1) X(s->rules[1].path_offset = S_AGENT) \
	X(s->rules[1].path_len = 3) X(s->rules[1].id_offset = 4000) X(s->strings[3] = 'x')

static void break_it(struct sample *sample, int which)
{
	int at = 0;

#define ROW(change) if (which == at++) { struct sample *s = sample; change; return; }
	BREAKS(ROW)
	ck_abort();
}

#define ONE(change) + 1
enum { BREAK_COUNT = 0 BREAKS(ONE) };

START_TEST(a_field_that_is_wrong_is_refused)
{
	struct sample sample;

	sample_init(&sample);
	ck_assert_int_eq(check(&sample, LEN), 0);
	break_it(&sample, _i);
	ck_assert_msg(check(&sample, LEN) == -EINVAL, "break %d is taken", _i);
}
END_TEST

START_TEST(any_length_and_any_bytes_are_answered)
{
	struct sample sample;
	uint32_t seed = 1;

	sample_init(&sample);
	for (size_t len = 0; len <= sizeof(sample); len++)
		ck_assert(check(&sample, len) == (len == LEN ? 0 : -EINVAL));
	for (int round = 0; round < 20000; round++) {
		sample_init(&sample);
		for (int i = 0; i < 3; i++) {
			seed = seed * 1664525U + 1013904223U;
			((char *)&sample)[(seed >> 8) % LEN] = (char)(seed >> 24);
		}
		/* What is taken can be read: no decision leaves the strings (sanitizers tell). */
		IGNORE(check(&sample, LEN) == 0);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("overlay_meta");
	TCase *meta = tcase_create("meta");

	tcase_set_tags(meta, "pure");
	tcase_add_loop_test(meta, a_field_that_is_wrong_is_refused, 0, BREAK_COUNT);
	tcase_add_test(meta, any_length_and_any_bytes_are_answered);
	suite_add_tcase(suite, meta);
	return suite;
}
