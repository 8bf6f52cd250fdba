/* SPDX-License-Identifier: Apache-2.0 */
/* The documents that make one policy: its own, and by `extends: NAME` shipped ones. The base's values
 * come first; a value that the document names replaces them, its lists are added to. */
#ifndef COMPILER_SOURCE_H
#define COMPILER_SOURCE_H

#include "compiler/compile.h"
#include "compiler/notes.h"

#define POLICY_LAYERS_MAX 6U

struct policy_layer {
	char path[POLICY_PATH_MAX];
	char extends[POLICY_NAME_MAX]; /* "" = nothing: the last layer */
	uid_t owner;             /* of the file */
	struct buf bytes;
};

#define POLICY_PACKS_MAX 4U
/* As a document names it; borrowed from its bytes. */
struct policy_pack_name {
	bool shipped;
	struct slice name;       /* of a shipped pack, or a file */
	struct slice sha256;     /* of a file, 64 hexadecimal digits */
};

struct policy_pack {
	char path[POLICY_PATH_MAX];
	uint32_t of;             /* the layer that includes it */
	struct policy_pack_name name;
	struct buf bytes;
};
/* Diagnostics about packs[i] have this layer. */
#define POLICY_PACK_LAYER 64U

struct policy_source {
	uint32_t pack_count;
	struct policy_pack packs[POLICY_PACKS_MAX];
	uint32_t count;
	struct policy_layer layers[POLICY_LAYERS_MAX]; /* [0] is the policy, [1] what it extends, ... */
};

/* Finds and reads a policy and what it extends; understands none of it. Release with
 * policy_source_finish() in each case. Returns 0 or -errno with text and exit code 120. */
int policy_source_read(const char *name, struct policy_source *ret_source, struct error *err) MUST_USE;
void policy_source_finish(struct policy_source *source);

/* The name on the first line that is `extends: NAME` from its first column on. Bounded and total. */
bool policy_base_name(struct slice document, char ret_name[POLICY_NAME_MAX]);

/* The packs of the list behind `include:` at the beginning of a line. Bounded and total. */
uint32_t policy_pack_names(struct slice document, struct policy_pack_name ret_names[POLICY_PACKS_MAX]);
/* Finds and reads the packs of one layer; used by policy_source_read(). */
int policy_packs_read(struct policy_source *source, uint32_t of, struct error *err) MUST_USE;
/* The path of the document that diagnostics with this layer are about. */
const char *policy_source_path(const struct policy_source *source, uint32_t layer);

/* Compiles it. With `notes` (NULL = not wanted) also why each entry is there. Returns 0; -EINVAL with at
 * least one diagnostic, all of one document: ret_diagnostics->layer. Does no I/O. */
int policy_compile_source(const struct policy_source *source, struct policy *ret_policy,
			  struct policy_notes *notes, struct diagnostics *ret_diagnostics) MUST_USE;

#endif
