/* SPDX-License-Identifier: Apache-2.0 */
/* A directory tree as text, one line for each name: two trees are equal when their texts are. */
#ifndef LIB_TREE_TEXT_H
#define LIB_TREE_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

/* Type, mode, owner, content, target, which names are one file, the attribute user.test, and times that
 * were set (before 1970-01-12). `whole`: inodes, change times and all other times, too: bit for bit.
 * Terminated; the caller owns it. Fails the test when something cannot be read. */
struct buf tree_text(const char *root, bool whole);

#endif
