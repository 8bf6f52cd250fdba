/* SPDX-License-Identifier: Apache-2.0 */
/* `match` and `not_match`: each line is classified as the exec gate would, at each load. */
#include "compiler/govern.h"

#include "base/text.h"

#define TEST_WORDS_MAX 64U

struct command {
	struct slice argv[TEST_WORDS_MAX];
	uint32_t argc;
	char exe[POLICY_PATH_MAX];
};

static bool split_words(struct slice line, struct command *command)
{
	for (size_t at = 0; at < line.len;) {
		const char *blank = memchr(line.data + at, ' ', line.len - at);
		size_t len = blank ? (size_t)(blank - line.data) - at : line.len - at;

		if (len == 0 || command->argc == TEST_WORDS_MAX)
			return false;
		command->argv[command->argc++] = slice_new(line.data + at, len);
		at += len + (blank != NULL);
	}
	return command->argc > 0;
}

static bool read_command(struct reader *reader, const struct yaml_node *node, struct command *command)
{
	char shown[SHOWN_MAX];
	struct slice text;

	command->argc = 0;
	if (node->kind != YAML_SEQUENCE) {
		if (!reader_text(reader, node, &text))
			return false;
		if (split_words(text, command))
			return true;
		reader_fail(reader, node, "%s: words are divided by single blanks", reader_show(reader, node, shown));
		return false;
	}
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next) {
		if (command->argc == TEST_WORDS_MAX || !reader_text(reader, yaml_node(reader->yaml, at), &text))
			return false;
		command->argv[command->argc++] = text;
	}
	return command->argc > 0;
}

static struct slice base_name(struct slice path)
{
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

	return slash ? slice_new(slash + 1, path.len - (size_t)(slash - path.data) - 1) : path;
}

static uint16_t classify_command(struct reader *reader, const struct command *command)
{
	const struct policy *policy = reader->policy;
	struct action action = {
		.kind = ACTION_EXEC, .argv = command->argv, .argc = command->argc, .name_count = 1,
		.names = { base_name(command->argv[0]) }, .place = PLACE_TOOL,
	};
	struct govern_view view;

	govern_view_of(&policy->govern, policy->strings, policy->strings_len, &view);
	return classify(&view, &action);
}

void line_tests_run(struct reader *reader)
{
	const struct naming *naming = reader->naming;
	struct command *command;

	govern_std(reader->policy);
	command = malloc(sizeof(*command));
	for (uint32_t i = 0; command && i < naming->test_count; i++) {
		const struct line_test *test = &naming->tests[i];
		char shown[SHOWN_MAX];
		uint16_t found;

		if (!read_command(reader, test->node, command))
			continue;
		found = classify_command(reader, command);
		reader->diagnostics->tested++;
		if ((found == test->capability) == test->matches)
			continue;
		reader_fail(reader, test->node, "%s is %s, and must %sbe \"%s\"", reader_show(reader, test->node, shown),
			    found == GOVERN_NONE ? "no capability" : table_name(reader->policy, TABLE_CAPABILITIES, found),
			    test->matches ? "" : "not ", table_name(reader->policy, TABLE_CAPABILITIES, test->capability));
	}
	free(command);
}
