/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase.h"

#include "base/cleanup.h"
#include "daemon/agent_wire.h"

#define BIT(number) (1U << (number))
#define ALL_CLASSES ((1U << ACT_COUNT) - 1)

/* The table of the model. The supervisor's own phases have no classes: no agent runs in them. */
static const struct phase_row {
	uint8_t classes, maturity;
	bool agents;                   /* an agent may ask for it */
} rows[PHASE_COUNT] = {
	[PHASE_BOOTSTRAP] = { 0, MATURITY_DRAFT, false },
	[PHASE_PREFLIGHT] = { 0, MATURITY_DRAFT, false },
	[PHASE_PLAN] = { BIT(ACT_READ) | BIT(ACT_CHECK) | BIT(ACT_PLAN) | BIT(ACT_OTHER), MATURITY_REFINED, true },
	[PHASE_EXECUTE] = { ALL_CLASSES, MATURITY_REFINED, true },
	[PHASE_VERIFY] = { BIT(ACT_READ) | BIT(ACT_CHECK) | BIT(ACT_OTHER), MATURITY_FINAL, true },
	[PHASE_PACKAGE] = { BIT(ACT_READ) | BIT(ACT_CHECK) | BIT(ACT_OTHER), MATURITY_FINAL, true },
	[PHASE_REPORT] = { BIT(ACT_READ) | BIT(ACT_CHECK) | BIT(ACT_OTHER), MATURITY_FINAL, true },
	[PHASE_EXIT] = { 0, MATURITY_FINAL, false },
	[PHASE_REVOKED] = { 0, MATURITY_DRAFT, false },
};

void phases_begin(struct phases *phases, const struct govern_settings *settings)
{
	*phases = (struct phases){ .enforce = PHASES_AUTO, .now = PHASE_BOOTSTRAP };
	if (!settings)
		return;
	phases->enforce = settings->phases_enforce;
	phases->rework = settings->rework;
	phases->optional = settings->optional_phases;
	for (size_t i = 0; i < PHASE_COUNT; i++)
		phases->require[i] = settings->phases[i].require_classes;
}

/* Only phases that may be passed over lie between. */
static bool reaches(const struct phases *phases, enum phase to)
{
	/* A run that announced nothing yet may begin where it likes; what it passes over is recorded. */
	bool free = phases->enforce == PHASES_AUTO && !phases->reported;

	for (enum phase at = next_phase((enum phase)phases->now); at < to; at = next_phase(at))
		if (!free && !(phases->optional & BIT(at)))
			return false;
	return to > (enum phase)phases->now;
}

enum phase_answer phases_ask(const struct phases *phases, enum phase to)
{
	if ((unsigned int)to >= PHASE_COUNT || !rows[to].agents || is_terminal_phase((enum phase)phases->now))
		return PHASE_NOT_ITS_OWN;
	if (to == (enum phase)phases->now)
		return PHASE_STAYS;
	if (phases->enforce == PHASES_OFF)
		return PHASE_GOES;
	if (phases->now == PHASE_VERIFY && to == PHASE_EXECUTE)
		return phases->reworked < phases->rework ? PHASE_GOES : PHASE_REWORK;
	if (!reaches(phases, to))
		return PHASE_ORDER;
	return phases_bind(phases) && phases->require[phases->now] & ~phases->done ? PHASE_CLASS : PHASE_GOES;
}

void phases_enter(struct phases *phases, enum phase to, bool reported)
{
	if (phases->now == PHASE_VERIFY && to == PHASE_EXECUTE && reported)
		phases->reworked++;
	phases->now = (uint8_t)to;
	phases->reported = reported;
	phases->done = 0;
}

void phases_did(struct phases *phases, enum action_class action_class)
{
	phases->done |= (uint8_t)BIT(action_class);
}

enum phase phases_infer(struct phases *phases, enum phase_sign sign)
{
	bool checked = sign == SIGN_CHECK && phases->wrote;

	phases->wrote = sign == SIGN_CHECK ? false : true;
	if (phases->enforce != PHASES_AUTO || phases->reported || is_terminal_phase((enum phase)phases->now))
		return PHASE_COUNT;
	if (phases->now < PHASE_EXECUTE && sign != SIGN_CHECK)
		return PHASE_EXECUTE;
	/* Work goes on after a check: that is what an unreported run does, and no rework that is counted. */
	if (phases->now == PHASE_VERIFY && sign == SIGN_ACTION)
		return PHASE_EXECUTE;
	return phases->now == PHASE_EXECUTE && checked ? PHASE_VERIFY : PHASE_COUNT;
}

bool phases_bind(const struct phases *phases)
{
	return phases->enforce == PHASES_STRICT || (phases->enforce == PHASES_AUTO && phases->reported);
}

uint8_t phases_classes(const struct phases *phases)
{
	if (!phases_bind(phases))
		return (uint8_t)ALL_CLASSES;
	return phases->now < PHASE_COUNT ? rows[phases->now].classes : 0;
}

uint32_t phase_maturity(enum phase phase)
{
	return (unsigned int)phase < PHASE_COUNT ? rows[phase].maturity : MATURITY_DRAFT;
}

const char *phase_answer_text(enum phase_answer answer)
{
	static const char *const texts[] = {
		[PHASE_NOT_ITS_OWN] = "the supervisor alone goes to this phase",
		[PHASE_ORDER] = "phases follow each other one by one; this is not the next one",
		[PHASE_REWORK] = "the work went back from VERIFY as often as the policy allows (phases.rework)",
		[PHASE_CLASS] = "an action that this phase requires was not done (require_class)",
		[PHASE_GUARD] = "a guard of the policy does not let it",
		[PHASE_BUSY] = "a file that the next phase may not write is open for writing",
		[PHASE_STAYS] = "the run is in this phase", [PHASE_GOES] = "the phase is entered",
	};

	return (size_t)answer < COUNT(texts) ? texts[answer] : "this phase is not known";
}
