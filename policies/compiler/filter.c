/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's system call filter, compiled by libseccomp. Arguments that the kernel takes as int
 * are compared as 32 bits masked: libseccomp 2.5 can weaken 64-bit comparisons (CVE-2019-9893), and
 * high bits would pass by (bubblewrap CVE-2017-5226 fix, TIOCSTI). */
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/io.h"
#include "compiler/compile.h"
#include "decide/forbidden.h"

#define MASK_32 0xffffffffULL
/* Families from here on do not exist: the kernel answers EAFNOSUPPORT itself. */
#define FAMILIES 64U
#define CLONE_NEWTIME_FLAG 0x80U
#define FILTER_BYTES_MAX (2048U * sizeof(struct sock_filter))

static const struct argument_rule {
	int call;
	unsigned int argument;
	uint64_t mask, value;
} argument_rules[] = {
	/* Typing into the terminal of the caller. */
	{ SYS_ioctl, 1, MASK_32, TIOCSTI },
	{ SYS_ioctl, 1, MASK_32, TIOCLINUX },
	{ SYS_clone, 0, CLONE_NEWNS, CLONE_NEWNS },
	{ SYS_clone, 0, CLONE_NEWCGROUP, CLONE_NEWCGROUP },
	{ SYS_clone, 0, CLONE_NEWUTS, CLONE_NEWUTS },
	{ SYS_clone, 0, CLONE_NEWIPC, CLONE_NEWIPC },
	{ SYS_clone, 0, CLONE_NEWUSER, CLONE_NEWUSER },
	{ SYS_clone, 0, CLONE_NEWPID, CLONE_NEWPID },
	{ SYS_clone, 0, CLONE_NEWNET, CLONE_NEWNET },
	{ SYS_unshare, 0, CLONE_NEWNS, CLONE_NEWNS },
	{ SYS_unshare, 0, CLONE_NEWCGROUP, CLONE_NEWCGROUP },
	{ SYS_unshare, 0, CLONE_NEWUTS, CLONE_NEWUTS },
	{ SYS_unshare, 0, CLONE_NEWIPC, CLONE_NEWIPC },
	{ SYS_unshare, 0, CLONE_NEWUSER, CLONE_NEWUSER },
	{ SYS_unshare, 0, CLONE_NEWPID, CLONE_NEWPID },
	{ SYS_unshare, 0, CLONE_NEWNET, CLONE_NEWNET },
	{ SYS_unshare, 0, CLONE_NEWTIME_FLAG, CLONE_NEWTIME_FLAG },
	/* Another personality has other system call semantics; 0 and the query 0xffffffff stay. */
	{ SYS_personality, 0, 0x00ff, 0x0008 },      /* PER_LINUX32 */
};

static const unsigned int families_allowed[] = { AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static bool family_allowed(unsigned int family)
{
	for (size_t i = 0; i < COUNT(families_allowed); i++)
		if (families_allowed[i] == family)
			return true;
	return false;
}

static int add_forbidden(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < forbidden_call_count; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)forbidden_calls[i].error),
				     forbidden_calls[i].number, 0);
	return r;
}

static int add_arguments(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(argument_rules); i++) {
		const struct argument_rule *rule = &argument_rules[i];

		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), rule->call, 1,
				     SCMP_CMP(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value));
	}
	return r;
}

static int add_families(scmp_filter_ctx filter)
{
	int r = 0;

	for (unsigned int family = 0; r == 0 && family < FAMILIES; family++) {
		if (family_allowed(family))
			continue;
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SYS_socket, 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, MASK_32, family));
		if (r == 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SYS_socketpair, 1,
					     SCMP_A0(SCMP_CMP_MASKED_EQ, MASK_32, family));
	}
	return r;
}

static int export_filter(scmp_filter_ctx filter, struct buf *ret_filter)
{
	auto_close int fd = memfd_create("bailiff-filter", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(filter, fd);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return io_read_all(fd, ret_filter);
}

static int build_filter(scmp_filter_ctx filter, struct buf *ret_filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	if (r == 0)
		r = add_forbidden(filter);
	if (r == 0)
		r = add_arguments(filter);
	if (r == 0)
		r = add_families(filter);
	return r < 0 ? r : export_filter(filter, ret_filter);
}

int policy_filter(const struct policy *policy, struct buf *ret_filter, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	size_t before = ret_filter->len;
	int r = filter ? build_filter(filter, ret_filter) : -ENOMEM;

	if (filter)
		seccomp_release(filter);
	if (r < 0)
		return error_set(err, r, "compile the system call filter of policy '%s'", policy->name);
	if (ret_filter->failed || ret_filter->len - before > FILTER_BYTES_MAX)
		return error_say(err, -E2BIG, "the system call filter of policy '%s' has more than 2048 "
				 "instructions", policy->name);
	return 0;
}
