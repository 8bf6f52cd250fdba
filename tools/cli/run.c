/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff run`: who, which policy, the plan, the supervisor, the session; in this order, so that
 * whatever is wrong with the request is said before anything was started. */
#include <errno.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/identity.h"
#include "cli/keeper.h"
#include "cli/paths.h"
#include "cli/run_after.h"
#include "cli/run_args.h"
#include "cli/run_env.h"
#include "cli/run_policy.h"
#include "cli/secrets.h"
#include "cli/session.h"
#include "cli/shell.h"
#include "cli/verbs.h"
#include "plan/plan.h"

struct run_request {
	struct run_args args;
	struct identity identity;
	struct run_policy policy;
	struct run_env env;
	struct path_pool pool;
	struct shell shell;
	struct utsname host;
	char cwd[4096];
	char agent[RUN_AGENT_MAX + 1];
	char note[640];
};

static struct run_request *request_free(struct run_request *request)
{
	if (!request)
		return NULL;
	run_args_finish(&request->args);
	run_policy_finish(&request->policy);
	run_env_finish(&request->env);
	path_pool_finish(&request->pool);
	shell_finish(&request->shell);
	free(request);
	return NULL;
}

static void request_free_p(struct run_request **request)
{
	*request = request_free(*request);
}

static int request_places(struct run_request *request, struct error *err)
{
	struct run_args *args = &request->args;
	int r;

	if (!getcwd(request->cwd, sizeof(request->cwd))) {
		error_set(err, -errno, "read the current directory");
		error_next(err, "`cd` to a directory that exists");
		return error_exit(err, CLI_USAGE);
	}
	r = dirs_absolute(&args->dirs, &request->pool, err);
	if (r == 0)
		r = paths_resolve("read", request->cwd, &args->read, &request->pool, err);
	if (r == 0)
		r = paths_resolve("write", request->cwd, &args->write, &request->pool, err);
	if (r == 0 && args->workspace) {
		struct option_list one = { .items = &args->workspace, .count = 1 };

		r = paths_resolve("workspace", request->cwd, &one, &request->pool, err);
		/* `-C DIR` is also where the command starts, as with make and git. */
		if (r == 0)
			r = text_copy(request->cwd, sizeof(request->cwd), slice_of(args->workspace));
	}
	return r;
}

static int request_prepare(struct run_request *request, struct error *err)
{
	int r = request_places(request, err);

	if (r == 0)
		r = identity_find(&request->identity, err);
	if (r == 0 && request->args.shell)
		r = shell_fill(&request->args, &request->identity, &request->shell, err);
	if (r == 0)
		r = run_env_make(&request->args.env, &request->identity, &request->env, err);
	if (r == 0)
		r = run_policy_load(&request->args, &request->identity, &request->policy, err);
	if (r == 0 && uname(&request->host) < 0)
		r = error_set(err, -errno, "read the host's name");
	if (request->args.agent)
		IGNORE(text_copy(request->agent, sizeof(request->agent), slice_of(request->args.agent)));
	else
		run_agent_name(request->args.command[0], request->agent);
	return r;
}

static uint32_t terminal_flags(const struct run_args *args)
{
	uint32_t flags = args->quiet ? PLAN_QUIET : 0;

	if (args->detach || isatty(STDIN_FILENO))
		flags |= PLAN_TERMINAL_IN;
	if (args->detach || isatty(STDOUT_FILENO))
		flags |= PLAN_TERMINAL_OUT;
	if (args->detach || isatty(STDERR_FILENO))
		flags |= PLAN_TERMINAL_ERR;
	return flags;
}

static int request_plan(struct run_request *request, int *ret_plan_fd, struct error *err)
{
	const struct identity *identity = &request->identity;
	struct run_spec spec = {
		.argv = (const char *const *)request->args.command,
		.environ = (const char *const *)request->env.items,
		.cwd = request->cwd,
		.home = identity->home[0] ? identity->home : NULL,
		.uid = identity->uid,
		.gid = identity->gid,
		.groups = identity->groups,
		.group_count = identity->group_count,
		.owner_uid = identity->owner_uid,
		.owner_name = identity->owner_name,
		.agent = request->agent,
		.hostname = request->host.nodename,
		.network = -1, /* this and the limits are in the policy by now */
		.workspace = request->args.workspace,
		.flags = terminal_flags(&request->args),
		.state_dir = request->args.dirs.state_dir,
		.runtime_dir = request->args.dirs.runtime_dir,
		.doc = buf_slice(&request->policy.json),
		.filter = slice_new(request->policy.filter, sizeof(request->policy.filter[0]) *
							     request->policy.filter_count),
	};

	memcpy(spec.digest, request->policy.digest, sizeof(spec.digest));
	return plan_build(request->policy.policy, &spec, ret_plan_fd, err);
}

/* The run is over with `code`. */
static int after(const struct run_request *request, int control_fd, const struct ulid *run, int code)
{
	struct error err = { 0 };

	if (ulid_is_zero(run) || request->policy.policy->workspace_mode != WORKSPACE_OVERLAY)
		return code;
	if (request->args.dry_run)
		return run_after_dry(control_fd, run, &err) < 0 ? cli_fail(&err) : code;
	/* The supervisor takes the overlays of the task away meanwhile. */
	if (request->args.task && code != 0) {
		if (!request->args.quiet)
			fprintf(stderr, "bailiff: task %s failed: what its runs changed is taken back\n",
				request->args.task);
	} else if (!request->args.quiet && !request->args.json) {
		run_after_hint(control_fd, run, request->args.learn);
	}
	return code;
}

/* What made the policy what it is, behind its name. */
static const char *policy_note(struct run_request *request)
{
	const struct policy *policy = request->policy.policy;
	struct buf note = buf_fixed(request->note, sizeof(request->note) - 1);
	char path[256];

	if (request->args.policy_picked)
		IGNORE(buf_text(&note, " (for a command of this name; -p overrides)") < 0);
	if (policy->mode == MODE_LEARN)
		IGNORE(buf_text(&note, " (mode learn: what its rules refuse is recorded, and happens)") < 0);
	else if (policy->mode == MODE_PERMISSIVE)
		IGNORE(buf_text(&note, " (mode permissive: what its rules refuse is recorded, and happens)") < 0);
	for (uint32_t i = 0; i < policy->project_count; i++) {
		text_escape(path, sizeof(path), slice_of(policy_text(policy, policy->projects[i].path)));
		IGNORE(buf_printf(&note, "%s%s", i == 0 ? " tightened by " : " and ", path) < 0);
	}
	return request->note;
}

/* Returns the exit code or a negative errno. */
static int request_session(const struct run_request *request, const struct session_spec *spec, struct error *err)
{
	char text[ULID_TEXT_LEN + 1];
	struct ulid run;
	int code, r;

	if (!request->args.detach)
		return session_run(spec, err);
	r = keeper_start(spec, &run, &code, err);
	if (r < 0 || ulid_is_zero(&run))
		return r < 0 ? r : code;
	ulid_text(&run, text);
	printf("%s\n", text);
	if (!request->args.quiet && !request->args.json)
		fprintf(stderr, "bailiff: it goes on without you; `bailiff attach %s`\n", text);
	return CLI_OK;
}

static int run_verb(const struct option_set *set, int argc, char **argv)
{
	cleanup_with(request_free_p) struct run_request *request = calloc(1, sizeof(*request));
	auto_close int plan_fd = FD_NONE, control_fd = FD_NONE, secrets_fd = FD_NONE;
	struct ulid run = { { 0 } };
	struct error err = { 0 };
	int r;

	if (!request)
		return CLI_INTERNAL;
	r = run_args_parse(set, argc, argv, &request->args);
	if (r >= 0)
		return r;
	r = request_prepare(request, &err);
	if (r == 0) {
		secrets_withhold(request->policy.policy, &request->env);
		r = request_plan(request, &plan_fd, &err);
	}
	/* Last before the supervisor hears of it: nobody waits for a secret of a run that is refused. */
	if (r == 0)
		r = secrets_gather(&request->policy, &request->identity, &request->env, &secrets_fd, &err);
	if (r == 0)
		r = client_connect_or_start(&request->args.dirs, &control_fd, &err);
	if (r == 0)
		r = request_session(request, &(struct session_spec){
			.control_fd = control_fd, .plan_fd = plan_fd, .secrets_fd = &secrets_fd,
			.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO }, .report_fd = FD_NONE,
			.detach_keys = request->args.detach_keys, .identity = &request->identity,
			.ask = request->args.ask, .quiet = request->args.quiet, .verbose = request->args.verbose, .json = request->args.json,
			.task = request->args.task, .ret_run = &run, .policy_note = policy_note(request),
		}, &err);
	return r < 0 ? cli_fail(&err) : after(request, control_fd, &run, r);
}

int verb_run(int argc, char **argv)
{
	return run_verb(&run_options, argc, argv);
}

int verb_shell(int argc, char **argv)
{
	return run_verb(&shell_options, argc, argv);
}
