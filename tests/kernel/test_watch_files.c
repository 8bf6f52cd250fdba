// SPDX-License-Identifier: Apache-2.0
/* Files: what was opened, which names changed, what was refused, who wrote. */
#include <pthread.h>
#include <sys/mman.h>

#include "kernel/watched.h"

static void act_open_ways(void)
{
	int dir_fd, fd;

	mkdir("real", 0755);
	IGNORE(symlink("real", "alias")); /* it may be there from another test */
	fd = open("alias/through-link", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	close(dup(fd));
	dir_fd = open("real", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	openat(dir_fd, "../real/./by-dirfd", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	open("real/through-link", O_RDWR | O_CLOEXEC);
	open("real/through-link", O_RDONLY | O_CLOEXEC);
}

START_TEST(an_open_is_reported_by_what_was_opened_not_by_its_name)
{
	const struct kept *k;
	struct stat st;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_open_ways);
	k = must_find(EVENT_CREATE, "real/through-link");
	ck_assert(!(k->head.flags & EVENT_CLAIMED));
	ck_assert_int_eq(stat("real/through-link", &st), 0);
	ck_assert_uint_eq(k->path.ino.ino, st.st_ino);
	ck_assert_uint_eq(k->path.ino.dev, st.st_dev);
	ck_assert_uint_eq(k->path.ino.mode, st.st_mode);
	must_find(EVENT_CREATE, "real/by-dirfd");
	must_find(EVENT_OPEN_WRITE, "real/through-link");
	must_find(EVENT_OPEN_READ, "real/through-link");
	end();
}
END_TEST

static void act_many_opens(void)
{
	for (int i = 0; i < 50; i++)
		close(open("merged", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

START_TEST(repeats_are_merged_and_counted)
{
	struct run_activity activity;
	struct watch_losses losses;
	size_t writes = 0;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_many_opens);
	must_find(EVENT_CREATE, "merged");
	for (size_t i = 0; i < kept_count; i++)
		writes += kept[i].head.kind == EVENT_OPEN_WRITE;
	ck_assert_uint_eq(writes, 1);
	ck_assert_int_eq(watch_run_activity(watch, 3, &activity), 0);
	ck_assert_int_eq(watch_losses(watch, &losses), 0);
	ck_assert_uint_eq(losses.ring[EVENT_RING_BULK].folded, 48);
	ck_assert_uint_gt(activity.last_ns, 0);
	end();
}
END_TEST

static void act_names(void)
{
	int fd;

	mkdir("n", 0755);
	mkdir("n/deep", 0755);
	if (chdir("n/deep") < 0)
		_exit(1);
	mkdir("made", 0755);
	fd = open("old", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	fchmod(fd, 0600);
	IGNORE(ftruncate(fd, 10)); /* the event is what the test looks for */
	rename("old", "../new");
	IGNORE(link("../new", "hard"));
	IGNORE(symlink("anywhere", "soft"));
	chmod("hard", 0640);
	unlink("hard");
	unlink("soft");
	unlinkat(AT_FDCWD, "made", AT_REMOVEDIR);
}

START_TEST(changes_of_names_are_told_from_the_resolved_directory)
{
	char text[EVENT_PATH_MAX], want[256];
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_names);
	must_find(EVENT_MKDIR, "n/deep");
	k = must_find(EVENT_MKDIR, "n/deep/made");
	ck_assert(k->head.flags & EVENT_CLAIMED);
	k = must_find(EVENT_RENAME, "n/deep/old");
	ck_assert_int_gt(event_absolute_path(&k->path, true, text, sizeof(text)), 0);
	snprintf(want, sizeof(want), "%s/n/new", work);
	ck_assert_str_eq(text, want);
	must_find(EVENT_LINK, "n/new");
	k = must_find(EVENT_SYMLINK, "n/deep/soft");
	ck_assert(slice_eq(event_path_path2(&k->path), slice_of("anywhere")));
	k = must_find(EVENT_CHMOD, "n/deep/old");
	ck_assert_uint_eq(k->path.open_flags, 0600);
	ck_assert(!(k->head.flags & EVENT_CLAIMED));
	must_find(EVENT_TRUNCATE, "n/deep/old");
	k = must_find(EVENT_CHMOD, "n/deep/hard");
	ck_assert_uint_eq(k->path.open_flags, 0640);
	must_find(EVENT_UNLINK, "n/deep/hard");
	must_find(EVENT_UNLINK, "n/deep/soft");
	must_find(EVENT_RMDIR, "n/deep/made");
	end();
}
END_TEST

static void act_refused(void)
{
	close(open("secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0));
	mkdir("locked", 0755);
	if (setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	if (open("secret", O_RDONLY | O_CLOEXEC) >= 0)
		_exit(2);
	if (open("locked/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0644) >= 0 || unlink("secret") == 0)
		_exit(3);
	open("missing", O_RDONLY | O_CLOEXEC);
}

START_TEST(a_refused_attempt_is_reported_with_its_error_and_a_missing_file_is_not)
{
	const struct kept *k;

	NEEDS(FEATURE_BPF_WATCH);
	NEEDS_ROOT();
	begin();
	ck_assert_int_eq(in_run(act_refused), 0);
	k = must_find(EVENT_OPEN_READ, "secret");
	ck_assert_int_eq(k->head.ret, -EACCES);
	ck_assert(k->head.flags & EVENT_REFUSED);
	ck_assert_uint_eq(k->head.ring, EVENT_RING_URGENT);
	ck_assert_uint_eq(k->head.uid, 65534);
	k = must_find(EVENT_CREATE, "locked/x");
	ck_assert_int_eq(k->head.ret, -EACCES);
	k = must_find(EVENT_UNLINK, "secret");
	ck_assert_int_eq(k->head.ret, -EACCES);
	for (size_t i = 0; i < kept_count; i++)
		ck_assert_int_ne(kept[i].head.ret, -ENOENT);
	k = find(EVENT_CRED, NULL);
	end();
}
END_TEST

static char *volatile lie;
static volatile int lying;      /* no bool: gcc 12 with UBSan reads a volatile bool once */

static void *thread_lies(void *arg)
{
	(void)arg;
	while (lying) {
		memcpy(lie, "truth", 5);
		memcpy(lie, "liar!", 5);
	}
	return NULL;
}

static void act_lying_string(void)
{
	static char path[8] = "truth";
	pthread_t thread;

	lie = path;
	lying = 1;
	if (pthread_create(&thread, NULL, thread_lies, NULL) != 0)
		_exit(1);
	for (int i = 0; i < 2000; i++) {
		struct stat st;
		int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);

		if (fd >= 0 && fstat(fd, &st) == 0)
			close(fd);
	}
	lying = 0;
	pthread_join(thread, NULL);
}

START_TEST(a_string_that_another_thread_changes_does_not_change_the_path)
{
	NEEDS(FEATURE_BPF_WATCH);
	begin();
	in_run(act_lying_string);
	for (size_t i = 0; i < kept_count; i++) {
		char text[EVENT_PATH_MAX];
		struct stat st;

		if (kept[i].head.kind != EVENT_CREATE && kept[i].head.kind != EVENT_OPEN_READ)
			continue;
		if (event_absolute_path(&kept[i].path, false, text, sizeof(text)) <= 0 ||
		    strncmp(text, work, strlen(work)) != 0)
			continue;
		ck_assert_msg(stat(text, &st) == 0, "%s was never there", text);
		ck_assert_uint_eq(st.st_ino, kept[i].path.ino.ino);
	}
	ck_assert_msg(find(EVENT_CREATE, NULL) != NULL, "nothing was created");
	end();
}
END_TEST

static void act_cold_page(void)
{
	int fd = open("names", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char *page;

	if (write(fd, "cold\0", 5) != 5)
		_exit(1);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED || mkdir(page, 0755) < 0)
		_exit(2);
}

START_TEST(a_path_on_a_page_that_was_not_there_at_entry_is_read)
{
	NEEDS(FEATURE_BPF_WATCH);
	begin();
	ck_assert_int_eq(in_run(act_cold_page), 0);
	must_find(EVENT_MKDIR, "cold");
	end();
}
END_TEST

static int inherited_fd = FD_NONE;
static char *inherited_map;

static void act_inherited_write(void)
{
	IGNORE(write(inherited_fd, "x", 1)); /* the witness is what the test looks for */
}

static void act_inherited_store(void)
{
	inherited_map[0] = 'y';
}

static void act_no_write(void)
{
	char byte;

	IGNORE(pread(inherited_fd, &byte, 1, 0)); /* neither this nor the mode is content */
	fchmod(inherited_fd, 0600);
}

static const struct {
	const char *directory;
	void (*act)(void);
	size_t want;
} witness_cases[] = {
	{ ".", act_inherited_write, 1 },
	{ ".", act_inherited_store, 1 },
	{ ".", act_no_write, 0 },
	{ "/dev/shm", act_inherited_write, 1 },
	{ "/dev/shm", act_no_write, 0 },
};

START_TEST(a_write_through_what_was_inherited_has_a_witness_and_nothing_else_has)
{
	size_t seen = 0;
	struct stat st;

	NEEDS(FEATURE_BPF_WITNESS);
	begin();
	inherited_fd = open(witness_cases[_i].directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0644);
	ck_assert_int_eq(ftruncate(inherited_fd, 4096), 0);
	inherited_map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, inherited_fd, 0);
	ck_assert_ptr_ne(inherited_map, MAP_FAILED);
	ck_assert_int_eq(fstat(inherited_fd, &st), 0);
	in_run(witness_cases[_i].act);
	for (size_t i = 0; i < kept_count; i++)
		seen += kept[i].head.kind == EVENT_WITNESS && kept[i].path.ino.ino == st.st_ino &&
			kept[i].path.ino.dev == st.st_dev;
	ck_assert_msg(seen == witness_cases[_i].want, "case %d: %zu witnesses", _i, seen);
	inherited_fd = fd_close(inherited_fd);
	end();
}
END_TEST

static void act_child_of_the_opener(void)
{
	int fd = open("passed-on", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	pid_t pid = fork();

	if (pid == 0) {
		IGNORE(write(fd, "x", 1)); /* a failure shows below */
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (lseek(fd, 0, SEEK_END) != 1)
		_exit(1);
}

static void act_truncating_open(void)
{
	if (open("full", O_WRONLY | O_TRUNC | O_CLOEXEC) < 0)
		_exit(1);
}

static void act_truncate(void)
{
	if (truncate("full", 0) < 0)
		_exit(1);
}

static void act_shared_memory(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		_exit(1);
	page[0] = 'x';
}

static void act_given(void)
{
	if (write(inherited_fd, "x", 1) != 1)
		_exit(1);
}

static void (*const explained[])(void) = {
	act_child_of_the_opener, act_truncating_open, act_truncate, act_shared_memory, act_given,
};

START_TEST(a_change_that_an_open_of_the_run_explains_has_no_witness)
{
	struct stat st;

	NEEDS(FEATURE_BPF_WITNESS);
	begin();
	inherited_fd = open("full", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_eq(write(inherited_fd, "text", 4), 4);
	ck_assert_int_eq(fstat(inherited_fd, &st), 0);
	if (explained[_i] == act_given)
		ck_assert_int_eq(watch_run_explain(watch, cgroup_id, &st), 0);
	ck_assert_int_eq(in_run(explained[_i]), 0);
	ck_assert_msg(!find(EVENT_WITNESS, NULL), "case %d has a witness", _i);
	inherited_fd = fd_close(inherited_fd);
	end();
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "files", an_open_is_reported_by_what_was_opened_not_by_its_name, 1 },
		{ "files", repeats_are_merged_and_counted, 1 },
		{ "files", changes_of_names_are_told_from_the_resolved_directory, 1 },
		{ "files", a_refused_attempt_is_reported_with_its_error_and_a_missing_file_is_not,
		  1 },
		{ "files", a_string_that_another_thread_changes_does_not_change_the_path, 1 },
		{ "files", a_path_on_a_page_that_was_not_there_at_entry_is_read, 1 },
		{ "files", a_write_through_what_was_inherited_has_a_witness_and_nothing_else_has,
		  COUNT(witness_cases) },
		{ "files", a_change_that_an_open_of_the_run_explains_has_no_witness, COUNT(explained) },
	};

	return suite_of("watch_files", rows, COUNT(rows));
}
