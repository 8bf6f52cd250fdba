/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/sys.h"
#include "init/base_filter.h"
#include "init/init.h"

/* Newer than the headers of Debian 12's kernel package may be: 5.19. */
#define FILTER_WAIT_KILLABLE_RECV (1U << 5)

static int install(struct sock_filter *code, size_t len)
{
	struct sock_fprog program = { .len = (unsigned short)len, .filter = code };

	if (len == 0 || len > BPF_MAXINSNS)
		return -EINVAL;
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* The listener goes to who answers. A task has only one: with both, the broker receives all, and hands the
 * execs on to the supervisor over a channel of their own. */
static int held_hand_over(struct init *init, int listener, unsigned int what)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	int pair[2], r = 0;

	if (what == (HELD_NAMES | HELD_EXECS)) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		ours = pair[0];
		theirs = pair[1];
	}
	if (what & HELD_NAMES) {
		r = fdpass_send(init->broker_channel, "l", 1, (int[]){ listener, ours }, ours == FD_NONE ? 1 : 2, 0);
		init->broker_channel = fd_close(init->broker_channel);
	}
	if (r == 0 && what & HELD_EXECS)
		r = command_held(init, (int[]){ listener, theirs }, theirs == FD_NONE ? 1 : 2);
	return r;
}

/* First, because the base filter lets nobody make a listener; the filters above it still win. */
static int held_install(struct init *init, struct error *err)
{
	unsigned int what = (init->broker_channel != FD_NONE ? HELD_NAMES : 0) |
			    (init->plan.head->flags & PLAN_GATE ? HELD_EXECS : 0);
	struct sock_filter code[BASE_FILTER_MAX];
	struct sock_fprog program = { .filter = code };
	auto_close int listener = FD_NONE;
	int r;

	if (what == 0)
		return 0;
	program.len = (unsigned short)held_filter_build(what, code, COUNT(code));
	listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER |
			       FILTER_WAIT_KILLABLE_RECV, &program);
	if (listener == -EINVAL)
		return error_set(err, -EOPNOTSUPP, "names that do not exist yet, and rules about commands, need held "
				 "calls, and those kernel 5.19");
	if (listener < 0)
		return error_set(err, listener, "install the filter that holds calls");
	r = held_hand_over(init, listener, what);
	if (r < 0)
		return error_set(err, r, "hand over the listener of held calls");
	init->in_force |= 1U << FEATURE_SECCOMP_NOTIFY;
	return 0;
}

int filter_broker_install(struct error *err)
{
	struct sock_filter code[BASE_FILTER_MAX];
	int r = install(code, broker_filter_build(code, COUNT(code)));

	return r < 0 ? error_set(err, r, "install the broker's filter") : 0;
}

int stage_seccomp(struct init *init, struct error *err)
{
	static struct sock_filter base[BASE_FILTER_MAX], own[PLAN_FILTER_MAX];
	size_t len = base_filter_build(base, COUNT(base));
	size_t own_len = init->plan.head->sections[PLAN_FILTER].count;
	int r = held_install(init, err);

	if (r < 0)
		return r;
	r = install(base, len);
	if (r < 0)
		return error_set(err, r, "install the base filter (%zu instructions)", len);
	if (own_len > 0 && own_len <= COUNT(own)) {
		memcpy(own, init->plan.filter, own_len * sizeof(own[0]));
		r = install(own, own_len);
	} else if (own_len > 0) {
		r = -E2BIG;
	}
	if (r < 0)
		return error_set(err, r, "install the policy's filter (%zu instructions)", own_len);
	init->in_force |= 1U << FEATURE_SECCOMP;
	return 0;
}

int filter_init_install(struct error *err)
{
	struct sock_filter code[BASE_FILTER_MAX];
	int r = install(code, init_filter_build(code, COUNT(code)));

	return r < 0 ? error_set(err, r, "install the filter of pid 1") : 0;
}
