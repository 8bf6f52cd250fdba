/* SPDX-License-Identifier: Apache-2.0 */
/* From policy and command line to a plan, in a directory of its own: what is visible, what is
 * protected, which program runs, and which sentence a mistake gets. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/text.h"
#include "compiler/compile.h"
#include "lib/runner.h"
#include "plan/plan.h"

#define DOCUMENT                                                                              \
	"schema: 1\nname: t\nworkspace: {mode: direct}\n"                                     \
	"sandbox: {env: [PATH, \"LC_*\"], hide: [~/.ssh, ./secret]}\n"                        \
	"files:\n  read: [/usr, /bin, /lib, /lib64, /sbin, ., ~/.gitconfig]\n"                \
	"  write: [., /tmp]\n  deny_read: [\"./*.key\"]\n"                                    \
	"  deny_write: [./.git/hooks, ./.git/config, ./a/b/c]\n"                              \
	"  baseline: {ci: {paths: [./ci]}}\n"

/* Fixture: <top>/work is the workspace, <top>/home the home, <top>/other is neither. */
static char top[96];
static char base[64];

struct world {
	struct policy *policy;
	struct buf json, filter;
	struct run_spec spec;
	char cwd[256], home[256];
	struct plan plan;
	struct error err;
};

static const char *const usual_argv[] = { "true", NULL };
static const char *const usual_env[] = {
	"PATH=/usr/bin:/bin", "LC_ALL=C", "LCX=1", "SECRET=x", "HOME=/elsewhere", "LD_PRELOAD=/x", "BAD", NULL,
};

static const char *at(const char *rest)
{
	static char paths[8][512];
	static unsigned int turn;
	char *path = paths[turn++ % 8];

	IGNORE(snprintf(path, 512, "%s/%s", top, rest) < 0);
	return path;
}

static void make_dir(const char *rest)
{
	ck_assert_int_eq(io_mkdirs(AT_FDCWD, at(rest), 0755), 0);
}

static void make_file(const char *rest, const char *text, mode_t mode)
{
	int fd = open(at(rest), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s", at(rest));
	ck_assert_int_eq(io_write(fd, text, strlen(text)), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* A tree of its own for each test, below one that is removed even when a test fails. */
static void make_top(void)
{
	IGNORE(snprintf(top, sizeof(top), "%s/XXXXXX", base) < 0);
	ck_assert_ptr_nonnull(mkdtemp(top));
	make_dir("work/.git/hooks");
	make_dir("work/a/b/c");
	make_dir("work/ci");
	make_dir("work/secret");
	make_dir("home/.ssh");
	make_dir("other");
	make_file("work/.git/config", "[core]\n", 0644);
	make_file("work/x.key", "k", 0600);
	make_file("home/.gitconfig", "", 0644);
	make_file("work/script", "#!/bin/sh\n", 0755);
	make_file("work/plain", "text\n", 0644);
	make_file("other/tool", "#!/bin/sh\n", 0755);
}

static void make_base(void)
{
	IGNORE(text_copy(base, sizeof(base), slice_of("/var/tmp/bailiff-build-XXXXXX")) < 0);
	ck_assert_ptr_nonnull(mkdtemp(base));
}

static void remove_base(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", base, NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static void world_init(struct world *world, const char *document)
{
	struct diagnostics diagnostics;

	*world = (struct world){ .policy = policy_new() };
	world->json = buf_growing(POLICY_BYTES_MAX);
	world->filter = buf_growing(POLICY_BYTES_MAX);
	ck_assert_msg(policy_compile("t", document, strlen(document), world->policy, &diagnostics) == 0,
		      "%s", diagnostics.items[0].text);
	ck_assert_int_eq(policy_json(world->policy, &world->json), 0);
	ck_assert_int_eq(policy_filter(world->policy, &world->filter, &world->err), 0);
	IGNORE(text_copy(world->cwd, sizeof(world->cwd), slice_of(at("work"))) < 0);
	IGNORE(text_copy(world->home, sizeof(world->home), slice_of(at("home"))) < 0);
	world->spec = (struct run_spec){
		.argv = usual_argv, .environ = usual_env, .cwd = world->cwd, .home = world->home,
		.uid = getuid() ? getuid() : 977, .gid = getgid() ? getgid() : 977, .owner_uid = getuid(),
		.owner_name = "o", .network = -1, .doc = buf_slice(&world->json),
		.filter = buf_slice(&world->filter),
	};
}

static void world_finish(struct world *world)
{
	plan_unmap(&world->plan);
	world->policy = policy_free(world->policy);
	buf_finish(&world->json);
	buf_finish(&world->filter);
}

static int build(struct world *world)
{
	auto_close int fd = FD_NONE;
	int r;

	plan_unmap(&world->plan);
	world->err = (struct error){ 0 };
	r = plan_build(world->policy, &world->spec, &fd, &world->err);
	return r < 0 ? r : plan_map(fd, &world->plan, &world->err);
}

#define must_build(world) \
	ck_assert_msg(build(world) == 0, "%s / %s", (world)->err.text, (world)->err.next)

/* The index of the first mount of this kind at this place, -1 when there is none. */
static int find_mount(const struct world *world, enum plan_mount_kind kind, const char *target)
{
	for (uint32_t i = 0; i < world->plan.head->sections[PLAN_MOUNTS].count; i++)
		if (world->plan.mounts[i].kind == (uint32_t)kind &&
		    strcmp(plan_text(&world->plan, world->plan.mounts[i].target), target) == 0)
			return (int)i;
	return -1;
}

static bool has_env(const struct world *world, const char *entry)
{
	char *env[64];
	size_t count = plan_vector(world->plan.env, env, COUNT(env));

	for (size_t i = 0; i < count; i++)
		if (strcmp(env[i], entry) == 0)
			return true;
	return false;
}

START_TEST(only_what_the_policy_names_is_visible)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	must_build(&world);
	ck_assert_int_ge(find_mount(&world, MOUNT_BIND_RW, world.cwd), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_BIND_RO, "/usr"), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_BIND_RO, at("home/.gitconfig")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_TMPFS, world.home), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_PROC, "/proc"), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_DEV, "/dev"), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_TMPFS, "/tmp"), 0);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RW, "/tmp"), -1);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RO, at("other")), -1);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RO, "/etc"), -1);
	/* A home comes before what is shown in it. */
	ck_assert_int_lt(find_mount(&world, MOUNT_TMPFS, world.home),
			 find_mount(&world, MOUNT_BIND_RO, at("home/.gitconfig")));
}
END_TEST

#define RULES                                                                                 \
	"capabilities:\n  tool.run: {operation: EXECUTE, risk: MEDIUM, reversible: true, "     \
	"class: other, compensation: none, exec: [tool]}\n"                                   \
	"environments:\n  prod: {class: prod, min_tier: T3, match: {path: [~/.kube]}, on: deny}\n" \
	"rules:\n  here: {when: {path_under: [./ci, ./link, ./none]}, decision: deny}\n"

/* The i-th word of a list. */
static const char *word_of(const struct world *world, struct govern_list list, uint32_t i)
{
	const struct govern_view *govern = &world->plan.govern;

	ck_assert_uint_lt(i, list.count);
	return govern->strings + govern->words[list.first + i].offset;
}

START_TEST(rules_about_commands_come_along_with_real_paths)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	must_build(&world);
	ck_assert_ptr_null(world.plan.govern.settings);
	ck_assert(!(world.plan.head->flags & PLAN_GATE));
	world_finish(&world);
	ck_assert_int_eq(symlink("a", at("work/link")), 0);
	world_init(&world, DOCUMENT RULES);
	must_build(&world);
	ck_assert_ptr_nonnull(world.plan.govern.settings);
	ck_assert(world.plan.head->flags & PLAN_GATE);
	ck_assert_uint_eq(world.plan.govern.rules_count, 1);
	ck_assert_uint_eq(world.plan.govern.rules[0].when.paths_under.count, 3);
	ck_assert_str_eq(word_of(&world, world.plan.govern.rules[0].when.paths_under, 0), at("work/ci"));
	ck_assert_str_eq(word_of(&world, world.plan.govern.rules[0].when.paths_under, 1), at("work/a"));
	ck_assert_str_eq(word_of(&world, world.plan.govern.rules[0].when.paths_under, 2), at("work/none"));
	ck_assert_str_eq(word_of(&world, world.plan.govern.environments[0].paths, 0), at("home/.kube"));
}
END_TEST

START_TEST(links_of_the_system_are_made_again)
{
	cleanup_with(world_finish) struct world world;
	struct stat st;

	NEEDS_THAT("merged-usr", lstat("/bin", &st) == 0 && S_ISLNK(st.st_mode), "/bin is a directory here");
	world_init(&world, DOCUMENT);
	must_build(&world);
	ck_assert_int_ge(find_mount(&world, MOUNT_SYMLINK, "/bin"), 0);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RO, "/usr/bin"), -1);
}
END_TEST

START_TEST(each_directory_on_the_way_to_a_protected_name_is_pinned)
{
	cleanup_with(world_finish) struct world world;
	int pin, deep, protect;

	world_init(&world, DOCUMENT);
	must_build(&world);
	pin = find_mount(&world, MOUNT_PIN, at("work/.git"));
	protect = find_mount(&world, MOUNT_PROTECT, at("work/.git/hooks"));
	ck_assert_msg(pin > 0 && protect > pin, "pin %d, protect %d", pin, protect);
	ck_assert_int_gt(find_mount(&world, MOUNT_PROTECT, at("work/.git/config")), pin);
	pin = find_mount(&world, MOUNT_PIN, at("work/a"));
	deep = find_mount(&world, MOUNT_PIN, at("work/a/b"));
	protect = find_mount(&world, MOUNT_PROTECT, at("work/a/b/c"));
	ck_assert_msg(pin > 0 && deep > pin && protect > deep, "%d %d %d", pin, deep, protect);
	ck_assert_int_eq(find_mount(&world, MOUNT_PIN, world.cwd), -1);
	ck_assert_int_gt(find_mount(&world, MOUNT_PROTECT, at("work/ci")), 0);
}
END_TEST

START_TEST(hidden_names_are_masked)
{
	cleanup_with(world_finish) struct world world;
	int secret;

	world_init(&world, DOCUMENT);
	must_build(&world);
	secret = find_mount(&world, MOUNT_MASK, at("work/secret"));
	ck_assert_int_ge(secret, 0);
	ck_assert(world.plan.mounts[secret].flags & MOUNT_IS_DIR);
	ck_assert_int_ge(find_mount(&world, MOUNT_MASK, at("work/x.key")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_MASK, at("home/.ssh")), 0);
}
END_TEST

START_TEST(a_protected_link_that_could_be_replaced_is_refused)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	ck_assert_int_eq(rename(at("work/.git/hooks"), at("work/.git/h")), 0);
	ck_assert_int_eq(symlink("h", at("work/.git/hooks")), 0);
	ck_assert_int_eq(build(&world), -ELOOP);
	ck_assert_int_eq(world.err.exit_code, 122);
	ck_assert_ptr_nonnull(strstr(world.err.next, "files.deny_write"));
}
END_TEST

START_TEST(a_readonly_workspace_has_nothing_writable)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, "schema: 1\nname: t\nfiles: {read: [/usr, /bin, /lib, /lib64], write: [., ./a]}\n");
	must_build(&world);
	ck_assert_int_ge(find_mount(&world, MOUNT_BIND_RO, world.cwd), 0);
	for (uint32_t i = 0; i < world.plan.head->sections[PLAN_MOUNTS].count; i++)
		ck_assert_uint_ne(world.plan.mounts[i].kind, MOUNT_BIND_RW);
}
END_TEST

/* What is bound below it adds nothing; what exists is still protected, and what does not is judged at
 * the commit, so that nobody makes names on behalf of the run. */
START_TEST(an_overlay_is_one_mount_and_needs_no_broker)
{
	cleanup_with(world_finish) struct world world;
	const char *const writable[] = { at("work/a"), NULL };
	int overlay;

	world_init(&world, DOCUMENT);
	world.spec.extra_write = writable;
	must_build(&world);
	ck_assert(world.plan.head->flags & PLAN_BROKER); /* control: ci/ and *.key may match what is new */
	world.policy->workspace_mode = WORKSPACE_OVERLAY;
	must_build(&world);
	overlay = find_mount(&world, MOUNT_OVERLAY, world.cwd);
	ck_assert_int_ge(overlay, 0);
	ck_assert_uint_eq(world.plan.head->workspace_mode, WORKSPACE_OVERLAY);
	ck_assert(!(world.plan.head->flags & PLAN_BROKER));
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RW, world.cwd), -1);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RO, world.cwd), -1);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RW, at("work/a")), -1);
	ck_assert_int_gt(find_mount(&world, MOUNT_PROTECT, at("work/.git/hooks")), overlay);
	ck_assert_int_gt(find_mount(&world, MOUNT_MASK, at("work/x.key")), overlay);
}
END_TEST

/* ---- git worktrees ---- */

static void make_worktree(const char *back)
{
	char text[512];

	make_dir("repo/.git/hooks");
	make_dir("repo/.git/worktrees/w");
	make_file("repo/.git/config", "", 0644);
	make_file("repo/.git/worktrees/w/commondir", "../..\n", 0644);
	IGNORE(snprintf(text, sizeof(text), "%s\n", at(back)) < 0);
	make_file("repo/.git/worktrees/w/gitdir", text, 0644);
	make_dir("linked");
	IGNORE(snprintf(text, sizeof(text), "gitdir: %s\n", at("repo/.git/worktrees/w")) < 0);
	make_file("linked/.git", text, 0644);
}

START_TEST(a_linked_worktree_commits_and_plants_no_hook)
{
	cleanup_with(world_finish) struct world world;

	make_worktree("linked/.git");
	world_init(&world, DOCUMENT);
	IGNORE(text_copy(world.cwd, sizeof(world.cwd), slice_of(at("linked"))) < 0);
	must_build(&world);
	ck_assert_int_ge(find_mount(&world, MOUNT_BIND_RW, at("repo/.git")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_PROTECT, at("repo/.git/hooks")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_PROTECT, at("repo/.git/config")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_PROTECT, at("repo/.git/worktrees/w/commondir")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_PIN, at("repo/.git/worktrees/w")), 0);
	ck_assert_int_ge(find_mount(&world, MOUNT_PROTECT, at("linked/.git")), 0);
}
END_TEST

START_TEST(a_forged_worktree_opens_nothing)
{
	cleanup_with(world_finish) struct world world;

	make_worktree("elsewhere/.git");
	make_dir("elsewhere");
	make_file("elsewhere/.git", "", 0644);
	world_init(&world, DOCUMENT);
	IGNORE(text_copy(world.cwd, sizeof(world.cwd), slice_of(at("linked"))) < 0);
	must_build(&world);
	ck_assert_int_eq(find_mount(&world, MOUNT_BIND_RW, at("repo/.git")), -1);
}
END_TEST

/* ---- the command ---- */

struct command {
	const char *argv0;
	int exit_code;               /* 0 = starts */
	const char *next;            /* part of the next step */
};

static const struct command commands[] = {
	{ "true", 0, NULL },           { "/usr/bin/true", 0, NULL }, { "/bin/sh", 0, NULL },
	{ "./script", 0, NULL },       { "../work/script", 0, NULL },
	{ "", 127, "name a command" }, { "no-such-program", 127, "spelling" },
	{ "/no/such/program", 127, "spelling" },
	{ "./plain", 126, "chmod +x" }, { "./a", 126, "name a program" },
	{ "../other/tool", 127, "add `-r " },
};

START_TEST(a_command_is_found_as_the_run_will_see_it)
{
	const struct command *row = &commands[_i];
	const char *argv[] = { row->argv0, "", "\xff\xfe", NULL };
	cleanup_with(world_finish) struct world world;
	int r;

	world_init(&world, DOCUMENT);
	world.spec.argv = argv;
	r = build(&world);
	ck_assert_msg((r == 0) == (row->exit_code == 0), "'%s': %d %s", row->argv0, r, world.err.text);
	ck_assert_int_eq(world.err.exit_code, row->exit_code);
	if (row->next)
		ck_assert_msg(strstr(world.err.next, row->next) != NULL, "'%s': %s", row->argv0, world.err.next);
	if (r < 0)
		return;
	ck_assert_uint_eq(world.plan.argv.len, strlen(row->argv0) + 1 + 1 + 3);
	ck_assert_int_eq(memcmp(world.plan.argv.data + strlen(row->argv0) + 1, "\0\xff\xfe", 4), 0);
}
END_TEST

START_TEST(a_hidden_program_says_which_flag_shows_it)
{
	const char *const argv[] = { "tool", NULL };
	const char *environment[] = { NULL, NULL };
	const char *extra[] = { at("other"), NULL };
	char path[600], flag[600];
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	IGNORE(snprintf(path, sizeof(path), "PATH=%s:/usr/bin", at("other")) < 0);
	IGNORE(snprintf(flag, sizeof(flag), "add `-r %s`", at("other")) < 0);
	environment[0] = path;
	world.spec.argv = argv;
	world.spec.environ = environment;
	ck_assert_int_eq(build(&world), -ENOENT);
	ck_assert_msg(strstr(world.err.next, flag) != NULL, "%s", world.err.next);
	world.spec.extra_read = extra;
	must_build(&world);
	ck_assert_str_eq(plan_text(&world.plan, world.plan.head->program), at("other/tool"));
}
END_TEST

START_TEST(two_mebibytes_of_arguments_pass_and_more_do_not)
{
	static char big[PLAN_ARGV_MAX];
	const char *argv[] = { "true", big, NULL };
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.argv = argv;
	memset(big, 'x', PLAN_ARGV_MAX - 6);
	must_build(&world);
	big[PLAN_ARGV_MAX - 6] = 'x';
	ck_assert_int_eq(build(&world), -E2BIG);
	ck_assert_int_eq(world.err.exit_code, 126);
}
END_TEST

START_TEST(the_environment_is_what_is_named)
{
	const char *const extra[] = { "SECRET", "NEW=1", "LC_ALL=de", NULL };
	cleanup_with(world_finish) struct world world;
	char home[300];

	world_init(&world, DOCUMENT);
	must_build(&world);
	IGNORE(snprintf(home, sizeof(home), "HOME=%s", world.home) < 0);
	ck_assert(has_env(&world, "PATH=/usr/bin:/bin"));
	ck_assert(has_env(&world, "LC_ALL=C"));
	ck_assert(has_env(&world, home));
	ck_assert(has_env(&world, "BAILIFF=1"));
	ck_assert_uint_eq(plan_vector(world.plan.env, NULL, 0), 4);
	world.spec.extra_env = extra;
	must_build(&world);
	ck_assert(has_env(&world, "SECRET=x"));
	ck_assert(has_env(&world, "NEW=1"));
	ck_assert(has_env(&world, "LC_ALL=de"));
	ck_assert(!has_env(&world, "LC_ALL=C"));
}
END_TEST

/* ---- bad input ---- */

START_TEST(flags_that_name_nothing_are_refused)
{
	static const char *const names[] = { "dangling", "", "/", "/proc", "/dev/null", "../nowhere/x" };
	const char *extra[] = { names[_i], NULL };
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.extra_write = extra;
	ck_assert_msg(build(&world) < 0, "-w '%s' was taken", names[_i]);
	ck_assert_int_eq(world.err.exit_code, 122);
	ck_assert(world.err.next[0] != '\0');
	world.spec.extra_write = NULL;
	world.spec.extra_read = extra;
	ck_assert_msg(build(&world) < 0, "-r '%s' was taken", names[_i]);
}
END_TEST

START_TEST(a_relative_flag_is_meant_from_the_current_directory)
{
	const char *extra[] = { "../other", NULL };
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.extra_write = extra;
	must_build(&world);
	ck_assert_int_ge(find_mount(&world, MOUNT_BIND_RW, at("other")), 0);
}
END_TEST

START_TEST(a_workspace_of_somebody_else_is_refused)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.uid = world.spec.owner_uid = getuid() + 12345;
	ck_assert_int_eq(build(&world), -EPERM);
	ck_assert_int_eq(world.err.exit_code, 122);
	ck_assert_ptr_nonnull(strstr(world.err.text, "belongs to uid"));
}
END_TEST

START_TEST(a_system_directory_is_no_workspace)
{
	static const char *const names[] = { "/", "/etc", "/usr/share", "/proc/self", "/var", "/nowhere" };
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.workspace = names[_i];
	ck_assert_msg(build(&world) < 0, "'%s' was taken", names[_i]);
	ck_assert_int_eq(world.err.exit_code, 122);
}
END_TEST

/* .bashrc and its like run later, with the rights of the person and outside of any sandbox. */
START_TEST(the_home_directory_is_no_workspace_and_nothing_that_holds_it)
{
	static const char *const names[] = { "home", "" };
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.workspace = at(names[_i]);
	ck_assert_int_eq(build(&world), -EPERM);
	ck_assert_int_eq(world.err.exit_code, 122);
	ck_assert_msg(strstr(world.err.text, "home directory"), "%s", world.err.text);
}
END_TEST

START_TEST(a_current_directory_outside_is_refused)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	world.spec.workspace = at("work");
	IGNORE(text_copy(world.cwd, sizeof(world.cwd), slice_of(at("other"))) < 0);
	ck_assert_int_eq(build(&world), -ENOENT);
	ck_assert_int_eq(world.err.exit_code, 122);
	ck_assert_ptr_nonnull(strstr(world.err.next, "-r "));
}
END_TEST

START_TEST(root_is_never_in_a_plan)
{
	static const gid_t groups[] = { 0, 7 };
	cleanup_with(world_finish) struct world world;
	uid_t uid;

	world_init(&world, DOCUMENT);
	world.spec.groups = groups;
	world.spec.group_count = COUNT(groups);
	must_build(&world);
	ck_assert_uint_eq(world.plan.head->sections[PLAN_GROUPS].count, 1);
	ck_assert_uint_eq(world.plan.groups[0], 7);
	uid = world.spec.uid;
	world.spec.uid = 0;
	ck_assert_int_eq(build(&world), -EPERM);
	world.spec.uid = uid;
	world.spec.gid = 0;
	ck_assert_int_eq(build(&world), -EPERM);
}
END_TEST

START_TEST(flags_only_narrow)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT "limits: {pids: 100, memory: 1GiB}\n");
	world.spec.limits = (struct policy_limits){ .pids = 50, .memory_bytes = 2ULL << 30, .wall_ns = 7 };
	must_build(&world);
	ck_assert_uint_eq(world.plan.head->limits.pids, 50);
	ck_assert(world.plan.head->limits.memory_bytes == 1ULL << 30);
	ck_assert_uint_eq(world.plan.head->limits.wall_ns, 7);
	world.spec.network = NETWORK_HOST;
	ck_assert_int_eq(build(&world), -EPERM);
	ck_assert_int_eq(world.err.exit_code, 122);
}
END_TEST

START_TEST(a_pattern_over_too_many_files_is_refused)
{
	cleanup_with(world_finish) struct world world;

	world_init(&world, DOCUMENT);
	for (int i = 0; i < 20050; i++) {
		char name[64];

		IGNORE(snprintf(name, sizeof(name), "work/f%d", i) < 0);
		ck_assert_int_eq(mknod(at(name), S_IFREG | 0600, 0), 0);
	}
	ck_assert_int_eq(build(&world), -E2BIG);
	ck_assert_int_eq(world.err.exit_code, 122);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("plan_build");
	TCase *layout = tcase_create("layout"), *command = tcase_create("command");
	TCase *bad = tcase_create("bad input");
	TCase *const cases[] = { layout, command, bad };

	tcase_add_test(layout, only_what_the_policy_names_is_visible);
	tcase_add_test(layout, rules_about_commands_come_along_with_real_paths);
	tcase_add_test(layout, links_of_the_system_are_made_again);
	tcase_add_test(layout, each_directory_on_the_way_to_a_protected_name_is_pinned);
	tcase_add_test(layout, hidden_names_are_masked);
	tcase_add_test(layout, a_protected_link_that_could_be_replaced_is_refused);
	tcase_add_test(layout, a_readonly_workspace_has_nothing_writable);
	tcase_add_test(layout, an_overlay_is_one_mount_and_needs_no_broker);
	tcase_add_test(layout, a_linked_worktree_commits_and_plants_no_hook);
	tcase_add_test(layout, a_forged_worktree_opens_nothing);
	tcase_add_loop_test(command, a_command_is_found_as_the_run_will_see_it, 0, (int)COUNT(commands));
	tcase_add_test(command, a_hidden_program_says_which_flag_shows_it);
	tcase_add_test(command, two_mebibytes_of_arguments_pass_and_more_do_not);
	tcase_add_test(command, the_environment_is_what_is_named);
	tcase_add_loop_test(bad, flags_that_name_nothing_are_refused, 0, 6);
	tcase_add_test(bad, a_relative_flag_is_meant_from_the_current_directory);
	tcase_add_test(bad, a_workspace_of_somebody_else_is_refused);
	tcase_add_loop_test(bad, a_system_directory_is_no_workspace, 0, 6);
	tcase_add_loop_test(bad, the_home_directory_is_no_workspace_and_nothing_that_holds_it, 0, 2);
	tcase_add_test(bad, a_current_directory_outside_is_refused);
	tcase_add_test(bad, root_is_never_in_a_plan);
	tcase_add_test(bad, flags_only_narrow);
	tcase_add_test(bad, a_pattern_over_too_many_files_is_refused);
	for (size_t i = 0; i < COUNT(cases); i++) {
		tcase_add_unchecked_fixture(cases[i], make_base, remove_base);
		tcase_add_checked_fixture(cases[i], make_top, NULL);
		tcase_set_timeout(cases[i], 20);
		suite_add_tcase(suite, cases[i]);
	}
	return suite;
}
