/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's tables for judge(), with the paths in them as they are on this host: absolute and without
 * links, as the paths of actions are. */
#include <errno.h>
#include <stdio.h>

#include "decide/judge.h"
#include "plan/build.h"

struct expansion {
	struct build *build;
	struct buf strings;
	struct policy_string words[GOVERN_WORDS_MAX];
};

/* A path that this host does not have stays as it is written: nothing matches it then. */
static int expand_word(struct expansion *expansion, struct policy_string *word)
{
	const char *text = policy_text(expansion->build->policy, *word);
	char path[PLAN_PATH_MAX];
	struct path real;
	int r = host_expand(expansion->build, text, path);

	if (r == 0 && !host_is_pattern(path) && host_resolve(expansion->build, path, NULL, &real) == 0)
		text = real.text;
	else if (r == 0)
		text = path;
	*word = (struct policy_string){ (uint32_t)expansion->strings.len, (uint32_t)strlen(text) };
	return buf_append(&expansion->strings, text, (size_t)word->len + 1);
}

static int expand_list(struct expansion *expansion, struct govern_list list)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < list.count && list.first + i < GOVERN_WORDS_MAX; i++)
		r = expand_word(expansion, &expansion->words[list.first + i]);
	return r;
}

static int expand_all(struct expansion *expansion, const struct govern *govern)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < govern->rules_count; i++) {
		r = expand_list(expansion, govern->rules[i].when.paths_under);
		if (r == 0)
			r = expand_list(expansion, govern->rules[i].when.exes);
	}
	for (uint32_t i = 0; r == 0 && i < govern->environments_count; i++)
		r = expand_list(expansion, govern->environments[i].paths);
	for (size_t i = 0; r == 0 && i < PHASE_COUNT; i++) {
		r = expand_list(expansion, govern->settings.phases[i].write);
		if (r == 0)
			r = expand_list(expansion, govern->settings.phases[i].artifacts);
	}
	return r;
}

uint32_t environments_of_others(const struct build *build)
{
	const struct policy *policy = build->policy;
	char principal[POLICY_NAME_MAX + 16];
	struct govern_view view;

	if (!policy->govern.settings.gated || policy->govern.environments_count == 0)
		return 0;
	govern_view_of(&policy->govern, policy->strings, policy->strings_len, &view);
	IGNORE(snprintf(principal, sizeof(principal), "agent:%s", build->spec->agent ? build->spec->agent : "") < 0);
	return environments_uncovered(&view, policy->tier, slice_of(principal));
}

int govern_build(struct build *build, struct error *err)
{
	const struct policy *policy = build->policy;
	const struct govern *govern = &policy->govern;
	auto_free struct expansion *expansion = NULL;
	struct govern_view view;
	int r;

	if (!govern_is_used(&govern->settings))
		return 0;
	expansion = calloc(1, sizeof(*expansion));
	if (!expansion)
		return error_set(err, -ENOMEM, "build the plan");
	expansion->build = build;
	expansion->strings = buf_growing(PLAN_GOVERN_MAX);
	memcpy(expansion->words, govern->words, sizeof(expansion->words));
	r = buf_append(&expansion->strings, policy->strings, policy->strings_len);
	if (r == 0)
		r = expand_all(expansion, govern);
	if (r == 0) {
		govern_view_of(govern, expansion->strings.data, (uint32_t)expansion->strings.len, &view);
		view.words = expansion->words;
		r = govern_write(&view, &build->govern);
	}
	buf_finish(&expansion->strings);
	return r < 0 ? error_set(err, r, "write the rules about actions") : 0;
}
