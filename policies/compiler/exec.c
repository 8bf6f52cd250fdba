/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: `exec`, `match` and `not_match`. A line is words with single blanks; a|b is a choice. What
 * has blanks, stars or bars is written as a list: [git, "a b", [push, pull]]. */
#include "compiler/govern.h"

#include "base/text.h"

#define LINE_WORDS_MAX 64U

static bool take_word(struct slice *rest, struct slice *ret_word)
{
	const char *blank = rest->len ? memchr(rest->data, ' ', rest->len) : NULL;
	size_t len = blank ? (size_t)(blank - rest->data) : rest->len;

	if (rest->len == 0)
		return false;
	*ret_word = slice_new(rest->data, len);
	len += blank != NULL;
	*rest = slice_new(rest->data + len, rest->len - len);
	return true;
}

/* ---- exec ---- */

static bool add_choice_word(struct reader *reader, const struct yaml_node *node, struct slice word)
{
	char shown[SHOWN_MAX];

	if (word.len > 0 && word.len < POLICY_TEXT_MAX)
		return govern_add_word(reader, node, word);
	reader_fail(reader, node, "%s: words are divided by single blanks, choices by |; none is empty",
		    reader_show(reader, node, shown));
	return false;
}

/* "push|pull" behind words[]. */
static bool split_choice(struct reader *reader, const struct yaml_node *node, struct slice text)
{
	for (;;) {
		const char *bar = text.len ? memchr(text.data, '|', text.len) : NULL;
		size_t len = bar ? (size_t)(bar - text.data) : text.len;

		if (!add_choice_word(reader, node, slice_new(text.data, len)))
			return false;
		if (!bar)
			return true;
		text = slice_new(bar + 1, text.len - len - 1);
	}
}

static bool is_option(const struct policy *policy, struct policy_string word)
{
	return policy_text(policy, word)[0] == '-';
}

/* All words behind `first` are one choice: all options or none. */
static bool end_choice(struct reader *reader, const struct yaml_node *node, uint32_t first, struct govern_choice *ret)
{
	struct policy *policy = reader->policy;
	const struct policy_string *words = policy->govern.words;
	struct govern_choice choice = { .words = { first, policy->govern.words_count - first } };
	char shown[SHOWN_MAX];

	choice.option = is_option(policy, words[first]);
	for (uint32_t i = first; i < policy->govern.words_count; i++) {
		if (is_option(policy, words[i]) == choice.option &&
		    (!choice.option || (words[i].len > 1 && strcmp(policy_text(policy, words[i]), "--") != 0 &&
					!strchr(policy_text(policy, words[i]), '='))))
			continue;
		reader_fail(reader, node, "%s: a choice has options (-x) or words, not both; options are written without "
			    "their values", reader_show(reader, node, shown));
		return false;
	}
	govern_sort_words(policy, &choice.words);
	*ret = choice;
	return true;
}

static bool read_choice_list(struct reader *reader, const struct yaml_node *node)
{
	if (!reader_list(reader, node, "words"))
		return false;
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next) {
		struct slice text;

		if (!reader_text(reader, yaml_node(reader->yaml, at), &text) ||
		    !add_choice_word(reader, node, text))
			return false;
	}
	return true;
}

struct line {
	struct reader *reader;
	const struct yaml_node *node;
	struct govern_choice choices[LINE_WORDS_MAX];
	uint32_t count;
};

static bool line_add(struct line *line, uint32_t first)
{
	if (line->count == LINE_WORDS_MAX) {
		reader_fail(line->reader, line->node, "more than %u words", LINE_WORDS_MAX);
		return false;
	}
	return end_choice(line->reader, line->node, first, &line->choices[line->count++]);
}

static bool split_line(struct line *line, struct slice text)
{
	const struct govern *govern = &line->reader->policy->govern;
	char shown[SHOWN_MAX];
	struct slice word;

	if (text.len == 0 || text.data[text.len - 1] == ' ' || memchr(text.data, '*', text.len)) {
		reader_fail(line->reader, line->node, "%s: words are divided by single blanks; what has * or blanks is "
			    "written as a list, [git, \"a b\"]", reader_show(line->reader, line->node, shown));
		return false;
	}
	while (take_word(&text, &word)) {
		uint32_t first = govern->words_count;

		if (!split_choice(line->reader, line->node, word) || !line_add(line, first))
			return false;
	}
	return true;
}

static bool list_line(struct line *line)
{
	const struct govern *govern = &line->reader->policy->govern;

	for (uint32_t at = line->node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(line->reader->yaml, at);
		uint32_t first = govern->words_count;
		struct slice text;

		at = item->next;
		if (item->kind == YAML_SEQUENCE ? !read_choice_list(line->reader, item) :
		    !reader_text(line->reader, item, &text) || !add_choice_word(line->reader, item, text))
			return false;
		if (!line_add(line, first))
			return false;
	}
	if (line->count == 0)
		reader_fail(line->reader, line->node, "a command line begins with its program");
	return line->count > 0;
}

static int by_words(const struct policy *policy, const struct govern_list *a, const struct govern_list *b)
{
	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		int r = govern_compare(policy, policy->govern.words[a->first + i], policy->govern.words[b->first + i]);

		if (r != 0)
			return r;
	}
	return (a->count > b->count) - (a->count < b->count);
}

static int by_option(const void *a, const void *b, void *policy)
{
	const struct govern_choice *left = a, *right = b;

	return by_words(policy, &left->words, &right->words);
}

/* Words keep their order; options may stand anywhere, so theirs has no meaning. */
static bool keep_pattern(struct line *line)
{
	struct policy *policy = line->reader->policy;
	struct govern *govern = &policy->govern;
	struct govern_pattern *pattern = &govern->patterns[govern->patterns_count];
	uint32_t words = 0;

	if (govern->patterns_count == GOVERN_PATTERNS_MAX ||
	    govern->choices_count + line->count > GOVERN_CHOICES_MAX) {
		reader_fail(line->reader, line->node, "too many command lines in `exec`");
		return false;
	}
	if (line->choices[0].option) {
		reader_fail(line->reader, line->node, "a command line begins with its program");
		return false;
	}
	*pattern = (struct govern_pattern){ .programs = line->choices[0].words,
					    .elements = { govern->choices_count, 0 } };
	for (int option = 0; option < 2; option++) {
		for (uint32_t i = 1; i < line->count; i++) {
			if (line->choices[i].option == (uint32_t)option)
				govern->choices[govern->choices_count++] = line->choices[i];
		}
		words = option == 0 ? govern->choices_count : words;
	}
	qsort_r(&govern->choices[words], govern->choices_count - words, sizeof(govern->choices[0]), by_option, policy);
	pattern->elements.count = govern->choices_count - pattern->elements.first;
	govern->patterns_count++;
	return true;
}

static int by_pattern(const void *a, const void *b, void *context)
{
	const struct govern_pattern *left = a, *right = b;
	const struct policy *policy = context;
	int r = by_words(policy, &left->programs, &right->programs);

	for (uint32_t i = 0; r == 0 && i < left->elements.count && i < right->elements.count; i++)
		r = by_words(policy, &policy->govern.choices[left->elements.first + i].words,
			     &policy->govern.choices[right->elements.first + i].words);
	return r != 0 ? r : (left->elements.count > right->elements.count) -
			    (left->elements.count < right->elements.count);
}

static void read_exec(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	struct govern_capability *capability = base;
	struct govern *govern = &reader->policy->govern;
	auto_free struct line *line = malloc(sizeof(*line));
	uint32_t kept = 0;

	(void)key;
	capability->patterns = (struct govern_list){ .first = govern->patterns_count };
	if (!line || !reader_list(reader, node, "command lines"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE;) {
		struct slice text;

		*line = (struct line){ .reader = reader, .node = yaml_node(reader->yaml, at) };
		at = line->node->next;
		if (line->node->kind == YAML_SEQUENCE ? list_line(line) :
		    reader_text(reader, line->node, &text) && split_line(line, text))
			IGNORE(keep_pattern(line));
	}
	capability->patterns.count = govern->patterns_count - capability->patterns.first;
	qsort_r(&govern->patterns[capability->patterns.first], capability->patterns.count, sizeof(govern->patterns[0]),
		by_pattern, reader->policy);
	for (uint32_t i = 0; i < capability->patterns.count; i++) {
		struct govern_pattern *patterns = &govern->patterns[capability->patterns.first];

		if (kept == 0 || by_pattern(&patterns[kept - 1], &patterns[i], reader->policy) != 0)
			patterns[kept++] = patterns[i];
	}
	capability->patterns.count = kept;
}

/* A line that reads back as itself, or a list. */
static bool is_plain(const struct policy *policy, const struct govern_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (strpbrk(policy_text(policy, policy->govern.words[list->first + i]), " |*"))
			return false;
	}
	return true;
}

static struct json_t *choice_json(const struct policy *policy, const struct govern_list *list)
{
	if (list->count == 1)
		return json_text(policy_text(policy, policy->govern.words[list->first]));
	return words_json(policy, *list);
}

static void line_text(const struct policy *policy, const struct govern_list *list, struct buf *line)
{
	for (uint32_t i = 0; i < list->count; i++)
		IGNORE(buf_printf(line, "%s%s", i > 0 ? "|" : line->len > 0 ? " " : "",
				  policy_text(policy, policy->govern.words[list->first + i])) < 0);
}

static struct json_t *pattern_json(const struct policy *policy, const struct govern_pattern *pattern)
{
	const struct govern_choice *choices = &policy->govern.choices[pattern->elements.first];
	cleanup_with(buf_finish) struct buf line = buf_growing(POLICY_BYTES_MAX);
	bool plain = is_plain(policy, &pattern->programs);
	struct json_t *array;

	for (uint32_t i = 0; i < pattern->elements.count; i++)
		plain = plain && is_plain(policy, &choices[i].words);
	if (plain) {
		line_text(policy, &pattern->programs, &line);
		for (uint32_t i = 0; i < pattern->elements.count; i++)
			line_text(policy, &choices[i].words, &line);
		IGNORE(buf_append(&line, "", 1) < 0);
		return line.failed ? NULL : json_text(line.data);
	}
	array = json_add(NULL, choice_json(policy, &pattern->programs));
	for (uint32_t i = 0; i < pattern->elements.count; i++)
		array = json_add(array, choice_json(policy, &choices[i].words));
	return array;
}

static struct json_t *exec_json(const struct policy *policy, const struct key *key, const void *base)
{
	const struct govern_capability *capability = base;
	struct json_t *array = NULL;

	(void)key;
	for (uint32_t i = 0; i < capability->patterns.count; i++)
		array = json_add(array, pattern_json(policy, &policy->govern.patterns[capability->patterns.first + i]));
	return array;
}
const struct key_hooks exec_special = { .read = read_exec, .json = exec_json };

/* ---- tests ---- */

static void add_tests(struct reader *reader, const struct yaml_node *node, const void *base, bool matches)
{
	const struct govern *govern = &reader->policy->govern;
	struct naming *naming = reader->naming;
	uint32_t index = (uint32_t)((const struct govern_capability *)base - govern->capabilities);

	if (!reader_list(reader, node, "command lines"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE; at = yaml_node(reader->yaml, at)->next) {
		if (naming->test_count == NAMING_TESTS_MAX) {
			reader_fail(reader, node, "this document has too many command lines to test");
			return;
		}
		naming->tests[naming->test_count++] = (struct line_test){
			.node = yaml_node(reader->yaml, at), .capability = index, .matches = matches,
		};
	}
}

static void read_match(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	add_tests(reader, node, base, true);
}
const struct key_hooks match_special = { .read = read_match };

static void read_not_match(struct reader *reader, const struct key *key, const struct yaml_node *node, void *base)
{
	(void)key;
	add_tests(reader, node, base, false);
}
const struct key_hooks not_match_special = { .read = read_not_match };
