/* SPDX-License-Identifier: Apache-2.0 */
/* Each sentence of the behaviour model, section 5.2. */
#include "lib/govern_world.h"
#include "lib/runner.h"

static struct govern_world *world;

static void setup(void)
{
	world = world_new();
	world_capability(world, "vcs.push", RISK_HIGH, ACT_APPLY);
	world_exec(world, "git push");
	world->govern.capabilities[world->govern.capabilities_count - 1].takes_value =
		world_words(world, "-C -c --git-dir");
	world_capability(world, "vcs.read", RISK_LOW, ACT_READ);
	world_exec(world, "git");
	world_capability(world, "iac.apply", RISK_CRITICAL, ACT_APPLY);
	world_exec(world, "terraform apply|destroy");
	world_exec(world, "kubectl apply|delete");
	world->govern.capabilities[world->govern.capabilities_count - 1].unless =
		world_words(world, "--dry-run --help");
	world->govern.capabilities[world->govern.capabilities_count - 1].takes_value =
		world_words(world, "-n -f");
	world_capability(world, "config.run", RISK_HIGH, ACT_RUN);
	world_exec(world, "ansible-playbook");
	world->govern.capabilities[world->govern.capabilities_count - 1].unless = world_words(world, "--check -C");
	world_capability(world, "config.check", RISK_LOW, ACT_CHECK);
	world_exec(world, "ansible-playbook --check|-C");
	world_capability(world, "fs.rm_recursive", RISK_HIGH, ACT_DESTROY);
	world_exec(world, "rm -r|-R|--recursive");
	world->govern.capabilities[world->govern.capabilities_count - 1].flags |= CAPABILITY_SHORT_CLUSTERS;
	world_capability(world, "pack.extract", RISK_HIGH, ACT_RUN);
	world_exec(world, "tar -x");
	world->govern.capabilities[world->govern.capabilities_count - 1].flags |= CAPABILITY_SHORT_CLUSTERS;
	world->govern.capabilities[world->govern.capabilities_count - 1].takes_value = world_words(world, "-f");
	world_capability(world, "svc.restart", RISK_HIGH, ACT_RUN);
	world_exec(world, "svc restart web -f");
	world_capability(world, "svc.b", RISK_MEDIUM, ACT_OTHER);
	world_exec(world, "svc restart");
	world_capability(world, "svc.a", RISK_MEDIUM, ACT_OTHER);
	world_exec(world, "svc restart");
	world_capability(world, "svc.low", RISK_LOW, ACT_READ);
	world_exec(world, "svc restart");
}

static void teardown(void)
{
	free(world);
}

static const char *class_of(const struct action *action)
{
	uint16_t index = classify(world_view(world), action);

	return index == GOVERN_NONE ? "none" : world->strings + world->govern.capabilities[index].id.offset;
}

static const struct row {
	const char *command, *want;
} rows[] = {
	/* Words without a leading - equal the first arguments that are no options, in order. */
	{ "git push", "vcs.push" }, { "/usr/bin/git push origin main", "vcs.push" },
	{ "git pull", "vcs.read" }, { "git stash push", "vcs.read" }, { "git", "vcs.read" },
	{ "git pushy", "vcs.read" }, { "git pus", "vcs.read" }, { "git PUSH", "vcs.read" },
	{ "git -v push", "vcs.push" }, { "git -- push", "vcs.push" },
	{ "svc restart web -f", "svc.restart" }, { "svc -f restart web", "svc.restart" },
	{ "svc web restart -f", "exec.tool" },
	/* takes_value swallows the next word; --x=y has the name --x and swallows nothing. */
	{ "git -C /w push", "vcs.push" }, { "git -C push", "vcs.read" }, { "git --git-dir=/w push", "vcs.push" },
	{ "git --git-dir /w push", "vcs.push" }, { "git -p push", "vcs.push" }, { "git -C -- push", "vcs.push" },
	{ "terraform -chdir=x apply tfplan", "iac.apply" }, { "kubectl -n web apply -f x.yaml", "iac.apply" },
	{ "kubectl -n apply get", "exec.tool" },
	/* A choice. */
	{ "terraform destroy", "iac.apply" }, { "terraform plan", "exec.tool" },
	/* unless cancels. */
	{ "kubectl apply --dry-run=server -f x.yaml", "exec.tool" }, { "kubectl delete --help", "exec.tool" },
	{ "kubectl apply -- --dry-run", "iac.apply" }, { "kubectl apply -f --dry-run", "iac.apply" },
	{ "kubectl apply --dry-runs", "iac.apply" },
	{ "ansible-playbook site.yml", "config.run" }, { "ansible-playbook site.yml --check", "config.check" },
	{ "ansible-playbook -C site.yml", "config.check" }, { "ansible-playbook -- --check", "config.run" },
	/* Options stand anywhere before --. */
	{ "rm -r build", "fs.rm_recursive" }, { "rm build -R", "fs.rm_recursive" },
	{ "rm --recursive build", "fs.rm_recursive" }, { "rm -- -r", "exec.tool" }, { "rm build/x.o", "exec.tool" },
	/* short_clusters splits -rf; without it -rf is one option. */
	{ "rm -rf build", "fs.rm_recursive" }, { "rm -fr build", "fs.rm_recursive" },
	{ "rm -f --r build", "exec.tool" }, { "rm -f - r", "exec.tool" }, { "git -vC push", "vcs.push" },
	{ "tar -zxf a.tar", "pack.extract" }, { "tar -fx", "exec.tool" }, { "tar -zf x -x", "pack.extract" },
	{ "tar -zf -x", "exec.tool" }, { "tar -f=x", "exec.tool" },
	/* The most specific pattern; equal ones: the highest risk, then the id. */
	{ "svc restart", "svc.a" }, { "svc restart web", "svc.a" },
	/* What no capability names. */
	{ "true", "exec.tool" }, { "GIT push", "exec.tool" }, { "", "exec.tool" },
};

START_TEST(a_command_is_what_its_row_says)
{
	struct action action = world_exec_action(world, rows[_i].command);

	ck_assert_msg(strcmp(class_of(&action), rows[_i].want) == 0, "'%s' gave %s, want %s", rows[_i].command,
		      class_of(&action), rows[_i].want);
}
END_TEST

START_TEST(between_names_the_highest_risk_wins)
{
	struct action action = world_exec_action(world, "git apply -x");

	action.names[1] = slice_of("terraform");
	action.name_count = 2;
	ck_assert_str_eq(class_of(&action), "iac.apply");
	action.names[1] = slice_of("git");
	action.names[0] = slice_of("terraform");
	ck_assert_str_eq(class_of(&action), "iac.apply");
}
END_TEST

START_TEST(argv0_cannot_lower_what_the_file_is)
{
	struct action action = world_exec_action(world, "git status");

	ck_assert_str_eq(class_of(&action), "vcs.read");
	action.names[1] = slice_of("evil");
	action.name_count = 2;
	ck_assert_str_eq(class_of(&action), "exec.tool");
	action.place = PLACE_WORKSPACE;
	ck_assert_str_eq(class_of(&action), "exec.workspace");
	action.name_count = 1;
	ck_assert_str_eq(class_of(&action), "vcs.read");
	action.place = PLACE_UNKNOWN;
	ck_assert_str_eq(class_of(&action), "exec.unknown");
}
END_TEST

START_TEST(a_copy_in_an_unknown_place_is_at_least_unknown)
{
	struct action action = world_exec_action(world, "kubectl delete pod");

	action.place = PLACE_UNKNOWN;
	ck_assert_str_eq(class_of(&action), "iac.apply");
	action = world_exec_action(world, "x");
	action.place = PLACE_UNKNOWN;
	ck_assert_str_eq(class_of(&action), "exec.unknown");
	action.name_count = 0;
	action.place = PLACE_WORKSPACE;
	ck_assert_str_eq(class_of(&action), "exec.workspace");
}
END_TEST

START_TEST(a_command_that_is_cut_is_the_worst_that_its_program_can_be)
{
	struct action action = world_exec_action(world, "kubectl get pods --help");

	action.argv_cut = true;
	ck_assert_str_eq(class_of(&action), "iac.apply");
	action = world_exec_action(world, "ls");
	action.argv_cut = true;
	ck_assert_str_eq(class_of(&action), "exec.unknown");
	action.argv_cut = false;
	ck_assert_str_eq(class_of(&action), "exec.tool");
}
END_TEST

START_TEST(without_std_what_nothing_names_has_no_capability)
{
	struct action action = world_exec_action(world, "true");

	world->govern.settings.std_tool = GOVERN_NONE;
	ck_assert_str_eq(class_of(&action), "none");
	action = world_exec_action(world, "git push");
	ck_assert_str_eq(class_of(&action), "vcs.push");
	action.kind = ACTION_READ;
	ck_assert_str_eq(class_of(&action), "none");
	world_capability(world, "io.fs.read", RISK_LOW, ACT_READ);
	ck_assert_str_eq(class_of(&action), "io.fs.read");
}
END_TEST

START_TEST(operands_are_neither_options_nor_their_values)
{
	struct action action = world_exec_action(world, "git -C /w push -v a -- -b c");
	struct slice words[8];
	uint32_t count = command_operands(world_view(world), 3, &action, words, COUNT(words));

	ck_assert_uint_eq(count, 4);
	ck_assert(slice_is(words[0], "push") && slice_is(words[1], "a") && slice_is(words[2], "-b"));
	ck_assert_uint_eq(command_operands(world_view(world), GOVERN_NONE, &action, words, 1), 5);
	ck_assert(slice_is(words[0], "/w"));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("classify");
	TCase *words = tcase_create("words"), *names = tcase_create("names");

	tcase_add_checked_fixture(words, setup, teardown);
	tcase_add_checked_fixture(names, setup, teardown);
	tcase_add_loop_test(words, a_command_is_what_its_row_says, 0, (int)COUNT(rows));
	tcase_add_test(words, operands_are_neither_options_nor_their_values);
	tcase_add_test(words, a_command_that_is_cut_is_the_worst_that_its_program_can_be);
	tcase_add_test(names, between_names_the_highest_risk_wins);
	tcase_add_test(names, argv0_cannot_lower_what_the_file_is);
	tcase_add_test(names, a_copy_in_an_unknown_place_is_at_least_unknown);
	tcase_add_test(names, without_std_what_nothing_names_has_no_capability);
	tcase_set_tags(words, "pure");
	tcase_set_tags(names, "pure");
	suite_add_tcase(suite, words);
	suite_add_tcase(suite, names);
	return suite;
}
