/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>

#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"

#define OPTION_COUNT_MAX 4194304U  /* PID_MAX_LIMIT of the kernel */
#define OPTION_ROWS_MAX 64U

void option_list_finish(struct option_list *list)
{
	free(list->items);
	*list = (struct option_list){ 0 };
}

int option_list_append(struct option_list *list, const char *text)
{
	const char **grown = reallocarray(list->items, list->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[list->count++] = text;
	list->items = grown;
	return 0;
}

/* "2" "1.5" "0.25": at most three decimals, no sign, no exponent. */
static int parse_milli(struct slice text, uint64_t *ret_milli)
{
	const char *dot = memchr(text.data, '.', text.len);
	size_t whole_len = dot ? (size_t)(dot - text.data) : text.len;
	size_t decimals = dot ? text.len - whole_len - 1 : 0;
	uint64_t whole, milli = 0;

	if (parse_u64(slice_new(text.data, whole_len), 0, 1000000, &whole) < 0)
		return -EINVAL;
	if (dot && (decimals == 0 || decimals > 3))
		return -EINVAL;
	for (size_t i = 0; i < 3; i++) {
		char digit = i < decimals ? dot[1 + i] : '0';

		if (digit < '0' || digit > '9')
			return -EINVAL;
		milli = milli * 10 + (uint64_t)(digit - '0');
	}
	*ret_milli = whole * 1000 + milli;
	return 0;
}

static int word_take(const struct option_row *row, const char *value, const char **into)
{
	for (size_t i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*into = row->words[i];
			return 0;
		}
	}
	return -EINVAL;
}

static int positive(int (*parse)(struct slice, uint64_t *), const char *text, uint64_t *ret_value)
{
	uint64_t value;
	int r = parse(slice_of(text), &value);

	if (r < 0)
		return r;
	if (value == 0)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static int value_store(const struct option_row *row, const char *value, void *into)
{
	void *member = (char *)into + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)member = true;
		return 0;
	case OPTION_TEXT:
		if (value[0] == '\0')
			return -EINVAL;
		*(const char **)member = value;
		return 0;
	case OPTION_LIST:
		return value[0] == '\0' ? -EINVAL : option_list_append(member, value);
	case OPTION_SIZE:
		return positive(parse_size, value, member);
	case OPTION_DURATION:
		return positive(parse_duration, value, member);
	case OPTION_COUNT:
		return parse_u32(slice_of(value), 1, OPTION_COUNT_MAX, member);
	case OPTION_MILLI:
		return positive(parse_milli, value, member);
	case OPTION_WORD:
		return word_take(row, value, member);
	}
	return -EINVAL;
}

static const char *value_form(const struct option_row *row)
{
	switch (row->kind) {
	case OPTION_SIZE:
		return "a size such as 512M or 2GiB";
	case OPTION_DURATION:
		return "a time with its unit such as 90s, 10m or 4h";
	case OPTION_COUNT:
		return "a whole number from 1 on";
	case OPTION_MILLI:
		return "a number of processors such as 2 or 0.5";
	case OPTION_WORD:
	case OPTION_TEXT:
	case OPTION_LIST:
	case OPTION_FLAG:
		break;
	}
	return "a value that is not empty";
}

static int value_refuse(const struct option_set *set, const struct option_row *row,
			const char *value, int code, struct error *err)
{
	struct buf words;
	char text[160];

	if (code == -ENOMEM)
		return error_set(err, code, "option --%s", row->name);
	error_say(err, code, "'%s' is no value for --%s", value, row->name);
	if (row->kind != OPTION_WORD) {
		error_next(err, "--%s %s takes %s", row->name, row->value, value_form(row));
		return error_exit(err, CLI_USAGE);
	}
	words = buf_fixed(text, sizeof(text));
	for (size_t i = 0; row->words[i]; i++)
		IGNORE(buf_printf(&words, "%s%s", i ? ", " : "", row->words[i]) < 0);
	error_next(err, "`bailiff %s --%s %s` takes one of: %.*s", set->verb, row->name, row->value,
		   (int)words.len, words.data);
	return error_exit(err, CLI_USAGE);
}

static int value_take(const struct option_set *set, const struct option_row *row,
		      const char *value, void *into, struct error *err)
{
	int r = value_store(row, value, into);

	return r < 0 ? value_refuse(set, row, value, r, err) : 0;
}

static const struct option_row *row_by_name(const struct option_set *set, struct slice name)
{
	for (size_t i = 0; i < set->count; i++) {
		if (slice_is(name, set->rows[i].name))
			return &set->rows[i];
	}
	return NULL;
}

static const struct option_row *row_by_letter(const struct option_set *set, char letter)
{
	for (size_t i = 0; i < set->count; i++) {
		if (letter != '\0' && set->rows[i].letter == letter)
			return &set->rows[i];
	}
	return NULL;
}

static int unknown_long(const struct option_set *set, struct slice name, struct error *err)
{
	const char *names[OPTION_ROWS_MAX + 2] = { 0 };
	const char *near;
	size_t count = 0;

	for (size_t i = 0; i < set->count && i < OPTION_ROWS_MAX; i++)
		names[count++] = set->rows[i].name;
	names[count] = "help";
	near = text_nearest(name, names);
	error_say(err, -EINVAL, "option '--%.*s' is not known here", (int)MIN(name.len, 64U),
		  name.data);
	if (near)
		error_next(err, "did you mean --%s? `bailiff %s --help` lists all", near, set->verb);
	else
		error_next(err, "`bailiff %s --help` lists the options", set->verb);
	return error_exit(err, CLI_USAGE);
}

static int missing_value(const struct option_row *row, struct error *err)
{
	error_say(err, -EINVAL, "option --%s needs a value", row->name);
	error_next(err, "--%s %s", row->name, row->value);
	return error_exit(err, CLI_USAGE);
}

struct cursor {               /* the walk over argv */
	const struct option_set *set;
	char **argv;
	int argc;
	int at;
	void *into;
	struct error *err;
};

/* The word behind the current one, which becomes the current one. */
static const char *cursor_next(struct cursor *cursor)
{
	return cursor->at + 1 < cursor->argc ? cursor->argv[++cursor->at] : NULL;
}

static int take_long(struct cursor *cursor, const char *text)
{
	const char *equals = strchr(text, '=');
	struct slice name = slice_new(text, equals ? (size_t)(equals - text) : strlen(text));
	const struct option_row *row = row_by_name(cursor->set, name);
	const char *value;

	if (!row)
		return slice_is(name, "help") && !equals ? OPTIONS_HELP
							 : unknown_long(cursor->set, name, cursor->err);
	if (row->kind == OPTION_FLAG) {
		if (!equals)
			return value_take(cursor->set, row, "", cursor->into, cursor->err);
		error_say(cursor->err, -EINVAL, "option --%s takes no value", row->name);
		error_next(cursor->err, "write --%s alone", row->name);
		return error_exit(cursor->err, CLI_USAGE);
	}
	value = equals ? equals + 1 : cursor_next(cursor);
	if (!value)
		return missing_value(row, cursor->err);
	return value_take(cursor->set, row, value, cursor->into, cursor->err);
}

/* A cluster: "-q", "-qv", "-m2G", "-m" "2G". */
static int take_short(struct cursor *cursor, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_row *row = row_by_letter(cursor->set, *letters);
		const char *value;
		int r;

		if (!row && *letters == 'h')
			return OPTIONS_HELP;
		if (!row) {
			error_say(cursor->err, -EINVAL, "option '-%c' is not known here", *letters);
			error_next(cursor->err, "`bailiff %s --help` lists the options; a command follows `--`",
				   cursor->set->verb);
			return error_exit(cursor->err, CLI_USAGE);
		}
		if (row->kind != OPTION_FLAG) {
			value = letters[1] ? letters + 1 : cursor_next(cursor);
			if (!value)
				return missing_value(row, cursor->err);
			return value_take(cursor->set, row, value, cursor->into, cursor->err);
		}
		r = value_take(cursor->set, row, "", cursor->into, cursor->err);
		if (r < 0)
			return r;
	}
	return OPTIONS_PARSED;
}

int options_parse(const struct option_set *set, int argc, char **argv, void *into,
		  struct option_words *ret_words, struct error *err)
{
	struct cursor cursor = { .set = set, .argv = argv, .argc = argc, .into = into, .err = err };
	int words = 1;

	for (cursor.at = 1; cursor.at < argc; cursor.at++) {
		char *text = argv[cursor.at];
		int r;

		if (strcmp(text, "--") == 0) {
			cursor.at++;
			break;
		}
		if (text[0] != '-' || text[1] == '\0') {
			if (set->command)
				break;
			argv[words++] = text;
			continue;
		}
		r = text[1] == '-' ? take_long(&cursor, text + 2) : take_short(&cursor, text + 1);
		if (r != OPTIONS_PARSED)
			return r;
	}
	if (set->command) {
		*ret_words = (struct option_words){ argv + cursor.at, argc - cursor.at };
		return OPTIONS_PARSED;
	}
	for (; cursor.at < argc; cursor.at++)
		argv[words++] = argv[cursor.at];
	*ret_words = (struct option_words){ argv + 1, words - 1 };
	return OPTIONS_PARSED;
}

int options_take(const struct option_set *set, int argc, char **argv, void *into,
		 struct option_words *ret_words)
{
	struct error err = { 0 };
	char program[64];
	int r = options_parse(set, argc, argv, into, ret_words, &err);

	if (r == OPTIONS_PARSED)
		return -1;
	if (r == OPTIONS_HELP) {
		options_help(set);
		return CLI_OK;
	}
	IGNORE(snprintf(program, sizeof(program), "bailiff %s", set->verb) < 0);
	error_print(program, &err);
	return err.exit_code > 0 ? err.exit_code : CLI_INTERNAL;
}

static void help_row(char letter, const char *name, const char *value, const char *help)
{
	char left[64];

	IGNORE(snprintf(left, sizeof(left), "%s%c%s--%s%s%s", letter ? "-" : "  ", letter ? letter : ' ',
			letter ? ", " : " ", name, value ? " " : "", value ? value : "") < 0);
	printf("  %-26s  %s\n", left, help);
}

void options_help(const struct option_set *set)
{
	printf("usage: bailiff %s %s\n\n%s\n", set->verb, set->usage, set->summary);
	if (set->examples)
		printf("\nexamples:\n%s", set->examples);
	printf("\noptions:\n");
	for (size_t i = 0; i < set->count; i++)
		help_row(set->rows[i].letter, set->rows[i].name, set->rows[i].value, set->rows[i].help);
	help_row('h', "help", NULL, "this text");
}
