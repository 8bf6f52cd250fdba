/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half: what a record changes, by content. */
#include "ledger/project.h"

#include <errno.h>
#include <openssl/sha.h>

#include "ledger/words.h"

#define CODE_MAX 255U  /* statuses, phases, types, causes */

static struct maybe some(int64_t number)
{
	return (struct maybe){ .set = true, .number = number };
}

static struct maybe number_of(const struct record *record, enum detail_key key)
{
	struct maybe number = { 0 };

	number.set = record_int(record, key, &number.number);
	return number;
}

static struct maybe number_or(const struct record *record, enum detail_key key, int64_t otherwise)
{
	struct maybe number = number_of(record, key);

	return number.set ? number : some(otherwise);
}

/* A number, or a word of `list`. */
static struct maybe code_of(const struct record *record, enum detail_key key, enum word_list list)
{
	struct slice word = record_bytes(record, key);
	uint64_t code;

	if (!record_uint(record, key, &code) && word_parse(list, word, &code) < 0)
		return (struct maybe){ 0 };
	return code <= CODE_MAX ? some((int64_t)code) : (struct maybe){ 0 };
}

static struct maybe code_or(const struct record *record, enum detail_key key, enum word_list list,
			    int64_t otherwise)
{
	struct maybe code = code_of(record, key, list);

	return code.set || record_pair(record, key) ? code : some(otherwise);
}

static int project_meta(const struct record *record, struct projection *p)
{
	p->change = CHANGE_META;
	p->text = record_bytes(record, DETAIL_ORIGIN);
	p->text2 = record_bytes(record, DETAIL_VKEY);
	p->bytes = record_bytes(record, DETAIL_SEAL_VKEY);
	p->n[0] = number_of(record, DETAIL_GENERATION);
	p->n[1] = number_of(record, DETAIL_EPOCH);
	if (p->seq != 0 || !p->text.len || !p->text2.len || !p->bytes.len || !p->n[0].set ||
	    !p->n[1].set)
		return -EINVAL;
	return 0;
}

static int project_clock(const struct record *record, struct projection *p)
{
	p->change = CHANGE_CLOCK;
	p->n[0] = some((int64_t)(record->ts_ns - record->mono_ns));
	return record->has_boot ? 0 : -EINVAL;
}

static int project_gap(const struct record *record, struct projection *p)
{
	p->change = CHANGE_GAP;
	p->n[0] = number_or(record, DETAIL_RING, -1);
	p->n[1] = number_or(record, DETAIL_CPU, -1);
	p->n[2] = number_of(record, DETAIL_FROM);
	p->n[3] = number_of(record, DETAIL_TO);
	p->n[4] = number_of(record, DETAIL_LOST);
	if (!p->n[4].set)
		p->n[4] = number_or(record, DETAIL_COUNT, 0);
	p->n[5] = code_or(record, DETAIL_CAUSE, WORDS_GAP_CAUSE, 0);
	return p->n[5].set ? 0 : -EINVAL;
}

static int project_run_start(const struct record *record, struct projection *p)
{
	p->change = CHANGE_RUN_NEW;
	p->text = record_bytes(record, DETAIL_OWNER);
	p->bytes = record_bytes(record, DETAIL_POLICY_DIGEST);
	p->n[0] = number_or(record, DETAIL_TIER, 0);
	p->n[1] = code_or(record, DETAIL_STATUS_TO, WORDS_STATUS, 1);
	p->n[2] = code_or(record, DETAIL_PHASE_TO, WORDS_PHASE, 0);
	if (!record->has_run || p->bytes.len != RECORD_HASH_LEN || !p->n[1].set || !p->n[2].set)
		return -EINVAL;
	return 0;
}

static int project_run_state(const struct record *record, struct projection *p)
{
	p->change = CHANGE_RUN_STATE;
	p->n[0] = code_of(record, DETAIL_STATUS_TO, WORDS_STATUS);
	p->n[1] = number_of(record, DETAIL_REASON);
	return record->has_run && p->n[0].set ? 0 : -EINVAL;
}

static int project_run_phase(const struct record *record, struct projection *p)
{
	p->change = CHANGE_RUN_PHASE;
	p->n[0] = code_of(record, DETAIL_PHASE_TO, WORDS_PHASE);
	return record->has_run && p->n[0].set ? 0 : -EINVAL;
}

static int project_run_counter(const struct record *record, struct projection *p)
{
	p->change = CHANGE_RUN_COUNTER;
	p->text = record_bytes(record, DETAIL_SUBJECT);
	p->n[0] = number_of(record, DETAIL_COUNT);
	return record->has_run && p->text.len && p->n[0].set ? 0 : -EINVAL;
}

static int project_run_end(const struct record *record, struct projection *p)
{
	p->change = CHANGE_RUN_END;
	p->n[0] = code_or(record, DETAIL_STATUS_TO, WORDS_STATUS, 5);
	p->n[1] = number_of(record, DETAIL_REASON);
	p->n[2] = number_of(record, DETAIL_EXIT_CODE);
	p->n[3] = number_of(record, DETAIL_RECORDS);
	p->n[4] = number_of(record, DETAIL_LOST);
	return record->has_run && p->n[0].set ? 0 : -EINVAL;
}

static int project_violation(const struct record *record, struct projection *p)
{
	p->change = CHANGE_VIOLATION;
	p->text = record->rule;
	p->n[0] = code_of(record, DETAIL_TYPE, WORDS_VIOLATION);
	p->n[1] = number_or(record, DETAIL_RESPONSE, 0);
	return record->has_run && p->n[0].set ? 0 : -EINVAL;
}

static int project_revoke_intent(const struct record *record, struct projection *p)
{
	p->change = CHANGE_REVOKE_INTENT;
	return record->has_run ? 0 : -EINVAL;
}

static int project_revoke_done(const struct record *record, struct projection *p)
{
	p->change = CHANGE_REVOKE_DONE;
	p->n[0] = number_of(record, DETAIL_KILLED);
	p->n[1] = number_of(record, DETAIL_SURVIVORS);
	p->n[2] = number_of(record, DETAIL_MICROSECONDS);
	return record->has_run ? 0 : -EINVAL;
}

static int (*const projects[RECORD_KIND_LIMIT])(const struct record *, struct projection *) = {
	[RECORD_GENESIS] = project_meta,
	[RECORD_CLOCK] = project_clock,
	[RECORD_GAP] = project_gap,
	[RECORD_RUN_START] = project_run_start,
	[RECORD_RUN_STATE] = project_run_state,
	[RECORD_RUN_PHASE] = project_run_phase,
	[RECORD_RUN_COUNTER] = project_run_counter,
	[RECORD_RUN_END] = project_run_end,
	[RECORD_VIOLATION] = project_violation,
	[RECORD_REVOKE_INTENT] = project_revoke_intent,
	[RECORD_REVOKE_DONE] = project_revoke_done,
};

static enum name_type name_type_of(enum record_kind kind)
{
	enum record_class class = record_kind_class(kind);

	if (kind == RECORD_DNS)
		return NAME_HOST;
	if (class == CLASS_NETWORK)
		return NAME_ADDRESS;
	if (class == CLASS_FILE_CHANGE || class == CLASS_FILE_READ || kind == RECORD_EXEC ||
	    kind == RECORD_EXEC_CLAIM)
		return NAME_PATH;
	return NAME_OTHER;
}

static struct maybe exit_code_of(const struct record *record)
{
	struct maybe code = number_of(record, DETAIL_EXIT_CODE);
	struct maybe signal_number = number_of(record, DETAIL_SIGNAL);

	if (signal_number.set && signal_number.number > 0 && signal_number.number < 128)
		return some(128 + signal_number.number);
	if (!code.set && record->has_ret)
		return some(record->ret);
	return code;
}

static void project_process(const struct record *record, struct projection *p)
{
	struct slice parent = record_bytes(record, DETAIL_PARENT);

	if (parent.len == sizeof(p->parent)) {
		p->has_parent = true;
		memcpy(p->parent, parent.data, parent.len);
	}
	if (record->kind == RECORD_EXEC)
		p->comm = record_bytes(record, DETAIL_COMM);
	if (record->kind == RECORD_EXIT)
		p->exit_code = exit_code_of(record);
}

int project(uint64_t seq, const struct record *record, struct projection *ret_projection)
{
	struct projection p = { .seq = seq, .record = record };
	int r;

	if ((unsigned int)record->kind >= RECORD_KIND_LIMIT || seq > INT64_MAX / 4 ||
	    record->ts_ns > INT64_MAX || record->mono_ns > INT64_MAX || record->rseq > INT64_MAX)
		return -EINVAL;
	/* Leaf 0 is genesis and nothing else is. */
	if ((seq == 0) != (record->kind == RECORD_GENESIS))
		return -EINVAL;
	p.obj_type = name_type_of(record->kind);
	p.time_idx = seq % TIME_IDX_EVERY == 0;
	if (record->has_proc)
		project_process(record, &p);
	if (projects[record->kind]) {
		r = projects[record->kind](record, &p);
		if (r < 0)
			return r;
	}
	*ret_projection = p;
	return 0;
}

struct checkpoint_hint project_checkpoint(const struct record *last)
{
	return (struct checkpoint_hint){ .ts_ns = (int64_t)last->ts_ns, .reason = last->kind };
}

int64_t project_doc_type(struct slice data)
{
	return data.len > 0 && data.data[0] == '{' ? 1 : 2;
}

static void put_be(uint8_t *to, uint64_t number, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(number >> 8 * (len - 1 - i));
}

int proc_identity(const uint8_t boot_id[16], uint32_t pid, uint64_t start_ns,
		  uint8_t ret_identity[16])
{
	uint8_t bytes[28], digest[SHA256_DIGEST_LENGTH];

	memcpy(bytes, boot_id, 16);
	put_be(bytes + 16, pid, 4);
	put_be(bytes + 20, start_ns, 8);
	if (!SHA256(bytes, sizeof(bytes), digest))
		return -EIO;
	memcpy(ret_identity, digest, 16);
	return 0;
}
