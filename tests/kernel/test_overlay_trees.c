/* SPDX-License-Identifier: Apache-2.0 */
/* Random changes of random trees, done twice: once in an overlay as bailiff-init mounts it, whose
 * changes are then committed, once directly. Both trees must be equal, the overlay's workspace must be
 * bit for bit what it was before the commit, and nothing outside may be touched, whatever links there
 * are. `make check-long` does 10000 (OVERLAY_TREES); OVERLAY_SEED=N repeats one. A third
 * of the commits is killed at a stop of its own and started again (OVERLAY_CUT=N: at this one). */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/sys.h"
#include "base/text.h"
#include "cli/kept.h"
#include "cli/layer_file.h"
#include "init/init.h"
#include "lib/runner.h"
#include "lib/tree_text.h"

#define TEST_UID 61234U
#define TREES 200U
#define SHARDS 4U
#define OPERATIONS 60U
#define CUT_MAX 1201U
#define CLONE_TREE 1U

/* ---- chance ---- */

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % below);
}

static const char *const names[] = {
	"a", "b", "c", "d", "e", "dir", "new\nline", "esc\033[31m", "\xff\xfe\x80", "-rf", "..x", " ", "\\", "$(x)",
	"a.very.long.name.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};
/* Only these are renamed: an overlay answers EXDEV for a directory of the workspace. */
static const char *const fresh[] = { "N1", "N2", "N3" };
static const char *const targets[] = { "a", "..", "../outside", "../outside/canary", "/etc/passwd", "dir", "nowhere", "." };
static const mode_t file_modes[] = { 0644, 0600, 0755, 0444, 0200, 0 };
static const mode_t dir_modes[] = { 0755, 0700, 0777, 01777, 0500 };

#define PICK(array) ((array)[draw((uint32_t)COUNT(array))])

/* A path of one to four names below the root; now and then of an existing depth only. */
static void draw_path(char to[1024])
{
	uint32_t depth = 1 + draw(4);
	size_t len = 0;

	for (uint32_t i = 0; i < depth; i++)
		len += (size_t)snprintf(to + len, 1024 - len, "%s%s", i ? "/" : "",
					i + 1 < depth && draw(2) ? "dir" : draw(6) ? names[draw(5)] : PICK(names));
}

/* ---- operations, each the same wherever it is done; a failure is one in both ---- */

static int root_fd;
static bool building, cut;

static int parent_of(const char *path, const char **ret_name)
{
	return layer_parent(root_fd, path, ret_name);
}

static void write_file(const char *path, int flags)
{
	static char bytes[20000];
	const char *name;
	int parent = parent_of(path, &name), fd;
	size_t len = draw(4) ? draw(200) : draw(sizeof(bytes));

	memset(bytes, (int)('a' + draw(26)), len);
	fd = parent < 0 ? -1 : openat(parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flags, 0644);
	if (fd >= 0) {
		IGNORE(write(fd, bytes, len) < 0);
		if (draw(12) == 0)
			IGNORE(ftruncate(fd, 3000000 + draw(1000)) < 0);
	}
	fd_close(fd);
	fd_close(parent);
}

static void make_node(const char *path, uint32_t what)
{
	char outside[256];
	const char *name, *target;
	int parent = parent_of(path, &name);

	target = PICK(targets);
	IGNORE(snprintf(outside, sizeof(outside), "%s", target) < 0);
	if (parent < 0)
		return;
	if (what == 0)
		IGNORE(mkdirat(parent, building || draw(3) ? name : PICK(fresh), 0755) < 0);
	else if (what == 1)
		IGNORE(symlinkat(outside, parent, name) < 0);
	else if (what == 2)
		IGNORE(mkfifoat(parent, name, 0640) < 0);
	else
		IGNORE(mknodat(parent, name, S_IFSOCK | 0600, 0) < 0);
	fd_close(parent);
}

static void unmake(const char *path, uint32_t what)
{
	const char *name;
	int parent = parent_of(path, &name);

	if (parent < 0)
		return;
	if (what == 0)
		IGNORE(unlinkat(parent, name, 0) < 0);
	else if (what == 1)
		IGNORE(unlinkat(parent, name, AT_REMOVEDIR) < 0);
	else
		IGNORE(file_remove_tree(parent, name) < 0);
	fd_close(parent);
}

static mode_t type_of(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & S_IFMT : 0;
}

static void move(const char *from, const char *to, uint32_t what)
{
	const char *name, *to_name;
	int parent = parent_of(from, &name), to_parent = parent_of(to, &to_name);

	if (what == 2 && building)
		what = 0;
	if (what == 2)
		name = PICK(fresh);
	if (what == 2 && draw(2))
		to_name = PICK(fresh);
	if (parent >= 0 && to_parent >= 0) {
		bool directory = type_of(parent, name) == S_IFDIR || type_of(to_parent, to_name) == S_IFDIR;

		/* With `index` and `userxattr` overlayfs cannot count the names of anything else. */
		if (what == 1 && type_of(parent, name) == S_IFREG)
			IGNORE(linkat(parent, name, to_parent, to_name, 0) < 0);
		else if (what == 2 || (what != 1 && !directory))
			IGNORE(renameat2(parent, name, to_parent, to_name,
					 what == 3 ? RENAME_EXCHANGE : 0) < 0);
	}
	fd_close(parent);
	fd_close(to_parent);
}

static void change_attributes(const char *path, uint32_t what)
{
	const struct timespec times[] = { { .tv_sec = 5 }, { .tv_sec = (time_t)(1 + draw(1000)) } };
	const char *name;
	int parent = parent_of(path, &name);
	/* A commit that is killed leaves to its owner what he had closed to himself. */
	mode_t file_mode = cut ? file_modes[draw(4)] : PICK(file_modes), dir_mode = PICK(dir_modes);
	int fd = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (what == 0)
			IGNORE(fchmod(fd, S_ISDIR(st.st_mode) ? dir_mode : file_mode) < 0);
		else if (what == 1)
			IGNORE(fsetxattr(fd, "user.test", path, strlen(path), 0) < 0);
		else if (!S_ISDIR(st.st_mode))
			IGNORE(futimens(fd, times) < 0);
	} else if (parent >= 0 && what == 2) {
		IGNORE(utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT);
	}
	fd_close(fd);
	fd_close(parent);
}

static void operate(void)
{
	char path[1024], other[1024];
	uint32_t what = draw(18);

	draw_path(path);
	draw_path(other);
	switch (what) {
	case 0: case 1: case 2: case 3: write_file(path, O_TRUNC); break;
	case 4: write_file(path, O_APPEND); break;
	case 5: case 6: unmake(path, what - 5); break;
	case 7: unmake(path, draw(3) == 0 ? 2 : 0); break;
	case 8: case 9: case 10: make_node(path, 0); break;
	case 11: make_node(path, 1); break;
	case 12: make_node(path, 2 + draw(2)); break;
	case 13: case 14: move(path, other, draw(4)); break;
	case 15: move(path, other, 1); break;
	default: change_attributes(path, draw(3)); break;
	}
}

/* In a child with the user's rights. */
static void operate_in(const char *root, uint64_t seed, uint32_t count)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(TEST_UID, TEST_UID, TEST_UID) < 0 ||
		    setresuid(TEST_UID, TEST_UID, TEST_UID) < 0)
			_exit(1);
		umask(022);
		root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		state = seed;
		for (uint32_t i = 0; i < count && root_fd >= 0; i++)
			operate();
		_exit(root_fd < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "operations in %s: status %d", root, status);
}

/* ---- comparing ---- */

static void first_difference(const char *a, const char *b, char to[2048])
{
	while (*a && *a == *b) {
		const char *a_end = strchr(a, '\n'), *b_end = strchr(b, '\n');

		if (!a_end || !b_end || a_end - a != b_end - b || memcmp(a, b, (size_t)(a_end - a)) != 0)
			break;
		a = a_end + 1;
		b = b_end + 1;
	}
	IGNORE(snprintf(to, 2048, "%.*s\n     vs. %.*s", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b) < 0);
}

static void assert_same(uint64_t seed, const char *what, const struct buf *a, const struct buf *b)
{
	char difference[2048] = "";

	if (a->len == b->len && memcmp(a->data, b->data, a->len) == 0)
		return;
	first_difference(a->data, b->data, difference);
	ck_abort_msg("OVERLAY_SEED=%llu: %s: %s", (unsigned long long)seed, what, difference);
}

/* ---- the overlay, mounted by the code of bailiff-init ---- */

static char all[] = "/var/tmp/bailiff-trees-XXXXXX";
static char top[64], lower[80], direct[80], outside[80], kept[80], mounted[80];

/* The newest ctime must be older than the run, by the clock that files are given their times by. */
static void next_tick(void)
{
	struct timespec before, now;

	clock_gettime(CLOCK_REALTIME, &before);
	do {
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec < before.tv_sec || (now.tv_sec == before.tv_sec && now.tv_nsec <= before.tv_nsec));
}

static const char strings[] = "\0/w\0agent\0id\0/w/never";

static void mount_it(void)
{
	static const struct rule_path rules[] = {
		{ .path_offset = 1, .path_len = 2, .id_offset = 10, .id_len = 2, .kind = RULE_WRITE },
	};
	static const struct plan_mount mount = { .kind = MOUNT_OVERLAY };
	struct plan_head head = { .uid = TEST_UID, .gid = TEST_UID, .owner_uid = TEST_UID,
				  .workspace = { 1, 2 }, .agent = { 4, 5 }, .policy_name = { 10, 2 } };
	struct init init = { .plan = { .head = &head, .strings = strings, .paths = rules },
			     .run = "01ARZ3NDEKTSV4RRFFQ69G5FAV" };
	struct error err = { 0 };

	head.sections[PLAN_PATHS].count = COUNT(rules);
	head.sections[PLAN_STRINGS].count = sizeof(strings);
	init.root = open(top, O_PATH | O_DIRECTORY);
	init.source = open(lower, O_PATH | O_DIRECTORY);
	init.workspace = sys_open_tree(AT_FDCWD, kept, CLONE_TREE | O_CLOEXEC);
	ck_assert_int_ge(init.workspace, 0);
	ck_assert_msg(mount_overlay(&init, &mount, "/m", &err) == 0, "%s", err.text);
	fd_close(init.root);
}

static void commit_as_owner(struct layer *layer, uint64_t seed, bool *ret_clean)
{
	struct error err = { 0 };
	struct written written;

	ck_assert_int_eq(layer_confine(layer, true), 0);
	ck_assert_msg(layer_look(layer, &err) == 0, "%s", err.text);
	ck_assert_int_eq(layer_select(layer, NULL, 0, &err), 0);
	*ret_clean = layer->count == 0;
	ck_assert_msg(layer_write(layer, &written, &err) == 0, "%s", err.text);
	ck_assert_msg(written.failed == 0, "%s", written.first.text);
	for (size_t i = 0; i < layer->count; i++)
		ck_assert_msg(layer->changes[i].hold == HOLD_NONE, "OVERLAY_SEED=%llu: '%s' is held: %s",
			      (unsigned long long)seed, layer->changes[i].path, hold_text(layer->changes[i].hold));
	layer_lock_again(layer);
}

static void layer_open(struct layer *layer)
{
	char path[128];
	struct error err = { 0 };
	int meta;

	*layer = LAYER_NOTHING;
	IGNORE(snprintf(path, sizeof(path), "%s/upper", kept) < 0);
	layer->upper = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	layer->root = open(lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	IGNORE(snprintf(path, sizeof(path), "%s/work/index", kept) < 0);
	ck_assert_int_eq(chown(path, TEST_UID, TEST_UID), 0);
	ck_assert_int_eq(chmod(path, 0700), 0);
	layer->index = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	IGNORE(snprintf(path, sizeof(path), "%s/meta", kept) < 0);
	meta = open(path, O_RDONLY | O_CLOEXEC);
	layer->bytes = buf_growing(OVERLAY_BYTES_MAX);
	ck_assert_int_eq(io_read_all(meta, &layer->bytes), 0);
	ck_assert_msg(overlay_check(layer->bytes.data, layer->bytes.len, &layer->meta, &err) == 0, "%s", err.text);
	overlay_rules(&layer->meta, &layer->rules);
	layer->run = layer->meta.head->run;
	fd_close(meta);
}

/* Lets the child go on for so many system calls, in and out of the kernel, then kills it where it stands. */
static void cut_off(pid_t pid, unsigned int stops)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	for (; stops > 0 && WIFSTOPPED(status); stops--) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	if (!WIFSTOPPED(status))
		return;
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

/* A child with the owner's rights. `cut`: killed at that stop, which is the same one each time; 0 = never. */
static void commit(uint64_t seed, unsigned int cut_at, bool want_clean)
{
	struct layer layer;
	int status;
	pid_t pid;

	layer_open(&layer);
	pid = fork();
	if (pid == 0) {
		bool clean;

		if (setgroups(0, NULL) < 0 || setresgid(TEST_UID, TEST_UID, TEST_UID) < 0 ||
		    setresuid(TEST_UID, TEST_UID, TEST_UID) < 0)
			_exit(1);
		umask(0);
		if (cut_at && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0))
			_exit(3);
		commit_as_owner(&layer, seed, &clean);
		_exit(want_clean && !clean ? 2 : 0);
	}
	if (cut_at) {
		cut_off(pid, cut_at);
	} else {
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(status == 0, "OVERLAY_SEED=%llu: commit: status %x", (unsigned long long)seed, status);
	}
	layer_finish(&layer);
}

/* ---- one tree ---- */

static void make_place(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chown(path, TEST_UID, TEST_UID), 0);
}

static void places_make(void)
{
	char canary[128];
	int fd;

	IGNORE(snprintf(top, sizeof(top), "%s/tree-XXXXXX", all) < 0);
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chmod(top, 0755), 0);
	IGNORE(snprintf(lower, sizeof(lower), "%s/l", top) < 0);
	IGNORE(snprintf(direct, sizeof(direct), "%s/d", top) < 0);
	IGNORE(snprintf(outside, sizeof(outside), "%s/outside", top) < 0);
	IGNORE(snprintf(kept, sizeof(kept), "%s/k", top) < 0);
	IGNORE(snprintf(mounted, sizeof(mounted), "%s/m", top) < 0);
	make_place(lower);
	make_place(direct);
	make_place(outside);
	make_place(mounted);
	ck_assert_int_eq(mkdir(kept, 0755), 0);
	/* The owner could write it: a link that is followed shows. */
	IGNORE(snprintf(canary, sizeof(canary), "%s/canary", outside) < 0);
	fd = open(canary, O_WRONLY | O_CREAT | O_EXCL, 0644);
	ck_assert_int_eq(io_write(fd, "canary", 6), 0);
	ck_assert_int_eq(fchown(fd, TEST_UID, TEST_UID), 0);
	fd_close(fd);
}

static void remove_top(const char *path)
{
	int parent = open("/", O_PATH | O_DIRECTORY);

	IGNORE(file_remove_tree(parent, path + 1) < 0);
	fd_close(parent);
}

static uint32_t number(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);
	uint32_t value;

	return text && parse_u32(slice_of(text), 1, UINT32_MAX, &value) == 0 ? value : otherwise;
}

static void one_tree(uint64_t seed)
{
	struct buf before, after, mine, theirs, canary, canary_after;

	cut = seed % 3 == 0;
	places_make();
	building = true;
	operate_in(lower, seed, 2 * OPERATIONS);
	operate_in(direct, seed, 2 * OPERATIONS);
	building = false;
	mine = tree_text(lower, false);
	theirs = tree_text(direct, false);
	assert_same(seed, "the start", &mine, &theirs);
	buf_finish(&mine);
	buf_finish(&theirs);
	before = tree_text(lower, true);
	canary = tree_text(outside, true);
	next_tick();
	mount_it();
	operate_in(mounted, seed * 31 + 7, OPERATIONS);
	operate_in(direct, seed * 31 + 7, OPERATIONS);
	mine = tree_text(mounted, false);
	theirs = tree_text(direct, false);
	assert_same(seed, "the overlay is not what was done", &mine, &theirs);
	buf_finish(&mine);
	ck_assert_int_eq(umount(mounted), 0);
	after = tree_text(lower, true);
	assert_same(seed, "the workspace before the commit", &after, &before);
	if (cut)
		commit(seed, number("OVERLAY_CUT", (unsigned int)(seed % CUT_MAX) + 1), false);
	commit(seed, 0, false);
	mine = tree_text(lower, false);
	assert_same(seed, "the workspace after the commit", &mine, &theirs);
	commit(seed, 0, true); /* nothing is left to be written */
	canary_after = tree_text(outside, true);
	assert_same(seed, "outside", &canary, &canary_after);
	buf_finish(&before);
	buf_finish(&after);
	buf_finish(&mine);
	buf_finish(&theirs);
	buf_finish(&canary);
	buf_finish(&canary_after);
	remove_top(top);
}

/* Unchecked: also after a test that failed. */
static void all_make(void)
{
	ck_assert_ptr_nonnull(mkdtemp(all));
	ck_assert_int_eq(chmod(all, 0755), 0);
}

static void all_remove(void)
{
	if (!getenv("KEEP"))
		remove_top(all);
}

START_TEST(a_commit_equals_what_was_done_directly)
{
	uint32_t trees = number("OVERLAY_TREES", TREES), seed = number("OVERLAY_SEED", 0);

	NEEDS_ROOT();
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	if (seed && _i == 0)
		one_tree(seed);
	for (uint32_t i = (uint32_t)_i; !seed && i < trees; i += SHARDS)
		one_tree(1000 + i);
}
END_TEST

/* The owner may read and write all three places; who commits for him may not. */
START_TEST(who_commits_can_open_nothing_but_layer_and_workspace)
{
	char canary[128], inside[128];
	struct layer layer;
	int status;
	pid_t pid;

	NEEDS_ROOT();
	NEEDS(FEATURE_LANDLOCK);
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	places_make();
	mount_it();
	ck_assert_int_eq(umount(mounted), 0);
	IGNORE(snprintf(canary, sizeof(canary), "%s/canary", outside) < 0);
	IGNORE(snprintf(inside, sizeof(inside), "%s/inside", lower) < 0);
	layer_open(&layer);
	pid = fork();
	if (pid == 0) {
		if (setresgid(TEST_UID, TEST_UID, TEST_UID) < 0 || setresuid(TEST_UID, TEST_UID, TEST_UID) < 0)
			_exit(1);
		if (open(canary, O_RDWR | O_CLOEXEC) < 0 || open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
			_exit(2); /* control */
		if (layer_confine(&layer, true) < 0)
			_exit(3);
		if (open(canary, O_RDONLY | O_CLOEXEC) >= 0 || open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
			_exit(4);
		_exit(open(inside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? 5 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status %x", status);
	layer_finish(&layer);
	remove_top(top);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("overlay_trees");
	TCase *trees = tcase_create("trees");

	tcase_add_unchecked_fixture(trees, all_make, all_remove);
	tcase_set_timeout(trees, 3600);
	tcase_add_test(trees, who_commits_can_open_nothing_but_layer_and_workspace);
	tcase_add_loop_test(trees, a_commit_equals_what_was_done_directly, 0, (int)SHARDS);
	suite_add_tcase(suite, trees);
	return suite;
}
