/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035) as far as a relay needs them: one question, answers of A, AAAA and CNAME. Pure;
 * any bytes give 0 or a negative errno. Nothing of a message is passed on: questions and answers are
 * written anew. */
#ifndef EGRESS_DNS_CODEC_H
#define EGRESS_DNS_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "egress/wire.h"

#define DNS_A 1U
#define DNS_CNAME 5U
#define DNS_AAAA 28U
#define DNS_MESSAGE_MAX 512U     /* of what we write */
#define DNS_ANSWER_MAX 4096U     /* of what we read from resolvers */
#define DNS_HOPS_MAX 16U         /* of a chain of CNAMEs */

enum dns_rcode { DNS_OK, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };

struct dns_question {
	uint16_t id, type, class;
	bool recursion;          /* wanted */
	bool name_ok;            /* `name` is clean; else its bytes, for the record only */
	uint8_t name_len;
	char name[256];
	uint16_t raw_len;        /* the question's bytes as they came, to be repeated */
	uint8_t raw[260];
};

struct dns_answers {
	enum dns_rcode rcode;
	bool truncated;          /* ask by TCP */
	uint32_t ttl;            /* the least on the way, seconds */
	uint32_t count;          /* at most EGRESS_ANSWERS_MAX are kept */
	uint8_t addrs[EGRESS_ANSWERS_MAX][16];
};

/* A query from the run. Returns 0; -EBADMSG: not worth an answer; -ENOTSUP: *ret is good enough for an
 * answer with an error (more than one question, another opcode). */
int dns_parse_question(struct slice message, struct dns_question *ret) MUST_USE;
/* A query of ours to a resolver, with EDNS0. Returns its length. */
size_t dns_write_query(uint8_t to[DNS_MESSAGE_MAX], uint16_t id, struct slice name, uint16_t type);
/* What a resolver said to that query. Follows CNAMEs from `name` on inside the message; records that
 * are not on the way are not looked at. Returns 0, or -EBADMSG: not an answer to this query. */
int dns_parse_answer(struct slice message, uint16_t id, struct slice name, uint16_t type,
		     struct dns_answers *ret) MUST_USE;
/* The answer for the run. Returns its length. */
size_t dns_write_answer(uint8_t to[DNS_MESSAGE_MAX], const struct dns_question *question,
			enum dns_rcode rcode, uint32_t ttl, const uint8_t (*addrs)[16], size_t count);

#endif
