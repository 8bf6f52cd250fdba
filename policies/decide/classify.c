/* SPDX-License-Identifier: Apache-2.0 */
/* What an action is: the best pattern for each name that its program has, and of those the worst. No choice
 * depends on the order of a table: what is equal in all else is decided by the id. */
#include "decide/command.h"

/* An option's name ends at its "=". All begin with "-", so the last letter is looked at first. */
static bool is_option_named(struct slice word, struct slice name)
{
	return word.len >= name.len && name.len > 0 && word.data[name.len - 1] == name.data[name.len - 1] &&
	       (word.len == name.len || word.data[name.len] == '=') && memcmp(word.data, name.data, name.len) == 0;
}

static bool is_cluster(struct slice word)
{
	return word.len >= 2 && word.data[0] == '-' && word.data[1] != '-';
}

/* The letters that take a value: "-C" is one, "--git-dir" is none. */
static void value_letters(const struct govern_view *govern, struct govern_list takes_value, uint32_t letters[256 / 32])
{
	for (uint32_t i = 0; i < takes_value.count; i++) {
		struct slice word = govern_word(govern, takes_value, i);

		if (word.len == 2 && word.data[0] == '-')
			bit_set(letters, (uint8_t)word.data[1]);
	}
}

/* Reads the letters of -rf as getopt does: one that takes a value ends the cluster. Returns whether the value is
 * the next word. */
static bool read_cluster(struct slice word, const uint32_t *with_value, struct command *command)
{
	for (size_t i = 1; i < word.len && word.data[i] != '='; i++) {
		bit_set(command->letters, (uint8_t)word.data[i]);
		if (bit_of(with_value, (uint8_t)word.data[i]))
			return i + 1 == word.len;
	}
	return false;
}

void command_read(const struct govern_view *govern, uint16_t capability, const struct action *action,
		  struct command *ret_command)
{
	const struct govern_capability *own = capability < govern->capabilities_count ?
					      &govern->capabilities[capability] : NULL;
	struct govern_list takes_value = own ? own->takes_value : (struct govern_list){ 0 };
	bool clusters = own && own->flags & CAPABILITY_SHORT_CLUSTERS, ended = false, value = false;
	uint32_t with_value[256 / 32] = { 0 };
	struct command *command = ret_command;

	if (clusters)
		value_letters(govern, takes_value, with_value);
	command->action = action;
	command->argc = action->argv ? MIN(action->argc, JUDGE_ARGS_MAX) : 0;
	command->has_options = false;
	memset(command->letters, 0, sizeof(command->letters));
	/* Only the bits of words that are there are ever looked at. */
	memset(command->options, 0, (command->argc + 31) / 32 * sizeof(command->options[0]));
	memset(command->operands, 0, (command->argc + 31) / 32 * sizeof(command->operands[0]));
	for (uint32_t i = 1; i < command->argc; i++) {
		struct slice word = action->argv[i];

		if (value) {
			value = false;
		} else if (ended || word.len < 2 || word.data[0] != '-') {
			bit_set(command->operands, i);
		} else if (slice_is(word, "--")) {
			ended = true;
		} else {
			bit_set(command->options, i);
			command->has_options = true;
			value = govern_has_word(govern, takes_value, word);
			if (clusters && is_cluster(word))
				value |= read_cluster(word, with_value, command);
		}
	}
}

/* Only words that are options are looked at, by their bits. */
static bool has_option_named(const struct command *command, struct slice name)
{
	for (uint32_t at = 0; at < command->argc; at += 32)
		for (uint32_t left = command->options[at / 32]; left; left &= left - 1)
			if (is_option_named(command->action->argv[at + (uint32_t)__builtin_ctz(left)], name))
				return true;
	return false;
}

bool command_has_option(const struct govern_view *govern, const struct command *command,
			struct govern_list words)
{
	for (uint32_t w = 0; w < words.count && command->has_options; w++) {
		struct slice name = govern_word(govern, words, w);

		if (name.len == 2 && name.data[0] == '-' && bit_of(command->letters, (uint8_t)name.data[1]))
			return true;
		if (has_option_named(command, name))
			return true;
	}
	return false;
}

/* The operand at or behind `from`; argc when there is none. */
static uint32_t next_operand(const struct command *command, uint32_t from)
{
	while (from < command->argc && !bit_of(command->operands, from))
		from++;
	return from;
}

uint32_t command_operands(const struct govern_view *govern, uint16_t capability, const struct action *action,
			  struct slice *ret_words, uint32_t max)
{
	struct command command;
	uint32_t count = 0;

	command_read(govern, capability, action, &command);
	for (uint32_t i = next_operand(&command, 1); i < command.argc; i = next_operand(&command, i + 1)) {
		if (count < max)
			ret_words[count] = action->argv[i];
		count++;
	}
	return count;
}

static bool has_elements(const struct govern_view *govern, const struct govern_pattern *pattern,
			 const struct command *command)
{
	uint32_t operand = 0;

	for (uint32_t i = 0; i < pattern->elements.count; i++) {
		const struct govern_choice *choice = &govern->choices[pattern->elements.first + i];

		if (choice->option) {
			if (!command_has_option(govern, command, choice->words))
				return false;
			continue;
		}
		operand = next_operand(command, operand + 1);
		if (operand >= command->argc ||
		    !govern_has_word(govern, choice->words, command->action->argv[operand]))
			return false;
	}
	return true;
}

/* One capability that a name of the program has. */
struct candidate {
	uint16_t capability;
	uint8_t risk;
	uint32_t elements;       /* of the pattern: how specific it is */
};

static bool id_is_less(const struct govern_view *govern, uint16_t a, uint16_t b)
{
	struct slice x = govern_text(govern, govern->capabilities[a].id);
	struct slice y = govern_text(govern, govern->capabilities[b].id);
	int order = memcmp(x.data, y.data, MIN(x.len, y.len));

	return order < 0 || (order == 0 && x.len < y.len);
}

/* `specific`: within one name; else between names. */
static bool is_better(const struct govern_view *govern, const struct candidate *a, const struct candidate *b,
		      bool specific)
{
	if (b->capability == GOVERN_NONE || a->capability == GOVERN_NONE)
		return b->capability == GOVERN_NONE && a->capability != GOVERN_NONE;
	if (specific && a->elements != b->elements)
		return a->elements > b->elements;
	if (a->risk != b->risk)
		return a->risk > b->risk;
	if (a->elements != b->elements)
		return a->elements > b->elements;
	return id_is_less(govern, a->capability, b->capability);
}

/* Looking for the capability of a command. */
struct search {
	const struct govern_view *govern;
	const struct action *action;
	uint32_t name_count;
	bool cut;                /* words that nobody looked at may be any: the worst that the program can be is meant */
	struct candidate best[JUDGE_NAMES_MAX];  /* a name is answered for itself: another capability may be more
						  * specific for it */
	uint16_t read;           /* the capability as which `command` is read */
	struct command command;
};

/* Whether the words fit; read as the capability's when its program is found for the first time. */
static bool words_fit(struct search *search, uint16_t index, const struct govern_pattern *pattern)
{
	const struct govern_capability *capability = &search->govern->capabilities[index];

	if (search->cut)
		return true;
	if (search->read != index)
		command_read(search->govern, index, search->action, &search->command);
	search->read = index;
	return !command_has_option(search->govern, &search->command, capability->unless) &&
	       has_elements(search->govern, pattern, &search->command);
}

/* Not inlined: the loop that leaves nearly every pattern keeps its registers. */
static __attribute__((noinline)) void try_pattern(struct search *search, uint16_t index, const struct govern_pattern *pattern, uint32_t n)
{
	const struct govern_view *govern = search->govern;
	struct candidate own = { index, govern->capabilities[index].risk, pattern->elements.count };

	if (is_better(govern, &own, &search->best[n], !search->cut) && words_fit(search, index, pattern))
		search->best[n] = own;
}

/* Nearly every pattern is left here, by its program's name. */
static void try_name(struct search *search, uint32_t n)
{
	const struct govern_view *govern = search->govern;
	struct slice name = search->action->names[n];

	search->best[n].capability = GOVERN_NONE;
	for (uint32_t i = 0; i < govern->capabilities_count; i++) {
		struct govern_list patterns = govern->capabilities[i].patterns;
		const struct govern_pattern *pattern = &govern->patterns[patterns.first];

		for (uint32_t left = patterns.count; left > 0; left--, pattern++)
			if (govern_has_word(govern, pattern->programs, name))
				try_pattern(search, (uint16_t)i, pattern, n);
	}
}

/* What std says about a program that no capability names. Zero elements: any pattern is more specific. */
static struct candidate unnamed(const struct govern_view *govern, enum program_place place)
{
	const struct govern_settings *settings = govern->settings;
	uint16_t index = place == PLACE_TOOL ? settings->std_tool :
			 place == PLACE_WORKSPACE ? settings->std_workspace : settings->std_unknown;

	if (index >= govern->capabilities_count)
		return (struct candidate){ .capability = GOVERN_NONE };
	return (struct candidate){ index, govern->capabilities[index].risk, 0 };
}

static uint16_t classify_exec(const struct govern_view *govern, const struct action *action)
{
	struct candidate other = unnamed(govern, action->place), worst = { .capability = GOVERN_NONE };
	unset struct search search;

	search.govern = govern;
	search.action = action;
	search.name_count = MIN(action->name_count, JUDGE_NAMES_MAX);
	search.cut = action->argv_cut || action->argc > JUDGE_ARGS_MAX;
	search.read = GOVERN_NONE;
	/* A name proves nothing about a file that anybody could have put there. */
	if (search.cut || action->place == PLACE_UNKNOWN || search.name_count == 0)
		worst = unnamed(govern, search.cut ? PLACE_UNKNOWN : action->place);
	for (uint32_t n = 0; n < search.name_count; n++) {
		try_name(&search, n);
		/* Else argv[0], which the caller chooses, could lower what the file's own name is. */
		if (search.best[n].capability == GOVERN_NONE)
			search.best[n] = other;
		if (is_better(govern, &search.best[n], &worst, false))
			worst = search.best[n];
	}
	return worst.capability;
}

uint16_t capability_find(const struct govern_view *govern, struct slice id)
{
	for (uint32_t i = 0; i < govern->capabilities_count; i++)
		if (slice_eq(govern_text(govern, govern->capabilities[i].id), id))
			return (uint16_t)i;
	return GOVERN_NONE;
}

uint16_t classify(const struct govern_view *govern, const struct action *action)
{
	static const char *const ids[] = {
		[ACTION_READ] = "io.fs.read", [ACTION_WRITE] = "io.fs.write",
		[ACTION_DELETE] = "io.fs.delete", [ACTION_CONNECT] = "io.net.connect",
		[ACTION_LISTEN] = "io.net.listen",
	};

	if (!govern->settings)
		return GOVERN_NONE;
	if (action->kind == ACTION_EXEC)
		return classify_exec(govern, action);
	if ((unsigned int)action->kind >= COUNT(ids) || !ids[action->kind])
		return GOVERN_NONE;
	return capability_find(govern, slice_of(ids[action->kind]));
}
