/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was granted is what runs. The supervisor answers a held execve by what it read from memory that
 * others can change; here the new program stands, nobody can change it any more, and it has not run
 * yet. It is compared with the grant of its thread: the file, the working directory, and a keyed hash of all
 * its argument and environment strings. Whatever does not fit, or cannot be read, dies. */
#ifndef BPF_GATE_H
#define BPF_GATE_H

#include "bpf/path.h"
#include "bpf/siphash.h"

#define HASH_CHUNK 4096U
#define HASH_CHUNKS_MAX (EXEC_BYTES_MAX / HASH_CHUNK)
_Static_assert(HASH_CHUNK + SIP_BLOCK <= RECORD_BYTES_MAX, "a chunk and its filling fit into a buffer");

/* Of this supervisor's life. */
const volatile __u64 exec_key[2];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EXEC_GRANTS_MAX);
	__type(key, __u32);
	__type(value, struct exec_grant);
} grants SEC(".maps");

/* Before 6.11 the time of the last change is a struct, and before 6.6 it has another name. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct timespec64 { __s64 tv_sec; long tv_nsec; };
struct inode___since_6_6 { struct timespec64 __i_ctime; };
struct inode___before_6_6 { struct timespec64 i_ctime; };
#pragma clang attribute pop

/* Bit 31 says that somebody asked (6.13, I_CTIME_QUERIED). */
static __always_inline __u64 change_time_ns(struct inode *inode)
{
	struct inode___since_6_6 *newer = (void *)inode;
	struct inode___before_6_6 *older = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return BPF_CORE_READ(inode, i_ctime_sec) * 1000000000ULL +
		       (BPF_CORE_READ(inode, i_ctime_nsec) & 0x7fffffff);
	if (bpf_core_field_exists(newer->__i_ctime))
		return BPF_CORE_READ(newer, __i_ctime.tv_sec) * 1000000000ULL +
		       BPF_CORE_READ(newer, __i_ctime.tv_nsec);
	return BPF_CORE_READ(older, i_ctime.tv_sec) * 1000000000ULL + BPF_CORE_READ(older, i_ctime.tv_nsec);
}

struct hashing {
	struct sip sip;
	struct scratch *s;
	__u64 at;                    /* next byte in user memory */
	__u32 left, len;             /* bytes: of all, of this chunk */
};

static long hash_block(__u32 i, struct hashing *h)
{
	const __u64 *words;

	if (i * SIP_BLOCK >= h->len)
		return 1;
	words = (const __u64 *)(const void *)&h->s->bytes[(i & (HASH_CHUNK / SIP_BLOCK - 1)) * SIP_BLOCK];
	for (__u32 word = 0; word < SIP_WORDS; word++)
		sip_word(&h->sip, words[word]);
	return 0;
}

static long hash_chunk(__u32 i, struct hashing *h)
{
	static const char zeros[SIP_BLOCK];
	__u32 len = h->left;

	if (len == 0)
		return 1;
	if (len > HASH_CHUNK)
		len = HASH_CHUNK;
	OPAQUE(len);
	if (len > HASH_CHUNK)
		return 1;
	if (bpf_probe_read_user(h->s->bytes, len, (void *)h->at))
		return 1;                  /* `left` says so */
	bpf_probe_read_kernel(&h->s->bytes[len], sizeof(zeros), zeros);
	h->len = len;
	bpf_loop(HASH_CHUNK / SIP_BLOCK, hash_block, h, 0);
	h->at += len;
	h->left -= len;
	return 0;
}

/* The hash of `len` bytes of the current process, 0 when they cannot be read. */
CHECKED_ONCE __u64 hash_strings(struct scratch *s, __u64 at, __u64 len)
{
	struct hashing h = { .s = s, .at = at, .left = (__u32)len };

	if (!s || len > EXEC_BYTES_MAX)
		return 0;
	h.sip = sip_begin(exec_key[0], exec_key[1]);
	bpf_loop(HASH_CHUNKS_MAX, hash_chunk, &h, 0);
	if (h.left > 0)
		return 0;
	sip_word(&h.sip, len);
	return sip_end(&h.sip) | 1;
}

static __always_inline bool same_file(struct inode *inode, const struct exec_file *want)
{
	return BPF_CORE_READ(inode, i_ino) == want->ino && (__u64)BPF_CORE_READ(inode, i_size) == want->size &&
	       change_time_ns(inode) == want->change_ns &&
	       (!want->dev || encode_dev(BPF_CORE_READ(inode, i_sb, s_dev)) == want->dev) &&
	       (!want->has_gen || BPF_CORE_READ(inode, i_generation) == want->gen);
}

static __always_inline bool same_place(struct task_struct *task, const struct exec_grant *grant)
{
	struct inode *inode = BPF_CORE_READ(task, fs, pwd.dentry, d_inode);

	return BPF_CORE_READ(inode, i_ino) == grant->cwd_ino &&
	       (!grant->cwd_dev || encode_dev(BPF_CORE_READ(inode, i_sb, s_dev)) == grant->cwd_dev);
}

/* Takes the grant of this thread, whatever it is for, and says whether it is for what now runs. `file` is the
 * kernel's pointer to the struct file of the program. */
CHECKED_ONCE int exec_granted(struct scratch *s, __u64 file, __u32 tid, __u64 cgroup_id)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct exec_grant *grant = bpf_map_lookup_elem(&grants, &tid);
	__u64 from = BPF_CORE_READ(task, mm, arg_start), middle = BPF_CORE_READ(task, mm, arg_end);
	__u64 to = BPF_CORE_READ(task, mm, env_end);
	bool good;

	if (!grant || !s)
		return false;
	good = grant->cgroup_id == cgroup_id && BPF_CORE_READ(task, mm, env_start) == middle &&
	       middle - from == grant->arg_bytes && to - middle == grant->env_bytes &&
	       same_file(BPF_CORE_READ((struct file *)file, f_inode), &grant->file) &&
	       same_place(task, grant) && hash_strings(s, from, to - from) == grant->strings;
	bpf_map_delete_elem(&grants, &tid);
	return good;
}

#endif
