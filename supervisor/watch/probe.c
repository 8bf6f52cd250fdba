// SPDX-License-Identifier: Apache-2.0
/* Programs of two instructions, one per feature, that prove that their kind loads and attaches. */
#include "watch/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "watch/libbpf.h"
#include "watch/skeletons.h"

static void probe_destroy_p(struct probe **probe)
{
	probe__destroy(*probe);
	*probe = NULL;
}

/* Loads a program that returns 0. `btf_id` is what tracing and LSM programs are for, else 0. */
static int load_tiny(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach,
		    .attach_btf_id = (uint32_t)btf_id);
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, "probe", "Dual BSD/GPL", insns, COUNT(insns), &opts);

	return fd < 0 ? -errno : fd;
}

/* A program for something that the kernel's types name. */
static int probe_named(const struct btf *types, const char *name, uint32_t kind,
		       enum bpf_prog_type type, enum bpf_attach_type attach)
{
	int id = btf__find_by_name_kind(types, name, kind);
	auto_close int program = id < 0 ? id : load_tiny(type, attach, id);
	auto_close int link = FD_NONE;

	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	return link < 0 ? -errno : 0;
}

static int probe_lsm(const struct btf *types)
{
	return probe_named(types, "bpf_lsm_file_open", BTF_KIND_FUNC, BPF_PROG_TYPE_LSM, BPF_LSM_MAC);
}

static int probe_witness(const struct btf *types)
{
	return probe_named(types, "btf_trace_writeback_mark_inode_dirty", BTF_KIND_TYPEDEF,
			   BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP);
}

static int probe_hook(int cgroup_fd, enum bpf_attach_type attach)
{
	auto_close int program = load_tiny(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach, 0);
	auto_close int link = FD_NONE;

	if (program < 0)
		return program;
	link = bpf_link_create(program, cgroup_fd, attach, NULL);
	return link < 0 ? -errno : 0;
}

bool probe_unix_connect(void)
{
	auto_close int program = load_tiny(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
					   (enum bpf_attach_type)WATCH_ATTACH_UNIX_CONNECT, 0);

	return program >= 0;
}

/* What the watcher stands on, in one program: ring, task storage, bpf_loop, signals. */
static int probe_watch(void)
{
	cleanup_with(probe_destroy_p) struct probe *probe = probe__open();
	int r;

	if (!probe)
		return -errno;
	r = probe__load(probe);
	if (r == 0)
		r = probe__attach(probe);
	return r;
}

/* 6.18 made the bits an enum and moved them; before they were macros, which BTF does not hold. */
bool probe_dirty_flags(const struct btf *types, uint32_t *ret_pages, uint32_t *ret_inode)
{
	const struct btf_type *type;
	const struct btf_enum *values;
	int id;

	if (btf__find_by_name_kind(types, "btf_trace_writeback_mark_inode_dirty",
					   BTF_KIND_TYPEDEF) < 0)
		return false;
	*ret_inode = 1U | 2U;            /* I_DIRTY_SYNC, I_DIRTY_DATASYNC in include/linux/fs.h */
	*ret_pages = 4U;                 /* I_DIRTY_PAGES */
	id = btf__find_by_name_kind(types, "inode_state_flags_t", BTF_KIND_ENUM);
	if (id < 0)
		return true;
	*ret_inode = *ret_pages = 0;
	type = btf__type_by_id(types, (uint32_t)id);
	values = btf_enum(type);
	for (uint16_t i = 0; i < btf_vlen(type); i++) {
		struct slice name = slice_of(btf__name_by_offset(types, values[i].name_off));

		if (slice_is(name, "I_DIRTY_SYNC") || slice_is(name, "I_DIRTY_DATASYNC"))
			*ret_inode |= (uint32_t)values[i].val;
		if (slice_is(name, "I_DIRTY_PAGES"))
			*ret_pages |= (uint32_t)values[i].val;
	}
	return *ret_pages != 0;
}

static void note(struct feature_report *report, enum feature feature, int r)
{
	report->state[feature] = r == 0 ? FEATURE_PRESENT : FEATURE_MISSING;
	report->error[feature] = (int16_t)(r < 0 ? r : 0);
}

void watch_probe(int cgroup_fd, struct feature_report *report)
{
	cleanup_with(types_free_p) struct btf *types = NULL;
	int r;

	watch_libbpf_init();
	types = types_load();
	r = types ? 0 : -errno;
	note(report, FEATURE_BTF, r);
	note(report, FEATURE_BPF_WATCH, r < 0 ? r : probe_watch());
	note(report, FEATURE_BPF_WITNESS, r < 0 ? r : probe_witness(types));
	note(report, FEATURE_BPF_LSM, r < 0 ? r : probe_lsm(types));
	/* The second tier is not built yet, so what runs is the first wherever it loads. */
	report->watch_tier = feature_present(report, FEATURE_BPF_WATCH) ? 1 : 0;
	if (cgroup_fd < 0)
		return;
	note(report, FEATURE_BPF_CONNECT, probe_hook(cgroup_fd, BPF_CGROUP_INET4_CONNECT));
	note(report, FEATURE_BPF_UNIX,
	     probe_hook(cgroup_fd, (enum bpf_attach_type)WATCH_ATTACH_UNIX_CONNECT));
}

void probe_note_loaded(const struct btf *types, bool witness, bool unix_hooks,
		       struct feature_report *report)
{
	note(report, FEATURE_BTF, 0);
	note(report, FEATURE_BPF_WATCH, 0);
	note(report, FEATURE_BPF_CONNECT, 0);
	note(report, FEATURE_BPF_WITNESS, witness ? 0 : -ENOENT);
	note(report, FEATURE_BPF_UNIX, unix_hooks ? 0 : -EINVAL);
	note(report, FEATURE_BPF_LSM, probe_lsm(types));
	report->watch_tier = 1;
}
