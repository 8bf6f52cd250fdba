/* SPDX-License-Identifier: Apache-2.0 */
#include "run/plans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "base/text.h"
#include "decide/field.h"
#include "run/run.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define COPY(to, from) IGNORE(snprintf((to), sizeof(to), "%s", (from)) < 0) /* a text that is cut is a text */
#define PLAN_TTL_NS 86400000000000ULL

static const struct govern_view *govern_of(const struct run *run)
{
	return run->life.govern;
}

/* ---- records ---- */

static uint64_t put_plan(struct run *run, enum plan_status from, const char *by, const char *reason)
{
	const struct work_plan *plan = &run->plans.plan;
	char id[ULID_TEXT_LEN + 1];
	struct draft draft;

	if (!run_fact_begin(run, RECORD_PLAN, by, &draft))
		return 0;
	ulid_text(&plan->head->id, id);
	if (draft.record) {
		memcpy(draft.record->after, plan->digest, sizeof(draft.record->after));
		draft.record->has_after = 1;
	}
	draft_text(&draft, DETAIL_SUBJECT, slice_of(id));
	draft_text(&draft, DETAIL_FROM, slice_of(plan_status_name(from)));
	draft_text(&draft, DETAIL_TO, slice_of(plan_status_name((enum plan_status)plan->status)));
	draft_uint(&draft, DETAIL_COUNT, plan->head->step_count);
	draft_text(&draft, DETAIL_REASON, slice_of(reason));
	return run_fact_end(run, RECORD_PLAN, &draft);
}

/* The only place that changes a plan's status. */
static void move(struct run *run, enum plan_status to, const char *by, const char *reason)
{
	struct work_plan *plan = &run->plans.plan;
	enum plan_status from = (enum plan_status)plan->status;

	if (!work_plan_move_allowed(from, to))
		return;
	plan->status = to;
	if (to == PLAN_APPROVED) {
		uint64_t ttl = run->life.settings ? run->life.settings->plan_ttl_ns : 0;

		plan->approved_ns = now_monotonic_ns();
		plan->expires_ns = plan->approved_ns + (ttl ? ttl : PLAN_TTL_NS);
	}
	IGNORE(put_plan(run, from, by, reason) == 0); /* counted */
	if (to != PLAN_SUBMITTED && to != PLAN_ACTIVE)
		agent_plan_decided(run);
}

static void look_expired(struct run *run)
{
	struct work_plan *plan = &run->plans.plan;

	if (plan->status == PLAN_APPROVED && now_monotonic_ns() >= plan->expires_ns)
		move(run, PLAN_EXPIRED, "bailiffd", "plans.ttl");
}

/* ---- consent ---- */

static void spent(struct spend *spend, bool ok)
{
	struct run *run = container_of(spend, struct run, plans.spend);

	move(run, ok ? PLAN_APPROVED : PLAN_EXPIRED, "people", ok ? "approved" : "the approval could not be used");
}

static struct ask_question question_of(struct run *run, const char *text)
{
	const struct work_plan *plan = &run->plans.plan;

	return (struct ask_question){
		.ruling = &run->plans.ruling, .who = run->life.settings->approvals[plan->risk_max],
		.govern = run->life.govern, .action = plan->digest, .plan = &plan->head->id,
		.capability = slice_of("plan"), .text = slice_of(text),
	};
}

static void answered(struct ask *ask, enum ask_answer answer)
{
	struct run *run = container_of(ask, struct run, plans.ask);
	struct plans *plans = &run->plans;
	char text[APPROVAL_TEXT_MAX];
	struct ask_question question;

	if (plans->plan.status != PLAN_SUBMITTED)
		return;
	if (answer == ASK_REJECTED || answer == ASK_CANCELLED || answer == ASK_EXPIRED) {
		move(run, answer == ASK_REJECTED ? PLAN_REJECTED : PLAN_EXPIRED, "people",
		     answer == ASK_REJECTED ? "rejected" : "nobody answered in time");
		return;
	}
	IGNORE(work_plan_text(&plans->plan, text, sizeof(text)) == 0);
	plans->ruling.verdict = VERDICT_ALLOW;
	plans->ruling.grant = ask->number;
	plans->spend.spent = spent;
	question = question_of(run, text);
	if (grant_spend(run, &question, &plans->spend) < 0)
		move(run, PLAN_EXPIRED, "bailiffd", "the approval could not be used");
}

static void consent(struct run *run, struct agent_answer *answer)
{
	struct plans *plans = &run->plans;
	const struct govern_settings *settings = run->life.settings;
	char text[APPROVAL_TEXT_MAX];
	struct ask_question question;
	struct error err = { 0 };

	if (settings->auto_approve > plans->plan.risk_max) {
		move(run, PLAN_APPROVED, "policy", "plans.auto_approve");
		return;
	}
	plans->ruling = (struct ruling){
		.verdict = VERDICT_ASK, .would = VERDICT_ASK, .step = STEP_RISK, .blocked_by = BLOCKED_APPROVAL_REQUIRED,
		.capability = GOVERN_NONE, .rule = GOVERN_NONE, .risk = plans->plan.risk_max,
		.approval_risk = plans->plan.risk_max, .rule_id = slice_of("plans.auto_approve"),
	};
	COPY(plans->ruling.reason, "the plan has steps above what the policy approves by itself");
	IGNORE(work_plan_text(&plans->plan, text, sizeof(text)) == 0);
	question = question_of(run, text);
	plans->ask.answered = answered;
	if (ask_people(run, &question, &plans->ask, &err) == 0) {
		agent_say(answer, AGENT_NEEDS_APPROVAL, "plans.auto_approve", "people are asked about this plan",
			  "wait: `bailiff agent plan state --wait`");
		return;
	}
	move(run, PLAN_REJECTED, "bailiffd", "nobody may answer");
	agent_say(answer, AGENT_REFUSED, "plans.auto_approve", err.text, "submit a plan with steps of lower risk");
}

/* ---- submission ---- */

static int plan_receive(int memfd, struct work_plan *ret_plan, struct error *err)
{
	int seals = fcntl(memfd, F_GET_SEALS), r;
	struct stat st;
	void *bytes;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(memfd, &st) < 0)
		return error_say(err, -EPERM, "a plan comes in a sealed memfd");
	if (st.st_size < (off_t)sizeof(struct agent_plan) || st.st_size > (off_t)AGENT_PLAN_BYTES_MAX)
		return error_say(err, -EMSGSIZE, "the plan is too small or too large");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (bytes == MAP_FAILED)
		return error_set(err, -errno, "read the plan");
	r = work_plan_read(bytes, (size_t)st.st_size, ret_plan, err);
	IGNORE(munmap(bytes, (size_t)st.st_size) < 0);
	return r;
}

/* A new submission ends what was before it. */
static void supersede(struct run *run)
{
	struct plans *plans = &run->plans;

	ask_forget(&plans->ask);
	spend_cancel(&plans->spend);
	if (plans->plan.status == PLAN_SUBMITTED)
		move(run, PLAN_EXPIRED, "bailiffd", "superseded");
	else
		move(run, PLAN_ABORTED, "bailiffd", "superseded");
	work_plan_finish(&plans->plan);
}

void plans_submit(struct run *run, int memfd, struct agent_answer *answer)
{
	struct work_plan plan;
	struct error err = { 0 };
	int r = plan_receive(memfd, &plan, &err);

	if (r == 0) {
		r = work_plan_fits(&plan, govern_of(run), &err);
		if (r < 0)
			work_plan_finish(&plan);
	}
	if (r < 0) {
		agent_say(answer, r == -EPERM ? AGENT_REFUSED : AGENT_INVALID, "plans", err.text, err.next);
		return;
	}
	supersede(run);
	run->plans.plan = plan;
	move(run, PLAN_SUBMITTED, "agent", "submitted");
	consent(run, answer);
	if (plan.head->confidence >= 0)
		run_confidence(run, plan.head->confidence);
	answer->number = run->plans.plan.status;
	memcpy(answer->digest, run->plans.plan.digest, sizeof(answer->digest));
}

bool plans_state(struct run *run, struct agent_answer *answer)
{
	struct work_plan *plan = &run->plans.plan;

	look_expired(run);
	answer->number = plan->status;
	memcpy(answer->digest, plan->digest, sizeof(answer->digest));
	switch ((enum plan_status)plan->status) {
	case PLAN_STATUS_NONE:
		answer->outcome = AGENT_EMPTY;
		return true;
	case PLAN_DRAFT:
	case PLAN_SUBMITTED:
		agent_say(answer, AGENT_NEEDS_APPROVAL, "", "people were asked about the plan", "wait");
		return false;
	case PLAN_APPROVED:
	case PLAN_ACTIVE:
	case PLAN_COMPLETED:
		return true;
	case PLAN_REJECTED:
		agent_say(answer, AGENT_REFUSED, "plans", "the plan was rejected", "submit another plan");
		return true;
	case PLAN_EXPIRED:
	case PLAN_ABORTED:
		agent_say(answer, AGENT_REFUSED, "plans", "the plan is over", "submit it again");
		return true;
	}
	return true;
}

/* ---- what the gate asks ---- */

static int digest_now(void *ctx, struct slice path, uint8_t ret_digest[32])
{
	uint64_t size;

	return file_digest(ctx, path, ret_digest, &size);
}

/* Of what a command works on: its operands that are files, by name and content. A check and the command that it
 * is for have the same ones. */
static void inputs_digest(struct run *run, const struct action *action, uint8_t ret_digest[32])
{
	struct sha256 hash;

	sha256_begin(&hash);
	for (uint32_t i = 0; i < action->path_count; i++) {
		uint8_t digest[32];
		uint64_t size = 0;
		int r = file_digest(run, action->paths[i], digest, &size);

		if (r < 0)
			memset(digest, r == -EFBIG || r == -EREMOTE ? 0xff : 0, sizeof(digest));
		sha256_add(&hash, action->paths[i].data, action->paths[i].len);
		sha256_add(&hash, "", 1);
		sha256_add(&hash, digest, sizeof(digest));
	}
	sha256_end(&hash, ret_digest);
}

static void fill_fields(const struct work_plan *plan, struct run *run, char id[ULID_TEXT_LEN + 1],
			char digest[72], struct field_value *fields)
{
	char hex[65];

	if (!plan->bytes || plan->status == PLAN_REJECTED || plan->status == PLAN_EXPIRED || plan->status == PLAN_ABORTED)
		return;
	ulid_text(&plan->head->id, id);
	text_hex(hex, run->plan.head->policy_digest, 32);
	IGNORE(snprintf(digest, 72, "sha256:%s", hex) < 0);
	fields[FIELD_PLAN_ID] = (struct field_value){ .type = TYPE_TEXT, .text = slice_of(id) };
	fields[FIELD_PLAN_STEPS] = (struct field_value){ .type = TYPE_NUMBER,
		.number = (int64_t)plan->head->step_count * GOVERN_NUMBER_ONE };
	/* It was checked against the policy that the run has. */
	fields[FIELD_PLAN_POLICY_DIGEST] = (struct field_value){ .type = TYPE_TEXT, .text = slice_of(digest) };
	if (plan->head->confidence >= 0)
		fields[FIELD_PLAN_CONFIDENCE] = (struct field_value){ .type = TYPE_NUMBER, .number = plan->head->confidence };
	if (plan->approved_ns)
		fields[FIELD_PLAN_APPROVED_AT] = (struct field_value){ .type = TYPE_TIME,
								       .number = (int64_t)plan->approved_ns };
}

static void fill_check(struct run *run, const struct govern_capability *capability, const uint8_t inputs[32],
		       uint64_t now_ns, struct snapshot *snapshot)
{
	if (capability->check != GOVERN_NONE)
		snapshot->check = checks_state(&run->plans.checks, capability->check, inputs, now_ns,
					       &snapshot->check_age_ns);
}

static struct plans_seen *seen_new(struct run *run, uint16_t capability)
{
	struct plans_seen *seen = &run->plans.seen[run->plans.seen_next++ % PLANS_SEEN];

	*seen = (struct plans_seen){ .capability = capability, .step = UINT32_MAX };
	return seen;
}

static void fill_grant(const struct work_plan *plan, const struct action *action, uint32_t step,
		       struct snapshot *snapshot)
{
	struct grant *grant = &snapshot->grants[snapshot->grant_count];

	if (step == UINT32_MAX || snapshot->plan_cover == COVER_INPUTS_DIFFER ||
	    snapshot->grant_count >= JUDGE_GRANTS_MAX)
		return;
	*grant = (struct grant){ .kind = GRANT_PLAN_STEP, .max_risk = RISK_HIGH, .uses = 1, .id = GRANT_OF_PLAN | step,
				 .expires_ns = plan->expires_ns };
	memcpy(grant->digest, action->digest, sizeof(grant->digest));
	snapshot->grant_count++;
}

void plans_fill(struct run *run, const struct action *action, uint64_t now_ns, struct snapshot *snapshot,
		struct field_value *fields)
{
	static char id[ULID_TEXT_LEN + 1], digest[72]; /* borrowed by the fields until they are asked */
	const struct govern_view *govern = govern_of(run);
	struct work_plan *plan = &run->plans.plan;
	uint16_t index = govern && action->kind == ACTION_EXEC ? classify(govern, action) : GOVERN_NONE;
	const struct govern_capability *capability;
	struct plans_seen *seen;

	look_expired(run);
	snapshot->plan_status = plan->status;
	fill_fields(plan, run, id, digest, fields);
	if (index == GOVERN_NONE)
		return;
	capability = &govern->capabilities[index];
	seen = seen_new(run, index);
	if (capability->check != GOVERN_NONE || capability->action_class == ACT_CHECK)
		inputs_digest(run, action, seen->inputs);
	fill_check(run, capability, seen->inputs, now_ns, snapshot);
	snapshot->plan_cover = work_plan_cover(plan, action->argv, action->argc, index, digest_now, run, &seen->step);
	fill_grant(plan, action, seen->step, snapshot);
}

static const struct plans_seen *seen_last(const struct plans *plans, uint16_t capability)
{
	for (uint32_t back = 1; back <= MIN(plans->seen_next, PLANS_SEEN); back++) {
		const struct plans_seen *seen = &plans->seen[(plans->seen_next - back) % PLANS_SEEN];

		if (seen->capability == capability)
			return seen;
	}
	return NULL;
}

static void step_begun(struct run *run, uint32_t step)
{
	struct work_plan *plan = &run->plans.plan;

	if (step == UINT32_MAX || (plan->status != PLAN_APPROVED && plan->status != PLAN_ACTIVE))
		return;
	if (plan->status == PLAN_APPROVED)
		move(run, PLAN_ACTIVE, "agent", "a step was begun");
	if (work_plan_use(plan, step))
		move(run, PLAN_COMPLETED, "agent", "the last step was begun");
}

void plans_acted(struct run *run, const struct ruling *ruling, uint32_t pid, uint64_t start_ns)
{
	const struct plans_seen *seen = seen_last(&run->plans, ruling->capability);

	if (ruling->action_class != ACT_CHECK) /* that counts when it succeeded */
		phases_did(&run->life.phases, (enum action_class)ruling->action_class);
	if (!seen)
		return;
	if (ruling->action_class == ACT_CHECK)
		checks_begin(&run->plans.checks, pid, start_ns, ruling->capability, seen->inputs);
	step_begun(run, seen->step);
}

void plans_exit(struct run *run, uint32_t pid, uint64_t start_ns, int status)
{
	uint16_t capability = checks_end(&run->plans.checks, pid, start_ns, status, now_monotonic_ns());
	char code[16];

	if (capability == GOVERN_NONE)
		return;
	if (status == 0) {
		phases_did(&run->life.phases, ACT_CHECK);
		run_phase_sign(run, SIGN_CHECK);
		return;
	}
	IGNORE(snprintf(code, sizeof(code), "%d", status) < 0);
	run_error(run, ERROR_CHECK_FAILED, govern_text(run->life.govern, run->life.govern->capabilities[capability].id),
		  (struct slice){ 0 }, slice_of(code));
}

void plans_finish(struct run *run)
{
	ask_forget(&run->plans.ask);
	spend_cancel(&run->plans.spend);
	work_plan_finish(&run->plans.plan);
}
