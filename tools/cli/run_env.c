/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_env.h"

#include <errno.h>

#include "cli/cli.h"

extern char **environ;

void run_env_finish(struct run_env *env)
{
	for (size_t i = 0; i < env->count; i++)
		free(env->items[i]);
	free(env->items);
	*env = (struct run_env){ 0 };
}

static char **env_slot(struct run_env *env, const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->items[i], text, len) == 0 && env->items[i][len] == '=')
			return &env->items[i];
	}
	return &env->items[env->count];
}

void run_env_remove(struct run_env *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->items[i], name, len) != 0 || env->items[i][len] != '=')
			continue;
		explicit_bzero(env->items[i], strlen(env->items[i]));
		free(env->items[i]);
		env->items[i] = env->items[--env->count];
		env->items[env->count] = NULL;
		return;
	}
}

/* `capacity` counts the terminator. Replaces what has the same name. */
static int env_set(struct run_env *env, size_t capacity, const char *name, const char *value)
{
	char **slot, *text;

	if (asprintf(&text, "%s%s%s", name, value ? "=" : "", value ? value : "") < 0)
		return -ENOMEM;
	slot = env_slot(env, text);
	if (slot == &env->items[env->count] && env->count + 1 >= capacity) {
		free(text);
		return -ENOSPC;
	}
	if (slot == &env->items[env->count])
		env->count++;
	free(*slot);
	*slot = text;
	return 0;
}

static int env_missing(const char *name, struct error *err)
{
	error_say(err, -ENOENT, "--env %s: this variable is not set", name);
	error_next(err, "give its value, --env %s=VALUE; sudo removes variables unless told not to", name);
	return error_exit(err, CLI_USAGE);
}

int run_env_make(const struct option_list *flags, const struct identity *identity,
		 struct run_env *ret_env, struct error *err)
{
	size_t inherited = 0, capacity;
	int r = 0;

	while (environ[inherited])
		inherited++;
	capacity = inherited + flags->count + 4;
	*ret_env = (struct run_env){ .items = calloc(capacity, sizeof(char *)) };
	if (!ret_env->items)
		return error_set(err, -ENOMEM, "copy the environment");
	for (size_t i = 0; r == 0 && i < inherited; i++) {
		/* A string without "=" is no variable; shells leave such behind. */
		if (strchr(environ[i], '='))
			r = env_set(ret_env, capacity, environ[i], NULL);
	}
	if (r == 0 && identity->home[0])
		r = env_set(ret_env, capacity, "HOME", identity->home);
	if (r == 0)
		r = env_set(ret_env, capacity, "USER", identity->name);
	if (r == 0)
		r = env_set(ret_env, capacity, "LOGNAME", identity->name);
	for (size_t i = 0; r == 0 && i < flags->count; i++) {
		if (strchr(flags->items[i], '='))
			r = env_set(ret_env, capacity, flags->items[i], NULL);
		else if (!getenv(flags->items[i]))
			return env_missing(flags->items[i], err);
	}
	return r < 0 ? error_set(err, r, "copy the environment") : 0;
}
