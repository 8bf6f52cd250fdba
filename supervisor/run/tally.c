/* SPDX-License-Identifier: Apache-2.0 */
#include "run/tally.h"

#include "base/cleanup.h"

/* FNV-1a, 64 bit, with an end behind each part. Whoever makes two things collide makes its own count higher. */
uint64_t tally_key(uint64_t key, struct slice part)
{
	for (size_t i = 0; i < part.len; i++)
		key = (key ^ (unsigned char)part.data[i]) * 0x100000001b3ULL;
	return (key ^ 0x100U) * 0x100000001b3ULL;
}

uint32_t tally_add(struct tally *tally, uint64_t key)
{
	struct tally_row *rarest = &tally->rows[0];

	for (size_t i = 0; i < TALLY_MAX; i++) {
		struct tally_row *row = &tally->rows[i];

		if (row->count > 0 && row->key == key) {
			row->count += row->count < UINT32_MAX;
			return row->count;
		}
		if (row->count < rarest->count)
			rarest = row;
	}
	*rarest = (struct tally_row){ .key = key, .count = 1 };
	return 1;
}

void tally_clear(struct tally *tally)
{
	*tally = (struct tally){ 0 };
}
