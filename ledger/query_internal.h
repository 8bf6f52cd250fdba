/* SPDX-License-Identifier: Apache-2.0 */
/* Between query*.c only. */
#ifndef LEDGER_QUERY_INTERNAL_H
#define LEDGER_QUERY_INTERNAL_H

#include "ledger/query.h"
#include "ledger/reader.h"

struct ledger {
	struct reader *reader;
	const struct ledger_filter *filter; /* of the query that runs: for ledger_match() */
	sqlite3_stmt *value, *checkpoint;
	int64_t data_version;
	char *followed[LEDGER_NAMES_MAX];   /* names that ledger_follow() made */
	uint32_t followed_count;
};

/* True when `name` fits filter->names[at]. */
bool query_name_matches(const char *pattern, struct slice name);
/* True when the pattern is a plain name. */
bool query_is_plain(const char *pattern);

#endif
