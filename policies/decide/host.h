/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a host (/etc/bailiff/host.yaml): who is who, tiers of agents, promotion, breakers. Compiled without
 * privilege, checked by the supervisor before it believes a byte; one fixed struct without pointers. A host without
 * the file has none of this: on a developer's machine a violation ends the run and nothing more (behaviour
 * model, sections 7, 9.1 and 11.1). */
#ifndef DECIDE_HOST_H
#define DECIDE_HOST_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"
#include "decide/govern.h"

#define HOST_MAGIC 0x54534f48U   /* "HOST" */
#define HOST_VERSION 1U
#define HOST_AGENTS_MAX 256U
#define HOST_ROLES_MAX 64U
#define HOST_AGENT_NAME_MAX 64U
#define HOST_TIERS 5U            /* T0 to T4 */
#define HOST_RUNS_MAX 128U       /* the longest history that promotion can ask for */

struct host_agent {
	char name[HOST_AGENT_NAME_MAX];
	uint32_t owner_uid;      /* UID_NONE: nobody in particular */
	uint32_t tier;           /* where it begins; promotion and demotion move it from there */
};

struct host_role {               /* who has a role: a user or the members of a group */
	uint32_t id;             /* uid or gid */
	uint8_t group, role;     /* enum role */
	uint8_t reserved[2];
};

struct host_promotion {
	uint64_t window_ns, cooldown_ns;
	uint32_t min_runs;
	uint32_t max_error_rate; /* millionths */
};

struct host_breaker {
	uint64_t window_ns, open_ns;
	uint32_t failures, half_open_runs;
};

struct host_settings {
	uint32_t magic, version;
	uint32_t default_tier, max_tier;
	uint32_t agent_count, role_count;
	struct host_promotion promotion;
	struct host_breaker breaker;
	struct host_agent agents[HOST_AGENTS_MAX];
	struct host_role roles[HOST_ROLES_MAX];
};

/* The defaults of the behaviour model: T2, at most T3; 20 runs in 30 days, 5 %, 7 days; 3 in 10 min, 5 min, 1 run. */
void host_defaults(struct host_settings *ret_settings);
/* Bytes from an unprivileged process. Returns 0, or -EINVAL with the field in *err. */
int host_check(const struct host_settings *settings, struct error *err) MUST_USE;
/* NULL when the file does not name it. */
const struct host_agent *host_agent_find(const struct host_settings *settings, struct slice name);

#endif
