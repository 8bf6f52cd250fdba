/* SPDX-License-Identifier: Apache-2.0 */
/* From what the relay says to records and violations. */
#ifndef RUN_RELAY_REPORT_H
#define RUN_RELAY_REPORT_H

#include "egress/wire.h"

struct run;

/* `report` has passed relay_report_is_sound(). */
void relay_put(struct run *run, const struct egress_report *report);
/* The relay died while the run lives. */
void relay_put_death(struct run *run);

#endif
