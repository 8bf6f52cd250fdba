/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel has, asked once per process of the same probes that bailiffd asks. */
#include "launch/cgroup.h"
#include "launch/probe.h"
#include "lib/runner.h"
#include "watch/probe.h"

static void probe(struct feature_report *report)
{
	struct cgroup_tree tree = { .v2_fd = FD_NONE, .v1_fd = { FD_NONE, FD_NONE, FD_NONE } };
	char instance[CGROUP_NAME_MAX];
	struct error err = { 0 };
	bool have_tree;

	snprintf(instance, sizeof(instance), "test-%d", (int)getpid());
	have_tree = cgroup_tree_open(instance, &tree, &err) == 0;
	launch_probe(have_tree ? &tree : NULL, NULL, report);
	watch_probe(have_tree ? tree.v2_fd : FD_NONE, report);
	if (have_tree)
		cgroup_tree_close(&tree);
}

bool needs_feature(enum feature feature)
{
	static struct feature_report report;
	static bool probed;

	if (geteuid() != 0)
		return false;
	if (!probed)
		probe(&report);
	probed = true;
	return feature_present(&report, feature);
}
