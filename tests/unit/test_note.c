/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>

#include "ledger/note.h"
#include "lib/runner.h"

#define DASH "\xe2\x80\x94 "

static const char body[] = "example.org/bailiff/h/1\n42\n"
			   "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

static void seed_of(uint8_t seed[NOTE_SEED_LEN], uint8_t fill)
{
	memset(seed, fill, NOTE_SEED_LEN);
}

static struct note_key key_of(const char *name, uint8_t fill)
{
	uint8_t seed[NOTE_SEED_LEN];
	struct note_key key;

	seed_of(seed, fill);
	ck_assert_int_eq(note_key_of_seed(slice_of(name), seed, &key), 0);
	return key;
}

static void sign_as(struct buf *note, const char *name, uint8_t fill)
{
	uint8_t seed[NOTE_SEED_LEN];
	struct note_key key = key_of(name, fill);

	seed_of(seed, fill);
	ck_assert_int_eq(note_sign(note, &key, seed), 0);
}

static struct buf signed_note(void)
{
	struct buf note = buf_growing(NOTE_MAX);

	ck_assert_int_eq(note_body(&note, slice_of(body)), 0);
	sign_as(&note, "example.org/bailiff/h/1", 1);
	sign_as(&note, "example.org/bailiff/h/1/seal/1", 2);
	return note;
}

START_TEST(the_key_of_the_specification_is_read_and_written_back)
{
	/* The example key of the note format (golang.org/x/mod/sumdb/note). */
	static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	char back[NOTE_VKEY_MAX];
	struct note_key key;

	ck_assert_int_eq(note_key_parse(slice_of(vkey), &key), 0);
	ck_assert_str_eq(key.name, "PeterNeumann");
	note_key_text(&key, back);
	ck_assert_str_eq(back, vkey);
}
END_TEST

START_TEST(a_note_signed_elsewhere_is_verified)
{
	static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const char text[] =
		"If you think cryptography is the answer to your problem,\n"
		"then you don't know what your problem is.\n"
		"\n"
		DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
		"tpRZb6KE6RyyBwJnAM=\n";
	struct note_key key;
	struct note note;

	ck_assert_int_eq(note_key_parse(slice_of(vkey), &key), 0);
	ck_assert_int_eq(note_parse(slice_of(text), &note), 0);
	ck_assert_int_eq(note_verify(&note, &key), 1);
}
END_TEST

static const struct vkey_case {
	const char *text;
} bad_vkeys[] = {
	{ "" }, { "name" }, { "name+c74f20a3" }, { "name+c74f20a3+" },
	{ "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" }, /* id */
	{ "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" }, /* upper case */
	{ "PeterNeumann+c74f20a3+AhpcQgcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" }, /* algorithm */
	{ "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T" },  /* length */
	{ "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n" },
	{ "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" },
	{ "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" },
};

START_TEST(a_text_that_is_no_key_is_refused)
{
	struct note_key key;

	ck_assert_msg(note_key_parse(slice_of(bad_vkeys[_i].text), &key) == -EBADMSG, "'%s' was taken",
		      bad_vkeys[_i].text);
}
END_TEST

START_TEST(what_is_signed_verifies_under_each_of_its_keys)
{
	cleanup_with(buf_finish) struct buf text = signed_note();
	struct note_key identity = key_of("example.org/bailiff/h/1", 1);
	struct note_key seal = key_of("example.org/bailiff/h/1/seal/1", 2);
	struct note note;

	ck_assert_int_eq(note_parse(buf_slice(&text), &note), 0);
	ck_assert_uint_eq(note.count, 2);
	ck_assert(slice_is(note.body, body));
	ck_assert_int_eq(note_verify(&note, &identity), 1);
	ck_assert_int_eq(note_verify(&note, &seal), 1);
}
END_TEST

START_TEST(an_unknown_signature_is_ignored)
{
	cleanup_with(buf_finish) struct buf text = signed_note();
	struct note_key stranger = key_of("example.org/bailiff/h/1", 9);
	struct note_key identity = key_of("example.org/bailiff/h/1", 1);
	struct note note;

	ck_assert_int_eq(buf_text(&text, DASH "witness.example AAAAAAAAAAA=\n"), 0);
	ck_assert_int_eq(note_parse(buf_slice(&text), &note), 0);
	ck_assert_int_eq(note_verify(&note, &stranger), 0);
	ck_assert_int_eq(note_verify(&note, &identity), 1);
}
END_TEST

START_TEST(a_bad_signature_of_a_known_key_is_refused_also_beside_a_good_one)
{
	cleanup_with(buf_finish) struct buf text = signed_note();
	cleanup_with(buf_finish) struct buf other = buf_growing(NOTE_MAX);
	struct note_key identity = key_of("example.org/bailiff/h/1", 1);
	struct note note, wrong;
	struct slice line;

	ck_assert_int_eq(note_body(&other, slice_of("example.org/bailiff/h/1\n43\n"
				   "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")), 0);
	sign_as(&other, "example.org/bailiff/h/1", 1);
	ck_assert_int_eq(note_parse(buf_slice(&other), &wrong), 0);
	line = wrong.signatures;
	ck_assert_int_eq(buf_append(&text, line.data, line.len), 0);
	ck_assert_int_eq(note_parse(buf_slice(&text), &note), 0);
	ck_assert_int_eq(note_verify(&note, &identity), -EBADMSG);
}
END_TEST

START_TEST(any_flipped_bit_of_the_body_is_noticed)
{
	cleanup_with(buf_finish) struct buf text = signed_note();
	struct note_key identity = key_of("example.org/bailiff/h/1", 1);

	for (size_t i = 0; i + 1 < sizeof(body) - 1; i++) {
		struct note note;
		int r;

		text.data[i] ^= 1;
		r = note_parse(buf_slice(&text), &note);
		ck_assert_msg(r == -EBADMSG || note_verify(&note, &identity) != 1, "byte %zu", i);
		text.data[i] ^= 1;
	}
}
END_TEST

START_TEST(sixteen_signatures_and_more_are_read)
{
	cleanup_with(buf_finish) struct buf text = signed_note();
	struct note_key last = key_of("witness61.example", 70);
	uint8_t id[4];
	struct slice name;
	struct note note;

	for (unsigned int i = 0; i < 62; i++) {
		char witness[32];

		IGNORE(snprintf(witness, sizeof(witness), "witness%u.example", i) < 0);
		sign_as(&text, witness, i == 61 ? 70 : 5);
	}
	ck_assert_int_eq(note_parse(buf_slice(&text), &note), 0);
	ck_assert_uint_eq(note.count, 64);
	ck_assert_int_eq(note_verify(&note, &last), 1);
	ck_assert_int_eq(note_signature(&note, 63, &name, id), 0);
	ck_assert(slice_is(name, "witness61.example"));
	ck_assert_int_eq(note_signature(&note, 64, &name, id), -ENOENT);
	sign_as(&text, "one.too.many", 5);
	ck_assert_int_eq(note_parse(buf_slice(&text), &note), -EBADMSG);
}
END_TEST

#define GOOD "example.org\n1\n"
#define SIG DASH "example.org AAAAAAAAAAA=\n"

static const struct note_case {
	const char *why, *text;
} bad_notes[] = {
	{ "empty", "" },
	{ "no signature", GOOD "\n" },
	{ "no blank line", GOOD SIG },
	{ "no last newline", GOOD "\n" DASH "example.org AAAAAAAAAAA=" },
	{ "a carriage return", "example.org\r\n1\n\n" SIG },
	{ "a tab", "example.org\t\n1\n\n" SIG },
	{ "an escape", "example.org\x1b\n1\n\n" SIG },
	{ "invalid UTF-8", "example.org\xff\n1\n\n" SIG },
	{ "a plain dash", GOOD "\n- example.org AAAAAAAAAAA=\n" },
	{ "no name", GOOD "\n" DASH " AAAAAAAAAAA=\n" },
	{ "a plus in the name", GOOD "\n" DASH "a+b AAAAAAAAAAA=\n" },
	{ "no signature bytes", GOOD "\n" DASH "example.org \n" },
	{ "a key id alone", GOOD "\n" DASH "example.org AAAAAA==\n" },
	{ "base64 without padding", GOOD "\n" DASH "example.org AAAAAAAAAAA\n" },
	{ "base64 with bits behind its end", GOOD "\n" DASH "example.org AAAAAAAAAAB=\n" },
	{ "base64 of another alphabet", GOOD "\n" DASH "example.org AAAAAAAA-AA=\n" },
	{ "a blank behind", GOOD "\n" DASH "example.org AAAAAAAAAAA= \n" },
	{ "text behind the signatures", GOOD "\n" SIG "more\n" },
};

START_TEST(a_malformed_note_is_refused)
{
	struct note note;

	ck_assert_msg(note_parse(slice_of(bad_notes[_i].text), &note) == -EBADMSG, "%s was taken",
		      bad_notes[_i].why);
}
END_TEST

START_TEST(a_body_that_could_be_read_in_two_ways_is_not_signed)
{
	static const char *const bodies[] = { "", "no newline", "a\n\nb\n", "\na\n", "a\x01\n",
					      "a\r\n", "\xc3\x28\n" };

	for (size_t i = 0; i < COUNT(bodies); i++) {
		cleanup_with(buf_finish) struct buf note = buf_growing(NOTE_MAX);

		ck_assert_msg(note_body(&note, slice_of(bodies[i])) == -EINVAL, "body %zu", i);
		ck_assert_uint_eq(note.len, 0);
	}
}
END_TEST

START_TEST(a_checkpoint_is_read_as_it_was_written)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(NOTE_MAX);
	struct note_checkpoint checkpoint = { .size = 42 }, back;

	ck_assert_int_eq(note_checkpoint_parse(slice_of(body), &checkpoint), 0);
	ck_assert_uint_eq(checkpoint.size, 42);
	ck_assert_str_eq(checkpoint.origin, "example.org/bailiff/h/1");
	ck_assert_int_eq(note_checkpoint_write(&text, &checkpoint), 0);
	ck_assert(slice_is(buf_slice(&text), body));
	ck_assert_int_eq(note_checkpoint_parse(buf_slice(&text), &back), 0);
	ck_assert_mem_eq(&back, &checkpoint, sizeof(back));
}
END_TEST

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static const struct note_case bad_bodies[] = {
	{ "no origin", "\n42\n" ROOT "\n" },
	{ "a leading zero", "o\n042\n" ROOT "\n" },
	{ "a sign", "o\n+42\n" ROOT "\n" },
	{ "a negative size", "o\n-1\n" ROOT "\n" },
	{ "a size beyond 63 bits", "o\n9223372036854775808\n" ROOT "\n" },
	{ "no size", "o\n\n" ROOT "\n" },
	{ "a short root", "o\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n" },
	{ "a root that is not canonical", "o\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n" },
	{ "an extension line", "o\n42\n" ROOT "\nextra\n" },
	{ "no last newline", "o\n42\n" ROOT },
	{ "two lines", "o\n42\n" },
};

START_TEST(a_malformed_checkpoint_is_refused)
{
	struct note_checkpoint checkpoint;

	ck_assert_msg(note_checkpoint_parse(slice_of(bad_bodies[_i].text), &checkpoint) == -EBADMSG,
		      "%s was taken", bad_bodies[_i].why);
}
END_TEST

START_TEST(base64_has_one_text_for_each_value)
{
	for (size_t len = 0; len <= 48; len++) {
		uint8_t bytes[48], back[48];
		char text[65];
		size_t text_len;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(i * 37 + len);
		text_len = note_base64(text, bytes, len);
		ck_assert_int_eq(note_unbase64(slice_new(text, text_len), back, sizeof(back)),
				 (ssize_t)len);
		ck_assert_mem_eq(back, bytes, len);
		if (len)
			ck_assert_int_eq(note_unbase64(slice_new(text, text_len), back, len - 1),
					 -EBADMSG);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("note");
	TCase *keys = tcase_create("keys"), *notes = tcase_create("notes");
	TCase *checkpoints = tcase_create("checkpoints");

	tcase_add_test(keys, the_key_of_the_specification_is_read_and_written_back);
	tcase_add_loop_test(keys, a_text_that_is_no_key_is_refused, 0, (int)COUNT(bad_vkeys));
	tcase_add_test(notes, a_note_signed_elsewhere_is_verified);
	tcase_add_test(notes, what_is_signed_verifies_under_each_of_its_keys);
	tcase_add_test(notes, an_unknown_signature_is_ignored);
	tcase_add_test(notes, a_bad_signature_of_a_known_key_is_refused_also_beside_a_good_one);
	tcase_add_test(notes, any_flipped_bit_of_the_body_is_noticed);
	tcase_add_test(notes, sixteen_signatures_and_more_are_read);
	tcase_add_loop_test(notes, a_malformed_note_is_refused, 0, (int)COUNT(bad_notes));
	tcase_add_test(notes, a_body_that_could_be_read_in_two_ways_is_not_signed);
	tcase_add_test(checkpoints, a_checkpoint_is_read_as_it_was_written);
	tcase_add_loop_test(checkpoints, a_malformed_checkpoint_is_refused, 0,
			    (int)COUNT(bad_bodies));
	tcase_add_test(checkpoints, base64_has_one_text_for_each_value);
	suite_add_tcase(suite, keys);
	suite_add_tcase(suite, notes);
	suite_add_tcase(suite, checkpoints);
	return suite;
}
