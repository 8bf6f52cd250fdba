// SPDX-License-Identifier: Apache-2.0
/* The output is a stack of components: "." pushes nothing, ".." pops. */
#include "watch/paths.h"

#include <errno.h>

struct out {
	char *to;
	size_t len, size;
};

static int push(struct out *out, struct slice part)
{
	if (part.len == 0 || slice_is(part, "."))
		return 0;
	if (slice_is(part, "..")) {
		while (out->len > 0 && out->to[--out->len] != '/')
			;
		return 0;
	}
	if (part.len + 2 > out->size - out->len)
		return -ENAMETOOLONG;
	out->to[out->len++] = '/';
	memcpy(out->to + out->len, part.data, part.len);
	out->len += part.len;
	return 0;
}

static int push_all(struct out *out, struct slice path)
{
	size_t start = 0;

	for (size_t i = 0; i <= path.len; i++) {
		int r;

		if (i < path.len && path.data[i] != '/')
			continue;
		r = push(out, slice_new(path.data + start, i - start));
		if (r < 0)
			return r;
		start = i + 1;
	}
	return 0;
}

ssize_t path_normalise(struct slice base, struct slice claimed, char *to, size_t to_size)
{
	struct out out = { .to = to, .size = to_size };
	bool absolute = claimed.len > 0 && claimed.data[0] == '/';
	int r = 0;

	if (to_size < 2)
		return -ENAMETOOLONG;
	to[0] = '\0';
	if (!absolute && (base.len == 0 || base.data[0] != '/'))
		return -EINVAL;
	if (!absolute)
		r = push_all(&out, base);
	if (r == 0 && claimed.len > 0)
		r = push_all(&out, claimed);
	if (r < 0) {
		to[0] = '\0';
		return r;
	}
	if (out.len == 0)
		to[out.len++] = '/';
	to[out.len] = '\0';
	return (ssize_t)out.len;
}

ssize_t event_absolute_path(const struct event_path *event, bool second, char *to, size_t to_size)
{
	struct slice base = second ? event_path_base2(event) : event_path_base(event);
	struct slice path = second ? event_path_path2(event) : event_path_path(event);

	if ((event->head.flags & EVENT_NO_PATH) && path.len == 0) {
		if (to_size > 0)
			to[0] = '\0';
		return 0;
	}
	return path_normalise(base, path, to, to_size);
}
