/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/modes.h"

#define ESC '\x1b'
#define NUMBER_MAX 99999U
#define KEY_STACK_MAX 16U

/* DECSET and DECRST. Several alternate screens count as one row each; leaving goes through the table from its
 * end, so the screen is left after the mouse. */
static const struct private_mode {
	uint32_t number;
	bool usual;
} private_modes[] = {
	{ 1049, false }, { 1047, false }, { 47, false }, /* the alternate screen */
	{ 1, false },    /* cursor keys for programs */
	{ 5, false },    /* reverse video */
	{ 6, false },    /* origin at the margins */
	{ 7, true },     /* wrap at the end of a line */
	{ 25, true },    /* the cursor is seen */
	{ 66, false },   /* keypad for programs */
	{ 9, false }, { 1000, false }, { 1001, false }, { 1002, false }, { 1003, false }, /* mouse */
	{ 1005, false }, { 1006, false }, { 1015, false }, { 1016, false },
	{ 1004, false }, /* focus */
	{ 2004, false }, /* bracketed paste */
	{ 2026, false }, /* drawing is held back */
	{ 2031, false }, /* colour scheme reports */
};
_Static_assert(COUNT(private_modes) <= 32, "one bit per row");

static void reset(struct modes *modes)
{
	*modes = (struct modes){ .state = MODES_GROUND };
}

/* ---- reading ---- */

static void private_set(struct modes *modes, bool on)
{
	for (size_t i = 0; i < modes->count; i++) {
		for (size_t row = 0; row < COUNT(private_modes); row++) {
			if (private_modes[row].number != modes->numbers[i])
				continue;
			if (on == private_modes[row].usual)
				modes->changed &= ~(1U << row);
			else
				modes->changed |= 1U << row;
		}
	}
}

static void ansi_set(struct modes *modes, bool on)
{
	for (size_t i = 0; i < modes->count; i++)
		if (modes->numbers[i] == 4)
			modes->insert = on;
}

static void keys_push(struct modes *modes, char intro)
{
	uint32_t count = modes->count > 0 && modes->numbers[0] > 0 ? modes->numbers[0] : 1;

	if (intro == '>')
		modes->key_stack = MIN(modes->key_stack + 1, KEY_STACK_MAX);
	else if (intro == '<')
		modes->key_stack -= MIN(count, modes->key_stack);
}

static void sequence_of(struct modes *modes, char final)
{
	bool first_is_none = modes->count == 0 || (modes->count == 1 && modes->numbers[0] == 0);

	if (modes->intro == '?' && (final == 'h' || final == 'l'))
		private_set(modes, final == 'h');
	else if (modes->intro == '>' && final == 'm' && modes->count > 0 && modes->numbers[0] == 4)
		modes->key_reports = modes->count > 1 ? modes->numbers[1] : 0;
	else if (final == 'u' && modes->intro)
		keys_push(modes, modes->intro);
	else if (modes->intro == '!' && final == 'p')
		reset(modes);
	else if (modes->intro)
		return;
	else if (modes->between == ' ' && final == 'q')
		modes->cursor_style = !first_is_none;
	else if (modes->between)
		return;
	else if (final == 'h' || final == 'l')
		ansi_set(modes, final == 'h');
	else if (final == 'm')
		modes->attributes = modes->count > 0 && modes->numbers[modes->count - 1] != 0;
	else if (final == 'r')
		modes->margins = !first_is_none;
}

static void sequence_begin(struct modes *modes)
{
	modes->state = MODES_SEQUENCE;
	modes->intro = modes->between = 0;
	modes->count = 0;
}

static void read_sequence(struct modes *modes, char c)
{
	uint32_t *number;

	if (c >= '0' && c <= '9') {
		modes->count += modes->count == 0;
		number = &modes->numbers[modes->count - 1];
		*number = MIN(*number * 10 + (uint32_t)(c - '0'), NUMBER_MAX);
	} else if (c == ';' || c == ':') {
		modes->count += modes->count == 0;
		if (modes->count < MODES_NUMBERS_MAX)
			modes->numbers[modes->count++] = 0;
	} else if (c >= '<' && c <= '?') {
		modes->intro = c;
	} else if (c == '!') {
		modes->intro = '!';
	} else if (c >= ' ' && c <= '/') {
		modes->between = c;
	} else if (c >= '@' && c <= '~') {
		modes->state = MODES_GROUND;
		sequence_of(modes, c);
	}
	/* Other control characters are carried out inside of a sequence and do not end it. */
}

static void read_escape(struct modes *modes, char c)
{
	modes->state = MODES_GROUND;
	if (c == '[') {
		sequence_begin(modes);
		modes->numbers[0] = 0;
	} else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
		modes->state = MODES_STRING;
	} else if (c == '(') {
		modes->state = MODES_CHARSET;
	} else if (c == '=' || c == '>') {
		modes->keypad = c == '=';
	} else if (c == 'c') {
		reset(modes);
	} else if (c >= ' ' && c <= '/') {
		modes->state = MODES_ESCAPE;
	}
}

static void read_one(struct modes *modes, char c)
{
	if (c == ESC && modes->state != MODES_STRING) {
		modes->state = MODES_ESCAPE;
		return;
	}
	if (c == '\x18' || c == '\x1a') { /* CAN, SUB: whatever was begun is no more */
		modes->state = MODES_GROUND;
		return;
	}
	switch (modes->state) {
	case MODES_GROUND:
		if (c == '\x0e' || c == '\x0f') /* SO, SI */
			modes->charset = c == '\x0e';
		return;
	case MODES_ESCAPE:
		read_escape(modes, c);
		return;
	case MODES_CHARSET:
		modes->charset = c != 'B';
		modes->state = MODES_GROUND;
		return;
	case MODES_SEQUENCE:
		read_sequence(modes, c);
		return;
	case MODES_STRING:
		if (c == ESC)
			modes->state = MODES_STRING_ESCAPE;
		else if (c == '\a')
			modes->state = MODES_GROUND;
		return;
	case MODES_STRING_ESCAPE:
		modes->state = MODES_GROUND; /* "\" of ST; anything else ended the string, too */
		return;
	}
}

void modes_read(struct modes *modes, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		/* Most of what is written is text. */
		if (modes->state == MODES_GROUND && (unsigned char)bytes.data[i] >= ' ')
			continue;
		read_one(modes, bytes.data[i]);
	}
}

/* ---- writing ---- */

static void end_sequence(const struct modes *modes, struct buf *to)
{
	if (modes->state == MODES_STRING || modes->state == MODES_STRING_ESCAPE)
		IGNORE(buf_text(to, "\x1b\\") < 0);
	else if (modes->state != MODES_GROUND)
		IGNORE(buf_text(to, "\x18") < 0);
}

void modes_leave(const struct modes *modes, struct buf *to)
{
	end_sequence(modes, to);
	if (modes->attributes)
		IGNORE(buf_text(to, "\x1b[m") < 0);
	if (modes->charset)
		IGNORE(buf_text(to, "\x1b(B\x0f") < 0);
	if (modes->insert)
		IGNORE(buf_text(to, "\x1b[4l") < 0);
	if (modes->keypad)
		IGNORE(buf_text(to, "\x1b>") < 0);
	if (modes->key_reports)
		IGNORE(buf_text(to, "\x1b[>4;0m") < 0);
	if (modes->key_stack)
		IGNORE(buf_printf(to, "\x1b[<%uu", modes->key_stack) < 0);
	if (modes->cursor_style)
		IGNORE(buf_text(to, "\x1b[0 q") < 0);
	if (modes->margins) /* which moves the cursor */
		IGNORE(buf_text(to, "\x1b" "7\x1b[r\x1b" "8") < 0);
	for (size_t row = COUNT(private_modes); row-- > 0;)
		if (modes->changed & 1U << row)
			IGNORE(buf_printf(to, "\x1b[?%u%c", private_modes[row].number,
					  private_modes[row].usual ? 'h' : 'l') < 0);
}

void modes_enter(const struct modes *modes, struct buf *to)
{
	for (size_t row = 0; row < COUNT(private_modes); row++)
		if (modes->changed & 1U << row)
			IGNORE(buf_printf(to, "\x1b[?%u%c", private_modes[row].number,
					  private_modes[row].usual ? 'l' : 'h') < 0);
	if (modes->insert)
		IGNORE(buf_text(to, "\x1b[4h") < 0);
	if (modes->keypad)
		IGNORE(buf_text(to, "\x1b=") < 0);
	if (modes->key_reports)
		IGNORE(buf_printf(to, "\x1b[>4;%um", modes->key_reports) < 0);
	/* Margins, colours, character sets and key flags cannot be told from here: what draws sets them anew. */
}
