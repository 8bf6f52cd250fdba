/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/hierarchy.h"
#include "launch/limits.h"
#include "lib/runner.h"

#define HYBRID \
	"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n" \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n" \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:6 master:1 - cgroup cgroup rw,memory\n" \
	"39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n" \
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n" \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

static const struct row {
	const char *name, *text;
	const char *v2, *pids, *memory, *cpu;
} rows[] = {
	{ "hybrid", HYBRID, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory",
	  "/sys/fs/cgroup/cpu,cpuacct" },
	{ "pure v2", "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
	  "/sys/fs/cgroup", "", "", "" },
	{ "nothing", "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n", "", "", "", "" },
	{ "empty", "", "", "", "", "" },
	{ "a part of a hierarchy, as containers show it",
	  "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "", "", "", "" },
	{ "cpuset is not cpu", "32 31 0:29 / /c rw - cgroup cgroup rw,cpuset\n", "", "", "", "" },
	{ "no dash", "30 23 0:26 / /x rw cgroup2 cgroup2 rw\n", "", "", "", "" },
	{ "cut off", "30 23 0:26 / /x rw - cgroup2\n30 23 0:26 / /x rw -", "", "", "", "" },
	{ "no final newline", "30 23 0:26 / /y rw - cgroup2 none rw", "/y", "", "", "" },
	{ "the later mount covers the earlier",
	  "30 23 0:26 / /a rw - cgroup2 none rw\n31 23 0:26 / /b rw - cgroup2 none rw\n", "/b", "", "", "" },
};

START_TEST(the_hierarchies_are_found_in_the_mount_table)
{
	const struct row *row = &rows[_i];
	struct hierarchies found;

	hierarchies_parse(row->text, &found);
	ck_assert_msg(strcmp(found.v2, row->v2) == 0, "%s: v2 '%s'", row->name, found.v2);
	ck_assert_msg(strcmp(found.v1[CGROUP_PIDS], row->pids) == 0, "%s: pids '%s'", row->name,
		      found.v1[CGROUP_PIDS]);
	ck_assert_msg(strcmp(found.v1[CGROUP_MEMORY], row->memory) == 0, "%s: memory '%s'", row->name,
		      found.v1[CGROUP_MEMORY]);
	ck_assert_msg(strcmp(found.v1[CGROUP_CPU], row->cpu) == 0, "%s: cpu '%s'", row->name,
		      found.v1[CGROUP_CPU]);
}
END_TEST

START_TEST(a_name_is_one_harmless_component)
{
	char longest[CGROUP_NAME_MAX + 1];

	ck_assert(hierarchy_name_is_valid("main"));
	ck_assert(hierarchy_name_is_valid("01M7WN66FJJFDYN1F34H315W6T"));
	ck_assert(!hierarchy_name_is_valid(""));
	ck_assert(!hierarchy_name_is_valid("."));
	ck_assert(!hierarchy_name_is_valid(".."));
	ck_assert(!hierarchy_name_is_valid("a/b"));
	ck_assert(!hierarchy_name_is_valid("cgroup.procs"));
	memset(longest, 'a', sizeof(longest));
	longest[CGROUP_NAME_MAX] = '\0';
	ck_assert(!hierarchy_name_is_valid(longest));
	longest[CGROUP_NAME_MAX - 1] = '\0';
	ck_assert(hierarchy_name_is_valid(longest));
}
END_TEST

START_TEST(a_share_of_a_processor_becomes_a_quota_the_kernel_takes)
{
	ck_assert_uint_eq(limits_quota_us(4000), 400000);
	ck_assert_uint_eq(limits_quota_us(500), 50000);
	ck_assert_uint_eq(limits_quota_us(1), 1000);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("hierarchy");
	TCase *tcase = tcase_create("cgroups");

	tcase_set_tags(tcase, "pure");
	tcase_add_loop_test(tcase, the_hierarchies_are_found_in_the_mount_table, 0, (int)COUNT(rows));
	tcase_add_test(tcase, a_name_is_one_harmless_component);
	tcase_add_test(tcase, a_share_of_a_processor_becomes_a_quota_the_kernel_takes);
	suite_add_tcase(suite, tcase);
	return suite;
}
