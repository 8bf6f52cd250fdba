// SPDX-License-Identifier: Apache-2.0
/* What event_validate() accepts can be read to its end: every part lies inside the record, in
 * order, and the path that comes of it is absolute, normal, and normal once more unchanged. */
#include <assert.h>

#include "watch/paths.h"
#include "watch/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const char **at, struct slice part, const char *end)
{
	assert(part.data == *at && part.len <= (size_t)(end - part.data));
	*at += part.len;
}

static void check_path(const struct event_path *event, bool second)
{
	char once[3 * EVENT_PATH_MAX], twice[3 * EVENT_PATH_MAX];
	ssize_t len = event_absolute_path(event, second, once, sizeof(once));

	if (len <= 0)
		return;
	assert(once[0] == '/' && once[len] == '\0');
	assert(path_normalise(slice_of(""), slice_new(once, (size_t)len), twice, sizeof(twice)) == len);
	assert(memcmp(once, twice, (size_t)len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union {
		struct event_path path;
		struct event_exec exec;
		struct event_net net;
		char bytes[1 << 16];
	} record;
	const struct event_head *head;
	const char *at, *end = record.bytes + size;

	if (size > sizeof(record))
		return 0;
	memcpy(&record, data, size);
	head = event_validate(&record, size);
	if (!head)
		return 0;
	switch (event_shape(head->kind)) {
	case SHAPE_PATH:
		at = record.path.bytes;
		check_inside(&at, event_path_base(&record.path), end);
		check_inside(&at, event_path_path(&record.path), end);
		check_inside(&at, event_path_base2(&record.path), end);
		check_inside(&at, event_path_path2(&record.path), end);
		assert(at == end);
		check_path(&record.path, false);
		check_path(&record.path, true);
		break;
	case SHAPE_EXEC:
		at = record.exec.bytes;
		check_inside(&at, event_exec_path(&record.exec), end);
		check_inside(&at, event_exec_argv(&record.exec), end);
		check_inside(&at, event_exec_interp(&record.exec), end);
		assert(at == end);
		break;
	case SHAPE_NET:
		at = record.net.path;
		check_inside(&at, event_net_path(&record.net), end);
		assert(at == end);
		break;
	case SHAPE_NONE:
	case SHAPE_FORK:
	case SHAPE_EXIT:
	case SHAPE_CRED:
	case SHAPE_SYSCALL:
		break;
	}
	return 0;
}
