/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff.h"

#include <errno.h>
#include <string.h>

#define BINARY_LOOK 8000U

bool diff_is_binary(struct slice text)
{
	return text.len > 0 && memchr(text.data, '\0', MIN(text.len, (size_t)BINARY_LOOK)) != NULL;
}

static size_t line_len(struct slice rest)
{
	const char *end = rest.len ? memchr(rest.data, '\n', rest.len) : NULL;

	return end ? (size_t)(end - rest.data) + 1 : rest.len;
}

static int side_make(struct slice text, struct diff_side *ret_side)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < text.len; i += line_len(slice_new(text.data + i, text.len - i)))
		count++;
	ret_side->lines = calloc(count + 1, sizeof(*ret_side->lines));
	ret_side->changed = calloc(count + 1, sizeof(*ret_side->changed));
	if (!ret_side->lines || !ret_side->changed)
		return -ENOMEM;
	for (; ret_side->count < count; ret_side->count++) {
		size_t len = line_len(slice_new(text.data + at, text.len - at));

		ret_side->lines[ret_side->count] = slice_new(text.data + at, len);
		at += len;
	}
	return 0;
}

void diff_finish(struct diff *diff)
{
	free(diff->before.lines);
	free(diff->before.changed);
	free(diff->after.lines);
	free(diff->after.changed);
	*diff = (struct diff){ 0 };
}

static bool same(const struct diff *diff, size_t before, size_t after)
{
	struct slice a = diff->before.lines[before], b = diff->after.lines[after];

	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* What lies between the common start and the common end. */
struct middle {
	size_t first, before_len, after_len;
};

static void replace_all(struct diff *diff, const struct middle *middle)
{
	for (size_t i = 0; i < middle->before_len; i++)
		diff->before.changed[middle->first + i] = true;
	for (size_t i = 0; i < middle->after_len; i++)
		diff->after.changed[middle->first + i] = true;
}

/* Rows of furthest points, one for each number of edits: row d has 2d + 1 of them, diagonals -d to d. */
static size_t row_at(size_t edits)
{
	return edits * edits;
}

static int64_t point(const int32_t *rows, size_t edits, int64_t diagonal)
{
	return rows[row_at(edits) + (size_t)(diagonal + (int64_t)edits)];
}

/* True when the step to `diagonal` is an addition (down), false for a removal (right). */
static bool goes_down(const int32_t *rows, size_t edits, int64_t diagonal)
{
	int64_t d = (int64_t)edits;

	return diagonal == -d || (diagonal != d && point(rows, edits - 1, diagonal - 1) <
							   point(rows, edits - 1, diagonal + 1));
}

static int64_t start_of(const int32_t *rows, size_t edits, int64_t diagonal)
{
	if (edits == 0)
		return 0;
	return goes_down(rows, edits, diagonal) ? point(rows, edits - 1, diagonal + 1) :
						  point(rows, edits - 1, diagonal - 1) + 1;
}

/* The fewest edits, with the rows that lead there; DIFF_EDITS_MAX + 1: too many. */
static size_t edits_find(const struct diff *diff, const struct middle *middle, int32_t *rows)
{
	int64_t a_len = (int64_t)middle->before_len, b_len = (int64_t)middle->after_len;

	for (size_t edits = 0; edits <= DIFF_EDITS_MAX; edits++) {
		for (int64_t diagonal = -(int64_t)edits; diagonal <= (int64_t)edits; diagonal += 2) {
			int64_t x = start_of(rows, edits, diagonal), y = x - diagonal;

			while (x >= 0 && y >= 0 && x < a_len && y < b_len &&
			       same(diff, middle->first + (size_t)x, middle->first + (size_t)y)) {
				x++;
				y++;
			}
			rows[row_at(edits) + (size_t)(diagonal + (int64_t)edits)] = (int32_t)x;
			if (x >= a_len && y >= b_len)
				return edits;
		}
	}
	return DIFF_EDITS_MAX + 1;
}

static void edits_mark(struct diff *diff, const struct middle *middle, const int32_t *rows, size_t edits)
{
	int64_t diagonal = (int64_t)middle->before_len - (int64_t)middle->after_len;

	for (; edits > 0; edits--) {
		bool down = goes_down(rows, edits, diagonal);
		int64_t x = start_of(rows, edits, diagonal);

		if (down)
			diff->after.changed[middle->first + (size_t)(x - diagonal) - 1] = true;
		else
			diff->before.changed[middle->first + (size_t)x - 1] = true;
		diagonal += down ? 1 : -1;
	}
}

static struct middle middle_of(const struct diff *diff)
{
	size_t a = diff->before.count, b = diff->after.count, first = 0;

	while (first < a && first < b && same(diff, first, first))
		first++;
	while (a > first && b > first && same(diff, a - 1, b - 1)) {
		a--;
		b--;
	}
	return (struct middle){ first, a - first, b - first };
}

int diff_make(struct slice before, struct slice after, struct diff *ret_diff)
{
	struct middle middle;
	auto_free int32_t *rows = NULL;
	size_t edits;
	int r;

	*ret_diff = (struct diff){ 0 };
	r = side_make(before, &ret_diff->before);
	if (r == 0)
		r = side_make(after, &ret_diff->after);
	if (r < 0)
		return r;
	middle = middle_of(ret_diff);
	/* One side has nothing there: no search is needed. */
	if (middle.before_len > 0 && middle.after_len > 0) {
		rows = calloc(row_at(DIFF_EDITS_MAX + 1), sizeof(*rows));
		if (!rows)
			return -ENOMEM;
	}
	edits = rows ? edits_find(ret_diff, &middle, rows) : DIFF_EDITS_MAX + 1;
	if (edits > DIFF_EDITS_MAX)
		replace_all(ret_diff, &middle);
	else
		edits_mark(ret_diff, &middle, rows, edits);
	for (size_t i = 0; i < ret_diff->before.count; i++)
		ret_diff->removed += ret_diff->before.changed[i];
	for (size_t i = 0; i < ret_diff->after.count; i++)
		ret_diff->added += ret_diff->after.changed[i];
	return 0;
}

/* Goes over lines that are the same in both; false at the end of both. */
static bool skip_same(const struct diff *diff, size_t *before, size_t *after, size_t at_most)
{
	while (at_most-- > 0) {
		bool a = *before < diff->before.count, b = *after < diff->after.count;

		if ((a && diff->before.changed[*before]) || (b && diff->after.changed[*after]))
			return true;
		if (!a || !b)
			return false;
		(*before)++;
		(*after)++;
	}
	return false;
}

static void skip_changed(const struct diff *diff, size_t *before, size_t *after)
{
	while (*before < diff->before.count && diff->before.changed[*before])
		(*before)++;
	while (*after < diff->after.count && diff->after.changed[*after])
		(*after)++;
}

bool diff_next(const struct diff *diff, size_t context, struct diff_hunk *hunk)
{
	size_t before = hunk->before_end, after = hunk->after_end, start = before, lead;

	if (!skip_same(diff, &before, &after, SIZE_MAX))
		return false;
	lead = MIN(before - start, context);
	hunk->before_first = before - lead;
	hunk->after_first = after - lead;
	for (;;) {
		size_t a, b;

		skip_changed(diff, &before, &after);
		a = before;
		b = after;
		/* Two changes whose contexts touch are one hunk. */
		if (!skip_same(diff, &a, &b, 2 * context + 1))
			break;
		before = a;
		after = b;
	}
	lead = MIN(MIN(diff->before.count - before, diff->after.count - after), context);
	hunk->before_end = before + lead;
	hunk->after_end = after + lead;
	return true;
}
