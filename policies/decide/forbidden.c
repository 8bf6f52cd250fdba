/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/forbidden.h"

#include <errno.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

#define REFUSE(call) { SYS_##call, EPERM, #call }
#define ABSENT(call) { SYS_##call, ENOSYS, #call }

const struct forbidden_call forbidden_calls[] = {
	/* Mounts: the new root is the file policy. */
	REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(open_tree),
	REFUSE(move_mount), REFUSE(fsopen), REFUSE(fsconfig), REFUSE(fsmount), REFUSE(fspick),
	REFUSE(mount_setattr), REFUSE(open_by_handle_at), REFUSE(quotactl), REFUSE(quotactl_fd),
	/* Namespaces; clone(2) is filtered by its flags, clone3(2) hides them behind a pointer. */
	REFUSE(setns), ABSENT(clone3),
	/* Other processes: an argument checked in one must not be changed by another. */
	REFUSE(ptrace), REFUSE(process_vm_readv), REFUSE(process_vm_writev), REFUSE(process_madvise),
	REFUSE(kcmp), REFUSE(pidfd_getfd), REFUSE(userfaultfd),
	/* The kernel itself. */
	REFUSE(bpf), REFUSE(perf_event_open), REFUSE(init_module), REFUSE(finit_module),
	REFUSE(delete_module), REFUSE(kexec_load), REFUSE(kexec_file_load), REFUSE(reboot),
	REFUSE(syslog), REFUSE(acct), REFUSE(swapon), REFUSE(swapoff), REFUSE(iopl), REFUSE(ioperm),
	REFUSE(settimeofday), REFUSE(clock_settime), REFUSE(adjtimex), REFUSE(clock_adjtime),
	REFUSE(sethostname), REFUSE(setdomainname), REFUSE(vhangup), REFUSE(lookup_dcookie),
	REFUSE(fanotify_init), REFUSE(modify_ldt),
	/* Keyrings are shared with the host's user. */
	REFUSE(add_key), REFUSE(request_key), REFUSE(keyctl),
	/* Calls made through the ring pass by the filter. Programs fall back on ENOSYS. */
	ABSENT(io_uring_setup), ABSENT(io_uring_enter), ABSENT(io_uring_register),
};
const size_t forbidden_call_count = COUNT(forbidden_calls);

const struct forbidden_call *forbidden_call(int number)
{
	for (size_t i = 0; i < COUNT(forbidden_calls); i++)
		if (forbidden_calls[i].number == number)
			return &forbidden_calls[i];
	return NULL;
}

const struct forbidden_call *forbidden_call_named(struct slice name)
{
	for (size_t i = 0; i < COUNT(forbidden_calls); i++)
		if (slice_is(name, forbidden_calls[i].name))
			return &forbidden_calls[i];
	return NULL;
}
