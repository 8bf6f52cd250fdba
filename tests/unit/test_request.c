/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket takes, from whom. */
#include <errno.h>

#include "daemon/peer.h"
#include "daemon/request.h"
#include "lib/runner.h"

static struct wire_request sample(uint32_t kind)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = kind };

	if (kind == WIRE_SHOW || kind == WIRE_REVOKE || kind == WIRE_WORKSPACE || kind == WIRE_SETTLE ||
	    kind == WIRE_ATTACH)
		request.run.bytes[3] = 7;
	return request;
}

static int parse(const struct wire_request *request, size_t fds)
{
	struct wire_request out = { .kind = 4711 };
	struct error err = { 0 };
	int r = request_parse(slice_new(request, sizeof(*request)), fds, &out, &err);

	ck_assert_msg(r == 0 || out.kind == 4711, "failed, yet wrote its output");
	ck_assert_msg(r == 0 || (err.text[0] && err.next[0]), "a refusal without a next step");
	return r;
}

START_TEST(each_request_is_taken_as_the_command_line_sends_it)
{
	uint32_t kind = (uint32_t)_i;
	struct wire_request request = sample(kind);

	ck_assert_int_eq(parse(&request, kind == WIRE_RUN ? REQUEST_RUN_FDS : kind == WIRE_ATTACH), 0);
}
END_TEST

enum change { VERSION, KIND, KIND_ZERO, FLAGS, CURSOR, RUN, NO_RUN, REASON, REASON_BYTES,
	      REASON_TAIL, REASON_ELSEWHERE, FDS, FEW_FDS, KEEP_ALONE, COMMIT_ELSEWHERE, CHANGE_COUNT };

static const struct bad_row { uint32_t kind; size_t fds; int want; } bad[CHANGE_COUNT] = {
	[VERSION] = { WIRE_PING, 0, -EPROTO }, [KIND] = { 63, 0, -EPROTO },
	[KIND_ZERO] = { 0, 0, -EPROTO }, [FLAGS] = { WIRE_PING, 0, -EBADMSG },
	[CURSOR] = { WIRE_PING, 0, -EBADMSG }, [RUN] = { WIRE_LIST, 0, -EBADMSG },
	[NO_RUN] = { WIRE_REVOKE, 0, -EBADMSG }, [REASON] = { WIRE_REVOKE, 0, -EBADMSG },
	[REASON_BYTES] = { WIRE_REVOKE, 0, -EBADMSG }, [REASON_TAIL] = { WIRE_REVOKE, 0, -EBADMSG },
	[REASON_ELSEWHERE] = { WIRE_PING, 0, -EBADMSG }, [FDS] = { WIRE_PING, 1, -EBADMSG },
	[FEW_FDS] = { WIRE_RUN, 4, -EBADMSG },
	[KEEP_ALONE] = { WIRE_SETTLE, 0, -EBADMSG }, [COMMIT_ELSEWHERE] = { WIRE_LIST, 0, -EBADMSG },
};

static void change(struct wire_request *request, enum change what)
{
	switch (what) {
	case VERSION: request->version++; break;
	case FLAGS: request->flags = 64; break;
	case CURSOR: request->cursor = 1; break;
	case RUN: request->run.bytes[0] = 1; break;
	case NO_RUN: memset(&request->run, 0, sizeof(request->run)); break;
	case REASON: memset(request->reason, 'x', sizeof(request->reason)); break;
	case REASON_BYTES: request->reason[0] = (char)0xff; break;
	case REASON_TAIL: request->reason[100] = 'x'; break;
	case REASON_ELSEWHERE: request->reason[0] = 'x'; break;
	case KEEP_ALONE: request->flags = WIRE_KEEP; break;
	case COMMIT_ELSEWHERE: request->flags = WIRE_COMMIT; break;
	case KIND: case KIND_ZERO: case FDS: case FEW_FDS: case CHANGE_COUNT: break;
	}
}

START_TEST(a_request_with_one_thing_wrong_is_refused)
{
	const struct bad_row *row = &bad[_i];
	struct wire_request request = sample(row->kind);

	change(&request, (enum change)_i);
	ck_assert_int_eq(parse(&request, row->fds), row->want);
}
END_TEST

START_TEST(a_request_of_another_size_is_refused)
{
	char bytes[sizeof(struct wire_request) + 1] = { 0 };
	struct wire_request request = sample(WIRE_PING), out;
	struct error err = { 0 };

	memcpy(bytes, &request, sizeof(request));
	ck_assert_int_eq(request_parse(slice_new(bytes, sizeof(request) - 1), 0, &out, &err), -EBADMSG);
	ck_assert_int_eq(request_parse(slice_new(bytes, sizeof(request) + 1), 0, &out, &err), -EBADMSG);
	ck_assert_int_eq(request_parse(slice_new(bytes, 0), 0, &out, &err), -EBADMSG);
}
END_TEST

/* Written a second time: rows are requests, columns are other, owner, root. */
static const bool matrix[][REQUESTER_COUNT] = {
	[0] = { false, false, false },
	[WIRE_RUN] = { true, true, true }, [WIRE_LIST] = { true, true, true },
	[WIRE_SHOW] = { true, true, true }, [WIRE_REVOKE] = { false, true, true },
	[WIRE_FEATURES] = { true, true, true }, [WIRE_PING] = { true, true, true },
	[WIRE_WORKSPACES] = { true, true, true }, [WIRE_WORKSPACE] = { false, true, true },
	[WIRE_SETTLE] = { false, true, true },
	[WIRE_ATTACH] = { false, true, true },
	[11] = { false, false, false },
};

START_TEST(who_may_ask_what_is_the_matrix)
{
	for (int who = 0; who < REQUESTER_COUNT; who++)
		ck_assert_msg(request_permitted((enum wire_request_kind)_i, (enum requester)who) ==
				      matrix[_i][who],
			      "request %d by %d", _i, who);
	ck_assert(!request_permitted((enum wire_request_kind)_i, REQUESTER_COUNT));
}
END_TEST

static const struct { const char *path; bool want; } cgroups[] = {
	{ "/", false }, { "/user.slice/user-0.slice", false }, { "/bailiff", false },
	{ "/bailiff/s1", false }, { "/bailiff/s1/01ARZ", true }, { "/bailiff/s1/01ARZ/sub", true },
	{ "/system.slice/x/bailiff/s1/01ARZ", true }, { "/system.slice/bailiffd.service", false },
	{ "/../bailiff/s1/01ARZ", true }, { "", false },
};

START_TEST(a_cgroup_below_an_instance_is_a_run)
{
	ck_assert_msg(peer_cgroup_is_run(slice_of(cgroups[_i].path)) == cgroups[_i].want, "'%s'",
		      cgroups[_i].path);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("request");
	TCase *parser = tcase_create("parser"), *permits = tcase_create("permits");

	tcase_set_tags(parser, "pure");
	tcase_set_tags(permits, "pure");
	tcase_add_loop_test(parser, each_request_is_taken_as_the_command_line_sends_it, WIRE_RUN,
			    WIRE_ATTACH + 1);
	tcase_add_loop_test(parser, a_request_with_one_thing_wrong_is_refused, 0, CHANGE_COUNT);
	tcase_add_test(parser, a_request_of_another_size_is_refused);
	tcase_add_loop_test(permits, who_may_ask_what_is_the_matrix, 0, (int)COUNT(matrix));
	tcase_add_loop_test(permits, a_cgroup_below_an_instance_is_a_run, 0, (int)COUNT(cgroups));
	suite_add_tcase(suite, parser);
	suite_add_tcase(suite, permits);
	return suite;
}
