// SPDX-License-Identifier: Apache-2.0
/* Open, configure, load, attach. */
#include "watch/load.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/random.h>

#include "watch/libbpf.h"

static int attach_cgroup_programs(struct watch *watch, int cgroup_fd, struct error *err)
{
	struct bpf_program *programs[CGROUP_PROGRAMS] = {
		watch->bpf->progs.on_connect4, watch->bpf->progs.on_connect6,
		watch->bpf->progs.on_sendmsg4, watch->bpf->progs.on_sendmsg6,
		watch->bpf->progs.on_bind4, watch->bpf->progs.on_bind6,
		watch->bpf->progs.on_recvmsg4, watch->bpf->progs.on_recvmsg6,
		watch->bpf->progs.on_getpeername4, watch->bpf->progs.on_getpeername6,
	};

	for (size_t i = 0; i < COUNT(programs); i++) {
		watch->cgroup_links[i] = bpf_program__attach_cgroup(programs[i], cgroup_fd);
		if (!watch->cgroup_links[i])
			return error_set(err, -errno, "attach %s to the cgroup of all runs",
					 bpf_program__name(programs[i]));
	}
	if (!bpf_program__autoload(watch->bpf->progs.on_connect_unix))
		return 0;
	watch->unix_link_fd = bpf_link_create(bpf_program__fd(watch->bpf->progs.on_connect_unix),
					      cgroup_fd, WATCH_ATTACH_UNIX_CONNECT, NULL);
	if (watch->unix_link_fd < 0)
		return error_set(err, -errno, "attach on_connect_unix to the cgroup of all runs");
	return 0;
}

/* The programs of cgroups wait for their cgroup; all others have one place to go. */
int watch_attach(struct watch *watch, struct error *err)
{
	struct bpf_program *programs[GLOBAL_PROGRAMS] = {
		watch->bpf->progs.on_fork, watch->bpf->progs.on_exec, watch->bpf->progs.on_exit,
		watch->bpf->progs.on_sys_exit, watch->bpf->progs.on_attach,
		watch->witness ? watch->bpf->progs.on_dirty : NULL,
	};

	for (size_t i = 0; i < COUNT(programs); i++) {
		if (!programs[i] || watch->global_links[i])
			continue;
		watch->global_links[i] = bpf_program__attach(programs[i]);
		if (!watch->global_links[i]) {
			int r = -errno;

			watch_detach(watch);
			return error_set(err, r, "attach %s", bpf_program__name(programs[i]));
		}
	}
	return 0;
}

void watch_detach(struct watch *watch)
{
	for (size_t i = 0; i < COUNT(watch->global_links); i++) {
		bpf_link__destroy(watch->global_links[i]);
		watch->global_links[i] = NULL;
	}
}

/* Before the load: sizes, and the marks at which their producers are stopped. */
static int size_rings(struct watch *watch)
{
	const uint32_t *bytes = watch->callbacks.ring_bytes;
	int r = 0;

	if (bytes[EVENT_RING_URGENT]) {
		r = bpf_map__set_max_entries(watch->bpf->maps.urgent, bytes[EVENT_RING_URGENT]);
		watch->bpf->rodata->urgent_mark = bytes[EVENT_RING_URGENT] / 4 * 3;
	}
	if (r == 0 && bytes[EVENT_RING_BULK]) {
		r = bpf_map__set_max_entries(watch->bpf->maps.bulk, bytes[EVENT_RING_BULK]);
		watch->bpf->rodata->bulk_mark = bytes[EVENT_RING_BULK] / 4 * 3;
	}
	return r;
}

static void destroy_p(struct observer **bpf)
{
	observer__destroy(*bpf);
	*bpf = NULL;
}

/* Opened once to see which types it names, and again to be given just those, which the load reads. */
static int open_object(struct watch *watch, const struct btf *types, int *ret_types_fd)
{
	cleanup_with(destroy_p) struct observer *first = observer__open();
	char path[32];
	auto_close int subset = FD_NONE;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = path);

	if (!first)
		return -errno;
	subset = types_subset(types, bpf_object__btf(first->obj));
	if (subset < 0)
		return subset;
	IGNORE(snprintf(path, sizeof(path), "/proc/self/fd/%d", subset) < 0);
	watch->bpf = observer__open_opts(&opts);
	if (!watch->bpf)
		return -errno;
	*ret_types_fd = TAKE_FD(subset);
	return 0;
}

static int load(struct watch *watch, const struct btf *types, struct error *err)
{
	auto_close int types_fd = FD_NONE;
	uint32_t pages = 0, inode = 0;
	int r = open_object(watch, types, &types_fd);

	if (r < 0)
		return error_set(err, r, "open the BPF object");
	watch->witness = probe_dirty_flags(types, &pages, &inode);
	watch->bpf->rodata->dirty_pages_flags = pages;
	watch->bpf->rodata->dirty_inode_flags = inode;
	if (getrandom(watch->bpf->rodata->exec_key, sizeof(watch->bpf->rodata->exec_key), 0) !=
	    (ssize_t)sizeof(watch->bpf->rodata->exec_key))
		return error_set(err, -errno, "make the key of this supervisor's grants");
	r = bpf_program__set_autoload(watch->bpf->progs.on_dirty, watch->witness);
	if (r == 0)
		r = size_rings(watch);
	if (r < 0)
		return error_set(err, r, "configure the write witness and the rings");
	if (probe_unix_connect()) {
		struct bpf_program *program = watch->bpf->progs.on_connect_unix;

		r = bpf_program__set_expected_attach_type(
			program, (enum bpf_attach_type)WATCH_ATTACH_UNIX_CONNECT);
		if (r == 0)
			r = bpf_program__set_autoload(program, true);
		if (r < 0)
			return error_set(err, r, "configure the UNIX connect hook");
	}
	r = observer__load(watch->bpf);
	if (r < 0) {
		error_set(err, r, "load the BPF programs that watch runs");
		error_next(err, "run `bailiff doctor`; it says which kernel feature is missing");
		return error_exit(err, 121);
	}
	return 0;
}

static int attach_ticks(struct watch *watch, struct error *err)
{
	int r = ticks_open(&watch->ticks, watch->bpf->progs.on_tick, watch->cpu_count);

	return r < 0 ? error_set(err, r, "attach the clock that ends loops") : 0;
}

static int open_rings(struct watch *watch, struct error *err)
{
	int fds[EVENT_RING_COUNT] = {
		[EVENT_RING_URGENT] = bpf_map__fd(watch->bpf->maps.urgent),
		[EVENT_RING_BULK] = bpf_map__fd(watch->bpf->maps.bulk),
	};

	for (size_t i = 0; i < COUNT(fds); i++) {
		watch->rings[i] = ring_buffer__new(fds[i], watch_record, watch, NULL);
		if (!watch->rings[i])
			return error_set(err, -errno, "map the event rings");
	}
	IGNORE(maps_keep_from_children() < 0); /* then a launch takes longer */
	return 0;
}

int watch_load(struct watch *watch, int cgroup_fd, struct error *err)
{
	cleanup_with(types_free_p) struct btf *types = types_load();
	int r;

	if (!types)
		return error_set(err, -errno, "read the types of the running kernel");
	r = load(watch, types, err);
	if (r == 0)
		r = open_rings(watch, err);
	if (r == 0)
		r = attach_cgroup_programs(watch, cgroup_fd, err);
	if (r == 0)
		r = watch_attach(watch, err); /* also the proof that it can be */
	if (r == 0)
		r = attach_ticks(watch, err);
	if (r == 0)
		probe_note_loaded(types, watch->witness, watch->unix_link_fd >= 0, &watch->features);
	return r;
}
