/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as the compiler fills them, as judge() reads them, and as the bytes that a plan carries. */
#include "base/buf.h"
#include "decide/govern_image.h"

_Static_assert(sizeof(struct govern_capability) == 96 && sizeof(struct govern_pattern) == 16 &&
	       sizeof(struct govern_choice) == 12 && sizeof(struct govern_capture) == 16 &&
	       sizeof(struct govern_rule) == 116 && sizeof(struct govern_environment) == 48 &&
	       sizeof(struct govern_guard) == 64 && sizeof(struct govern_condition) == 32 &&
	       sizeof(struct govern_route) == 16 && sizeof(struct govern_approval) == 32 &&
	       sizeof(struct govern_phase) == 40 && sizeof(struct govern_budget) == 24 &&
	       sizeof(struct govern_lease) == 24, "no hidden padding: these are bytes of a plan");
_Static_assert(sizeof(struct govern_settings) == 32 + RISK_COUNT * 32 + PHASE_COUNT * 40 + 48,
	       "no hidden padding: these are bytes of a plan");

const struct govern_table govern_tables[TABLE_COUNT] = {
#define GOVERN_ROW(name, type, max) [TABLE_##name] = { \
	#name, sizeof(type), max, offsetof(struct govern_view, name##_count), offsetof(struct govern_view, name) },
	GOVERN_TABLES(GOVERN_ROW)
#undef GOVERN_ROW
};

uint32_t govern_table_count(const struct govern_view *view, enum govern_table_id id)
{
	uint32_t count;

	memcpy(&count, (const char *)view + govern_tables[id].count_at, sizeof(count));
	return count;
}

const void *govern_table_rows(const struct govern_view *view, enum govern_table_id id)
{
	const void *rows;

	memcpy(&rows, (const char *)view + govern_tables[id].rows_at, sizeof(rows));
	return rows;
}

void govern_view_of(const struct govern *govern, const char *strings, uint32_t strings_len,
		    struct govern_view *ret_view)
{
	*ret_view = (struct govern_view){
		.settings = &govern->settings, .strings = strings, .strings_len = strings_len,
#define GOVERN_COPY(name, type, max) .name##_count = govern->name##_count, .name = govern->name,
		GOVERN_TABLES(GOVERN_COPY)
#undef GOVERN_COPY
	};
}

bool govern_phases_said(const struct govern_settings *settings)
{
	static const struct govern_phase usual = { .exit_guard = GOVERN_NONE };

	for (unsigned int i = 0; i < PHASE_COUNT; i++) {
		if (memcmp(&settings->phases[i], &usual, sizeof(usual)) != 0)
			return true;
	}
	return settings->phases_enforce != PHASES_AUTO || settings->rework != GOVERN_REWORK ||
	       settings->optional_phases != 0;
}

bool govern_is_used(const struct govern_settings *settings)
{
	return settings->gated || settings->budget.set || settings->lease.resource.len > 0 ||
	       settings->high_risk_transitions != 0 || settings->child_runs > 0 || settings->min_tier > 0 ||
	       govern_phases_said(settings);
}

/* Relative to the image, wherever it stands in the buffer. */
static int append_aligned(struct buf *buf, const void *bytes, size_t len)
{
	int r = len > 0 ? buf_append(buf, bytes, len) : 0;

	if (r < 0 || len % GOVERN_ALIGN == 0)
		return r;
	return buf_reserve(buf, GOVERN_ALIGN - len % GOVERN_ALIGN) ? 0 : -ENOMEM;
}

int govern_write(const struct govern_view *view, struct buf *buf)
{
	struct govern_head head = { .version = GOVERN_VERSION, .strings_len = view->strings_len };
	int r;

	for (enum govern_table_id id = 0; id < TABLE_COUNT; id++)
		head.counts[id] = govern_table_count(view, id);
	r = append_aligned(buf, &head, sizeof(head));
	if (r == 0)
		r = append_aligned(buf, view->settings, sizeof(*view->settings));
	for (enum govern_table_id id = 0; id < TABLE_COUNT && r == 0; id++)
		r = append_aligned(buf, govern_table_rows(view, id), head.counts[id] * govern_tables[id].size);
	return r == 0 ? append_aligned(buf, view->strings, view->strings_len) : r;
}
