/* SPDX-License-Identifier: Apache-2.0 */
#include "run/standing.h"

#include <string.h>

#include "base/text.h"

#define PROBE_TIER 1U
#define MEDIUM_RUNS 3U

void standing_begin(struct standing *standing, const struct host_settings *settings, struct slice agent)
{
	const struct host_agent *named = host_agent_find(settings, agent);

	*standing = (struct standing){ .tier = named ? named->tier : settings->default_tier };
	IGNORE(text_copy(standing->agent, sizeof(standing->agent), agent) < 0); /* names are shorter (plan_check) */
}

bool standing_is_sound(const struct standing *standing)
{
	size_t len = strnlen(standing->agent, sizeof(standing->agent));

	if (len == 0 || len == sizeof(standing->agent) || standing->tier >= HOST_TIERS || standing->suspended > 1 ||
	    standing->breaker >= BREAKER_STATE_COUNT || standing->next >= STANDING_RUNS || standing->reserved != 0)
		return false;
	for (size_t i = 0; i < STANDING_RUNS; i++)
		if (standing->outcomes[i].kind >= OUTCOME_KIND_COUNT || standing->outcomes[i].tier >= HOST_TIERS ||
		    standing->outcomes[i].severity > SEVERITY_COUNT)
			return false;
	return true;
}

/* Clocks of the wall may jump back: what lies ahead counts as now. */
static bool within(uint64_t then_ns, uint64_t now_ns, uint64_t span_ns)
{
	return then_ns >= now_ns || now_ns - then_ns <= span_ns;
}

/* ---- the breaker ---- */

static void breaker_open(struct standing *standing, uint64_t now_ns)
{
	standing->breaker = BREAKER_OPEN;
	standing->opened_ns = now_ns;
	standing->probes = 0;
}

static uint32_t revoked_within(const struct standing *standing, uint64_t now_ns, uint64_t span_ns)
{
	uint32_t count = 0;

	for (size_t i = 0; i < STANDING_RUNS; i++)
		count += standing->outcomes[i].kind == OUTCOME_REVOKED &&
			 standing->outcomes[i].ended_ns > standing->opened_ns &&
			 within(standing->outcomes[i].ended_ns, now_ns, span_ns);
	return count;
}

static bool breaker_ended(struct standing *standing, const struct host_breaker *config, const struct outcome *outcome)
{
	uint32_t before = standing->breaker;

	if (standing->breaker == BREAKER_HALF_OPEN) {
		if (outcome->kind != OUTCOME_COMPLETED)
			breaker_open(standing, outcome->ended_ns);
		else
			standing_reset_breaker(standing, outcome->ended_ns);
		return true;
	}
	if (standing->breaker == BREAKER_CLOSED &&
	    revoked_within(standing, outcome->ended_ns, config->window_ns) >= config->failures)
		breaker_open(standing, outcome->ended_ns);
	return standing->breaker != before;
}

/* ---- starts ---- */

static enum standing_refusal breaker_start(struct standing *standing, const struct host_breaker *config,
					   uint32_t min_tier, uint64_t now_ns)
{
	if (standing->breaker == BREAKER_CLOSED)
		return STANDING_MAY_START;
	if (standing->breaker == BREAKER_OPEN && within(standing->opened_ns, now_ns, config->open_ns))
		return STANDING_BREAKER_OPEN;
	if (min_tier > PROBE_TIER)
		return STANDING_BREAKER_NEEDS_ADMIN;
	standing->breaker = BREAKER_HALF_OPEN;
	if (standing->probes >= config->half_open_runs)
		return STANDING_BREAKER_PROBING;
	standing->probes++;
	return STANDING_MAY_START;
}

enum standing_refusal standing_start(struct standing *standing, const struct host_settings *settings,
				     uint32_t policy_tier, uint32_t min_tier, uint64_t now_ns, uint32_t *ret_tier)
{
	enum standing_refusal refusal;

	*ret_tier = MIN(MIN(policy_tier, standing->tier), settings->max_tier);
	if (standing->suspended)
		return STANDING_SUSPENDED;
	refusal = breaker_start(standing, &settings->breaker, min_tier, now_ns);
	if (standing->breaker == BREAKER_HALF_OPEN)
		*ret_tier = MIN(*ret_tier, PROBE_TIER);
	return refusal;
}

/* ---- ends ---- */

static uint32_t medium_within(const struct standing *standing, uint64_t now_ns, uint64_t span_ns)
{
	uint32_t count = 0;

	for (size_t i = 0; i < STANDING_RUNS; i++)
		count += standing->outcomes[i].severity == 1 + SEVERITY_MEDIUM &&
			 standing->outcomes[i].ended_ns > standing->known_since_ns &&
			 within(standing->outcomes[i].ended_ns, now_ns, span_ns);
	return count;
}

void standing_set_tier(struct standing *standing, uint32_t tier, uint64_t now_ns)
{
	if (tier < standing->tier)
		standing->demoted_ns = now_ns;
	standing->tier = tier;
	standing->known_since_ns = now_ns;
}

static unsigned int demote(struct standing *standing, const struct host_promotion *config, const struct outcome *outcome)
{
	uint32_t severity = outcome->kind == OUTCOME_REVOKED ? outcome->severity : 0, before = standing->tier;

	if (severity == 1 + SEVERITY_CRITICAL) {
		standing->suspended = 1;
		standing_set_tier(standing, 0, outcome->ended_ns);
		return CHANGED_SUSPENDED | (before != 0 ? CHANGED_TIER : 0);
	}
	if (before > 0 && (severity == 1 + SEVERITY_HIGH ||
			   (severity == 1 + SEVERITY_MEDIUM &&
			    medium_within(standing, outcome->ended_ns, config->window_ns) >= MEDIUM_RUNS)))
		standing_set_tier(standing, before - 1, outcome->ended_ns);
	return standing->tier != before ? CHANGED_TIER : 0;
}

unsigned int standing_ended(struct standing *standing, const struct host_settings *settings,
			    const struct outcome *outcome)
{
	unsigned int changed;

	standing->outcomes[standing->next] = *outcome;
	standing->next = (standing->next + 1) % STANDING_RUNS;
	changed = breaker_ended(standing, &settings->breaker, outcome) ? CHANGED_BREAKER : 0;
	return changed | demote(standing, &settings->promotion, outcome);
}

/* ---- promotion ---- */

enum promotion_refusal standing_promotable(const struct standing *standing, const struct host_settings *settings,
					   uint64_t now_ns, uint32_t *ret_runs)
{
	const struct host_promotion *config = &settings->promotion;
	uint32_t completed = 0, failed = 0, bad = 0;

	for (size_t i = 0; i < STANDING_RUNS; i++) {
		const struct outcome *outcome = &standing->outcomes[i];

		if (outcome->kind == OUTCOME_NONE || !within(outcome->ended_ns, now_ns, config->window_ns))
			continue;
		bad += outcome->severity >= 1 + SEVERITY_HIGH;
		if (outcome->tier != standing->tier || outcome->ended_ns <= standing->known_since_ns)
			continue;
		completed += outcome->kind == OUTCOME_COMPLETED;
		failed += outcome->kind != OUTCOME_COMPLETED;
	}
	*ret_runs = completed;
	if (standing->suspended)
		return PROMOTION_SUSPENDED;
	if (standing->tier >= settings->max_tier)
		return PROMOTION_TOP;
	if (bad > 0)
		return PROMOTION_VIOLATION;
	if (completed < config->min_runs)
		return PROMOTION_RUNS;
	if ((uint64_t)failed * 1000000U > (uint64_t)(completed + failed) * config->max_error_rate)
		return PROMOTION_ERRORS;
	if (standing->breaker != BREAKER_CLOSED)
		return PROMOTION_BREAKER;
	if (standing->demoted_ns != 0 && within(standing->demoted_ns, now_ns, config->cooldown_ns))
		return PROMOTION_COOLDOWN;
	return PROMOTION_ELIGIBLE;
}

void standing_promote(struct standing *standing, uint64_t now_ns)
{
	if (standing->tier + 1 < HOST_TIERS)
		standing_set_tier(standing, standing->tier + 1, now_ns);
}

void standing_clear(struct standing *standing)
{
	standing->suspended = 0;
}

void standing_reset_breaker(struct standing *standing, uint64_t now_ns)
{
	standing->breaker = BREAKER_CLOSED;
	standing->probes = 0;
	standing->opened_ns = now_ns; /* what was before does not open it again */
}

const char *breaker_name(enum breaker_state state)
{
	static const char *const names[] = { [BREAKER_CLOSED] = "CLOSED", [BREAKER_OPEN] = "OPEN",
					     [BREAKER_HALF_OPEN] = "HALF_OPEN" };

	return (size_t)state < COUNT(names) ? names[state] : "?";
}
