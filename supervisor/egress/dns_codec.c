/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns_codec.h"

#include <errno.h>

#define HEAD_LEN 12U
#define CLASS_IN 1U
#define TYPE_OPT 41U
#define UDP_PAYLOAD 1232U        /* what fits everywhere without fragments (DNS flag day 2020) */
#define POINTERS_MAX 32U
#define RECORDS_MAX 256U

#define FLAG_QR 0x8000U
#define FLAG_TC 0x0200U
#define FLAG_RD 0x0100U
#define FLAG_RA 0x0080U

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Reads the name at *at as text with dots, and moves *at behind it. Pointers must go backwards, so it
 * ends. Returns its length (0 = the root), or -EBADMSG. */
static int read_name(struct slice message, size_t *at, char to[256])
{
	const uint8_t *bytes = (const uint8_t *)message.data;
	size_t here = *at, low = *at, len = 0;
	bool jumped = false;

	for (unsigned int jumps = 0; jumps <= POINTERS_MAX;) {
		size_t label;

		if (here >= message.len)
			return -EBADMSG;
		label = bytes[here];
		if (label >= 0xc0) {
			if (here + 1 >= message.len)
				return -EBADMSG;
			if (!jumped)
				*at = here + 2;
			here = (label & 0x3f) << 8 | bytes[here + 1];
			if (here >= low)
				return -EBADMSG;
			low = here;
			jumped = true;
			jumps++;
			continue;
		}
		if (label > 63 || here + 1 + label > message.len || len + label + 1 > 255)
			return -EBADMSG;
		here += 1 + label;
		if (label == 0) {
			if (!jumped)
				*at = here;
			to[len] = '\0';
			return (int)len;
		}
		if (len > 0)
			to[len++] = '.';
		memcpy(to + len, bytes + here - label, label);
		len += label;
	}
	return -EBADMSG;
}

/* A dot or a NUL inside a label would look like two labels, or like an end. */
static bool label_bytes_ok(const uint8_t *wire, size_t len)
{
	for (size_t at = 0; at < len && wire[at] != 0;) {
		size_t label = wire[at++];

		for (size_t i = 0; i < label && at < len; i++, at++)
			if (wire[at] == '.' || wire[at] == '\0')
				return false;
	}
	return true;
}

int dns_parse_question(struct slice message, struct dns_question *ret)
{
	const uint8_t *bytes = (const uint8_t *)message.data;
	struct dns_question question = { 0 };
	size_t at = HEAD_LEN;
	char text[256], clean[NET_NAME_MAX + 1];
	uint16_t flags;
	int len;

	if (message.len < HEAD_LEN || message.len > DNS_ANSWER_MAX || bytes[2] & 0x80)
		return -EBADMSG;
	flags = get16(bytes + 2);
	question.id = get16(bytes);
	question.recursion = flags & FLAG_RD;
	if (flags >> 11 || get16(bytes + 4) != 1) {
		*ret = question;
		return -ENOTSUP;
	}
	len = read_name(message, &at, text);
	/* A pointer in the question has nothing before it that it could point to. */
	if (len < 0 || at - HEAD_LEN != (len > 0 ? (size_t)len + 2 : 1) || at + 4 > message.len || at + 4 - HEAD_LEN > sizeof(question.raw))
		return -EBADMSG;
	question.type = get16(bytes + at);
	question.class = get16(bytes + at + 2);
	question.raw_len = (uint16_t)(at + 4 - HEAD_LEN);
	memcpy(question.raw, bytes + HEAD_LEN, question.raw_len);
	memcpy(question.name, text, (size_t)len);
	question.name_len = (uint8_t)len;
	if (label_bytes_ok(bytes + HEAD_LEN, at - HEAD_LEN) &&
	    net_name_clean(slice_new(text, (size_t)len), clean) == len) {
		question.name_ok = true;
		memcpy(question.name, clean, (size_t)len);
	}
	*ret = question;
	return 0;
}

/* `name` is clean, so its labels are of legal length. */
static size_t write_name(uint8_t *to, struct slice name)
{
	size_t at = 0, from = 0;

	while (from < name.len) {
		const char *dot = memchr(name.data + from, '.', name.len - from);
		size_t len = dot ? (size_t)(dot - name.data) - from : name.len - from;

		to[at++] = (uint8_t)len;
		memcpy(to + at, name.data + from, len);
		at += len;
		from += len + 1;
	}
	to[at++] = 0;
	return at;
}

size_t dns_write_query(uint8_t to[DNS_MESSAGE_MAX], uint16_t id, struct slice name, uint16_t type)
{
	size_t at = HEAD_LEN;

	memset(to, 0, HEAD_LEN);
	put16(to, id);
	put16(to + 2, FLAG_RD);
	put16(to + 4, 1);
	put16(to + 10, 1);
	at += write_name(to + at, name);
	put16(to + at, type);
	put16(to + at + 2, CLASS_IN);
	at += 4;
	memset(to + at, 0, 11);
	put16(to + at + 1, TYPE_OPT);
	put16(to + at + 3, UDP_PAYLOAD);
	return at + 11;
}

struct record {
	char name[256];
	int name_len;
	uint16_t type, class, data_len;
	uint32_t ttl;
	size_t data;             /* offset */
};

static int read_record(struct slice message, size_t *at, struct record *ret)
{
	const uint8_t *bytes = (const uint8_t *)message.data;

	ret->name_len = read_name(message, at, ret->name);
	if (ret->name_len < 0 || *at + 10 > message.len)
		return -EBADMSG;
	ret->type = get16(bytes + *at);
	ret->class = get16(bytes + *at + 2);
	ret->ttl = get32(bytes + *at + 4);
	ret->data_len = get16(bytes + *at + 8);
	ret->data = *at + 10;
	if (ret->data + ret->data_len > message.len)
		return -EBADMSG;
	*at = ret->data + ret->data_len;
	return 0;
}

static bool same_name(const char *text, int len, struct slice clean)
{
	char own[NET_NAME_MAX + 1];

	/* Targets of CNAMEs may have other bytes than names of hosts; they are compared as they are. */
	if (len >= 0 && net_name_clean(slice_new(text, (size_t)len), own) == len)
		return (size_t)len == clean.len && memcmp(own, clean.data, clean.len) == 0;
	return len >= 0 && (size_t)len == clean.len && memcmp(text, clean.data, clean.len) == 0;
}

static void keep_address(struct slice message, const struct record *record, uint16_t type,
			 struct dns_answers *answers)
{
	uint8_t *to = answers->addrs[answers->count];

	if (answers->count == EGRESS_ANSWERS_MAX || record->data_len != (type == DNS_A ? 4 : 16))
		return;
	memset(to, 0, 16);
	if (type == DNS_A)
		to[10] = to[11] = 0xff;
	memcpy(to + 16 - record->data_len, message.data + record->data, record->data_len);
	answers->ttl = MIN(answers->ttl, record->ttl);
	answers->count++;
}

/* One walk over the answers: keeps the addresses of `name`, and where its CNAME leads. */
static int walk(struct slice message, size_t at, unsigned int records, struct slice name, uint16_t type,
		struct dns_answers *answers, char next[256], int *ret_next_len)
{
	*ret_next_len = -1;
	for (unsigned int i = 0; i < records; i++) {
		struct record record;
		size_t target;
		int r = read_record(message, &at, &record);

		if (r < 0)
			return r;
		if (record.class != CLASS_IN || !same_name(record.name, record.name_len, name))
			continue;
		if (record.type == type)
			keep_address(message, &record, type, answers);
		if (record.type != DNS_CNAME || *ret_next_len >= 0)
			continue;
		target = record.data;
		*ret_next_len = read_name(message, &target, next);
		if (*ret_next_len < 0 || target != record.data + record.data_len)
			return -EBADMSG;
		answers->ttl = MIN(answers->ttl, record.ttl);
	}
	return 0;
}

static int follow(struct slice message, size_t at, unsigned int records, struct slice name, uint16_t type,
		  struct dns_answers *answers)
{
	char here[256], next[256], clean[NET_NAME_MAX + 1];
	struct slice now = name;
	int next_len, r;

	for (unsigned int hop = 0; hop < DNS_HOPS_MAX; hop++) {
		r = walk(message, at, records, now, type, answers, next, &next_len);
		if (r < 0)
			return r;
		if (answers->count > 0 || next_len <= 0)
			return 0;
		if (net_name_clean(slice_new(next, (size_t)next_len), clean) == next_len)
			memcpy(next, clean, (size_t)next_len);
		memcpy(here, next, (size_t)next_len);
		now = slice_new(here, (size_t)next_len);
	}
	return 0;                        /* a circle: no address */
}

int dns_parse_answer(struct slice message, uint16_t id, struct slice name, uint16_t type,
		     struct dns_answers *ret)
{
	const uint8_t *bytes = (const uint8_t *)message.data;
	struct dns_answers answers = { .ttl = UINT32_MAX };
	unsigned int records;
	size_t at = HEAD_LEN;
	char asked[256];
	uint16_t flags;
	int len, r;

	if (message.len < HEAD_LEN || get16(bytes) != id)
		return -EBADMSG;
	flags = get16(bytes + 2);
	if (!(flags & FLAG_QR) || (flags >> 11 & 15) != 0 || get16(bytes + 4) != 1)
		return -EBADMSG;
	len = read_name(message, &at, asked);
	if (len < 0 || at + 4 > message.len || !same_name(asked, len, name) ||
	    get16(bytes + at) != type || get16(bytes + at + 2) != CLASS_IN)
		return -EBADMSG;
	answers.rcode = (enum dns_rcode)(flags & 15);
	answers.truncated = flags & FLAG_TC;
	records = MIN((unsigned int)get16(bytes + 6), RECORDS_MAX);
	if (answers.rcode == DNS_OK && !answers.truncated) {
		r = follow(message, at + 4, records, name, type, &answers);
		if (r < 0)
			return r;
	}
	if (answers.count == 0)
		answers.ttl = 0;
	*ret = answers;
	return 0;
}

size_t dns_write_answer(uint8_t to[DNS_MESSAGE_MAX], const struct dns_question *question,
			enum dns_rcode rcode, uint32_t ttl, const uint8_t (*addrs)[16], size_t count)
{
	size_t at = HEAD_LEN, len = question->type == DNS_AAAA ? 16 : 4;
	uint32_t flags = FLAG_QR | FLAG_RA | (question->recursion ? FLAG_RD : 0) | (uint32_t)rcode;
	size_t fit;

	memset(to, 0, HEAD_LEN);
	put16(to, question->id);
	put16(to + 2, flags);
	put16(to + 4, question->raw_len ? 1 : 0);
	memcpy(to + at, question->raw, question->raw_len);
	at += question->raw_len;
	fit = (DNS_MESSAGE_MAX - at) / (12 + len);
	count = MIN(count, fit);
	put16(to + 6, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		put16(to + at, 0xc000U | HEAD_LEN);
		put16(to + at + 2, question->type);
		put16(to + at + 4, CLASS_IN);
		put16(to + at + 6, ttl >> 16);
		put16(to + at + 8, ttl & 0xffff);
		put16(to + at + 10, (uint32_t)len);
		memcpy(to + at + 12, addrs[i] + 16 - len, len);
		at += 12 + len;
	}
	return at;
}
