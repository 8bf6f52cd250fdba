/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life: accepted, admitted by its address, connected outside, looked at, moved, ended. */
#include "egress/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "egress/address.h"

#define ACCEPT_BATCH 64U
#define TURNS 8U                 /* per event, so that one connection starves nobody */
#define CONNECT_NS 30000000000ULL
#define LOOK_NS 10000000000ULL
#define IDLE_NS 300000000000ULL  /* gives way when there is no room */
#define FULL_NS 1000000000ULL
#define DNS_PORT 53U
#define DNS_TCP_MAX 1024U        /* bytes of a question */

/* ---- the end ---- */

static void reset_on_close(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	IGNORE(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0);
}

static void tell_end(struct flow *flow, int result)
{
	struct egress_report report = report_new(EGRESS_END, &flow->slot);

	report.flags = flow->exposed ? EGRESS_EXPOSED : 0;
	report.bytes_out = flow->out.bytes;
	report.bytes_in = flow->in.bytes;
	report.duration_ns = now_monotonic_ns() - flow->started_ns;
	report.result = result;
	report_name(&report, slice_new(flow->name, flow->name_len));
	report_send(flow->egress, &report);
}

static void flow_free(struct flow *flow)
{
	struct egress *egress = flow->egress;

	loop_remove(egress->loop, &flow->client);
	loop_remove(egress->loop, &flow->server);
	loop_timer_clear(egress->loop, &flow->timer);
	if (flow->dns)
		dns_forget(egress, flow);
	pipe_give(egress, flow->out.pipe, flow->out.in_pipe > 0);
	pipe_give(egress, flow->in.pipe, flow->in.in_pipe > 0);
	fd_close(flow->client_fd);
	if (flow->exposed && flow->server_fd != FD_NONE)
		expose_give(egress, flow->server_fd);
	else
		fd_close(flow->server_fd);
	if (flow->next)
		flow->next->at = flow->at;
	*flow->at = flow->next;
	egress->flow_count--;
	free(flow->dns);
	free(flow);
}

/* `result` 0: both ends said that they are done; else the run sees a reset. */
static void flow_end(struct flow *flow, int result)
{
	if (result < 0) {
		reset_on_close(flow->client_fd);
		if (flow->server_fd != FD_NONE && !flow->exposed)
			reset_on_close(flow->server_fd);
	}
	if (flow->opened)
		tell_end(flow, result);
	flow_free(flow);
}

static void refuse(struct flow *flow, enum egress_reason reason)
{
	struct egress_report report = report_new(EGRESS_REFUSED, &flow->slot);

	report.reason = reason;
	report_name(&report, slice_new(flow->name, flow->name_len));
	report_send(flow->egress, &report);
	flow_end(flow, -EACCES);
}

/* ---- moving bytes ---- */

static int wants(struct egress *egress, struct source *source, uint32_t *have, uint32_t want)
{
	if (*have == want)
		return 0;
	*have = want;
	return loop_change(egress->loop, source, want);
}

static int arm(struct flow *flow)
{
	uint32_t client = 0, server = 0;
	int r;

	if (!flow->out.from_eof && flow->out.in_pipe == 0 &&
	    (flow->await == AWAIT_NOTHING || flow->out.budget > 0))
		client |= EPOLLIN | (flow->waiting ? EPOLLRDHUP : 0);
	client |= flow->in.in_pipe > 0 ? EPOLLOUT : 0;
	if (!flow->in.from_eof && flow->in.in_pipe == 0)
		server |= EPOLLIN;
	server |= flow->out.in_pipe > 0 ? EPOLLOUT : 0;
	r = wants(flow->egress, &flow->client, &flow->client_wants, client);
	return r < 0 ? r : wants(flow->egress, &flow->server, &flow->server_wants, server);
}

static int look_late(struct timer *timer, uint64_t now_ns)
{
	struct flow *flow = container_of(timer, struct flow, timer);

	(void)now_ns;
	refuse(flow, EGRESS_SLOW);
	return 0;
}

static void low_water(const struct flow *flow, int bytes)
{
	IGNORE(setsockopt(flow->client_fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) < 0);
}

/* A beginning that is not all there: wait for at least one byte more, and not for ever. */
static int look_wait(struct flow *flow)
{
	if (flow->looked == 0)
		return 0;
	low_water(flow, (int)flow->looked + 1);
	if (flow->waiting)
		return 0;
	flow->waiting = true;
	return loop_timer_set(flow->egress->loop, &flow->timer, now_monotonic_ns() + LOOK_NS, look_late);
}

static void look_done(struct flow *flow)
{
	flow->looked = 0;
	if (!flow->waiting)
		return;
	flow->waiting = false;
	low_water(flow, 1);
	loop_timer_clear(flow->egress->loop, &flow->timer);
}

/* Returns 1 = bytes may pass, 0 = not now, -ECANCELED = the flow is gone, or a negative errno. */
static int look(struct flow *flow, bool hung_up)
{
	size_t before = flow->looked;

	switch (flow_look(flow)) {
	case LOOK_GO:
		look_done(flow);
		return 1;
	case LOOK_WAIT:
		if (hung_up && flow->waiting && flow->looked == before) {
			refuse(flow, EGRESS_MALFORMED);
			return -ECANCELED;
		}
		return look_wait(flow);
	case LOOK_END:
		look_done(flow);
		flow->out.from_eof = true;
		return 1;
	case LOOK_REFUSED:
		flow_end(flow, -EACCES);
		return -ECANCELED;
	case LOOK_BROKEN:
		return -ENOMEM;
	}
	return -EINVAL;
}

static int finish_lane(struct lane *lane, int to)
{
	if (!lane->from_eof || lane->in_pipe > 0 || lane->done)
		return 0;
	lane->done = true;
	return shutdown(to, SHUT_WR) < 0 && errno != ENOTCONN ? -errno : 0;
}

static int move_out(struct flow *flow, bool hung_up)
{
	struct lane *lane = &flow->out;

	for (unsigned int turn = 0; turn < TURNS; turn++) {
		int r = lane_drain(flow->egress, lane, flow->server_fd);

		if (r < 0 || lane->in_pipe > 0)
			return r;
		if (lane->budget == 0 && !lane->from_eof) {
			if (flow->await != AWAIT_NOTHING)
				return 0;
			r = look(flow, hung_up);
			if (r <= 0)
				return r;
			continue;        /* what was looked at goes first */
		}
		r = lane_fill(flow->egress, lane, flow->client_fd);
		if (r <= 0)
			return r;
	}
	return lane_drain(flow->egress, lane, flow->server_fd);
}

static int move_in(struct flow *flow)
{
	struct lane *lane = &flow->in;

	for (unsigned int turn = 0; turn < TURNS; turn++) {
		int r = lane_drain(flow->egress, lane, flow->client_fd);

		if (r < 0 || lane->in_pipe > 0)
			return r;
		if (flow->await != AWAIT_NOTHING && !flow_look_response(flow))
			return 0;
		r = lane_fill(flow->egress, lane, flow->server_fd);
		if (r <= 0)
			return r;
	}
	return lane_drain(flow->egress, lane, flow->client_fd);
}

static void move(struct flow *flow, bool out, bool in, bool hung_up)
{
	int r = 0;

	flow->last_ns = now_monotonic_ns();
	if (in)
		r = move_in(flow);
	if (r >= 0 && out)
		r = move_out(flow, hung_up);
	if (r == -ECANCELED)
		return;
	if (r >= 0)
		r = finish_lane(&flow->out, flow->server_fd);
	if (r >= 0)
		r = finish_lane(&flow->in, flow->client_fd);
	if (r >= 0 && !(flow->out.done && flow->in.done))
		r = arm(flow);
	else if (r >= 0)
		r = 1;
	if (r != 0)
		flow_end(flow, r < 0 ? r : 0);
}

static int client_ready(struct source *source, uint32_t events)
{
	struct flow *flow = container_of(source, struct flow, client);

	if (events & EPOLLERR || (events & EPOLLHUP && flow->out.from_eof))
		flow_end(flow, -ECONNRESET);
	else
		move(flow, events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP), events & EPOLLOUT,
		     events & (EPOLLHUP | EPOLLRDHUP));
	return 0;
}

static int server_ready(struct source *source, uint32_t events)
{
	struct flow *flow = container_of(source, struct flow, server);

	if (events & EPOLLERR || (events & EPOLLHUP && flow->in.from_eof))
		flow_end(flow, -ECONNRESET);
	else
		/* What it said may decide what the client's next bytes are. */
		move(flow, events & EPOLLOUT || flow->await != AWAIT_NOTHING,
		     events & (EPOLLIN | EPOLLHUP), false);
	return 0;
}

/* ---- connecting ---- */

static void tell_open(struct flow *flow, int result)
{
	struct egress_report report = report_new(EGRESS_OPEN, &flow->slot);

	report.flags = flow->exposed ? EGRESS_EXPOSED : 0;
	report.result = result;
	report_name(&report, slice_new(flow->name, flow->name_len));
	report_send(flow->egress, &report);
	flow->opened = result == 0;
}

static int connect_late(struct timer *timer, uint64_t now_ns)
{
	struct flow *flow = container_of(timer, struct flow, timer);

	(void)now_ns;
	tell_open(flow, -ETIMEDOUT);
	flow_end(flow, -ETIMEDOUT);
	return 0;
}

static int connected(struct source *source, uint32_t events)
{
	struct flow *flow = container_of(source, struct flow, server);
	socklen_t len = sizeof(int);
	int error = 0;

	(void)events;
	if (getsockopt(flow->server_fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	tell_open(flow, -error);
	if (error) {
		flow_end(flow, -error);
		return 0;
	}
	loop_timer_clear(flow->egress->loop, &flow->timer);
	flow->connected = true;
	source->handle = server_ready;
	flow->client_wants = EPOLLIN;
	if (loop_add(flow->egress->loop, &flow->client, flow->client_fd, EPOLLIN, client_ready) < 0) {
		flow_end(flow, -ENOMEM);
		return 0;
	}
	move(flow, true, false, false);
	return 0;
}

static void options_set(int fd)
{
	const int on = 1;

	/* Each is for the better only. */
	IGNORE(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0);
	IGNORE(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0);
}

static int flow_connect(struct flow *flow)
{
	struct sockaddr_storage to;
	socklen_t len = address_to_sockaddr(flow->slot.addr, flow->slot.port, &to);
	int r;

	if (!flow->exposed)
		flow->server_fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (flow->server_fd < 0)
		return -errno;
	options_set(flow->server_fd);
	if (connect(flow->server_fd, (const struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return -errno;
	flow->server_wants = EPOLLOUT;
	r = loop_add(flow->egress->loop, &flow->server, flow->server_fd, EPOLLOUT, connected);
	return r < 0 ? r : loop_timer_set(flow->egress->loop, &flow->timer,
					  flow->started_ns + CONNECT_NS, connect_late);
}

/* ---- DNS over TCP ---- */

void flow_dns_answer(struct flow *flow, const uint8_t *message, size_t len)
{
	uint8_t bytes[2 + DNS_MESSAGE_MAX];

	flow->dns_busy = false;
	if (len == 0 || len > DNS_MESSAGE_MAX) {
		flow->dns_got = DNS_TCP_MAX; /* its next event ends it */
		return;
	}
	bytes[0] = (uint8_t)(len >> 8);
	bytes[1] = (uint8_t)len;
	memcpy(bytes + 2, message, len);
	/* A few bytes fit; one who never reads loses its answer. */
	IGNORE(send(flow->client_fd, bytes, len + 2, MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
}

static int dns_ready(struct source *source, uint32_t events)
{
	struct flow *flow = container_of(source, struct flow, client);
	size_t want = flow->dns_got < 2 ? 2 : 2 + ((size_t)flow->dns[0] << 8 | flow->dns[1]);
	ssize_t n;

	(void)events;
	if (want > DNS_TCP_MAX) {
		refuse(flow, EGRESS_MALFORMED);
		return 0;
	}
	n = recv(flow->client_fd, flow->dns + flow->dns_got, want - flow->dns_got, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		flow_end(flow, n < 0 ? -errno : 0);
		return 0;
	}
	flow->dns_got += (size_t)n;
	if (flow->dns_got <= 2 || flow->dns_got < 2 + ((size_t)flow->dns[0] << 8 | flow->dns[1]))
		return 0;
	want = flow->dns_got - 2;
	flow->dns_got = 0;
	flow->dns_busy = true;
	dns_ask(flow->egress, slice_new(flow->dns + 2, want), &flow->slot, flow);
	return 0;
}

static int dns_late(struct timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	flow_end(container_of(timer, struct flow, timer), -ETIMEDOUT);
	return 0;
}

static int dns_serve(struct flow *flow)
{
	int r;

	flow->dns = malloc(DNS_TCP_MAX);
	if (!flow->dns)
		return -ENOMEM;
	r = loop_add(flow->egress->loop, &flow->client, flow->client_fd, EPOLLIN, dns_ready);
	return r < 0 ? r : loop_timer_set(flow->egress->loop, &flow->timer,
					  flow->started_ns + CONNECT_NS, dns_late);
}

/* ---- admission ---- */

static enum egress_reason admit(struct flow *flow)
{
	struct egress *egress = flow->egress;
	const struct answer *answer;
	uint32_t at = 0;

	if (flow->slot.number == ~0U)
		return EGRESS_LOST;
	switch (egress_address(egress, flow->slot.addr, flow->slot.port)) {
	case ADDRESS_REFUSED:
		return EGRESS_ADDRESS_DENIED;
	case ADDRESS_LISTED:
		flow->listed = true;
		break;
	case ADDRESS_NEEDS_NAME:
		break;
	}
	while ((answer = answers_next(egress->answers, flow->slot.addr, flow->started_ns, &at))) {
		struct slice name = slice_new(answer->name, answer->name_len);

		if (!rules_name_allowed(&egress->rules, name, flow->slot.port))
			continue;
		flow_name(flow, name);
		return EGRESS_NONE;
	}
	return flow->listed ? EGRESS_NONE : EGRESS_ADDRESS_UNKNOWN;
}

static struct flow *flow_new(struct egress *egress, int fd)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	flow->egress = egress;
	flow->client_fd = fd;
	flow->server_fd = FD_NONE;
	flow->in.budget = LANE_ALL;
	flow->started_ns = flow->last_ns = now_monotonic_ns();
	flow->next = egress->flows;
	flow->at = &egress->flows;
	if (flow->next)
		flow->next->at = &flow->next;
	egress->flows = flow;
	egress->flow_count++;
	return flow;
}

/* Nobody looks at these bytes: they are the host's, for a port that the policy exposes. */
void flow_begin_exposed(struct egress *egress, int fd, int inside, uint16_t port)
{
	static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, [15] = 1 };
	struct flow *flow = flow_new(egress, fd);
	int r;

	if (!flow) {
		fd_close(fd);
		expose_give(egress, inside);
		return;
	}
	flow->exposed = true;
	flow->server_fd = inside;
	flow->look = LOOK_PASS;
	flow->out.budget = LANE_ALL;
	flow->slot = (struct relay_slot){ .port = port, .type = SOCK_STREAM };
	memcpy(flow->slot.addr, loopback, sizeof(loopback));
	options_set(fd);
	r = flow_connect(flow);
	if (r < 0) {
		tell_open(flow, r);
		flow_end(flow, r);
	}
}

static void flow_begin(struct egress *egress, int fd)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	struct flow *flow = flow_new(egress, fd);
	enum egress_reason reason;
	int r;

	if (!flow) {
		fd_close(fd);
		return;
	}
	flow->slot.number = ~0U;
	if (getsockname(fd, (struct sockaddr *)&local, &len) == 0)
		flow->slot = slot_of(egress, (const struct sockaddr *)&local);
	if (flow->slot.number != ~0U && flow->slot.port == DNS_PORT) {
		r = dns_serve(flow);
	} else {
		reason = admit(flow);
		if (reason != EGRESS_NONE) {
			refuse(flow, reason);
			return;
		}
		r = flow_connect(flow);
		if (r < 0)
			tell_open(flow, r);
	}
	if (r < 0)
		flow_end(flow, r);
}

/* ---- no room ---- */

static int full_due(struct timer *timer, uint64_t now_ns)
{
	struct egress *egress = container_of(timer, struct egress, full_timer);
	struct egress_report report = report_new(EGRESS_REFUSED, NULL);

	(void)now_ns;
	report.reason = EGRESS_FULL;
	report.count = egress->turned_away;
	egress->turned_away = 0;
	report_send(egress, &report);
	return 0;
}

/* The connection that was silent for longest, if that is long. */
static struct flow *longest_idle(const struct egress *egress)
{
	uint64_t before_ns = now_monotonic_ns() - IDLE_NS;
	struct flow *found = NULL;

	for (struct flow *flow = egress->flows; flow; flow = flow->next)
		if (flow->last_ns < before_ns && (!found || flow->last_ns < found->last_ns))
			found = flow;
	return found;
}

bool flow_make_room(struct egress *egress)
{
	struct flow *idle;

	if (egress->flow_count < egress->rules.config->flows_max)
		return true;
	idle = longest_idle(egress);
	if (idle)
		flow_end(idle, -ETIMEDOUT);
	return idle;
}

void flow_turn_away(struct egress *egress, int fd)
{
	reset_on_close(fd);
	fd_close(fd);
	if (egress->turned_away++ == 0)
		IGNORE(loop_timer_set(egress->loop, &egress->full_timer, now_monotonic_ns() + FULL_NS,
				      full_due) < 0); /* no memory: told with the next one */
}

static int tcp_ready(struct egress *egress, struct source *source)
{
	for (unsigned int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			break;
		if (flow_make_room(egress))
			flow_begin(egress, fd);
		else
			flow_turn_away(egress, fd);
	}
	return 0;
}

static int tcp4_ready(struct source *source, uint32_t events)
{
	(void)events;
	return tcp_ready(container_of(source, struct egress, tcp[0]), source);
}

static int tcp6_ready(struct source *source, uint32_t events)
{
	(void)events;
	return tcp_ready(container_of(source, struct egress, tcp[1]), source);
}

/* What is set at a listener holds for what it accepts. Urgent bytes are bytes, else what is looked at is not
 * what is passed on. */
static int listener_options(int fd)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int listen_at(struct egress *egress, struct source *source, int fd, int (*handle)(struct source *, uint32_t))
{
	int r = listener_options(fd);

	return r < 0 ? r : loop_add(egress->loop, source, fd, EPOLLIN, handle);
}

int flows_open(struct egress *egress)
{
	int r = listen_at(egress, &egress->tcp[0], EGRESS_FD_TCP4, tcp4_ready);

	if (r < 0 || fcntl(EGRESS_FD_TCP6, F_GETFD) < 0)
		return r;
	return listen_at(egress, &egress->tcp[1], EGRESS_FD_TCP6, tcp6_ready);
}

void flows_close(struct egress *egress)
{
	while (egress->flows)
		flow_end(egress->flows, -ESHUTDOWN);
	loop_timer_clear(egress->loop, &egress->full_timer);
	if (egress->turned_away > 0)
		IGNORE(full_due(&egress->full_timer, 0) < 0); /* returns 0 */
}
