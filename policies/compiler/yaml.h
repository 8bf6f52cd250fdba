/* SPDX-License-Identifier: Apache-2.0 */
/* The strict YAML that a policy is written in, as a small tree of our own: one document, no
 * anchors, aliases, merge keys, tags or duplicate keys, bounded depth and size. The only header
 * behind which libfyaml stands. */
#ifndef COMPILER_YAML_H
#define COMPILER_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "compiler/compile.h"

#define YAML_NODES_MAX 65536U
#define YAML_NONE 0U                 /* node 0 is the root, so it is nobody's child */

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_MAPPING, YAML_SEQUENCE };

struct yaml_node {
	enum yaml_kind kind;
	bool plain;                  /* SCALAR: written without quotes */
	uint32_t line, column;       /* from 1 */
	uint32_t first, next;        /* children; of a MAPPING: key, value, key, value, ... */
	uint32_t text_offset, text_len;
};

struct yaml {
	struct buf nodes;            /* struct yaml_node[] */
	struct buf text;
};

/* Parses. Returns 0, or -EINVAL with diagnostics. Release with yaml_finish() in either case. */
int yaml_parse(struct slice bytes, struct yaml *ret_yaml, struct diagnostics *diagnostics) MUST_USE;
void yaml_finish(struct yaml *yaml);

static inline const struct yaml_node *yaml_node(const struct yaml *yaml, uint32_t index)
{
	return &((const struct yaml_node *)(const void *)yaml->nodes.data)[index];
}

static inline struct slice yaml_text(const struct yaml *yaml, const struct yaml_node *node)
{
	/* With nothing but empty texts there is no memory to point into. */
	return node->text_len ? slice_new(yaml->text.data + node->text_offset, node->text_len) : slice_of("");
}

/* What a plain scalar would be in the core schema of YAML 1.2: "text", "number", "boolean", "null". */
const char *yaml_scalar_type(struct slice text, bool plain);

#endif
