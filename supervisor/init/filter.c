/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>

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

/* First, because the base filter lets nobody make a listener; the filters above it still win. */
static int held_install(struct init *init, struct error *err)
{
	struct sock_filter code[BASE_FILTER_MAX];
	struct sock_fprog program = { .filter = code };
	auto_close int listener = FD_NONE;
	int r;

	if (init->broker_channel == FD_NONE)
		return 0;
	program.len = (unsigned short)held_filter_build(code, COUNT(code));
	listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER |
			       FILTER_WAIT_KILLABLE_RECV, &program);
	if (listener == -EINVAL)
		return error_set(err, -EOPNOTSUPP, "names that do not exist yet are protected by held calls, "
				 "which need kernel 5.19");
	if (listener < 0)
		return error_set(err, listener, "install the filter that holds calls");
	r = fdpass_send(init->broker_channel, "l", 1, &listener, 1, 0);
	if (r < 0)
		return error_set(err, r, "hand the listener to the broker");
	init->broker_channel = fd_close(init->broker_channel);
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
