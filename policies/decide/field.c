/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/field.h"

static const struct field_row {
	const char *name;
	enum field_kind type;
} fields[FIELD_COUNT] = {
#define FIELD_ROW(id, name, type) [FIELD_##id] = { name, type },
	FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

const char *field_name(enum field_id field)
{
	return (unsigned int)field < FIELD_COUNT ? fields[field].name : NULL;
}

enum field_kind field_type(enum field_id field)
{
	return (unsigned int)field < FIELD_COUNT ? fields[field].type : TYPE_ABSENT;
}

enum field_id field_find(struct slice name)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		if (slice_is(name, fields[i].name))
			return (enum field_id)i;
	return FIELD_COUNT;
}
