/* SPDX-License-Identifier: Apache-2.0 */
/* What `bailiff run` prints about its run: on stderr, agent-chosen text escaped. */
#ifndef CLI_SESSION_SAY_H
#define CLI_SESSION_SAY_H

#include "daemon/wire.h"

/* "run 01J... policy default, network none, workspace direct; enforced: ...". `to` is always
 * terminated. */
void session_banner(const struct wire_started *started, const char *policy_note, char *to, size_t to_size);
/* One JSON object, without newline. The caller frees *ret_text. Returns 0 or -ENOMEM. */
int session_json_started(const struct wire_started *started, char **ret_text) MUST_USE;
int session_json_ended(const struct wire_ended *ended, char **ret_text) MUST_USE;

#endif
