/* SPDX-License-Identifier: Apache-2.0 */
/* What a dead predecessor left: its runs' cgroups carry their ids as names. pid 1 of each run kills it
 * when the supervisor dies (or freezes it, where the policy says so); whatever is there now, dead or
 * not, is killed and recorded as lost, for this supervisor does not know those runs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "launch/spare.h"
#include "run/moves.h"
#include "run/record.h"

#define SWEEP_TIMEOUT_MS 5000

static void put(struct daemon *daemon, enum record_kind kind, const struct ulid *id, enum run_status from,
		enum run_status to)
{
	struct record_frame frame = record_frame_now(id);
	struct buf *buf = outbox_begin(daemon->outbox, kind);
	struct draft draft;

	if (!buf)
		return; /* counted, becomes a gap */
	draft = draft_begin(buf, kind, &frame, NULL);
	draft_by(&draft, "bailiffd");
	draft_uint(&draft, DETAIL_STATUS_FROM, from);
	draft_uint(&draft, DETAIL_STATUS_TO, to);
	draft_text(&draft, DETAIL_CAUSE, slice_of(run_cause_name(RUN_CAUSE_SUPERVISOR_LOST)));
	if (kind == RECORD_RUN_END) {
		draft_uint(&draft, DETAIL_REASON, RUN_CAUSE_SUPERVISOR_LOST);
		draft_uint(&draft, DETAIL_EXIT_CODE, 125);
		draft_text(&draft, DETAIL_MESSAGE, slice_of("its supervisor died; killed"));
	}
	IGNORE(outbox_put(daemon->outbox, kind, draft_end(&draft)) == 0); /* counted */
}

static void record_lost(struct daemon *daemon, const struct ulid *id)
{
	char text[ULID_TEXT_LEN + 1];

	ulid_text(id, text);
	log_warn("run_lost", "run=%s cause=supervisor_lost", text);
	put(daemon, RECORD_RUN_STATE, id, RUN_STATUS_RUNNING, RUN_STATUS_RECOVERING);
	put(daemon, RECORD_RUN_END, id, RUN_STATUS_RECOVERING, RUN_STATUS_FAILED);
}

static int record_all(struct daemon *daemon, const struct ulid *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		record_lost(daemon, &ids[i]);
	if (count > 0)
		outbox_flush(daemon->outbox);
	return 0;
}

static int list_runs(int tree_fd, struct ulid *ids, size_t max, size_t *ret_count, struct error *err)
{
	int fd = openat(tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	*ret_count = 0;
	if (!dir) {
		fd_close(fd);
		return error_set(err, -errno, "list the cgroups of old runs");
	}
	while ((entry = readdir(dir)) && *ret_count < max) {
		if (ulid_parse(slice_of(entry->d_name), &ids[*ret_count]) == 0 &&
		    !spare_owns_group(tree_fd, entry->d_name))
			(*ret_count)++;
	}
	closedir(dir);
	return 0;
}

int leftovers_sweep(struct daemon *daemon, struct error *err)
{
	struct ulid ids[RUNS_MAX];
	size_t count;
	int r = list_runs(daemon->tree.v2_fd, ids, COUNT(ids), &count, err);

	if (r < 0)
		return r;
	r = cgroup_tree_sweep(&daemon->tree, SWEEP_TIMEOUT_MS);
	if (r < 0) {
		error_set(err, r, "kill what an earlier supervisor left in '%s'", daemon->tree.v2_path);
		return error_next(err, "`cat %s/*/cgroup.procs` names the processes",
				  daemon->tree.v2_path);
	}
	return record_all(daemon, ids, count);
}
