/* SPDX-License-Identifier: Apache-2.0 */
/* DNS for the run: every question of it comes here, whatever server it asked. Names of the list are
 * asked for, others do not exist. Only A and AAAA are answered: what else DNS says about a name (other
 * ports, other hosts, keys that hide the name of a TLS connection) would lead past the relay. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "egress/address.h"
#include "egress/egress.h"
#include "egress/query.h"

#define BATCH 32U
#define TTL_MAX 300U             /* seconds; what a run may keep */
#define TTL_MIN 1U
#define CLASS_IN 1U
#define NS_PER_S 1000000000ULL

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* ---- answers ---- */

static void send_datagram(const struct asker *asker, const uint8_t *message, size_t len)
{
	union control control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = len };
	struct msghdr header = { .msg_name = (void *)(uintptr_t)&asker->from, .msg_namelen = asker->from_len,
				 .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes };
	bool v4 = asker->to.ss_family == AF_INET;
	const struct sockaddr_in *in = (const void *)&asker->to;
	const struct sockaddr_in6 *in6 = (const void *)&asker->to;
	struct in6_pktinfo info6 = { 0 };
	struct in_pktinfo info4 = { 0 };
	size_t size = v4 ? sizeof(info4) : sizeof(info6);
	struct cmsghdr *cmsg = &control.align;

	header.msg_controllen = CMSG_SPACE(size);
	cmsg->cmsg_len = CMSG_LEN(size);
	cmsg->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	cmsg->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
	if (v4)
		info4.ipi_spec_dst = in->sin_addr;
	else
		info6.ipi6_addr = in6->sin6_addr;
	memcpy(CMSG_DATA(cmsg), v4 ? (void *)&info4 : (void *)&info6, size);
	/* Full or gone: whoever wants to know asks again. */
	IGNORE(sendmsg(asker->udp_fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
}

static void answer(const struct asker *asker, const struct dns_question *question, enum dns_rcode rcode,
		   uint32_t ttl, const uint8_t (*addrs)[16], size_t count)
{
	uint8_t message[DNS_MESSAGE_MAX];
	size_t len = dns_write_answer(message, question, rcode, ttl, addrs, count);

	if (asker->flow)
		flow_dns_answer(asker->flow, message, len);
	else
		send_datagram(asker, message, len);
}

static struct slice name_of(const struct dns_question *question)
{
	return slice_new(question->name, question->name_len);
}

/* Whether the name may be connected to at this address, at some port that the list names for it. */
static bool is_usable(struct egress *egress, struct slice name, const uint8_t addr[16])
{
	for (uint32_t i = 0; i < egress->rules.config->name_count; i++) {
		const struct net_name *rule = &egress->rules.names[i];
		uint16_t port = rule->port_first ? rule->port_first : 443;

		if (rule->verdict == NET_ALLOW && net_name_covers(rule, name) &&
		    egress_address(egress, addr, port) != ADDRESS_REFUSED)
			return true;
	}
	return false;
}

static void tell(struct egress *egress, const struct asker *asker, const struct dns_question *question,
		 enum egress_reason reason, const uint8_t (*addrs)[16], size_t count)
{
	struct egress_report report = report_new(reason ? EGRESS_REFUSED : EGRESS_DNS, &asker->slot);

	report.reason = reason;
	report.answer_count = (uint32_t)count;
	if (count > 0)
		memcpy(report.answers, addrs, count * sizeof(report.answers[0]));
	report_name(&report, name_of(question));
	report_send(egress, &report);
}

static void resolved(struct query *query, const struct dns_answers *answers)
{
	struct egress *egress = query->egress;
	struct slice name = name_of(&query->question);
	uint8_t kept[EGRESS_ANSWERS_MAX][16];
	size_t count = 0;
	uint32_t ttl;

	if (!answers || (answers->rcode != DNS_OK && answers->rcode != DNS_NXDOMAIN)) {
		tell(egress, &query->asker, &query->question, EGRESS_NOT_RESOLVED, NULL, 0);
		answer(&query->asker, &query->question, DNS_SERVFAIL, 0, NULL, 0);
		return;
	}
	for (uint32_t i = 0; i < answers->count; i++)
		if (is_usable(egress, name, answers->addrs[i]))
			memcpy(kept[count++], answers->addrs[i], sizeof(kept[0]));
	ttl = MIN(MAX(answers->ttl, TTL_MIN), TTL_MAX);
	if (count > 0)
		answers_put(egress->answers, name, query->question.type, (const void *)kept, count,
			    ttl * NS_PER_S, now_monotonic_ns());
	if (answers->count > 0 && count == 0)
		tell(egress, &query->asker, &query->question, EGRESS_REBINDING,
		     (const void *)answers->addrs, answers->count);
	else if (count > 0)
		tell(egress, &query->asker, &query->question, EGRESS_NONE, (const void *)kept, count);
	answer(&query->asker, &query->question, answers->rcode, ttl, (const void *)kept, count);
}

/* ---- questions ---- */

static bool is_below(struct slice name, const char *top)
{
	size_t len = strlen(top);

	return name.len >= len && memcmp(name.data + name.len - len, top, len) == 0 &&
	       (name.len == len || name.data[name.len - len - 1] == '.');
}

/* RFC 6761: the loopback of the run, which is its own. */
static void answer_localhost(const struct asker *asker, const struct dns_question *question)
{
	uint8_t addr[1][16] = { { [15] = 1 } };

	if (question->type == DNS_A)
		memcpy(addr[0], (uint8_t[16]){ [10] = 0xff, 0xff, 127, [15] = 1 }, 16);
	answer(asker, question, DNS_OK, TTL_MAX, (const void *)addr,
	       question->type == DNS_A || question->type == DNS_AAAA ? 1 : 0);
}

static void refuse_name(struct egress *egress, const struct asker *asker,
			const struct dns_question *question)
{
	struct egress_report report = report_new(EGRESS_REFUSED, &asker->slot);

	report.reason = EGRESS_NAME_NOT_LISTED;
	answer(asker, question, DNS_NXDOMAIN, 0, NULL, 0);
	/* Names of addresses are asked for by programs that only want to show them. */
	if (!is_below(name_of(question), "arpa"))
		report_refused_name(egress, &report, name_of(question), now_monotonic_ns());
}

static void serve(struct egress *egress, const struct asker *asker, const struct dns_question *question)
{
	struct slice name = name_of(question);
	const struct answer *known;

	if (question->class != CLASS_IN) {
		answer(asker, question, DNS_REFUSED, 0, NULL, 0);
		return;
	}
	if (question->name_ok && is_below(name, "localhost")) {
		answer_localhost(asker, question);
		return;
	}
	if (!question->name_ok || !rules_name_allowed(&egress->rules, name, NET_PORT_ANY)) {
		refuse_name(egress, asker, question);
		return;
	}
	if (question->type != DNS_A && question->type != DNS_AAAA) {
		answer(asker, question, DNS_OK, 0, NULL, 0);
		return;
	}
	known = answers_fresh(egress->answers, name, question->type, now_monotonic_ns());
	if (known)
		answer(asker, question, DNS_OK, TTL_MIN, (const void *)known->addrs, known->count);
	else if (query_start(egress, question, asker, resolved) < 0)
		answer(asker, question, DNS_SERVFAIL, 0, NULL, 0);
}

static void take(struct egress *egress, struct slice message, const struct asker *asker)
{
	struct dns_question question;
	int r = dns_parse_question(message, &question);

	if (r == 0)
		serve(egress, asker, &question);
	else if (r == -ENOTSUP)
		answer(asker, &question, DNS_NOTIMP, 0, NULL, 0);
	else if (asker->flow)
		flow_dns_answer(asker->flow, NULL, 0);
}

void dns_ask(struct egress *egress, struct slice message, const struct relay_slot *slot,
	     struct flow *flow)
{
	struct asker asker = { .slot = *slot, .flow = flow, .udp_fd = FD_NONE };

	take(egress, message, &asker);
}

void dns_forget(struct egress *egress, const struct flow *flow)
{
	struct query *next;

	for (struct query *query = egress->queries; query; query = next) {
		next = query->next;
		if (query->asker.flow == flow)
			query_free(query);
	}
}

/* ---- datagrams ---- */

static bool take_destination(const struct msghdr *header, struct sockaddr_storage *to)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR((struct msghdr *)(uintptr_t)header, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			((struct sockaddr_in *)(void *)to)->sin_addr = info.ipi_addr;
			to->ss_family = AF_INET;
			return true;
		}
		if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			((struct sockaddr_in6 *)(void *)to)->sin6_addr = info.ipi6_addr;
			to->ss_family = AF_INET6;
			return true;
		}
	}
	return false;
}

/* A datagram that is no question: the socket was only connected, which the hook lets pass. */
static void refuse_datagram(struct egress *egress, const struct relay_slot *slot)
{
	struct egress_report report = report_new(EGRESS_REFUSED, slot);

	report.reason = slot->number == ~0U ? EGRESS_LOST : EGRESS_DATAGRAM;
	report.protocol = IPPROTO_UDP;
	report_send(egress, &report);
}

static int receive(struct egress *egress, int fd)
{
	static uint8_t bytes[DNS_ANSWER_MAX];
	struct asker asker = { .udp_fd = fd, .from_len = sizeof(asker.from) };
	union control control;
	struct iovec part = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr header = { .msg_name = &asker.from, .msg_namelen = sizeof(asker.from), .msg_iov = &part,
				 .msg_iovlen = 1, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(fd, &header, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	asker.from_len = header.msg_namelen;
	if (!take_destination(&header, &asker.to) || header.msg_flags & MSG_TRUNC)
		return 0;
	asker.slot = slot_of(egress, (const struct sockaddr *)&asker.to);
	if (asker.slot.number == ~0U || asker.slot.port != 53)
		refuse_datagram(egress, &asker.slot);
	else
		take(egress, slice_new(bytes, (size_t)n), &asker);
	return 1;
}

static int udp_ready(struct egress *egress, struct source *source)
{
	for (unsigned int i = 0; i < BATCH; i++)
		if (receive(egress, source->fd) == -EAGAIN)
			break;
	return 0;
}

static int udp4_ready(struct source *source, uint32_t events)
{
	(void)events;
	return udp_ready(container_of(source, struct egress, udp[0]), source);
}

static int udp6_ready(struct source *source, uint32_t events)
{
	(void)events;
	return udp_ready(container_of(source, struct egress, udp[1]), source);
}

int dns_open(struct egress *egress)
{
	int r;

	egress->answers = calloc(1, sizeof(*egress->answers));
	if (!egress->answers)
		return -ENOMEM;
	r = loop_add(egress->loop, &egress->udp[0], EGRESS_FD_UDP4, EPOLLIN, udp4_ready);
	if (r < 0 || fcntl(EGRESS_FD_UDP6, F_GETFD) < 0)
		return r;
	return loop_add(egress->loop, &egress->udp[1], EGRESS_FD_UDP6, EPOLLIN, udp6_ready);
}

void dns_close(struct egress *egress)
{
	while (egress->queries)
		query_free(egress->queries);
	free(TAKE(egress->answers));
}
