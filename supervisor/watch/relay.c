/* SPDX-License-Identifier: Apache-2.0 */
/* The ring between the connect hooks and the relay of a run. One for each run, so that a relay sees
 * nothing of others. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/types.h>

#include "bpf/relay_slot.h"
#include "watch/libbpf.h"
#include "watch/watch.h"

static int ring_new(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "relay", sizeof(uint32_t), sizeof(struct relay_slot),
			      RELAY_SLOTS + 1, &opts);
}

int watch_run_relay(struct watch *watch, uint32_t slot, int *ret_fd)
{
	auto_close int ring = FD_NONE;
	int r;

	if (slot >= WATCH_RUNS_MAX)
		return -EINVAL;
	ring = ring_new();
	if (ring < 0)
		return ring;
	r = bpf_map_update_elem(watch_relays_fd(watch), &slot, &ring, BPF_ANY);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(ring);
	return 0;
}
