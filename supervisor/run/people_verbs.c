/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to a run as a whole: cancel, clarify, waive, and the kill switch. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "run/life.h"
#include "run/people.h"
#include "run/run.h"

#define CANCEL_GRACE_NS 5000000000ULL
#define EXIT_TERMINATED 143 /* 128 + SIGTERM, which it was asked to end by */
#define WAIVER_TTL_NS 900000000000ULL
#define WAIVER_TTL_MOST_NS 86400000000000ULL

static void by_uid(char to[INTAKE_BY_MAX], uid_t uid)
{
	IGNORE(snprintf(to, INTAKE_BY_MAX, "uid:%u", uid) < 0);
}

/* ---- one run ---- */

bool people_end(struct run *run, const char *by, const char *reason)
{
	char text[WIRE_TEXT_MAX];

	IGNORE(snprintf(text, sizeof(text), "cancelled by %s: %s", by, reason) < 0);
	/* What a kill switch froze is not thawed to hear that it may end. */
	if (run->step == RUN_STEP_LIVE && !run_is_paused(run, PAUSE_KILL_SWITCH))
		return run_ask_to_end(run, EXIT_TERMINATED, text, CANCEL_GRACE_NS);
	run_stop(run, RUN_CAUSE_CANCELLED, EXIT_TERMINATED, text);
	return true;
}

bool people_cancel(struct run *run, uid_t uid, const char *reason)
{
	char by[INTAKE_BY_MAX];

	by_uid(by, uid);
	if (run->step > RUN_STEP_LIVE)
		return false;
	people_reject_all(run, uid);
	return people_end(run, by, reason);
}

bool people_clarify(struct run *run, uid_t uid, const char *text)
{
	char by[INTAKE_BY_MAX];

	if (run->step != RUN_STEP_LIVE)
		return false;
	by_uid(by, uid);
	if (run_letter(run, LETTER_CLARIFICATION, by, slice_of(text)) < 0)
		return false;
	people_go_on(run, uid);
	return true;
}

/* ---- waivers ---- */

static enum violation_type type_of(const char *name)
{
	for (unsigned int type = VIOLATION_NONE + 1; type < VIOLATION_TYPE_LIMIT; type++) {
		const char *known = violation_name((enum violation_type)type);

		if (known && strcmp(known, name) == 0)
			return (enum violation_type)type;
	}
	return VIOLATION_NONE;
}

/* What broke these broke Bailiff itself, or what it says of the run. */
static bool is_waivable(enum violation_type type)
{
	return type != UNRECORDED_ROOT && type != STATE_DRIFT && type != GUARD_BYPASS && type != SANDBOX_ESCAPE &&
	       type != SELF_TAMPER;
}

/* A rule, guard or environment of its policy: a waiver of anything else would wait for nothing. */
static bool policy_has(const struct run *run, const char *id)
{
	const struct govern_view *govern = &run->plan.govern;

	for (uint32_t i = 0; govern->settings && i < govern->rules_count; i++) {
		if (slice_is(govern_text(govern, govern->rules[i].id), id))
			return true;
	}
	for (uint32_t i = 0; govern->settings && i < govern->guards_count; i++) {
		if (slice_is(govern_text(govern, govern->guards[i].id), id))
			return true;
	}
	for (uint32_t i = 0; govern->settings && i < govern->environments_count; i++) {
		if (slice_is(govern_text(govern, govern->environments[i].id), id))
			return true;
	}
	return false;
}

static int refuse_waiver(struct error *err, int code, const char *rule, const char *why)
{
	error_say(err, code, "a waiver of '%s' is not possible: %s", rule, why);
	error_next(err, "`bailiff ledger run show RUN` names the rules that were broken");
	return code;
}

/* A strike is taken away at once: granted and used are two facts of the same moment. */
static int waive_strike(struct run *run, struct waiver *waiver, enum violation_type type, const char *by,
			const char *reason, struct error *err)
{
	if (!is_waivable(type))
		return refuse_waiver(err, -EPERM, waiver->rule, "violations of this type are never waived");
	if (!violation_waive(&run->strikes, &run->told, type))
		return refuse_waiver(err, -EALREADY, waiver->rule, "this run has no strike of it");
	/* It counts on by itself otherwise: then the next one revokes, which is the safe side. */
	IGNORE(watch_run_strikes(run->runs->watch, run->slot, &run->told) < 0);
	waiver->state = WAIVER_GRANTED;
	IGNORE(people_put_waiver(run, waiver, WAIVER_NONE, by, reason) == 0); /* counted */
	waiver->state = WAIVER_CONSUMED;
	IGNORE(people_put_waiver(run, waiver, WAIVER_GRANTED, by, "a strike was taken away") == 0); /* counted */
	return 0;
}

int people_waive(struct run *run, uid_t uid, const struct waiver *wanted, uint64_t ttl_ns, const char *reason,
		 struct error *err)
{
	struct waiver waiver = *wanted;
	enum violation_type type = type_of(waiver.rule);
	char by[INTAKE_BY_MAX];
	int r = ulid_new(&waiver.id);

	if (r < 0)
		return error_set(err, r, "make a waiver");
	by_uid(by, uid);
	waiver.run = run->id;
	waiver.uid = uid;
	waiver.expires_ns = now_monotonic_ns() + MIN(ttl_ns ? ttl_ns : WAIVER_TTL_NS, WAIVER_TTL_MOST_NS);
	if (type != VIOLATION_NONE)
		return waive_strike(run, &waiver, type, by, reason, err);
	if (!policy_has(run, waiver.rule))
		return refuse_waiver(err, -ENOENT, waiver.rule, "it is no rule, guard or environment of the run's policy, "
				     "and no type of violation");
	r = people_grant_waiver(run, &waiver, by, reason);
	return r < 0 ? refuse_waiver(err, r, waiver.rule, "too many are live") : 0;
}

/* ---- the kill switch ---- */

static const char *agent_of(const struct run *run)
{
	return plan_text(&run->plan, run->plan.head->agent);
}

static bool is_covered(const struct runs *runs, const struct run *run)
{
	return kill_switch_covers(&runs->people.kill_switch, agent_of(run), &run->id) != NULL;
}

static void kill_one(struct run *run, const struct kill_entry *entry, bool terminate, struct kill_count *count)
{
	char by[INTAKE_BY_MAX], text[WIRE_TEXT_MAX];

	by_uid(by, entry->uid);
	IGNORE(snprintf(text, sizeof(text), "KILL_SWITCH: it was tripped by %s: %s"
			"; next: an admin resets it: `bailiff kill-switch reset`", by, entry->reason) < 0);
	if (run->step < RUN_STEP_LIVE) {
		count->stopped++;
		run_stop(run, RUN_CAUSE_REFUSED, EXIT_REFUSED, text);
	} else if (run->step == RUN_STEP_LIVE && terminate) {
		count->revoked++;
		run_revoke(run, RUN_CAUSE_OPERATOR, by, text);
	} else if (run_pause(run, PAUSE_KILL_SWITCH)) {
		count->frozen++;
	}
}

bool people_kill(struct runs *runs, const struct kill_entry *entry, bool terminate, struct kill_count *ret_count)
{
	const struct kill_switch one = { .count = 1, .entries = { *entry } };
	bool tripped = kill_switch_trip(&runs->people.kill_switch, entry);
	char by[INTAKE_BY_MAX];

	*ret_count = (struct kill_count){ 0 };
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *run = runs->slots[i];

		if (run && kill_switch_covers(&one, agent_of(run), &run->id))
			kill_one(run, entry, terminate, ret_count);
	}
	by_uid(by, entry->uid);
	people_put_kill(runs, &entry->target, true, by, entry->reason, ret_count);
	return tripped;
}

bool people_kill_reset(struct runs *runs, const struct kill_target *target, uid_t uid, const char *reason,
		       struct kill_count *ret_count)
{
	char by[INTAKE_BY_MAX];

	*ret_count = (struct kill_count){ 0 };
	if (!kill_switch_reset(&runs->people.kill_switch, target))
		return false;
	by_uid(by, uid);
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *run = runs->slots[i];

		/* Another one may cover it still. */
		if (run && !is_covered(runs, run))
			ret_count->frozen += run_resume(run, PAUSE_KILL_SWITCH);
	}
	people_put_kill(runs, target, false, by, reason, ret_count);
	return true;
}

bool people_may_start(struct run *run)
{
	if (!is_covered(run->runs, run))
		return true;
	run_stop(run, RUN_CAUSE_REFUSED, EXIT_REFUSED, "KILL_SWITCH: it was tripped meanwhile"
		 "; next: an admin resets it: `bailiff kill-switch reset`");
	return false;
}
