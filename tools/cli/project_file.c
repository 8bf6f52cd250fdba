/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/project_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "compiler/read.h"

#define LEVELS_MAX 64U           /* folders above the workspace that are looked at */
#define PROTECTED "./.bailiff*"

static int refuse(const char *path, int code, const char *what, const char *next, struct error *err)
{
	char shown[512];

	text_escape(shown, sizeof(shown), slice_of(path));
	error_say(err, code, "project file '%s' %s", shown, what);
	error_next(err, "%s", next);
	return error_exit(err, CLI_POLICY_INVALID);
}

static bool is_ours(uid_t uid, const struct identity *identity)
{
	return uid == 0 || uid == identity->uid || uid == identity->owner_uid;
}

static int check_file(int fd, const char *path, const struct identity *identity, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(path, -errno, "cannot be looked at", "make it readable, or take it away", err);
	if (!S_ISREG(st.st_mode))
		return refuse(path, -EINVAL, "is not a regular file", "make it one, or take it away", err);
	if (!is_ours(st.st_uid, identity))
		return refuse(path, -EPERM, "belongs to somebody else", "make it yours with `chown`, or take it away", err);
	if (st.st_mode & S_IWOTH)
		return refuse(path, -EPERM, "is writable by everybody", "chmod o-w it", err);
	/* Another name of it could be written through, wherever it lies. */
	if (st.st_nlink != 1)
		return refuse(path, -EMLINK, "has more than one name", "copy it to a file of its own: cp F F.new; "
			      "mv F.new F", err);
	if (st.st_size > (off_t)POLICY_BYTES_MAX)
		return refuse(path, -EFBIG, "is larger than 1 MiB", "write a shorter one", err);
	return 0;
}

static int folder_path(int folder, char to[POLICY_PATH_MAX])
{
	char link[64];
	ssize_t len;

	IGNORE(snprintf(link, sizeof(link), "/proc/self/fd/%d", folder) < 0);
	len = readlink(link, to, POLICY_PATH_MAX - sizeof(PROJECT_FILE) - 1);
	if (len <= 0 || len >= (ssize_t)(POLICY_PATH_MAX - sizeof(PROJECT_FILE) - 1))
		return len < 0 ? -errno : -ENAMETOOLONG;
	to[len] = '\0';
	return 0;
}

/* One folder's file, if it has one. */
static int read_in(int folder, const struct identity *identity, struct project_files *files, struct error *err)
{
	struct project_file *file = &files->files[files->count];
	/* Not following a link and not waiting for a FIFO. */
	auto_close int fd = openat(folder, PROJECT_FILE,
				   O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	int code = fd < 0 ? -errno : 0, r;

	if (code == -ENOENT)
		return 0;
	r = folder_path(folder, file->path);
	if (r < 0)
		return error_set(err, r, "name the folder of a project file");
	IGNORE(snprintf(file->path + strlen(file->path), sizeof(file->path) - strlen(file->path), "%s%s",
			file->path[1] ? "/" : "", PROJECT_FILE) < 0);
	if (code == -ELOOP)
		return refuse(file->path, code, "is a symbolic link", "put the file itself there, or take it away", err);
	if (code < 0 || !text_is_utf8(slice_of(file->path)))
		return refuse(file->path, code < 0 ? code : -EILSEQ, "cannot be read", "make it readable and its path UTF-8, "
			      "or take it away", err);
	r = check_file(fd, file->path, identity, err);
	if (r < 0)
		return r;
	file->bytes = buf_growing(POLICY_BYTES_MAX + 1);
	files->count++;
	r = io_read_all(fd, &file->bytes);
	if (r == 0)
		r = policy_digest(buf_slice(&file->bytes), file->digest);
	return r < 0 ? refuse(file->path, r, "cannot be read", "make it readable, or take it away", err) : 0;
}

/* A repository of somebody else is none of ours: whoever can write above could plant one. */
static bool is_repository(int folder, const struct identity *identity)
{
	struct stat st;

	return fstatat(folder, ".git", &st, AT_SYMLINK_NOFOLLOW) == 0 && is_ours(st.st_uid, identity);
}

static bool same_folder(int a, int b)
{
	struct stat left, right;

	return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

/* The root of the repository around `workspace`: itself, a folder above, or FD_NONE. The caller closes it. */
static int repository_of(int workspace, const struct identity *identity)
{
	int folder = openat(workspace, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (unsigned int level = 0; folder >= 0 && level < LEVELS_MAX; level++) {
		int above;

		if (is_repository(folder, identity))
			return folder;
		above = openat(folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (above >= 0 && same_folder(folder, above))
			above = fd_close(above);
		fd_close(folder);
		folder = above;
	}
	fd_close(folder);
	return FD_NONE;
}

int project_files_read(const char *workspace, const struct identity *identity,
		       struct project_files *ret_files, struct error *err)
{
	auto_close int folder = open(workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int repository = FD_NONE;
	int r = 0;

	*ret_files = (struct project_files){ 0 };
	/* Said by whoever needs it: not every command line names a folder that is there. */
	if (folder < 0)
		return 0;
	repository = repository_of(folder, identity);
	if (repository >= 0 && !same_folder(repository, folder))
		r = read_in(repository, identity, ret_files, err);
	return r < 0 ? r : read_in(folder, identity, ret_files, err);
}

void project_files_finish(struct project_files *files)
{
	for (uint32_t i = 0; i < files->count; i++)
		buf_finish(&files->files[i].bytes);
	files->count = 0;
}

int project_files_protect(const struct project_files *files, struct policy *policy, struct error *err)
{
	int r = files->count > 0 ? policy_add(policy, &policy->deny_write, slice_of(PROTECTED)) : 0;

	for (uint32_t i = 0; r == 0 && i < files->count; i++) {
		struct policy_project *to = &policy->projects[policy->project_count];

		r = policy_add(policy, &policy->deny_write, slice_of(files->files[i].path));
		if (r == 0 && !policy_keep(policy, slice_of(files->files[i].path), &to->path))
			r = -ENOSPC;
		memcpy(to->digest, files->files[i].digest, sizeof(to->digest));
		policy->project_count += r == 0;
	}
	return r < 0 ? error_set(err, r, "protect the project file") : 0;
}
