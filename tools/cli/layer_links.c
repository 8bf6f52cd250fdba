/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are one. overlayfs notes at a copied-up file which one of the workspace it was, by a file
 * handle: so a rename is known for sure, and a file that only moved can be linked instead of copied.
 * With `index` a file of the workspace with several names is one file in the overlay, too, and the
 * upper layer has it under those names only that were used, or under none: the others are found here,
 * by the index that overlayfs keeps of such files. */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <sys/xattr.h>

#include "cli/layer_names.h"

#define ORIGIN_HEADER 21U   /* struct ovl_fb: version, magic, length, flags, type, uuid[16] */
#define ORIGIN_MAGIC 0xfbU

/* ---- lists ---- */

int layer_add(struct layer *layer, const char *path, enum change_kind kind, size_t group,
	      struct change **ret_change)
{
	char *copy;

	if (layer->count >= LAYER_CHANGES_MAX)
		return -E2BIG;
	if (layer->count == layer->room) {
		size_t room = layer->room ? 2 * layer->room : 64;
		struct change *grown = reallocarray(layer->changes, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		layer->changes = grown;
		layer->room = room;
	}
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	layer->changes[layer->count] = (struct change){ .path = copy, .kind = kind, .group = group,
							.twin = LAYER_NONE, .from = LAYER_NONE };
	*ret_change = &layer->changes[layer->count++];
	if (group != LAYER_NONE)
		layer->groups[group].left++;
	return 0;
}

static int by_ino(const void *a, const void *b)
{
	const struct linked *left = a, *right = b;

	return (left->ino > right->ino) - (left->ino < right->ino);
}

int layer_add_link(struct layer *layer, ino_t ino, const char *path)
{
	struct linked *one = malloc(sizeof(*one) + strlen(path) + 1);
	struct linked *const *kept;

	if (!one)
		return -ENOMEM;
	one->ino = ino;
	memcpy(one->path, path, strlen(path) + 1);
	kept = tsearch(one, &layer->links, by_ino);
	if (!kept || *kept != one)
		free(one); /* the first one stays */
	return kept ? 0 : -ENOMEM;
}

const struct linked *layer_find_link(const struct layer *layer, ino_t ino)
{
	const struct linked key = { .ino = ino };
	struct linked *const *found = tfind(&key, &layer->links, by_ino);

	return found ? *found : NULL;
}

/* ---- where a file came from ---- */

static int by_handle(const void *a, const void *b)
{
	const struct known *left = a, *right = b;

	if (left->type != right->type)
		return left->type < right->type ? -1 : 1;
	if (left->len != right->len)
		return left->len < right->len ? -1 : 1;
	return memcmp(left->handle, right->handle, left->len);
}

static bool handle_of(const struct layer *layer, const char *path, struct known *ret_known)
{
	union {
		struct file_handle head;
		unsigned char bytes[sizeof(struct file_handle) + sizeof(ret_known->handle)];
	} handle = { .head = { .handle_bytes = sizeof(ret_known->handle) } };
	auto_close int fd = layer_at(layer->root, path, O_PATH | O_NOFOLLOW);
	int mount_id;

	if (fd < 0 || name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) < 0)
		return false;
	ret_known->len = handle.head.handle_bytes;
	ret_known->type = handle.head.handle_type;
	memcpy(ret_known->handle, handle.head.f_handle, ret_known->len);
	return true;
}

static int know_all(struct layer *layer)
{
	layer->known = calloc(layer->count + 1, sizeof(*layer->known));
	if (!layer->known)
		return -ENOMEM;
	for (size_t i = 0; i < layer->count; i++) {
		struct known *known = &layer->known[layer->known_count];

		known->change = i;
		if (S_ISREG(layer->changes[i].lower.st_mode) && handle_of(layer, layer->changes[i].path, known))
			layer->known_count++;
	}
	qsort(layer->known, layer->known_count, sizeof(*layer->known), by_handle);
	return 0;
}

static bool origin_parse(const unsigned char *origin, ssize_t len, struct known *ret_known)
{
	if (len <= (ssize_t)ORIGIN_HEADER || origin[1] != ORIGIN_MAGIC)
		return false;
	ret_known->type = origin[4];
	ret_known->len = (uint32_t)len - ORIGIN_HEADER;
	memcpy(ret_known->handle, origin + ORIGIN_HEADER, ret_known->len);
	return true;
}

size_t layer_origin(struct layer *layer, const struct change *change)
{
	auto_close int upper = layer_open_source(layer, change, O_RDONLY);
	unsigned char origin[ORIGIN_HEADER + sizeof(layer->known->handle)];
	ssize_t len = upper < 0 ? -1 : fgetxattr(upper, "user.overlay.origin", origin, sizeof(origin));
	const struct known *found;
	struct known key;

	if (layer->known_count == 0 || !origin_parse(origin, len, &key))
		return LAYER_NONE;
	found = bsearch(&key, layer->known, layer->known_count, sizeof(key), by_handle);
	return found ? found->change : LAYER_NONE;
}

/* ---- renames ---- */

static bool same_time(const struct stat *upper, const struct stat *lower)
{
	return upper->st_mtim.tv_sec == lower->st_mtim.tv_sec &&
	       upper->st_mtim.tv_nsec == lower->st_mtim.tv_nsec;
}

/* What `change` is to be made of is the file that the workspace has at `path`, in all that counts. */
static bool is_same_file(struct layer *layer, const struct change *change, const char *path,
			 const struct stat *lower)
{
	const struct stat *upper = &change->upper;
	auto_close int a = FD_NONE, b = FD_NONE;

	if ((upper->st_mode & 01777) != (lower->st_mode & 07777) || upper->st_gid != lower->st_gid ||
	    upper->st_size != lower->st_size || !same_time(upper, lower))
		return false;
	a = layer_open_source(layer, change, O_RDONLY);
	b = layer_at(layer->root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	/* One that its owner may not read is known by size and time. */
	if (b == -EACCES)
		return a >= 0;
	return a >= 0 && b >= 0 && layer_same_bytes(a, b) == 1 && layer_same_attributes(a, b) == 1;
}

static void connect_one(struct layer *layer, size_t index)
{
	struct change *change = &layer->changes[index], *other;
	size_t from = layer_origin(layer, change);

	if (from == LAYER_NONE || from == index)
		return;
	change->moved = true;
	other = &layer->changes[from];
	if (change->kind == CHANGE_ADDED && other->kind == CHANGE_DELETED && other->twin == LAYER_NONE) {
		change->twin = from;
		other->twin = index;
	}
	if (is_same_file(layer, change, other->path, &other->lower))
		change->from = from;
}

/* ---- further names ---- */

struct search {
	struct layer *layer;
	void *paths;             /* of tsearch(3): what has a change already */
	char path[LAYER_PATH_MAX];
	int error;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep(void *node)
{
	(void)node;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool index_name_parse(const char *name, struct known *ret_known)
{
	unsigned char origin[ORIGIN_HEADER + sizeof(ret_known->handle)];
	size_t len = strlen(name) / 2;

	if (strlen(name) % 2 || len > sizeof(origin))
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit(name[2 * i]), low = digit(name[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		origin[i] = (unsigned char)(high << 4 | low);
	}
	return origin_parse(origin, (ssize_t)len, ret_known);
}

static int index_add(struct layer *layer, const char *name)
{
	struct indexed *grown, *one;

	grown = reallocarray(layer->entries, layer->entry_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	layer->entries = grown;
	one = &grown[layer->entry_count];
	*one = (struct indexed){ 0 };
	/* Others are entries that are being made. */
	if (!index_name_parse(name, &one->origin) || layer_stat(layer->index, name, &one->st) < 0)
		return 0;
	layer_true_mode(layer, &one->st);
	one->name = strdup(name);
	if (!one->name)
		return -ENOMEM;
	layer->entry_count++;
	layer->file_entry_count += S_ISREG(one->st.st_mode);
	return 0;
}

static int index_read(struct layer *layer)
{
	cleanup_with(names_finish) struct names names = { 0 };
	int r;

	if (layer->index == FD_NONE)
		return 0; /* this overlay had none */
	r = names_read(layer_at(layer->index, "", O_RDONLY | O_DIRECTORY), &names);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = index_add(layer, names.items[i]);
	if (layer->entry_count > 0)
		qsort(layer->entries, layer->entry_count, sizeof(*layer->entries), by_handle);
	return r;
}

static const struct indexed *index_find(const struct layer *layer, const char *path)
{
	struct known handle;

	if (layer->entry_count == 0 || !handle_of(layer, path, &handle))
		return NULL;
	return bsearch(&handle, layer->entries, layer->entry_count, sizeof(*layer->entries), by_handle);
}

bool layer_is_indexed(const struct layer *layer, const char *path)
{
	return index_find(layer, path) != NULL;
}

/* A file of the workspace that the run changed under another name. */
static void look_at_name(struct search *search, const struct stat *lower)
{
	struct layer *layer = search->layer;
	const struct indexed *found;
	struct change *change;

	if (tfind(search->path, &search->paths, by_path))
		return;
	found = index_find(layer, search->path);
	if (!found || !S_ISREG(found->st.st_mode))
		return;
	search->error = layer_add(layer, search->path, CHANGE_MODIFIED, LAYER_NONE, &change);
	if (search->error < 0)
		return;
	change->upper = found->st;
	change->lower = *lower;
	change->index_name = strdup(found->name);
	if (!change->index_name) {
		search->error = -ENOMEM;
	} else if (is_same_file(layer, change, change->path, lower)) {
		search->error = layer_add_link(layer, found->st.st_ino, search->path);
		free(change->index_name);
		free(change->path);
		layer->count--;
	}
}

static void search_directory(struct search *search, unsigned int depth)
{
	cleanup_with(names_finish) struct names names = { 0 };
	size_t len = strlen(search->path);
	int dir = layer_at(search->layer->root, search->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	/* What cannot be read has no name that the run saw. */
	if (names_read(dir, &names) < 0)
		return;
	for (size_t i = 0; i < names.count && search->error == 0; i++) {
		struct stat st;

		if (snprintf(search->path + len, sizeof(search->path) - len, "%s%s", len ? "/" : "",
			     names.items[i]) >= (int)(sizeof(search->path) - len) ||
		    layer_stat(search->layer->root, search->path, &st) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			look_at_name(search, &st);
		else if (S_ISDIR(st.st_mode) && depth > 0)
			search_directory(search, depth - 1);
	}
	search->path[len] = '\0';
}

/* The whole workspace is gone through, but only where a file with several names was changed. */
static int find_names(struct search *search)
{
	struct layer *layer = search->layer;
	int r = index_read(layer);

	if (r < 0 || layer->file_entry_count == 0)
		return r;
	/* The texts stay where they are while the list grows. */
	for (size_t i = 0; i < layer->count; i++)
		if (!tsearch(layer->changes[i].path, &search->paths, by_path))
			return -ENOMEM;
	search_directory(search, LAYER_DEPTH_MAX);
	return search->error;
}

int layer_connect(struct layer *layer, struct error *err)
{
	struct search search = { .layer = layer };
	int r = know_all(layer);

	for (size_t i = 0; r == 0 && i < layer->count; i++)
		if (layer->changes[i].origin)
			connect_one(layer, i);
	if (r == 0)
		r = find_names(&search);
	tdestroy(search.paths, keep);
	if (r < 0)
		return error_set(err, r, "find the further names of files");
	layer_judge(layer);
	return 0;
}
