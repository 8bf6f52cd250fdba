/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/answers.h"

static bool is_named(const struct answer *row, struct slice name)
{
	return row->name_len == name.len && memcmp(row->name, name.data, name.len) == 0;
}

static bool has_address(const struct answer *row, const uint8_t addr[16])
{
	for (uint8_t i = 0; i < row->count; i++)
		if (memcmp(row->addrs[i], addr, 16) == 0)
			return true;
	return false;
}

/* The row that says the same, else a free one, else the one that ends first. Earlier answers stay:
 * another process may be about to connect to what it got. */
static struct answer *place_for(struct answers *answers, const struct answer *new_row, uint64_t now_ns)
{
	struct slice name = slice_new(new_row->name, new_row->name_len);
	struct answer *best = NULL;

	for (uint32_t i = 0; i < answers->used; i++) {
		struct answer *row = &answers->rows[i];

		if (row->type == new_row->type && row->count == new_row->count && is_named(row, name) &&
		    memcmp(row->addrs, new_row->addrs, sizeof(row->addrs)) == 0)
			return row;
		if (row->valid_ns <= now_ns && (!best || row->valid_ns < best->valid_ns))
			best = row;
	}
	if (best)
		return best;
	if (answers->used < ANSWERS_MAX)
		return &answers->rows[answers->used++];
	best = &answers->rows[0];
	for (uint32_t i = 1; i < ANSWERS_MAX; i++)
		if (answers->rows[i].valid_ns < best->valid_ns)
			best = &answers->rows[i];
	return best;
}

void answers_put(struct answers *answers, struct slice name, uint16_t type,
		 const uint8_t (*addrs)[16], size_t count, uint64_t ttl_ns, uint64_t now_ns)
{
	struct answer row;

	if (name.len >= sizeof(row.name) || count > EGRESS_ANSWERS_MAX)
		return;
	row = (struct answer){ .type = type, .name_len = (uint8_t)name.len, .count = (uint8_t)count,
			       .fresh_ns = now_ns + ttl_ns,
			       .valid_ns = now_ns + ttl_ns + ANSWER_GRACE_NS };
	memcpy(row.name, name.data, name.len);
	memcpy(row.addrs, addrs, count * sizeof(row.addrs[0]));
	*place_for(answers, &row, now_ns) = row;
}

const struct answer *answers_fresh(const struct answers *answers, struct slice name, uint16_t type,
				   uint64_t now_ns)
{
	for (uint32_t i = 0; i < answers->used; i++) {
		const struct answer *row = &answers->rows[i];

		if (row->type == type && row->fresh_ns > now_ns && is_named(row, name))
			return row;
	}
	return NULL;
}

const struct answer *answers_next(const struct answers *answers, const uint8_t addr[16], uint64_t now_ns,
				  uint32_t *at)
{
	while (*at < answers->used) {
		const struct answer *row = &answers->rows[(*at)++];

		if (row->valid_ns > now_ns && has_address(row, addr))
			return row;
	}
	return NULL;
}

bool answers_has(const struct answers *answers, struct slice name, const uint8_t addr[16],
		 uint64_t now_ns)
{
	const struct answer *row;
	uint32_t at = 0;

	while ((row = answers_next(answers, addr, now_ns, &at)))
		if (is_named(row, name))
			return true;
	return false;
}
