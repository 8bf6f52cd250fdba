/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, behaviour model sections 5.1 and 5.3: all that match, the strictest wins, order has no meaning. */
#include "decide/question.h"

/* How many bytes both begin with, before the first * or ? of the pattern: most patterns say no here. */
static size_t common_start(struct slice pattern, struct slice text)
{
	size_t len = MIN(pattern.len, text.len), at = 0;
	const char *a = pattern.data, *b = text.data;

	while (at < len && a[at] == b[at] && a[at] != '*')
		at++;
	return at;
}

/* The last letters alone say no to most of the others. */
static bool ends_differ(struct slice pattern, struct slice text)
{
	char last = pattern.len > 0 ? pattern.data[pattern.len - 1] : '*';

	return last != '*' && last != '?' && (text.len == 0 || text.data[text.len - 1] != last);
}

bool text_matches(struct slice pattern, struct slice text)
{
	size_t p, t, star = SIZE_MAX, tried = 0;

	if (ends_differ(pattern, text))
		return false;
	p = t = common_start(pattern, text);
	while (t < text.len) {
		if (p < pattern.len && pattern.data[p] == '*') {
			size_t rest = pattern.len - ++p;

			star = p;
			tried = t;
			if (memchr(pattern.data + p, '*', rest))
				continue;
			/* The last star: what follows it stands at the end or nowhere. */
			if (text.len - t < rest)
				return false;
			t = text.len - rest;
			star = SIZE_MAX;
		} else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star;
			t = ++tried;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

bool words_match(const struct govern_view *govern, struct govern_list words, struct slice text)
{
	for (uint32_t i = 0; i < words.count; i++)
		if (text_matches(govern_word(govern, words, i), text))
			return true;
	return false;
}

bool path_is_under(const struct govern_view *govern, struct govern_list words, struct slice path)
{
	for (uint32_t i = 0; i < words.count; i++) {
		struct slice top = govern_word(govern, words, i);

		if (top.len == 0 || path.len < top.len)
			continue;
		/* "/" itself ends where all begin. */
		if ((path.len == top.len || path.data[top.len] == '/' || slice_eq(top, slice_new("/", 1))) &&
		    memcmp(path.data, top.data, top.len) == 0)
			return true;
	}
	return false;
}

/* A permission looks at all paths, everything else at any of them: a word that leads out of the directory
 * must not be permitted with the others, nor hide a forbidden one. */
static bool paths_match(const struct question *question, const struct govern_rule *rule)
{
	const struct action *action = question->action;
	uint32_t count = action->paths ? action->path_count : 0, under = 0;

	for (uint32_t i = 0; i < count; i++)
		under += path_is_under(question->govern, rule->when.paths_under, action->paths[i]);
	if (rule->verdict == VERDICT_ALLOW)
		return count > 0 && under == count && !action->paths_cut;
	return under > 0 || action->paths_cut;
}

/* What rules ask about the words of a command, read when the first one asks. */
struct lazy_command {
	struct command command;
	bool is_read;
};

static bool has_option(const struct question *question, struct lazy_command *lazy, struct govern_list options)
{
	if (question->action->kind != ACTION_EXEC)
		return false;
	if (!lazy->is_read)
		command_read(question->govern, question->index, question->action, &lazy->command);
	lazy->is_read = true;
	return command_has_option(question->govern, &lazy->command, options);
}

/* The bits but for capabilities. */
static bool bits_match(const struct question *question, const struct govern_when *when)
{
	if (when->classes && !(when->classes >> question->action_class & 1U))
		return false;
	if (when->risks && !(when->risks >> question->risk & 1U))
		return false;
	if (when->operations && !(when->operations >> question->operation & 1U))
		return false;
	if (when->phases && !(when->phases >> question->snapshot->phase & 1U))
		return false;
	return !when->environments || when->environments & question->action->environments;
}

static bool looks_at_bits(const struct govern_when *when)
{
	return when->any || when->classes || when->risks || when->operations || when->phases ||
	       when->environments || when->has_capabilities;
}

/* All but for capabilities. Not inlined: the loop over the rules keeps its registers. */
static __attribute__((noinline)) bool when_matches(const struct question *question, const struct govern_rule *rule, struct lazy_command *lazy)
{
	const struct govern_view *govern = question->govern;
	const struct govern_when *when = &rule->when;

	if (!bits_match(question, when))
		return false;
	if (when->principals.count + when->exes.count + when->options.count + when->paths_under.count == 0)
		return looks_at_bits(when);
	return (when->principals.count == 0 || words_match(govern, when->principals, question->action->principal)) &&
	       (when->exes.count == 0 || govern_has_word(govern, when->exes, question->action->exe)) &&
	       (when->options.count == 0 || has_option(question, lazy, when->options)) &&
	       (when->paths_under.count == 0 || paths_match(question, rule));
}

static bool is_taken_out(const struct govern_rule *rule, const uint32_t *matching)
{
	for (size_t i = 0; i < COUNT(rule->unless); i++)
		if (rule->unless[i] & matching[i])
			return true;
	return false;
}

static bool is_stricter(const struct govern_view *govern, const struct govern_rule *a, const struct govern_rule *b)
{
	if (!b || a->verdict != b->verdict)
		return !b || a->verdict < b->verdict;
	if (a->on != b->on)
		return a->on == ON_VIOLATE;
	return slice_is_less(govern_text(govern, a->id), govern_text(govern, b->id));
}

/* Most rules look at capabilities and at nothing else: those of another are passed over here. */
static void match_all(const struct question *question, uint32_t *ret_matching)
{
	const struct govern_view *govern = question->govern;
	const struct govern_rule *rule = govern->rules;
	uint32_t word = question->capability ? question->index / 32U : 0;
	uint32_t bit = question->capability ? 1U << question->index % 32U : 0;
	unset struct lazy_command lazy;

	lazy.is_read = false;
	for (uint32_t i = 0; i < govern->rules_count; i++, rule++) {
		if (rule->when.has_capabilities && !(rule->when.capabilities[word] & bit))
			continue;
		if (when_matches(question, rule, &lazy) && !is_waived(question, govern_text(govern, rule->id)))
			bit_set(ret_matching, i);
	}
}

/* The first bit at or behind `from`; GOVERN_RULES_MAX when there is none. */
static uint32_t next_bit(const uint32_t *bits, uint32_t from)
{
	uint32_t left;

	for (; from < GOVERN_RULES_MAX; from = (from / 32 + 1) * 32) {
		left = bits[from / 32] >> from % 32;
		if (left)
			return from + (uint32_t)__builtin_ctz(left);
	}
	return GOVERN_RULES_MAX;
}

struct answer rules_answer(const struct question *question)
{
	const struct govern_capability *capability = question->capability;
	const struct govern_view *govern = question->govern;
	uint32_t matching[GOVERN_RULES_MAX / 32] = { 0 };
	const struct govern_rule *strictest = NULL;
	struct answer answer = answer_new(VERDICT_DENY, STEP_RULES, slice_of("default"));
	uint8_t accepted = 0;

	match_all(question, matching);
	for (uint32_t i = next_bit(matching, 0); i < govern->rules_count; i = next_bit(matching, i + 1)) {
		const struct govern_rule *rule = &govern->rules[i];

		if (is_taken_out(rule, matching))
			continue;
		bit_set(answer.rules, i);
		accepted = MAX(accepted, rule->accepts);
		if (is_stricter(govern, rule, strictest))
			strictest = rule;
	}
	if (capability && capability->state == CAPABILITY_FROZEN) {
		answer.rule_id = govern_text(govern, capability->id);
		return answer;
	}
	if (!strictest)
		return answer;
	answer.verdict = (enum verdict)strictest->verdict;
	answer.blocked_by = answer_new(answer.verdict, STEP_RULES, answer.rule_id).blocked_by;
	answer.rule_id = govern_text(govern, strictest->id);
	answer.rule = (uint16_t)(strictest - govern->rules);
	if (answer.verdict == VERDICT_DENY && strictest->on == ON_VIOLATE)
		answer.violation = FORBIDDEN_ACTION;
	answer.escalates = accepted <= question->risk &&
			   (question->risk >= RISK_HIGH || (capability && capability->flags & CAPABILITY_ASKS));
	return answer;
}
