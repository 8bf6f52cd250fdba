/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/request_head.h"

#include "base/cleanup.h"
#include "base/parse.h"

#define METHOD_MAX 32U
#define CHUNK_LINE_MAX 256U
#define BODY_MAX (1ULL << 60)

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equals(struct slice a, const char *text)
{
	size_t len = strlen(text);

	if (a.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (lower(a.data[i]) != text[i])
			return false;
	return true;
}

static bool is_token_byte(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static struct slice trim(struct slice text)
{
	while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* The next line of *at without its CRLF. HEAD_BAD: an end of line or a control byte of its own. */
static enum head_result next_line(struct slice bytes, size_t *at, struct slice *ret_line)
{
	size_t from = *at;

	for (size_t i = from; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		if (c == '\r' && i + 1 == bytes.len)
			return HEAD_MORE;
		if (c == '\r' && bytes.data[i + 1] == '\n') {
			*ret_line = slice_new(bytes.data + from, i - from);
			*at = i + 2;
			return HEAD_DONE;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return HEAD_BAD;
	}
	return HEAD_MORE;
}

/* Methods that a server knows, so that what begins with one is HTTP, whatever follows. */
static bool is_known_method(struct slice word)
{
	static const char *const methods[] = {
		"get", "head", "post", "put", "delete", "connect", "options", "trace", "patch", "pri",
		"propfind", "proppatch", "mkcol", "copy", "move", "lock", "unlock", "report", "search",
		"query", "merge", "checkout", "mkactivity", "notify", "subscribe", "unsubscribe", "purge",
	};

	for (size_t i = 0; i < COUNT(methods); i++)
		if (equals(word, methods[i]))
			return true;
	return false;
}

/* "HTTP/" anywhere in the first line, in any case: some server would take it for a request. */
static bool line_says_http(struct slice line)
{
	for (size_t i = 0; i + 5 <= line.len; i++)
		if (equals(slice_new(line.data + i, 5), "http/"))
			return true;
	return false;
}

/* Whether the first bytes of a connection are HTTP. HEAD_DONE: they are. */
static enum head_result sniff(struct slice bytes)
{
	struct slice word = { 0 }, line;
	const char *end;
	size_t at = 0;

	/* Servers skip these before a request. */
	while (at < bytes.len && bytes.data[at] != '\0' && strchr("\r\n \t", bytes.data[at]))
		at++;
	word.data = bytes.data + at;
	while (at + word.len < bytes.len && is_token_byte(word.data[word.len]))
		word.len++;
	if (at + word.len == bytes.len)
		return word.len > METHOD_MAX ? HEAD_NOT_HTTP : HEAD_MORE;
	if (word.len == 0 || word.len > METHOD_MAX)
		return HEAD_NOT_HTTP;
	if (is_known_method(word))
		return HEAD_DONE;
	if (word.data[word.len] != ' ' && word.data[word.len] != '\t')
		return HEAD_NOT_HTTP;
	end = memchr(word.data, '\n', bytes.len - at);
	line = slice_new(word.data, end ? (size_t)(end - word.data) : bytes.len - at);
	if (memchr(line.data, '\0', line.len))
		return HEAD_NOT_HTTP;
	if (!end)
		return HEAD_MORE;
	return line_says_http(line) ? HEAD_DONE : HEAD_NOT_HTTP;
}

/* "host", "host:port", "[v6]:port" */
static bool split_authority(struct slice text, struct slice *ret_host, uint16_t *ret_port)
{
	struct slice host = text, port = { 0 };
	const char *colon;
	uint32_t number = 0;

	if (text.len == 0 || memchr(text.data, '@', text.len))
		return false;
	if (text.data[0] == '[') {
		const char *close = memchr(text.data, ']', text.len);

		if (!close)
			return false;
		host.len = (size_t)(close - text.data) + 1;
		port = slice_new(close + 1, text.len - host.len);
	} else {
		colon = memchr(text.data, ':', text.len);
		host.len = colon ? (size_t)(colon - text.data) : text.len;
		port = slice_new(text.data + host.len, text.len - host.len);
	}
	if (port.len == 1 || (port.len > 0 && port.data[0] != ':') || host.len == 0)
		return false;
	if (port.len > 0 && parse_u32(slice_new(port.data + 1, port.len - 1), 1, UINT16_MAX, &number) < 0)
		return false;
	*ret_host = host;
	*ret_port = (uint16_t)number;
	return true;
}

static bool take_target(struct slice target, struct request_head *head)
{
	size_t at = 0, len;

	if (head->connect) {
		head->absolute = true;
		return split_authority(target, &head->host, &head->port) && head->port != 0;
	}
	if (target.len > 0 && (target.data[0] == '/' || slice_is(target, "*")))
		return true;
	if (target.len > 7 && equals(slice_new(target.data, 7), "http://"))
		at = 7;
	else if (target.len > 8 && equals(slice_new(target.data, 8), "https://"))
		at = 8;
	else
		return false;
	head->secure = at == 8;
	for (len = 0; at + len < target.len && !strchr("/?#", target.data[at + len]); len++)
		;
	head->absolute = true;
	if (!split_authority(slice_new(target.data + at, len), &head->host, &head->port))
		return false;
	if (head->port == 0)
		head->port = at == 8 ? 443 : 80;
	return true;
}

/* METHOD SP target SP HTTP/1.x, single blanks */
static bool take_request_line(struct slice line, struct request_head *head, bool *ret_old)
{
	const char *first = memchr(line.data, ' ', line.len);
	struct slice method = slice_new(line.data, first ? (size_t)(first - line.data) : 0);
	struct slice rest = slice_new(line.data + method.len + 1, line.len - method.len - (first ? 1 : 0));
	const char *second = first ? memchr(rest.data, ' ', rest.len) : NULL;
	struct slice target, version;

	if (!second || method.len == 0 || method.len > METHOD_MAX)
		return false;
	for (size_t i = 0; i < method.len; i++)
		if (!is_token_byte(method.data[i]))
			return false;
	target = slice_new(rest.data, (size_t)(second - rest.data));
	version = slice_new(second + 1, rest.len - target.len - 1);
	if (!slice_is(version, "HTTP/1.1") && !slice_is(version, "HTTP/1.0"))
		return false;
	*ret_old = slice_is(version, "HTTP/1.0");
	for (size_t i = 0; i < target.len; i++)
		if (target.data[i] & (char)0x80 || target.data[i] == '\t')
			return false;
	head->connect = equals(method, "connect");
	if (head->connect && !slice_is(method, "CONNECT"))
		return false;
	return take_target(target, head);
}

struct fields {                  /* what may be there once */
	struct slice host;
	bool has_host, has_length, has_coding;
	uint64_t length;
};

static bool take_field(struct slice line, struct fields *fields, struct request_head *head)
{
	const char *colon = memchr(line.data, ':', line.len);
	struct slice name = slice_new(line.data, colon ? (size_t)(colon - line.data) : 0);
	struct slice value;

	if (!colon || name.len == 0)
		return false;
	for (size_t i = 0; i < name.len; i++) /* a blank first is a folded line */
		if (!is_token_byte(name.data[i]))
			return false;
	value = trim(slice_new(colon + 1, line.len - name.len - 1));
	if (equals(name, "host")) {
		if (fields->has_host)
			return false;
		fields->has_host = true;
		fields->host = value;
	} else if (equals(name, "content-length")) {
		if (fields->has_length || parse_u64(value, 0, BODY_MAX, &fields->length) < 0)
			return false;
		fields->has_length = true;
	} else if (equals(name, "transfer-encoding")) {
		if (fields->has_coding || !equals(value, "chunked"))
			return false;
		fields->has_coding = true;
	} else if (equals(name, "upgrade")) {
		head->upgrade = true;
	}
	return true;
}

static bool finish_head(const struct fields *fields, bool old, struct request_head *head)
{
	struct slice host = { 0 };
	uint16_t port = 0;

	if (fields->has_length && fields->has_coding)
		return false;
	if (old && fields->has_coding)
		return false;
	if (!fields->has_host && !old)
		return false;
	if (fields->has_host && !split_authority(fields->host, &host, &port))
		return false;
	/* Two names for one request: the server may take the other one. */
	if (head->absolute && fields->has_host) {
		if (host.len != head->host.len || (port && port != head->port))
			return false;
		for (size_t i = 0; i < host.len; i++)
			if (lower(host.data[i]) != lower(head->host.data[i]))
				return false;
	}
	if (!head->absolute) {
		head->host = host;
		head->port = port;
	}
	head->chunked = fields->has_coding;
	head->body = fields->length;
	return true;
}

enum head_result request_head_parse(struct slice bytes, bool first, struct request_head *ret)
{
	struct request_head head = { 0 };
	struct fields fields = { 0 };
	enum head_result result = first ? sniff(bytes) : HEAD_DONE;
	struct slice line;
	bool old = false;
	size_t at = 0;

	if (result == HEAD_DONE)
		result = next_line(bytes, &at, &line);
	if (result == HEAD_DONE && !take_request_line(line, &head, &old))
		return HEAD_BAD;
	while (result == HEAD_DONE) {
		result = next_line(bytes, &at, &line);
		if (result != HEAD_DONE || line.len == 0)
			break;
		if (!take_field(line, &fields, &head))
			return HEAD_BAD;
	}
	if (result == HEAD_MORE && bytes.len >= HEAD_MAX)
		return HEAD_BAD;
	if (result != HEAD_DONE)
		return result;
	if (!finish_head(&fields, old, &head))
		return HEAD_BAD;
	head.len = at;
	*ret = head;
	return HEAD_DONE;
}

enum head_result chunk_parse(struct slice bytes, uint64_t *ret_len, bool *ret_last)
{
	uint64_t size = 0;
	struct slice line;
	size_t at = 0, digits = 0;
	enum head_result result = next_line(bytes, &at, &line);

	if (result == HEAD_MORE && bytes.len >= CHUNK_LINE_MAX)
		return HEAD_BAD;
	if (result != HEAD_DONE)
		return result;
	for (; digits < line.len && digits < 15; digits++) {
		char c = lower(line.data[digits]);

		if (c >= '0' && c <= '9')
			size = size << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			size = size << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (digits == 0 || (digits < line.len && line.data[digits] != ';'))
		return HEAD_BAD;
	*ret_last = size == 0;
	*ret_len = size == 0 ? at : at + size + 2;
	return HEAD_DONE;
}

enum head_result trailers_parse(struct slice bytes, uint64_t *ret_len)
{
	enum head_result result;
	struct slice line;
	size_t at = 0;

	do
		result = next_line(bytes, &at, &line);
	while (result == HEAD_DONE && line.len > 0);
	if (result == HEAD_MORE && bytes.len >= HEAD_MAX)
		return HEAD_BAD;
	*ret_len = at;
	return result;
}
