/* SPDX-License-Identifier: Apache-2.0 */
#include "run/work_plan.h"

#include <errno.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "base/text.h"

#define TO(status) (1U << PLAN_##status)
#define TEXT_MAX 4096U

static const uint32_t moves[] = {
	[PLAN_STATUS_NONE] = 0,
	[PLAN_DRAFT] = TO(SUBMITTED),
	[PLAN_SUBMITTED] = TO(APPROVED) | TO(REJECTED) | TO(EXPIRED),
	[PLAN_APPROVED] = TO(ACTIVE) | TO(EXPIRED) | TO(ABORTED),
	[PLAN_ACTIVE] = TO(COMPLETED) | TO(ABORTED),
	[PLAN_COMPLETED] = 0, [PLAN_REJECTED] = 0, [PLAN_EXPIRED] = 0, [PLAN_ABORTED] = 0,
};

static const char *const names[COUNT(moves)] = {
	[PLAN_STATUS_NONE] = "NONE", [PLAN_DRAFT] = "DRAFT", [PLAN_SUBMITTED] = "SUBMITTED",
	[PLAN_APPROVED] = "APPROVED", [PLAN_ACTIVE] = "ACTIVE", [PLAN_COMPLETED] = "COMPLETED",
	[PLAN_REJECTED] = "REJECTED", [PLAN_EXPIRED] = "EXPIRED", [PLAN_ABORTED] = "ABORTED",
};

bool work_plan_move_allowed(enum plan_status from, enum plan_status to)
{
	return (size_t)from < COUNT(moves) && (size_t)to < COUNT(moves) && moves[from] >> to & 1U;
}

const char *plan_status_name(enum plan_status status)
{
	return (size_t)status < COUNT(names) ? names[status] : "?";
}

/* ---- form ---- */

static bool text_fits(const void *bytes, size_t len, struct agent_text text, size_t min)
{
	return text.len >= min && text.len <= TEXT_MAX && text.offset <= len && text.len <= len - text.offset &&
	       text_is_utf8(slice_new((const char *)bytes + text.offset, text.len)) &&
	       !memchr((const char *)bytes + text.offset, '\0', text.len);
}

static bool texts_fit(const void *bytes, size_t len, const struct agent_text *texts, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!text_fits(bytes, len, texts[i], 1))
			return false;
	return true;
}

static bool step_fits(const void *bytes, size_t len, const struct agent_step *step)
{
	if (step->word_count == 0 || step->word_count > AGENT_PLAN_WORDS_MAX ||
	    step->way_back_count > AGENT_PLAN_WORDS_MAX || step->input_count > AGENT_PLAN_INPUTS_MAX)
		return false;
	for (uint32_t i = 0; i < step->word_count; i++) /* an argument may be empty */
		if (!text_fits(bytes, len, step->words[i], i == 0 ? 1 : 0))
			return false;
	for (uint32_t i = 0; i < step->input_count; i++)
		if (!text_fits(bytes, len, step->inputs[i].path, 1))
			return false;
	return text_fits(bytes, len, step->capability, 1) && texts_fit(bytes, len, step->way_back, step->way_back_count);
}

static bool head_fits(const struct agent_plan *head, size_t len)
{
	return head->version == AGENT_VERSION && head->bytes == len && head->step_count >= 1 &&
	       head->step_count <= AGENT_PLAN_STEPS_MAX && head->write_count <= AGENT_PLAN_LISTS_MAX &&
	       head->net_count <= AGENT_PLAN_LISTS_MAX && head->artifact_count <= AGENT_PLAN_LISTS_MAX &&
	       head->confidence >= -1 && head->confidence <= AGENT_MILLIONTHS &&
	       len - sizeof(*head) >= head->step_count * sizeof(struct agent_step);
}

static int form_check(const void *bytes, size_t len, struct error *err)
{
	const struct agent_plan *head = bytes;
	const struct agent_step *steps = (const void *)(head + 1);

	if (len < sizeof(*head) || len > AGENT_PLAN_BYTES_MAX || !head_fits(head, len))
		return error_say(err, -EINVAL, "the plan's head is not one of this version");
	if (!text_fits(bytes, len, head->objective, 1) || !text_fits(bytes, len, head->created, 0) ||
	    !texts_fit(bytes, len, head->writes, head->write_count) ||
	    !texts_fit(bytes, len, head->nets, head->net_count) ||
	    !texts_fit(bytes, len, head->artifacts, head->artifact_count))
		return error_say(err, -EINVAL, "a text of the plan is empty, too long or no UTF-8");
	for (uint32_t i = 0; i < head->step_count; i++)
		if (!step_fits(bytes, len, &steps[i]) || steps[i].number != i + 1)
			return error_say(err, -EINVAL, "step %u of the plan has a wrong number, no words, or a text that "
					 "is too long or no UTF-8", i + 1);
	return 0;
}

int work_plan_read(const void *bytes, size_t len, struct work_plan *ret_plan, struct error *err)
{
	struct work_plan plan = { .len = len, .status = PLAN_DRAFT };
	int r = form_check(bytes, len, err);

	if (r < 0)
		return r;
	plan.bytes = malloc(len);
	if (!plan.bytes)
		return error_set(err, -ENOMEM, "keep the plan");
	memcpy(plan.bytes, bytes, len);
	plan.head = plan.bytes;
	plan.steps = (const void *)(plan.head + 1);
	sha256_of(slice_new(plan.bytes, len), plan.digest);
	*ret_plan = plan;
	return 0;
}

void work_plan_finish(struct work_plan *plan)
{
	free(plan->bytes);
	*plan = (struct work_plan){ 0 };
}

/* ---- the policy ---- */

static struct slice base_name(struct slice path)
{
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

	return slash ? slice_new(slash + 1, path.len - (size_t)(slash + 1 - path.data)) : path;
}

static uint32_t words_of(const struct work_plan *plan, const struct agent_step *step,
			 struct slice words[AGENT_PLAN_WORDS_MAX])
{
	for (uint32_t i = 0; i < step->word_count; i++)
		words[i] = work_plan_slice(plan, step->words[i]);
	return step->word_count;
}

static int step_refused(struct error *err, uint32_t number, const char *why)
{
	error_say(err, -EPERM, "step %u of the plan: %s", number, why);
	return error_next(err, "name the capability that `bailiff policy show` says this command has");
}

int work_plan_fits(struct work_plan *plan, const struct govern_view *govern, struct error *err)
{
	if (!govern || !govern->settings)
		return error_say(err, -EPERM, "the policy has no rules about actions, so no plan is needed");
	plan->risk_max = RISK_LOW;
	for (uint32_t i = 0; i < plan->head->step_count; i++) {
		const struct agent_step *step = &plan->steps[i];
		struct slice words[AGENT_PLAN_WORDS_MAX];
		struct action action = { .kind = ACTION_EXEC, .argv = words, .place = PLACE_TOOL, .name_count = 1 };
		const struct govern_capability *capability;

		action.argc = words_of(plan, step, words);
		action.names[0] = base_name(words[0]);
		plan->capabilities[i] = classify(govern, &action);
		if (plan->capabilities[i] == GOVERN_NONE)
			return step_refused(err, step->number, "the policy knows no capability for this command");
		capability = &govern->capabilities[plan->capabilities[i]];
		if (!slice_eq(govern_text(govern, capability->id), work_plan_slice(plan, step->capability)))
			return step_refused(err, step->number, "the command is not of the capability that the step names");
		if (capability->state == CAPABILITY_FROZEN)
			return step_refused(err, step->number, "its capability is frozen");
		plan->risks[i] = capability->risk;
		plan->risk_max = MAX(plan->risk_max, capability->risk);
	}
	return 0;
}

/* ---- cover ---- */

static bool same_words(const struct work_plan *plan, const struct agent_step *step, const struct slice *argv,
		       uint32_t argc)
{
	if (step->word_count != argc)
		return false;
	for (uint32_t i = 0; i < argc; i++)
		if (!slice_eq(work_plan_slice(plan, step->words[i]), argv[i]))
			return false;
	return true;
}

static enum plan_cover inputs_cover(const struct work_plan *plan, const struct agent_step *step,
				    work_plan_digest digest, void *ctx)
{
	uint8_t now[32];

	for (uint32_t i = 0; i < step->input_count; i++)
		if (digest(ctx, work_plan_slice(plan, step->inputs[i].path), now) < 0 ||
		    memcmp(now, step->inputs[i].digest, sizeof(now)) != 0)
			return COVER_INPUTS_DIFFER;
	/* A step that names no inputs is bound to none. */
	return step->input_count > 0 ? COVER_BOUND : COVER_ARGV;
}

enum plan_cover work_plan_cover(const struct work_plan *plan, const struct slice *argv, uint32_t argc,
				uint16_t capability, work_plan_digest digest, void *ctx, uint32_t *ret_step)
{
	enum plan_cover best = COVER_NONE;

	*ret_step = UINT32_MAX;
	if (!plan->bytes || (plan->status != PLAN_APPROVED && plan->status != PLAN_ACTIVE))
		return COVER_NONE;
	for (uint32_t i = 0; i < plan->head->step_count && best != COVER_BOUND; i++) {
		enum plan_cover cover;

		if (plan->used >> i & 1U || plan->capabilities[i] != capability ||
		    !same_words(plan, &plan->steps[i], argv, argc))
			continue;
		cover = inputs_cover(plan, &plan->steps[i], digest, ctx);
		if (cover > best) {
			best = cover;
			*ret_step = i;
		}
	}
	return best;
}

bool work_plan_use(struct work_plan *plan, uint32_t step)
{
	uint64_t all = plan->head->step_count == 64 ? UINT64_MAX : (1ULL << plan->head->step_count) - 1;

	plan->used |= step < 64 ? 1ULL << step : 0;
	return (plan->used & all) == all;
}

size_t work_plan_text(const struct work_plan *plan, char *to, size_t size)
{
	struct buf buf = buf_fixed(to, size - 1);
	struct slice text = work_plan_slice(plan, plan->head->objective);

	/* What does not fit is cut: it is said by `text_cut` of the approval. */
	IGNORE(buf_append(&buf, text.data, text.len) < 0);
	for (uint32_t i = 0; i < plan->head->step_count; i++) {
		const struct agent_step *step = &plan->steps[i];

		text = work_plan_slice(plan, step->capability);
		IGNORE(buf_printf(&buf, "\n%u. %.*s:", step->number, (int)text.len, text.data) < 0);
		for (uint32_t word = 0; word < step->word_count; word++) {
			text = work_plan_slice(plan, step->words[word]);
			IGNORE(buf_printf(&buf, " %.*s", (int)text.len, text.data) < 0);
		}
	}
	to[buf.len] = '\0';
	return buf.len;
}
