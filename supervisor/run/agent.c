/* SPDX-License-Identifier: Apache-2.0 */
#include "run/agent.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "run/run.h"

#define NS_PER_S 1000000000ULL
#define PRICE_NS (NS_PER_S / AGENT_RATE)
#define MESSAGES_PER_TURN 4       /* so that one client starves nobody */
#define WAIT_MAX_NS (86400ULL * NS_PER_S)

static int client_ready(struct source *source, uint32_t events);
static int listener_ready(struct source *source, uint32_t events);

/* ---- pure ---- */

/* What each verb comes with. A row that does not exist permits nothing. */
static const struct verb_row {
	bool known, text, number, value, id;
	uint32_t flags;
	size_t fds;
} verbs[AGENT_VERB_COUNT] = {
	[AGENT_HEARTBEAT] = { .known = true },
	[AGENT_PHASE] = { .known = true, .number = true },
	[AGENT_STATUS] = { .known = true, .text = true },
	[AGENT_CONFIDENCE] = { .known = true, .value = true },
	[AGENT_PROGRESS] = { .known = true, .text = true, .number = true, .value = true },
	[AGENT_ERROR] = { .known = true, .text = true, .value = true },
	[AGENT_WHY] = { .known = true },
	[AGENT_INBOX] = { .known = true, .id = true },
	[AGENT_ACK] = { .known = true, .id = true },
	[AGENT_ASK] = { .known = true, .text = true, .number = true },
	[AGENT_PLAN] = { .known = true, .fds = 1 },
	[AGENT_PLAN_STATE] = { .known = true, .value = true, .flags = AGENT_WAIT },
	[AGENT_ARTIFACT] = { .known = true, .text = true },
	[AGENT_OUTPUT] = { .known = true, .text = true, .number = true, .fds = 1 },
};

int agent_request_check(const struct agent_request *request, size_t len, size_t fd_count)
{
	const struct verb_row *row;

	if (len != sizeof(*request) || request->version != AGENT_VERSION)
		return -EPROTO;
	if (request->verb >= AGENT_VERB_COUNT)
		return -EINVAL;
	row = &verbs[request->verb];
	if (!row->known || request->flags & ~row->flags || request->reserved != 0 || fd_count != row->fds)
		return -EINVAL;
	if ((!row->number && request->number) || (!row->value && request->value) || (!row->id && request->id))
		return -EINVAL;
	return row->text ? (request->text_len <= sizeof(request->text) ? 0 : -EINVAL) :
			   (request->text_len == 0 ? 0 : -EINVAL);
}

bool agent_pay(uint64_t *owed_ns, uint64_t now_ns, uint64_t *ret_wait_ns)
{
	uint64_t from = MAX(*owed_ns, now_ns);

	if (from - now_ns + PRICE_NS > AGENT_BURST * PRICE_NS) {
		*ret_wait_ns = from - now_ns + PRICE_NS - AGENT_BURST * PRICE_NS;
		return false;
	}
	*owed_ns = from + PRICE_NS;
	return true;
}

/* ---- who is listened to ---- */

static int refill_due(struct timer *timer, uint64_t now_ns)
{
	struct run *run = container_of(timer, struct run, agent.refill);

	(void)now_ns;
	run->agent.held = false;
	for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++)
		if (run->agent.clients[i].source.active)
			IGNORE(loop_change(run->runs->loop, &run->agent.clients[i].source, EPOLLIN) < 0);
	if (run->agent.client_count < AGENT_CLIENTS_MAX)
		IGNORE(loop_change(run->runs->loop, &run->agent.listener, EPOLLIN) < 0);
	return 0;
}

/* Out of credit: what it sends stays in the kernel, and its sender waits there. */
static void hold(struct run *run, uint64_t wait_ns)
{
	struct agent *agent = &run->agent;
	struct loop *loop = run->runs->loop;

	agent->throttled++;
	if (agent->held || loop_timer_set(loop, &agent->refill, now_monotonic_ns() + wait_ns, refill_due) < 0)
		return;
	agent->held = true;
	for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++)
		if (agent->clients[i].source.active)
			IGNORE(loop_change(loop, &agent->clients[i].source, 0) < 0);
	IGNORE(loop_change(loop, &agent->listener, 0) < 0);
}

static void client_close(struct agent_client *client)
{
	struct run *run = client->run;
	int fd = client->source.fd;

	if (!client->source.active)
		return;
	loop_remove(run->runs->loop, &client->source);
	fd_close(fd);
	client->waits = false;
	run->agent.client_count--;
	if (run->agent.listener.active && !run->agent.held)
		IGNORE(loop_change(run->runs->loop, &run->agent.listener, EPOLLIN) < 0);
}

static void client_open(struct run *run, int fd)
{
	for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++) {
		struct agent_client *client = &run->agent.clients[i];

		if (client->source.active)
			continue;
		*client = (struct agent_client){ .run = run };
		if (loop_add(run->runs->loop, &client->source, fd, EPOLLIN, client_ready) < 0)
			break;
		run->agent.client_count++;
		return;
	}
	fd_close(fd);
}

static int listener_ready(struct source *source, uint32_t events)
{
	struct run *run = container_of(source, struct run, agent.listener);
	uint64_t wait_ns;
	int fd;

	(void)events;
	while (run->agent.client_count < AGENT_CLIENTS_MAX) {
		if (!agent_pay(&run->agent.owed_ns, now_monotonic_ns(), &wait_ns)) {
			hold(run, wait_ns);
			return 0;
		}
		fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			run->agent.owed_ns -= PRICE_NS; /* nobody came */
			return 0;
		}
		client_open(run, fd);
	}
	/* Full: whoever comes waits until one leaves. */
	IGNORE(loop_change(run->runs->loop, source, 0) < 0);
	return 0;
}

/* ---- requests ---- */

static void client_answer(struct agent_client *client, const struct agent_answer *answer)
{
	/* A client that does not read its answers has no use for more. */
	if (send(client->source.fd, answer, sizeof(*answer), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(*answer))
		client_close(client);
}

static int wait_due(struct timer *timer, uint64_t now_ns);

static void wait_arm(struct run *run)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++)
		if (run->agent.clients[i].source.active && run->agent.clients[i].waits)
			first = MIN(first, run->agent.clients[i].wait_until_ns);
	if (first != UINT64_MAX) /* without a timer they wait until the plan is decided */
		IGNORE(loop_timer_set(run->runs->loop, &run->agent.wait_timer, first, wait_due) < 0);
}

static void answer_waiting(struct run *run, bool decided, uint64_t now_ns)
{
	static const struct agent_request question = { .version = AGENT_VERSION, .verb = AGENT_PLAN_STATE };

	for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++) {
		struct agent_client *client = &run->agent.clients[i];
		struct agent_answer answer;

		if (!client->source.active || !client->waits || (!decided && client->wait_until_ns > now_ns))
			continue;
		client->waits = false;
		agent_answer_begin(run, AGENT_PLAN_STATE, &answer);
		IGNORE(agent_serve(run, &question, FD_NONE, &answer));
		if (!decided)
			answer.outcome = AGENT_TIMED_OUT;
		client_answer(client, &answer);
	}
	wait_arm(run);
}

static int wait_due(struct timer *timer, uint64_t now_ns)
{
	answer_waiting(container_of(timer, struct run, agent.wait_timer), false, now_ns);
	return 0;
}

void agent_plan_decided(struct run *run)
{
	answer_waiting(run, true, 0);
}

static void serve(struct agent_client *client, const struct agent_request *request, size_t len, struct fdset *fds)
{
	struct run *run = client->run;
	static struct agent_answer answer; /* one thread; too long for its stack */
	int fd = fds->count == 1 ? fds->fds[0] : FD_NONE;
	int r = agent_request_check(request, len, fds->count);

	run->agent.requests++;
	agent_answer_begin(run, r == 0 ? request->verb : AGENT_NONE, &answer);
	if (r < 0) {
		run->agent.invalid++;
		agent_say(&answer, AGENT_INVALID, "", r == -EPROTO ? "the request is of another version"
			  : "there is no such request", "use the `bailiff` that the sandbox has at " AGENT_PROGRAM);
	} else if (run->step != RUN_STEP_LIVE) {
		agent_say(&answer, AGENT_REVOKED, "run.status", "the run is over", "stop");
	} else if (!agent_serve(run, request, fd, &answer)) {
		client->waits = true;
		client->wait_until_ns = now_monotonic_ns() +
					MIN(request->value > 0 ? (uint64_t)request->value : 0, WAIT_MAX_NS);
		wait_arm(run);
		return;
	}
	if (client->source.active) /* what was asked for may have ended the run */
		client_answer(client, &answer);
}

static int client_ready(struct source *source, uint32_t events)
{
	static struct agent_request request; /* as above */
	struct agent_client *client = container_of(source, struct agent_client, source);
	struct run *run = client->run;
	uint64_t wait_ns;

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && source->active; i++) {
		cleanup_with(fdset_finish) struct fdset fds = { 0 };
		ssize_t len;

		if (!agent_pay(&run->agent.owed_ns, now_monotonic_ns(), &wait_ns)) {
			hold(run, wait_ns);
			return 0;
		}
		len = fdpass_receive(source->fd, &request, sizeof(request), &fds, MSG_DONTWAIT);
		if (len == -EAGAIN) {
			run->agent.owed_ns -= PRICE_NS;
			return 0;
		}
		if (len <= 0 && len != -EMSGSIZE) {
			client_close(client);
			return 0;
		}
		serve(client, &request, len < 0 ? 0 : (size_t)len, &fds);
	}
	return 0;
}

/* ---- begin and end ---- */

int agent_listen(struct run *run)
{
	int fd = run->launched.control_fd, type = 0, listens = 0;
	socklen_t len = sizeof(int);

	/* pid 1 is ours, but it lives with the agent. */
	if (fd == FD_NONE || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
		return -EBADF;
	return loop_add(run->runs->loop, &run->agent.listener, fd, EPOLLIN, listener_ready);
}

void agent_close(struct run *run)
{
	struct loop *loop = run->runs->loop;

	loop_remove(loop, &run->agent.listener);
	loop_timer_clear(loop, &run->agent.refill);
	loop_timer_clear(loop, &run->agent.wait_timer);
	for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++)
		client_close(&run->agent.clients[i]);
}
