/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/privilege.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t kept[] = {
	CAP_SYS_ADMIN,    /* namespaces, mounts, cgroup.kill, seccomp filters without no_new_privs */
	CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, /* watching; lo of a new network namespace */
	CAP_NET_BIND_SERVICE,                /* the relay's port in a run's network */
	CAP_KILL, CAP_SYS_PTRACE,            /* pidfds and /proc/PID/ns of runs under other uids */
	CAP_SETUID, CAP_SETGID, CAP_SETPCAP, /* becoming the caller, ledgerd, pid 1 */
	CAP_CHOWN, CAP_FOWNER, CAP_FSETID, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
	CAP_MKNOD, CAP_SYS_CHROOT,           /* the run's /dev and root */
	CAP_SYS_RESOURCE,                    /* limits of runs; room for BPF maps on old kernels */
	CAP_SYS_NICE,
	CAP_SETFCAP,      /* an id map that has uid 0 in it: user_namespaces(7), 5.12 */
};

static int drop_bounding(void)
{
	for (cap_value_t cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool keep = false;

		for (size_t i = 0; i < COUNT(kept); i++)
			keep |= kept[i] == cap;
		if (!keep && cap_get_bound(cap) == 1 && cap_drop_bound(cap) < 0)
			return -errno;
	}
	return 0;
}

static int set_all(cap_t now, cap_t next)
{
	for (size_t i = 0; i < COUNT(kept); i++) {
		cap_flag_value_t have;

		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &have) < 0)
			continue; /* a capability younger than the kernel */
		if (have != CAP_SET)
			continue;
		if (cap_set_flag(next, CAP_PERMITTED, 1, &kept[i], CAP_SET) < 0 ||
		    cap_set_flag(next, CAP_EFFECTIVE, 1, &kept[i], CAP_SET) < 0)
			return -errno;
	}
	return cap_set_proc(next) < 0 ? -errno : 0;
}

int privilege_trim(struct error *err)
{
	cap_t now = cap_get_proc(), next = cap_init();
	int r = now && next ? drop_bounding() : -ENOMEM;

	if (r == 0)
		r = set_all(now, next);
	if (now)
		cap_free(now);
	if (next)
		cap_free(next);
	if (r == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "drop capabilities") : 0;
}
