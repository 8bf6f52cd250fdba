/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64U

void chain_finish(struct chain *chain)
{
	free(chain->links);
	*chain = (struct chain){ 0 };
}

/* The run's slot, or the empty one where it belongs. ULIDs end in random bits. */
static struct chain_link *slot_of(struct chain_link *links, size_t cap, const uint8_t run[16])
{
	uint64_t hash;
	size_t at;

	memcpy(&hash, run + 8, sizeof(hash));
	at = (size_t)(hash * 0x9E3779B97F4A7C15U >> 20) & (cap - 1);
	while (links[at].next != 0 && memcmp(links[at].run, run, 16) != 0)
		at = (at + 1) & (cap - 1);
	return &links[at];
}

const struct chain_link *chain_find(const struct chain *chain, const uint8_t run[16])
{
	const struct chain_link *link;

	if (chain->cap == 0)
		return NULL;
	link = slot_of(chain->links, chain->cap, run);
	return link->next != 0 ? link : NULL;
}

static int grow(struct chain *chain)
{
	size_t cap = chain->cap ? chain->cap * 2 : FIRST_CAP;
	struct chain_link *links = calloc(cap, sizeof(*links));

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < chain->cap; i++) {
		if (chain->links[i].next != 0)
			*slot_of(links, cap, chain->links[i].run) = chain->links[i];
	}
	free(chain->links);
	chain->links = links;
	chain->cap = cap;
	return 0;
}

int chain_set(struct chain *chain, const struct chain_link *link)
{
	struct chain_link *slot;

	if (chain->count * 2 >= chain->cap) {
		int r = grow(chain);

		if (r < 0)
			return r;
	}
	slot = slot_of(chain->links, chain->cap, link->run);
	chain->count += slot->next == 0;
	*slot = *link;
	return 0;
}
