/* SPDX-License-Identifier: Apache-2.0 */
/* A decision about a command made again: the recorded question, put to the recorded policy. */
#include "cli/why_again.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "cli/judged.h"
#include "compiler/compile.h"
#include "decide/encode.h"

struct again {
	struct judged judged;
	struct question_record question;
	struct diagnostics diagnostics;
	struct ruling ruling;
	struct slice words[JUDGE_ARGS_MAX];
};

static const struct record_value *labelled(const struct record *record, enum value_label label)
{
	for (size_t i = 0; i < record->value_count; i++)
		if (record->values[i].label == label)
			return &record->values[i];
	return NULL;
}

/* What the ledger kept whole. Returns 0, or -ENODATA: hidden, redacted, cut, or with secrets taken out. */
static int value_copy(const struct ledger_hit *hit, enum value_label label, struct buf *ret_bytes)
{
	const struct record_value *value = labelled(&hit->record, label);
	struct slice bytes = { 0 };

	*ret_bytes = buf_growing(INTAKE_VALUE_MAX);
	if (!value || !hit->ledger || value->flags || ledger_value(hit->ledger, value, &bytes, NULL) != 1)
		return -ENODATA;
	return buf_append(ret_bytes, bytes.data, bytes.len);
}

static uint32_t split(struct slice text, struct slice words[JUDGE_ARGS_MAX])
{
	uint32_t count = 0;

	for (size_t at = 0; at < text.len && count < JUDGE_ARGS_MAX; count++) {
		size_t len = strnlen(text.data + at, text.len - at);

		words[count] = slice_new(text.data + at, len);
		at += len + 1;
	}
	return count;
}

static bool same(const struct record *record, enum detail_key key, const char *text)
{
	return slice_eq(record_bytes(record, key), slice_of(text));
}

/* All that a ruling says and a record keeps of it. */
static bool equals(const struct record *record, const struct judged *judged, const struct ruling *ruling)
{
	const struct govern_view *view = &judged->view;
	struct slice capability = ruling->capability < view->capabilities_count ?
		govern_text(view, view->capabilities[ruling->capability].id) : (struct slice){ 0 };
	uint32_t verdict = ruling->verdict == VERDICT_DENY ? RECORD_VERDICT_DENY : ruling->verdict == VERDICT_ASK ?
		RECORD_VERDICT_HELD : ruling->would == VERDICT_ALLOW ? RECORD_VERDICT_NONE : RECORD_VERDICT_WARN;

	return record->verdict == verdict && slice_eq(record->rule, ruling->rule_id) &&
	       slice_eq(record_bytes(record, DETAIL_CAPABILITY), capability) &&
	       same(record, DETAIL_RISK, risk_name((enum risk)ruling->risk)) &&
	       same(record, DETAIL_CLASS, class_name((enum action_class)ruling->action_class)) &&
	       same(record, DETAIL_BLOCKED_BY, ruling->blocked_by == BLOCKED_NOT ? "" : blocked_name(ruling->blocked_by)) &&
	       same(record, DETAIL_REASON, ruling->reason) && same(record, DETAIL_REMEDY, ruling->remedy) &&
	       same(record, DETAIL_REMEDY_AGENT, ruling->remedy_agent);
}

static enum why_again judge_again(struct again *again, const struct record *record, const struct buf *kept,
				  const struct buf *argv)
{
	struct slice bytes = buf_slice(kept), own = buf_slice(argv);
	uint32_t len = 0;

	if (bytes.len < sizeof(len))
		return AGAIN_IMPOSSIBLE;
	memcpy(&len, bytes.data, sizeof(len));
	bytes = slice_new(bytes.data + sizeof(len), bytes.len - sizeof(len));
	if (len > bytes.len)
		return AGAIN_IMPOSSIBLE;
	if (len > 0) /* judged as something else than what the record shows: an interpreter's script */
		own = slice_new(bytes.data, len);
	bytes = slice_new(bytes.data + len, bytes.len - len);
	if (question_decode(bytes, again->words, split(own, again->words), &again->question) < 0)
		return AGAIN_IMPOSSIBLE;
	judge(&again->judged.view, &again->question.action, &again->question.snapshot, again->question.now_ns,
	      &again->ruling);
	return equals(record, &again->judged, &again->ruling) ? AGAIN_SAME : AGAIN_DIFFERS;
}

static const char *home_of(const char *owner)
{
	const struct passwd *account = getpwnam(owner);

	return account ? account->pw_dir : "/nonexistent";
}

enum why_again why_again(const struct ledger_hit *hit, json_t *document, const char *workspace, const char *owner)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	cleanup_with(buf_finish) struct buf kept = { 0 }, argv = { 0 };
	auto_free struct again *again = calloc(1, sizeof(*again));
	auto_free char *json = document ? json_dumps(document, JSON_COMPACT) : NULL;
	enum why_again answer = AGAIN_IMPOSSIBLE;

	if (hit->record.kind != RECORD_DECISION || !labelled(&hit->record, VALUE_QUESTION))
		return AGAIN_NO_QUESTION;
	if (!policy || !again || !json || value_copy(hit, VALUE_QUESTION, &kept) < 0 || value_copy(hit, VALUE_ARGV, &argv) < 0)
		return AGAIN_IMPOSSIBLE;
	if (policy_compile("recorded", json, strlen(json), policy, &again->diagnostics) < 0)
		return AGAIN_IMPOSSIBLE;
	if (judged_init(&again->judged, policy, workspace, home_of(owner)) == 0)
		answer = judge_again(again, &hit->record, &kept, &argv);
	judged_finish(&again->judged);
	return answer;
}
