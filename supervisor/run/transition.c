/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run that its policy calls risky (`high_risk_transitions: [COMPLETED]`): people agree to it, or it is
 * FAILED. Meanwhile it is paused, and what it left behind is frozen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/run.h"

#define WAYS_TO_SAY "; next: run it again, and answer: `bailiff inbox`"

/* Not an action's digest: its capability tells it from those. */
static const uint8_t completion[32] = "run.complete";

static struct ruling ruling_of(uint32_t grant)
{
	return (struct ruling){ .verdict = VERDICT_ASK, .risk = RISK_HIGH, .capability = GOVERN_NONE, .grant = grant,
				.rule_id = slice_of("high_risk_transitions"),
				.reason = "the command ended well; its policy wants people to agree" };
}

static struct ask_question question_of(const struct run *run, const struct ruling *ruling)
{
	return (struct ask_question){
		.ruling = ruling, .who = run->plan.govern.settings->approvals[RISK_HIGH], .govern = &run->plan.govern,
		.action = completion, .capability = slice_of("run.complete"), .text = slice_of("end as COMPLETED"),
	};
}

static void refuse(struct run *run, const char *blocked_by, const char *why)
{
	char text[WIRE_TEXT_MAX];

	IGNORE(snprintf(text, sizeof(text), "%s: %.600s" WAYS_TO_SAY, blocked_by, why) < 0);
	run_stop(run, RUN_CAUSE_REFUSED, EXIT_REFUSED, text);
}

static void spent(struct spend *spend, bool ok)
{
	struct run *run = container_of(spend, struct run, completion_spend);

	if (ok)
		run_complete(run);
	else
		refuse(run, "INTERNAL", "the approval could not be used");
}

static void approved(struct run *run, uint32_t number)
{
	const struct ruling ruling = ruling_of(number);
	const struct ask_question question = question_of(run, &ruling);

	run->completion_spend.spent = spent;
	if (grant_spend(run, &question, &run->completion_spend) < 0)
		refuse(run, "INTERNAL", "the approval could not be used");
}

static void answered(struct ask *ask, enum ask_answer answer)
{
	struct run *run = container_of(ask, struct run, completion_ask);

	switch (answer) {
	case ASK_APPROVED:
		approved(run, ask->number);
		return;
	case ASK_REJECTED:
		refuse(run, "APPROVAL_REJECTED", "a person does not agree that it is COMPLETED");
		return;
	case ASK_EXPIRED:
		refuse(run, "APPROVAL_EXPIRED", "nobody agreed in time that it is COMPLETED");
		return;
	case ASK_CANCELLED:
		return; /* it ends otherwise */
	}
}

bool run_asks_to_complete(struct run *run)
{
	const struct ruling ruling = ruling_of(0);
	struct ask_question question;
	struct error err = { 0 };

	if (!run->plan.govern.settings ||
	    !(run->plan.govern.settings->high_risk_transitions >> RUN_STATUS_COMPLETED & 1U))
		return false;
	question = question_of(run, &ruling);
	run->completion_ask.answered = answered;
	IGNORE(!run_pause(run, PAUSE_PROMPT)); /* what it left behind does nothing meanwhile; false: it ends */
	if (ask_people(run, &question, &run->completion_ask, &err) < 0)
		refuse(run, "APPROVAL_REQUIRED", err.text);
	return true;
}
