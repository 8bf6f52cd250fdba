// SPDX-License-Identifier: Apache-2.0
#include "watch/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "watch/skeletons.h"
#include "watch/libbpf.h"

static struct btf *btf_free(struct btf *btf)
{
	btf__free(btf);
	return NULL;
}

static void btf_free_p(struct btf **btf)
{
	*btf = btf_free(*btf);
}

static void probe_destroy_p(struct probe **probe)
{
	probe__destroy(*probe);
	*probe = NULL;
}

static void link_destroy_p(struct bpf_link **link)
{
	bpf_link__destroy(*link);
	*link = NULL;
}

/* Loads the one program `name` and attaches it for a moment. Returns 0 or -errno. */
static int probe_program(const char *name, int cgroup_fd)
{
	cleanup_with(probe_destroy_p) struct probe *probe = probe__open();
	cleanup_with(link_destroy_p) struct bpf_link *link = NULL;
	struct bpf_program *program;
	int r;

	if (!probe)
		return -errno;
	program = bpf_object__find_program_by_name(probe->obj, name);
	if (!program)
		return -ENOENT;
	r = bpf_program__set_autoload(program, true);
	if (r == 0)
		r = probe__load(probe);
	if (r < 0)
		return r;
	link = cgroup_fd >= 0 ? bpf_program__attach_cgroup(program, cgroup_fd) :
				bpf_program__attach(program);
	return link ? 0 : -errno;
}

static int unix_program_load(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)WATCH_ATTACH_UNIX_CONNECT);
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "probe_unix", "Dual BSD/GPL", insns,
			       COUNT(insns), &opts);

	return fd < 0 ? -errno : fd;
}

bool probe_unix_connect(void)
{
	int fd = unix_program_load();

	fd_close(fd < 0 ? FD_NONE : fd);
	return fd >= 0;
}

static int probe_unix(int cgroup_fd)
{
	auto_close int program_fd = unix_program_load();
	auto_close int link_fd = FD_NONE;

	if (program_fd < 0)
		return program_fd;
	link_fd = bpf_link_create(program_fd, cgroup_fd,
				  (enum bpf_attach_type)WATCH_ATTACH_UNIX_CONNECT, NULL);
	return link_fd < 0 ? -errno : 0;
}

/* 6.18 made the bits an enum and moved them; before they were macros, which BTF does not hold. */
bool probe_dirty_flags(uint32_t *ret_pages, uint32_t *ret_inode)
{
	cleanup_with(btf_free_p) struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	const struct btf_enum *values;
	int id;

	if (!btf || btf__find_by_name_kind(btf, "btf_trace_writeback_mark_inode_dirty",
					   BTF_KIND_TYPEDEF) < 0)
		return false;
	*ret_inode = 1U | 2U;            /* I_DIRTY_SYNC, I_DIRTY_DATASYNC in include/linux/fs.h */
	*ret_pages = 4U;                 /* I_DIRTY_PAGES */
	id = btf__find_by_name_kind(btf, "inode_state_flags_t", BTF_KIND_ENUM);
	if (id < 0)
		return true;
	*ret_inode = *ret_pages = 0;
	type = btf__type_by_id(btf, (uint32_t)id);
	values = btf_enum(type);
	for (uint16_t i = 0; i < btf_vlen(type); i++) {
		struct slice name = slice_of(btf__name_by_offset(btf, values[i].name_off));

		if (slice_is(name, "I_DIRTY_SYNC") || slice_is(name, "I_DIRTY_DATASYNC"))
			*ret_inode |= (uint32_t)values[i].val;
		if (slice_is(name, "I_DIRTY_PAGES"))
			*ret_pages |= (uint32_t)values[i].val;
	}
	return *ret_pages != 0;
}

static int probe_btf(void)
{
	cleanup_with(btf_free_p) struct btf *btf = btf__load_vmlinux_btf();

	return btf ? 0 : -errno;
}

static void note(struct feature_report *report, enum feature feature, int r)
{
	report->state[feature] = r == 0 ? FEATURE_PRESENT : FEATURE_MISSING;
	report->error[feature] = (int16_t)(r < 0 ? r : 0);
}

void watch_probe(int cgroup_fd, struct feature_report *report)
{
	watch_libbpf_init();
	note(report, FEATURE_BTF, probe_btf());
	note(report, FEATURE_BPF_WATCH, probe_program("probe_watch", FD_NONE));
	note(report, FEATURE_BPF_WITNESS, probe_program("probe_witness", FD_NONE));
	note(report, FEATURE_BPF_LSM, probe_program("probe_lsm", FD_NONE));
	/* The second tier is not built yet, so what runs is the first wherever it loads. */
	report->watch_tier = feature_present(report, FEATURE_BPF_WATCH) ? 1 : 0;
	if (cgroup_fd < 0)
		return;
	note(report, FEATURE_BPF_CONNECT, probe_program("probe_connect", cgroup_fd));
	note(report, FEATURE_BPF_UNIX, probe_unix(cgroup_fd));
}
