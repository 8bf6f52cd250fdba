/* SPDX-License-Identifier: Apache-2.0 */
/* The launch plan: everything that root needs to know about one run, as fixed structs in one
 * sealed memfd. Built without privilege (plan_build), checked with privilege (plan_check), carried
 * out by launch/ and init/. Nothing in it is trusted before plan_check() has passed: offsets,
 * counts, strings, enums, orders. It cannot widen what root allows: uid 0 is never in it, a path
 * is looked up with the caller's rights, the base filter is always stacked under its filter.
 *
 * Layout: struct plan_head, then sections in any order, 8-aligned, not overlapping. Strings are
 * NUL-terminated in PLAN_STRINGS and referenced by offset and length. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdint.h>

#include "base/error.h"
#include "base/feature.h"
#include "base/slice.h"
#include "decide/rules.h"

#define PLAN_MAGIC 0x4e4c5042U   /* "BPLN" */
#define PLAN_VERSION 1U
#define PLAN_BYTES_MAX (8U << 20)
#define PLAN_PATHS_MAX 4096U
#define PLAN_MOUNTS_MAX 4096U
#define PLAN_EXPOSE_MAX 16U      /* POLICY_EXPOSE_MAX */
#define PLAN_NAMES_MAX 256U
#define PLAN_NETS_MAX 128U       /* RUN_NET_RULES_MAX */
#define PLAN_GROUPS_MAX 256U
#define PLAN_FILTER_MAX 2048U    /* cBPF instructions */
#define PLAN_ARGV_MAX (2U << 20) /* bytes */
#define PLAN_ENV_MAX (1U << 20)
#define PLAN_DOC_MAX (1U << 20)
#define PLAN_STRINGS_MAX (2U << 20)
#define PLAN_PATH_MAX 4096U
#define PLAN_GOVERN_MAX (1U << 20)
#define PLAN_SECRETS_MAX 16U     /* POLICY_SECRETS_MAX */

enum plan_section {
	PLAN_STRINGS, PLAN_PATHS, PLAN_NETS, PLAN_MOUNTS, PLAN_GROUPS, PLAN_FILTER, PLAN_ARGV,
	PLAN_ENV, PLAN_DOC, PLAN_SECRETS, PLAN_NAMES, PLAN_GOVERN, PLAN_SECTION_COUNT,
};

struct plan_range {          /* of a section: count elements, or bytes for STRINGS ARGV ENV DOC GOVERN */
	uint32_t offset;
	uint32_t count;
};

struct plan_text {
	uint32_t offset;         /* into PLAN_STRINGS */
	uint32_t len;
};

/* How the new root is put together, in the order of the list. Targets are absolute paths inside;
 * their parents are made as needed on the tmpfs root. Sources are host paths, looked up with the
 * caller's rights and without following symbolic links. */
enum plan_mount_kind {
	MOUNT_BIND_RO,           /* source (file or directory, with what is mounted below it) at target */
	MOUNT_BIND_RW,
	MOUNT_OVERLAY,           /* source (the workspace) below an upper layer of the run's own, copy-on-write */
	MOUNT_PIN,               /* target (already visible) bound onto itself, so that it cannot be renamed */
	MOUNT_PROTECT,           /* target bound onto itself read-only */
	MOUNT_MASK,              /* target hidden by an empty root-owned file or directory of mode 0 */
	MOUNT_TMPFS,             /* private, empty, the run's own */
	MOUNT_SYMLINK,           /* target is a symbolic link with the text `source` */
	MOUNT_PROC,              /* own /proc, covered */
	MOUNT_DEV,               /* minimal /dev with own devpts and shm */
	MOUNT_KIND_COUNT,
};

#define MOUNT_IDMAP 1U       /* the caller's files: root's on disk, the run's inside (root caller) */
#define MOUNT_OPTIONAL 2U    /* skipped when the source is gone */
#define MOUNT_MASK_ALWAYS 4U /* MASK: made even where the target is not visible otherwise */
#define MOUNT_NOEXEC 8U
#define MOUNT_IS_DIR 16U     /* MASK: shape when the target does not exist */

struct plan_mount {
	uint32_t kind;           /* enum plan_mount_kind */
	uint32_t flags;          /* MOUNT_* */
	struct plan_text source; /* len 0 where the kind has none */
	struct plan_text target;
	uint32_t size_mib;       /* TMPFS; 0 = default */
	uint32_t mode;           /* TMPFS: permission bits */
};
_Static_assert(sizeof(struct plan_mount) == 32, "part of the plan");

/* A secret that the run gets. Names only: values go from `bailiff` to bailiff-init (plan/secrets.h). */
struct plan_secret {
	struct plan_text name;
	uint32_t as;             /* enum secret_as */
	uint32_t reserved;
};
_Static_assert(sizeof(struct plan_secret) == 16, "part of the plan");

struct plan_limits {         /* 0 = none */
	uint64_t memory_bytes, file_size_bytes, cpu_milli, wall_ns;
	uint32_t pids, open_files;
};

struct plan_heartbeat {
	uint64_t ttl_ns, grace_start_ns, max_extend_ns, stall_after_ns;
	uint32_t mode;           /* enum heartbeat_mode */
	uint32_t max_repeats;
	uint32_t on_stall;       /* enum on_refusal: DENY ignores, ASK pauses and asks */
	uint32_t reserved;
};

#define PLAN_TERMINAL_IN 1U  /* fd 0 is a terminal and becomes the pty's slave */
#define PLAN_TERMINAL_OUT 2U
#define PLAN_TERMINAL_ERR 4U
#define PLAN_QUIET 8U
#define PLAN_BROKER 16U      /* protected names may not exist yet: the run's names are made by a broker */
#define PLAN_GATE 32U        /* commands are judged: the policy has rules */
#define PLAN_FLAGS (2 * PLAN_GATE - 1)

struct plan_head {
	uint32_t magic, version;
	uint32_t bytes;          /* of the whole plan */
	uint32_t reserved;
	struct plan_range sections[PLAN_SECTION_COUNT];
	uint32_t uid, gid;       /* of the run; never 0 */
	uint32_t owner_uid;      /* the caller's: 0 only for a root caller without SUDO_UID, then mounts
	                          * marked MOUNT_IDMAP map owner_uid to uid */
	uint32_t flags;          /* PLAN_* */
	struct plan_text program;/* absolute path inside, or a bare name to be looked up in PATH of env */
	struct plan_text cwd;    /* inside */
	struct plan_text workspace; /* host path = path inside */
	struct plan_text agent, policy_name, owner_name, hostname;
	uint8_t policy_digest[32];
	uint32_t mode;           /* enum policy_mode */
	uint32_t workspace_mode, network_mode, on_supervisor_loss, on_loss;
	uint32_t tier, max_concurrent;
	uint32_t require, prefer;/* bits of enum feature */
	uint32_t files_on_scope, net_on_scope, on_forbidden;
	uint32_t connect_default, bind_default;
	uint32_t umask;
	uint32_t expose_count;   /* network mode allowlist */
	uint16_t expose[PLAN_EXPOSE_MAX]; /* ports of the run that the host reaches at 127.0.0.1 */
	struct response responses[SEVERITY_COUNT];
	uint8_t severity_override[VIOLATION_TYPE_LIMIT];
	uint8_t pad[(8 - VIOLATION_TYPE_LIMIT % 8) % 8];
	struct plan_limits limits;
	struct plan_heartbeat heartbeat;
};

/* A plan in memory. Borrowed views are valid as long as `bytes` is. */
struct plan {
	const struct plan_head *head;
	size_t bytes;
	const char *strings;
	const struct rule_path *paths;
	const struct net_rule *nets;
	const struct net_name *names; /* network mode allowlist */
	const struct plan_mount *mounts;
	const uint32_t *groups;
	const struct sock_filter *filter;
	const struct plan_secret *secrets;
	struct govern_view govern;     /* settings NULL: the policy has no rules about actions */
	struct slice argv, env, doc;   /* argv, env: NUL-terminated strings one after another */
};

/* ---- check.c: linked by root ---- */

/* Maps a received memfd: it must be sealed against writing, growing and shrinking and at most
 * PLAN_BYTES_MAX. Release with plan_unmap(). Returns 0, -EPERM (not sealed), -EMSGSIZE, -EINVAL. */
int plan_map(int memfd, struct plan *ret_plan, struct error *err) MUST_USE;
void plan_unmap(struct plan *plan);

/* Checks a plan from outside and fills the views. Total: any bytes give 0 or a negative errno with
 * the field named in *err. Reads `bytes` once each; they must not change meanwhile (sealed). */
int plan_check(const void *bytes, size_t len, struct plan *ret_plan, struct error *err) MUST_USE;

/* Who may ask for this plan: a peer other than root only for itself (uid, gid, groups). */
int plan_check_peer(const struct plan *plan, uid_t peer_uid, gid_t peer_gid, const gid_t *peer_groups,
		    size_t peer_group_count, struct error *err) MUST_USE;

/* What of a plan its tier does not allow, in words; NULL when it stays within. */
const char *plan_tier_exceeded(const struct plan *plan);

/* A checked plan's text, NUL-terminated. */
static inline const char *plan_text(const struct plan *plan, struct plan_text text)
{
	return plan->strings + text.offset;
}

/* The view that decide() takes. */
void plan_rules(const struct plan *plan, struct rules *ret_rules);
/* Number of strings in argv or env; fills `ret` (count + 1 pointers, NULL last) when it is not NULL. */
size_t plan_vector(struct slice strings, char **ret, size_t ret_size);

/* ---- build.c and friends: linked by bailiff, never by root ---- */

struct run_spec {            /* what the command line adds to the policy; borrowed */
	const char *const *argv; /* NULL-terminated, at least one */
	const char *const *environ;
	const char *cwd;         /* absolute, host */
	const char *home;        /* of the run's user, absolute; NULL = none */
	uid_t uid;               /* of the run */
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	uid_t owner_uid;         /* see plan_head */
	const char *owner_name, *agent, *hostname;
	const char *const *extra_read, *const *extra_write, *const *extra_env; /* NULL-terminated or NULL */
	const char *set_env;     /* reserved: NULL */
	int network;             /* enum network_mode, or -1 = as the policy says; may only narrow */
	struct policy_limits limits; /* 0 = as the policy says; may only lower */
	const char *workspace;   /* NULL = as the policy says */
	uint32_t flags;          /* PLAN_TERMINAL_*, PLAN_QUIET */
	const char *state_dir, *runtime_dir; /* the supervisor's, absolute: hidden, and read-only, wherever
	                          * they are; NULL = the default ones, which always are hidden */
	struct slice doc;        /* canonical JSON of the effective policy */
	uint8_t digest[32];      /* its SHA-256 */
	struct slice filter;     /* of policy_filter(): struct sock_filter instructions */
};

/* Expands the policy for this host and writes a plan that passes plan_check() to a sealed memfd.
 * Does all path resolution that needs the host's symbolic links. Returns 0 or a negative errno with
 * text, next step and exit code in *err. */
int plan_build(const struct policy *policy, const struct run_spec *spec, int *ret_memfd,
	       struct error *err) MUST_USE;

/* The rules of a policy for decide(), as plan_build() writes them, for a workspace and a home that
 * need not exist. *ret_rules borrows from *ret_memory; release that with plan_rules_free(). */
struct plan_rules_memory;
int plan_rules_of(const struct policy *policy, const char *workspace, const char *home,
		  struct plan_rules_memory **ret_memory, struct rules *ret_rules,
		  struct error *err) MUST_USE;
void plan_rules_free(struct plan_rules_memory *memory);

#endif
