/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a run's relay. A relay that dies takes the run's network with it (its listeners are gone,
 * so nothing gets out), and the ledger says so; the run goes on. It is not started again: what made it
 * die may be what the agent sent. */
#include "run/relay.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/sys.h"
#include "launch/relay.h"
#include "run/relay_report.h"
#include "run/run.h"

#define FLOWS_MAX 1024U
#define REPORTS_BATCH 256U
#define END_NS 1000000000ULL
#define CHANNEL_BYTES (1 << 20)

static int config_write(const struct run *run, int *ret_fd)
{
	const struct plan *plan = &run->plan;
	const struct relay_setup *setup = &run->runs->relay;
	struct egress_config config = {
		.version = EGRESS_VERSION, .flows_max = FLOWS_MAX,
		.net_count = plan->head->sections[PLAN_NETS].count,
		.name_count = plan->head->sections[PLAN_NAMES].count,
		.resolver_count = setup->resolver_count, .expose_count = plan->head->expose_count,
	};
	size_t nets = config.net_count * sizeof(struct net_rule);
	size_t names = config.name_count * sizeof(struct net_name);
	cleanup_with(buf_finish) struct buf bytes = buf_growing(sizeof(config) + nets + names);

	static_assert(sizeof(config.expose) == sizeof(plan->head->expose), "one port for one");
	memcpy(config.expose, plan->head->expose, sizeof(config.expose));
	memcpy(config.resolvers, setup->resolvers, sizeof(config.resolvers));
	config.bytes = (uint32_t)(sizeof(config) + nets + names);
	if (buf_append(&bytes, &config, sizeof(config)) < 0 || buf_append(&bytes, plan->nets, nets) < 0 ||
	    buf_append(&bytes, plan->names, names) < 0)
		return -ENOMEM;
	return io_sealed_memfd("egress", bytes.data, bytes.len, ret_fd);
}

static void reap(struct run *run)
{
	struct relay *relay = &run->relay;

	loop_remove(run->runs->loop, &relay->process);
	if (relay->pidfd == FD_NONE)
		return;
	IGNORE(waitid(P_PIDFD, (id_t)relay->pidfd, NULL, WEXITED) < 0); /* dead, or killed just now */
	relay->pidfd = fd_close(relay->pidfd);
}

void run_relay_abandon(struct run *run)
{
	struct relay *relay = &run->relay;

	loop_remove(run->runs->loop, &relay->channel);
	relay->channel_fd = fd_close(relay->channel_fd);
	if (relay->pidfd != FD_NONE)
		IGNORE(sys_pidfd_send_signal(relay->pidfd, SIGKILL, NULL, 0) < 0); /* dead already */
	reap(run);
}

/* Nothing more will come. */
static void gone(struct run *run)
{
	run_relay_abandon(run);
	if (run->relay.stopping) {
		run_conclude(run);
		return;
	}
	if (run->step == RUN_STEP_LAUNCHING) {
		run_stop(run, RUN_CAUSE_REFUSED, 122, "HEALTH: the relay of the run's network did not start"
			 "; next: look at the supervisor's log; is the account bailiff-egress there?");
		return;
	}
	relay_put_death(run);
}

static void take(struct run *run, const struct egress_report *report)
{
	if (report->kind != EGRESS_READY) {
		relay_put(run, report);
		return;
	}
	run->relay.ready = true;
	if (run->relay.init_waits)
		run_init_ready(run, &run->relay.init);
}

static int channel_ready(struct source *source, uint32_t events)
{
	struct relay *relay = container_of(source, struct relay, channel);
	struct run *run = container_of(relay, struct run, relay);
	struct egress_report report;

	(void)events;
	for (unsigned int i = 0; i < REPORTS_BATCH; i++) {
		ssize_t n = recv(relay->channel_fd, &report, sizeof(report), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0 || !relay_report_is_sound(&report, (size_t)n)) {
			gone(run);
			return 0;
		}
		take(run, &report);
	}
	run_settle(run);
	return 0;
}

/* Its last words are read first: the channel ends only behind them. */
static int process_ended(struct source *source, uint32_t events)
{
	struct relay *relay = container_of(source, struct relay, process);

	(void)events;
	reap(container_of(relay, struct run, relay));
	return 0;
}

static int start(struct run *run, int config_fd, int slots_fd, struct error *err)
{
	struct runs *runs = run->runs;
	struct relay *relay = &run->relay;
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	struct relay_spec spec = {
		.program = runs->relay.program, .uid = runs->relay.uid, .gid = runs->relay.gid,
		.run_pid = run->launched.pid, .config_fd = config_fd, .slots_fd = slots_fd,
		.expose = run->plan.head->expose, .expose_count = run->plan.head->expose_count,
	};
	int pair[2], bytes = CHANNEL_BYTES, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "make the channel to the relay");
	ours = pair[0];
	theirs = pair[1];
	/* The relay waits when this is full; a larger one means that it seldom does. */
	IGNORE(setsockopt(theirs, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0);
	spec.channel_fd = theirs;
	r = launch_relay(&spec, &relay->pidfd, err);
	if (r < 0)
		return r;
	relay->channel_fd = TAKE_FD(ours);
	r = loop_add(runs->loop, &relay->channel, relay->channel_fd, EPOLLIN, channel_ready);
	if (r == 0)
		r = loop_add(runs->loop, &relay->process, relay->pidfd, EPOLLIN, process_ended);
	return r < 0 ? error_set(err, r, "listen to the relay") : 0;
}

int run_relay_start(struct run *run, struct error *err)
{
	auto_close int config_fd = FD_NONE, slots_fd = FD_NONE;
	int r;

	if (run->plan.head->network_mode != NETWORK_ALLOWLIST) {
		run->relay.ready = true;
		return 0;
	}
	if (run->runs->relay.uid == 0) {
		error_say(err, -ENOENT, "network `allowlist` needs the user bailiff-egress and its program");
		error_next(err, "make the system users: `sudo make install`, or `systemd-sysusers`");
		return error_exit(err, 122);
	}
	r = config_write(run, &config_fd);
	if (r < 0)
		return error_set(err, r, "write the relay's configuration");
	r = watch_run_relay(run->runs->watch, run->slot, &slots_fd);
	if (r < 0)
		return error_set(err, r, "make the ring between the connect hooks and the relay");
	return start(run, config_fd, slots_fd, err);
}

bool run_relay_ended(struct run *run)
{
	struct relay *relay = &run->relay;
	uint64_t now = now_monotonic_ns();

	if (relay->channel_fd == FD_NONE)
		return true;
	if (!relay->stopping) {
		relay->stopping = true;
		relay->give_up_ns = now + END_NS;
		if (shutdown(relay->channel_fd, SHUT_WR) == 0) {
			IGNORE(run_step_deadline(run, END_NS) < 0); /* its end calls, too */
			return false;
		}
	}
	if (now < relay->give_up_ns)
		return false;
	run_relay_abandon(run);
	return true;
}
