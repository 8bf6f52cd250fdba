/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are kept by their digest: compiled policies, host reports. */
#include <errno.h>
#include <openssl/sha.h>

#include "ledger/query_internal.h"

int ledger_document(struct ledger *ledger, const uint8_t digest[32], struct buf *ret_bytes,
		    struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	uint8_t have[SHA256_DIGEST_LENGTH];
	struct slice data;
	int r = reader_prepare(ledger->reader, "SELECT data FROM doc WHERE digest = ?", &row, err);

	if (r < 0)
		return r;
	sqlite3_bind_blob(row, 1, digest, 32, SQLITE_TRANSIENT);
	r = reader_step(ledger->reader, row, err);
	if (r <= 0)
		return r;
	data = reader_cell(row, 0);
	if (!SHA256((const uint8_t *)(data.len ? data.data : ""), data.len, have) ||
	    memcmp(have, digest, sizeof(have)) != 0)
		return error_say(err, -EBADMSG, "a document of this ledger is not what its digest says");
	r = buf_append(ret_bytes, data.data, data.len);
	return r < 0 ? error_set(err, r, "read a document of %zu bytes", data.len) : 1;
}
