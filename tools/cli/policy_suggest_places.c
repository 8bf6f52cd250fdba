/* SPDX-License-Identifier: Apache-2.0 */
/* Which places a suggestion names, and how wide. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/policy_suggest.h"
#include "cli/why_danger.h"

#define PASSES_MAX 8U            /* of naming a folder: each goes one level up */

int suggest_init(struct suggest *suggest)
{
	suggest->items = calloc(SUGGEST_ITEMS_MAX, sizeof(*suggest->items));
	return suggest->items ? 0 : -ENOMEM;
}

static void item_finish(struct suggestion *item)
{
	free(item->text);
	free(item->why_not);
	*item = (struct suggestion){ 0 };
}

void suggest_finish(struct suggest *suggest)
{
	for (size_t i = 0; suggest->items && i < suggest->count; i++)
		item_finish(&suggest->items[i]);
	free(suggest->items);
	*suggest = (struct suggest){ 0 };
}

static struct suggestion *find(struct suggest *suggest, enum suggest_kind kind, struct slice text)
{
	for (size_t i = 0; i < suggest->count; i++) {
		if (suggest->items[i].kind == kind && slice_is(text, suggest->items[i].text))
			return &suggest->items[i];
	}
	return NULL;
}

int suggest_note(struct suggest *suggest, enum suggest_kind kind, struct slice text, uint64_t seq, const char *why_not)
{
	struct suggestion *item = find(suggest, kind, text);

	if (item) {
		item->stands_for++;
		return 0;
	}
	if (suggest->count == SUGGEST_ITEMS_MAX) {
		suggest->dropped++;
		return 0;
	}
	item = &suggest->items[suggest->count];
	*item = (struct suggestion){ .kind = kind, .seq = seq, .stands_for = 1, .text = strndup(text.data, text.len),
				     .why_not = why_not ? strdup(why_not) : NULL };
	if (item->text && (item->why_not || !why_not)) {
		suggest->count++;
		return 0;
	}
	item_finish(item);
	return -ENOMEM;
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return len > 0 && strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0' || top[len - 1] == '/');
}

bool suggest_is_broad(const struct suggest *suggest, const char *path)
{
	static const char *const whole[] = {
		"/", "/etc", "/usr", "/usr/local", "/var", "/var/lib", "/var/log", "/home", "/root", "/opt", "/srv", "/mnt",
		"/media", "/tmp", "/var/tmp", "/run", "/boot", "/dev", "/proc", "/sys",
	};
	static const char *const of_home[] = { ".config", ".local", ".local/share", ".local/state", ".cache" };
	size_t len = strlen(suggest->home);

	for (size_t i = 0; i < COUNT(whole); i++) {
		if (strcmp(path, whole[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < COUNT(of_home); i++) {
		if (len > 0 && is_at_or_below(path, suggest->home) && path[len] == '/' && strcmp(path + len + 1, of_home[i]) == 0)
			return true;
	}
	/* The workspace itself may be named; what is above it may not. */
	return is_at_or_below(suggest->home, path) ||
	       (is_at_or_below(suggest->workspace, path) && strcmp(path, suggest->workspace) != 0);
}

bool suggest_can_name(const char *path)
{
	for (const char *at = path; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '*' || *at == '?')
			return false;
	}
	return strlen(path) < SUGGEST_PATH_MAX && text_is_utf8(slice_of(path));
}

static bool up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !path[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

void suggest_place(char path[SUGGEST_PATH_MAX], bool must_exist)
{
	struct stat st;

	while (must_exist && lstat(path, &st) < 0 && up(path))
		;
	/* A file may stand for its folder; a folder stands for nothing that is above it. */
	if (!suggest_can_name(path) && (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
		IGNORE(up(path));
}

/* ---- how wide ---- */

static int compare(const void *a, const void *b)
{
	const struct suggestion *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return strcmp(left->text, right->text);
}

static bool is_file_line(const struct suggestion *item)
{
	return item->text && !item->why_not && (item->kind == SUGGEST_READ || item->kind == SUGGEST_WRITE);
}

/* What may be written may be read. */
static bool covers(const struct suggestion *wide, const struct suggestion *narrow)
{
	return is_file_line(wide) && is_file_line(narrow) && (wide->kind == narrow->kind || wide->kind == SUGGEST_WRITE) &&
	       is_at_or_below(narrow->text, wide->text);
}

static void drop_covered(struct suggest *suggest)
{
	size_t kept = 0;

	for (size_t i = 0; i < suggest->count; i++) {
		for (size_t j = 0; j < suggest->count; j++) {
			/* Of two that are the same, the later one goes. */
			if (i == j || !covers(&suggest->items[j], &suggest->items[i]) ||
			    (j > i && covers(&suggest->items[i], &suggest->items[j])))
				continue;
			suggest->items[j].stands_for += suggest->items[j].kind == suggest->items[i].kind ? suggest->items[i].stands_for : 0;
			suggest->items[j].seq = MIN(suggest->items[j].seq, suggest->items[i].seq);
			item_finish(&suggest->items[i]);
			break;
		}
	}
	for (size_t i = 0; i < suggest->count; i++) {
		if (suggest->items[i].text)
			suggest->items[kept++] = suggest->items[i];
	}
	suggest->count = kept;
}

static bool same_folder(const char *a, const char *b)
{
	size_t len = (size_t)(strrchr(a, '/') - a);

	return strncmp(a, b, len + 1) == 0 && !strchr(b + len + 1, '/');
}

static bool may_name_folder(const struct suggest *suggest, const struct suggestion *item, char folder[SUGGEST_PATH_MAX])
{
	if (text_copy(folder, SUGGEST_PATH_MAX, slice_of(item->text)) < 0 || !up(folder))
		return false;
	return !suggest_is_broad(suggest, folder) && strcmp(folder, suggest->workspace) != 0 &&
	       !danger_of(item->kind == SUGGEST_READ ? DANGER_READ : DANGER_WRITE, slice_of(folder));
}

/* The folder in place of the first of its entries; the others are covered then. True when something changed. */
static int name_folders(struct suggest *suggest, bool *ret_changed)
{
	*ret_changed = false;
	for (size_t i = 0; i < suggest->count; i++) {
		struct suggestion *item = &suggest->items[i];
		char folder[SUGGEST_PATH_MAX];
		size_t siblings = 0;

		if (!is_file_line(item))
			continue;
		for (size_t j = 0; j < suggest->count; j++)
			siblings += is_file_line(&suggest->items[j]) && suggest->items[j].kind == item->kind &&
				    same_folder(item->text, suggest->items[j].text);
		if (siblings < SUGGEST_SIBLINGS || !may_name_folder(suggest, item, folder))
			continue;
		free(item->text);
		item->text = strdup(folder);
		if (!item->text)
			return -ENOMEM;
		*ret_changed = true;
		drop_covered(suggest);
	}
	return 0;
}

int suggest_settle(struct suggest *suggest)
{
	bool changed = true;
	int r = 0;

	qsort(suggest->items, suggest->count, sizeof(*suggest->items), compare);
	drop_covered(suggest);
	for (unsigned int i = 0; r == 0 && changed && i < PASSES_MAX; i++)
		r = name_folders(suggest, &changed);
	qsort(suggest->items, suggest->count, sizeof(*suggest->items), compare);
	return r;
}
