/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an entry lies within the entries of a list: then taking it instead of the list narrows. Where that
 * cannot be told from the text the answer is no. Pure. */
#ifndef COMPILER_COVERS_H
#define COMPILER_COVERS_H

#include "base/slice.h"
#include "decide/net.h"
#include "decide/policy.h"

/* The path is an entry, or below the workspace when that is one. Not below another one: a link on the way
 * could lead out of it; of the workspace the plan makes sure (plan/layout.c). */
bool covers_path(const struct policy *policy, const struct policy_list *list, struct slice path);
/* A name of a variable, or a prefix with a final star. */
bool covers_name(const struct policy *policy, const struct policy_list *list, struct slice name);
/* Addresses, prefixes and ports; names within names. "*" covers all. */
bool covers_net(const struct policy *policy, const struct policy_list *list, struct slice entry,
		enum net_where where);

#endif
