/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that the kernel enforces by itself, read back so that a run that met one is told apart from
 * a run that failed: pids.events, memory.events (v2) and memory.oom_control (v1). The formats are those
 * of the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{pids,memory}.rst. */
#include <stdio.h>

#include "base/io.h"
#include "base/parse.h"
#include "run/run.h"

#define STAT_MAX 1024U

/* The number behind `name` in a file of "name number" lines; 0 when it is not there. */
static uint64_t stat_number(int dir_fd, const char *file, const char *name)
{
	char text[STAT_MAX];
	size_t name_len = strlen(name);
	uint64_t number = 0;

	if (dir_fd < 0 || io_read_text(dir_fd, file, text, sizeof(text)) < 0)
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, name_len) != 0 || line[name_len] != ' ')
			continue;
		line += name_len + 1;
		if (parse_u64(slice_new(line, strcspn(line, "\n")), 0, UINT64_MAX, &number) == 0)
			return number;
	}
	return 0;
}

static struct limit_hits hits_now(const struct cgroup *cgroup)
{
	const struct cgroup_tree *tree = cgroup->tree;
	struct limit_hits hits = { 0 };

	if (tree && tree->v2_has[CGROUP_PIDS])
		hits.pids = stat_number(cgroup->dir_fd, "pids.events", "max");
	else
		hits.pids = stat_number(cgroup->v1_fd[CGROUP_PIDS], "pids.events", "max");
	if (tree && tree->v2_has[CGROUP_MEMORY])
		hits.memory = stat_number(cgroup->dir_fd, "memory.events", "oom_kill");
	else
		hits.memory = stat_number(cgroup->v1_fd[CGROUP_MEMORY], "memory.oom_control",
					  "oom_kill");
	return hits;
}

/* A limit counts once a run: a fork bomb that stays at its limit is stopped by the limit already. */
static void check(struct run *run, uint64_t now, uint64_t *seen, const char *rule, const char *message)
{
	bool first = *seen == 0 && now > 0;

	*seen = now;
	if (first)
		run_violation(run, LIMIT_EXCEEDED, RECORD_EFFECT_PREVENTED, NULL, message,
			      slice_of(rule), NULL);
}

void run_check_limits(struct run *run)
{
	struct limit_hits now = hits_now(&run->launched.cgroup);

	check(run, now.pids, &run->hits.pids, "limits.pids", "the run may have no more processes");
	check(run, now.memory, &run->hits.memory, "limits.memory",
	      "a process was killed because the run used up its memory");
}
