/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include "base/cleanup.h"

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turned(uint32_t word, unsigned int by)
{
	return word >> by | word << (32 - by);
}

static void schedule(const uint8_t *block, uint32_t words[64])
{
	for (size_t i = 0; i < 16; i++, block += 4)
		words[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
	for (size_t i = 16; i < 64; i++) {
		uint32_t a = words[i - 15], b = words[i - 2];

		words[i] = words[i - 16] + words[i - 7] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) +
			   (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
	}
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t words[64], s[8];

	schedule(block, words);
	memcpy(s, state, sizeof(s));
	for (size_t i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t one = s[7] + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
			       constants[i] + words[i];
		uint32_t two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) +
			       ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += one;
		s[0] = one + two;
	}
	for (size_t i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256_begin(struct sha256 *hash)
{
	*hash = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	size_t held = hash->bytes % SHA256_BLOCK;

	hash->bytes += len;
	while (len > 0) {
		size_t part = MIN(len, SHA256_BLOCK - held);

		if (part == SHA256_BLOCK) {
			compress(hash->state, from);
		} else {
			memcpy(hash->block + held, from, part);
			if (held + part == SHA256_BLOCK)
				compress(hash->state, hash->block);
		}
		held = (held + part) % SHA256_BLOCK;
		from += part;
		len -= part;
	}
}

void sha256_end(struct sha256 *hash, uint8_t ret_digest[SHA256_BYTES])
{
	uint8_t end[SHA256_BLOCK + 8] = { 0x80 };
	uint64_t bits = hash->bytes * 8;
	size_t held = hash->bytes % SHA256_BLOCK;
	size_t zeros = (held < 56 ? 56 : 120) - held;

	for (size_t i = 0; i < 8; i++)
		end[zeros + i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(hash, end, zeros + 8);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		ret_digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_of(struct slice bytes, uint8_t ret_digest[SHA256_BYTES])
{
	struct sha256 hash;

	sha256_begin(&hash);
	sha256_add(&hash, bytes.data, bytes.len);
	sha256_end(&hash, ret_digest);
}
