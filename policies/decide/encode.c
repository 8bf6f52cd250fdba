/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over a question for both directions, so that they cannot differ in what they write and read. */
#include "decide/encode.h"

#include <errno.h>

#include "base/buf.h"
#include "decide/question.h"

#define ENCODE_VERSION 1U

/* Writes to `out`, or, when there is none, reads from `in`. The first failure is kept. */
struct codec {
	struct buf *out;
	struct slice in;
	int error;
};

static void bytes_pass(struct codec *codec, void *bytes, size_t len)
{
	if (codec->error)
		return;
	if (codec->out) {
		codec->error = buf_append(codec->out, bytes, len);
	} else if (codec->in.len < len) {
		codec->error = -EINVAL;
	} else {
		if (len > 0)
			memcpy(bytes, codec->in.data, len);
		codec->in = slice_new(codec->in.data + len, codec->in.len - len);
	}
}

/* `limit`: the first number that is refused. */
static uint64_t number_pass(struct codec *codec, uint64_t value, size_t width, uint64_t limit)
{
	uint8_t bytes[8] = { 0 };

	for (size_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	bytes_pass(codec, bytes, width);
	for (size_t i = 0; !codec->out && i < width; i++)
		value = i == 0 ? bytes[0] : value | (uint64_t)bytes[i] << 8 * i;
	if (!codec->error && value >= limit)
		codec->error = codec->out ? -E2BIG : -EINVAL;
	return codec->error && !codec->out ? 0 : value;
}

#define PASS_U32(codec, member, limit) \
	((member) = (__typeof__(member))number_pass(codec, (uint64_t)(member), 4, limit))
#define ANY_U32 (1ULL << 32)

static void u64_pass(struct codec *codec, uint64_t *value)
{
	uint64_t low = number_pass(codec, *value & UINT32_MAX, 4, ANY_U32);
	uint64_t high = number_pass(codec, *value >> 32, 4, ANY_U32);

	*value = low | high << 32;
}

static void text_pass(struct codec *codec, struct slice *text)
{
	uint32_t len = (uint32_t)number_pass(codec, text->len, 4, QUESTION_TEXT_MAX + 1);

	if (codec->error)
		return;
	if (codec->out) {
		codec->error = len > 0 ? buf_append(codec->out, text->data, len) : 0;
	} else if (codec->in.len < len) {
		codec->error = -EINVAL;
	} else {
		*text = slice_new(codec->in.data, len);
		codec->in = slice_new(codec->in.data + len, codec->in.len - len);
	}
}

/* The longest path that the policy names and that covers this one: all that it names and that cover it are
 * above that one. */
static void keep_longest(const struct govern_view *govern, struct govern_list tops, struct slice path,
			 struct slice *longest)
{
	for (uint32_t i = 0; i < tops.count; i++) {
		struct govern_list one = { tops.first + i, 1 };
		struct slice top = govern_word(govern, tops, i);

		if (top.len > longest->len && path_is_under(govern, one, path))
			*longest = top;
	}
}

static struct slice named_path(const struct govern_view *govern, struct slice path)
{
	struct slice longest = { 0 };

	for (uint32_t i = 0; i < govern->rules_count; i++)
		keep_longest(govern, govern->rules[i].when.paths_under, path, &longest);
	for (uint32_t i = 0; i < govern->environments_count; i++)
		keep_longest(govern, govern->environments[i].paths, path, &longest);
	return longest;
}

/* `paths`: where they are read to. `govern`: what they are written for; NULL keeps them. */
static void paths_pass(struct codec *codec, const struct govern_view *govern, struct action *action,
		       struct slice *paths)
{
	if (!action->paths)
		action->path_count = 0;
	PASS_U32(codec, action->path_count, QUESTION_PATHS_MAX + 1);
	for (uint32_t i = 0; i < action->path_count && !codec->error; i++) {
		struct slice path = { 0 };

		if (codec->out)
			path = govern ? named_path(govern, action->paths[i]) : action->paths[i];
		text_pass(codec, &path);
		if (!codec->out)
			paths[i] = path;
	}
	if (!codec->out)
		action->paths = paths;
}

static void action_pass(struct codec *codec, const struct govern_view *govern, struct action *action,
			struct slice *paths)
{
	PASS_U32(codec, action->kind, ACTION_TRANSITION + 1);
	text_pass(codec, &action->principal);
	PASS_U32(codec, action->argc, ANY_U32);
	PASS_U32(codec, action->argv_cut, 2);
	PASS_U32(codec, action->name_count, JUDGE_NAMES_MAX + 1);
	for (uint32_t i = 0; i < action->name_count && !codec->error; i++)
		text_pass(codec, &action->names[i]);
	text_pass(codec, &action->exe);
	PASS_U32(codec, action->place, PLACE_WORKSPACE + 1);
	paths_pass(codec, govern, action, paths);
	PASS_U32(codec, action->paths_cut, 2);
	text_pass(codec, &action->host);
	bytes_pass(codec, action->addr, sizeof(action->addr));
	PASS_U32(codec, action->port, 65536);
	PASS_U32(codec, action->environments, ANY_U32);
	bytes_pass(codec, action->digest, sizeof(action->digest));
	PASS_U32(codec, action->transition, ANY_U32);
}

static void grant_pass(struct codec *codec, struct grant *grant)
{
	PASS_U32(codec, grant->kind, 256);
	PASS_U32(codec, grant->max_risk, 256);
	PASS_U32(codec, grant->uses, 65536);
	PASS_U32(codec, grant->id, ANY_U32);
	u64_pass(codec, &grant->expires_ns);
	bytes_pass(codec, grant->digest, sizeof(grant->digest));
	text_pass(codec, &grant->rule);
}

/* A text or a number, as its type says; nothing of what is absent. */
static void field_pass(struct codec *codec, struct field_value *field)
{
	uint64_t number = (uint64_t)field->number;

	PASS_U32(codec, field->type, TYPE_LIST + 1);
	if (field->type == TYPE_TEXT)
		text_pass(codec, &field->text);
	else if (field->type > TYPE_NULL)
		u64_pass(codec, &number);
	field->number = (int64_t)number;
}

static void snapshot_pass(struct codec *codec, struct snapshot *snapshot)
{
	PASS_U32(codec, snapshot->gates, ANY_U32);
	PASS_U32(codec, snapshot->mode, ANY_U32);
	PASS_U32(codec, snapshot->phase, ANY_U32);
	PASS_U32(codec, snapshot->phase_reported, 2);
	PASS_U32(codec, snapshot->tier, ANY_U32);
	PASS_U32(codec, snapshot->plan_status, ANY_U32);
	PASS_U32(codec, snapshot->plan_cover, COVER_BOUND + 1);
	PASS_U32(codec, snapshot->check, CHECK_OK + 1);
	u64_pass(codec, &snapshot->check_age_ns);
	PASS_U32(codec, snapshot->children, ANY_U32);
	PASS_U32(codec, snapshot->children_live, ANY_U32);
	PASS_U32(codec, snapshot->children_status, ANY_U32);
	u64_pass(codec, &snapshot->point_age_ns);
	PASS_U32(codec, snapshot->answer, ANSWER_NOBODY + 1);
	PASS_U32(codec, snapshot->same_denied, ANY_U32);
	bytes_pass(codec, snapshot->policy_digest, sizeof(snapshot->policy_digest));
	PASS_U32(codec, snapshot->grant_count, JUDGE_GRANTS_MAX + 1);
	for (uint32_t i = 0; i < snapshot->grant_count && !codec->error; i++)
		grant_pass(codec, &snapshot->grants[i]);
}

static void fields_pass(struct codec *codec, struct snapshot *snapshot, struct field_value *fields)
{
	uint32_t count = snapshot->fields ? FIELD_COUNT : 0;

	PASS_U32(codec, count, FIELD_COUNT + 1);
	if (!codec->error && count != 0 && count != FIELD_COUNT)
		codec->error = -EINVAL;
	for (uint32_t i = 0; i < count && !codec->error; i++) {
		struct field_value value = codec->out ? snapshot->fields[i] : (struct field_value){ 0 };

		field_pass(codec, &value);
		if (!codec->out)
			fields[i] = value;
	}
	if (!codec->out)
		snapshot->fields = count ? fields : NULL;
}

static void question_pass(struct codec *codec, const struct govern_view *govern, struct action *action,
			  struct snapshot *snapshot, uint64_t *now_ns, struct question_record *record)
{
	uint32_t version = ENCODE_VERSION;

	PASS_U32(codec, version, ENCODE_VERSION + 1);
	if (!codec->error && version != ENCODE_VERSION)
		codec->error = -EINVAL;
	action_pass(codec, govern, action, record ? record->paths : NULL);
	snapshot_pass(codec, snapshot);
	fields_pass(codec, snapshot, record ? record->fields : NULL);
	u64_pass(codec, now_ns);
}

int question_encode(const struct govern_view *govern, const struct action *action,
		    const struct snapshot *snapshot, uint64_t now_ns, struct buf *buf)
{
	struct codec codec = { .out = buf };
	struct snapshot snapshot_copy = *snapshot;
	struct action action_copy = *action;
	size_t start = buf->len;

	question_pass(&codec, govern, &action_copy, &snapshot_copy, &now_ns, NULL);
	if (!codec.error && buf->len - start > QUESTION_BYTES_MAX)
		codec.error = -E2BIG;
	if (codec.error)
		buf->len = start;
	return codec.error;
}

int question_decode(struct slice bytes, const struct slice *argv, uint32_t argc, struct question_record *ret_record)
{
	struct codec codec = { .in = bytes };
	struct question_record *record = ret_record;

	memset(record, 0, sizeof(*record));
	if (bytes.len > QUESTION_BYTES_MAX)
		return -EINVAL;
	question_pass(&codec, NULL, &record->action, &record->snapshot, &record->now_ns, record);
	/* A command that the record does not have whole cannot be judged as it was. */
	if (!codec.error && (codec.in.len > 0 || record->action.argc != argc))
		codec.error = -EINVAL;
	record->action.argv = argv;
	return codec.error;
}
