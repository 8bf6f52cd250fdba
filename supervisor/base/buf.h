/* SPDX-License-Identifier: Apache-2.0 */
/* A byte buffer: either over the caller's memory (never grows) or owned and growing up to a
 * stated maximum. A failed append sets `failed` and changes nothing; check once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/cleanup.h"
#include "base/slice.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;   /* bytes allocated */
	size_t max;   /* growth ends here; == cap for a fixed buffer */
	bool owned;
	bool failed;  /* an append did not fit or memory ran out */
};

/* A fixed buffer over `memory`, which must outlive it. */
struct buf buf_fixed(void *memory, size_t size);
/* A growing buffer; release with buf_finish() or cleanup_with(buf_finish). */
struct buf buf_growing(size_t max);
void buf_finish(struct buf *buf);

/* All return 0, -ENOSPC (full) or -ENOMEM, and remember failure in buf->failed. */
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for `len` bytes at the end, zeroed and counted; NULL on failure. Valid until the next append. */
void *buf_reserve(struct buf *buf, size_t len);
/* Zero bytes until len is a multiple of `align` (a power of two). */
int buf_align(struct buf *buf, size_t align);

static inline struct slice buf_slice(const struct buf *buf)
{
	return slice_new(buf->data, buf->len);
}

#endif
