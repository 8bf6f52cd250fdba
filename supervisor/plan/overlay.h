/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beside the upper layer of an overlay workspace, so that its changes can be judged when
 * the run is long gone: <state-dir>/workspaces/<RUN>/{upper,work,meta}. bailiff-init writes `meta`
 * once, before the command starts; bailiffd reads its head, `bailiff changes` and `commit` read it all.
 *
 * Layout: struct overlay_head, `path_count` struct rule_path, `strings_len` bytes of strings. */
#ifndef PLAN_OVERLAY_H
#define PLAN_OVERLAY_H

#include "base/ulid.h"
#include "plan/plan.h"

#define OVERLAY_MAGIC 0x4c564f42U  /* "BOVL" */
#define OVERLAY_VERSION 1U
#define OVERLAY_BYTES_MAX (PLAN_STRINGS_MAX + PLAN_PATHS_MAX * sizeof(struct rule_path) + 4096U)
#define OVERLAY_UPPER "upper"
#define OVERLAY_WORK "work"
#define OVERLAY_META "meta"

struct overlay_head {
	uint32_t magic, version;
	struct ulid run;
	uint64_t started_ns;       /* CLOCK_REALTIME, not later than the mount: a file of the workspace with
	                            * a ctime not before it was changed meanwhile */
	uint64_t root_dev, root_ino; /* of the workspace */
	uint32_t uid, gid;         /* of the run */
	uint32_t owner_uid;        /* 0: the files are root's on disk */
	uint32_t root_mode;        /* of the workspace, as in st_mode */
	uint8_t policy_digest[32];
	struct plan_text workspace, agent, policy_name;
	uint32_t path_count, strings_len;
	uint32_t files_on_scope;   /* enum on_refusal */
	uint32_t reserved;
};
_Static_assert(sizeof(struct overlay_head) == 136, "kept on disk");

struct overlay_meta {              /* a checked view of the bytes */
	const struct overlay_head *head;
	const struct rule_path *paths;
	const char *strings;
};

/* Total: any bytes (8-aligned) give 0, or -EINVAL with the field named in *err. */
int overlay_check(const void *bytes, size_t len, struct overlay_meta *ret_meta, struct error *err) MUST_USE;
/* The head alone, as far as it can be judged without the rest. */
bool overlay_head_ok(const struct overlay_head *head);
/* The rules on files, for decide(). Borrows from the meta's bytes. */
void overlay_rules(const struct overlay_meta *meta, struct rules *ret_rules);
static inline const char *overlay_text(const struct overlay_meta *meta, struct plan_text text)
{
	return meta->strings + text.offset;
}

#endif
