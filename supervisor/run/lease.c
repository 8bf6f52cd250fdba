/* SPDX-License-Identifier: Apache-2.0 */
#include "run/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "run/run.h"

#define WORKSPACE_WORD "${workspace}"

static const struct govern_lease *lease_of(const struct plan *plan)
{
	const struct govern_settings *settings = plan->govern.settings;

	return settings && settings->lease.resource.len > 0 ? &settings->lease : NULL;
}

bool lease_resource(const struct plan *plan, char to[LEASE_RESOURCE_MAX])
{
	const struct govern_lease *lease = lease_of(plan);
	const char *text, *at;

	if (!lease)
		return false;
	text = plan->govern.strings + lease->resource.offset; /* terminated: govern_check() */
	at = strstr(text, WORKSPACE_WORD);
	/* Too long is cut, for all alike: then more is exclusive, not less. */
	if (!at)
		IGNORE(snprintf(to, LEASE_RESOURCE_MAX, "%s", text) < 0);
	else
		IGNORE(snprintf(to, LEASE_RESOURCE_MAX, "%.*s%s%s", (int)(at - text), text,
				plan_text(plan, plan->head->workspace), at + strlen(WORKSPACE_WORD)) < 0);
	return true;
}

const struct run *lease_holder(const struct runs *runs, const struct plan *plan)
{
	char wanted[LEASE_RESOURCE_MAX], held[LEASE_RESOURCE_MAX];

	if (!lease_resource(plan, wanted))
		return NULL;
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (runs->slots[i] && lease_resource(&runs->slots[i]->plan, held) && strcmp(held, wanted) == 0)
			return runs->slots[i];
	return NULL;
}

static void put(struct run *run, const char *what)
{
	char resource[LEASE_RESOURCE_MAX];
	struct draft draft;

	if (!run_fact_begin(run, RECORD_LEASE, "bailiffd", &draft))
		return;
	IGNORE(!lease_resource(&run->plan, resource)); /* asked before */
	draft_obj(&draft, slice_of(resource));
	draft_text(&draft, DETAIL_VERB, slice_of(what));
	draft_uint(&draft, DETAIL_EPOCH, run->lease_epoch);
	IGNORE(run_fact_end(run, RECORD_LEASE, &draft) == 0); /* counted */
}

void lease_begin(struct run *run)
{
	struct runs *runs = run->runs;

	if (!lease_of(&run->plan))
		return;
	/* Milliseconds of the wall clock, so that it also grows over restarts; never the same twice. */
	runs->lease_epoch = MAX(runs->lease_epoch + 1, now_realtime_ns() / 1000000U);
	run->lease_epoch = runs->lease_epoch;
	put(run, "taken");
}

uint64_t lease_deadline(const struct run *run)
{
	const struct govern_lease *lease = lease_of(&run->plan);
	const struct heartbeat *life = &run->heartbeat;

	if (!lease || life->paused_ns || lease->ttl_ns == 0)
		return HEARTBEAT_NEVER;
	return MAX(life->beat_ns, life->activity_ns) + lease->ttl_ns;
}

void lease_end(struct run *run)
{
	if (run->lease_epoch)
		put(run, run->strikes.count[LOCK_EXPIRED] ? "expired" : "released");
}
