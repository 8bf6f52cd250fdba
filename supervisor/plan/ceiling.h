/* SPDX-License-Identifier: Apache-2.0 */
/* The ceiling of a host: what no run's plan may exceed, whoever made it. Built from a policy document without
 * privilege (ceiling_build.c), checked and then compared with every plan by the supervisor (ceiling.c), so
 * that a client of somebody's own is refused like an honest one. One fixed struct without pointers. */
#ifndef PLAN_CEILING_H
#define PLAN_CEILING_H

#include "plan/plan.h"

#define CEILING_MAGIC 0x4c494543U  /* "CEIL" */
#define CEILING_VERSION 1U
#define CEILING_PATHS_MAX 1024U
#define CEILING_NETS_MAX 512U
#define CEILING_NAMES_MAX 128U
#define CEILING_HOMES_MAX 2048U
#define CEILING_STRINGS_MAX (256U << 10)

/* What the document names. What it does not name is not limited. */
enum ceiling_key {
	CEILING_TIER, CEILING_REQUIRE, CEILING_ON_FORBIDDEN, CEILING_FILES_ON_SCOPE, CEILING_NET_ON_SCOPE,
	CEILING_ON_SUPERVISOR_LOSS, CEILING_ON_LOSS, CEILING_WORKSPACE_MODE, CEILING_NETWORK_MODE,
	CEILING_READ, CEILING_WRITE, CEILING_ALLOW, CEILING_BIND, CEILING_PIDS, CEILING_OPEN_FILES, CEILING_MEMORY,
	CEILING_FILE_SIZE, CEILING_CPU, CEILING_WALL, CEILING_KEY_COUNT,
};

struct ceiling_home {
	uint32_t uid;
	struct plan_text path;   /* absolute */
};

struct ceiling {
	uint32_t magic, version;
	uint32_t set;            /* bits of enum ceiling_key */
	uint32_t tier, require;
	uint32_t on_forbidden, files_on_scope, net_on_scope;   /* enum on_refusal */
	uint32_t on_supervisor_loss, on_loss;                  /* enum on_loss */
	uint32_t workspace_mode, network_mode;
	struct plan_limits limits;
	uint32_t path_count, net_count, name_count, home_count, strings_len, reserved;
	/* READ, WRITE: what may be shown and written; DENY_READ, DENY_WRITE: what every run is kept from. From "/",
	 * "~" (home of the run's owner) or "." (its workspace) on, each with all below it. */
	struct rule_path paths[CEILING_PATHS_MAX];
	struct net_rule nets[CEILING_NETS_MAX];
	struct net_name names[CEILING_NAMES_MAX];
	struct ceiling_home homes[CEILING_HOMES_MAX];
	char strings[CEILING_STRINGS_MAX];
};

/* ---- ceiling.c: linked by root ---- */

/* Bytes from an unprivileged process: every count, enum and text. Returns 0, or -EINVAL with the field. */
int ceiling_check(const struct ceiling *ceiling, struct error *err) MUST_USE;
/* Whether a checked plan stays below a checked ceiling. `exists` tells whether a host path does. Returns 0, or
 * -EPERM with what exceeds it, the next step and exit code 122. */
int ceiling_covers(const struct ceiling *ceiling, const struct plan *plan, bool (*exists)(const char *path),
		   struct error *err) MUST_USE;

/* ---- ceiling_build.c: never linked by root ---- */

/* `set`: what the document of `policy` names. Returns 0 or -errno with text; fills *ret_ceiling whole. */
int ceiling_build(const struct policy *policy, uint32_t set, struct ceiling *ret_ceiling,
		  struct error *err) MUST_USE;
/* The home of a user. Returns 0, or -ENOSPC when there are more than the table holds. */
int ceiling_add_home(struct ceiling *ceiling, uid_t uid, const char *path) MUST_USE;

#endif
