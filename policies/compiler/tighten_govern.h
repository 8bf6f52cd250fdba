/* SPDX-License-Identifier: Apache-2.0 */
/* The part of tighten.c that is about actions. `reader->policy` is the policy that is tightened; errors are said. */
#ifndef COMPILER_TIGHTEN_GOVERN_H
#define COMPILER_TIGHTEN_GOVERN_H

#include "compiler/read.h"

/* Adds rules that deny. */
void tighten_rules(struct reader *reader, const struct yaml_node *node);
/* Raises risks: {vcs.push: {risk: CRITICAL}}. */
void tighten_capabilities(struct reader *reader, const struct yaml_node *node);
/* `said`: what the document's budget means by itself. */
void tighten_budget(struct reader *reader, const struct yaml_node *node, const struct govern_budget *said);

#endif
