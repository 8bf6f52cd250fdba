/* SPDX-License-Identifier: Apache-2.0 */
/* The main() of every libcheck program below tests/, and the skips that libcheck does not have.
 *
 * A test file defines suite_make() and nothing else; runner.c runs it (libcheck's own CK_*
 * environment is honoured), prints each failure with its place and message and one line
 *
 *     test_parse: 12 passed, 0 failed, 1 skipped
 *
 * and leaves "12 0 1" in $BAILIFF_RESULTS/test_parse. It ends with 0 when nothing failed.
 *
 * A skip is said, counted and never silent: NEEDS(FEATURE_LANDLOCK) stands before the first
 * assertion of a test. The names in $MUST_WORK (those of base/feature.h, "root", or "all") turn
 * their skips into failures. */
#ifndef LIB_RUNNER_H
#define LIB_RUNNER_H

#include <check.h>
#include <stdbool.h>

#include "base/feature.h"

/* Defined by the test file. */
Suite *suite_make(void);

/* True when the test `function` (as __func__ says it) may go on. Otherwise prints the skip and
 * counts it, or fails the test when $MUST_WORK names `what`. */
bool runner_goes_on(const char *function, const char *what, bool present, const char *reason);

/* Probed on this kernel once per process, by launch/probe.h and watch/probe.h. In needs.c, so
 * that pure suites link no prober. */
bool needs_feature(enum feature feature);

/* Leaves the test when this machine cannot run it. Only inside START_TEST. */
#define NEEDS(feature)                                                                    \
	do {                                                                              \
		if (!runner_goes_on(__func__, feature_infos[feature].name,                \
				    needs_feature(feature), "this kernel does not have it")) \
			return;                                                           \
	} while (0)

#define NEEDS_ROOT()                                                                      \
	do {                                                                              \
		if (!runner_goes_on(__func__, "root", geteuid() == 0, "only root can"))    \
			return;                                                           \
	} while (0)

/* For whatever is no kernel feature: a program, an account. `what` is one word. */
#define NEEDS_THAT(what, present, reason)                                                 \
	do {                                                                              \
		if (!runner_goes_on(__func__, what, present, reason))                     \
			return;                                                           \
	} while (0)

#endif
