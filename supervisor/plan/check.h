/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of plan_check(), one per kind of section; plan.h is the contract. */
#ifndef PLAN_CHECK_H
#define PLAN_CHECK_H

#include "plan/plan.h"

/* Names the field; returns -EINVAL. */
int plan_bad(struct error *err, const char *field);
/* True when the text lies in PLAN_STRINGS, ends in NUL there, has no NUL inside and at most `max`. */
bool plan_text_ok(const struct plan *plan, struct plan_text text, uint32_t max);
/* The same for an absolute path without "." , "..", empty parts or a final slash. */
bool plan_path_ok(const struct plan *plan, struct plan_text text);

int plan_check_mounts(const struct plan *plan, struct error *err);
/* The filter may allow or refuse with an errno, nothing else. The base filter is stacked under it,
 * so nothing that it allows is allowed by it alone. */
int plan_check_filter(const struct plan *plan, struct error *err);

#endif
