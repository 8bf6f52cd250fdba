// SPDX-License-Identifier: Apache-2.0
/* What held threads may execute, told to the kernel side (bpf/gate.h). */
#include "watch/watch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "bpf/siphash.h"
#include "watch/load.h"

uint64_t watch_exec_hash(const struct watch *watch, const void *bytes, size_t len)
{
	struct sip sip = sip_begin(watch->bpf->rodata->exec_key[0], watch->bpf->rodata->exec_key[1]);
	const char *at = bytes;
	__u64 words[SIP_WORDS];

	for (size_t left = len; left > 0;) {
		size_t step = MIN(left, sizeof(words));

		memset(words, 0, sizeof(words));
		memcpy(words, at, step);
		for (size_t i = 0; i < COUNT(words); i++)
			sip_word(&sip, words[i]);
		at += step;
		left -= step;
	}
	sip_word(&sip, len);
	return sip_end(&sip) | 1;
}

int watch_grant(struct watch *watch, uint32_t tid, const struct exec_grant *grant)
{
	int r = bpf_map_update_elem(bpf_map__fd(watch->bpf->maps.grants), &tid, grant, BPF_ANY);

	return r == -E2BIG ? -ENOSPC : r;
}

int watch_process_start(const struct watch *watch, int pidfd, uint64_t *ret_start_ns)
{
	/* struct task_state of bpf/maps.h */
	struct { uint64_t cgroup_id, caps, start_ns; uint32_t euid, known; } state;

	if (bpf_map_lookup_elem(bpf_map__fd(watch->bpf->maps.tasks), &pidfd, &state) < 0 || state.start_ns == 0)
		return -ENOENT;
	*ret_start_ns = state.start_ns;
	return 0;
}

void watch_grant_withdraw(struct watch *watch, uint32_t tid)
{
	/* Taken by an exec, or never given. */
	IGNORE(bpf_map_delete_elem(bpf_map__fd(watch->bpf->maps.grants), &tid) < 0);
}
