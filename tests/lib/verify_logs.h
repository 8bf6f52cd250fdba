/* SPDX-License-Identifier: Apache-2.0 */
/* Three logs to be verified, and verify_run() that must be able to say something. */
#ifndef LIB_VERIFY_LOGS_H
#define LIB_VERIFY_LOGS_H

#include "ledger/verify.h"
#include "lib/sample_log.h"

struct verify_logs {
	struct sample_log sample, older; /* as the writer left it, and in its middle */
	struct sample_log copy;          /* of `sample`, to be changed */
	char memory_dir[96];             /* does not exist yet */
};

void verify_logs_make(struct verify_logs *logs);
void verify_logs_remove(struct verify_logs *logs);

/* Trusts the key that the ledger shows, so that only its content decides. */
struct verify_options verify_enrolled(const char *db);
struct verify_report verify_must(const struct verify_options *options);
/* Both. */
struct verify_report verify_logs_verify(const char *db);
const char *verify_first_text(const struct verify_report *report);

#endif
