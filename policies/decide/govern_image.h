/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of a governing policy's image in a plan: head, settings, each table in the order of GOVERN_TABLES,
 * strings; each part starts at a multiple of 8 bytes, with zeros between. For govern.c and govern_check.c only. */
#ifndef DECIDE_GOVERN_IMAGE_H
#define DECIDE_GOVERN_IMAGE_H

#include <errno.h>

#include "decide/judge.h"

#define GOVERN_VERSION 1U
#define GOVERN_ALIGN 8U

enum govern_table_id {
#define GOVERN_ID(name, type, max) TABLE_##name,
	GOVERN_TABLES(GOVERN_ID)
#undef GOVERN_ID
	TABLE_COUNT,
};

struct govern_table {
	const char *name;
	size_t size;
	uint32_t max;
	size_t count_at, rows_at;        /* of struct govern_view */
};
extern const struct govern_table govern_tables[TABLE_COUNT];

struct govern_head {
	uint32_t version, strings_len;
	uint32_t counts[TABLE_COUNT];
	uint32_t reserved;
};
_Static_assert(sizeof(struct govern_head) % GOVERN_ALIGN == 0, "settings follow");

uint32_t govern_table_count(const struct govern_view *view, enum govern_table_id id);
const void *govern_table_rows(const struct govern_view *view, enum govern_table_id id);

#endif
