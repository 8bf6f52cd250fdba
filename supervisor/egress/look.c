/* SPDX-License-Identifier: Apache-2.0 */
/* Who a connection is for, by its own bytes. They are looked at where they are (MSG_PEEK) until they are understood.
 * Then exactly these are taken as a copy and passed on from it: what the agent sent without copying (sendfile,
 * splice) lies in pages that it can still change. */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "egress/flow.h"
#include "egress/hello.h"
#include "egress/request_head.h"

#define PEEK_MAX (HELLO_WIRE_MAX + 1U)
#define STATUS_LEN 12U           /* "HTTP/1.1 101" */

static_assert(HEAD_MAX <= HELLO_WIRE_MAX, "one buffer for both");

void flow_name(struct flow *flow, struct slice name)
{
	flow->name_len = (uint8_t)MIN(name.len, sizeof(flow->name) - 1);
	memcpy(flow->name, name.data, flow->name_len);
}

static enum look_result refuse(struct flow *flow, enum egress_reason reason, struct slice name)
{
	struct egress_report report = report_new(EGRESS_REFUSED, &flow->slot);

	report.reason = reason;
	report_name(&report, name.len > 0 ? name : slice_new(flow->name, flow->name_len));
	report_send(flow->egress, &report);
	return LOOK_REFUSED;
}

/* A name that the connection says it is for: on the list, and one of this very address. A request to a
 * proxy names a third party, which must be on the list itself. */
static enum egress_reason judge_name(const struct flow *flow, struct slice name, uint16_t port,
				     bool third_party)
{
	const struct egress_rules *rules = &flow->egress->rules;
	char clean[NET_NAME_MAX + 1];
	bool denied;
	int len = net_name_clean(name, clean);

	if (len < 0)
		return flow->listed && !third_party ? EGRESS_NONE : EGRESS_NAME_NOT_LISTED;
	name = slice_new(clean, (size_t)len);
	if (net_names_decide(rules->names, rules->config->name_count, name, port, &denied) == NET_DENY)
		return flow->listed && !denied && !third_party ? EGRESS_NONE : EGRESS_NAME_NOT_LISTED;
	if (flow->listed || third_party)
		return EGRESS_NONE;
	return answers_has(flow->egress->answers, name, flow->slot.addr, flow->last_ns) ?
	       EGRESS_NONE : EGRESS_NAME_ELSEWHERE;
}

static enum look_result pass(struct flow *flow)
{
	flow->look = LOOK_PASS;
	flow->out.budget = LANE_ALL;
	return LOOK_GO;
}

static enum look_result look_hello(struct flow *flow, struct slice bytes)
{
	struct hello_name sni;
	struct slice name;
	enum egress_reason reason;

	switch (hello_parse(bytes, &sni)) {
	case HELLO_MORE:
		return LOOK_WAIT;
	case HELLO_NO_NAME:
		return pass(flow);
	case HELLO_NAME:
		break;
	case HELLO_NOT_TLS:
	case HELLO_BAD:
		return refuse(flow, EGRESS_MALFORMED, slice_of(""));
	}
	name = slice_new(sni.bytes, sni.len);
	reason = judge_name(flow, name, flow->tunnel ? flow->tunnel_port : flow->slot.port, flow->tunnel);
	if (reason != EGRESS_NONE)
		return refuse(flow, reason, name);
	flow_name(flow, name);
	return pass(flow);
}

static enum look_result take_head(struct flow *flow, const struct request_head *head)
{
	uint16_t port = head->absolute ? head->port : flow->tunnel ? flow->tunnel_port : flow->slot.port;
	enum egress_reason reason = EGRESS_NONE;

	if (head->host.len > 0)
		reason = judge_name(flow, head->host, port, head->absolute || flow->tunnel);
	if (reason != EGRESS_NONE)
		return refuse(flow, reason, head->host);
	/* Later on a connection it cannot be told which answer belongs to it. */
	if (head->connect && (flow->requests > 0 || flow->tunnel || head->chunked))
		return refuse(flow, EGRESS_MALFORMED, head->host);
	if (head->host.len > 0)
		flow_name(flow, head->host);
	if (head->connect) {
		flow->await = AWAIT_CONNECT;
		flow->tunnel_port = head->port;
	} else if (head->upgrade && flow->requests == 0) {
		flow->await = AWAIT_UPGRADE;
	}
	flow->requests++;
	flow->look = head->chunked ? LOOK_CHUNK : LOOK_HEAD;
	flow->out.budget = head->len + (head->connect ? 0 : head->body);
	return LOOK_GO;
}

static enum look_result look_head(struct flow *flow, struct slice bytes)
{
	struct request_head head;

	if (flow->look == LOOK_HEAD && slice_starts(bytes, slice_of("\r\n"))) {
		flow->out.budget = 2;    /* RFC 9112, 2.2: an empty line before a request */
		return LOOK_GO;
	}
	switch (request_head_parse(bytes, flow->look == LOOK_FIRST, &head)) {
	case HEAD_MORE:
		return LOOK_WAIT;
	case HEAD_NOT_HTTP:
		return pass(flow);
	case HEAD_BAD:
		return refuse(flow, EGRESS_MALFORMED, slice_of(""));
	case HEAD_DONE:
		return take_head(flow, &head);
	}
	return LOOK_REFUSED;
}

static enum look_result look_body(struct flow *flow, struct slice bytes)
{
	enum head_result result;
	bool last = false;
	uint64_t len = 0;

	if (flow->look == LOOK_CHUNK)
		result = chunk_parse(bytes, &len, &last);
	else
		result = trailers_parse(bytes, &len);
	if (result == HEAD_MORE)
		return LOOK_WAIT;
	if (result != HEAD_DONE)
		return refuse(flow, EGRESS_MALFORMED, slice_of(""));
	if (flow->look == LOOK_TRAILERS)
		flow->look = LOOK_HEAD;
	else if (last)
		flow->look = LOOK_TRAILERS;
	flow->out.budget = len;
	return LOOK_GO;
}

/* The bytes that were judged, and no others, go out: into the pipe, by value. */
static enum look_result take_judged(struct flow *flow, const char *judged)
{
	static char copy[PEEK_MAX];
	struct lane *lane = &flow->out;
	size_t len = (size_t)MIN((uint64_t)flow->looked, lane->budget);

	if (recv(flow->client_fd, copy, len, MSG_DONTWAIT) != (ssize_t)len ||
	    memcmp(copy, judged, len) != 0)
		return refuse(flow, EGRESS_MALFORMED, slice_of(""));
	if (!lane->pipe)
		lane->pipe = pipe_take(flow->egress);
	if (!lane->pipe)
		return LOOK_BROKEN;
	lane->in_pipe = len;             /* also of a part: such a pipe is not used again */
	if (write(lane->pipe->write_fd, copy, len) != (ssize_t)len)
		return LOOK_BROKEN;
	if (lane->budget != LANE_ALL)
		lane->budget -= len;
	return LOOK_GO;
}

static enum look_result judge(struct flow *flow, struct slice bytes)
{
	switch (flow->look) {
	case LOOK_FIRST:
		return bytes.data[0] == 22 ? look_hello(flow, bytes) : look_head(flow, bytes);
	case LOOK_HEAD:
		return look_head(flow, bytes);
	case LOOK_CHUNK:
	case LOOK_TRAILERS:
		return look_body(flow, bytes);
	case LOOK_PASS:
		break;
	}
	return pass(flow);
}

enum look_result flow_look(struct flow *flow)
{
	static char peeked[PEEK_MAX];
	ssize_t n = recv(flow->client_fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT);
	struct slice bytes = slice_new(peeked, n > 0 ? (size_t)n : 0);
	enum look_result result;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? LOOK_WAIT : LOOK_END;
	if (n == 0)
		return LOOK_END;
	flow->looked = bytes.len;
	result = judge(flow, bytes);
	return result == LOOK_GO ? take_judged(flow, peeked) : result;
}

bool flow_look_response(struct flow *flow)
{
	char status[STATUS_LEN];
	ssize_t n = recv(flow->server_fd, status, sizeof(status), MSG_PEEK | MSG_DONTWAIT);
	bool http = n >= 7 && memcmp(status, "HTTP/1.", 7) == 0;

	if (n > 0 && n < (ssize_t)sizeof(status) && !flow->in.from_eof &&
	    memcmp(status, "HTTP/1.", MIN((size_t)n, 7U)) == 0)
		return false;
	if (flow->await == AWAIT_UPGRADE && http && memcmp(status + 9, "101", 3) == 0)
		pass(flow);
	if (flow->await == AWAIT_CONNECT && http && status[9] == '2') {
		flow->tunnel = true;
		flow->look = LOOK_FIRST;
	}
	flow->await = AWAIT_NOTHING;
	return true;
}
