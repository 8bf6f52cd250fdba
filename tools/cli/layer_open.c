/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <search.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/io.h"
#include "base/sys.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/identity.h"

#define ANSWER_MS 10000

void layer_finish(struct layer *layer)
{
	for (size_t i = 0; i < layer->count; i++) {
		free(layer->changes[i].path);
		free(layer->changes[i].index_name);
	}
	for (size_t i = 0; i < layer->group_count; i++)
		free(layer->groups[i].path);
	layer_lock_again(layer);
	free(layer->changes);
	free(layer->groups);
	tdestroy(layer->links, free);
	free(layer->known);
	for (size_t i = 0; i < layer->entry_count; i++)
		free(layer->entries[i].name);
	free(layer->entries);
	buf_finish(&layer->bytes);
	fd_close(layer->upper);
	fd_close(layer->root);
	fd_close(layer->index);
	*layer = LAYER_NOTHING;
}

static int meta_read(int fd, struct layer *layer, struct error *err)
{
	int r;

	layer->bytes = buf_growing(OVERLAY_BYTES_MAX);
	r = io_read_all(fd, &layer->bytes);
	if (r < 0)
		return error_set(err, r, "read what is kept of the run");
	r = overlay_check(layer->bytes.data, layer->bytes.len, &layer->meta, err);
	if (r == 0)
		overlay_rules(&layer->meta, &layer->rules);
	return r;
}

int layer_ask(int control_fd, const struct ulid *run, uint32_t flags, struct layer *ret_layer,
	      struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_WORKSPACE, .run = *run,
					.flags = flags };
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct wire_answer answer;
	int r = client_send(control_fd, &request, err);

	*ret_layer = LAYER_NOTHING;
	if (r == 0)
		r = client_receive_fds(control_fd, ANSWER_MS, &answer, &fds, err);
	if (r < 0)
		return r;
	if (answer.kind != WIRE_WORKSPACE_ROW || fds.count < 2 || fds.count > 3)
		return error_say(err, -EPROTO, "the supervisor's answer is not of this version of bailiff");
	ret_layer->run = *run;
	ret_layer->live = answer.u.workspace.live;
	ret_layer->upper = TAKE_FD(fds.fds[0]);
	if (fds.count == 3)
		ret_layer->index = TAKE_FD(fds.fds[2]);
	r = meta_read(fds.fds[1], ret_layer, err);
	if (r < 0 || flock(ret_layer->upper, LOCK_EX | LOCK_NB) == 0)
		return r;
	if (!(flags & WIRE_COMMIT))
		return 0; /* looking is free */
	error_say(err, -EBUSY, "somebody is committing this run already");
	error_next(err, "wait until that is done");
	return error_exit(err, CLI_REFUSED);
}

/* ---- who we are from here on ---- */

/* uid 0 as the owner of its files, and no more: no capability. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int become_owner(const struct overlay_head *head, struct error *err)
{
	struct identity identity;
	int r;

	if (geteuid() != 0)
		return geteuid() == head->uid ? 0 :
		       error_say(err, -EPERM, "the overlay belongs to uid %u", head->uid);
	if (head->owner_uid == 0)
		r = drop_capabilities();
	else {
		r = identity_of(head->uid, &identity, err);
		if (r < 0)
			return r;
		identity.gid = head->gid;
		r = identity_become_caller(&identity);
		if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			r = -errno;
	}
	return r < 0 ? error_set(err, r, "give up root for uid %u", head->owner_uid) : 0;
}

static int open_root(struct layer *layer, bool moved, struct error *err)
{
	const struct overlay_head *head = layer->meta.head;
	char shown[512];
	struct stat st;

	text_escape(shown, sizeof(shown), slice_of(overlay_text(&layer->meta, head->workspace)));
	layer->root = sys_openat2(AT_FDCWD, overlay_text(&layer->meta, head->workspace), &(struct open_how){
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS });
	if (layer->root < 0) {
		error_set(err, layer->root, "open the workspace '%s'", shown);
		error_next(err, "put the directory back, or drop the changes: `bailiff rollback`");
		return error_exit(err, CLI_REFUSED);
	}
	if (fstat(layer->root, &st) < 0)
		return error_set(err, -errno, "look at the workspace '%s'", shown);
	if (moved || (st.st_dev == head->root_dev && st.st_ino == head->root_ino))
		return 0;
	error_say(err, -ESTALE, "the workspace '%s' is another directory than the run had", shown);
	error_next(err, "put it back, or take this one with --force");
	return error_exit(err, CLI_REFUSED);
}

int layer_enter(struct layer *layer, bool moved, bool writes, struct error *err)
{
	int r = become_owner(layer->meta.head, err);

	umask(0);
	if (r == 0)
		r = open_root(layer, moved, err);
	if (r < 0)
		return r;
	r = layer_confine(layer, writes);
	return r < 0 ? error_set(err, r, "confine ourselves to the workspace") : 0;
}

/* ---- looking up ---- */

int layer_at(int root, const char *path, int flags)
{
	return sys_openat2(root, *path ? path : ".", &(struct open_how){
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV });
}

int layer_stat(int root, const char *path, struct stat *ret_st)
{
	auto_close int fd = layer_at(root, path, O_PATH | O_NOFOLLOW);

	*ret_st = (struct stat){ 0 };
	if (fd < 0)
		return fd;
	return fstat(fd, ret_st) < 0 ? -errno : 0;
}

int layer_parent(int root, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char parent[LAYER_PATH_MAX];

	*ret_name = slash ? slash + 1 : path;
	if (text_copy(parent, sizeof(parent), slice_new(path, slash ? (size_t)(slash - path) : 0)) < 0)
		return -ENAMETOOLONG;
	return layer_at(root, parent, O_PATH | O_DIRECTORY);
}

int layer_settle(int control_fd, const struct ulid *run, uint32_t flags, const char *text, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_SETTLE, .run = *run,
					.flags = flags };
	struct wire_answer answer;
	int r = text_copy(request.reason, sizeof(request.reason), slice_of(text));

	if (r == 0)
		r = client_send(control_fd, &request, err);
	return r < 0 ? r : client_receive(control_fd, ANSWER_MS, &answer, err);
}
