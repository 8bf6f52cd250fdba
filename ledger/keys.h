/* SPDX-License-Identifier: Apache-2.0 */
/* The signing keys of a generation: an Ed25519 identity and the seal key of the open epoch, made at
 * the first start, kept as 32-byte seeds in files of mode 0600 below `<generation>/keys/` and never
 * overwritten. They sign notes only. Used by bailiff-ledgerd alone. */
#ifndef LEDGER_KEYS_H
#define LEDGER_KEYS_H

#include <stdbool.h>

#include "base/error.h"

#define KEYS_FIRST_EPOCH 1U
#define KEYS_SEED_LEN 32U
#define KEYS_NAME_MAX 192U

struct keys {
	char origin[KEYS_NAME_MAX];          /* "localhost/bailiff/<host-id>/<generation>" */
	char seal_name[KEYS_NAME_MAX];       /* origin + "/seal/<epoch>" */
	uint32_t epoch;
	uint8_t identity_seed[KEYS_SEED_LEN];
	uint8_t seal_seed[KEYS_SEED_LEN];
};

/* Writes the default origin of a generation on this host: "localhost/bailiff/" and 16 hex digits of
 * SHA-256(machine-id || "bailiff") and "/<generation>". Returns 0 or -errno of /etc/machine-id. */
int keys_origin(uint32_t generation, char *origin, size_t size) MUST_USE;

/* Reads the keys below the open directory `keys_fd`; with `create` makes those that are missing
 * (written to a temporary file, fsync, link under their name, fsync of the directory), which only a
 * log without a record may ask for. Returns 0, -ENOENT (a key is missing and `create` is false),
 * -EPERM (a key file that others can read), -EBADMSG (not 32 bytes) or -errno. */
int keys_open(int keys_fd, const char *origin, uint32_t epoch, bool create, struct keys *ret_keys,
	      struct error *err) MUST_USE;
/* Wipes the secrets. For cleanup_with(). */
void keys_finish(struct keys *keys);

#endif
