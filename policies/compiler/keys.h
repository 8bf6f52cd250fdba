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
	/* Of the tables of decide/govern.h: */
	KEY_GROUP,               /* as KEY_SECTION, its struct at `offset`; left out of JSON when empty */
	KEY_TABLE,               /* named entries of the table `min` (enum table) */
	KEY_STRING,              /* text into struct policy_string, below `max` bytes */
	KEY_WORD8,               /* one of `words` into uint8_t */
	KEY_BITS,                /* a list of `words` into bits of an unsigned of `max` bytes */
	KEY_BIT,                 /* true or false into the bits `min` of a uint8_t */
	KEY_TIER8,               /* T0-T4 into uint8_t */
	KEY_U8,                  /* min..max into uint8_t */
	KEY_FRACTION,            /* 0 to 1 in parts of `max`; `min`: bytes of the number */
	KEY_WORDS,               /* a list of texts into struct govern_list; `min` is enum words_kind */
	KEY_REFERENCE,           /* an entry of the table `min` into uint16_t */
	KEY_REFERENCES,          /* a list of them into bits, uint32_t[] */
	KEY_SPECIAL,             /* hooks->read, hooks->json */
};

enum table { TABLE_CAPABILITIES, TABLE_RULES, TABLE_GUARDS, TABLE_ENVIRONMENTS, TABLE_COUNT };

enum words_kind {
	WORDS_ANY, WORDS_ARGV, WORDS_OPTION, WORDS_AGENT, WORDS_EXE, WORDS_PATH, WORDS_GLOB, WORDS_NET,
	WORDS_VARIABLE, WORDS_USER, WORDS_APPROVER, WORDS_PROGRAM,
};

struct key_word {
	const char *name;        /* NULL ends the list */
	int value;               /* KEY_WORD_LATER: known, not supported yet */
};
#define KEY_WORD_LATER (-1)

struct reader;
struct yaml_node;
struct json_t;
struct key;

/* What a row of the table does beyond its type. All may be NULL. */
struct key_hooks {
	void (*read)(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base);
	struct json_t *(*json)(const struct policy *policy, const struct key *key, const void *base);
	/* GROUP: before and after its keys are read, with its struct. */
	void (*start)(struct reader *reader, const struct yaml_node *node, void *group);
	void (*finish)(struct reader *reader, const struct yaml_node *node, void *group);
	/* Whether the value is part of the JSON: what is not set, or has no effect, is not. */
	bool (*present)(const struct policy *policy, const void *base);
};

struct key {
	const char *name;        /* NULL ends a table */
	const char *doc;         /* one sentence for people */
	enum key_type type;
	size_t offset;           /* into struct policy, or into the section's struct */
	uint64_t min, max;
	const struct key_word *words;
	const struct key *keys;
	const struct key_hooks *hooks;
};

extern const struct key policy_keys[];
extern const struct key baseline_keys[];   /* offsets into struct policy_baseline */
extern const struct key secret_keys[];     /* offsets into struct policy_secret */

/* keys_govern.c, keys_guards.c, keys_settings.c */
extern const struct key pack_keys[];       /* include.c: all that stands in a pack */
extern const struct key capability_keys[], rule_keys[], when_keys[], environment_keys[];
extern const struct key *const guard_keys[GUARD_TYPE_COUNT];
extern const struct key_word guard_type_words[], operation_words[], class_words[], risk_words[], status_words[],
	phase_words[], compare_words[];
extern const struct key approvals_keys[], plans_keys[], phases_keys[], budget_keys[], lease_keys[];

#endif
