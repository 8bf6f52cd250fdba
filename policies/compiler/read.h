/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a document into one field of the policy, by the type of its key. */
#ifndef COMPILER_READ_H
#define COMPILER_READ_H

#include "compiler/keys.h"
#include "compiler/notes.h"
#include "compiler/yaml.h"

struct reader {
	const struct yaml *yaml;
	struct policy *policy;
	struct diagnostics *diagnostics;
	/* of policy_compile_source(); 0 elsewhere */
	struct slice document;
	const char *base;           /* the policy that was found for `extends`; "" = none */
	uint32_t layer;
	bool extending;             /* lists and bits already hold what a base says */
	struct policy_notes *notes; /* NULL = not wanted */
	struct naming *naming;      /* govern.h; of this document */
	bool project;               /* a project file: its tables are read by tighten_govern.c */
	const struct policy_source *source; /* its packs; NULL: none */
};

/* Adds a diagnostic at a node. */
#define reader_fail(reader, node, ...) \
	diagnostics_add((reader)->diagnostics, (node)->line, (node)->column, __VA_ARGS__)

#define SHOWN_MAX 100U
/* The node's text for a message: quoted, escaped, cut. */
const char *reader_show(const struct reader *reader, const struct yaml_node *node, char to[SHOWN_MAX]);
/* The text of a scalar that is text by YAML's core schema, else a diagnostic and false. */
bool reader_text(struct reader *reader, const struct yaml_node *node, struct slice *ret_text);
/* Whether the node is a list that is not empty, else a diagnostic: "a list of <what> belongs here". */
bool reader_list(struct reader *reader, const struct yaml_node *node, const char *what);

/* Reads `node` into the field of `key` in the struct at `base`. Errors go to the diagnostics. */
void read_value(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base);
/* Reads a mapping whose keys are those of `keys`. */
void read_mapping(struct reader *reader, const struct key *keys, const struct yaml_node *node, void *base);

void read_tier(struct reader *reader, const struct yaml_node *node, uint32_t *ret_tier);
/* Whether a key before this one of the mapping is the same text. */
bool mapping_is_duplicate(const struct reader *reader, const struct yaml_node *mapping, const struct yaml_node *key);

/* lists.c */
void read_list(struct reader *reader, const struct key *key, const struct yaml_node *node, void *field);
void read_workspace(struct reader *reader, const struct yaml_node *node, struct policy_string *ret);
void read_features(struct reader *reader, const struct yaml_node *node, uint32_t *ret_bits);
void read_baselines(struct reader *reader, const struct yaml_node *node);
void read_response(struct reader *reader, const struct key *key, const struct yaml_node *node,
		   struct response *ret);
void read_overrides(struct reader *reader, const struct yaml_node *node);
/* The path without "./" inside, doubled and final slashes into `clean`. NULL, or what is wrong with it. */
const char *check_path(struct slice text, bool globs, struct buf *clean);
/* secrets.c */
void read_secrets(struct reader *reader, const struct yaml_node *node);
void read_secret_source(struct reader *reader, const struct key *key, const struct yaml_node *node,
			struct policy_secret *secret);
/* The canonical text of an entry of a list of this type into `clean`. NULL, or what is wrong with it. */
const char *check_item(enum key_type type, struct slice text, struct buf *clean);
/* What holds between keys; ends with policy_settle(). Errors are said at the document's root. */
void check_whole(struct reader *reader, const struct yaml_node *root);
/* What follows from the values: the protections that are always required. */
void policy_settle(struct policy *policy);
/* In the order of the file. */
void diagnostics_sort(struct diagnostics *diagnostics);
/* Keeps a text in the policy's arena. False when it is full. */
bool policy_keep(struct policy *policy, struct slice text, struct policy_string *ret);

#endif
