/* SPDX-License-Identifier: Apache-2.0 */
/* From a sandbox that stands to a command that runs: the watcher knows the run, run_start is durable, GO. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "run/moves.h"
#include "run/run.h"

static uint32_t inum_of(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	IGNORE(snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name) < 0);
	/* pid 1 is ours and not reaped, so the number cannot be anybody else's. */
	return stat(path, &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

static int watch_begin(struct run *run)
{
	const struct plan_head *head = run->plan.head;
	struct run_config config = {
		.flags = RUN_WATCHED, .slot = run->slot, .uid = head->uid,
		.pidns_inum = inum_of(run->launched.pid, "pid"),
		.mntns_inum = inum_of(run->launched.pid, "mnt"),
		.connect_default = (uint8_t)head->connect_default,
		.bind_default = (uint8_t)head->bind_default,
	};
	uint32_t count = head->sections[PLAN_NETS].count;

	if (head->network_mode == NETWORK_HOST)
		config.flags |= RUN_NET_HOST;
	if (head->network_mode == NETWORK_ALLOWLIST)
		config.flags |= RUN_NET_RELAY;
	if (head->flags & PLAN_GATE)
		config.flags |= RUN_GATED;
	config.net_count = MIN(count, RUN_NET_RULES_MAX);
	memcpy(config.net, run->plan.nets, config.net_count * sizeof(config.net[0]));
	config.init_tgid = (uint32_t)run->launched.pid;
	violation_kernel_rules(&run->rules, config.decides);
	run->flags = config.flags;
	for (size_t i = 0; i < COUNT(run->stdio); i++) {
		/* Without it a write there is a finding too many. */
		if (S_ISREG(run->stdio[i].st_mode))
			IGNORE(watch_run_explain(run->runs->watch, run->launched.cgroup.id,
						 &run->stdio[i]) < 0);
	}
	return watch_run_add(run->runs->watch, run->launched.cgroup.id, &config);
}

/* The bits of the features that the watcher gives to every run. */
static uint32_t watch_features(const struct runs *runs)
{
	uint32_t bits = 1U << FEATURE_BTF | 1U << FEATURE_BPF_WATCH | 1U << FEATURE_BPF_CONNECT;

	if (watch_has_unix_hooks(runs->watch))
		bits |= 1U << FEATURE_BPF_UNIX;
	if (watch_has_witness(runs->watch))
		bits |= 1U << FEATURE_BPF_WITNESS;
	return bits;
}

static void refuse_missing(struct run *run, uint32_t missing)
{
	char text[WIRE_TEXT_MAX];
	const struct feature_info *info = &feature_infos[(uint32_t)__builtin_ctz(missing)];

	IGNORE(snprintf(text, sizeof(text), "the policy requires %s (%s), which could not be applied"
			"; next: %s; `bailiff doctor` lists what is missing", info->name, info->what,
			info->remedy) < 0);
	run_stop(run, RUN_CAUSE_REFUSED, EXIT_MISSING, text);
}

static int wall_due(struct timer *timer, uint64_t now_ns)
{
	struct run *run = container_of(timer, struct run, wall_timer);

	(void)now_ns;
	run_stop(run, RUN_CAUSE_WALL, EXIT_WALL,
		 "the wall-clock limit was reached"
		 "; next: raise `limits.wall` in the policy, or run with `-t DURATION`");
	return 0;
}

static void go(struct run *run)
{
	struct runs *runs = run->runs;
	uint64_t now = now_monotonic_ns(), wall = run->plan.head->limits.wall_ns;
	struct error err = { 0 };

	if (!people_may_start(run))
		return;
	if (life_narrow(run, &err) < 0) {
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL, err.text);
		return;
	}
	if (launch_go(&run->launched) < 0) {
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL,
			 "pid 1 of the run died before the command started");
		return;
	}
	loop_timer_clear(runs->loop, &run->step_timer);
	run->step = RUN_STEP_LIVE;
	run->started = true;
	run->live_ns = now;
	run_move(run, RUN_STATUS_RUNNING, "started");
	heartbeat_start(&run->heartbeat, &run->plan.head->heartbeat, now);
	lease_begin(run);
	run_heartbeat_arm(run);
	life_begin(run);
	if (agent_listen(run) < 0)
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL, "pid 1 of the run handed over no control socket");
	if (wall > 0 && loop_timer_set(runs->loop, &run->wall_timer, now + wall, wall_due) < 0)
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL, "out of memory");
	runs->callbacks.started(runs->callbacks.ctx, run);
	if (runs->pressed)
		IGNORE(!run_pause(run, PAUSE_LEDGER)); /* it lives */
}

static void start_durable(struct outbox_wait *wait)
{
	struct run *run = container_of(wait, struct run, wait);

	run->durable = true;
	if (run->step == RUN_STEP_RECORDING)
		go(run);
}

static void start_put(struct run *run)
{
	struct outbox *outbox = run->runs->outbox;

	run_put_start(run);
	life_prepare(run);
	outbox_flush(outbox);
	outbox_wait_for(outbox, &run->wait, outbox_last(outbox), start_durable);
}

void run_foretell(struct run *run)
{
	if (run->step == RUN_STEP_LAUNCHING &&
	    foretold_find(&run->runs->foretold, run->plan.head, &run->in_force))
		start_put(run);
}

/* What was recorded before it was there must be there now. */
static bool as_recorded(struct run *run, uint32_t recorded)
{
	if (!run->recorded || recorded == run->in_force)
		return true;
	run->runs->foretold.known = false;
	run_stop(run, RUN_CAUSE_REFUSED, EXIT_REFUSED,
		 "the sandbox has other protections than the last one of this policy, which were recorded for it"
		 "; next: start it again; `bailiff doctor` lists what this kernel lacks");
	return false;
}

void run_init_ready(struct run *run, const struct init_message *message)
{
	struct runs *runs = run->runs;
	uint32_t missing, recorded = run->in_force;
	struct error err = { 0 };

	if (run->step != RUN_STEP_LAUNCHING)
		return;
	if (!run->relay.ready) {
		run->relay.init_waits = true;
		run->relay.init = *message;
		return;
	}
	run->landlock_abi = message->landlock_abi;
	run->in_force = run->launched.in_force | message->in_force | watch_features(runs);
	missing = run->plan.head->require & ~run->in_force;
	if (missing) {
		refuse_missing(run, missing);
		return;
	}
	if (!as_recorded(run, recorded))
		return;
	foretold_keep(&runs->foretold, run->plan.head, run->in_force);
	if (gate_open(run, &err) < 0) {
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL, err.text);
		return;
	}
	if (watch_begin(run) < 0) {
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL,
			 "the kernel's table of runs does not take this run");
		return;
	}
	run->step = RUN_STEP_RECORDING;
	IGNORE(run_step_deadline(run, RUN_DURABLE_TIMEOUT_NS) < 0); /* without it, the client decides */
	if (!run->recorded)
		start_put(run);
	else if (run->durable)
		go(run);
}
