/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/sha.h>

#include "base/sha256.h"
#include "base/text.h"
#include "lib/runner.h"

static const struct vector {
	const char *text, *hex;
} vectors[] = {  /* FIPS 180-4 examples */
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

START_TEST(sha256_gives_the_standards_digests)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	sha256_of(slice_of(vectors[_i].text), digest);
	text_hex(hex, digest, sizeof(digest));
	ck_assert_str_eq(hex, vectors[_i].hex);
}
END_TEST

START_TEST(sha256_agrees_with_libcrypto_however_the_bytes_are_cut)
{
	static uint8_t bytes[1000];
	uint32_t seed = 7;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 131 + i / 7);
	for (size_t len = 0; len <= 300; len++) {
		uint8_t have[SHA256_BYTES], want[SHA256_BYTES];
		struct sha256 hash;
		size_t at = 0;

		sha256_begin(&hash);
		while (at < len) {
			size_t part;

			seed = seed * 1664525 + 1013904223;
			part = MIN(len - at, (size_t)(seed >> 16) % 130);
			sha256_add(&hash, bytes + at, part);
			at += part;
		}
		sha256_end(&hash, have);
		SHA256(bytes, len, want);
		ck_assert_msg(memcmp(have, want, sizeof(want)) == 0, "%zu bytes", len);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("sha256");
	TCase *tcase = tcase_create("digest");

	tcase_add_loop_test(tcase, sha256_gives_the_standards_digests, 0, (int)COUNT(vectors));
	tcase_add_test(tcase, sha256_agrees_with_libcrypto_however_the_bytes_are_cut);
	tcase_set_tags(tcase, "pure");
	suite_add_tcase(suite, tcase);
	return suite;
}
