/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_POLICY_SHOW_H
#define CLI_POLICY_SHOW_H

#include <stdint.h>

#include "compiler/source.h"

/* Prints the compiled policy for people: each key with its value and what it means. */
void policy_print(const struct policy *policy, const struct policy_source *source,
		  const struct policy_notes *notes, const uint8_t digest[32]);

#endif
