/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the exec gate: what a first line says, which variables bind, how often a denial came. */
#include <string.h>

#include "lib/runner.h"
#include "run/digest.h"
#include "run/gate_record.h"
#include "run/program.h"

#define LONG "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct line {
	const char *bytes;
	size_t len;                 /* 0: of the text */
	enum program_kind kind;
	const char *interpreter, *argument; /* NULL: none */
} lines[] = {
	{ "\177ELF\2\1\1", 0, PROGRAM_ELF, "", NULL },
	{ "", 0, PROGRAM_OTHER, "", NULL },
	{ "#", 0, PROGRAM_OTHER, "", NULL },
	{ "echo x\n", 0, PROGRAM_OTHER, "", NULL },
	{ "#!/bin/sh\n", 0, PROGRAM_SCRIPT, "/bin/sh", NULL },
	{ "#!/bin/sh", 0, PROGRAM_SCRIPT, "/bin/sh", NULL },
	{ "#! \t/bin/sh \t\n", 0, PROGRAM_SCRIPT, "/bin/sh", NULL },
	{ "#!/bin/sh -e\necho", 0, PROGRAM_SCRIPT, "/bin/sh", "-e" },
	{ "#!/usr/bin/env -S a  b \n", 0, PROGRAM_SCRIPT, "/usr/bin/env", "-S a  b" },
	/* Without a newline the blank is not taken away, and what follows it is an empty word. */
	{ "#!/bin/sh ", 0, PROGRAM_SCRIPT, "/bin/sh", "" },
	{ "#!\n", 0, PROGRAM_OTHER, "", NULL },
	{ "#!  \n/bin/sh\n", 0, PROGRAM_OTHER, "", NULL },
	{ "#!/bin/sh\0x\n", 12, PROGRAM_SCRIPT, "/bin/sh", NULL },
	{ "#!/bin/sh\r\n", 0, PROGRAM_SCRIPT, "/bin/sh\r", NULL },
	/* A name that does not end within what the kernel reads could be another one. */
	{ "#!" LONG LONG "/x\n", 0, PROGRAM_OTHER, "", NULL },
};

START_TEST(a_first_line_is_read_as_the_kernel_reads_it)
{
	const struct line *row = &lines[_i];
	struct program_head head;

	program_parse(row->bytes, row->len ? row->len : strlen(row->bytes), &head);
	ck_assert_msg(head.kind == row->kind, "'%s' is %d", row->bytes, head.kind);
	ck_assert_str_eq(head.interpreter, row->interpreter);
	ck_assert_int_eq(head.has_argument, row->argument != NULL);
	ck_assert_str_eq(head.argument, row->argument ? row->argument : "");
}
END_TEST

static const struct variable { const char *text; bool binds; } variables[] = {
	{ "LD_PRELOAD=x", true }, { "LD_=x", true }, { "PYTHONPATH=x", true }, { "NODE_OPTIONS=x", true },
	{ "BASH_ENV=x", true }, { "ENV=x", true }, { "ENVY=x", false }, { "PERL5LIB=x", true }, { "RUBYOPT=x", true },
	{ "GIT_SSH_COMMAND=x", true }, { "PATH=x", true }, { "PATHS=x", false }, { "LANG=x", false }, { "HOME=x", false },
	{ "LD_PRELOAD", true }, { "=LD_PRELOAD", false }, { "", false }, { "XLD_PRELOAD=x", false },
	{ "BASH_FUNC_x%%=() {  :\n}", true },
};

START_TEST(variables_that_load_or_run_something_are_bound)
{
	const struct variable *row = &variables[_i];

	ck_assert_msg(digest_binds_variable(slice_of(row->text)) == row->binds, "%s", row->text);
}
END_TEST

START_TEST(another_action_was_never_denied)
{
	const uint8_t digest[32] = { 1 };
	struct gate_memory memory = { 0 };

	ck_assert_uint_eq(gate_memory_find(&memory, digest), 0);
	memory.denied[7].count = 3;
	memcpy(memory.denied[7].digest, digest, sizeof(digest));
	ck_assert_uint_eq(gate_memory_find(&memory, digest), 3);
	ck_assert_uint_eq(gate_memory_find(&memory, (const uint8_t[32]){ 2 }), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("exec_parts");
	TCase *tcase = tcase_create("parts");

	tcase_set_tags(tcase, "pure");
	tcase_add_loop_test(tcase, a_first_line_is_read_as_the_kernel_reads_it, 0, (int)COUNT(lines));
	tcase_add_loop_test(tcase, variables_that_load_or_run_something_are_bound, 0, (int)COUNT(variables));
	tcase_add_test(tcase, another_action_was_never_denied);
	suite_add_tcase(suite, tcase);
	return suite;
}
