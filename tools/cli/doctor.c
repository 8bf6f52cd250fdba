/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff doctor`: what this machine offers, what is missing, what that costs and what to do. Facts
 * come from the supervisor's probes, which really try each feature; this file only shows them. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/paths.h"
#include "cli/verbs.h"

struct doctor_args {
	bool json;
	struct client_dirs dirs;
};

#define AT(member) offsetof(struct doctor_args, member)

static const struct option_row rows[] = {
	{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object per check", NULL },
	OPTION_ROW_STATE_DIR(AT(dirs.state_dir)),
	OPTION_ROW_RUNTIME_DIR(AT(dirs.runtime_dir)),
};

const struct option_set doctor_options = {
	.verb = "doctor",
	.usage = "[--json]",
	.summary = "Says what this machine offers, what is missing, what that costs and what to do. Exit code\n"
		   "0 when runs can start, 121 when not.",
	.rows = rows,
	.count = COUNT(rows),
};

/* Without these no policy can be carried out (design.md sections 4, 5 and 7). */
static const enum feature needed_features[] = {
	FEATURE_NAMESPACES, FEATURE_SECCOMP,   FEATURE_CGROUP_V2, FEATURE_CGROUP_KILL,
	FEATURE_CGROUP_INTO, FEATURE_MOUNT_API, FEATURE_PIDFD,    FEATURE_BTF,
	FEATURE_BPF_WATCH,
};

static bool feature_is_needed(enum feature feature)
{
	for (size_t i = 0; i < COUNT(needed_features); i++) {
		if (needed_features[i] == feature)
			return true;
	}
	return false;
}

static const char *state_word(enum check_state state)
{
	switch (state) {
	case CHECK_MISSING:
		return "missing";
	case CHECK_PRESENT:
		return "ok";
	case CHECK_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

static void check_print(const struct doctor *doctor, const struct check *check)
{
	static const char *const colours[] = { "\033[31m", "\033[32m", "\033[33m" };
	const char *colour = doctor->colour ? colours[check->state] : "";
	const char *plain = doctor->colour ? "\033[0m" : "";

	printf("  %s%-7s%s  %-16s  %s\n", colour, state_word(check->state), plain, check->name,
	       check->what);
	if (check->state == CHECK_PRESENT)
		return;
	printf("           %-16s  %s: %s\n", "", check->needed ? "NEEDED" : "costs", check->cost);
	printf("           %-16s  next: %s\n", "", check->remedy);
}

static void check_json(const struct check *check)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "kind", check->kind, "name",
				   check->name, "state", state_word(check->state), "needed",
				   (int)check->needed, "what", check->what, "cost", check->cost, "remedy",
				   check->remedy);

	if (object && json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0)
		putchar('\n');
	json_decref(object);
}

void doctor_check(struct doctor *doctor, const struct check *check)
{
	if (check->state == CHECK_MISSING && check->needed)
		doctor->broken++;
	if (check->state == CHECK_MISSING && !check->needed)
		doctor->weaker++;
	if (doctor->json)
		check_json(check);
	else
		check_print(doctor, check);
}

static enum check_state feature_state(const struct feature_report *report, enum feature feature)
{
	switch (report->state[feature]) {
	case FEATURE_PRESENT:
		return CHECK_PRESENT;
	case FEATURE_MISSING:
		return CHECK_MISSING;
	default:
		return CHECK_UNKNOWN;
	}
}

static void doctor_features(struct doctor *doctor, const struct feature_report *report)
{
	char kernel[sizeof(report->kernel) * 4];

	text_escape(kernel, sizeof(kernel), slice_of(report->kernel));
	if (!doctor->json)
		printf("kernel %s, Landlock ABI %u, watch tier %u (%s)\n", kernel, report->landlock_abi,
		       report->watch_tier,
		       report->watch_tier == 2 ? "LSM hooks" : report->watch_tier == 1 ? "exit hooks" : "none");
	for (unsigned int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature_info *info = &feature_infos[i];
		const struct check check = {
			.kind = "kernel", .name = info->name, .what = info->what, .cost = info->cost,
			.remedy = info->remedy, .needed = feature_is_needed((enum feature)i),
			.state = feature_state(report, (enum feature)i),
		};

		doctor_check(doctor, &check);
	}
}

/* `bailiffd --probe` writes the report to its stdout; what it says besides goes to our stderr. */
static int probe_read(const char *program, struct feature_report *report, struct error *err)
{
	auto_close int read_fd = FD_NONE, write_fd = FD_NONE;
	int fds[2], status;
	ssize_t len;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "make a pipe");
	read_fd = fds[0];
	write_fd = fds[1];
	IGNORE(fflush(stdout) != 0);
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork '%s'", program);
	if (pid == 0) {
		if (dup2(write_fd, STDOUT_FILENO) == STDOUT_FILENO)
			execve(program, (char *const[]){ (char *)(uintptr_t)program, (char[]){ "--probe" }, NULL },
			       (char *const[]){ NULL });
		_exit(CLI_NOT_EXECUTABLE);
	}
	write_fd = fd_close(write_fd);
	len = io_read(read_fd, report, sizeof(*report));
	if (waitpid(pid, &status, 0) < 0)
		return error_set(err, -errno, "wait for '%s'", program);
	if (len != sizeof(*report) || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_say(err, -EPROTO, "'%s --probe' failed", program);
	report->kernel[sizeof(report->kernel) - 1] = '\0';
	return 0;
}

static int probe_ask(int control_fd, struct feature_report *report, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_FEATURES };
	struct wire_answer answer;
	int r = client_send(control_fd, &request, err);

	if (r == 0)
		r = client_receive(control_fd, 10000, &answer, err);
	if (r == 0 && answer.kind != WIRE_FEATURE_REPORT)
		r = error_say(err, -EPROTO, "the supervisor did not answer with its features");
	if (r == 0)
		*report = answer.u.features;
	return r;
}

static int doctor_report(const struct doctor_args *args, struct feature_report *report,
			 struct error *err)
{
	auto_close int control_fd = FD_NONE;
	char program[4096];
	int r = client_connect(&args->dirs, &control_fd, err);

	if (r == 0)
		return probe_ask(control_fd, report, err);
	if (geteuid() != 0) {
		error_next(err, "`sudo bailiff doctor` can try the kernel's features itself");
		return error_exit(err, CLI_FEATURE_MISSING);
	}
	r = client_find_program("bailiffd", program, sizeof(program), err);
	if (r < 0)
		return error_exit(err, CLI_FEATURE_MISSING);
	r = probe_read(program, report, err);
	return r < 0 ? error_exit(err, CLI_FEATURE_MISSING) : 0;
}

static int doctor_verdict(const struct doctor *doctor)
{
	if (!doctor->json && doctor->broken > 0)
		printf("\nruns cannot start: %u needed thing(s) missing\n", doctor->broken);
	else if (!doctor->json)
		printf("\nruns can start%s\n",
		       doctor->weaker > 0 ? "; what is missing makes them weaker, as said above" : "");
	return doctor->broken > 0 ? CLI_FEATURE_MISSING : CLI_OK;
}

int verb_doctor(int argc, char **argv)
{
	cleanup_with(path_pool_finish) struct path_pool pool = { 0 };
	struct doctor_args args = { 0 };
	struct doctor doctor = { .colour = cli_colour() };
	struct feature_report report = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&doctor_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > 0)
		return cli_usage("doctor", "'%s' is not expected here", words.words[0]);
	doctor.json = args.json;
	r = dirs_absolute(&args.dirs, &pool, &err);
	if (r == 0)
		r = doctor_report(&args, &report, &err);
	if (r == 0)
		doctor_features(&doctor, &report);
	doctor_accounts(&doctor);
	doctor_files(&doctor);
	if (r < 0)
		return cli_fail(&err);
	return doctor_verdict(&doctor);
}
