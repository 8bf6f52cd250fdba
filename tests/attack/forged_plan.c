/* SPDX-License-Identifier: Apache-2.0 */
/* The attacker is a member of the group bailiff who speaks the wire protocol: the plan is not that of
 * `bailiff run` but of the attacker. bailiff-init carries plans out as root, so whatever a plan can ask
 * for must be what the caller could do alone. Found here: a link asked for below a bind of /etc was
 * made on the host, by root (compare crun CVE-2026-30892, snapd CVE-2021-44731 for the class). */
#include "lib/runner.h"
#include "lib/sandbox.h"

/* A folder of root's that everybody may see and nobody else may write. */
static const char *folder_of_root(void)
{
	static char path[256];

	IGNORE(snprintf(path, sizeof(path), "%s", sandbox_workspace("root")) < 0);
	ck_assert_int_eq(chown(path, 0, 0), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	return path;
}

static bool has_entry(const char *directory, const char *name)
{
	char path[512];
	struct stat st;

	IGNORE(snprintf(path, sizeof(path), "%s/%s", directory, name) < 0);
	return lstat(path, &st) == 0;
}

/* Builds the sandbox and says how that ended; the command never runs. */
static uint32_t build_only(struct sandbox_plan *plan)
{
	struct sandbox sandbox;
	struct init_message message;

	plan_shell(plan, "echo executed");
	sandbox_start(&sandbox, plan);
	message = sandbox_message(&sandbox);
	sandbox_end(&sandbox);
	return message.kind;
}

START_TEST(a_link_is_not_made_where_the_caller_could_not_make_it)
{
	char kept[256];
	const char *root;
	struct sandbox_plan plan;
	struct sandbox_result result;

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	root = folder_of_root();
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RW, root, "/shown", 0);
	plan_add_mount(&plan, MOUNT_SYMLINK, "/tmp/evil", "/shown/planted", 0);
	ck_assert_uint_eq(build_only(&plan), INIT_STAGE_FAILED);
	ck_assert_msg(!has_entry(root, "planted"), "the attacker's link is in a folder of root");
	/* The control: the same two rows on a folder of the run's own. */
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_TMPFS, NULL, "/shown", 0)->mode = 0755;
	plan_add_mount(&plan, MOUNT_SYMLINK, "/tmp/evil", "/shown/planted", 0);
	plan_shell(&plan, "readlink /shown/planted");
	sandbox_run(&plan, &result);
	ck_assert_int_eq(sandbox_status(&result), 0);
	ck_assert_str_eq(result.output, "/tmp/evil\n");
}
END_TEST

START_TEST(nothing_is_made_below_a_bind_that_the_plan_chose)
{
	static const struct {
		enum plan_mount_kind kind;
		uint32_t flags;
	} rows[] = {
		{ MOUNT_TMPFS, 0 }, { MOUNT_MASK, MOUNT_MASK_ALWAYS | MOUNT_IS_DIR }, { MOUNT_BIND_RO, 0 },
	};
	char kept[256];
	const char *root;
	struct sandbox_plan plan;

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	root = folder_of_root();
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool bind = rows[i].kind == MOUNT_BIND_RO;

		plan_start(&plan, kept);
		plan_add_mount(&plan, MOUNT_BIND_RW, root, "/shown", 0);
		plan_add_mount(&plan, rows[i].kind, bind ? "/usr" : NULL, "/shown/made", rows[i].flags);
		/* A mask of what is not there hides nothing and fails nothing. */
		ck_assert_uint_eq(build_only(&plan), rows[i].kind == MOUNT_MASK ? INIT_READY : INIT_STAGE_FAILED);
		ck_assert_msg(!has_entry(root, "made"), "kind %u made a name in a folder of root",
			      rows[i].kind);
	}
}
END_TEST

START_TEST(the_run_writes_a_chosen_bind_with_its_own_rights_only)
{
	char kept[256];
	const char *root;
	struct sandbox_plan plan;
	struct sandbox_result result;

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	root = folder_of_root();
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RW, root, "/shown", 0);
	plan_shell(&plan, "echo x >/shown/file");
	sandbox_run(&plan, &result);
	ck_assert_int_ne(sandbox_status(&result), 0);
	ck_assert(!has_entry(root, "file"));
	/* The control: it is the folder's mode that stopped it. */
	ck_assert_int_eq(chmod(root, 0777), 0);
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RW, root, "/shown", 0);
	plan_shell(&plan, "echo x >/shown/file");
	sandbox_run(&plan, &result);
	ck_assert_int_eq(sandbox_status(&result), 0);
	ck_assert(has_entry(root, "file"));
}
END_TEST

/* What the check of root refuses before anything is started. */
static const struct forgery {
	const char *what, *source, *target;
	enum plan_mount_kind kind;
	uint32_t flags;
} forgeries[] = {
	{ "the host's /proc", "/proc", "/hostproc", MOUNT_BIND_RO, 0 },
	{ "a part of the host's /proc", "/proc/1/root", "/host", MOUNT_BIND_RW, 0 },
	{ "the host's /sys", "/sys/fs/cgroup", "/cg", MOUNT_BIND_RW, 0 },
	{ "the host's /dev", "/dev", "/hostdev", MOUNT_BIND_RW, 0 },
	{ "a device", "/dev/mem", "/mem", MOUNT_BIND_RW, 0 },
	{ "the whole host", "/", "/host", MOUNT_BIND_RW, 0 },
	{ "a way up", "/usr/../etc", "/x", MOUNT_BIND_RO, 0 },
	{ "a way up, inside", "/usr", "/x/../proc", MOUNT_BIND_RO, 0 },
	{ "something over /proc", "/usr", "/proc/sys", MOUNT_BIND_RW, 0 },
	{ "something over /dev", "/usr", "/dev/shm", MOUNT_BIND_RW, 0 },
	{ "a relative source", "usr", "/x", MOUNT_BIND_RO, 0 },
	{ "the root of the sandbox", "/usr", "/", MOUNT_BIND_RO, 0 },
	{ "an id map of a caller who is not root", "/usr", "/x", MOUNT_BIND_RW, MOUNT_IDMAP },
	{ "a link in place of /proc", "tmp", "/proc/x", MOUNT_SYMLINK, 0 },
	{ "an unknown kind", "/usr", "/x", MOUNT_KIND_COUNT, 0 },
	{ "an unknown flag", "/usr", "/x", MOUNT_BIND_RO, 1U << 31 },
};

static int map_of(struct sandbox_plan *plan, uid_t peer)
{
	struct error err = { 0 };
	struct plan mapped = { 0 };
	int fd, r;

	plan_shell(plan, "true");
	fd = plan_finish(plan);
	r = plan_map(fd, &mapped, &err);
	if (r == 0)
		r = plan_check_peer(&mapped, peer, TEST_GID, NULL, 0, &err);
	if (mapped.head)
		plan_unmap(&mapped);
	fd_close(fd);
	return r;
}

START_TEST(a_forged_mount_is_refused_by_the_check)
{
	const struct forgery *row = &forgeries[_i];
	struct sandbox_plan plan;

	plan_start(&plan, "/usr/src");
	ck_assert_int_eq(map_of(&plan, TEST_UID), 0); /* the control: without that mount */
	plan_start(&plan, "/usr/src");
	plan_add_mount(&plan, row->kind, row->source, row->target, row->flags);
	ck_assert_msg(map_of(&plan, TEST_UID) == -EINVAL, "accepted: %s", row->what);
}
END_TEST

START_TEST(a_plan_for_somebody_else_is_refused)
{
	static const struct {
		uid_t uid, owner;
		gid_t gid;
	} rows[] = {
		{ 0, 0, TEST_GID }, { TEST_UID, 0, TEST_GID }, { 0, TEST_UID, TEST_GID },
		{ TEST_UID, TEST_UID, 0 }, { UID_NONE, UID_NONE, TEST_GID }, { 1, 1, TEST_GID },
		{ TEST_UID, TEST_UID, 4 }, { TEST_UID, TEST_UID + 1, TEST_GID },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sandbox_plan plan;

		plan_start(&plan, "/usr/src");
		plan.head.uid = rows[i].uid;
		plan.head.owner_uid = rows[i].owner;
		plan.head.gid = rows[i].gid;
		ck_assert_msg(map_of(&plan, TEST_UID) < 0, "uid %u of %u, gid %u was accepted",
			      rows[i].uid, rows[i].owner, rows[i].gid);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("forged_plan");
	TCase *tcase = tcase_create("root makes nothing");

	tcase_add_unchecked_fixture(tcase, sandbox_setup, sandbox_teardown);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, a_link_is_not_made_where_the_caller_could_not_make_it);
	tcase_add_test(tcase, nothing_is_made_below_a_bind_that_the_plan_chose);
	tcase_add_test(tcase, the_run_writes_a_chosen_bind_with_its_own_rights_only);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("the check refuses");
	tcase_add_loop_test(tcase, a_forged_mount_is_refused_by_the_check, 0, (int)COUNT(forgeries));
	tcase_add_test(tcase, a_plan_for_somebody_else_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
