/* SPDX-License-Identifier: Apache-2.0 */
/* A governing policy written down in a test: tables that grow by one call each, and the actions to ask about. */
#ifndef LIB_GOVERN_WORLD_H
#define LIB_GOVERN_WORLD_H

#include "decide/field.h"
#include "decide/judge.h"

#define WORLD_WORDS_MAX 64U

struct govern_world {
	struct govern govern;
	char strings[65536];
	uint32_t strings_len;
	struct govern_view view;         /* world_view() */
	/* Storage of the last action and snapshot. */
	struct slice argv[WORLD_WORDS_MAX], paths[WORLD_WORDS_MAX];
	char argv_text[4096], paths_text[4096];
	struct field_value fields[FIELD_COUNT];
};

/* Never fails but by abort(): a test that is too large is a mistake of the test. std is there, with approvals
 * by an operator for HIGH and an admin for CRITICAL. Free with free(). */
struct govern_world *world_new(void);
struct policy_string world_text(struct govern_world *world, const char *text);
/* Words divided by blanks; "" and NULL are no words. */
struct govern_list world_words(struct govern_world *world, const char *words);
struct govern_list world_split(struct govern_world *world, const char *words, char separator);
/* Irreversible capabilities get a manual way back, so that the risk is consistent. Returns the index. */
uint16_t world_capability(struct govern_world *world, const char *id, enum risk risk, enum action_class action_class);
/* An `exec` line of the last capability: "git push", "rm -r|-R". */
void world_exec(struct govern_world *world, const char *line);
/* The rule has `when: any` until the test narrows it. */
struct govern_rule *world_rule(struct govern_world *world, const char *id, enum verdict verdict);
/* The last rule looks at this capability. */
void rule_capability(struct govern_rule *rule, uint16_t capability);
struct govern_environment *world_environment(struct govern_world *world, const char *id,
					     enum environment_class environment_class, enum on_refusal on);
struct govern_guard *world_guard(struct govern_world *world, const char *id, enum guard_type type,
				 enum guard_point point);
/* A condition of the last guard. The value is a text, or NULL: then `number`. */
struct govern_condition *world_condition(struct govern_world *world, enum field_id field, enum compare compare,
					 const char *text, int64_t number);
void world_part(struct govern_world *world, struct govern_guard *guard, uint32_t part);
void world_route(struct govern_world *world, struct govern_guard *guard, const char *value, const char *targets);
const struct govern_view *world_view(struct govern_world *world);

/* A tool's command; its name is the base name of the first word. Good until the next call. */
struct action world_exec_action(struct govern_world *world, const char *command);
/* RUNNING at T2 in EXECUTE, a known agent, nothing wrong; `fields` are the world's. */
struct snapshot world_snapshot(struct govern_world *world);
void world_field(struct govern_world *world, enum field_id field, enum field_kind type, int64_t number,
		 const char *text);

#endif
