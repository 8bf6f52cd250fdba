/* SPDX-License-Identifier: Apache-2.0 */
/* Where policies are found, and which files are believed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "compiler/source.h"

#define EXIT_POLICY_INVALID 120
#define LIBEXEC "/lib/bailiff"
#define SUFFIX ".yaml"
#define NAMES_MAX 64U
#define FILE_NAME_MAX 128U

enum directory {
	DIRECTORY_ENV, DIRECTORY_HOME, DIRECTORY_ETC, DIRECTORY_SHARE, DIRECTORY_TREE, DIRECTORY_COUNT,
};

/* The folder of this program, below which `make install` and the build tree keep the library. */
static int program_directory(char to[POLICY_PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", to, POLICY_PATH_MAX - 1);
	char *slash;

	if (len < 0)
		return -errno;
	to[len] = '\0';
	slash = strrchr(to, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	/* bailiff-records is installed beside the daemons; the library is found from <prefix>/bin. */
	if (slash - to >= (ptrdiff_t)strlen(LIBEXEC) && strcmp(slash - strlen(LIBEXEC), LIBEXEC) == 0)
		return text_copy(slash - strlen(LIBEXEC), sizeof("/bin"), slice_of("/bin"));
	return 0;
}

static int format_path(char to[POLICY_PATH_MAX], const char *start, const char *rest)
{
	int len = snprintf(to, POLICY_PATH_MAX, "%s%s", start, rest);

	return len < 0 || len >= (int)POLICY_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int below_program(char path[POLICY_PATH_MAX], const char *rest)
{
	char program[POLICY_PATH_MAX];
	int r = program_directory(program);

	return r < 0 ? r : format_path(path, program, rest);
}

int policy_directory(size_t i, char path[POLICY_PATH_MAX])
{
	/* Root does not believe variables that sudo or a careless script may have kept. */
	const char *env = geteuid() == 0 ? NULL : getenv("BAILIFF_POLICY_DIR");
	const char *home = geteuid() == 0 ? NULL : getenv("HOME");
	int r = -ENOENT;

	path[0] = '\0';
	if (i >= DIRECTORY_COUNT)
		return -ENOENT;
	switch ((enum directory)i) {
	case DIRECTORY_ENV:
		r = env && env[0] == '/' ? format_path(path, env, "") : -ENOENT;
		break;
	case DIRECTORY_HOME:
		r = home && home[0] == '/' ? format_path(path, home, "/.config/bailiff/policies") : -ENOENT;
		break;
	case DIRECTORY_ETC:
		r = format_path(path, "/etc/bailiff/policies", "");
		break;
	case DIRECTORY_SHARE:
		r = below_program(path, "/../share/bailiff/policies");
		break;
	case DIRECTORY_TREE:
		r = below_program(path, "/../../../policies/library");
		break;
	case DIRECTORY_COUNT:
		break;
	}
	if (r < 0)
		path[0] = '\0';
	return 0;
}

bool policy_is_pack(const char *file)
{
	static const char end[] = ".pack" SUFFIX;
	size_t len = strlen(file);

	return len >= sizeof(end) - 1 && strcmp(file + len - (sizeof(end) - 1), end) == 0;
}

/* The nearest name of a policy to `name` in any directory. */
static void find_near(const char *name, char to[FILE_NAME_MAX])
{
	char names[NAMES_MAX][FILE_NAME_MAX], path[POLICY_PATH_MAX];
	const char *words[NAMES_MAX + 1] = { NULL };
	const char *near;
	size_t count = 0;

	to[0] = '\0';
	for (size_t i = 0; policy_directory(i, path) == 0; i++) {
		DIR *dir = path[0] ? opendir(path) : NULL;
		struct dirent *entry;

		while (dir && count < NAMES_MAX && (entry = readdir(dir))) {
			size_t len = strlen(entry->d_name);

			if (len <= strlen(SUFFIX) || strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0 ||
			    policy_is_pack(entry->d_name))
				continue;
			if (text_copy(names[count], FILE_NAME_MAX,
				      slice_new(entry->d_name, len - strlen(SUFFIX))) == 0) {
				words[count] = names[count];
				count++;
			}
		}
		if (dir)
			closedir(dir);
	}
	near = text_nearest(slice_of(name), words);
	if (near)
		IGNORE(text_copy(to, FILE_NAME_MAX, slice_of(near)) < 0);
}

static int not_found(const char *name, struct error *err)
{
	char near[FILE_NAME_MAX], shown[160];

	text_escape(shown, sizeof(shown), slice_of(name));
	find_near(name, near);
	error_say(err, -ENOENT, "there is no policy '%s'", shown);
	if (near[0])
		error_next(err, "did you mean '%s'? `bailiff policy list` shows all", near);
	else
		error_next(err, "`bailiff policy list` shows all; a file is named with a slash: ./%s.yaml",
			   shown);
	error_exit(err, EXIT_POLICY_INVALID);
	return -ENOENT;
}

int policy_find(const char *name, char path[POLICY_PATH_MAX], struct error *err)
{
	char directory[POLICY_PATH_MAX];
	size_t len = strlen(name);
	struct stat st;

	if (strchr(name, '/') || (len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0)) {
		if (text_copy(path, POLICY_PATH_MAX, slice_of(name)) < 0) {
			error_say(err, -ENAMETOOLONG, "the path of the policy is too long");
			error_exit(err, EXIT_POLICY_INVALID);
			return -ENAMETOOLONG;
		}
		return 0;
	}
	for (size_t i = 0; policy_directory(i, directory) == 0; i++) {
		int wanted = snprintf(path, POLICY_PATH_MAX, "%s/%s" SUFFIX, directory, name);

		if (directory[0] && wanted > 0 && wanted < (int)POLICY_PATH_MAX && stat(path, &st) == 0)
			return 0;
	}
	return not_found(name, err);
}

int policy_find_shipped(const char *name, char path[POLICY_PATH_MAX], struct error *err)
{
	char directory[POLICY_PATH_MAX];
	struct stat st;

	for (size_t i = DIRECTORY_SHARE; policy_directory(i, directory) == 0; i++) {
		int wanted = snprintf(path, POLICY_PATH_MAX, "%s/%s" SUFFIX, directory, name);

		if (directory[0] && wanted > 0 && wanted < (int)POLICY_PATH_MAX && !strchr(name, '/') &&
		    stat(path, &st) == 0)
			return 0;
	}
	not_found(name, err);
	return error_next(err, "`extends` takes policies that ship with Bailiff: see its folder share/bailiff/policies");
}

/* The checks of a file that decides what an agent may do, on the descriptor that is read. */
static int check_file(int fd, const char *shown, uid_t *ret_owner, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "stat policy '%s'", shown);
	if (!S_ISREG(st.st_mode)) {
		error_say(err, -EINVAL, "policy '%s' is not a regular file", shown);
		return error_next(err, "name a file");
	}
	if (st.st_mode & S_IWOTH) {
		error_say(err, -EPERM, "policy '%s' is writable by everybody", shown);
		return error_next(err, "chmod o-w '%s'", shown);
	}
	if (st.st_uid != 0 && st.st_uid != geteuid() && geteuid() != 0) {
		error_say(err, -EPERM, "policy '%s' belongs to uid %u, who could change what you may do",
			  shown, st.st_uid);
		return error_next(err, "copy it, so that it is yours or root's");
	}
	if (st.st_size > (off_t)POLICY_BYTES_MAX) {
		error_say(err, -EFBIG, "policy '%s' is larger than 1 MiB", shown);
		return error_next(err, "write a smaller one");
	}
	*ret_owner = st.st_uid;
	return 0;
}

int policy_read_owned(const char *path, struct buf *ret_bytes, uid_t *ret_owner, struct error *err)
{
	/* Not blocking on a FIFO. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char shown[512];
	int r;

	text_escape(shown, sizeof(shown), slice_of(path));
	if (fd < 0) {
		r = error_set(err, -errno, "open policy '%s'", shown);
		error_next(err, "name a file that you can read; `bailiff policy list` shows shipped ones");
	} else {
		r = check_file(fd, shown, ret_owner, err);
	}
	if (r == 0) {
		r = io_read_all(fd, ret_bytes);
		if (r < 0)
			error_set(err, r, "read policy '%s'", shown);
	}
	if (r < 0)
		error_exit(err, EXIT_POLICY_INVALID);
	return r;
}

int policy_read(const char *path, struct buf *ret_bytes, struct error *err)
{
	uid_t owner;

	return policy_read_owned(path, ret_bytes, &owner, err);
}

int policy_load(const char *name, struct policy *ret_policy, struct diagnostics *ret_diagnostics,
		char path[POLICY_PATH_MAX], struct error *err)
{
	auto_free struct policy_source *source = calloc(1, sizeof(*source));
	int r = source ? policy_source_read(name, source, err) : -ENOMEM;

	*ret_diagnostics = (struct diagnostics){ .file = name };
	path[0] = '\0';
	if (source)
		IGNORE(text_copy(path, POLICY_PATH_MAX, slice_of(source->layers[0].path)));
	if (r == 0) {
		r = policy_compile_source(source, ret_policy, NULL, ret_diagnostics);
		/* Its names live in the source. A base that is wrong is named by its error. */
		if (r < 0)
			r = diagnostics_error(ret_diagnostics, err);
		ret_diagnostics->file = ret_diagnostics->layer == 0 ? path : ret_diagnostics->layer >= POLICY_PACK_LAYER ?
					"(an included pack)" : "(an extended policy)";
	}
	if (source)
		policy_source_finish(source);
	return r;
}
