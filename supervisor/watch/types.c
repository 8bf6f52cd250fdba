// SPDX-License-Identifier: Apache-2.0
/* A structure is copied after what it holds by value; a pointer becomes one to void, because what it
 * points to is looked up by its own name; names for other types and qualifiers are left out. So each
 * reference leads to what was copied before, and the depth is that of the kernel's structures. */
#include "watch/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"

#define NAMES_MAX 256U

struct copy {
	const struct btf *from;
	struct btf *to;
	uint32_t *ids;                /* by old id: the new one, 0 = not copied */
	int pointer;                  /* new id of all pointers */
	size_t name_count;
	const char *names[NAMES_MAX]; /* sorted */
};

/* From 6.16 on the types can be mapped; reading them takes a call for each of 1 300 pages. */
struct btf *types_load(void)
{
	auto_close int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf *types;
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return btf__load_vmlinux_btf();
	types = btf__new(bytes, (uint32_t)st.st_size);
	IGNORE(munmap(bytes, (size_t)st.st_size) < 0);
	return types;
}

void types_free_p(struct btf **types)
{
	btf__free(*types);
	*types = NULL;
}

static int copy_type(struct copy *copy, uint32_t id);

static int copy_array(struct copy *copy, const struct btf_type *type)
{
	const struct btf_array *array = btf_array(type);
	int element = copy_type(copy, array->type), index = copy_type(copy, array->index_type);

	if (element < 0 || index < 0)
		return element < 0 ? element : index;
	return btf__add_array(copy->to, index, element, array->nelems);
}

/* The members first: libbpf adds fields to its last type only. */
static int copy_struct(struct copy *copy, const struct btf_type *type, const char *name)
{
	const struct btf_member *members = btf_members(type);
	int r = 0, id;

	for (uint32_t i = 0; i < btf_vlen(type) && r >= 0; i++)
		r = copy_type(copy, members[i].type);
	if (r < 0)
		return r;
	id = btf_is_struct(type) ? btf__add_struct(copy->to, name, type->size) :
				   btf__add_union(copy->to, name, type->size);
	r = id;
	for (uint32_t i = 0; i < btf_vlen(type) && r >= 0; i++) {
		int member = copy_type(copy, members[i].type);

		r = member < 0 ? member :
		    btf__add_field(copy->to, btf__name_by_offset(copy->from, members[i].name_off),
				   member, btf_member_bit_offset(type, i),
				   btf_member_bitfield_size(type, i));
	}
	return r < 0 ? r : id;
}

static int copy_new(struct copy *copy, const struct btf_type *type)
{
	const char *name = btf__name_by_offset(copy->from, type->name_off);

	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		return btf__add_int(copy->to, name, type->size, btf_int_encoding(type));
	case BTF_KIND_ENUM:
		return btf__add_enum(copy->to, name, type->size);
	case BTF_KIND_ENUM64:
		return btf__add_enum64(copy->to, name, type->size, false);
	case BTF_KIND_ARRAY:
		return copy_array(copy, type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return copy_struct(copy, type, name);
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return copy_type(copy, type->type);
	default:
		return -EINVAL;       /* nothing else is held by value */
	}
}

/* The new id of an old type, which is copied when it was not yet. */
static int copy_type(struct copy *copy, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(copy->from, id);
	int r;

	if (!type)
		return -EINVAL;
	if (btf_is_ptr(type))
		return copy->pointer;
	if (id == 0 || copy->ids[id])
		return (int)copy->ids[id];
	r = copy_new(copy, type);
	if (r > 0)
		copy->ids[id] = (uint32_t)r;
	return r;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

/* The name of a structure that has one, else NULL. */
static const char *struct_name(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	if (!btf_is_composite(type) || type->name_off == 0)
		return NULL;
	return btf__name_by_offset(btf, type->name_off);
}

static int take_names(struct copy *copy, const struct btf *local)
{
	for (uint32_t id = 1; id < btf__type_cnt(local); id++) {
		const char *name = struct_name(local, id);

		if (!name)
			continue;
		if (copy->name_count == NAMES_MAX)
			return -E2BIG;
		copy->names[copy->name_count++] = name;
	}
	qsort(copy->names, copy->name_count, sizeof(copy->names[0]), compare_names);
	return 0;
}

static int copy_named(struct copy *copy)
{
	int r = copy->pointer;

	for (uint32_t id = 1; id < btf__type_cnt(copy->from) && r >= 0; id++) {
		const char *name = struct_name(copy->from, id);

		if (name && bsearch(&name, copy->names, copy->name_count, sizeof(copy->names[0]),
				    compare_names))
			r = copy_type(copy, id);
	}
	return r < 0 ? r : 0;
}

static int put_in_memory(const struct btf *btf)
{
	uint32_t size;
	const void *bytes = btf__raw_data(btf, &size);
	auto_close int fd = bytes ? memfd_create("types", MFD_CLOEXEC) : FD_NONE;
	int r;

	if (!bytes)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	r = io_write(fd, bytes, size);
	return r < 0 ? r : TAKE_FD(fd);
}

int types_subset(const struct btf *kernel, const struct btf *local)
{
	cleanup_with(types_free_p) struct btf *to = btf__new_empty();
	auto_free uint32_t *ids = calloc(btf__type_cnt(kernel), sizeof(*ids));
	struct copy copy = { .from = kernel, .to = to, .ids = ids };
	int r;

	if (!to || !ids)
		return -ENOMEM;
	r = take_names(&copy, local);
	if (r < 0)
		return r;
	copy.pointer = btf__add_ptr(to, 0);
	r = copy_named(&copy);
	return r < 0 ? r : put_in_memory(to);
}
