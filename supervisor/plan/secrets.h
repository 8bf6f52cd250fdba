/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a run's secrets on their way from `bailiff` to bailiff-init: one sealed memfd, sent over the
 * session channel before the plan is sent anywhere (SESSION_SECRETS). The supervisor, which is root, never
 * holds it. The plan names them (PLAN_SECRETS); values stand here in the same order, one after another
 * behind the head. */
#ifndef PLAN_SECRETS_H
#define PLAN_SECRETS_H

#include <stdint.h>

#include "plan/plan.h"

#define SECRETS_MAGIC 0x43455342U /* "BSEC" */
#define SECRET_BYTES_MAX 65536U   /* of one value */
#define SECRETS_BYTES_MAX (sizeof(struct secrets_head) + PLAN_SECRETS_MAX * SECRET_BYTES_MAX)

struct secrets_head {
	uint32_t magic, count;
	uint32_t lens[PLAN_SECRETS_MAX]; /* 1 to SECRET_BYTES_MAX for the first `count`, else 0 */
};

#endif
