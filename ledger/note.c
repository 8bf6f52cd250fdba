/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signing and checking. The text forms are in note_text.c. */
#include "ledger/note.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/text.h"

#define ALGORITHM_ED25519 0x01
#define SIGNATURE_BYTES (4U + NOTE_SIGNATURE_LEN)
#define DASH "\xe2\x80\x94 "        /* U+2014 and a blank begin a signature line */

static void pkey_free_p(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void context_free_p(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static bool name_ok(struct slice name)
{
	if (name.len == 0 || name.len >= NOTE_NAME_MAX)
		return false;
	for (size_t at = 0; at < name.len;) {
		uint32_t point = 0;
		size_t len = text_utf8_next(slice_new(name.data + at, name.len - at), &point);

		if (len == 0 || point <= ' ' || point == '+' || (point >= 0x7f && point <= 0xa0) ||
		    point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
		    point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000)
			return false;
		at += len;
	}
	return true;
}

/* The id, as the signed-note text defines it. */
static int key_id(struct slice name, const uint8_t *typed, size_t len, uint8_t ret_id[4])
{
	cleanup_with(context_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(context, name.data, name.len) != 1 ||
	    EVP_DigestUpdate(context, "\n", 1) != 1 || EVP_DigestUpdate(context, typed, len) != 1 ||
	    EVP_DigestFinal_ex(context, digest, NULL) != 1)
		return -EIO;
	memcpy(ret_id, digest, 4);
	return 0;
}

int note_key_make(struct slice name, const uint8_t public[NOTE_PUBLIC_LEN],
		  struct note_key *ret_key)
{
	uint8_t typed[1 + NOTE_PUBLIC_LEN] = { ALGORITHM_ED25519 };
	struct note_key key = { 0 };
	int r;

	if (!name_ok(name))
		return -EINVAL;
	memcpy(typed + 1, public, NOTE_PUBLIC_LEN);
	memcpy(key.public, public, NOTE_PUBLIC_LEN);
	memcpy(key.name, name.data, name.len);
	r = key_id(name, typed, sizeof(typed), key.id);
	if (r < 0)
		return r;
	*ret_key = key;
	return 0;
}

int note_key_of_seed(struct slice name, const uint8_t seed[NOTE_SEED_LEN], struct note_key *ret_key)
{
	cleanup_with(pkey_free_p) EVP_PKEY *pkey = NULL;
	uint8_t public[NOTE_PUBLIC_LEN];
	size_t len = sizeof(public);

	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_SEED_LEN);
	if (!pkey || EVP_PKEY_get_raw_public_key(pkey, public, &len) != 1 || len != sizeof(public))
		return -EIO;
	return note_key_make(name, public, ret_key);
}

static bool hex_id(struct slice text, uint8_t ret_id[4])
{
	char back[9];

	if (text.len != 8)
		return false;
	for (size_t i = 0; i < 8; i++) {
		char c = text.data[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (digit < 0)
			return false;
		ret_id[i / 2] = (uint8_t)(i % 2 ? ret_id[i / 2] << 4 | digit : digit);
	}
	text_hex(back, ret_id, 4);
	return memcmp(back, text.data, 8) == 0;
}

int note_key_parse(struct slice vkey, struct note_key *ret_key)
{
	const char *plus = vkey.len ? memchr(vkey.data, '+', vkey.len) : NULL;
	uint8_t typed[1 + NOTE_PUBLIC_LEN], id[4];
	struct note_key key;
	size_t name_len;
	int r;

	if (!plus)
		return -EBADMSG;
	name_len = (size_t)(plus - vkey.data);
	if (vkey.len - name_len < 10 || plus[9] != '+' || !hex_id(slice_new(plus + 1, 8), id))
		return -EBADMSG;
	if (note_unbase64(slice_new(plus + 10, vkey.len - name_len - 10), typed, sizeof(typed)) !=
	    (ssize_t)sizeof(typed) || typed[0] != ALGORITHM_ED25519)
		return -EBADMSG;
	r = note_key_make(slice_new(vkey.data, name_len), typed + 1, &key);
	if (r < 0)
		return r == -EINVAL ? -EBADMSG : r;
	if (memcmp(id, key.id, sizeof(id)) != 0)
		return -EBADMSG;
	*ret_key = key;
	return 0;
}

void note_key_text(const struct note_key *key, char to[NOTE_VKEY_MAX])
{
	uint8_t typed[1 + NOTE_PUBLIC_LEN] = { ALGORITHM_ED25519 };
	char base64[64], id[9];

	memcpy(typed + 1, key->public, NOTE_PUBLIC_LEN);
	note_base64(base64, typed, sizeof(typed));
	text_hex(id, key->id, sizeof(key->id));
	/* Always fits: at most 191 + 1 + 8 + 1 + 44 bytes. */
	IGNORE(snprintf(to, NOTE_VKEY_MAX, "%s+%s+%s", key->name, id, base64) < 0);
}

int note_body(struct buf *note, struct slice body)
{
	if (body.len == 0 || body.data[body.len - 1] != '\n' || note->len != 0 ||
	    !text_is_utf8(body))
		return -EINVAL;
	for (size_t i = 0; i < body.len; i++) {
		char c = body.data[i];

		/* No blank line either: note_sign() takes the first one as the end of the body. */
		if (((uint8_t)c < ' ' && c != '\n') ||
		    (c == '\n' && (i == 0 || body.data[i - 1] == '\n')))
			return -EINVAL;
	}
	IGNORE(buf_append(note, body.data, body.len));
	return buf_text(note, "\n") < 0 || note->failed ? -ENOSPC : 0;
}

static int sign(struct slice body, const uint8_t seed[NOTE_SEED_LEN],
		uint8_t signature[NOTE_SIGNATURE_LEN])
{
	cleanup_with(pkey_free_p) EVP_PKEY *pkey = NULL;
	cleanup_with(context_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len = NOTE_SIGNATURE_LEN;

	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_SEED_LEN);
	if (!context || !pkey || EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(context, signature, &len, (const uint8_t *)body.data, body.len) != 1 ||
	    len != NOTE_SIGNATURE_LEN)
		return -EIO;
	return 0;
}

int note_sign(struct buf *note, const struct note_key *key, const uint8_t seed[NOTE_SEED_LEN])
{
	uint8_t bytes[SIGNATURE_BYTES];
	char base64[4 * ((SIGNATURE_BYTES + 2) / 3) + 1];
	struct slice text = buf_slice(note);
	size_t body_len = 0;
	int r;

	while (body_len + 1 < text.len &&
	       (text.data[body_len] != '\n' || text.data[body_len + 1] != '\n'))
		body_len++;
	if (body_len + 1 >= text.len)
		return -EINVAL;
	memcpy(bytes, key->id, sizeof(key->id));
	r = sign(slice_new(text.data, body_len + 1), seed, bytes + sizeof(key->id));
	if (r < 0)
		return r;
	note_base64(base64, bytes, sizeof(bytes));
	return buf_printf(note, DASH "%s %s\n", key->name, base64);
}

static int check(struct slice body, const struct note_key *key, const uint8_t *signature)
{
	cleanup_with(pkey_free_p) EVP_PKEY *pkey = NULL;
	cleanup_with(context_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();

	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public, NOTE_PUBLIC_LEN);
	if (!context || !pkey || EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) != 1)
		return -EIO;
	return EVP_DigestVerify(context, signature, NOTE_SIGNATURE_LEN, (const uint8_t *)body.data,
				body.len) == 1 ? 0 : -EBADMSG;
}

/* Takes the next line off `lines`: "— name base64\n". */
static bool next_signature(struct slice *lines, struct slice *ret_name, struct slice *ret_base64)
{
	static const size_t dash = sizeof(DASH) - 1;
	const char *end = lines->len ? memchr(lines->data, '\n', lines->len) : NULL;
	const char *blank;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - lines->data);
	if (len <= dash || memcmp(lines->data, DASH, dash) != 0)
		return false;
	blank = memchr(lines->data + dash, ' ', len - dash);
	if (!blank)
		return false;
	*ret_name = slice_new(lines->data + dash, (size_t)(blank - lines->data) - dash);
	*ret_base64 = slice_new(blank + 1, (size_t)(end - blank) - 1);
	lines->data += len + 1;
	lines->len -= len + 1;
	return name_ok(*ret_name);
}

/* Other algorithms have signatures of other lengths; 5 bytes is the least that makes sense. */
static ssize_t signature_bytes(struct slice base64, uint8_t *bytes, size_t size)
{
	ssize_t len = note_unbase64(base64, bytes, size);

	return len >= 5 ? len : -EBADMSG;
}

static bool text_ok(struct slice text)
{
	if (text.len == 0 || text.len > NOTE_MAX || text.data[text.len - 1] != '\n')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.data[i] < ' ' && text.data[i] != '\n')
			return false;
	}
	return text_is_utf8(text);
}

int note_parse(struct slice text, struct note *ret_note)
{
	struct note note = { 0 };
	struct slice rest;
	size_t split = 0;
	bool found = false;

	if (!text_ok(text))
		return -EBADMSG;
	/* The last blank line divides, so a body may have blank lines of its own. */
	for (size_t i = text.len - 1; i > 0 && !found; i--) {
		found = text.data[i] == '\n' && text.data[i - 1] == '\n';
		split = i;
	}
	if (!found)
		return -EBADMSG;
	note.body = slice_new(text.data, split);
	note.signatures = slice_new(text.data + split + 1, text.len - split - 1);
	for (rest = note.signatures; rest.len > 0; note.count++) {
		struct slice name, base64;
		uint8_t bytes[NOTE_MAX];

		if (note.count >= NOTE_SIGNATURES_MAX || !next_signature(&rest, &name, &base64) ||
		    signature_bytes(base64, bytes, sizeof(bytes)) < 0)
			return -EBADMSG;
	}
	if (note.count == 0)
		return -EBADMSG;
	*ret_note = note;
	return 0;
}

int note_verify(const struct note *note, const struct note_key *key)
{
	struct slice rest = note->signatures, name, base64;
	int found = 0;

	while (next_signature(&rest, &name, &base64)) {
		uint8_t bytes[NOTE_MAX];
		ssize_t len = signature_bytes(base64, bytes, sizeof(bytes));
		int r;

		if (len < 0)
			return -EBADMSG;
		if (!slice_is(name, key->name) || memcmp(bytes, key->id, sizeof(key->id)) != 0)
			continue;
		if (len != SIGNATURE_BYTES)
			return -EBADMSG;
		r = check(note->body, key, bytes + sizeof(key->id));
		if (r < 0)
			return r;
		found = 1;
	}
	return rest.len == 0 ? found : -EBADMSG;
}

int note_signature(const struct note *note, uint32_t at, struct slice *ret_name, uint8_t ret_id[4])
{
	struct slice rest = note->signatures, name, base64;

	for (uint32_t i = 0; next_signature(&rest, &name, &base64); i++) {
		uint8_t bytes[NOTE_MAX];

		if (i != at)
			continue;
		if (signature_bytes(base64, bytes, sizeof(bytes)) < 0)
			return -ENOENT;
		*ret_name = name;
		memcpy(ret_id, bytes, 4);
		return 0;
	}
	return -ENOENT;
}
