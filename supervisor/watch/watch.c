// SPDX-License-Identifier: Apache-2.0
/* Reads, and keeps the kernel's list of runs. Two ring buffers of libbpf and not one manager for both: urgent records go
 * first, and are looked for again between two batches of bulk ones. */
#include "watch/watch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/loop.h"
#include "base/proc.h"
#include "base/sys.h"
#include "watch/libbpf.h"
#include "watch/load.h"
#include "watch/validate.h"

#define BULK_BATCH 256U
#define STOP_ARRIVES_NS 2000000ULL
#define STOP_UNARMED_NS 100000000ULL /* stopped all the same, perhaps: continued for safety */
#define CLOCK_TICK_NS 10000000ULL  /* USER_HZ is 100 in the ABI */

/* Ends a read when its budget is used up; libbpf has then taken the record out of the ring. */
int watch_record(void *ctx, void *data, size_t size)
{
	struct watch *watch = ctx;
	const struct event_head *event = event_validate(data, size);

	if (event)
		watch->callbacks.event(watch->callbacks.ctx, event);
	else
		watch->invalid++;
	watch->handed++;
	return watch->budget != 0 && watch->handed >= watch->budget ? -EXFULL : 0;
}

static int read_ring(struct watch *watch, enum event_ring ring, uint32_t max)
{
	int r;

	watch->budget = max;
	watch->handed = 0;
	r = ring_buffer__consume(watch->rings[ring]);
	if (r < 0 && r != -EXFULL)
		return r;
	return (int)watch->handed;
}

/* Continues a process that the kernel side stopped, unless its number belongs to another by now. */
static void continue_process(uint32_t tgid, const struct stopped_process *entry)
{
	auto_close int pidfd = sys_pidfd_open((pid_t)tgid, 0);
	uint64_t start_ns;

	if (pidfd < 0 || proc_start_ns((pid_t)tgid, &start_ns) < 0)
		return;
	/* /proc counts in clock ticks. */
	if (entry->start_ns - start_ns < 2 * CLOCK_TICK_NS)
		IGNORE(sys_pidfd_send_signal(pidfd, SIGCONT, NULL, 0)); /* it may have died */
}

/* Whether the signal of an entry has arrived. One sent from a clock tick does so after the tick. */
static bool stop_arrived(const struct stopped_process *entry, uint64_t now_ns)
{
	uint64_t age = now_ns - MIN(now_ns, entry->since_ns);

	return age >= (entry->armed ? STOP_ARRIVES_NS : STOP_UNARMED_NS);
}

static void press(struct watch *watch, const struct stopped_process *entry, bool on)
{
	if (watch->callbacks.press)
		watch->callbacks.press(watch->callbacks.ctx, entry->cgroup_id, on);
}

/* Walks over who is stopped: before the rings are read, to freeze their runs; after it, to let them
 * go on. An entry is deleted before the signal, so that a stop that comes in between makes a new
 * one. Returns how many are left. */
static uint32_t each_stopped(struct watch *watch, bool go_on)
{
	int map = bpf_map__fd(watch->bpf->maps.stopped);
	uint64_t now = now_monotonic_ns();
	struct stopped_process entry;
	uint32_t tgid, next, left = 0;
	int r = bpf_map_get_next_key(map, NULL, &next);

	while (r == 0) {
		tgid = next;
		r = bpf_map_get_next_key(map, &tgid, &next);
		if (bpf_map_lookup_elem(map, &tgid, &entry) < 0)
			continue;
		if (!go_on)
			press(watch, &entry, true);
		if (!go_on || !stop_arrived(&entry, now)) {
			left++;
			continue;
		}
		if (bpf_map_delete_elem(map, &tgid) < 0)
			continue;
		press(watch, &entry, false);
		continue_process(tgid, &entry);
	}
	return left;
}

static int read_rings(struct watch *watch, uint32_t max)
{
	uint32_t bulk = 0;
	int total = 0, r;

	for (;;) {
		uint32_t batch = BULK_BATCH;

		r = read_ring(watch, EVENT_RING_URGENT, max);
		if (r < 0)
			return r;
		total += r;
		if (max && max - bulk < batch)
			batch = max - bulk;
		r = read_ring(watch, EVENT_RING_BULK, batch);
		if (r < 0)
			return r;
		total += r;
		bulk += (uint32_t)r;
		if ((uint32_t)r < batch || (max && bulk >= max))
			return total;
	}
}

int watch_poll(struct watch *watch, uint32_t max)
{
	uint64_t stops = watch->bpf->bss->stops_made;
	bool pressed = stops != watch->stops_seen || watch->stopped > 0;
	int r;

	if (pressed)
		watch->stopped = each_stopped(watch, false);
	watch->stops_seen = stops;
	r = read_rings(watch, max);
	if (pressed && r >= 0 && (max == 0 || (uint32_t)r < max))
		watch->stopped = each_stopped(watch, true);
	return r;
}

bool watch_doze(struct watch *watch, bool on)
{
	on = on && watch->stopped == 0;
	watch->bpf->bss->reader_dozes = on;
	return on;
}

int watch_bulk_fd(const struct watch *watch)
{
	return bpf_map__fd(watch->bpf->maps.bulk);
}

void watch_alive(struct watch *watch, uint64_t now_ns)
{
	watch->bpf->bss->supervisor_alive_ns = now_ns;
}

int watch_drain(struct watch *watch)
{
	int total = 0;

	/* A record that is being written now ends a read early, so look until nothing comes. */
	for (;;) {
		int r = watch_poll(watch, 0);

		if (r <= 0)
			return r < 0 ? r : total;
		total += r;
	}
}

int watch_fd(const struct watch *watch)
{
	return ring_buffer__epoll_fd(watch->rings[EVENT_RING_URGENT]);
}

static void watch_close_p(struct watch **watch)
{
	*watch = watch_close(*watch);
}

int watch_open(int parent_cgroup_fd, const struct watch_callbacks *callbacks,
	       struct watch **ret_watch, struct error *err)
{
	cleanup_with(watch_close_p) struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return error_set(err, -ENOMEM, "open the watcher");
	watch->unix_link_fd = FD_NONE;
	watch->callbacks = *callbacks;
	watch_libbpf_init();
	watch->cpu_count = libbpf_num_possible_cpus();
	if (watch->cpu_count < 1 || watch->cpu_count > CPUS_MAX)
		return error_set(err, -E2BIG, "count this machine's CPUs");
	r = watch_load(watch, parent_cgroup_fd, err);
	if (r < 0)
		return error_exit(err, 121);
	*ret_watch = TAKE(watch);
	return 0;
}

struct watch *watch_close(struct watch *watch)
{
	int saved = errno;

	if (!watch)
		return NULL;
	ticks_close(&watch->ticks);
	watch_detach(watch);
	for (size_t i = 0; i < COUNT(watch->cgroup_links); i++)
		bpf_link__destroy(watch->cgroup_links[i]);
	fd_close(watch->unix_link_fd);
	for (size_t i = 0; i < COUNT(watch->rings); i++)
		ring_buffer__free(watch->rings[i]);
	observer__destroy(watch->bpf);
	free(watch);
	errno = saved;
	return NULL;
}

static int run_get(const struct watch *watch, uint64_t cgroup_id, struct run_config *ret)
{
	int r = bpf_map_lookup_elem(bpf_map__fd(watch->bpf->maps.runs), &cgroup_id, ret);

	return r < 0 ? r : 0;
}

static int run_put(struct watch *watch, uint64_t cgroup_id, const struct run_config *config,
		   uint64_t how)
{
	return bpf_map_update_elem(bpf_map__fd(watch->bpf->maps.runs), &cgroup_id, config, how);
}

/* Whether the programs look at all at cgroups whose ids end like this one. */
static void mark(struct watch *watch, uint64_t cgroup_id, bool on)
{
	uint64_t bit = cgroup_id % WATCHED_BITS;

	watch->marks[bit] = (uint16_t)(watch->marks[bit] + (on ? 1 : -1));
	if (watch->marks[bit])
		watch->bpf->bss->watched[bit / 64] |= 1ULL << bit % 64;
	else
		watch->bpf->bss->watched[bit / 64] &= ~(1ULL << bit % 64);
}

int watch_run_add(struct watch *watch, uint64_t cgroup_id, const struct run_config *config)
{
	const struct run_activity none = { 0 };
	const struct user_strikes no_strikes = { 0 };
	struct error err;
	int r;

	if (config->slot >= WATCH_RUNS_MAX || config->net_count > RUN_NET_RULES_MAX)
		return -EINVAL;
	r = bpf_map_update_elem(bpf_map__fd(watch->bpf->maps.activity), &config->slot, &none, BPF_ANY);
	if (r < 0)
		return r;
	r = watch_run_strikes(watch, config->slot, &no_strikes);
	if (r == 0)
		r = watch_attach(watch, &err);
	if (r < 0)
		return r;
	mark(watch, cgroup_id, true);
	r = run_put(watch, cgroup_id, config, BPF_NOEXIST);
	if (r < 0)
		mark(watch, cgroup_id, false);
	else if (watch->run_count++ == 0)
		ticks_switch(&watch->ticks, true);
	return r == -E2BIG ? -ENOSPC : r;
}

int watch_run_set_flags(struct watch *watch, uint64_t cgroup_id, uint32_t flags)
{
	struct run_config config;
	int r = run_get(watch, cgroup_id, &config);

	if (r < 0)
		return r;
	config.flags = flags;
	return run_put(watch, cgroup_id, &config, BPF_EXIST);
}

int watch_run_set_namespaces(struct watch *watch, uint64_t cgroup_id, uint32_t pidns,
			     uint32_t mntns)
{
	struct run_config config;
	int r = run_get(watch, cgroup_id, &config);

	if (r < 0)
		return r;
	config.pidns_inum = pidns;
	config.mntns_inum = mntns;
	return run_put(watch, cgroup_id, &config, BPF_EXIST);
}

int watch_run_remove(struct watch *watch, uint64_t cgroup_id)
{
	int r = bpf_map_delete_elem(bpf_map__fd(watch->bpf->maps.runs), &cgroup_id);

	if (r < 0)
		return r;
	mark(watch, cgroup_id, false);
	if (--watch->run_count == 0)
		ticks_switch(&watch->ticks, false);
	return 0;
}

void watch_rest(struct watch *watch)
{
	if (watch->run_count == 0)
		watch_detach(watch);
}

int watch_run_explain(struct watch *watch, uint64_t cgroup_id, const struct stat *file)
{
	const uint64_t one = 1;
	/* dev_t of the kernel has 20 bits of minor. */
	struct seen_key key = { .extra = cgroup_id, .ino = file->st_ino, .kind = EVENT_WITNESS,
				.dev = major(file->st_dev) << 20 | minor(file->st_dev) };

	return bpf_map_update_elem(bpf_map__fd(watch->bpf->maps.seen), &key, &one, BPF_ANY);
}

int watch_run_strikes(struct watch *watch, uint32_t slot, const struct user_strikes *strikes)
{
	if (slot >= WATCH_RUNS_MAX)
		return -EINVAL;
	return bpf_map_update_elem(bpf_map__fd(watch->bpf->maps.user_strikes), &slot, strikes, BPF_ANY);
}

int watch_run_activity(const struct watch *watch, uint32_t slot, struct run_activity *ret)
{
	if (slot >= WATCH_RUNS_MAX)
		return -EINVAL;
	return bpf_map_lookup_elem(bpf_map__fd(watch->bpf->maps.activity), &slot, ret);
}

static int add_recursion_misses(const struct watch *watch, uint64_t *sum)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, watch->bpf->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int r;

		if (!bpf_program__autoload(program))
			continue;
		r = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
		if (r < 0)
			return r;
		*sum += info.recursion_misses;
	}
	return 0;
}

int watch_losses(struct watch *watch, struct watch_losses *ret)
{
	struct watch_losses sum = { .invalid = watch->invalid };
	struct loss_counter *by_cpu = watch->loss_by_cpu;
	int r;

	for (uint32_t ring = 0; ring < EVENT_RING_COUNT; ring++) {
		r = bpf_map_lookup_elem(bpf_map__fd(watch->bpf->maps.losses), &ring, by_cpu);
		if (r < 0)
			return r;
		for (int cpu = 0; cpu < watch->cpu_count; cpu++) {
			sum.ring[ring].high += by_cpu[cpu].high;
			sum.ring[ring].full += by_cpu[cpu].full;
			sum.ring[ring].helper_errors += by_cpu[cpu].helper_errors;
			sum.ring[ring].folded += by_cpu[cpu].folded;
		}
	}
	r = add_recursion_misses(watch, &sum.recursion_misses);
	if (r < 0)
		return r;
	*ret = sum;
	return 0;
}

void watch_note_features(const struct watch *watch, struct feature_report *report)
{
	static const enum feature rows[] = { FEATURE_BTF, FEATURE_BPF_WATCH, FEATURE_BPF_CONNECT,
					     FEATURE_BPF_UNIX, FEATURE_BPF_LSM, FEATURE_BPF_WITNESS };

	for (size_t i = 0; i < COUNT(rows); i++) {
		report->state[rows[i]] = watch->features.state[rows[i]];
		report->error[rows[i]] = watch->features.error[rows[i]];
	}
	report->watch_tier = watch->features.watch_tier;
}

int watch_relays_fd(const struct watch *watch)
{
	return bpf_map__fd(watch->bpf->maps.relays);
}

bool watch_has_unix_hooks(const struct watch *watch)
{
	return watch->unix_link_fd >= 0;
}

bool watch_has_witness(const struct watch *watch)
{
	return watch->witness;
}
