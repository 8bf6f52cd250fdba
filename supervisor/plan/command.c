/* SPDX-License-Identifier: Apache-2.0 */
/* The command: its arguments byte for byte, its environment by name, its program where the run will
 * see it. A program that the host has and the run does not see is the most frequent mistake, so the
 * message says which flag shows it. */
#include <errno.h>
#include <stdarg.h>

#include "base/text.h"
#include "plan/build.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

static bool is_visible(const struct build *build, const char *path)
{
	const struct plan_mount *mount = layout_shows(build, path);

	return mount && (mount->kind == MOUNT_BIND_RO || mount->kind == MOUNT_BIND_RW ||
			 mount->kind == MOUNT_OVERLAY) &&
	       !protect_hides(build, path);
}

/* A place that only exists in the sandbox, such as a private /tmp. */
static bool is_private(const struct build *build, const char *path)
{
	const struct plan_mount *mount = layout_shows(build, path);

	return mount && mount->kind == MOUNT_TMPFS &&
	       strcmp(build_string(build, mount->target), path) == 0;
}

static int fail(struct error *err, int code, int exit_code, const char *next, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
static int fail(struct error *err, int code, int exit_code, const char *next, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	IGNORE(vsnprintf(text, sizeof(text), fmt, args) < 0);
	va_end(args);
	error_say(err, code, "%s", text);
	error_next(err, "%s", next);
	error_exit(err, exit_code);
	return code;
}

/* ---- environment ---- */

static bool name_matches(struct slice pattern, struct slice name)
{
	if (pattern.len > 0 && pattern.data[pattern.len - 1] == '*')
		return slice_starts(name, slice_new(pattern.data, pattern.len - 1));
	return slice_eq(pattern, name);
}

static bool env_allowed(const struct build *build, struct slice name)
{
	const struct policy_list *list = &build->policy->env;

	for (const char *const *extra = build->spec->extra_env; extra && *extra; extra++)
		if (slice_is(name, *extra))
			return true;
	for (uint32_t i = 0; i < list->count; i++)
		if (name_matches(slice_new(policy_text(build->policy, list->items[i]), list->items[i].len),
				 name))
			return true;
	return false;
}

static struct slice env_name(const char *entry)
{
	return slice_new(entry, strcspn(entry, "="));
}

/* Whether `--env NAME=VALUE` gives this variable a value of its own. */
static bool env_is_set_by_flag(const struct build *build, struct slice name)
{
	for (const char *const *extra = build->spec->extra_env; extra && *extra; extra++)
		if (strchr(*extra, '=') && slice_eq(env_name(*extra), name))
			return true;
	return false;
}

static int add_env(struct build *build, const char *entry)
{
	return buf_append(&build->env, entry, strlen(entry) + 1);
}

static int build_env(struct build *build)
{
	char home[PLAN_PATH_MAX + 8];
	bool path = false;
	int r = 0;

	for (const char *const *at = build->spec->environ; at && r == 0 && *at; at++) {
		struct slice name = env_name(*at);

		if (name.len == 0 || (*at)[name.len] != '=' || slice_is(name, "HOME") ||
		    slice_is(name, "PWD") || slice_is(name, "BAILIFF") ||
		    !env_allowed(build, name) || env_is_set_by_flag(build, name))
			continue;
		path |= slice_is(name, "PATH");
		r = add_env(build, *at);
	}
	for (const char *const *at = build->spec->extra_env; at && r == 0 && *at; at++) {
		if (!strchr(*at, '=') || **at == '=')
			continue;
		path |= slice_is(env_name(*at), "PATH");
		r = add_env(build, *at);
	}
	if (r == 0 && !path)
		r = add_env(build, "PATH=" DEFAULT_PATH);
	if (r == 0 && !env_is_set_by_flag(build, slice_of("HOME"))) {
		IGNORE(snprintf(home, sizeof(home), "HOME=%s",
				build->home.text[0] ? build->home.text : "/tmp") < 0);
		r = add_env(build, home);
	}
	/* Programs ask this to know that they are inside. */
	return r == 0 ? add_env(build, "BAILIFF=1") : r;
}

static const char *env_value(const struct build *build, const char *name)
{
	size_t at = 0, len = strlen(name);

	while (at < build->env.len) {
		const char *entry = build->env.data + at;

		if (strncmp(entry, name, len) == 0 && entry[len] == '=')
			return entry + len + 1;
		at += strlen(entry) + 1;
	}
	return "";
}

/* ---- program ---- */

enum found { FOUND_NOT, FOUND_HIDDEN, FOUND_NO_FILE, FOUND_NOT_EXECUTABLE, FOUND_GOOD };

/* The execute bits, as the run will have them. */
static bool may_execute(const struct build *build, const struct stat *st)
{
	const struct run_spec *spec = build->spec;
	bool own = st->st_uid == spec->uid || (spec->owner_uid == 0 && st->st_uid == 0 && spec->uid != 0);
	bool group = st->st_gid == spec->gid;

	for (size_t i = 0; i < spec->group_count; i++)
		group |= st->st_gid == spec->groups[i];
	return (st->st_mode & 0001) || (group && (st->st_mode & 0010)) || (own && (st->st_mode & 0100));
}

static enum found try_program(struct build *build, const char *path, struct path *real)
{
	if (host_resolve(build, path, NULL, real) < 0)
		return FOUND_NOT;
	if (!is_visible(build, real->text))
		return FOUND_HIDDEN;
	if (!S_ISREG(real->st.st_mode))
		return FOUND_NO_FILE;
	if (!may_execute(build, &real->st))
		return FOUND_NOT_EXECUTABLE;
	return FOUND_GOOD;
}

/* Whether the name works inside as it stands: each directory on the way is visible or a link of the
 * layout. Else the real path is used. */
static bool name_works(struct build *build, const char *path)
{
	char parent[PLAN_PATH_MAX];
	struct path real;

	if (strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//") ||
	    text_copy(parent, sizeof(parent), slice_of(path)) < 0)
		return false;
	*strrchr(parent, '/') = '\0';
	return is_visible(build, path) && host_resolve(build, parent[0] ? parent : "/", NULL, &real) == 0 &&
	       strcmp(real.text, parent) == 0;
}

static int take_program(struct build *build, const char *path, const struct path *real)
{
	return text_copy(build->program, sizeof(build->program),
			 slice_of(name_works(build, path) ? path : real->text));
}

static int fail_program(struct build *build, enum found found, const char *name, const struct path *real,
			struct error *err)
{
	char shown[256], place[256], next[ERROR_NEXT_MAX];
	char *slash;

	text_escape(shown, sizeof(shown), slice_of(name));
	text_escape(place, sizeof(place), slice_of(found == FOUND_NOT ? "" : real->text));
	switch (found) {
	case FOUND_HIDDEN:
		if (protect_hides(build, real->text))
			return fail(err, -ENOENT, BUILD_EXIT_NOT_FOUND, "take it out of `sandbox.hide` and "
				    "`files.deny_read` in the policy",
				    "the program '%s' (%s) is hidden by the policy", shown, place);
		slash = strrchr(place, '/');
		IGNORE(snprintf(next, sizeof(next), "add `-r %.*s`, or add it to `files.read` in the policy",
				(int)(slash == place ? 1 : slash - place), place) < 0);
		return fail(err, -ENOENT, BUILD_EXIT_NOT_FOUND, next,
			    "the program '%s' (%s) is not visible under policy '%s'", shown, place,
			    build->policy->name);
	case FOUND_NO_FILE:
		return fail(err, -EACCES, BUILD_EXIT_NOT_EXECUTABLE, "name a program",
			    "'%s' is not a regular file", shown);
	case FOUND_NOT_EXECUTABLE:
		return fail(err, -EACCES, BUILD_EXIT_NOT_EXECUTABLE, "chmod +x it, or name its interpreter first",
			    "'%s' is not executable by the run's user", shown);
	case FOUND_NOT:
	case FOUND_GOOD:
		break;
	}
	return fail(err, -ENOENT, BUILD_EXIT_NOT_FOUND, "check the spelling and PATH",
		    "there is no program '%s'", shown);
}

/* As execvp(3) searches, but what the run cannot see is passed over. */
static int search_path(struct build *build, const char *name, struct error *err)
{
	const char *at = env_value(build, "PATH");
	enum found best = FOUND_NOT;
	struct path best_real = { 0 };

	while (*at) {
		size_t len = strcspn(at, ":");
		char path[PLAN_PATH_MAX];
		struct path real = { 0 };
		enum found found;
		int wanted = snprintf(path, sizeof(path), "%.*s/%s", (int)len, at, name);

		if (wanted > 0 && wanted < (int)sizeof(path) && path[0] == '/') {
			found = try_program(build, path, &real);
			if (found == FOUND_GOOD)
				return take_program(build, path, &real);
			/* A directory of this name is passed over, as the shell does. */
			if (found != FOUND_NO_FILE && (best == FOUND_NOT || found > best)) {
				best = found;
				best_real = real;
			}
		}
		at += len + (at[len] == ':');
	}
	return fail_program(build, best, name, &best_real, err);
}

static int find_program(struct build *build, struct error *err)
{
	const char *name = build->spec->argv[0];
	char path[2 * PLAN_PATH_MAX];
	struct path real = { 0 };
	enum found found;

	if (!name || !*name)
		return fail(err, -ENOENT, BUILD_EXIT_NOT_FOUND, "name a command behind --",
			    "the command is empty");
	if (strlen(name) >= PLAN_PATH_MAX)
		return fail(err, -ENAMETOOLONG, BUILD_EXIT_NOT_FOUND, "name a shorter path",
			    "the name of the program is too long");
	if (!strchr(name, '/'))
		return search_path(build, name, err);
	IGNORE(snprintf(path, sizeof(path), name[0] == '/' ? "%s%s" : "%s/%s",
			name[0] == '/' ? "" : build->cwd.text, name) < 0);
	found = try_program(build, path, &real);
	return found == FOUND_GOOD ? take_program(build, path, &real) :
				     fail_program(build, found, name, &real, err);
}

static int build_argv(struct build *build, struct error *err)
{
	for (const char *const *at = build->spec->argv; *at; at++)
		if (buf_append(&build->argv, *at, strlen(*at) + 1) < 0)
			return fail(err, -E2BIG, BUILD_EXIT_NOT_EXECUTABLE, "pass a list in a file",
				    "the arguments have more than %u bytes", PLAN_ARGV_MAX);
	return 0;
}

static int check_cwd(struct build *build, struct error *err)
{
	char shown[256], next[ERROR_NEXT_MAX];

	if (is_visible(build, build->cwd.text) || is_private(build, build->cwd.text))
		return 0;
	text_escape(shown, sizeof(shown), slice_of(build->cwd.text));
	IGNORE(snprintf(next, sizeof(next), "add `-r %s` (or -w), or start in the workspace", shown) < 0);
	return fail(err, -ENOENT, BUILD_EXIT_REFUSED, next,
		    "the current directory '%s' is not visible under policy '%s'", shown,
		    build->policy->name);
}

int command_build(struct build *build, struct error *err)
{
	int r = check_cwd(build, err);

	if (r == 0)
		r = build_argv(build, err);
	if (r == 0 && build_env(build) < 0)
		r = fail(err, -E2BIG, BUILD_EXIT_NOT_EXECUTABLE, "pass fewer or shorter variables",
			 "the environment has more than %u bytes", PLAN_ENV_MAX);
	return r < 0 ? r : find_program(build, err);
}
