/* SPDX-License-Identifier: Apache-2.0 */
/* What a ruling says: why, the next command for a person, and what the agent does instead of trying again. The
 * texts are rows of two tables; "%r" is the id of what decided, "%c" the capability. */
#include "base/text.h"
#include "decide/question.h"

struct words {
	const char *reason, *person, *agent;
};

#define NO_RETRY "Do not try again or another way round: the answer stays the same. "
#define WAIVE "if it may happen once: `bailiff waive RUN %r --reason TEXT`; for good: change %r in the policy"

/* Why the question never came to a rule, or what became of it. */
static const struct words by_cause[BLOCKED_COUNT] = {
	[BLOCKED_APPROVAL_REQUIRED] = { "%r needs a person's approval, and nobody is there to be asked",
		"`bailiff run --ask` asks at this terminal; `bailiff inbox` shows what waits for an operator",
		NO_RETRY "Go on without it, and say what a person has to approve." },
	[BLOCKED_APPROVAL_REJECTED] = { "a person refused this action (%r)",
		"`bailiff clarify RUN --text TEXT` tells the agent what to do instead",
		NO_RETRY "A person has refused it. Go on without it, or ask what to do instead." },
	[BLOCKED_APPROVAL_EXPIRED] = { "nobody answered in time whether this may happen (%r)",
		"`bailiff inbox` shows who has to answer; `approvals` in the policy says how long it waits",
		"It was not refused, only not answered. Go on without it; a person can approve it later." },
	[BLOCKED_TIER] = { "%r does not cover this: the run's tier is too low",
		"run it under an agent of a higher tier (`bailiff tier`), or change `agent.tier` in the policy",
		NO_RETRY "A run of this tier cannot do it. Leave it to a person." },
	[BLOCKED_LEASE] = { "the run has lost its lease", "start the run again; `bailiff ps` shows who holds the lease",
		NO_RETRY "The run is about to end." },
	[BLOCKED_BREAKER] = { "the breaker of this agent or policy is open",
		"`bailiff ps` shows when it closes; an admin resets it", NO_RETRY "Wait for a person." },
	[BLOCKED_KILL_SWITCH] = { "the kill switch is tripped", "`bailiff kill-switch reset` (admin)",
		NO_RETRY "Everything waits for a person." },
	[BLOCKED_BUDGET] = { "the run has used up its error budget",
		"`bailiff clarify RUN --text TEXT`, or raise `budget` in the policy for the next run",
		NO_RETRY "Stop, and say what went wrong." },
	[BLOCKED_HEALTH] = { "the host is not healthy", "`bailiff doctor` says what is wrong",
		"Wait; the host may recover." },
	[BLOCKED_INTERNAL] = { "the question cannot be answered: it is not complete",
		"report it with `bailiff doctor`; a policy without `rules` is not asked", NO_RETRY },
	[BLOCKED_GUARD_DENY] = { "the guard %r does not hold", "`bailiff policy explain` shows what %r asks for; once: "
		"`bailiff waive RUN %r --reason TEXT`",
		"Do first what the guard %r asks for (`bailiff agent why`); without that the answer stays the same." },
	[BLOCKED_PHASE] = { "%r does not allow this now", "`bailiff ps` shows the status and phase of the run",
		"Do not try again in this phase. Report the phase that you are in: `bailiff agent phase EXECUTE`." },
};

/* Denials by policy and questions, by the step that made them. */
static const struct words by_step[STEP_COUNT] = {
	[STEP_INVARIANT] = { "this touches Bailiff itself: its policy, ledger, hooks, settings or sockets",
		"do it outside the run; no policy can allow it", NO_RETRY "Leave it to a person." },
	[STEP_ENVIRONMENT] = { "this touches the environment %r, which the run's owner does not cover", WAIVE,
		NO_RETRY "Work without this environment, or ask a person." },
	[STEP_PLAN] = { "%c needs an approved plan that covers exactly this command and its inputs",
		"`bailiff inbox` shows a submitted plan; `bailiff waive RUN plan --reason TEXT` does without one once",
		"Submit a plan that names this command and its input files: `bailiff agent plan submit FILE --wait`." },
	[STEP_RULES] = { "the rule %r denies %c", WAIVE,
		NO_RETRY "Work without it, or ask a person to waive %r." },
};
static const struct words asked = { "%c asks for an approval (%r)",
	"`bailiff inbox`, then `bailiff approve ID` or `bailiff deny ID --reason TEXT`",
	"A person is asked. Do not try again meanwhile: `bailiff agent exec -- COMMAND` waits for the answer." };
static const struct words unchecked = { "%c needs a successful check on the same inputs, not too long ago",
	"`bailiff waive RUN check --reason TEXT` does without one once",
	"Run its check on the same files first; after it ends with 0 the command may run." };
static const struct words unnamed = { "no rule allows %c", "add a rule with `capability: [%c]` to the policy",
	NO_RETRY "Work without it, or ask a person to extend the policy." };
static const struct words frozen = { "the capability %c is frozen", "set its `state` to active in the policy",
	NO_RETRY "Work without it, or ask a person." };
static const struct words allowed = { "%r allows %c", "", "" };

static const struct words *words_of(const struct question *question, const struct ruling *ruling)
{
	bool is_policy = ruling->blocked_by == BLOCKED_POLICY_DENY;

	if (ruling->blocked_by == BLOCKED_NOT)
		return &allowed;
	if (ruling->blocked_by == BLOCKED_APPROVAL_REQUIRED && question->snapshot->answer != ANSWER_NOBODY)
		return &asked;
	if (is_policy && ruling->step == STEP_PLAN && ruling->would_raise == RUN_WITHOUT_CHECK)
		return &unchecked;
	if (is_policy && ruling->step == STEP_RULES && ruling->rule == GOVERN_NONE)
		return slice_is(ruling->rule_id, "default") ? &unnamed : &frozen;
	return is_policy ? &by_step[ruling->step] : &by_cause[ruling->blocked_by];
}

/* Cuts what does not fit: a text for people, never compared. */
static size_t put(char to[JUDGE_TEXT_MAX], size_t len, const char *text, size_t text_len)
{
	size_t fits = MIN(text_len, JUDGE_TEXT_MAX - 1 - len);

	if (fits > 0)
		memcpy(to + len, text, fits);
	return len + fits;
}

/* Ids and reasons are the policy's, but they are shown on terminals. */
static size_t put_escaped(char to[JUDGE_TEXT_MAX], size_t len, struct slice text)
{
	size_t plain = 0;

	while (plain < text.len && text.data[plain] >= ' ' && text.data[plain] <= '~' && text.data[plain] != '\\')
		plain++;
	if (plain == text.len)
		return put(to, len, text.data, text.len);
	return len + text_escape(to + len, JUDGE_TEXT_MAX - len, text);
}

static void say(const struct question *question, const struct ruling *ruling, const char *text,
		char to[JUDGE_TEXT_MAX])
{
	const struct govern_capability *capability = question->capability;
	struct slice id = capability ? govern_text(question->govern, capability->id) :
				       slice_of("an action without a capability");
	size_t len = 0;

	while (text && *text) {
		const char *mark = strchr(text, '%');
		size_t plain = mark ? (size_t)(mark - text) : strlen(text);

		len = put(to, len, text, plain);
		text += plain;
		if (!mark)
			break;
		len = put_escaped(to, len, mark[1] == 'r' ? ruling->rule_id : id);
		text += 2;
	}
	to[len] = '\0';
}

void ruling_say(const struct question *question, struct ruling *ruling)
{
	const struct words *words = words_of(question, ruling);
	struct slice own = { 0 };
	size_t len;

	say(question, ruling, words->reason, ruling->reason);
	say(question, ruling, words->person, ruling->remedy);
	say(question, ruling, words->agent, ruling->remedy_agent);
	if (ruling->rule != GOVERN_NONE)
		own = govern_text(question->govern, question->govern->rules[ruling->rule].reason);
	if (own.len == 0 || ruling->blocked_by == BLOCKED_NOT)
		return;
	len = strlen(ruling->reason);
	len = put(ruling->reason, len, ": ", 2);
	ruling->reason[put_escaped(ruling->reason, len, own)] = '\0';
}
