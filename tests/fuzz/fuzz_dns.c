// SPDX-License-Identifier: Apache-2.0
/* DNS from both sides: a question that is taken can be answered, and the answer is read back; an answer of
 * a resolver has at most the addresses that fit. */
#include <assert.h>

#include "base/cleanup.h"
#include "egress/dns_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void question(struct slice message)
{
	static const uint8_t addrs[EGRESS_ANSWERS_MAX][16] = { { 1 }, { 2 }, { 3 } };
	struct dns_question question = { 0 };
	struct dns_answers answers;
	uint8_t to[DNS_MESSAGE_MAX];
	size_t len;

	if (dns_parse_question(message, &question) < 0)
		return;
	len = dns_write_answer(to, &question, DNS_OK, 60, addrs, EGRESS_ANSWERS_MAX);
	assert(len <= sizeof(to));
	if (!question.name_ok || question.class != 1 || (question.type != DNS_A && question.type != DNS_AAAA))
		return;
	assert(dns_parse_answer(slice_new(to, len), question.id,
				slice_new(question.name, question.name_len), question.type, &answers) == 0);
	assert(answers.count == EGRESS_ANSWERS_MAX && answers.ttl == 60);
}

/* The first byte says which side it comes from. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answers answers;
	uint16_t id;

	if (size < 3)
		return 0;
	if (data[0] & 1) {
		question(slice_new(data + 1, size - 1));
		return 0;
	}
	id = (uint16_t)(data[1] << 8 | data[2]);
	if (dns_parse_answer(slice_new(data + 1, size - 1), id, slice_of("a.test"), DNS_A, &answers) == 0)
		assert(answers.count <= EGRESS_ANSWERS_MAX);
	return 0;
}
