/* SPDX-License-Identifier: Apache-2.0 */
/* Changes as a patch in git's form, and as its sum by file. What the agent wrote goes to a pipe as it is;
 * on a terminal its control characters are shown, not sent. */
#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/diff.h"
#include "cli/kept.h"

#define CONTEXT 3U

struct content {
	struct buf bytes;
	mode_t mode;             /* 0: is not there */
	bool large;
};

struct patch {
	struct layer *layer;
	const struct change *change;
	const char *old_path;
	struct content before, after;
	bool terminal;
	size_t files, added, removed;
};

/* ---- reading ---- */

static int read_link(int fd, struct buf *to)
{
	char text[LAYER_PATH_MAX];
	ssize_t len = readlinkat(fd, "", text, sizeof(text));

	return len < 0 ? -errno : buf_append(to, text, (size_t)len);
}

static int content_read(int file_fd, int link_fd, const struct stat *st, struct content *ret_content)
{
	int r = 0;

	ret_content->bytes = buf_growing(DIFF_BYTES_MAX);
	ret_content->mode = st->st_mode;
	if (S_ISLNK(st->st_mode))
		return read_link(link_fd, &ret_content->bytes);
	if (!S_ISREG(st->st_mode))
		return 0;
	ret_content->large = st->st_size > (off_t)DIFF_BYTES_MAX;
	if (!ret_content->large)
		r = file_fd < 0 ? file_fd : io_read_all(file_fd, &ret_content->bytes);
	return r;
}

static int before_read(struct patch *patch)
{
	const struct change *change = patch->change;
	const struct stat *st = change->twin != LAYER_NONE && change->kind == CHANGE_ADDED ?
				&patch->layer->changes[change->twin].lower : &change->lower;
	auto_close int file = layer_at(patch->layer->root, patch->old_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	auto_close int link = layer_at(patch->layer->root, patch->old_path, O_PATH | O_NOFOLLOW);

	return st->st_mode ? content_read(file, link, st, &patch->before) : 0;
}

static int after_read(struct patch *patch)
{
	const struct change *change = patch->change;
	auto_close int file = FD_NONE, link = FD_NONE;

	if (change->kind == CHANGE_DELETED)
		return 0;
	file = layer_open_source(patch->layer, change, O_RDONLY);
	link = change->index_name ? FD_NONE : layer_at(patch->layer->upper, change->path, O_PATH | O_NOFOLLOW);
	return content_read(file, link, &change->upper, &patch->after);
}

/* ---- writing ---- */

/* Shown as git quotes it when a byte of it could be mistaken. */
static void put_name(const char *prefix, const char *path)
{
	bool plain = true;

	for (const char *at = path; *at; at++)
		plain &= *at > ' ' && *at < 0x7f && *at != '"' && *at != '\\';
	if (plain) {
		printf("%s%s", prefix, path);
		return;
	}
	printf("\"%s", prefix);
	for (const char *at = path; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			printf("\\%03o", c);
		else
			putchar(c);
	}
	putchar('"');
}

static bool is_shown(uint32_t point)
{
	return point >= 0xa0 && point != 0xfeff && !(point >= 0x200b && point <= 0x200f) &&
	       !(point >= 0x202a && point <= 0x202e) && !(point >= 0x2060 && point <= 0x206f);
}

/* One line without what a terminal would obey. */
static void put_harmless(struct slice line)
{
	for (size_t i = 0; i < line.len;) {
		unsigned char c = (unsigned char)line.data[i];
		uint32_t point = 0;
		size_t len = c < 0x80 ? 1 : text_utf8_next(slice_new(line.data + i, line.len - i), &point);

		if (c < 0x80 ? (c >= ' ' && c != 0x7f) || c == '\t' : len > 0 && is_shown(point))
			fwrite(line.data + i, 1, len, stdout);
		else
			printf("\\x%02x", c);
		/* Of a sequence that is not shown each byte is. */
		i += c >= 0x80 && !(len > 0 && is_shown(point)) ? 1 : MAX(len, (size_t)1);
	}
}

static void put_line(const struct patch *patch, char mark, struct slice line)
{
	bool ended = line.len > 0 && line.data[line.len - 1] == '\n';

	putchar(mark);
	line.len -= ended;
	if (patch->terminal)
		put_harmless(line);
	else
		fwrite(line.data, 1, line.len, stdout);
	printf(ended ? "\n" : "\n\\ No newline at end of file\n");
}

static void put_range(char mark, size_t first, size_t end)
{
	/* An empty range is named by the line before it. */
	printf("%c%zu", mark, end > first ? first + 1 : first);
	if (end - first != 1)
		printf(",%zu", end - first);
}

static void put_hunk(const struct patch *patch, const struct diff *diff, const struct diff_hunk *hunk)
{
	size_t before = hunk->before_first, after = hunk->after_first;

	printf("@@ ");
	put_range('-', hunk->before_first, hunk->before_end);
	putchar(' ');
	put_range('+', hunk->after_first, hunk->after_end);
	printf(" @@\n");
	while (before < hunk->before_end || after < hunk->after_end) {
		if (before < hunk->before_end && diff->before.changed[before])
			put_line(patch, '-', diff->before.lines[before++]);
		else if (after < hunk->after_end && diff->after.changed[after])
			put_line(patch, '+', diff->after.lines[after++]);
		else {
			put_line(patch, ' ', diff->before.lines[before++]);
			after++;
		}
	}
}

/* git knows two modes of files. */
static unsigned int git_mode(mode_t mode)
{
	return S_ISLNK(mode) ? 0120000 : mode & 0100 ? 0100755 : 0100644;
}

static void put_head(const struct patch *patch)
{
	mode_t before = patch->before.mode, after = patch->after.mode;

	printf("diff --git ");
	put_name("a/", patch->old_path);
	putchar(' ');
	put_name("b/", patch->change->path);
	putchar('\n');
	if (!before)
		printf("new file mode %06o\n", git_mode(after));
	else if (!after)
		printf("deleted file mode %06o\n", git_mode(before));
	else if (git_mode(before) != git_mode(after))
		printf("old mode %06o\nnew mode %06o\n", git_mode(before), git_mode(after));
	if (strcmp(patch->old_path, patch->change->path) != 0) {
		printf("rename from ");
		put_name("", patch->old_path);
		printf("\nrename to ");
		put_name("", patch->change->path);
		putchar('\n');
	}
}

static bool is_opaque(const struct patch *patch)
{
	return patch->before.large || patch->after.large || diff_is_binary(buf_slice(&patch->before.bytes)) ||
	       diff_is_binary(buf_slice(&patch->after.bytes));
}

static void put_files(const struct patch *patch)
{
	printf("--- ");
	if (patch->before.mode)
		put_name("a/", patch->old_path);
	else
		printf("/dev/null");
	printf("\n+++ ");
	if (patch->after.mode)
		put_name("b/", patch->change->path);
	else
		printf("/dev/null");
	putchar('\n');
}

static int put_patch(struct patch *patch)
{
	cleanup_with(diff_finish) struct diff diff = { 0 };
	struct diff_hunk hunk = { 0 };
	int r;

	put_head(patch);
	if (is_opaque(patch)) {
		printf("Binary files differ\n");
		return 0;
	}
	r = diff_make(buf_slice(&patch->before.bytes), buf_slice(&patch->after.bytes), &diff);
	if (r == 0 && diff.added + diff.removed > 0)
		put_files(patch);
	while (r == 0 && diff_next(&diff, CONTEXT, &hunk))
		put_hunk(patch, &diff, &hunk);
	return r;
}

static int put_stat(struct patch *patch)
{
	cleanup_with(diff_finish) struct diff diff = { 0 };
	char shown[LAYER_PATH_MAX];
	int r = 0;

	text_escape(shown, sizeof(shown), slice_of(patch->change->path));
	patch->files++;
	if (is_opaque(patch)) {
		printf(" %s | binary, %lld -> %lld bytes\n", shown, (long long)patch->change->lower.st_size,
		       (long long)patch->change->upper.st_size);
		return 0;
	}
	r = diff_make(buf_slice(&patch->before.bytes), buf_slice(&patch->after.bytes), &diff);
	printf(" %s | +%zu -%zu\n", shown, diff.added, diff.removed);
	patch->added += diff.added;
	patch->removed += diff.removed;
	return r;
}

/* Files and links; of a rename the new name. */
static bool is_told_here(const struct change *change)
{
	mode_t mode = change->kind == CHANGE_DELETED ? change->lower.st_mode : change->upper.st_mode;

	return change->selected && change->kind != CHANGE_TIME && (S_ISREG(mode) || S_ISLNK(mode)) &&
	       !(change->kind == CHANGE_DELETED && change->twin != LAYER_NONE);
}

static int one(struct patch *patch, const struct change *change, int (*put)(struct patch *))
{
	bool renamed = change->twin != LAYER_NONE && change->kind == CHANGE_ADDED;
	int r;

	patch->change = change;
	patch->old_path = renamed ? patch->layer->changes[change->twin].path : change->path;
	patch->before = patch->after = (struct content){ 0 };
	r = before_read(patch);
	if (r == 0)
		r = after_read(patch);
	/* A directory that became a file is told by what was in it. */
	if (S_ISDIR(patch->before.mode))
		patch->before.mode = 0;
	if (r == 0)
		r = put(patch);
	else
		printf("# %s cannot be read: %s\n", "a file", errno_name(r));
	buf_finish(&patch->before.bytes);
	buf_finish(&patch->after.bytes);
	return r == -ENOMEM ? r : 0;
}

static int all(struct layer *layer, int (*put)(struct patch *), struct patch *patch)
{
	int r = 0;

	*patch = (struct patch){ .layer = layer, .terminal = isatty(STDOUT_FILENO) == 1 };
	for (size_t i = 0; r == 0 && i < layer->count; i++)
		if (is_told_here(&layer->changes[i]))
			r = one(patch, &layer->changes[i], put);
	return r;
}

int changes_patch(struct layer *layer)
{
	struct patch patch;

	return all(layer, put_patch, &patch);
}

int changes_stat(struct layer *layer)
{
	struct patch patch;
	int r = all(layer, put_stat, &patch);

	printf(" %zu files, %zu lines added, %zu removed\n", patch.files, patch.added, patch.removed);
	return r;
}
