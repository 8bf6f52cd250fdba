/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shell.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/cli.h"

/* Through variables, so that it works where the home, and with it the shell's own files, is private and empty.
 * bash sets PS1 by itself; others keep the one they find. */
#define PROMPT_BASH \
	"PROMPT_COMMAND=case $PS1 in \"(bailiff) \"*) ;; *) PS1=\"(bailiff) $PS1\";; esac"
#define PROMPT_ZSH "PS1=(bailiff) %~ %# "
#define PROMPT_OTHER "PS1=(bailiff) $ "

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_executable(const char *path)
{
	struct stat st;

	return path[0] == '/' && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

/* What refuses logins is no shell for anybody. */
static bool is_shell(const char *path)
{
	const char *name = base_of(path);

	return is_executable(path) && strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0;
}

static const char *find(const struct identity *identity)
{
	const char *const candidates[] = {
		/* The environment is believed when nobody else's rights are at hand. */
		geteuid() != 0 ? getenv("SHELL") : NULL, identity->shell, "/bin/bash", "/bin/sh",
	};

	for (size_t i = 0; i < COUNT(candidates); i++)
		if (candidates[i] && is_shell(candidates[i]))
			return candidates[i];
	return NULL;
}

static const char *prompt(const char *path)
{
	const char *name = base_of(path);

	if (strcmp(name, "bash") == 0)
		return PROMPT_BASH;
	return strcmp(name, "zsh") == 0 ? PROMPT_ZSH : PROMPT_OTHER;
}

static int argv_make(struct run_args *args, struct shell *shell)
{
	size_t count = 0;

	while (args->command[count])
		count++;
	shell->argv = calloc(count + 2, sizeof(*shell->argv));
	if (!shell->argv)
		return -ENOMEM;
	shell->argv[0] = shell->path;
	for (size_t i = 0; i < count; i++)
		shell->argv[i + 1] = args->command[i];
	args->command = shell->argv;
	return 0;
}

int shell_fill(struct run_args *args, const struct identity *identity, struct shell *ret_shell,
	       struct error *err)
{
	const char *path = find(identity);
	int r;

	if (!path || text_copy(ret_shell->path, sizeof(ret_shell->path), slice_of(path)) < 0) {
		error_say(err, -ENOENT, "this machine has neither your shell nor /bin/sh");
		error_next(err, "`bailiff run -- PROGRAM`");
		return error_exit(err, CLI_NOT_FOUND);
	}
	IGNORE(snprintf(ret_shell->variable, sizeof(ret_shell->variable), "SHELL=%s", path) < 0);
	r = argv_make(args, ret_shell);
	if (r == 0)
		r = option_list_append(&args->env, ret_shell->variable);
	if (r == 0)
		r = option_list_append(&args->env, prompt(path));
	return r < 0 ? error_set(err, r, "make the shell's command line") : 0;
}

void shell_finish(struct shell *shell)
{
	free(shell->argv);
	*shell = (struct shell){ 0 };
}
