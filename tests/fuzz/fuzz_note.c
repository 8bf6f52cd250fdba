/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, checkpoints, keys and base64 have one text each: what parses is written back to the same
 * bytes, and a note holds no more than its body, a blank line and its signatures. The first byte
 * says what the rest is. */
#include <assert.h>

#include "ledger/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_checkpoint(struct slice text)
{
	char memory[NOTE_MAX];
	struct buf body = buf_fixed(memory, sizeof(memory));
	struct note_checkpoint checkpoint;

	if (note_checkpoint_parse(text, &checkpoint) < 0)
		return;
	assert(note_checkpoint_write(&body, &checkpoint) == 0);
	assert(slice_eq(buf_slice(&body), text));
}

/* Nobody signed what a fuzzer made: no key vouches for it. */
static void try_note(struct slice text)
{
	static const uint8_t seed[NOTE_SEED_LEN] = { 42 };
	struct note note;
	struct note_key key;
	struct slice name;
	uint8_t id[4];

	if (note_parse(text, &note) < 0)
		return;
	assert(note.body.len + 1 + note.signatures.len == text.len);
	assert(note.body.data == text.data && note.body.data[note.body.len - 1] == '\n');
	assert(note.count >= 1 && note.count <= NOTE_SIGNATURES_MAX);
	for (uint32_t i = 0; i < note.count; i++)
		assert(note_signature(&note, i, &name, id) == 0 && name.len > 0);
	assert(note_signature(&note, note.count, &name, id) < 0);
	assert(note_signature(&note, 0, &name, id) == 0);
	if (note_key_of_seed(name, seed, &key) == 0)
		assert(note_verify(&note, &key) <= 0);
	try_checkpoint(note.body);
}

static void try_key(struct slice text)
{
	char again[NOTE_VKEY_MAX];
	struct note_key key;

	if (note_key_parse(text, &key) < 0)
		return;
	note_key_text(&key, again);
	/* The id may be written in capitals, too. */
	assert(strlen(again) == text.len && strncasecmp(again, text.data, text.len) == 0);
}

static void try_base64(struct slice text)
{
	static uint8_t bytes[NOTE_MAX];
	static char again[NOTE_MAX * 2];
	ssize_t len = note_unbase64(text, bytes, sizeof(bytes));

	if (len < 0)
		return;
	assert(note_base64(again, bytes, (size_t)len) == text.len);
	assert(memcmp(again, text.data, text.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = size ? slice_new(data + 1, size - 1) : (struct slice){ 0 };

	if (size == 0 || size > NOTE_MAX)
		return 0;
	switch (data[0]) {
	case 'c':
		try_checkpoint(text);
		break;
	case 'k':
		try_key(text);
		break;
	case 'b':
		try_base64(text);
		break;
	default:
		try_note(text);
		break;
	}
	return 0;
}
