/* SPDX-License-Identifier: Apache-2.0 */
/* What a new name means to the rules: whether a name that does not exist yet may appear at a path.
 * Mounts keep protected names that exist; this is for those that do not. Pure. */
#ifndef DECIDE_NAMES_NEW_H
#define DECIDE_NAMES_NEW_H

#include "decide/rules.h"

enum new_name {
	NEW_NAME_PROTECTED,      /* a rule covers it: nothing may appear there */
	NEW_NAME_LEADS,          /* a protected name lies below: only a directory may appear, and one that
	                          * arrives with content must be searched */
	NEW_NAME_REACHES,        /* a pattern with ** may match below: an arriving directory is searched */
	NEW_NAME_FREE,
};

/* `path` is absolute and normalised. Rules that hide, deny or keep a baseline count. */
enum new_name new_name_at(const struct rules *rules, struct slice path);

#endif
