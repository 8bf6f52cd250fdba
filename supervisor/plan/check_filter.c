/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF as seccomp takes it (linux/filter.h, net/core/filter.c seccomp_check_filter). The
 * kernel checks again; here it is narrower: bounded, every path ends in ALLOW or an errno. Jumps go
 * forward only, so it ends. */
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "plan/check.h"

#define ERRNO_MAX 4095U

static bool return_ok(uint32_t value)
{
	uint32_t data = value & SECCOMP_RET_DATA;

	if (value == SECCOMP_RET_ALLOW)
		return true;
	/* ERRNO(0) would claim success for a call that was not made. */
	return (value & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO && data > 0 && data <= ERRNO_MAX;
}

static bool instruction_ok(const struct sock_filter *at, uint32_t left)
{
	switch (at->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return at->k % 4 == 0 && at->k < sizeof(struct seccomp_data);
	case BPF_LD | BPF_IMM:
	case BPF_ALU | BPF_AND | BPF_K:
		return true;
	case BPF_JMP | BPF_JA:
		return at->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return at->jt < left && at->jf < left;
	case BPF_RET | BPF_K:
		return return_ok(at->k);
	default:
		return false;
	}
}

int plan_check_filter(const struct plan *plan, struct error *err)
{
	uint32_t count = plan->head->sections[PLAN_FILTER].count;

	for (uint32_t i = 0; i < count; i++)
		if (!instruction_ok(&plan->filter[i], count - i - 1))
			return plan_bad(err, "system call filter");
	return plan->filter[count - 1].code == (BPF_RET | BPF_K) ?
		0 : plan_bad(err, "system call filter");
}
