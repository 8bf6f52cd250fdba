/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences about what people decide: approvals, waivers, the kill switch. */
#ifndef LEDGER_RENDER_PEOPLE_H
#define LEDGER_RENDER_PEOPLE_H

#include "ledger/render.h"

/* "uid:0 approved vcs.push: release day". `hit` is of one of these kinds. */
void render_people(struct buf *buf, const struct ledger_hit *hit);

#endif
