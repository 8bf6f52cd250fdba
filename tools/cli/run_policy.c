/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_policy.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <seccomp.h>

#include "base/proc.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/policy_cache.h"
#include "cli/project_file.h"
#include "cli/run_learn.h"
#include "compiler/tighten.h"
#include "decide/net.h"
#include "decide/net_name.h"

#define COMPILE_SECONDS 10U
#define COMPILE_MEMORY (512UL << 20)
#define COMPILE_FILE_BYTES (1UL << 20)

/* Written by the child, read by us only after it is gone. */
struct compiled {
	int result;
	uint32_t filter_count;
	struct error err;
	struct diagnostics diagnostics;
	struct sock_filter filter[PLAN_FILTER_MAX];
	struct policy policy;
};

/* Everything that is read for one run, understood in the child alone. */
struct run_documents {
	struct policy_source source;
	struct project_files project;
};

/* ---- flags ---- */

static int widens(const char *policy, const char *flag, const char *has, struct error *err)
{
	error_say(err, -EPERM, "--%s would widen the policy '%s', which has %s", flag, policy, has);
	error_next(err, "flags only narrow here: leave it out, or use a policy that allows it (-p)");
	return error_exit(err, CLI_USAGE);
}

static int lower_u64(const char *policy, const char *flag, uint64_t wanted, uint64_t *limit,
		     struct error *err)
{
	char has[64];

	if (wanted == 0)
		return 0;
	if (*limit != 0 && wanted > *limit) {
		IGNORE(snprintf(has, sizeof(has), "%llu", (unsigned long long)*limit) < 0);
		if (strcmp(flag, "time") == 0)
			text_duration(has, sizeof(has), *limit);
		return widens(policy, flag, has, err);
	}
	*limit = wanted;
	return 0;
}

static int lower_limits(const struct run_args *args, struct policy *policy, struct error *err)
{
	struct policy_limits *limits = &policy->limits;
	uint64_t pids = limits->pids;
	int r = lower_u64(policy->name, "pids", args->pids, &pids, err);

	limits->pids = (uint32_t)pids;
	if (r == 0)
		r = lower_u64(policy->name, "memory", args->memory_bytes, &limits->memory_bytes, err);
	if (r == 0)
		r = lower_u64(policy->name, "cpu", args->cpu_milli, &limits->cpu_milli, err);
	if (r == 0)
		r = lower_u64(policy->name, "time", args->wall_ns, &limits->wall_ns, err);
	return r;
}

static int narrow_network(const struct run_args *args, struct policy *policy, struct error *err)
{
	if (!args->network)
		return 0;
	if (strcmp(args->network, "none") == 0) {
		policy->network_mode = NETWORK_NONE;
		/* Rules for what is no longer there would be refused or mislead a reader. */
		policy->net_allow.count = policy->net_deny.count = policy->net_bind.count = 0;
		policy->net_expose.count = 0;
		return 0;
	}
	if (strcmp(args->network, "allowlist") == 0 && policy->network_mode != NETWORK_NONE) {
		policy->network_mode = NETWORK_ALLOWLIST;
		policy->net_bind.count = 0; /* a loopback of its own, where it may listen anywhere */
		return 0;
	}
	/* From nothing to what --allow names, and no further. */
	if (strcmp(args->network, "allowlist") == 0 && args->allow.count > 0)
		return 0;
	if (policy->network_mode == NETWORK_HOST)
		return 0;
	return widens(policy->name, strcmp(args->network, "host") == 0 ? "net host" : "net allowlist",
		      policy->network_mode == NETWORK_NONE ? "`network: none`" : "an allowlist", err);
}

/* What is kept apart until somebody accepts it is less than what is written in place. */
static int narrow_workspace(const struct run_args *args, struct policy *policy, struct error *err)
{
	if (!args->overlay)
		return 0;
	if (policy->workspace_mode == WORKSPACE_READONLY)
		return widens(policy->name, args->dry_run ? "dry-run" : "overlay",
			      "`workspace: {mode: readonly}`", err);
	policy->workspace_mode = WORKSPACE_OVERLAY;
	return 0;
}

static int add_all(struct policy *policy, struct policy_list *list, const char *flag,
		   const struct option_list *from, struct error *err)
{
	for (size_t i = 0; i < from->count; i++) {
		/* Of NAME=VALUE only the name: values may be secrets, and this is recorded. */
		size_t len = strcmp(flag, "env") == 0 ? strcspn(from->items[i], "=")
						      : strlen(from->items[i]);
		int r = policy_add(policy, list, slice_new(from->items[i], len));

		if (r < 0) {
			error_say(err, r, "too many --%s: a list of a policy has %u entries", flag,
				  POLICY_LIST_MAX);
			return error_exit(err, CLI_USAGE);
		}
	}
	return 0;
}

/* Like -r and -w for files: what the person who starts the run names is added to what the policy
 * allows; denials stay. A policy without a network gets one that reaches just these. */
static int add_allowed(const struct run_args *args, struct policy *policy, struct error *err)
{
	for (size_t i = 0; i < args->allow.count; i++) {
		struct slice entry = slice_of(args->allow.items[i]);
		struct net_rule rules[NET_ENTRY_RULES_MAX];
		struct net_name name;
		bool network = net_entry_parse(entry, NET_ALLOW, NET_CONNECT, rules) > 0;

		if (!network && net_name_parse(entry, NET_ALLOW, &name) < 0) {
			error_say(err, -EINVAL, "--allow '%s' is neither a host nor a network",
				  args->allow.items[i]);
			error_next(err, "write example.com:443, *.example.com, 10.0.0.1:22 or 10.0.0.0/8");
			return error_exit(err, CLI_USAGE);
		}
		if (!network && policy->network_mode == NETWORK_HOST) {
			error_say(err, -EINVAL, "--allow '%s' is a name, and the policy '%s' has "
				  "`network: host`, which knows addresses only", args->allow.items[i],
				  policy->name);
			error_next(err, "add --net allowlist, or write an address");
			return error_exit(err, CLI_USAGE);
		}
	}
	if (args->allow.count == 0 || (args->network && strcmp(args->network, "none") == 0))
		return 0;
	if (policy->network_mode == NETWORK_NONE)
		policy->network_mode = NETWORK_ALLOWLIST;
	policy->require |= 1U << FEATURE_BPF_CONNECT;
	return add_all(policy, &policy->net_allow, "allow", &args->allow, err);
}

/* Of what may be written only what is the run's own stays writable; the rest is still to be read. */
static int keep_private(struct policy *policy)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < policy->write.count; i++) {
		struct slice path = slice_of(policy_text(policy, policy->write.items[i]));
		bool own = slice_is(path, "/tmp") || slice_is(path, "/var/tmp") ||
			   (policy->workspace_mode == WORKSPACE_OVERLAY && path.data[0] == '.');

		if (own)
			policy->write.items[kept++] = policy->write.items[i];
		else if (policy_add(policy, &policy->read, path) < 0)
			return -ENOSPC;
	}
	policy->write.count = kept;
	return 0;
}

/* What a tier does not have is taken away (behaviour model, section 7.1). */
static int narrow_tier(const struct run_args *args, struct policy *policy, struct error *err)
{
	const char *word = args->learn && !args->tier ? "T1" : args->tier;
	uint32_t tier = word ? (uint32_t)(word[1] - '0') : policy->tier;

	if (!word)
		return 0;
	if (tier > policy->tier)
		return widens(policy->name, "tier", (const char[]){ 'T', (char)('0' + policy->tier), '\0' }, err);
	policy->tier = tier;
	if (tier <= 1) {
		policy->network_mode = NETWORK_NONE;
		policy->net_allow.count = policy->net_deny.count = policy->net_bind.count = policy->net_expose.count = 0;
		policy->net_allow_unix.count = 0;
	}
	if (tier == 2 && policy->network_mode == NETWORK_HOST) {
		policy->network_mode = NETWORK_ALLOWLIST;
		policy->net_bind.count = 0;
	}
	if (tier == 1 && policy->workspace_mode == WORKSPACE_DIRECT)
		policy->workspace_mode = WORKSPACE_OVERLAY;
	if (tier == 0)
		policy->workspace_mode = WORKSPACE_READONLY;
	return tier <= 1 ? keep_private(policy) : 0;
}

int run_policy_narrow(const struct run_args *args, struct policy *policy, struct error *err)
{
	int r = args->learn ? run_learn(policy) : 0;

	if (r < 0)
		return error_set(err, r, "add what a run that learns can read");
	r = narrow_tier(args, policy, err);
	if (r == 0)
		r = narrow_network(args, policy, err);
	if (r == 0)
		r = add_allowed(args, policy, err);
	if (r == 0)
		r = lower_limits(args, policy, err);
	if (r == 0)
		r = narrow_workspace(args, policy, err);
	if (r == 0)
		r = add_all(policy, &policy->read, "read", &args->read, err);
	if (r == 0)
		r = add_all(policy, &policy->write, "write", &args->write, err);
	if (r == 0)
		r = add_all(policy, &policy->env, "env", &args->env, err);
	return r;
}

/* ---- the child ---- */

/* What allocation, libc and the exit need; everything else answers EPERM. */
static int compile_filter(void)
{
	static const int allowed[] = {
		SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(fstat),
		SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(memfd_create), SCMP_SYS(brk), SCMP_SYS(mmap),
		SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
		SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(getpid),
		SCMP_SYS(gettid), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(sched_yield), SCMP_SYS(sigaltstack), SCMP_SYS(exit), SCMP_SYS(exit_group),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < COUNT(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

static int compile_confine(const struct identity *identity)
{
	const struct {
		int resource;
		rlim_t limit;
	} limits[] = {
		{ RLIMIT_CPU, COMPILE_SECONDS }, { RLIMIT_NPROC, 0 },
		/* libseccomp hands its filter over in a memfd. */
		{ RLIMIT_FSIZE, COMPILE_FILE_BYTES }, { RLIMIT_NOFILE, 64 },
#ifndef __SANITIZE_ADDRESS__
		/* ASan's shadow memory is larger than any address space limit. */
		{ RLIMIT_AS, COMPILE_MEMORY },
#endif
	};
	int r = 0;

	if (geteuid() == 0)
		r = identity_become(identity);
	else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = proc_core_off();
	for (size_t i = 0; r == 0 && i < COUNT(limits); i++) {
		const struct rlimit limit = { limits[i].limit, limits[i].limit };

		r = setrlimit(limits[i].resource, &limit) < 0 ? -errno : 0;
	}
	return r < 0 ? r : compile_filter();
}

/* The errors of a file that is read from the workspace, with a next step that fits it. */
static int project_error(const struct compiled *out, struct error *err)
{
	int r = diagnostics_error(&out->diagnostics, err);

	error_next(err, "mend the file or take it away; it can only tighten the policy '%s', which "
		   "`bailiff policy show %s` shows", out->policy.name, out->policy.name);
	return r;
}

static int tighten(const struct project_files *project, struct compiled *out)
{
	for (uint32_t i = 0; i < project->count; i++) {
		const struct project_file *file = &project->files[i];
		int r = policy_tighten(file->path, file->bytes.data ? buf_slice(&file->bytes) : slice_of(""),
				       &out->policy, &out->diagnostics);

		if (r == 0)
			continue;
		out->diagnostics.layer = POLICY_LAYERS_MAX + i;
		return project_error(out, &out->err);
	}
	return 0;
}

static int compile_document(const struct run_args *args, const struct run_documents *documents,
			    struct compiled *out)
{
	struct buf filter = buf_fixed(out->filter, sizeof(out->filter));
	int r = policy_compile_source(&documents->source, &out->policy, NULL, &out->diagnostics);

	if (r < 0)
		return diagnostics_error(&out->diagnostics, &out->err);
	r = tighten(&documents->project, out);
	if (r == 0)
		r = run_policy_narrow(args, &out->policy, &out->err);
	if (r < 0)
		return r;
	r = policy_filter(&out->policy, &filter, &out->err);
	out->filter_count = (uint32_t)(filter.len / sizeof(out->filter[0]));
	return r;
}

static void __attribute__((noreturn)) compile_child(const struct run_args *args,
						    const struct identity *identity,
						    const struct run_documents *documents,
						    struct compiled *out)
{
	int r = compile_confine(identity);

	if (r < 0)
		error_set(&out->err, r, "confine the policy compiler");
	else
		r = compile_document(args, documents, out);
	out->result = r;
	_exit(r < 0);
}

/* ---- the parent ---- */

static void clean_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

/* The texts come from the confined child: they are shown, so they are made harmless first. */
static int compile_errors(struct compiled *out, struct error *err)
{
	struct diagnostics *found = &out->diagnostics;

	found->count = MIN(found->count, POLICY_ERRORS_MAX);
	for (uint32_t i = 0; i < found->count; i++)
		clean_text(found->items[i].text, sizeof(found->items[i].text));
	clean_text(out->err.text, sizeof(out->err.text));
	clean_text(out->err.next, sizeof(out->err.next));
	*err = out->err;
	if (err->code >= 0)
		err->code = -EINVAL;
	if (err->exit_code < 0 || err->exit_code > CLI_NOT_FOUND)
		err->exit_code = CLI_POLICY_INVALID;
	for (uint32_t i = 1; i < found->count; i++)
		fprintf(stderr, "%s:%u:%u: %s\n", found->file, found->items[i].line,
			found->items[i].column, found->items[i].text);
	return err->code;
}

static int compile_died(int status, struct error *err)
{
	if (WIFSIGNALED(status))
		error_say(err, -EINVAL, "the policy compiler ended by signal %d", WTERMSIG(status));
	else
		error_say(err, -EINVAL, "the policy compiler ended with status %d", WEXITSTATUS(status));
	error_next(err, "make the policy smaller or simpler; `bailiff policy lint FILE` checks it");
	return error_exit(err, CLI_POLICY_INVALID);
}

static const char *document_path(const struct run_documents *documents, uint32_t layer)
{
	if (layer >= POLICY_LAYERS_MAX && layer - POLICY_LAYERS_MAX < documents->project.count)
		return documents->project.files[layer - POLICY_LAYERS_MAX].path;
	return policy_source_path(&documents->source, layer);
}

static int compile_wait(pid_t pid, const struct run_documents *documents, struct compiled *out,
			struct error *err)
{
	int status;
	pid_t r;

	do {
		r = waitpid(pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_set(err, -errno, "wait for the policy compiler");
	out->diagnostics.file = document_path(documents, out->diagnostics.layer);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && out->result < 0)
		return compile_errors(out, err);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return compile_died(status, err);
	if (out->filter_count > PLAN_FILTER_MAX || run_policy_check(&out->policy) < 0) {
		error_say(err, -EINVAL, "the policy compiler's result for '%s' is damaged",
			  documents->source.layers[0].path);
		return error_exit(err, CLI_POLICY_INVALID);
	}
	return 0;
}

static int policy_write(struct run_policy *policy, struct error *err)
{
	int r;

	policy->json = buf_growing(PLAN_DOC_MAX);
	r = policy_json(policy->policy, &policy->json);
	if (r == 0)
		r = policy_digest(buf_slice(&policy->json), policy->digest);
	return r < 0 ? error_set(err, r, "write the effective policy as JSON") : 0;
}

static void policy_take(const struct compiled *out, struct run_policy *policy)
{
	*policy->policy = out->policy;
	policy->filter_count = out->filter_count;
	memcpy(policy->filter, out->filter, sizeof(out->filter[0]) * out->filter_count);
}

static void compiled_unmap(struct compiled **out)
{
	if (*out)
		IGNORE(munmap(*out, sizeof(**out)) < 0);
}

static int compile_confined(const struct run_args *args, const struct identity *identity,
			    const struct run_documents *documents, struct run_policy *policy,
			    struct error *err)
{
	cleanup_with(compiled_unmap) struct compiled *out = NULL;
	void *shared = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	pid_t pid;
	int r;

	if (shared == MAP_FAILED)
		return error_set(err, -errno, "share memory with the policy compiler");
	out = shared;
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork the policy compiler");
	if (pid == 0)
		compile_child(args, identity, documents, out);
	r = compile_wait(pid, documents, out, err);
	if (r == 0)
		policy_take(out, policy);
	return r;
}

static int compile_or_remember(const struct run_args *args, const struct identity *identity,
			       const struct run_documents *documents, struct run_policy *policy,
			       struct error *err)
{
	struct policy_key key;
	bool has_key = policy_cache_key(args, &documents->source, &documents->project, &key) == 0;
	int r;

	if (has_key && policy_cache_get(args, &key, policy))
		return 0;
	r = compile_confined(args, identity, documents, policy, err);
	if (r == 0 && has_key)
		policy_cache_put(args, &key, policy);
	return r;
}

static void documents_free(struct run_documents **documents)
{
	if (*documents) {
		policy_source_finish(&(*documents)->source);
		project_files_finish(&(*documents)->project);
	}
	free(*documents);
}

int run_policy_load(const struct run_args *args, const struct identity *identity,
		    struct run_policy *ret_policy, struct error *err)
{
	cleanup_with(documents_free) struct run_documents *documents = calloc(1, sizeof(*documents));
	int r;

	*ret_policy = (struct run_policy){ 0 };
	ret_policy->policy = policy_new();
	if (!documents || !ret_policy->policy)
		return error_set(err, -ENOMEM, "keep the policy");
	r = policy_source_read(args->policy, &documents->source, err);
	ret_policy->owner = documents->source.layers[0].owner;
	if (r == 0)
		r = project_files_read(args->workspace ? args->workspace : ".", identity, &documents->project, err);
	if (r == 0)
		r = compile_or_remember(args, identity, documents, ret_policy, err);
	if (r == 0)
		r = project_files_protect(&documents->project, ret_policy->policy, err);
	return r < 0 ? r : policy_write(ret_policy, err);
}

void run_policy_finish(struct run_policy *policy)
{
	policy->policy = policy_free(policy->policy);
	buf_finish(&policy->json);
}
