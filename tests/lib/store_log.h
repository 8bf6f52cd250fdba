/* SPDX-License-Identifier: Apache-2.0 */
/* What a real bailiff-ledgerd wrote, looked at by a test. */
#ifndef LIB_STORE_LOG_H
#define LIB_STORE_LOG_H

#include <check.h>
#include <sqlite3.h>

#include "lib/ledgerd.h"

/* Fails the test when it does not start. */
void store_log_start(struct ledgerd *ledgerd);
/* An open for writing, with a kernel sequence, at the end of the batch. */
void store_log_add_open(struct ledgerd *ledgerd, const uint8_t run[16], const char *path);

/* ledger.db or values.db, for reading. */
sqlite3 *store_log_open(const struct ledgerd *ledgerd, const char *name);
/* The first cell; -4711 without a row. */
int64_t store_log_value(sqlite3 *db, const char *sql);
int64_t store_log_number(const struct ledgerd *ledgerd, const char *name, const char *sql);
/* Replays the whole log into an empty database and compares tree, chains, columns; the newest
 * checkpoint must be the root of its size, signed by both keys. */
void store_log_check(const struct ledgerd *ledgerd);

/* An unchecked fixture runs once per TCase, and only its teardown survives a failed test: so each
 * test has a TCase, and with it a directory, of its own. */
void store_log_suite(Suite *suite, const TTest *test, int from, int to, SFun setup, SFun teardown);

#endif
