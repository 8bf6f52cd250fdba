/* SPDX-License-Identifier: Apache-2.0 */
#include "run/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/): cheap, and nothing rests on it but
 * how evenly the table is used. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash;
}

#define MIX_START 0xcbf29ce484222325ULL

uint64_t merge_object(uint64_t dev, uint64_t ino, uint64_t gen, struct slice name,
		      struct slice rule)
{
	uint64_t hash = mix(MIX_START, rule.data, rule.len);

	if (ino == 0)
		return mix(hash, name.data, name.len);
	hash = mix(hash, &dev, sizeof(dev));
	hash = mix(hash, &gen, sizeof(gen));
	return mix(hash, &ino, sizeof(ino));
}

static size_t place_of(const struct merge_key *key)
{
	uint64_t hash = mix(MIX_START, &key->proc_start_ns, sizeof(key->proc_start_ns));

	hash = mix(hash, &key->proc_pid, sizeof(key->proc_pid));
	hash = mix(hash, &key->what, sizeof(key->what));
	hash = mix(hash, &key->object, sizeof(key->object));
	return (size_t)((hash ^ hash >> 32) % MERGE_SLOTS);
}

static bool same_key(const struct merge_key *a, const struct merge_key *b)
{
	return a->proc_start_ns == b->proc_start_ns && a->proc_pid == b->proc_pid &&
	       a->what == b->what && a->object == b->object;
}

/* Whoever knows the hash can make two names meet in it; the name itself tells them apart. An event
 * without a name (the write witness) is about the file alone. */
static bool same_name(const struct merge_slot *slot, struct slice object)
{
	size_t len = MIN(object.len, (size_t)MERGE_OBJECT_MAX);

	return len == 0 || (slot->object_len == len && memcmp(slot->object, object.data, len) == 0);
}

static void hand_out(struct merge_slot *slot, uint64_t now_ns, merge_report *report, void *ctx)
{
	if (slot->pending > 0)
		report(ctx, slot);
	slot->pending = 0;
	slot->first_ns = 0;
	slot->reported_ns = now_ns;
}

static void count_repeat(struct merge_slot *slot, uint64_t now_ns, uint64_t count,
			 merge_report *report, void *ctx)
{
	if (slot->pending == 0)
		slot->first_ns = now_ns;
	slot->last_ns = now_ns;
	if (__builtin_add_overflow(slot->pending, count, &slot->pending))
		slot->pending = UINT64_MAX;
	/* Only refusals are news while they go on; reads wait for the end of the run. */
	if (slot->key.what == MERGE_DENIAL && now_ns - slot->reported_ns >= MERGE_REPORT_NS)
		hand_out(slot, now_ns, report, ctx);
}

struct merge_table *merge_new(void)
{
	/* Not calloc(): it writes all of it where the memory was used before. */
	struct merge_table *table = malloc(sizeof(*table));

	if (!table)
		return NULL;
	table->used = 0;
	memset(table->place, 0, sizeof(table->place));
	return table;
}

/* The slot of a key, empty when the key is the first in its place. */
static struct merge_slot *slot_of(struct merge_table *table, const struct merge_key *key)
{
	uint16_t *place = &table->place[place_of(key)];

	if (*place == 0) {
		table->slots[table->used].key.what = 0;
		*place = (uint16_t)++table->used;
	}
	return &table->slots[*place - 1];
}

bool merge_first(struct merge_table *table, const struct merge_slot *sample, struct slice object,
		 uint64_t now_ns, uint64_t count, merge_report *report, void *ctx)
{
	struct merge_slot *slot = slot_of(table, &sample->key);

	if (slot->key.what != 0 && same_key(&slot->key, &sample->key) && same_name(slot, object)) {
		count_repeat(slot, now_ns, count, report, ctx);
		return false;
	}
	if (slot->key.what != 0)
		hand_out(slot, now_ns, report, ctx);
	*slot = *sample;
	slot->pending = 0;
	slot->reported_ns = now_ns;
	slot->object_len = (uint16_t)MIN(object.len, (size_t)MERGE_OBJECT_MAX);
	memcpy(slot->object, object.data ? object.data : "", slot->object_len);
	return true;
}

void merge_flush(struct merge_table *table, merge_report *report, void *ctx)
{
	for (uint32_t i = 0; i < table->used; i++)
		hand_out(&table->slots[i], table->slots[i].last_ns, report, ctx);
}
