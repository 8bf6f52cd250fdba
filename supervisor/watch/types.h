/* SPDX-License-Identifier: Apache-2.0 */
/* The types of the running kernel, and the few of them that the programs name. */
#ifndef WATCH_TYPES_H
#define WATCH_TYPES_H

#include <bpf/btf.h>

#include "base/cleanup.h"

/* All types. Reading them takes 10 ms, so it is done once. NULL and errno when there are none. */
struct btf *types_load(void);
void types_free_p(struct btf **types);

/* A memfd with those types of `kernel` whose names the programs' own types `local` have, and what they
 * hold by value: libbpf looks through all that it is given once for each type that a program names,
 * which is 40 ms with the whole kernel. The caller owns the descriptor. Returns it or -errno. */
int types_subset(const struct btf *kernel, const struct btf *local) MUST_USE;

#endif
