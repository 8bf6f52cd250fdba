/* SPDX-License-Identifier: Apache-2.0 */
/* Whose rights count. Look-ups take the caller's file identity: setfsuid(2) drops the capabilities
 * that override file permissions, but leaves CAP_SYS_ADMIN, which open_tree(2) needs. Demotion goes
 * in one order, because each step needs what the next removes. */
#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/proc.h"
#include "init/init.h"

#define CAPABILITY_LIMIT 64    /* numbers of capabilities are bits of a 64-bit mask */
#define SECCOMP_MODE_FILTERS 2 /* prctl(PR_GET_SECCOMP) */

static int file_identity(uid_t uid, gid_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	/* Both calls return the previous value and no error; an impossible id only asks. */
	return (uid_t)setfsuid(UID_NONE) == uid && (gid_t)setfsgid(GID_NONE) == gid ? 0 : -EPERM;
}

int identity_as_caller(struct init *init, struct error *err)
{
	const struct plan_head *head = init->plan.head;
	int r;

	if (head->owner_uid == 0 || init->as_caller)
		return 0;
	if (setgroups(head->sections[PLAN_GROUPS].count, init->plan.groups) < 0)
		return error_set(err, -errno, "take the caller's groups");
	r = file_identity(head->owner_uid, head->gid);
	init->as_caller = r >= 0; /* in part is a failure, and the end of us */
	return r < 0 ? error_set(err, r, "take the file identity of uid %u", head->owner_uid) : 0;
}

int identity_as_root(struct init *init, struct error *err)
{
	int r;

	if (!init->as_caller)
		return 0;
	r = file_identity(0, 0);
	if (r >= 0 && setgroups(0, NULL) < 0)
		r = -errno;
	init->as_caller = r < 0;
	return r < 0 ? error_set(err, r, "return to root's file identity") : 0;
}

int stage_bounding(struct init *init, struct error *err)
{
	(void)init;
	for (int cap = 0; cap < CAPABILITY_LIMIT; cap++) {
		int present = prctl(PR_CAPBSET_READ, cap);

		if (present < 0)
			break; /* EINVAL: the kernel knows no more */
		if (present && prctl(PR_CAPBSET_DROP, cap) < 0)
			return error_set(err, -errno, "drop capability %d from the bounding set", cap);
	}
	return 0;
}

static int limit_one(__rlimit_resource_t resource, uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -errno;
	/* Never raised: a lower hard limit of the supervisor is a limit, too. */
	limit.rlim_max = MIN(limit.rlim_max, (rlim_t)wanted);
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int stage_limits(struct init *init, struct error *err)
{
	const struct plan_limits *limits = &init->plan.head->limits;
	int r = proc_core_off();

	if (r >= 0)
		r = limit_one(RLIMIT_RTPRIO, 0);
	if (r >= 0 && limits->open_files)
		r = limit_one(RLIMIT_NOFILE, limits->open_files);
	if (r >= 0 && limits->file_size_bytes)
		r = limit_one(RLIMIT_FSIZE, limits->file_size_bytes);
	if (r < 0)
		return error_set(err, r, "set resource limits");
	umask((mode_t)(init->plan.head->umask & 0777U));
	return 0;
}

static int ids_set(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count, struct error *err)
{
	uid_t u[3];
	gid_t g[3];

	if (uid == 0 || gid == 0 || uid == UID_NONE || gid == GID_NONE)
		return error_set(err, -EPERM, "refusing to run as uid %u, gid %u", uid, gid);
	if (setgroups(group_count, groups) < 0)
		return error_set(err, -errno, "set %zu groups", group_count);
	if (setresgid(gid, gid, gid) < 0)
		return error_set(err, -errno, "become gid %u", gid);
	if (setresuid(uid, uid, uid) < 0)
		return error_set(err, -errno, "become uid %u", uid);
	if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
		return error_set(err, -errno, "read the ids back");
	for (int i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid)
			return error_set(err, -EPERM, "uid or gid did not change");
	return 0;
}

int stage_identity(struct init *init, struct error *err)
{
	const struct plan_head *head = init->plan.head;

	return ids_set(head->uid, head->gid, init->plan.groups, head->sections[PLAN_GROUPS].count, err);
}

static int capabilities_only(const cap_value_t *keep, int count, struct error *err)
{
	cap_t caps = cap_init();
	int r = 0;

	if (!caps)
		return error_set(err, -ENOMEM, "allocate a capability set");
	if (count > 0 && (cap_set_flag(caps, CAP_PERMITTED, count, keep, CAP_SET) < 0 ||
			  cap_set_flag(caps, CAP_EFFECTIVE, count, keep, CAP_SET) < 0))
		r = -errno;
	if (r >= 0 && cap_set_proc(caps) < 0)
		r = -errno;
	IGNORE(cap_free(caps) < 0);
	if (r >= 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "give up capabilities") : 0;
}

int stage_capabilities(struct init *init, struct error *err)
{
	int r = capabilities_only(NULL, 0, err);

	(void)init;
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "set no_new_privs");
	/* After the uid change, which clears it. A second net: pid 1's end kills the namespace. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_set(err, -errno, "set the parent death signal");
	return 0;
}

/* pid 1 keeps CAP_KILL: the command has another uid, and job control needs signals to it. The pid
 * namespace bounds whom it can name. */
int identity_demote_init(const struct init *init, struct error *err)
{
	static const cap_value_t keep[] = { CAP_KILL };
	int r;

	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return error_set(err, -errno, "keep capabilities over the uid change");
	r = ids_set(init->uid, init->gid, NULL, 0, err);
	if (r >= 0)
		r = capabilities_only(keep, COUNT(keep), err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "seal pid 1");
	if (init->plan.head->on_supervisor_loss == LOSS_KILL && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_set(err, -errno, "set the parent death signal of pid 1");
	return filter_init_install(err);
}

/* Real uid of pid 1, so that the agent can neither signal nor starve it; file identity of the run, so
 * that it can open and make what the agent can, no more (credentials(7)). CAP_SYS_PTRACE reads the
 * arguments of callers that are not dumpable; the pid namespace bounds whom it can name, the filter
 * leaves reading, and Landlock's domain holds for it, too. */
int identity_demote_broker(const struct init *init, struct error *err)
{
	static const cap_value_t ids[] = { CAP_SETUID, CAP_SETGID, CAP_SYS_PTRACE };
	static const cap_value_t keep[] = { CAP_SYS_PTRACE };
	const struct plan_head *head = init->plan.head;
	int r;

	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return error_set(err, -errno, "keep capabilities over the uid change");
	r = ids_set(init->uid, init->gid, init->plan.groups, head->sections[PLAN_GROUPS].count, err);
	if (r >= 0)
		r = capabilities_only(ids, COUNT(ids), err);
	if (r < 0)
		return r;
	r = file_identity(head->uid, head->gid);
	if (r < 0)
		return error_set(err, r, "take the file identity of uid %u", head->uid);
	r = capabilities_only(keep, COUNT(keep), err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "seal the broker");
	return 0;
}

static int capabilities_are_empty(void)
{
	cap_t now = cap_get_proc(), none = cap_init();
	int same = now && none ? cap_compare(now, none) : -1;

	IGNORE(now && cap_free(now) < 0);
	IGNORE(none && cap_free(none) < 0);
	return same == 0;
}

static bool bounding_is_empty(void)
{
	for (int cap = 0; cap < CAPABILITY_LIMIT; cap++) {
		int present = prctl(PR_CAPBSET_READ, cap);

		if (present < 0)
			return cap > CAP_SYS_ADMIN; /* EINVAL: the kernel knows no more */
		if (present)
			return false;
	}
	return true;
}

int stage_proof(struct init *init, struct error *err)
{
	uid_t ruid, euid, suid;

	if (getresuid(&ruid, &euid, &suid) < 0 || ruid == 0 || euid == 0 || suid == 0 ||
	    euid != init->plan.head->uid)
		return error_set(err, -EPERM, "proof: the uid is not the run's");
	if (!capabilities_are_empty() || !bounding_is_empty())
		return error_set(err, -EPERM, "proof: capabilities are left");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return error_set(err, -EPERM, "proof: no_new_privs is not set");
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTERS)
		return error_set(err, -EPERM, "proof: no seccomp filter is in force");
	/* Needs no privilege, so that only the filter can refuse it. */
	if (personality(UNAME26) != -1 || errno != EPERM)
		return error_set(err, -EPERM, "proof: a forbidden call went through");
	return 0;
}
