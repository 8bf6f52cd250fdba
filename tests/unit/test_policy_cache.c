/* SPDX-License-Identifier: Apache-2.0 */
/* A cached policy is what was compiled, or it is not there. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/policy_cache.h"
#include "lib/runner.h"

#define DOCUMENT "schema: bailiff/policy/v1\n"

static char state_dir[64];
static struct run_args args;
static struct run_policy policy, found;

static void setup(void)
{
	IGNORE(snprintf(state_dir, sizeof(state_dir), "/tmp/bailiff-cache.XXXXXX") < 0);
	ck_assert_ptr_nonnull(mkdtemp(state_dir));
	args = (struct run_args){ .dirs.state_dir = state_dir };
	policy = (struct run_policy){ .policy = policy_new(), .filter_count = 2 };
	found = (struct run_policy){ .policy = policy_new() };
	policy.filter[1].k = 4711;
	IGNORE(snprintf(policy.policy->name, sizeof(policy.policy->name), "kept") < 0);
	policy.policy->strings_len = 1;
}

static void teardown(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", state_dir, (char *)NULL);
		_exit(1);
	}
	IGNORE(waitpid(pid, NULL, 0) < 0);
	policy_free(policy.policy);
	policy_free(found.policy);
}

static struct policy_key key_of(const char *document)
{
	static struct policy_source source;
	static struct project_files project;
	struct policy_key key;

	source.count = 1;
	IGNORE(text_copy(source.layers[0].path, POLICY_PATH_MAX, slice_of("/etc/bailiff/x.yaml")));
	source.layers[0].bytes = buf_growing(4096);
	ck_assert_int_eq(buf_text(&source.layers[0].bytes, document), 0);
	ck_assert_int_eq(policy_cache_key(&args, &source, &project, &key), 0);
	policy_source_finish(&source);
	return key;
}

static bool same(struct policy_key a, struct policy_key b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

/* The one file of the cache. */
static void file_of(const struct policy_key *key, char path[256])
{
	int len = snprintf(path, 256, "%s/compiled/", state_dir);

	for (size_t i = 0; i < sizeof(key->bytes); i++)
		len += snprintf(path + len, 3, "%02x", key->bytes[i]);
}

START_TEST(what_was_put_is_found_again)
{
	struct policy_key key = key_of(DOCUMENT);

	NEEDS_ROOT();
	ck_assert(!policy_cache_get(&args, &key, &found));
	policy_cache_put(&args, &key, &policy);
	ck_assert(policy_cache_get(&args, &key, &found));
	ck_assert_str_eq(found.policy->name, "kept");
	ck_assert_uint_eq(found.filter_count, 2);
	ck_assert_uint_eq(found.filter[1].k, 4711);
}
END_TEST

START_TEST(each_part_of_the_question_is_part_of_the_key)
{
	struct policy_key key = key_of(DOCUMENT);
	const char *words[] = { "/a", "/b" };

	ck_assert(same(key, key_of(DOCUMENT)));
	ck_assert(!same(key, key_of(DOCUMENT "\n")));
	args.network = "none";
	ck_assert(!same(key, key_of(DOCUMENT)));
	args.network = NULL;
	args.pids = 7;
	ck_assert(!same(key, key_of(DOCUMENT)));
	args.pids = 0;
	args.read = (struct option_list){ .items = words, .count = 2 };
	ck_assert(!same(key, key_of(DOCUMENT)));
	key = key_of(DOCUMENT);
	/* The same words in other lists. */
	args.read.count = 1;
	args.write = (struct option_list){ .items = &words[1], .count = 1 };
	ck_assert(!same(key, key_of(DOCUMENT)));
}
END_TEST

START_TEST(a_damaged_file_is_a_miss_at_each_byte)
{
	struct policy_key key = key_of(DOCUMENT);
	char path[256];
	off_t size;
	int fd;

	NEEDS_ROOT();
	policy_cache_put(&args, &key, &policy);
	file_of(&key, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	size = lseek(fd, 0, SEEK_END);
	for (off_t at = 0; at < size; at += at < 64 ? 1 : 911) {
		char byte, bad;

		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		bad = (char)(byte ^ 1);
		ck_assert_int_eq(pwrite(fd, &bad, 1, at), 1);
		ck_assert_msg(!policy_cache_get(&args, &key, &found), "byte %ld was changed", (long)at);
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	}
	ck_assert(policy_cache_get(&args, &key, &found)); /* the control */
	ck_assert_int_eq(ftruncate(fd, size - 1), 0);
	ck_assert(!policy_cache_get(&args, &key, &found));
	close(fd);
}
END_TEST

START_TEST(what_others_could_have_written_is_a_miss)
{
	struct policy_key key = key_of(DOCUMENT);
	char path[256], folder[128];

	NEEDS_ROOT();
	policy_cache_put(&args, &key, &policy);
	file_of(&key, path);
	IGNORE(snprintf(folder, sizeof(folder), "%s/compiled", state_dir) < 0);
	ck_assert_int_eq(chmod(path, 0620), 0);
	ck_assert(!policy_cache_get(&args, &key, &found));
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(chown(path, 1, 1), 0);
	ck_assert(!policy_cache_get(&args, &key, &found));
	ck_assert_int_eq(chown(path, 0, 0), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert(!policy_cache_get(&args, &key, &found));
	ck_assert_int_eq(chmod(folder, 0700), 0);
	ck_assert(policy_cache_get(&args, &key, &found)); /* the control */
	ck_assert_int_eq(chown(folder, 1, 1), 0);
	ck_assert(!policy_cache_get(&args, &key, &found));
}
END_TEST

START_TEST(a_sum_that_is_right_does_not_make_a_policy_sane)
{
	struct policy_key key = key_of(DOCUMENT);

	NEEDS_ROOT();
	policy.policy->read.count = POLICY_LIST_MAX + 1;
	policy_cache_put(&args, &key, &policy);
	ck_assert(!policy_cache_get(&args, &key, &found));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("policy_cache");
	TCase *tcase = tcase_create("cache");

	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, what_was_put_is_found_again);
	tcase_add_test(tcase, each_part_of_the_question_is_part_of_the_key);
	tcase_add_test(tcase, a_damaged_file_is_a_miss_at_each_byte);
	tcase_add_test(tcase, what_others_could_have_written_is_a_miss);
	tcase_add_test(tcase, a_sum_that_is_right_does_not_make_a_policy_sane);
	return suite;
}
