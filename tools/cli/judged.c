/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/judged.h"

#include <errno.h>

#include "base/text.h"
#include "decide/policy.h"

#define STRINGS_MAX (1U << 20)
#define PATH_SIZE 4096U

/* ---- the tables with real paths ---- */

static int expand(struct judged *judged, struct govern_list list)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < list.count; i++) {
		struct policy_string *word = &judged->words[list.first + i];
		const char *text = policy_text(judged->policy, *word);
		const char *front = text[0] == '.' ? judged->workspace : text[0] == '~' ? judged->home : "";
		uint32_t skip = text[0] == '.' || text[0] == '~';

		*word = (struct policy_string){ (uint32_t)judged->strings.len, (uint32_t)(strlen(front) + word->len - skip) };
		r = buf_printf(&judged->strings, "%s%s", front, text + skip);
		if (r == 0)
			r = buf_append(&judged->strings, "", 1);
	}
	return r;
}

int judged_init(struct judged *judged, const struct policy *policy, const char *workspace, const char *home)
{
	const struct govern *govern = &policy->govern;
	int r;

	judged->policy = policy;
	judged->workspace = workspace;
	judged->home = home;
	judged->strings = buf_growing(STRINGS_MAX);
	memcpy(judged->words, govern->words, sizeof(judged->words));
	r = buf_append(&judged->strings, policy->strings, policy->strings_len);
	for (uint32_t i = 0; r == 0 && i < govern->rules_count; i++)
		r = expand(judged, govern->rules[i].when.paths_under);
	for (uint32_t i = 0; r == 0 && i < govern->environments_count; i++)
		r = expand(judged, govern->environments[i].paths);
	if (r < 0)
		return r;
	govern_view_of(govern, judged->strings.data, (uint32_t)judged->strings.len, &judged->view);
	judged->view.words = judged->words;
	return 0;
}

void judged_finish(struct judged *judged)
{
	buf_finish(&judged->strings);
}

void judged_snapshot(const struct judged *judged, struct snapshot *ret_snapshot)
{
	*ret_snapshot = (struct snapshot){
		.mode = (uint32_t)judged->policy->mode, .phase = PHASE_EXECUTE, .tier = judged->policy->tier,
	};
}

/* ---- one command ---- */

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

enum program_place judged_place(const struct judged *judged, const char *exe)
{
	static const char *const trees[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt" };

	if (is_below(exe, judged->workspace))
		return PLACE_WORKSPACE;
	for (size_t i = 0; i < COUNT(trees); i++) {
		if (is_below(exe, trees[i]))
			return PLACE_TOOL;
	}
	return PLACE_UNKNOWN;
}

static struct slice base_name(struct slice path)
{
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

	return slash ? slice_new(slash + 1, path.len - (size_t)(slash - path.data) - 1) : path;
}

/* Without "." and "..", from the workspace. */
static void resolve(const struct judged *judged, struct slice word, char to[PATH_SIZE])
{
	struct buf path = buf_fixed(to, PATH_SIZE - 1);

	memset(to, 0, PATH_SIZE);
	if (word.len == 0 || word.data[0] != '/')
		IGNORE(buf_text(&path, judged->workspace) < 0);
	for (size_t at = 0; at < word.len;) {
		const char *slash = memchr(word.data + at, '/', word.len - at);
		size_t len = slash ? (size_t)(slash - word.data) - at : word.len - at;
		struct slice part = slice_new(word.data + at, len);

		at += len + (slash != NULL);
		if (slice_is(part, "..")) {
			char *last = memrchr(to, '/', path.len);

			path.len = last ? (size_t)(last - to) : 0;
		} else if (part.len > 0 && !slice_is(part, ".")) {
			IGNORE(buf_text(&path, "/") < 0 || buf_append(&path, part.data, part.len) < 0);
		}
	}
	to[path.len] = '\0';
	if (path.len == 0)
		IGNORE(text_copy(to, PATH_SIZE, slice_of("/")));
}

struct resolved {
	char exe[PATH_SIZE];
	char paths[JUDGED_WORDS_MAX][PATH_SIZE];
	struct slice words[JUDGED_WORDS_MAX], slices[JUDGED_WORDS_MAX];
};

static void find_exe(const struct judged *judged, const struct judged_command *command, struct resolved *resolved)
{
	struct slice name = command->argv[0];

	if (command->exe)
		IGNORE(text_copy(resolved->exe, sizeof(resolved->exe), slice_of(command->exe)));
	else if (memchr(name.data, '/', name.len))
		resolve(judged, name, resolved->exe);
	else
		IGNORE(snprintf(resolved->exe, sizeof(resolved->exe), "/usr/bin/%.*s", (int)name.len, name.data) < 0);
}

void judged_ask(const struct judged *judged, const struct judged_command *command, struct action *ret_action,
		struct ruling *ret_ruling)
{
	auto_free struct resolved *resolved = calloc(1, sizeof(*resolved));
	struct action *action = ret_action;
	uint32_t operands;

	*action = (struct action){ .kind = ACTION_EXEC, .principal = slice_of("agent:case"), .argv = command->argv,
				   .argc = command->argc };
	*ret_ruling = (struct ruling){ .capability = GOVERN_NONE, .rule = GOVERN_NONE };
	if (!resolved || command->argc == 0)
		return;
	find_exe(judged, command, resolved);
	action->exe = slice_of(resolved->exe);
	action->names[0] = base_name(command->argv[0]);
	action->names[1] = base_name(action->exe);
	action->name_count = slice_eq(action->names[0], action->names[1]) ? 1 : 2;
	action->place = judged_place(judged, resolved->exe);
	operands = command_operands(&judged->view, classify(&judged->view, action), action, resolved->words,
				    JUDGED_WORDS_MAX);
	action->paths_cut = operands > JUDGED_WORDS_MAX;
	action->path_count = MIN(operands, JUDGED_WORDS_MAX);
	for (uint32_t i = 0; i < action->path_count; i++) {
		resolve(judged, resolved->words[i], resolved->paths[i]);
		resolved->slices[i] = slice_of(resolved->paths[i]);
	}
	action->paths = resolved->slices;
	action->environments = environments_of(&judged->view, action, command->env, command->env_count);
	judge(&judged->view, action, &command->snapshot, 1, ret_ruling);
	action->paths = NULL;
	action->exe = slice_of("");
	action->names[1] = slice_of("");
}
