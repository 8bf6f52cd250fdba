/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LEDGER_SHOW_H
#define CLI_LEDGER_SHOW_H

#include "cli/ledger.h"

/* Explains one run on stdout. Returns an exit code. */
int ledger_show(const struct ledger_args *args, const char *run);

#endif
