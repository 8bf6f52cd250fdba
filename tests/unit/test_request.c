/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket takes, from whom. */
#include <errno.h>
#include <string.h>

#include "daemon/peer.h"
#include "daemon/request.h"
#include "decide/people.h"
#include "lib/runner.h"

static bool is_whole(uint32_t kind)
{
	return kind >= WIRE_INBOX && kind < WIRE_REQUEST_LIMIT && kind != WIRE_AGENTS;
}

/* As the command line sends it. */
static struct wire_people sample(uint32_t kind)
{
	struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = kind } };
	bool names = kind != WIRE_RUN && kind != WIRE_LIST && kind != WIRE_FEATURES && kind != WIRE_PING &&
		     kind != WIRE_WORKSPACES && kind != WIRE_INBOX && kind != WIRE_KILL_SWITCH && kind != WIRE_AGENTS && kind != WIRE_TIER;

	request.head.run.bytes[3] = names ? 7 : 0;
	if (kind == WIRE_TIER) {
		memcpy(request.agent, "one", 4);
		request.head.flags = WIRE_UP;
	}
	if (kind == WIRE_DENY || kind == WIRE_WAIVE || kind == WIRE_KILL_SWITCH || kind == WIRE_TIER)
		memcpy(request.head.reason, "because", 8);
	if (kind == WIRE_WAIVE) {
		memcpy(request.rule, "no-push", 8);
		request.reason_code = REASON_SAFE_HERE;
	}
	if (kind == WIRE_CLARIFY)
		memcpy(request.text, "t/", 3);
	request.scope = kind == WIRE_KILL_SWITCH ? KILL_ALL : 0;
	return request;
}

static size_t fds_of(uint32_t kind)
{
	return kind == WIRE_RUN ? REQUEST_RUN_FDS : kind == WIRE_ATTACH;
}

static int parse(const struct wire_people *request, size_t fds)
{
	struct wire_people out = { .head.kind = 4711 };
	struct error err = { 0 };
	size_t len = is_whole(request->head.kind) ? sizeof(*request) : sizeof(request->head);
	int r = request_parse(slice_new(request, len), fds, &out, &err);

	ck_assert_msg(r == 0 || out.head.kind == 4711, "failed, yet wrote its output");
	ck_assert_msg(r == 0 || (err.text[0] && err.next[0]), "a refusal without a next step");
	ck_assert_msg(r < 0 || !is_whole(request->head.kind) || memcmp(&out, request, sizeof(out)) == 0,
		      "something else came out than went in");
	return r;
}

START_TEST(each_request_is_taken_as_the_command_line_sends_it)
{
	struct wire_people request = sample((uint32_t)_i);

	ck_assert_int_eq(parse(&request, fds_of((uint32_t)_i)), 0);
}
END_TEST

enum change { VERSION, KIND, KIND_ZERO, FLAGS, CURSOR, RUN, NO_RUN, REASON, REASON_BYTES,
	      REASON_TAIL, REASON_ELSEWHERE, FDS, FEW_FDS, KEEP_ALONE, COMMIT_ELSEWHERE,
	      ASK_BOTH, NO_REASON_DENY, NO_REASON_WAIVE, NO_RULE, NO_REASON_CODE, BIG_REASON_CODE, NO_TEXT,
	      TEXT_BYTES, TEXT_TAIL, TEXT_FULL, TEXT_ELSEWHERE, CODE_ELSEWHERE, SEEN_ELSEWHERE, RULE_ELSEWHERE,
	      AGENT_ELSEWHERE, TTL_ELSEWHERE, SCOPE_ELSEWHERE, BIG_SCOPE, NO_REASON_KILL, RESET_AND_TERMINATE,
	      ITEM_MISSING, CHANGE_COUNT };

static const struct bad_row { uint32_t kind; size_t fds; int want; } bad[CHANGE_COUNT] = {
	[VERSION] = { WIRE_PING, 0, -EPROTO }, [KIND] = { 63, 0, -EPROTO },
	[KIND_ZERO] = { 0, 0, -EPROTO }, [FLAGS] = { WIRE_PING, 0, -EBADMSG },
	[CURSOR] = { WIRE_PING, 0, -EBADMSG }, [RUN] = { WIRE_LIST, 0, -EBADMSG },
	[NO_RUN] = { WIRE_REVOKE, 0, -EBADMSG }, [REASON] = { WIRE_REVOKE, 0, -EBADMSG },
	[REASON_BYTES] = { WIRE_REVOKE, 0, -EBADMSG }, [REASON_TAIL] = { WIRE_REVOKE, 0, -EBADMSG },
	[REASON_ELSEWHERE] = { WIRE_PING, 0, -EBADMSG }, [FDS] = { WIRE_PING, 1, -EBADMSG },
	[FEW_FDS] = { WIRE_RUN, 4, -EBADMSG },
	[KEEP_ALONE] = { WIRE_SETTLE, 0, -EBADMSG }, [COMMIT_ELSEWHERE] = { WIRE_LIST, 0, -EBADMSG },
	[ASK_BOTH] = { WIRE_RUN, REQUEST_RUN_FDS, -EBADMSG },
	[NO_REASON_DENY] = { WIRE_DENY, 0, -EBADMSG }, [NO_REASON_WAIVE] = { WIRE_WAIVE, 0, -EBADMSG },
	[NO_RULE] = { WIRE_WAIVE, 0, -EBADMSG }, [NO_REASON_CODE] = { WIRE_WAIVE, 0, -EBADMSG },
	[BIG_REASON_CODE] = { WIRE_WAIVE, 0, -EBADMSG }, [NO_TEXT] = { WIRE_CLARIFY, 0, -EBADMSG },
	[TEXT_BYTES] = { WIRE_CLARIFY, 0, -EBADMSG }, [TEXT_TAIL] = { WIRE_CLARIFY, 0, -EBADMSG },
	[TEXT_FULL] = { WIRE_CLARIFY, 0, -EBADMSG }, [TEXT_ELSEWHERE] = { WIRE_PAUSE, 0, -EBADMSG },
	[CODE_ELSEWHERE] = { WIRE_DENY, 0, -EBADMSG }, [SEEN_ELSEWHERE] = { WIRE_PAUSE, 0, -EBADMSG },
	[RULE_ELSEWHERE] = { WIRE_CLARIFY, 0, -EBADMSG }, [AGENT_ELSEWHERE] = { WIRE_WAIVE, 0, -EBADMSG },
	[TTL_ELSEWHERE] = { WIRE_APPROVE, 0, -EBADMSG }, [SCOPE_ELSEWHERE] = { WIRE_CANCEL, 0, -EBADMSG },
	[BIG_SCOPE] = { WIRE_KILL_SWITCH, 0, -EBADMSG }, [NO_REASON_KILL] = { WIRE_KILL_SWITCH, 0, -EBADMSG },
	[RESET_AND_TERMINATE] = { WIRE_KILL_SWITCH, 0, -EBADMSG }, [ITEM_MISSING] = { WIRE_APPROVE, 0, -EBADMSG },
};

static void change_people(struct wire_people *request, int what)
{
	switch (what) {
	case ASK_BOTH: request->head.flags = WIRE_ASK | WIRE_ASK_NOWHERE; break;
	case NO_REASON_DENY: case NO_REASON_WAIVE: case NO_REASON_KILL:
		memset(request->head.reason, 0, sizeof(request->head.reason));
		break;
	case NO_RULE: memset(request->rule, 0, sizeof(request->rule)); break;
	case NO_REASON_CODE: request->reason_code = REASON_NONE; break;
	case BIG_REASON_CODE: request->reason_code = REASON_CODE_COUNT; break;
	case NO_TEXT: request->text[0] = request->text[1] = '\0'; break;
	case TEXT_BYTES: request->text[0] = (char)0xff; break;
	case TEXT_TAIL: request->text[100] = 'x'; break;
	case TEXT_FULL: memset(request->text, 'x', sizeof(request->text)); break;
	case TEXT_ELSEWHERE: request->text[0] = 'x'; break;
	case CODE_ELSEWHERE: request->code[0] = 'x'; break;
	case SEEN_ELSEWHERE: request->seen[100] = 1; break;
	case RULE_ELSEWHERE: request->rule[0] = 'x'; break;
	case AGENT_ELSEWHERE: request->agent[0] = 'x'; break;
	case TTL_ELSEWHERE: request->ttl_ns = 1; break;
	case SCOPE_ELSEWHERE: request->scope = KILL_ALL; break;
	case BIG_SCOPE: request->scope = KILL_SCOPE_COUNT; break;
	case RESET_AND_TERMINATE: request->head.flags = WIRE_TERMINATE | WIRE_RESET; break;
	case ITEM_MISSING: memset(&request->head.run, 0, sizeof(request->head.run)); break;
	default: break;
	}
}

static void change(struct wire_request *request, int what)
{
	switch (what) {
	case VERSION: request->version++; break;
	case FLAGS: request->flags = WIRE_ASK; break;
	case CURSOR: request->cursor = 1; break;
	case RUN: request->run.bytes[0] = 1; break;
	case NO_RUN: memset(&request->run, 0, sizeof(request->run)); break;
	case REASON: memset(request->reason, 'x', sizeof(request->reason)); break;
	case REASON_BYTES: request->reason[0] = (char)0xff; break;
	case REASON_TAIL: request->reason[100] = 'x'; break;
	case REASON_ELSEWHERE: request->reason[0] = 'x'; break;
	case KEEP_ALONE: request->flags = WIRE_KEEP; break;
	case COMMIT_ELSEWHERE: request->flags = WIRE_COMMIT; break;
	default: break;
	}
}

START_TEST(a_request_with_one_thing_wrong_is_refused)
{
	const struct bad_row *row = &bad[_i];
	struct wire_people request = sample(row->kind);

	change(&request.head, _i);
	change_people(&request, _i);
	ck_assert_int_eq(parse(&request, row->fds), row->want);
}
END_TEST

START_TEST(a_request_of_another_size_is_refused)
{
	static const uint32_t kinds[] = { WIRE_PING, WIRE_INBOX };
	char bytes[sizeof(struct wire_people) + 1] = { 0 };
	struct wire_people request = sample(kinds[_i]), out;
	size_t right = is_whole(kinds[_i]) ? sizeof(request) : sizeof(request.head);
	struct error err = { 0 };

	memcpy(bytes, &request, sizeof(request));
	for (size_t len = 0; len <= sizeof(bytes); len++)
		ck_assert_msg(request_parse(slice_new(bytes, len), 0, &out, &err) == (len == right ? 0 : -EBADMSG),
			      "%zu bytes", len);
}
END_TEST

/* Written a second time: rows are requests, columns are none, viewer, operator, owner, admin. The model's table says
 * it of roles; an owner is operator of what is his. */
#define ALL { true, true, true, true, true }
#define LOOK { false, true, true, true, true }
#define OPERATE { false, false, true, true, true }
#define OWN { false, false, false, true, true }
#define ADMIN { false, false, false, false, true }
#define NOBODY { false, false, false, false, false }
static const bool matrix[][REQUESTER_COUNT] = {
	[0] = NOBODY,
	[WIRE_RUN] = LOOK, [WIRE_LIST] = LOOK, [WIRE_SHOW] = LOOK, [WIRE_REVOKE] = OWN, [WIRE_FEATURES] = ALL,
	[WIRE_PING] = ALL, [WIRE_WORKSPACES] = LOOK, [WIRE_WORKSPACE] = OWN, [WIRE_SETTLE] = OWN,
	[WIRE_ATTACH] = OWN, [WIRE_INBOX] = LOOK, [WIRE_CLAIM] = OPERATE, [WIRE_RELEASE] = OPERATE,
	[WIRE_APPROVE] = OPERATE, [WIRE_DENY] = OPERATE, [WIRE_PAUSE] = OPERATE, [WIRE_RESUME] = OPERATE,
	[WIRE_CANCEL] = OPERATE, [WIRE_CLARIFY] = OPERATE, [WIRE_WAIVE] = ADMIN, [WIRE_KILL_SWITCH] = ADMIN,
	[WIRE_AGENTS] = LOOK, [WIRE_TIER] = ADMIN,
	[WIRE_REQUEST_LIMIT] = NOBODY, [WIRE_REQUEST_LIMIT + 7] = NOBODY,
};

START_TEST(who_may_ask_what_is_the_matrix)
{
	for (int who = 0; who < REQUESTER_COUNT; who++)
		ck_assert_msg(request_permitted((enum wire_request_kind)_i, (enum requester)who) ==
				      matrix[_i][who],
			      "request %d by %d", _i, who);
	ck_assert(!request_permitted((enum wire_request_kind)_i, REQUESTER_COUNT));
	ck_assert(!request_permitted((enum wire_request_kind)_i, (enum requester)-1));
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
			    WIRE_REQUEST_LIMIT);
	tcase_add_loop_test(parser, a_request_with_one_thing_wrong_is_refused, 0, CHANGE_COUNT);
	tcase_add_loop_test(parser, a_request_of_another_size_is_refused, 0, 2);
	tcase_add_loop_test(permits, who_may_ask_what_is_the_matrix, 0, (int)COUNT(matrix));
	tcase_add_loop_test(permits, a_cgroup_below_an_instance_is_a_run, 0, (int)COUNT(cgroups));
	suite_add_tcase(suite, parser);
	suite_add_tcase(suite, permits);
	return suite;
}
