/* SPDX-License-Identifier: Apache-2.0 */
/* Changes for people and as JSON. Names are an agent's: escaped wherever they are shown. */
#include <errno.h>
#include <jansson.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/kept.h"
#include "cli/words.h"

#define SHOWN_MAX (4U * LAYER_PATH_MAX)

static const char *const kind_words[CHANGE_KIND_COUNT] = {
	[CHANGE_ADDED] = "added", [CHANGE_MODIFIED] = "modified", [CHANGE_DELETED] = "deleted",
	[CHANGE_MODE] = "mode", [CHANGE_TIME] = "time",
};

static const char *const hold_words[HOLD_COUNT] = {
	[HOLD_CONFLICT] = "conflict", [HOLD_PROTECTED] = "protected", [HOLD_KIND] = "kind",
	[HOLD_DEPTH] = "depth", [HOLD_UNREADABLE] = "unreadable",
};

/* The half of a rename that is told by the other one. */
static bool is_told(const struct change *change)
{
	return change->kind == CHANGE_DELETED && change->twin != LAYER_NONE;
}

static const char *kind_word(const struct change *change)
{
	return change->kind == CHANGE_ADDED && change->twin != LAYER_NONE ? "renamed" :
									   kind_words[change->kind];
}

static mode_t mode_of(const struct change *change)
{
	return change->upper.st_mode && !(S_ISCHR(change->upper.st_mode) && change->upper.st_rdev == 0) ?
		       change->upper.st_mode : change->lower.st_mode;
}

static const char *type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "symlink";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	case S_IFCHR:
	case S_IFBLK: return "device";
	default: return "unknown";
	}
}

static void print_path(const char *path, mode_t mode)
{
	static char shown[SHOWN_MAX];

	text_escape(shown, sizeof(shown), slice_of(*path ? path : "."));
	printf("%s%s", shown, S_ISDIR(mode) ? "/" : "");
}

static void print_hold(const struct change *change)
{
	char rule[256];

	if (change->hold == HOLD_NONE)
		return;
	text_escape(rule, sizeof(rule), slice_of(change->rule));
	printf("  [%s%s%s]", hold_text(change->hold), change->hold == HOLD_PROTECTED ? ": " : "",
	       change->hold == HOLD_PROTECTED ? rule : "");
}

static void print_one(const struct layer *layer, const struct change *change)
{
	mode_t upper = change->upper.st_mode, lower = change->lower.st_mode;

	printf("%-8s  ", kind_word(change));
	if (change->twin != LAYER_NONE) {
		print_path(layer->changes[change->twin].path, lower);
		printf(" -> ");
	}
	print_path(change->path, mode_of(change));
	if (change->kind == CHANGE_MODE && (upper & 07777) != (lower & 07777))
		printf("  (%04o -> %04o)", lower & 07777U, upper & 07777U);
	else if (change->kind == CHANGE_MODIFIED && (upper & S_IFMT) != (lower & S_IFMT))
		printf("  (%s -> %s)", type_word(lower), type_word(upper));
	else if (change->kind != CHANGE_DELETED && !S_ISREG(upper) && !S_ISDIR(upper))
		printf("  (%s)", type_word(upper));
	if (change->index_name)
		printf("  (changed under another of its names)");
	if (upper & 06000 && S_ISREG(upper))
		printf("  (setuid or setgid is never written back)");
	print_hold(change);
	putchar('\n');
}

void changes_print(const struct layer *layer)
{
	for (size_t i = 0; i < layer->count; i++)
		if (layer->changes[i].selected && !is_told(&layer->changes[i]))
			print_one(layer, &layer->changes[i]);
}

size_t changes_held(const struct layer *layer)
{
	static char shown[SHOWN_MAX];
	size_t count = 0;

	for (size_t i = 0; i < layer->count; i++) {
		const struct change *change = &layer->changes[i];

		if (!change->selected || change->hold == HOLD_NONE)
			continue;
		text_escape(shown, sizeof(shown), slice_of(change->path));
		fprintf(stderr, "bailiff: not written: %s (%s%s%s)\n", shown, hold_text(change->hold),
			change->rule[0] ? ": " : "", change->rule);
		count++;
	}
	return count;
}

static json_t *json_of(const struct layer *layer, const struct change *change)
{
	bool renamed = change->twin != LAYER_NONE;
	char run[ULID_TEXT_LEN + 1];

	ulid_text(&layer->run, run);
	return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "run", run,
			 "path", word_json(*change->path ? change->path : "."),
			 "change", kind_word(change), "type", type_word(mode_of(change)),
			 "from", renamed ? word_json(layer->changes[change->twin].path) : json_null(),
			 "mode_before", change->lower.st_mode ? json_integer(change->lower.st_mode) : json_null(),
			 "mode", change->kind != CHANGE_DELETED && change->upper.st_mode ?
					 json_integer(change->upper.st_mode) : json_null(),
			 "held", change->hold ? json_string(hold_words[change->hold]) : json_null(),
			 "rule", change->rule[0] ? word_json(change->rule) : json_null());
}

int changes_json(const struct layer *layer)
{
	for (size_t i = 0; i < layer->count; i++) {
		const struct change *change = &layer->changes[i];
		json_t *object;
		int r;

		if (!change->selected || is_told(change))
			continue;
		object = json_of(layer, change);
		r = object && json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 ? 0 : -ENOMEM;
		json_decref(object);
		putchar('\n');
		if (r < 0)
			return r;
	}
	return 0;
}

void changes_sum(const struct layer *layer, char *to, size_t to_size)
{
	struct buf line = buf_fixed(to, to_size - 1);
	size_t counts[CHANGE_KIND_COUNT] = { 0 }, renamed = 0, all = 0;

	for (size_t i = 0; i < layer->count; i++) {
		const struct change *change = &layer->changes[i];

		if (!change->selected || is_told(change))
			continue;
		all++;
		if (change->twin != LAYER_NONE)
			renamed++;
		else
			counts[change->kind]++;
	}
	IGNORE(buf_printf(&line, "%zu change%s", all, all == 1 ? "" : "s") < 0);
	for (size_t kind = 0; kind < CHANGE_KIND_COUNT; kind++)
		if (counts[kind])
			IGNORE(buf_printf(&line, ", %zu %s", counts[kind], kind_words[kind]) < 0);
	if (renamed)
		IGNORE(buf_printf(&line, ", %zu renamed", renamed) < 0);
	to[line.len] = '\0';
}
