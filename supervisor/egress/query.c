/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/query.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "egress/address.h"

#define TRY_NS 1500000000ULL
#define ROUNDS 2U

static int next_try(struct query *query);

struct query *query_free(struct query *query)
{
	if (!query)
		return NULL;
	loop_remove(query->egress->loop, &query->source);
	loop_timer_clear(query->egress->loop, &query->timer);
	fd_close(query->fd);
	if (query->next)
		query->next->at = query->at;
	*query->at = query->next;
	query->egress->query_count--;
	free(query);
	return NULL;
}

static void finish(struct query *query, const struct dns_answers *answers)
{
	query->done(query, answers);
	query_free(query);
}

static struct slice name_of(const struct query *query)
{
	return slice_new(query->question.name, query->question.name_len);
}

static void judge(struct query *query, struct slice message)
{
	struct dns_answers answers;

	if (dns_parse_answer(message, query->id, name_of(query), query->question.type, &answers) < 0)
		return;                  /* not for us: the right one may still come */
	if (answers.truncated && !query->tcp) {
		query->tcp = true;
		query->tries--;
		if (next_try(query) < 0)
			finish(query, NULL);
		return;
	}
	/* Another resolver may be in better health. */
	if (answers.rcode != DNS_OK && answers.rcode != DNS_NXDOMAIN) {
		if (next_try(query) < 0)
			finish(query, &answers);
		return;
	}
	finish(query, &answers);
}

static int udp_ready(struct source *source, uint32_t events)
{
	struct query *query = container_of(source, struct query, source);
	ssize_t n = recv(query->fd, query->answer, DNS_ANSWER_MAX, MSG_DONTWAIT);

	(void)events;
	if (n > 0)
		judge(query, slice_new(query->answer, (size_t)n));
	else if (n < 0 && errno != EAGAIN && next_try(query) < 0)
		finish(query, NULL);     /* refused by its host */
	return 0;
}

static int tcp_send(struct query *query)
{
	uint8_t bytes[2 + DNS_MESSAGE_MAX];
	size_t len = dns_write_query(bytes + 2, query->id, name_of(query), query->question.type);

	bytes[0] = (uint8_t)(len >> 8);
	bytes[1] = (uint8_t)len;
	if (send(query->fd, bytes, len + 2, MSG_NOSIGNAL) != (ssize_t)(len + 2))
		return -EPIPE;
	return loop_change(query->egress->loop, &query->source, EPOLLIN);
}

static int tcp_ready(struct source *source, uint32_t events)
{
	struct query *query = container_of(source, struct query, source);
	size_t want = query->got < 2 ? 2 : 2 + ((size_t)query->answer[0] << 8 | query->answer[1]);
	ssize_t n = -1;
	int r = 0;

	if (events & EPOLLOUT)
		r = tcp_send(query);
	else if (want <= sizeof(query->answer))
		n = recv(query->fd, query->answer + query->got, want - query->got, MSG_DONTWAIT);
	else
		r = -EMSGSIZE;
	if (r < 0 || n == 0 || (n < 0 && !(events & EPOLLOUT) && errno != EAGAIN)) {
		if (next_try(query) < 0)
			finish(query, NULL);
		return 0;
	}
	query->got += n > 0 ? (size_t)n : 0;
	if (query->got > 2 && query->got == 2 + ((size_t)query->answer[0] << 8 | query->answer[1])) {
		size_t len = query->got - 2;

		query->got = 0;
		judge(query, slice_new(query->answer + 2, len));
	}
	return 0;
}

static int late(struct timer *timer, uint64_t now_ns)
{
	struct query *query = container_of(timer, struct query, timer);

	(void)now_ns;
	if (next_try(query) < 0)
		finish(query, NULL);
	return 0;
}

static int send_now(struct query *query, const struct egress_resolver *resolver)
{
	int type = (query->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_storage to;
	socklen_t to_len = address_to_sockaddr(resolver->addr, resolver->port, &to);
	uint8_t bytes[DNS_MESSAGE_MAX];
	size_t len;

	query->fd = socket(to.ss_family, type, 0);
	if (query->fd < 0)
		return -errno;
	if (connect(query->fd, (const struct sockaddr *)&to, to_len) < 0 && errno != EINPROGRESS)
		return -errno;
	query->got = 0;
	if (query->tcp)
		return loop_add(query->egress->loop, &query->source, query->fd, EPOLLOUT, tcp_ready);
	len = dns_write_query(bytes, query->id, name_of(query), query->question.type);
	if (send(query->fd, bytes, len, MSG_NOSIGNAL) < 0)
		return -errno;
	return loop_add(query->egress->loop, &query->source, query->fd, EPOLLIN, udp_ready);
}

/* Asks the next resolver, from a new port and with a new number. */
static int next_try(struct query *query)
{
	struct egress *egress = query->egress;

	while (query->tries < ROUNDS * egress->resolver_count) {
		uint32_t which = query->tries++ % egress->resolver_count;

		loop_remove(egress->loop, &query->source);
		query->fd = fd_close(query->fd);
		if (getrandom(&query->id, sizeof(query->id), 0) != (ssize_t)sizeof(query->id))
			return -EIO;
		if (send_now(query, &egress->resolvers[which]) == 0)
			return loop_timer_set(egress->loop, &query->timer, now_monotonic_ns() + TRY_NS, late);
	}
	return -ETIMEDOUT;
}

int query_start(struct egress *egress, const struct dns_question *question, const struct asker *asker,
		void (*done)(struct query *, const struct dns_answers *))
{
	struct query *query;
	int r;

	if (egress->query_count >= QUERIES_MAX)
		return -EAGAIN;
	query = calloc(1, sizeof(*query));
	if (!query)
		return -ENOMEM;
	query->egress = egress;
	query->question = *question;
	query->asker = *asker;
	query->fd = FD_NONE;
	query->done = done;
	query->next = egress->queries;
	query->at = &egress->queries;
	if (query->next)
		query->next->at = &query->next;
	egress->queries = query;
	egress->query_count++;
	r = next_try(query);
	if (r < 0)
		query_free(query);
	return r;
}
