/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) for the programs that link no libcrypto: bailiffd, which hashes what an agent hands over
 * so that no agent can supply a digest, and the static client inside sandboxes. Pure. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stdint.h>

#include "base/slice.h"

#define SHA256_BYTES 32U
#define SHA256_BLOCK 64U

struct sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[SHA256_BLOCK];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);
void sha256_end(struct sha256 *hash, uint8_t ret_digest[SHA256_BYTES]);
void sha256_of(struct slice bytes, uint8_t ret_digest[SHA256_BYTES]);

#endif
