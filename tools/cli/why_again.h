/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a recorded decision about a command comes out again from its recorded question and policy. */
#ifndef CLI_WHY_AGAIN_H
#define CLI_WHY_AGAIN_H

#include <jansson.h>

#include "ledger/render.h"

/* SAME: verdict, rule, capability, risk, class, cause and all three texts, byte for byte. IMPOSSIBLE: question, argv or
 * policy are not kept whole, or may not be read. */
enum why_again { AGAIN_NO_QUESTION, AGAIN_SAME, AGAIN_DIFFERS, AGAIN_IMPOSSIBLE };

enum why_again why_again(const struct ledger_hit *hit, json_t *document, const char *workspace, const char *owner);

#endif
