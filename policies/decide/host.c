/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/host.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SECOND_NS 1000000000ULL
#define DAY_NS (86400U * SECOND_NS)
#define TIME_MAX_NS (3650U * DAY_NS)

void host_defaults(struct host_settings *settings)
{
	*settings = (struct host_settings){
		.magic = HOST_MAGIC, .version = HOST_VERSION, .default_tier = 2, .max_tier = 3,
		.promotion = { .window_ns = 30 * DAY_NS, .cooldown_ns = 7 * DAY_NS, .min_runs = 20,
			       .max_error_rate = 50000 },
		.breaker = { .window_ns = 600 * SECOND_NS, .open_ns = 300 * SECOND_NS, .failures = 3,
			     .half_open_runs = 1 },
	};
}

static bool name_ok(const char name[HOST_AGENT_NAME_MAX])
{
	size_t len = strnlen(name, HOST_AGENT_NAME_MAX);

	if (len == 0 || len == HOST_AGENT_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (i > 0 && (c == '-' || c == '_' || c == '.'))))
			return false;
	}
	return true;
}

static bool tables_ok(const struct host_settings *settings)
{
	for (uint32_t i = 0; i < settings->agent_count; i++) {
		if (!name_ok(settings->agents[i].name) || settings->agents[i].tier >= HOST_TIERS)
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(settings->agents[i].name, settings->agents[j].name) == 0)
				return false;
	}
	for (uint32_t i = 0; i < settings->role_count; i++)
		if (settings->roles[i].group > 1 || settings->roles[i].role == ROLE_NONE ||
		    settings->roles[i].role >= ROLE_COUNT)
			return false;
	return true;
}

int host_check(const struct host_settings *settings, struct error *err)
{
	const struct host_promotion *promotion = &settings->promotion;
	const struct host_breaker *breaker = &settings->breaker;
	const struct {
		const char *field;
		bool good;
	} rows[] = {
		{ "version", settings->magic == HOST_MAGIC && settings->version == HOST_VERSION },
		{ "tiers", settings->default_tier < HOST_TIERS && settings->max_tier < HOST_TIERS },
		{ "counts", settings->agent_count <= HOST_AGENTS_MAX && settings->role_count <= HOST_ROLES_MAX },
		{ "promotion", promotion->window_ns > 0 && promotion->window_ns <= TIME_MAX_NS &&
			promotion->cooldown_ns <= TIME_MAX_NS && promotion->min_runs > 0 && promotion->min_runs <= HOST_RUNS_MAX &&
			promotion->max_error_rate <= 1000000 },
		{ "breaker", breaker->window_ns > 0 && breaker->window_ns <= TIME_MAX_NS && breaker->open_ns > 0 &&
			breaker->open_ns <= TIME_MAX_NS && breaker->failures > 0 && breaker->failures <= HOST_RUNS_MAX &&
			breaker->half_open_runs > 0 && breaker->half_open_runs <= 1000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (!rows[i].good)
			return error_say(err, -EINVAL, "the %s of the host's settings are not acceptable", rows[i].field);
	/* Behind the counts. */
	return tables_ok(settings) ? 0 : error_say(err, -EINVAL, "the agents or roles of the host's settings are not "
						   "acceptable");
}

const struct host_agent *host_agent_find(const struct host_settings *settings, struct slice name)
{
	for (uint32_t i = 0; settings && i < settings->agent_count; i++)
		if (slice_is(name, settings->agents[i].name))
			return &settings->agents[i];
	return NULL;
}
