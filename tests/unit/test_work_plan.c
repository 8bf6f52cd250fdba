/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cli/agent.h"
#include "lib/govern_world.h"
#include "lib/runner.h"
#include "run/checks.h"
#include "run/work_plan.h"

#define S 1000000000ULL
#define DIGEST_A "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static const char sample[] =
	"{\"schema\": 1, \"plan_id\": \"01KEKWE4G03W7N4M2X8C5V6B9Z\", \"objective\": \"rotate\", \"steps\": ["
	"{\"n\": 1, \"capability\": \"vcs.push\", \"argv\": [\"git\", \"push\", \"origin\", \"\"]},"
	"{\"n\": 2, \"capability\": \"vcs.push\", \"argv\": [\"git\", \"push\"], \"inputs\": {\"a.yml\": \"" DIGEST_A "\"}}],"
	"\"writes\": [\"certs/**\"], \"network\": [\"x.example:443\"], \"confidence\": 0.82, \"artifacts\": [\"r.xml\"]}";

static int read_json(const char *json, struct work_plan *plan)
{
	struct error err = { 0 };
	int fd = FD_NONE, r = agent_plan_memfd(json, strlen(json), &fd, &err);
	struct stat st;
	void *bytes;

	if (r < 0)
		return r;
	ck_assert_int_eq(fstat(fd, &st), 0);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(bytes, MAP_FAILED);
	r = work_plan_read(bytes, (size_t)st.st_size, plan, &err);
	ck_assert_int_eq(munmap(bytes, (size_t)st.st_size), 0);
	fd_close(fd);
	return r;
}

START_TEST(a_plan_arrives_as_it_was_written)
{
	struct work_plan plan, again;
	char text[256];

	ck_assert_int_eq(read_json(sample, &plan), 0);
	ck_assert_uint_eq(plan.status, PLAN_DRAFT);
	ck_assert_uint_eq(plan.head->step_count, 2);
	ck_assert(slice_is(work_plan_slice(&plan, plan.head->objective), "rotate"));
	ck_assert(slice_is(work_plan_slice(&plan, plan.steps[0].words[2]), "origin"));
	ck_assert_uint_eq(plan.steps[0].word_count, 4);
	ck_assert(slice_is(work_plan_slice(&plan, plan.steps[1].inputs[0].path), "a.yml"));
	ck_assert_int_eq(plan.steps[1].inputs[0].digest[31], 0x11);
	ck_assert_int_eq(plan.head->confidence, 820000);
	work_plan_text(&plan, text, sizeof(text));
	ck_assert_str_eq(text, "rotate\n1. vcs.push: git push origin \n2. vcs.push: git push");
	ck_assert_int_eq(read_json(sample, &again), 0);
	ck_assert_mem_eq(plan.digest, again.digest, 32);
	work_plan_finish(&plan);
	work_plan_finish(&again);
}
END_TEST

static const char *const bad_plans[] = {
	"", "[]", "{}", "{\"schema\": 2}", "{\"schema\": 1, \"objective\": \"x\", \"steps\": []}",
	"{\"schema\": 1, \"objective\": \"\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"]}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"steps\": [{\"n\": 2, \"capability\": \"a\", \"argv\": [\"b\"]}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": []}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [1]}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"], \"risk\": \"LOW\"}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"colour\": 1, \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"]}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"confidence\": 1.5, \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"]}]}",
	"{\"schema\": 1, \"plan_id\": \"x\", \"objective\": \"x\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"]}]}",
	"{\"schema\": 1, \"objective\": \"x\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"], \"inputs\": {\"f\": \"sha256:12\"}}]}",
	"{\"schema\": 1, \"schema\": 1, \"objective\": \"x\", \"steps\": [{\"n\": 1, \"capability\": \"a\", \"argv\": [\"b\"]}]}",
};

START_TEST(what_is_no_plan_is_refused_where_it_is_written)
{
	struct error err = { 0 };
	int fd = FD_NONE;

	ck_assert_int_eq(agent_plan_memfd(bad_plans[_i], strlen(bad_plans[_i]), &fd, &err), -EINVAL);
	ck_assert_int_eq(fd, FD_NONE);
	ck_assert_str_ne(err.text, "");
}
END_TEST

/* A hostile client writes the memfd itself: each damaged byte is refused or stays within the plan. */
START_TEST(a_plan_with_a_changed_byte_reads_nothing_outside_of_itself)
{
	struct work_plan plan, other;
	uint8_t *bytes;
	size_t len;

	ck_assert_int_eq(read_json(sample, &plan), 0);
	len = plan.len;
	bytes = malloc(len); /* exactly: ASan sees a byte behind it */
	for (size_t at = 0; at < len; at++) {
		struct error err = { 0 };
		char text[256];

		memcpy(bytes, plan.bytes, len);
		bytes[at] ^= (uint8_t)(0x80 >> at % 8);
		if (work_plan_read(bytes, len, &other, &err) < 0)
			continue;
		work_plan_text(&other, text, sizeof(text));
		work_plan_finish(&other);
	}
	for (size_t shorter = 0; shorter < len; shorter += 97) {
		struct error err = { 0 };

		ck_assert_int_eq(work_plan_read(plan.bytes, shorter, &other, &err), -EINVAL);
	}
	free(bytes);
	work_plan_finish(&plan);
}
END_TEST

START_TEST(plans_move_as_the_table_says)
{
	static const uint32_t allowed[] = {
		[PLAN_DRAFT] = 1U << PLAN_SUBMITTED,
		[PLAN_SUBMITTED] = 1U << PLAN_APPROVED | 1U << PLAN_REJECTED | 1U << PLAN_EXPIRED,
		[PLAN_APPROVED] = 1U << PLAN_ACTIVE | 1U << PLAN_EXPIRED | 1U << PLAN_ABORTED,
		[PLAN_ACTIVE] = 1U << PLAN_COMPLETED | 1U << PLAN_ABORTED,
		[PLAN_ABORTED] = 0,
	};

	for (unsigned int from = 0; from <= PLAN_ABORTED + 1; from++)
		for (unsigned int to = 0; to <= PLAN_ABORTED + 1; to++)
			ck_assert_msg(work_plan_move_allowed((enum plan_status)from, (enum plan_status)to) ==
				      (from < COUNT(allowed) && (allowed[from] >> to & 1U)), "%u to %u", from, to);
}
END_TEST

struct file_now { const char *path; uint8_t fill; int result; };

static int digest_of(void *ctx, struct slice path, uint8_t digest[32])
{
	const struct file_now *file = ctx;

	ck_assert(slice_is(path, file->path));
	memset(digest, file->fill, 32);
	return file->result;
}

START_TEST(a_step_covers_its_words_its_capability_and_its_inputs_once)
{
	struct govern_world *world = world_new();
	uint16_t push = world_capability(world, "vcs.push", RISK_HIGH, ACT_APPLY);
	struct slice words[] = { slice_of("git"), slice_of("push") }, more[] = { slice_of("git"), slice_of("push"), slice_of("-f") };
	struct file_now file = { "a.yml", 0x11, 0 };
	struct work_plan plan;
	struct error err = { 0 };
	uint32_t step = 7;

	world_exec(world, "git push");
	ck_assert_int_eq(read_json(sample, &plan), 0);
	ck_assert_msg(work_plan_fits(&plan, world_view(world), &err) == 0, "%s", err.text);
	ck_assert_uint_eq(plan.risk_max, RISK_HIGH);
	ck_assert_uint_eq(plan.capabilities[1], push);
	plan.status = PLAN_SUBMITTED;
	ck_assert_int_eq(work_plan_cover(&plan, words, 2, push, digest_of, &file, &step), COVER_NONE);
	plan.status = PLAN_APPROVED;
	ck_assert_int_eq(work_plan_cover(&plan, words, 2, push, digest_of, &file, &step), COVER_BOUND);
	ck_assert_uint_eq(step, 1);
	ck_assert_int_eq(work_plan_cover(&plan, more, 3, push, digest_of, &file, &step), COVER_NONE);
	ck_assert_int_eq(work_plan_cover(&plan, words, 2, (uint16_t)(push + 1), digest_of, &file, &step), COVER_NONE);
	file.fill = 0x12; /* the file was edited */
	ck_assert_int_eq(work_plan_cover(&plan, words, 2, push, digest_of, &file, &step), COVER_INPUTS_DIFFER);
	file = (struct file_now){ "a.yml", 0x11, -ENOENT };
	ck_assert_int_eq(work_plan_cover(&plan, words, 2, push, digest_of, &file, &step), COVER_INPUTS_DIFFER);
	file.result = 0;
	ck_assert(!work_plan_use(&plan, 1));
	ck_assert_int_eq(work_plan_cover(&plan, words, 2, push, digest_of, &file, &step), COVER_NONE);
	ck_assert(work_plan_use(&plan, 0));
	work_plan_finish(&plan);
	free(world);
}
END_TEST

START_TEST(a_plan_names_only_what_the_policy_knows_by_that_name)
{
	struct govern_world *world = world_new();
	struct work_plan plan;
	struct error err = { 0 };

	world_capability(world, "vcs.pull", RISK_HIGH, ACT_APPLY);
	world_exec(world, "git push");
	ck_assert_int_eq(read_json(sample, &plan), 0);
	ck_assert_int_eq(work_plan_fits(&plan, world_view(world), &err), -EPERM);
	ck_assert_int_eq(work_plan_fits(&plan, NULL, &err), -EPERM);
	work_plan_finish(&plan);
	free(world);
}
END_TEST

START_TEST(a_check_counts_for_its_inputs_and_its_time)
{
	static const uint8_t one[32] = { 1 }, two[32] = { 2 };
	struct checks checks = { 0 };
	uint64_t age = 0;

	ck_assert_int_eq(checks_state(&checks, 5, one, S, &age), CHECK_MISSING);
	checks_begin(&checks, 100, 7, 5, one);
	ck_assert_int_eq(checks_state(&checks, 5, one, S, &age), CHECK_MISSING); /* it runs still */
	ck_assert_uint_eq(checks_end(&checks, 100, 8, 0, S), GOVERN_NONE);      /* another process of this number */
	ck_assert_uint_eq(checks_end(&checks, 100, 7, 0, S), 5);
	ck_assert_uint_eq(checks_end(&checks, 100, 7, 0, S), GOVERN_NONE);
	ck_assert_int_eq(checks_state(&checks, 5, one, 3 * S, &age), CHECK_OK);
	ck_assert_uint_eq(age, 2 * S);
	ck_assert_int_eq(checks_state(&checks, 5, two, 3 * S, &age), CHECK_INPUTS_DIFFER);
	ck_assert_int_eq(checks_state(&checks, 6, one, 3 * S, &age), CHECK_MISSING);
	checks_begin(&checks, 101, 9, 5, one);
	checks_end(&checks, 101, 9, 2 << 8, 4 * S);
	ck_assert_int_eq(checks_state(&checks, 5, one, 5 * S, &age), CHECK_FAILED); /* the newest counts */
	for (uint32_t i = 0; i < CHECKS_MAX; i++)
		checks_begin(&checks, 1000 + i, 1, 6, two);
	ck_assert_int_eq(checks_state(&checks, 5, one, 5 * S, &age), CHECK_MISSING);
}
END_TEST

static const struct sum_row { const char *json, *sum; } sums[] = {
	{ "{\"b\":1,\"a\":\"\303\251\"}", "d73913efb309" }, { "{}", "44136fa355b3" },
};

START_TEST(an_output_has_the_checksum_of_the_older_tools)
{
	json_t *value = json_loads(sums[_i].json, 0, NULL);
	char sum[13];

	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(agent_output_checksum(value, sum), 0);
	ck_assert_str_eq(sum, sums[_i].sum);
	json_decref(value);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("work_plan");
	TCase *plans = tcase_create("plans"), *checks = tcase_create("checks"), *outputs = tcase_create("outputs");

	tcase_add_test(plans, a_plan_arrives_as_it_was_written);
	tcase_add_loop_test(plans, what_is_no_plan_is_refused_where_it_is_written, 0, (int)COUNT(bad_plans));
	tcase_add_test(plans, a_plan_with_a_changed_byte_reads_nothing_outside_of_itself);
	tcase_add_test(plans, plans_move_as_the_table_says);
	tcase_add_test(plans, a_step_covers_its_words_its_capability_and_its_inputs_once);
	tcase_add_test(plans, a_plan_names_only_what_the_policy_knows_by_that_name);
	tcase_add_test(checks, a_check_counts_for_its_inputs_and_its_time);
	tcase_add_loop_test(outputs, an_output_has_the_checksum_of_the_older_tools, 0, (int)COUNT(sums));
	tcase_set_tags(plans, "pure");
	tcase_set_tags(checks, "pure");
	tcase_set_tags(outputs, "pure");
	suite_add_tcase(suite, plans);
	suite_add_tcase(suite, checks);
	suite_add_tcase(suite, outputs);
	return suite;
}
