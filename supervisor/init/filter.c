/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>

#include "base/sys.h"
#include "init/base_filter.h"
#include "init/init.h"

static int install(struct sock_filter *code, size_t len)
{
	struct sock_fprog program = { .len = (unsigned short)len, .filter = code };

	if (len == 0 || len > BPF_MAXINSNS)
		return -EINVAL;
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
}

int stage_seccomp(struct init *init, struct error *err)
{
	static struct sock_filter base[BASE_FILTER_MAX], own[PLAN_FILTER_MAX];
	size_t len = base_filter_build(base, COUNT(base));
	size_t own_len = init->plan.head->sections[PLAN_FILTER].count;
	int r = install(base, len);

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
