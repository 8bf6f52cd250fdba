/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes (c2sp.org/signed-note) with Ed25519 keys and the checkpoint that is their body
 * (c2sp.org/tlog-checkpoint): origin, size, root, nothing more. Pure. */
#ifndef LEDGER_NOTE_H
#define LEDGER_NOTE_H

#include "base/buf.h"
#include "ledger/tree.h"

#define NOTE_MAX 16384U             /* bytes of a whole note that we read */
#define NOTE_SIGNATURES_MAX 64U
#define NOTE_NAME_MAX 192U          /* with terminator */
#define NOTE_VKEY_MAX 288U          /* with terminator */
#define NOTE_PUBLIC_LEN 32U
#define NOTE_SEED_LEN 32U
#define NOTE_SIGNATURE_LEN 64U

struct note_key {
	char name[NOTE_NAME_MAX];
	uint8_t id[4];              /* SHA-256(name || "\n" || 0x01 || public)[:4] */
	uint8_t public[NOTE_PUBLIC_LEN];
};

/* A name is 1..NOTE_NAME_MAX-1 bytes of valid UTF-8 without blanks, controls and '+', else
 * -EINVAL. -EIO when libcrypto fails. */
int note_key_make(struct slice name, const uint8_t public[NOTE_PUBLIC_LEN],
		  struct note_key *ret_key) MUST_USE;
/* The key whose private half is `seed`. */
int note_key_of_seed(struct slice name, const uint8_t seed[NOTE_SEED_LEN],
		     struct note_key *ret_key) MUST_USE;
/* "name+hex id+base64(0x01 || public)", without newline. -EBADMSG when it is no such text, of
 * another algorithm, or its id is not that of its key. */
int note_key_parse(struct slice vkey, struct note_key *ret_key) MUST_USE;
void note_key_text(const struct note_key *key, char to[NOTE_VKEY_MAX]);

/* Building: note_body() writes the body (which must end in a newline and hold no control) and the
 * blank line (it may have none of its own); note_sign() adds one signature line over the body that
 * `note` begins with. Both return 0, -EINVAL, -ENOSPC, -ENOMEM or -EIO. */
int note_body(struct buf *note, struct slice body) MUST_USE;
int note_sign(struct buf *note, const struct note_key *key,
	      const uint8_t seed[NOTE_SEED_LEN]) MUST_USE;

struct note {                       /* borrows from the text */
	struct slice body;          /* with its last newline */
	struct slice signatures;    /* the lines behind the blank line */
	uint32_t count;             /* of signature lines, 1..NOTE_SIGNATURES_MAX */
};

/* Splits a note and checks its form: UTF-8, no control but newline, final newline, well-formed
 * signature lines with canonical base64. -EBADMSG when malformed. */
int note_parse(struct slice text, struct note *ret_note) MUST_USE;
/* Looks for the signature of `key` (name and id equal; others are ignored). Returns 1 when there is
 * one and every one is valid; 0 when there is none; -EBADMSG when one is bad; -EIO. */
int note_verify(const struct note *note, const struct note_key *key) MUST_USE;
/* Number `at` of the signature lines. Returns 0 or -ENOENT. *ret_name borrows from the note. */
int note_signature(const struct note *note, uint32_t at, struct slice *ret_name,
		   uint8_t ret_id[4]) MUST_USE;

struct note_checkpoint {
	char origin[NOTE_NAME_MAX];
	uint64_t size;
	struct tree_hash root;
};

/* Appends the three body lines. Returns 0, -EINVAL (origin) or -ENOSPC. */
int note_checkpoint_write(struct buf *body, const struct note_checkpoint *checkpoint) MUST_USE;
/* Exactly three lines; extension lines are refused. -EBADMSG when malformed. */
int note_checkpoint_parse(struct slice body, struct note_checkpoint *ret_checkpoint) MUST_USE;

/* Base64 of RFC 4648 section 4 with padding. The decoder takes canonical text only (trailing bits
 * zero). `to` needs 4*((len+2)/3)+1 bytes. Returns the length. */
size_t note_base64(char *to, const uint8_t *bytes, size_t len);
/* Returns the number of bytes, or -EBADMSG (also when more than `size`). */
ssize_t note_unbase64(struct slice text, uint8_t *bytes, size_t size) MUST_USE;

#endif
