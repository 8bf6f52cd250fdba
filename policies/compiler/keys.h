/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of policy keys: what may be written where, which field it fills, what it means.
 * Reading a document, writing canonical JSON and `bailiff policy show` all walk it. */
#ifndef COMPILER_KEYS_H
#define COMPILER_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "decide/policy.h"

enum key_type {
	KEY_UNSUPPORTED,         /* known, comes later: refused, never ignored */
	KEY_SECTION,             /* a mapping with the keys of `keys` */
	KEY_EXTENDS,             /* the name of a shipped policy */
	KEY_SCHEMA,              /* the number 1 */
	KEY_CALLER,              /* the word `caller` */
	KEY_NAME,                /* letters, digits, - _ . into char[max] */
	KEY_TEXT,                /* text into char[max] */
	KEY_WORD,                /* one of `words` into an int-sized enum */
	KEY_TIER,                /* T0-T4 into uint32_t */
	KEY_U32,                 /* min..max */
	KEY_DURATION,            /* uint64_t ns; JSON in ms */
	KEY_SIZE,                /* uint64_t bytes */
	KEY_CPU,                 /* 4.0 into uint64_t thousandths */
	KEY_WORKSPACE,           /* one path or ${cwd} into struct policy_string */
	KEY_PATHS,               /* struct policy_list */
	KEY_GLOBS,               /* the same, with * ? ** */
	KEY_ENV,                 /* names of variables, a final * allowed */
	KEY_NET_CONNECT, KEY_NET_BIND,
	KEY_PORTS,               /* numbers from 1024 on, into struct policy_list as text */
	KEY_FEATURES,            /* uint32_t bits */
	KEY_BASELINES,
	KEY_SECRETS,
	KEY_SECRET_FILE, KEY_SECRET_ENV, KEY_SECRET_COMMAND, /* the struct policy_secret itself */
	KEY_RESPONSE,            /* struct response; min is its severity */
	KEY_OVERRIDES,
};

struct key_word {
	const char *name;        /* NULL ends the list */
	int value;               /* KEY_WORD_LATER: known, not supported yet */
};
#define KEY_WORD_LATER (-1)

struct key {
	const char *name;        /* NULL ends a table */
	const char *doc;         /* one sentence for people */
	enum key_type type;
	size_t offset;           /* into struct policy, or into the section's struct */
	uint64_t min, max;
	const struct key_word *words;
	const struct key *keys;
};

extern const struct key policy_keys[];
extern const struct key baseline_keys[];   /* offsets into struct policy_baseline */
extern const struct key secret_keys[];     /* offsets into struct policy_secret */

#endif
