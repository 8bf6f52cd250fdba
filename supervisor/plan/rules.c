/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's lists as rules with host paths, for decide() and the hooks. Kernel events carry real
 * paths; a name that leads there by a link gets a rule of its own. */
#include <errno.h>

#include "decide/net.h"
#include "plan/build.h"

static int add_rule(struct build *build, enum rule_kind kind, const char *path, const char *id,
		    enum on_refusal on)
{
	struct plan_text text = build_text(build, slice_of(path));
	struct plan_text name = build_text(build, slice_of(id));
	struct rule_path rule = {
		.path_offset = text.offset, .path_len = text.len,
		.id_offset = name.offset, .id_len = name.len,
		.kind = (uint16_t)kind, .on = (uint16_t)on,
		.flags = host_is_pattern(path) && kind != RULE_READ && kind != RULE_WRITE ? RULE_GLOB : 0,
	};

	return buf_append(&build->paths, &rule, sizeof(rule));
}

static int add_both(struct build *build, enum rule_kind kind, const char *path, const char *id,
		    enum on_refusal on)
{
	struct path real;
	int r = add_rule(build, kind, path, id, on);

	if (r == 0 && !host_is_pattern(path) && host_resolve(build, path, NULL, &real) == 0 &&
	    strcmp(real.text, path) != 0)
		r = add_rule(build, kind, real.text, id, on);
	return r;
}

static int add_list(struct build *build, const struct policy_list *list, enum rule_kind kind,
		    const char *id, enum on_refusal on)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < list->count; i++) {
		char path[PLAN_PATH_MAX];
		enum rule_kind used = kind;

		if (host_expand(build, policy_text(build->policy, list->items[i]), path) < 0)
			continue;
		if (kind == RULE_WRITE && build->policy->workspace_mode == WORKSPACE_READONLY &&
		    path_is_below(path, build->workspace.text))
			used = RULE_READ;
		r = add_both(build, used, path, id, on);
	}
	return r;
}

static int add_flags(struct build *build, const char *const *flags, enum rule_kind kind, const char *id)
{
	int r = 0;

	for (; r == 0 && flags && *flags; flags++) {
		char path[2 * PLAN_PATH_MAX];
		struct path real;

		IGNORE(snprintf(path, sizeof(path), **flags == '/' ? "%s%s" : "%s/%s",
				**flags == '/' ? "" : build->spec->cwd, *flags) < 0);
		if (host_resolve(build, path, NULL, &real) == 0)
			r = add_rule(build, kind, real.text, id, ON_DENY);
	}
	return r;
}

static int add_own_rule(struct build *build, enum rule_kind kind, const char *path)
{
	int r = add_rule(build, kind, path, "sandbox.own", ON_DENY);
	size_t count = build->paths.len / sizeof(struct rule_path);

	if (r == 0 && (kind == RULE_READ || kind == RULE_WRITE))
		((struct rule_path *)(void *)build->paths.data)[count - 1].flags |= RULE_PRIVATE;
	return r;
}

/* What every run has: its own /proc, /dev, temporary directories and home. */
static int add_own(struct build *build)
{
	static const struct {
		const char *path;
		enum rule_kind kind;
	} own[] = {
		{ "/proc", RULE_READ }, { "/dev", RULE_WRITE }, { "/tmp", RULE_WRITE },
		{ "/var/tmp", RULE_WRITE }, { "/run", RULE_WRITE },
		{ "/var/lib/bailiff", RULE_HIDE }, { "/run/bailiff", RULE_HIDE },
	};
	int r = 0;

	/* What pid 1 closes after the first reader; before the rule for all of it, so that it has this name. */
	if (build->policy->secret_count > 0)
		r = add_rule(build, RULE_HIDE, "/run/bailiff/secrets", "secret.double_read", ON_DENY);
	for (size_t i = 0; r == 0 && i < COUNT(own); i++)
		r = add_own_rule(build, own[i].kind, own[i].path);
	if (r == 0 && build->spec->state_dir)
		r = add_own_rule(build, RULE_HIDE, build->spec->state_dir);
	if (r == 0 && build->spec->runtime_dir)
		r = add_own_rule(build, RULE_DENY_WRITE, build->spec->runtime_dir);
	if (r == 0 && build->home.text[0] && layout_shows(build, build->home.text) &&
	    layout_shows(build, build->home.text)->kind == MOUNT_TMPFS)
		r = add_own_rule(build, RULE_WRITE, build->home.text);
	if (r == 0)
		r = add_rule(build, RULE_READ, build->workspace.text, "workspace.path", ON_DENY);
	return r;
}

static int add_common(struct build *build)
{
	struct path common;
	int r = git_common_directory(build, &common);

	if (r <= 0)
		return r;
	r = add_rule(build, build->policy->workspace_mode == WORKSPACE_DIRECT ? RULE_WRITE : RULE_READ,
		     common.text, "workspace.path", ON_DENY);
	for (size_t i = 0; r == 0 && i < GIT_FILES_MAX; i++) {
		char path[PLAN_PATH_MAX];

		r = git_protected(build, i, path);
		if (r == 1)
			r = add_rule(build, RULE_DENY_WRITE, path, "files.deny_write",
				     build->policy->files_on_scope);
	}
	return r;
}

static int add_baselines(struct build *build)
{
	const struct policy *policy = build->policy;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < policy->baseline_count; i++) {
		char id[POLICY_NAME_MAX + 32];

		IGNORE(snprintf(id, sizeof(id), "files.baseline.%s",
				policy_text(policy, policy->baselines[i].id)) < 0);
		r = add_list(build, &policy->baselines[i].paths, RULE_BASELINE, id,
			     policy->baselines[i].on);
	}
	return r;
}

static int add_name(struct build *build, struct slice entry, enum net_verdict verdict)
{
	struct net_name name;
	int r = net_name_parse(entry, verdict, &name);

	return r < 0 ? r : buf_append(&build->names, &name, sizeof(name));
}

/* What is no network is a name of a host; the compiler has seen to it that the mode takes names. */
static int add_net(struct build *build, const char *text, enum net_verdict verdict, enum net_where where)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	int count = net_entry_parse(slice_of(text), verdict, where, rules);

	if (count < 0 && where == NET_CONNECT)
		return add_name(build, slice_of(text), verdict);
	return count < 0 ? count : buf_append(&build->nets, rules, (size_t)count * sizeof(rules[0]));
}

static int add_nets(struct build *build, const struct policy_list *list, enum net_verdict verdict,
		    enum net_where where)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < list->count; i++)
		r = add_net(build, policy_text(build->policy, list->items[i]), verdict, where);
	return r;
}

/* Addresses, names and files of environments that the run may not touch. Only the relay knows names. */
static int add_environment(struct build *build, const struct govern_environment *environment)
{
	const struct govern *govern = &build->policy->govern;
	bool names = build->policy->network_mode == NETWORK_ALLOWLIST;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < environment->nets.count; i++) {
		const char *text = policy_text(build->policy, govern->words[environment->nets.first + i]);
		struct net_rule rules[NET_ENTRY_RULES_MAX];

		if (names || net_entry_parse(slice_of(text), NET_DENY, NET_CONNECT, rules) >= 0)
			r = add_net(build, text, NET_DENY, NET_CONNECT);
	}
	for (uint32_t i = 0; r == 0 && i < environment->paths.count; i++) {
		char path[PLAN_PATH_MAX];

		if (host_expand(build, policy_text(build->policy, govern->words[environment->paths.first + i]), path) == 0)
			r = add_both(build, RULE_HIDE, path, policy_text(build->policy, environment->id),
				     (enum on_refusal)environment->on);
	}
	return r;
}

static int add_environments(struct build *build)
{
	uint32_t uncovered = environments_of_others(build);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < GOVERN_ENVIRONMENTS_MAX; i++)
		if (uncovered >> i & 1U)
			r = add_environment(build, &build->policy->govern.environments[i]);
	return r;
}

static int add_entry(struct build *build, const char *entry, enum net_where where)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	int count = net_entry_parse(slice_of(entry), NET_ALLOW, where, rules);

	return count < 0 ? count : buf_append(&build->nets, rules, (size_t)count * sizeof(rules[0]));
}

/* In its own network namespace a run has its loopback, and nothing else can be reached. It listens there where
 * it likes, or where the policy says. */
static int add_loopback(struct build *build)
{
	const struct policy_list *bind = &build->policy->net_bind;
	static const char *const own[] = { "127.0.0.0/8", "0.0.0.0", "::1", "::" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(own); i++)
		r = add_entry(build, own[i], NET_CONNECT);
	if (r == 0)
		r = bind->count > 0 ? add_nets(build, bind, NET_ALLOW, NET_BIND) : add_entry(build, "*", NET_BIND);
	return r;
}

/* Who may listen at a port of the kernel's choice may ask the kernel for one (port 0). */
static int add_chosen_ports(struct build *build)
{
	size_t count = build->nets.len / sizeof(struct net_rule);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct net_rule rule = ((const struct net_rule *)(const void *)build->nets.data)[i];

		if (rule.where != NET_BIND || rule.verdict != NET_ALLOW || rule.port_first == 0 ||
		    rule.port_first > 32768 || rule.port_last < 60999)
			continue;
		rule.port_first = 0;
		rule.port_last = 0;
		r = buf_append(&build->nets, &rule, sizeof(rule));
	}
	return r;
}

static int add_network(struct build *build)
{
	const struct policy *policy = build->policy;
	int r = add_nets(build, &policy->net_deny, NET_DENY, NET_CONNECT);

	if (r == 0 && (policy->network_mode == NETWORK_NONE || build->spec->network == NETWORK_NONE))
		return add_loopback(build);
	if (r == 0)
		r = add_nets(build, &policy->net_allow, NET_ALLOW, NET_CONNECT);
	if (r == 0 && policy->network_mode == NETWORK_ALLOWLIST)
		r = add_loopback(build);
	else if (r == 0)
		r = add_nets(build, &policy->net_bind, NET_ALLOW, NET_BIND);
	return r == 0 ? add_chosen_ports(build) : r;
}

int rules_build(struct build *build, struct error *err)
{
	const struct policy *policy = build->policy;
	enum on_refusal on = policy->files_on_scope;
	int r = add_own(build);

	if (r == 0)
		r = add_list(build, &policy->read, RULE_READ, "files.read", ON_DENY);
	if (r == 0)
		r = add_list(build, &policy->write, RULE_WRITE, "files.write", ON_DENY);
	if (r == 0)
		r = add_flags(build, build->spec->extra_read, RULE_READ, "flag.read");
	if (r == 0)
		r = add_flags(build, build->spec->extra_write, RULE_WRITE, "flag.write");
	if (r == 0)
		r = add_list(build, &policy->hide, RULE_HIDE, "sandbox.hide", ON_DENY);
	if (r == 0)
		r = add_list(build, &policy->deny_read, RULE_DENY_READ, "files.deny_read", ON_DENY);
	if (r == 0)
		r = add_list(build, &policy->deny_write, RULE_DENY_WRITE, "files.deny_write", on);
	if (r == 0)
		r = add_list(build, &policy->net_allow_unix, RULE_WRITE, "network.allow_unix", ON_DENY);
	if (r == 0)
		r = add_common(build);
	if (r == 0)
		r = add_baselines(build);
	if (r == 0)
		r = add_environments(build);
	if (r == 0)
		r = add_network(build);
	return r < 0 ? error_set(err, r, "write the rules of the run") : 0;
}
