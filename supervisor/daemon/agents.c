/* SPDX-License-Identifier: Apache-2.0 */
/* How agents stand on this host (run/standing.h): asked at each start, told of each end, kept in <state-dir>/agents, one file for
 * each place in the table. The facts are in the ledger; this is a copy, so that a start needs no query. A file that cannot be
 * read is an agent at T0 that is suspended: an admin looks at it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/daemon.h"
#include "run/record.h"

#define AGENTS_DIR "agents"
#define EXIT_REFUSED 122
#define NAME_MAX_LEN 32U

static void keep(const struct daemon *daemon, uint32_t i)
{
	char name[NAME_MAX_LEN];
	int r;

	IGNORE(snprintf(name, sizeof(name), "%03u", i) < 0);
	r = keep_write(daemon->agents_fd, name, daemon->agents[i], sizeof(*daemon->agents[i]), false);
	if (r < 0)
		log_warn("agent_not_kept", "agent=\"%s\" errno=%s", daemon->agents[i]->agent, errno_name(r));
}

static int find(const struct daemon *daemon, struct slice agent)
{
	for (uint32_t i = 0; i < daemon->agent_count; i++)
		if (slice_is(agent, daemon->agents[i]->agent))
			return (int)i;
	return -ENOENT;
}

static int find_or_add(struct daemon *daemon, struct slice agent)
{
	int i = find(daemon, agent);

	if (i >= 0)
		return i;
	if (daemon->agent_count == HOST_AGENTS_MAX)
		return -ENOSPC;
	daemon->agents[daemon->agent_count] = calloc(1, sizeof(struct standing));
	if (!daemon->agents[daemon->agent_count])
		return -ENOMEM;
	standing_begin(daemon->agents[daemon->agent_count], daemon->host, agent);
	return (int)daemon->agent_count++;
}

/* ---- facts ---- */

/* `what`: "promoted", "demoted", "suspended", "cleared", "breaker". */
static void put(struct daemon *daemon, const struct standing *standing, enum record_kind kind, const char *what,
		const char *by, const char *reason)
{
	struct record_frame frame = record_frame_now(NULL);
	struct buf *buf = outbox_begin(daemon->outbox, kind);
	struct draft draft;

	if (!buf)
		return; /* counted, becomes a gap */
	draft = draft_begin(buf, kind, &frame, NULL);
	draft_by(&draft, by);
	draft_text(&draft, DETAIL_AGENT, slice_of(standing->agent));
	draft_text(&draft, DETAIL_VERB, slice_of(what));
	if (kind == RECORD_TIER)
		draft_uint(&draft, DETAIL_TIER, standing->tier);
	draft_text(&draft, DETAIL_REASON, slice_of(reason));
	IGNORE(outbox_put(daemon->outbox, kind, draft_end(&draft)) == 0); /* counted */
}

/* ---- starts and ends ---- */

static int refuse(const struct standing *standing, enum standing_refusal refusal, struct error *err)
{
	const char *next = "an admin looks at `bailiff agents`, then `bailiff agents close NAME --reason TEXT`";

	switch (refusal) {
	case STANDING_SUSPENDED:
		error_say(err, -EPERM, "TIER: agent '%s' is suspended", standing->agent);
		next = "an admin looks at what it did (`bailiff ledger log --kind violation`), then `bailiff agents clear "
		       "NAME --reason TEXT`";
		break;
	case STANDING_BREAKER_OPEN:
		error_say(err, -EPERM, "BREAKER: the runs of agent '%s' were revoked too often; it is open", standing->agent);
		next = "wait, or an admin closes it: `bailiff agents close NAME --reason TEXT`";
		break;
	case STANDING_BREAKER_PROBING:
		error_say(err, -EPERM, "BREAKER: agent '%s' is on probation, and its run has not ended", standing->agent);
		next = "wait for that run to end (`bailiff ps`)";
		break;
	case STANDING_BREAKER_NEEDS_ADMIN:
		error_say(err, -EPERM, "BREAKER: agent '%s' is on probation at T1, and this policy needs more", standing->agent);
		break;
	case STANDING_MAY_START:
		return 0;
	}
	error_next(err, "%s", next);
	return error_exit(err, EXIT_REFUSED);
}

static int tier_gate(const struct standing *standing, const struct plan *plan, uint32_t tier, struct error *err)
{
	const char *exceeded = plan_tier_exceeded(plan);

	if (plan->head->tier <= tier && !exceeded)
		return 0;
	if (exceeded && plan->head->tier <= tier)
		error_say(err, -EPERM, "TIER: %s", exceeded);
	else
		error_say(err, -EPERM, "TIER: agent '%s' is at T%u on this host, and the policy is for T%u", standing->agent,
			  tier, plan->head->tier);
	error_next(err, "`bailiff run --tier T%u ...` narrows the policy to it", MIN(tier, plan->head->tier));
	return error_exit(err, EXIT_REFUSED);
}

int agents_gate(struct daemon *daemon, const struct plan *plan, struct error *err)
{
	uint32_t tier, before;
	struct standing *standing;
	int i, r;

	if (!daemon->host)
		return 0;
	i = find_or_add(daemon, slice_of(plan_text(plan, plan->head->agent)));
	if (i < 0) {
		error_say(err, i, "TIER: this host keeps %u agents, and has no room for another", HOST_AGENTS_MAX);
		error_next(err, "name the run after one of them: `bailiff run --agent NAME`; `bailiff agents` lists them");
		return error_exit(err, EXIT_REFUSED);
	}
	standing = daemon->agents[i];
	before = standing->breaker;
	r = refuse(standing, standing_start(standing, daemon->host, plan->head->tier, 0, now_realtime_ns(), &tier), err);
	if (r == 0) {
		r = tier_gate(standing, plan, tier, err);
		/* What did not start has tried nothing. */
		if (r < 0 && standing->breaker == BREAKER_HALF_OPEN)
			standing->probes--;
	}
	if (standing->breaker != before)
		put(daemon, standing, RECORD_BREAKER, breaker_name((enum breaker_state)standing->breaker), "bailiffd",
		    "its time is over: one run is tried");
	keep(daemon, (uint32_t)i);
	return r;
}

static uint8_t worst(const struct run *run)
{
	uint8_t severity = 0;

	for (unsigned int type = 1; type < VIOLATION_TYPE_LIMIT; type++)
		if (run->strikes.count[type] > 0)
			severity = MAX(severity, (uint8_t)(1 + rules_severity(&run->rules, (enum violation_type)type)));
	return severity;
}

void agents_ended(struct daemon *daemon, const struct run *run)
{
	struct outcome outcome = { .ended_ns = now_realtime_ns(), .tier = (uint8_t)run->plan.head->tier };
	int i = daemon->host ? find(daemon, slice_of(plan_text(&run->plan, run->plan.head->agent))) : -ENOENT;
	unsigned int changed;

	/* Not the agent's fault, or never begun. */
	if (i < 0 || !run->started || run->outcome.cause == RUN_CAUSE_SUPERVISOR_LOST)
		return;
	outcome.kind = run->outcome.status == RUN_STATUS_COMPLETED ? OUTCOME_COMPLETED :
		       run->outcome.status == RUN_STATUS_REVOKED ? OUTCOME_REVOKED : OUTCOME_FAILED;
	outcome.severity = outcome.kind == OUTCOME_REVOKED ? worst(run) : 0;
	changed = standing_ended(daemon->agents[i], daemon->host, &outcome);
	keep(daemon, (uint32_t)i);
	if (changed & CHANGED_BREAKER)
		put(daemon, daemon->agents[i], RECORD_BREAKER, breaker_name((enum breaker_state)daemon->agents[i]->breaker),
		    "bailiffd", run->outcome.text[0] ? run->outcome.text : "a run ended");
	if (changed & CHANGED_TIER)
		put(daemon, daemon->agents[i], RECORD_TIER, "demoted", "bailiffd", run->outcome.text);
	if (changed & CHANGED_SUSPENDED)
		put(daemon, daemon->agents[i], RECORD_AGENT, "suspended", "bailiffd", run->outcome.text);
}

/* ---- verbs ---- */

static const char *refusal_text(enum promotion_refusal refusal)
{
	static const char *const texts[] = {
		[PROMOTION_ELIGIBLE] = "", [PROMOTION_SUSPENDED] = "it is suspended",
		[PROMOTION_TOP] = "it is as high as this host allows", [PROMOTION_RUNS] = "too few completed runs",
		[PROMOTION_VIOLATION] = "a HIGH or CRITICAL violation in the window",
		[PROMOTION_ERRORS] = "too many of its runs failed", [PROMOTION_BREAKER] = "its breaker is not closed",
		[PROMOTION_COOLDOWN] = "it was demoted not long ago",
	};

	return (size_t)refusal < COUNT(texts) ? texts[refusal] : "?";
}

void serve_agents(struct client *client, const struct wire_request *wire, int *fds)
{
	struct daemon *daemon = client->daemon;

	(void)wire;
	(void)fds;
	for (uint32_t i = 0; i < daemon->agent_count; i++) {
		const struct standing *standing = daemon->agents[i];
		struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_AGENT_ROW };
		struct wire_agent_row *row = &answer.u.agent;

		*row = (struct wire_agent_row){
			.tier = standing->tier, .suspended = standing->suspended, .breaker = standing->breaker,
			.runs_needed = daemon->host->promotion.min_runs,
		};
		row->refusal = standing_promotable(standing, daemon->host, now_realtime_ns(), &row->runs);
		memcpy(row->agent, standing->agent, sizeof(row->agent));
		IGNORE(snprintf(row->refused, sizeof(row->refused), "%s",
				refusal_text((enum promotion_refusal)row->refusal)) < 0);
		if (!client_answer(client, &answer))
			return;
	}
	answer_done(client);
}

/* What of it is not possible; NULL when it was done. */
static const char *change(struct daemon *daemon, const struct client *client, struct standing *standing, uint32_t flag,
			  const char *by, const char *reason)
{
	const struct host_agent *named = host_agent_find(daemon->host, slice_of(standing->agent));
	uint64_t now_ns = now_realtime_ns();
	enum promotion_refusal refusal;
	uint32_t runs;

	switch (flag) {
	case WIRE_UP:
		refusal = standing_promotable(standing, daemon->host, now_ns, &runs);
		if (refusal != PROMOTION_ELIGIBLE)
			return refusal_text(refusal);
		if (named && named->owner_uid == client->peer.uid)
			return "who owns an agent does not promote it";
		standing_promote(standing, now_ns);
		put(daemon, standing, RECORD_TIER, "promoted", by, reason);
		return NULL;
	case WIRE_DOWN:
		if (standing->tier == 0)
			return "it is at T0";
		standing_set_tier(standing, standing->tier - 1, now_ns);
		put(daemon, standing, RECORD_TIER, "demoted", by, reason);
		return NULL;
	case WIRE_CLEAR:
		if (!standing->suspended)
			return "it is not suspended";
		standing_clear(standing);
		put(daemon, standing, RECORD_AGENT, "cleared", by, reason);
		return NULL;
	default:
		if (standing->breaker == BREAKER_CLOSED)
			return "its breaker is closed";
		standing_reset_breaker(standing, now_ns);
		put(daemon, standing, RECORD_BREAKER, "CLOSED", by, reason);
		return NULL;
	}
}

void serve_tier(struct client *client, const struct wire_request *wire, int *fds)
{
	const struct wire_people *people = request_people(wire);
	struct daemon *daemon = client->daemon;
	int i = daemon->host ? find(daemon, slice_of(people->agent)) : -ENOENT;
	struct error err = { 0 };
	char by[INTAKE_BY_MAX];
	const char *wrong;

	(void)fds;
	IGNORE(snprintf(by, sizeof(by), "uid:%u", client->peer.uid) < 0);
	wrong = i < 0 ? "this host knows no agent of this name" :
			change(daemon, client, daemon->agents[i], wire->flags, by, wire->reason);
	intervention_record(daemon, &client->peer, request_name(wire->kind), NULL, !wrong, wrong ? wrong : wire->reason);
	if (!wrong) {
		keep(daemon, (uint32_t)i);
		answer_done(client);
		return;
	}
	error_say(&err, -EALREADY, "agent '%s': %s", people->agent, wrong);
	error_next(&err, "`bailiff agents` shows how they stand; tiers are kept where " OPTIONS_HOST " exists");
	IGNORE(error_exit(&err, 1) == 0); /* returns err.code */
	answer_error(client, &err);
}

/* ---- begin and end ---- */

static void read_one(struct daemon *daemon, uint32_t i)
{
	auto_free struct standing *standing = calloc(1, sizeof(*standing));
	char name[NAME_MAX_LEN];
	int r;

	IGNORE(snprintf(name, sizeof(name), "%03u", i) < 0);
	r = standing ? keep_read(daemon->agents_fd, name, standing, sizeof(*standing)) : -ENOMEM;
	if (r == -ENOENT)
		return;
	if (r == 0 && standing_is_sound(standing) && find(daemon, slice_of(standing->agent)) < 0) {
		daemon->agents[daemon->agent_count++] = TAKE(standing);
		return;
	}
	log_error("agent_unreadable", "file=%s errno=%s", name, errno_name(r < 0 ? r : -EINVAL));
	if (standing) {
		*standing = (struct standing){ .suspended = 1 };
		IGNORE(snprintf(standing->agent, sizeof(standing->agent), "unreadable-%s", name) < 0);
		daemon->agents[daemon->agent_count++] = TAKE(standing);
	}
}

int agents_open(struct daemon *daemon, struct error *err)
{
	if (!daemon->host)
		return 0;
	if (mkdirat(daemon->state_fd, AGENTS_DIR, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "make '%s/" AGENTS_DIR "'", daemon->options.state_dir);
	daemon->agents_fd = openat(daemon->state_fd, AGENTS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (daemon->agents_fd < 0)
		return error_set(err, -errno, "open '%s/" AGENTS_DIR "'", daemon->options.state_dir);
	for (uint32_t i = 0; i < HOST_AGENTS_MAX; i++)
		read_one(daemon, i);
	for (uint32_t i = 0; i < daemon->host->agent_count; i++)
		IGNORE(find_or_add(daemon, slice_of(daemon->host->agents[i].name)) < 0); /* full: said at its start */
	return 0;
}

void agents_close(struct daemon *daemon)
{
	for (uint32_t i = 0; i < daemon->agent_count; i++)
		free(daemon->agents[i]);
	daemon->agent_count = 0;
	daemon->agents_fd = fd_close(daemon->agents_fd);
}
