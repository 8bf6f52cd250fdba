/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define BUF_FIRST 256U

struct buf buf_fixed(void *memory, size_t size)
{
	return (struct buf){ .data = memory, .cap = size, .max = size };
}

struct buf buf_growing(size_t max)
{
	return (struct buf){ .max = max, .owned = true };
}

void buf_finish(struct buf *buf)
{
	if (buf->owned)
		free(buf->data);
	*buf = (struct buf){ 0 };
}

static int buf_fail(struct buf *buf, int code)
{
	buf->failed = true;
	return code;
}

static int buf_grow(struct buf *buf, size_t len)
{
	size_t need, cap;
	char *data;

	if (__builtin_add_overflow(buf->len, len, &need) || need > buf->max)
		return buf_fail(buf, -ENOSPC);
	if (need <= buf->cap)
		return 0;
	cap = MAX(buf->cap, (size_t)BUF_FIRST);
	while (cap < need)
		cap *= 2;
	cap = MIN(cap, buf->max);
	data = realloc(buf->data, cap);
	if (!data)
		return buf_fail(buf, -ENOMEM);
	buf->data = data;
	buf->cap = cap;
	return 0;
}

void *buf_reserve(struct buf *buf, size_t len)
{
	void *room;

	if (buf_grow(buf, len) < 0)
		return NULL;
	room = buf->data + buf->len;
	if (len > 0)
		memset(room, 0, len);
	buf->len += len;
	return room;
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
	int r = buf_grow(buf, len);

	if (r < 0)
		return r;
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	return 0;
}

int buf_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return buf_fail(buf, -EINVAL);
	/* One byte more for the terminator, which does not count into len. */
	if (buf_grow(buf, (size_t)len + 1) < 0)
		return -ENOSPC;
	va_start(args, fmt);
	len = vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
	return 0;
}

int buf_align(struct buf *buf, size_t align)
{
	size_t rest = (align - (buf->len & (align - 1))) & (align - 1);

	if (rest == 0)
		return 0;
	return buf_reserve(buf, rest) ? 0 : -ENOSPC;
}
