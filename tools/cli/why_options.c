/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from the verb: `bailiff` lists and completes them, bailiff-records has the code. */
#include "cli/ledger.h"
#include "cli/verbs.h"

static const struct option_row rows[] = { LEDGER_WHERE_ROWS };

const struct option_set why_options = {
	.verb = "why",
	.usage = "[RUN | SEQ]",
	.summary = "Explains a refusal: what, who, which rule in which policy, what to change, or why not to.\n"
		   "Without a word the last one of your last run; RUN is the end of its id or @last; SEQ is the\n"
		   "number of any record. Read from the ledger: no supervisor is needed.",
	.examples = "  bailiff why\n  bailiff why 4711\n  bailiff why --json @last\n",
	.rows = rows,
	.count = COUNT(rows),
};
