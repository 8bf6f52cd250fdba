/* SPDX-License-Identifier: Apache-2.0 */
/* An image from an unprivileged client and any question: it is refused or answered, twice alike; what was
 * accepted is written again as the same bytes; and without a rule nothing is allowed.
 *
 * Input: u32 length of the image, u32 ignored, the image, then what the question is made of. */
#include "base/buf.h"
#include "decide/field.h"
#include "decide/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS 12U

struct source {
	const uint8_t *data;
	size_t left;
};

static uint8_t next(struct source *source)
{
	if (source->left == 0)
		return 0;
	source->left--;
	return *source->data++;
}

/* A word of the policy itself, so that something matches, or of the input. */
static struct slice word(struct source *source, const struct govern_view *view)
{
	uint8_t choice = next(source);
	size_t len;
	struct slice own;

	if (choice < 128 && view->words_count > 0)
		return govern_text(view, view->words[(choice * 37U + next(source)) % view->words_count]);
	len = choice % 8U < source->left ? choice % 8U : source->left;
	own = slice_new(source->data, len);
	source->data += len;
	source->left -= len;
	return own;
}

static void fill_action(struct source *source, const struct govern_view *view, struct slice words[2 * WORDS],
			struct action *action)
{
	*action = (struct action){ .kind = (enum action_kind)(next(source) % 10), .argv = words, .paths = words + WORDS };
	action->principal = word(source, view);
	action->argc = next(source) % WORDS;
	action->path_count = next(source) % WORDS;
	action->argv_cut = next(source) & 1;
	action->paths_cut = next(source) & 1;
	action->place = (enum program_place)(next(source) % 4);
	action->environments = next(source);
	action->name_count = next(source) % (JUDGE_NAMES_MAX + 2);
	action->port = next(source);
	action->transition = next(source) % 10;
	memset(action->digest, next(source) & 1, sizeof(action->digest));
	action->exe = word(source, view);
	for (uint32_t i = 0; i < 2 * WORDS; i++)
		words[i] = word(source, view);
	for (uint32_t i = 0; i < JUDGE_NAMES_MAX; i++)
		action->names[i] = word(source, view);
}

static void fill_snapshot(struct source *source, const struct govern_view *view,
			  struct field_value fields[FIELD_COUNT], struct snapshot *snapshot)
{
	*snapshot = (struct snapshot){ .gates = next(source), .mode = next(source) % 4, .fields = fields };
	snapshot->phase = next(source) % (PHASE_COUNT + 1);
	snapshot->tier = next(source) % 6;
	snapshot->plan_status = next(source) % 10;
	snapshot->plan_cover = (enum plan_cover)(next(source) % 4);
	snapshot->check = (enum check_state)(next(source) % 4);
	snapshot->answer = (enum approval_answer)(next(source) % 5);
	snapshot->phase_reported = next(source) & 1;
	snapshot->children = next(source) % 4;
	snapshot->grant_count = next(source) % 6;
	for (uint32_t i = 0; i < snapshot->grant_count; i++) {
		snapshot->grants[i] = (struct grant){ .kind = next(source) % 5, .uses = next(source) & 1, .id = i + 1,
						      .expires_ns = next(source), .rule = word(source, view) };
		memset(snapshot->grants[i].digest, next(source) & 1, sizeof(snapshot->grants[i].digest));
	}
	for (uint32_t i = 0; i < FIELD_COUNT; i++)
		fields[i] = (struct field_value){ .type = next(source) % 8, .number = next(source),
						  .text = word(source, view) };
}

static void ask(const struct govern_view *view, struct source *source)
{
	struct slice words[2 * WORDS];
	struct field_value fields[FIELD_COUNT];
	struct action action;
	struct snapshot snapshot;
	struct ruling first, second;
	struct govern_list targets;
	uint8_t point, phase;

	fill_action(source, view, words, &action);
	fill_snapshot(source, view, fields, &snapshot);
	judge(view, &action, &snapshot, 100, &first);
	judge(view, &action, &snapshot, 100, &second);
	if (memcmp(&first, &second, sizeof(first)) != 0)
		abort();
	if (first.verdict == VERDICT_ALLOW && view->rules_count == 0 && snapshot.mode == MODE_ENFORCE &&
	    action.kind != ACTION_TRANSITION)
		abort();
	IGNORE(judge_may_answer(view, &action, &snapshot, 100, &first, words[0], ROLE_ADMIN, true)); /* any answer */
	IGNORE(environments_of(view, &action, words, WORDS) != 0); /* any answer */
	for (uint16_t i = 0; i < view->guards_count; i++)
		IGNORE(guard_holds(view, i, &action, &snapshot, 100, &targets)); /* any answer */
	point = next(source) % (POINT_COUNT + 1);
	phase = next(source) % (PHASE_COUNT + 1);
	judge_point(view, (enum guard_point)point, (enum phase)phase, &action, &snapshot, 100, &second);
}

static void use(const void *image, size_t len, struct source *source)
{
	cleanup_with(buf_finish) struct buf again = buf_growing(1U << 24);
	struct govern_view view;

	if (govern_check(image, len, &view, NULL) < 0)
		return;
	if (govern_write(&view, &again) < 0 || !slice_eq(buf_slice(&again), slice_new(image, len)))
		abort();
	ask(&view, source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source;
	uint32_t len;
	void *image;

	if (size < 8)
		return 0;
	memcpy(&len, data, sizeof(len));
	if (len > size - 8)
		return 0;
	image = aligned_alloc(16, ((size_t)len + 16) & ~(size_t)15);
	if (!image)
		return 0;
	memcpy(image, data + 8, len);
	source = (struct source){ data + 8 + len, size - 8 - len };
	use(image, len, &source);
	free(image);
	return 0;
}
