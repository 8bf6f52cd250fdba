/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/convert.h"

#include <errno.h>

#include "base/text.h"
#include "ledger/project.h"

/* bailiffd's mask (ledger.md section 5): the log's own kinds are ours alone. */
static bool may_write(uint32_t kind)
{
	return (kind >= RECORD_GAP && kind <= RECORD_HOST) ||
	       (kind >= RECORD_CREATE && kind < RECORD_KIND_LIMIT);
}

static int identity(struct converter *converter, uint32_t pid, uint64_t start_ns,
		    const uint8_t **ret_identity)
{
	struct converter_slot *slot = &converter->slots[pid % CONVERTER_SLOTS];
	int r;

	if (slot->pid != pid || slot->start_ns != start_ns) {
		slot->start_ns = 0;
		r = proc_identity(converter->boot_id, pid, start_ns, slot->identity);
		if (r < 0)
			return r;
		slot->pid = pid;
		slot->start_ns = start_ns;
	}
	*ret_identity = slot->identity;
	return 0;
}

static int convert_process(struct converter *converter, const struct intake_record *fixed,
			   struct record *record)
{
	struct record_pair parent = { .key = DETAIL_PARENT, .type = PAIR_BYTES };
	const uint8_t *id;
	int r;

	record->pid = fixed->proc_pid;
	if (fixed->proc_pid && fixed->proc_start_ns) {
		r = identity(converter, fixed->proc_pid, fixed->proc_start_ns, &id);
		if (r < 0)
			return r;
		record->has_proc = true;
		memcpy(record->proc, id, sizeof(record->proc));
	}
	if (!fixed->parent_pid || !fixed->parent_start_ns)
		return 0;
	r = identity(converter, fixed->parent_pid, fixed->parent_start_ns, &id);
	if (r < 0)
		return r;
	parent.bytes = slice_new(id, sizeof(record->proc));
	return record_set_pair(record, parent);
}

static int convert_pairs(const struct intake_view *view, struct record *record)
{
	for (size_t i = 0; i < view->fixed.pair_count; i++) {
		const struct intake_pair_view *from = &view->pairs[i];
		struct record_pair pair = {
			.key = from->head.key, .type = from->head.type,
			.number = from->head.number, .bytes = from->bytes,
		};
		int r;

		if (pair.type == PAIR_TEXT && !text_is_utf8(pair.bytes))
			pair.type = PAIR_BYTES;
		if (record_pair(record, (enum detail_key)pair.key))
			return -EINVAL;
		r = record_set_pair(record, pair);
		if (r < 0)
			return r;
	}
	return 0;
}

static void convert_fixed(const struct intake_view *view, struct record *record)
{
	static const uint8_t no_run[16];
	const struct intake_record *fixed = &view->fixed;

	record->kind = (enum record_kind)fixed->kind;
	record->ts_ns = fixed->ts_ns;
	record->mono_ns = fixed->mono_ns;
	record->has_run = memcmp(fixed->run, no_run, sizeof(no_run)) != 0;
	memcpy(record->run, fixed->run, sizeof(record->run));
	record->has_src = (fixed->flags & INTAKE_HAS_SRC) != 0;
	record->ring = fixed->ring;
	record->cpu = fixed->cpu;
	record->kseq = fixed->kseq;
	record->verdict = fixed->verdict;
	record->rule = view->rule;
	record->obj = view->obj;
	record->obj2 = view->obj2;
	record->has_ino = fixed->ino != 0;
	record->dev = fixed->dev;
	record->ino = fixed->ino;
	record->gen = fixed->gen;
	record->has_ret = (fixed->flags & INTAKE_HAS_RET) != 0;
	record->ret = fixed->ret;
	record->has_before = fixed->has_before != 0;
	memcpy(record->before, fixed->before, sizeof(record->before));
	record->has_after = fixed->has_after != 0;
	memcpy(record->after, fixed->after, sizeof(record->after));
	record->sev = fixed->sev;
	record->effect = fixed->effect;
	record->by = view->by;
}

int convert(struct converter *converter, const struct intake_view *view, struct record *ret_record)
{
	int r;

	if (!may_write(view->fixed.kind))
		return -EPERM;
	memset(ret_record, 0, sizeof(*ret_record));
	convert_fixed(view, ret_record);
	if (ret_record->kind == RECORD_CLOCK) {
		ret_record->has_boot = true;
		memcpy(ret_record->boot, converter->boot_id, sizeof(ret_record->boot));
	}
	r = convert_pairs(view, ret_record);
	return r < 0 ? r : convert_process(converter, &view->fixed, ret_record);
}

bool convert_is_sync(const struct intake_view *view)
{
	const struct intake_record *fixed = &view->fixed;

	return intake_kind_is_sync((enum record_kind)fixed->kind) ||
	       (fixed->flags & INTAKE_SYNC) != 0 ||
	       (fixed->verdict >= RECORD_VERDICT_DENY && fixed->sev >= RECORD_SEV_HIGH);
}
