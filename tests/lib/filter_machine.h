/* SPDX-License-Identifier: Apache-2.0 */
/* A simulator of classic BPF as seccomp runs it (linux/filter.h), over struct seccomp_data. Any bytes
 * may be given to it: what is no program is FILTER_BROKEN, and no program makes it read outside. */
#ifndef LIB_FILTER_MACHINE_H
#define LIB_FILTER_MACHINE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FILTER_ALLOWS 0
#define FILTER_BROKEN (-1)

static inline bool filter_jump(const struct sock_filter *at, uint32_t a, uint64_t *pc)
{
	bool taken;

	switch (BPF_OP(at->code)) {
	case BPF_JA:
		*pc += at->k;
		return true;
	case BPF_JEQ:
		taken = a == at->k;
		break;
	case BPF_JGT:
		taken = a > at->k;
		break;
	case BPF_JGE:
		taken = a >= at->k;
		break;
	case BPF_JSET:
		taken = (a & at->k) != 0;
		break;
	default:
		return false;
	}
	*pc += taken ? at->jt : at->jf;
	return true;
}

/* The errno that a call gets, FILTER_ALLOWS, or FILTER_BROKEN. */
static inline int filter_run(const struct sock_filter *filter, uint32_t count,
			     const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (uint64_t pc = 0; pc < count; pc++) {
		const struct sock_filter *at = &filter[pc];

		if (at->code == (BPF_LD | BPF_W | BPF_ABS) && at->k <= sizeof(*data) - sizeof(a))
			memcpy(&a, (const char *)data + at->k, sizeof(a));
		else if (at->code == (BPF_LD | BPF_IMM))
			a = at->k;
		else if (at->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= at->k;
		else if (at->code == (BPF_RET | BPF_K) && at->k == SECCOMP_RET_ALLOW)
			return FILTER_ALLOWS;
		else if (at->code == (BPF_RET | BPF_K) && (at->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			return (at->k & SECCOMP_RET_DATA) ? (int)(at->k & SECCOMP_RET_DATA) : FILTER_BROKEN;
		else if (BPF_CLASS(at->code) != BPF_JMP || !filter_jump(at, a, &pc))
			return FILTER_BROKEN;
	}
	return FILTER_BROKEN;
}

#endif
