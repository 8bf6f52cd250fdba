/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/govern_world.h"

#include <assert.h>

#define ROW(world, table, max) (assert((world)->govern.table##_count < (max)), \
				&(world)->govern.table[(world)->govern.table##_count++])

struct policy_string world_text(struct govern_world *world, const char *text)
{
	struct policy_string string = { world->strings_len, text ? (uint32_t)strlen(text) : 0 };

	if (string.len == 0)
		return (struct policy_string){ 0 };
	assert(world->strings_len + string.len < sizeof(world->strings));
	memcpy(world->strings + string.offset, text, string.len + 1);
	world->strings_len += string.len + 1;
	return string;
}

struct govern_list world_split(struct govern_world *world, const char *words, char separator)
{
	struct govern_list list = { .first = world->govern.words_count };

	while (words && *words) {
		const char *end = strchr(words, separator);
		char one[1024];
		size_t len = end ? (size_t)(end - words) : strlen(words);

		assert(len < sizeof(one));
		memcpy(one, words, len);
		one[len] = '\0';
		*ROW(world, words, GOVERN_WORDS_MAX) = world_text(world, one);
		list.count++;
		words += len + (end ? 1 : 0);
	}
	return list.count ? list : (struct govern_list){ 0 };
}

struct govern_list world_words(struct govern_world *world, const char *words)
{
	return world_split(world, words, ' ');
}

uint16_t world_capability(struct govern_world *world, const char *id, enum risk risk, enum action_class action_class)
{
	struct govern_capability *capability = ROW(world, capabilities, GOVERN_CAPABILITIES_MAX);

	*capability = (struct govern_capability){
		.id = world_text(world, id), .risk = (uint8_t)risk, .action_class = (uint8_t)action_class,
		.operation = OPERATION_EXECUTE, .check = GOVERN_NONE, .way_back_capability = GOVERN_NONE,
		.flags = risk < RISK_HIGH ? CAPABILITY_REVERSIBLE : 0, .way_back = WAY_BACK_MANUAL,
		.manual = world_text(world, "by hand"),
	};
	return (uint16_t)(world->govern.capabilities_count - 1);
}

void world_exec(struct govern_world *world, const char *line)
{
	struct govern_capability *capability = &world->govern.capabilities[world->govern.capabilities_count - 1];
	struct govern_pattern *pattern = ROW(world, patterns, GOVERN_PATTERNS_MAX);
	char text[512];
	char *word = text, *end;

	assert(strlen(line) < sizeof(text));
	memcpy(text, line, strlen(line) + 1);
	if (capability->patterns.count++ == 0)
		capability->patterns.first = world->govern.patterns_count - 1;
	*pattern = (struct govern_pattern){ .elements = { .first = world->govern.choices_count } };
	for (bool program = true; word; program = false, word = end ? end + 1 : NULL) {
		struct govern_list words;

		end = strchr(word, ' ');
		if (end)
			*end = '\0';
		words = world_split(world, word, '|');
		if (program) {
			pattern->programs = words;
			continue;
		}
		*ROW(world, choices, GOVERN_CHOICES_MAX) = (struct govern_choice){
			.words = words, .option = word[0] == '-',
		};
		pattern->elements.count++;
	}
}

struct govern_rule *world_rule(struct govern_world *world, const char *id, enum verdict verdict)
{
	struct govern_rule *rule = ROW(world, rules, GOVERN_RULES_MAX);

	*rule = (struct govern_rule){ .id = world_text(world, id), .verdict = (uint8_t)verdict, .when.any = 1 };
	return rule;
}

void rule_capability(struct govern_rule *rule, uint16_t capability)
{
	rule->when.any = 0;
	rule->when.has_capabilities = 1;
	rule->when.capabilities[capability / 32] |= 1U << capability % 32;
}

struct govern_environment *world_environment(struct govern_world *world, const char *id,
					     enum environment_class environment_class, enum on_refusal on)
{
	struct govern_environment *environment = ROW(world, environments, GOVERN_ENVIRONMENTS_MAX);

	*environment = (struct govern_environment){
		.id = world_text(world, id), .environment_class = (uint8_t)environment_class, .on = (uint8_t)on,
	};
	return environment;
}

struct govern_guard *world_guard(struct govern_world *world, const char *id, enum guard_type type,
				 enum guard_point point)
{
	struct govern_guard *guard = ROW(world, guards, GOVERN_GUARDS_MAX);

	*guard = (struct govern_guard){ .id = world_text(world, id), .type = (uint8_t)type,
					.point = (uint8_t)point };
	return guard;
}

static void grow(struct govern_list *list, uint32_t table_count)
{
	if (list->count++ == 0)
		list->first = table_count - 1;
	assert(list->first + list->count == table_count);
}

struct govern_condition *world_condition(struct govern_world *world, enum field_id field, enum compare compare,
					 const char *text, int64_t number)
{
	struct govern_guard *guard = &world->govern.guards[world->govern.guards_count - 1];
	struct govern_condition *condition = ROW(world, conditions, GOVERN_CONDITIONS_MAX);
	bool none = compare == COMPARE_EXISTS || compare == COMPARE_NOT_EXISTS;

	*condition = (struct govern_condition){
		.field = (uint16_t)field, .compare = (uint8_t)compare, .number = number,
		.type = (uint8_t)(none ? TYPE_ABSENT : compare == COMPARE_IN ? TYPE_LIST : field_type(field)),
	};
	if (compare == COMPARE_IN)
		condition->list = world_words(world, text);
	else
		condition->text = world_text(world, text);
	grow(&guard->conditions, world->govern.conditions_count);
	return condition;
}

void world_part(struct govern_world *world, struct govern_guard *guard, uint32_t part)
{
	*ROW(world, guard_parts, GOVERN_CONDITIONS_MAX) = part;
	grow(&guard->parts, world->govern.guard_parts_count);
}

void world_route(struct govern_world *world, struct govern_guard *guard, const char *value, const char *targets)
{
	*ROW(world, routes, GOVERN_ROUTES_MAX) = (struct govern_route){
		.value = world_text(world, value), .targets = world_words(world, targets),
	};
	grow(&guard->routes, world->govern.routes_count);
}

static void approve(struct govern_world *world, enum risk risk, enum role role, bool self)
{
	world->govern.settings.approvals[risk] = (struct govern_approval){
		.role = (uint8_t)role, .self = self, .count = 1, .uses = 1, .ttl_ns = 900000000000ULL,
	};
}

struct govern_world *world_new(void)
{
	struct govern_world *world = calloc(1, sizeof(*world));

	assert(world);
	world->strings_len = 1;
	world->govern.settings.gated = 1;
	world->govern.settings.std_tool = world_capability(world, "exec.tool", RISK_MEDIUM, ACT_OTHER);
	world->govern.settings.std_workspace = world_capability(world, "exec.workspace", RISK_MEDIUM, ACT_OTHER);
	world->govern.settings.std_unknown = world_capability(world, "exec.unknown", RISK_HIGH, ACT_OTHER);
	approve(world, RISK_HIGH, ROLE_OPERATOR, true);
	approve(world, RISK_CRITICAL, ROLE_ADMIN, false);
	for (uint32_t i = 0; i < PHASE_COUNT; i++)
		world->govern.settings.phases[i].exit_guard = GOVERN_NONE;
	return world;
}

const struct govern_view *world_view(struct govern_world *world)
{
	govern_view_of(&world->govern, world->strings, world->strings_len, &world->view);
	return &world->view;
}

struct action world_exec_action(struct govern_world *world, const char *command)
{
	struct action action = { .kind = ACTION_EXEC, .principal = slice_of("agent:coder"), .place = PLACE_TOOL };
	const char *slash;
	char *word = world->argv_text, *end;

	assert(strlen(command) < sizeof(world->argv_text));
	memcpy(world->argv_text, command, strlen(command) + 1);
	for (; word; word = end ? end + 1 : NULL) {
		end = strchr(word, ' ');
		if (end)
			*end = '\0';
		assert(action.argc < WORLD_WORDS_MAX);
		world->argv[action.argc++] = slice_of(word);
	}
	slash = strrchr(world->argv_text, '/');
	action.argv = world->argv;
	action.names[0] = slice_of(slash ? slash + 1 : world->argv_text);
	action.name_count = 1;
	memset(action.digest, 0xd1, sizeof(action.digest));
	return action;
}

void world_field(struct govern_world *world, enum field_id field, enum field_kind type, int64_t number,
		 const char *text)
{
	world->fields[field] = (struct field_value){ .type = (uint8_t)type, .number = number,
						     .text = slice_of(text) };
}

struct snapshot world_snapshot(struct govern_world *world)
{
	world_field(world, FIELD_RUN_STATUS, TYPE_TEXT, 0, "RUNNING");
	world_field(world, FIELD_AGENT_NAME, TYPE_TEXT, 0, "coder");
	return (struct snapshot){ .tier = 2, .phase = PHASE_EXECUTE, .fields = world->fields };
}
