/* SPDX-License-Identifier: Apache-2.0 */
/* Policy and command line become a plan. Ends with plan_check() on its own work, so that what is
 * handed to root is what root accepts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"
#include "plan/build.h"

static void build_finish(struct build **build)
{
	struct build *b = *build;

	if (!b)
		return;
	buf_finish(&b->strings);
	buf_finish(&b->paths);
	buf_finish(&b->nets);
	buf_finish(&b->names);
	buf_finish(&b->mounts);
	buf_finish(&b->guards);
	buf_finish(&b->groups);
	buf_finish(&b->argv);
	buf_finish(&b->env);
	buf_finish(&b->govern);
	free(b);
	*build = NULL;
}

static struct build *build_new(const struct policy *policy, const struct run_spec *spec)
{
	struct build *build = calloc(1, sizeof(*build));

	if (!build)
		return NULL;
	build->policy = policy;
	build->spec = spec;
	build->strings = buf_growing(PLAN_STRINGS_MAX);
	build->paths = buf_growing(PLAN_PATHS_MAX * sizeof(struct rule_path));
	build->nets = buf_growing(PLAN_NETS_MAX * sizeof(struct net_rule));
	build->names = buf_growing(PLAN_NAMES_MAX * sizeof(struct net_name));
	build->mounts = buf_growing(PLAN_MOUNTS_MAX * sizeof(struct plan_mount));
	build->guards = buf_growing(PLAN_MOUNTS_MAX * sizeof(struct plan_mount));
	build->groups = buf_growing(PLAN_GROUPS_MAX * sizeof(uint32_t));
	build->argv = buf_growing(PLAN_ARGV_MAX);
	build->env = buf_growing(PLAN_ENV_MAX);
	build->govern = buf_growing(PLAN_GOVERN_MAX);
	return build;
}

static int refuse(struct error *err, int code, const char *next)
{
	error_exit(err, BUILD_EXIT_REFUSED);
	error_next(err, "%s", next);
	return code;
}

static int check_spec(const struct run_spec *spec, struct error *err)
{
	if (spec->uid == 0 || spec->uid == UID_NONE || spec->gid == 0 || spec->gid == GID_NONE) {
		error_say(err, -EPERM, "a run is never root (uid %u, gid %u)", spec->uid, spec->gid);
		return refuse(err, -EPERM, "start it as a user, or as root with the account bailiff-agent");
	}
	if (spec->owner_uid != 0 && spec->owner_uid != spec->uid)
		return error_say(err, -EPERM, "owner %u is neither root nor the run's user", spec->owner_uid);
	if (spec->filter.len == 0 || spec->filter.len % sizeof(struct sock_filter) != 0)
		return error_say(err, -EINVAL, "no system call filter was compiled");
	if (spec->doc.len == 0)
		return error_say(err, -EINVAL, "no policy document was given");
	if (!spec->cwd || spec->cwd[0] != '/')
		return error_say(err, -EINVAL, "the current directory is not known");
	return 0;
}

/* Directories that hold the system itself: no command works on them as a whole. */
static bool is_system(const char *path)
{
	static const char *const whole[] = { "/", "/home", "/var", "/run", "/opt", "/srv", "/mnt" };
	static const char *const trees[] = { "/usr", "/etc", "/boot", "/proc", "/sys", "/dev" };

	for (size_t i = 0; i < COUNT(whole); i++)
		if (strcmp(path, whole[i]) == 0)
			return true;
	for (size_t i = 0; i < COUNT(trees); i++)
		if (path_is_below(path, trees[i]) && !path_is_below(path, "/usr/src") &&
		    !path_is_below(path, "/usr/local/src"))
			return true;
	return false;
}

static int check_workspace(const struct build *build, struct error *err)
{
	const struct path *workspace = &build->workspace;
	const struct run_spec *spec = build->spec;
	char shown[256];

	text_escape(shown, sizeof(shown), slice_of(workspace->text));
	if (!S_ISDIR(workspace->st.st_mode)) {
		error_say(err, -ENOTDIR, "the workspace '%s' is not a directory", shown);
		return refuse(err, -ENOTDIR, "start in a directory");
	}
	if (is_system(workspace->text)) {
		error_say(err, -EPERM, "the system directory '%s' cannot be a workspace", shown);
		return refuse(err, -EPERM, "start in a directory of your own");
	}
	if (build->policy->workspace_mode == WORKSPACE_READONLY)
		return 0;
	/* .bashrc, .profile, .config/autostart, .ssh: what is written there runs later, outside. */
	if (build->home.text[0] && path_is_below(build->home.text, workspace->text)) {
		error_say(err, -EPERM, "the home directory '%s' cannot be a workspace: files in it run "
			  "when you log in", shown);
		return refuse(err, -EPERM, "start in a directory below it, or use a policy with "
			      "`workspace: {mode: readonly}`");
	}
	if (spec->owner_uid == 0 || workspace->st.st_uid == spec->uid)
		return 0;
	error_say(err, -EPERM, "the workspace '%s' belongs to uid %u, not to uid %u", shown,
		  workspace->st.st_uid, spec->uid);
	return refuse(err, -EPERM, "start in a directory of your own, or use a policy with "
		      "`workspace: {mode: readonly}`");
}

static int find_workspace(struct build *build, struct error *err)
{
	const char *wanted = build->spec->workspace;
	char expanded[PLAN_PATH_MAX], shown[256];
	int r;

	if (!wanted)
		wanted = policy_text(build->policy, build->policy->workspace_path);
	r = host_expand(build, wanted, expanded);
	if (r == 0)
		r = host_resolve(build, expanded, layout_note_link, &build->workspace);
	if (r == 0)
		return check_workspace(build, err);
	text_escape(shown, sizeof(shown), slice_of(wanted));
	error_set(err, r, "the workspace '%s'", shown);
	return refuse(err, r, "name a directory that exists and that you can reach");
}

/* Real paths of home, cwd and workspace; everything else is expanded from them. */
static int find_places(struct build *build, struct error *err)
{
	const struct run_spec *spec = build->spec;
	int r;

	if (spec->home && spec->home[0] == '/' && spec->home[1] &&
	    host_resolve(build, spec->home, layout_note_link, &build->home) < 0)
		/* A home that does not exist is made, empty and private, as every home is. */
		IGNORE(text_copy(build->home.text, sizeof(build->home.text), slice_of(spec->home)) < 0);
	r = host_resolve(build, spec->cwd, layout_note_link, &build->cwd);
	if (r < 0) {
		error_set(err, r, "the current directory");
		return refuse(err, r, "start in a directory that exists");
	}
	return find_workspace(build, err);
}

static int add_groups(struct build *build)
{
	int r = 0;

	/* Group 0 opens root's files: never given to a run. */
	for (size_t i = 0; r == 0 && i < build->spec->group_count; i++) {
		uint32_t gid = build->spec->groups[i];

		if (gid != 0 && gid != build->spec->gid)
			r = buf_append(&build->groups, &gid, sizeof(gid));
	}
	return r;
}

static int add_section(struct buf *plan, enum plan_section section, struct slice bytes, size_t element)
{
	struct plan_range *range;
	size_t offset;
	int r = buf_align(plan, 8);

	if (bytes.len == 0 || r < 0)
		return r;
	offset = plan->len;
	r = buf_append(plan, bytes.data, bytes.len);
	range = &((struct plan_head *)(void *)plan->data)->sections[section];
	*range = (struct plan_range){ (uint32_t)offset, (uint32_t)(bytes.len / element) };
	return r;
}

static uint64_t lower(uint64_t policy, uint64_t flag)
{
	if (policy == 0 || flag == 0)
		return policy ? policy : flag;
	return MIN(policy, flag);
}

static void fill_limits(struct plan_head *head, const struct policy_limits *policy,
			const struct policy_limits *flags)
{
	head->limits = (struct plan_limits){
		.memory_bytes = lower(policy->memory_bytes, flags->memory_bytes),
		.file_size_bytes = lower(policy->file_size_bytes, flags->file_size_bytes),
		.cpu_milli = lower(policy->cpu_milli, flags->cpu_milli),
		.wall_ns = lower(policy->wall_ns, flags->wall_ns),
		.pids = (uint32_t)lower(policy->pids, flags->pids),
		.open_files = (uint32_t)lower(policy->open_files, flags->open_files),
	};
}

/* There is no call that only reads it. */
static uint32_t current_umask(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return mask & 0777;
}

static void fill_rules(struct plan_head *head, const struct build *build)
{
	const struct policy *policy = build->policy;
	bool none = policy->network_mode == NETWORK_NONE || build->spec->network == NETWORK_NONE;

	head->mode = policy->mode;
	head->workspace_mode = policy->workspace_mode;
	head->network_mode = none ? NETWORK_NONE : policy->network_mode;
	head->on_supervisor_loss = policy->on_supervisor_loss;
	head->on_loss = policy->on_loss;
	head->tier = policy->tier;
	head->max_concurrent = policy->max_concurrent;
	head->require = policy->require;
	head->prefer = policy->prefer;
	head->files_on_scope = policy->files_on_scope;
	head->net_on_scope = policy->net_on_scope;
	head->on_forbidden = policy->on_forbidden;
	head->connect_default = NET_DENY;
	head->bind_default = NET_DENY;
	head->umask = current_umask();
	for (uint32_t i = 0; !none && i < MIN(policy->net_expose.count, PLAN_EXPOSE_MAX); i++) {
		uint32_t port = 0;

		/* The compiler has checked it; 0 would be refused by plan_check(). */
		IGNORE(parse_u32(slice_of(policy_text(policy, policy->net_expose.items[i])), 1024, UINT16_MAX,
				 &port) < 0);
		head->expose[head->expose_count++] = (uint16_t)port;
	}
	memcpy(head->responses, policy->responses, sizeof(head->responses));
	memcpy(head->severity_override, policy->severity_override, sizeof(head->severity_override));
	head->heartbeat = (struct plan_heartbeat){
		.ttl_ns = policy->heartbeat.ttl_ns, .grace_start_ns = policy->heartbeat.grace_start_ns,
		.max_extend_ns = policy->heartbeat.max_extend_ns, .mode = policy->heartbeat.mode,
		.stall_after_ns = policy->heartbeat.stall_after_ns, .max_repeats = policy->heartbeat.max_repeats,
		.on_stall = policy->heartbeat.on_stall,
	};
}

static struct plan_text head_text(struct build *build, const char *text, const char *otherwise)
{
	return build_text(build, slice_of(text && *text ? text : otherwise));
}

static void fill_head(struct plan_head *head, struct build *build)
{
	const struct run_spec *spec = build->spec;

	head->magic = PLAN_MAGIC;
	head->version = PLAN_VERSION;
	head->uid = spec->uid;
	head->gid = spec->gid;
	head->owner_uid = spec->owner_uid;
	head->flags = spec->flags | (build->broker ? PLAN_BROKER : 0) |
		      (build->policy->govern.settings.gated ? PLAN_GATE : 0);
	head->program = head_text(build, build->program, "");
	head->cwd = head_text(build, build->cwd.text, "/");
	head->workspace = head_text(build, build->workspace.text, "/");
	head->agent = head_text(build, spec->agent, "agent");
	head->policy_name = head_text(build, build->policy->name, "");
	head->owner_name = head_text(build, spec->owner_name, "");
	head->hostname = head_text(build, spec->hostname, "bailiff");
	memcpy(head->policy_digest, spec->digest, sizeof(head->policy_digest));
	fill_limits(head, &build->policy->limits, &spec->limits);
	fill_rules(head, build);
}

static int add_secrets(struct build *build, struct plan_secret secrets[POLICY_SECRETS_MAX])
{
	const struct policy *policy = build->policy;

	for (uint32_t i = 0; i < policy->secret_count; i++)
		secrets[i] = (struct plan_secret){
			.name = head_text(build, policy_text(policy, policy->secrets[i].name), ""),
			.as = policy->secrets[i].as,
		};
	return build->strings.failed ? -E2BIG : 0;
}

static int assemble(struct build *build, struct buf *plan)
{
	struct plan_secret secrets[POLICY_SECRETS_MAX];
	struct plan_head head = { 0 };
	int r;

	fill_head(&head, build);
	if (add_secrets(build, secrets) < 0 || buf_append(&build->mounts, build->guards.data, build->guards.len) < 0)
		return -E2BIG;
	r = buf_append(plan, &head, sizeof(head));
	if (r == 0)
		r = add_section(plan, PLAN_STRINGS, buf_slice(&build->strings), 1);
	if (r == 0)
		r = add_section(plan, PLAN_PATHS, buf_slice(&build->paths), sizeof(struct rule_path));
	if (r == 0)
		r = add_section(plan, PLAN_NETS, buf_slice(&build->nets), sizeof(struct net_rule));
	if (r == 0)
		r = add_section(plan, PLAN_NAMES, buf_slice(&build->names), sizeof(struct net_name));
	if (r == 0)
		r = add_section(plan, PLAN_MOUNTS, buf_slice(&build->mounts), sizeof(struct plan_mount));
	if (r == 0)
		r = add_section(plan, PLAN_GROUPS, buf_slice(&build->groups), sizeof(uint32_t));
	if (r == 0)
		r = add_section(plan, PLAN_FILTER, build->spec->filter, sizeof(struct sock_filter));
	if (r == 0)
		r = add_section(plan, PLAN_ARGV, buf_slice(&build->argv), 1);
	if (r == 0)
		r = add_section(plan, PLAN_ENV, buf_slice(&build->env), 1);
	if (r == 0)
		r = add_section(plan, PLAN_DOC, build->spec->doc, 1);
	if (r == 0)
		r = add_section(plan, PLAN_SECRETS, slice_new(secrets, sizeof(secrets[0]) * build->policy->secret_count),
				sizeof(secrets[0]));
	if (r == 0)
		r = add_section(plan, PLAN_GOVERN, buf_slice(&build->govern), 1);
	if (r == 0)
		((struct plan_head *)(void *)plan->data)->bytes = (uint32_t)plan->len;
	return r;
}

_Static_assert(PLAN_SECRETS_MAX == POLICY_SECRETS_MAX, "a policy's secrets fit into a plan");

struct plan_rules_memory {
	struct build *build;
	struct run_spec spec;
};

void plan_rules_free(struct plan_rules_memory *memory)
{
	if (memory)
		build_finish(&memory->build);
	free(memory);
}

static void fill_view(const struct build *build, struct rules *ret_rules)
{
	const struct policy *policy = build->policy;

	*ret_rules = (struct rules){
		.strings = build->strings.data, .strings_len = build->strings.len,
		.paths = (const struct rule_path *)(const void *)build->paths.data,
		.path_count = build->paths.len / sizeof(struct rule_path),
		.nets = (const struct net_rule *)(const void *)build->nets.data,
		.net_count = build->nets.len / sizeof(struct net_rule),
		.names = (const struct net_name *)(const void *)build->names.data,
		.name_count = build->names.len / sizeof(struct net_name),
		.connect_default = NET_DENY, .bind_default = NET_DENY,
		.files_on_scope = (uint8_t)policy->files_on_scope,
		.net_on_scope = (uint8_t)policy->net_on_scope,
		.on_forbidden = (uint8_t)policy->on_forbidden,
		.network_mode = (uint8_t)policy->network_mode,
	};
	memcpy(ret_rules->responses, policy->responses, sizeof(policy->responses));
	memcpy(ret_rules->severity_override, policy->severity_override,
	       sizeof(policy->severity_override));
}

int plan_rules_of(const struct policy *policy, const char *workspace, const char *home,
		  struct plan_rules_memory **ret_memory, struct rules *ret_rules, struct error *err)
{
	struct plan_rules_memory *memory = calloc(1, sizeof(*memory));
	int r = memory ? 0 : -ENOMEM;

	if (r == 0) {
		memory->spec = (struct run_spec){ .cwd = workspace, .network = -1 };
		memory->build = build_new(policy, &memory->spec);
		r = memory->build ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = text_copy(memory->build->workspace.text, PLAN_PATH_MAX, slice_of(workspace));
	if (r == 0)
		r = text_copy(memory->build->home.text, PLAN_PATH_MAX, slice_of(home));
	if (r == 0)
		r = layout_own(memory->build);
	if (r == 0)
		r = rules_build(memory->build, err);
	if (r < 0) {
		plan_rules_free(memory);
		return err && err->code ? r : error_set(err, r, "write the rules of the policy");
	}
	fill_view(memory->build, ret_rules);
	*ret_memory = memory;
	return 0;
}

static int check_network(const struct build *build, struct error *err)
{
	int wanted = build->spec->network;

	if (wanted < 0 || wanted == NETWORK_NONE || wanted == (int)build->policy->network_mode)
		return 0;
	error_say(err, -EPERM, "--net can only narrow what policy '%s' says", build->policy->name);
	return refuse(err, -EPERM, "use --net none, or a policy with that network mode");
}

static int build_parts(struct build *build, struct error *err)
{
	static int (*const parts[])(struct build *, struct error *) = {
		/* In this order: each looks at what those before it have made. */
		find_places, layout_build, protect_build, rules_build, own_addresses_build, command_build,
		govern_build,
	};
	int r = check_network(build, err);

	for (size_t i = 0; r == 0 && i < COUNT(parts); i++)
		r = parts[i](build, err);
	if (r == 0 && add_groups(build) < 0)
		r = error_say(err, -E2BIG, "more than %u groups", PLAN_GROUPS_MAX);
	return r;
}

int plan_build(const struct policy *policy, const struct run_spec *spec, int *ret_memfd, struct error *err)
{
	cleanup_with(build_finish) struct build *build = build_new(policy, spec);
	cleanup_with(buf_finish) struct buf bytes = buf_growing(PLAN_BYTES_MAX);
	struct plan plan;
	int r;

	if (!build)
		return error_set(err, -ENOMEM, "build the plan");
	r = check_spec(spec, err);
	if (r == 0)
		r = build_parts(build, err);
	if (r < 0)
		return r;
	r = assemble(build, &bytes);
	if (r < 0)
		return error_set(err, r, "the plan of this run is too large");
	r = plan_check(bytes.data, bytes.len, &plan, err);
	if (r < 0)
		return r;
	r = io_sealed_memfd("bailiff-plan", bytes.data, bytes.len, ret_memfd);
	return r < 0 ? error_set(err, r, "keep the plan in memory") : 0;
}
