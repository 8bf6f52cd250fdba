/* SPDX-License-Identifier: Apache-2.0 */
/* From a document into the tables of decide/govern.h. Entries are named; while a document is read, names
 * stay names (struct naming), are looked up behind it, and the tables are sorted when all documents are read. */
#ifndef COMPILER_GOVERN_H
#define COMPILER_GOVERN_H

#include "compiler/read.h"
#include "decide/field.h"
#include "decide/judge.h"

#define RISK_CHECK "Risk Consistency Check Failed: "
#define NAMING_REFERENCES_MAX 2048U
#define NAMING_TESTS_MAX 1024U
#define NAMING_ENTRIES_MAX 128U

enum reference_kind { REFERENCE_INDEX16, REFERENCE_INDEX32, REFERENCE_BIT };

struct reference {
	enum table table;
	enum reference_kind kind;
	const struct yaml_node *node;    /* the name */
	void *field;
	bool is_way_back;                /* what is missing is said by the risk check */
};

/* A line of `match` or `not_match`. */
struct line_test {
	const struct yaml_node *node;
	uint32_t capability;
	bool matches;
};

/* Of one document, for as long as its nodes live. */
struct naming {
	uint32_t reference_count, test_count;
	struct reference references[NAMING_REFERENCES_MAX];
	struct line_test tests[NAMING_TESTS_MAX];
	/* Where each entry is named in this document, and its value; NULL: not here. */
	const struct yaml_node *names[TABLE_COUNT][NAMING_ENTRIES_MAX];
	const struct yaml_node *values[TABLE_COUNT][NAMING_ENTRIES_MAX];
};

/* A table, whatever is in it: every entry begins with its name. */
struct table_row {
	const char *what;                /* "a capability" */
	const char *plural;
	size_t count, items, size;       /* offsets into struct govern; bytes of an entry */
	uint32_t max;
	bool dots;                       /* names may have dots */
	const struct key *(*keys)(struct reader *reader, const struct yaml_node *value, void *entry);
	void (*start)(struct reader *reader, const struct yaml_node *value, void *entry);
	void (*finish)(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry);
};
extern const struct table_row table_rows[TABLE_COUNT];

static inline uint32_t *table_count(struct govern *govern, enum table table)
{
	return (uint32_t *)(void *)((char *)govern + table_rows[table].count);
}

static inline void *table_entry(struct govern *govern, enum table table, uint32_t i)
{
	return (char *)govern + table_rows[table].items + i * table_rows[table].size;
}

/* The name of an entry. */
static inline const char *table_name(const struct policy *policy, enum table table, uint32_t i)
{
	const struct policy_string *id = (const void *)((const char *)&policy->govern + table_rows[table].items +
							i * table_rows[table].size);

	return policy_text(policy, *id);
}

/* ---- words.c: texts and lists ---- */
/* Keeps a text. False and a diagnostic when there is no room. */
bool govern_keep(struct reader *reader, const struct yaml_node *node, struct slice text, struct policy_string *ret);
/* One more word behind words[]. */
bool govern_add_word(struct reader *reader, const struct yaml_node *node, struct slice text);
void read_words(struct reader *reader, const struct key *key, const struct yaml_node *node, struct govern_list *ret);
/* NULL, or what is wrong with a word of this kind; its clean form into `clean`. */
const char *check_govern_word(enum words_kind kind, struct slice text, struct buf *clean);
/* Sorted and without repeats: for lists whose order has no meaning. */
void govern_sort_words(struct policy *policy, struct govern_list *list);
int govern_compare(const struct policy *policy, struct policy_string a, struct policy_string b);
/* Each ${name} of a text is one of `names` (NULL-terminated) or a capture of `capability` (NULL: none). */
bool check_variables(struct reader *reader, const struct yaml_node *node, struct slice text,
		     const char *const *names, const struct govern_capability *capability);

/* ---- govern_read.c: the generic types, tables, names ---- */
void read_govern_value(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base);
void read_table(struct reader *reader, enum table table, const struct yaml_node *node);
void add_reference(struct reader *reader, const struct yaml_node *node, enum table table, enum reference_kind kind,
		   void *field);
const struct yaml_node *mapping_find(const struct reader *reader, const struct yaml_node *mapping, const char *name);
/* The value of a word of a list; false with a diagnostic. */
bool read_word_of(struct reader *reader, const char *what, const struct key_word *words,
		  const struct yaml_node *node, int *ret_value);
/* -1 when there is none of this name. */
int table_find(const struct policy *policy, enum table table, struct slice name);
/* Behind a document: looks names up, then asks what holds between entries. */
void govern_finish_document(struct reader *reader);
/* settings.c: behind all documents. `root` is where errors of the whole are said. */
void govern_finish(struct reader *reader, const struct yaml_node *root);
/* Finds the capabilities of std for what no pattern names. */
void govern_std(struct policy *policy);
/* order.c: sorts all tables by name, guards behind their parts. False without memory. */
bool govern_order(struct policy *policy);

/* ---- what each kind of entry adds ---- */
const struct key *capability_keys_of(struct reader *reader, const struct yaml_node *value, void *entry);
void capability_start(struct reader *reader, const struct yaml_node *value, void *entry);
void capability_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry);
void capability_check(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value,
		      const struct govern_capability *capability);
const struct key *rule_keys_of(struct reader *reader, const struct yaml_node *value, void *entry);
void rule_start(struct reader *reader, const struct yaml_node *value, void *entry);
void rule_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry);
void rule_check(struct reader *reader, const struct yaml_node *name, const struct govern_rule *rule);
const struct key *guard_keys_of(struct reader *reader, const struct yaml_node *value, void *entry);
void guard_start(struct reader *reader, const struct yaml_node *value, void *entry);
void guard_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry);
void guards_check(struct reader *reader);
/* How deep a guard is composed: 0 without parts; GUARD_CYCLE. Written for each guard. */
#define GUARD_DEPTH_MAX 8U
#define GUARD_CYCLE UINT32_MAX
void guard_depths(const struct govern *govern, uint32_t ret_depths[GOVERN_GUARDS_MAX]);
const struct key *environment_keys_of(struct reader *reader, const struct yaml_node *value, void *entry);
void environment_start(struct reader *reader, const struct yaml_node *value, void *entry);
void environment_finish(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value, void *entry);
/* conditions.c asks guards.c for its fields. */
bool read_condition_field(struct reader *reader, const struct yaml_node *node, uint16_t *ret_field);
void settings_start(struct policy *policy);
void line_tests_run(struct reader *reader);
/* The words of a command line, blanks between them, or of a list; into words[]. */
bool read_line(struct reader *reader, const struct yaml_node *node, struct govern_list *ret);

extern const struct key_hooks kind_special, risk_special, check_special, compensation_special, capture_special,
	exec_special, match_special, not_match_special, when_special, when_capability_special, accept_hooks,
	at_special, all_conditions_special, any_conditions_special, attribute_special, routes_special,
	time_field_special, all_parts_special, any_parts_special, not_part_special, approval_hooks,
	approvals_hooks, plans_hooks, phases_hooks, budget_hooks, lease_hooks, phase_write_special,
	transitions_special, include_special, plan_hooks, rule_on_hooks, on_fail_hooks,
	min_tier_hooks;

/* ---- JSON (json.c) ---- */
struct json_t *json_text(const char *text);
struct json_t *json_word(const struct key_word *words, int value);
struct json_t *json_number(int64_t number);
struct json_t *json_truth(bool value);
/* Take `value`; with NULL for the first a new one is made. */
struct json_t *json_pair(const char *name, struct json_t *value);
struct json_t *json_put(struct json_t *object, const char *name, struct json_t *value);
struct json_t *json_add(struct json_t *array, struct json_t *value);
struct json_t *govern_value_json(const struct policy *policy, const struct key *key, const void *base);
struct json_t *keys_json(const struct policy *policy, const struct key *keys, const void *base);
struct json_t *references_json(const struct policy *policy, enum table table, const uint32_t *bits);
struct json_t *words_json(const struct policy *policy, struct govern_list list);

#endif
