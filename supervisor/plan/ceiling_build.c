/* SPDX-License-Identifier: Apache-2.0 */
/* A policy document as the ceiling of a host. Unprivileged: root checks the result. */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "decide/net.h"
#include "plan/build.h"
#include "plan/ceiling.h"

static int full(struct error *err, const char *what)
{
	error_say(err, -ENOSPC, "the ceiling names more %s than one can have", what);
	return error_exit(err, BUILD_EXIT_INVALID);
}

static int keep(struct ceiling *ceiling, const char *text, uint32_t *ret_offset, uint32_t *ret_len)
{
	size_t len = strlen(text);

	if (len >= PLAN_PATH_MAX || ceiling->strings_len + len + 1 > CEILING_STRINGS_MAX)
		return -ENOSPC;
	*ret_offset = ceiling->strings_len;
	*ret_len = (uint32_t)len;
	memcpy(ceiling->strings + ceiling->strings_len, text, len + 1);
	ceiling->strings_len += (uint32_t)len + 1;
	return 0;
}

static int add_path(struct ceiling *ceiling, enum rule_kind kind, const char *text)
{
	struct rule_path *rule = &ceiling->paths[ceiling->path_count];

	if (ceiling->path_count == CEILING_PATHS_MAX || keep(ceiling, text, &rule->path_offset, &rule->path_len) < 0)
		return -ENOSPC;
	rule->kind = (uint16_t)kind;
	ceiling->path_count++;
	return 0;
}

/* Mounts have real paths; a name that leads there by links is entered with both. */
static int add_both(struct ceiling *ceiling, enum rule_kind kind, const char *text)
{
	auto_free struct build *build = calloc(1, sizeof(*build));
	struct path real;
	int r = build ? add_path(ceiling, kind, strcmp(text, "${cwd}") == 0 ? "." : text) : -ENOMEM;

	if (r == 0 && text[0] == '/' && host_resolve(build, text, NULL, &real) == 0 && strcmp(real.text, text) != 0)
		r = add_path(ceiling, kind, real.text);
	return r;
}

static int add_list(struct ceiling *ceiling, const struct policy *policy, const struct policy_list *list,
		    enum rule_kind kind, const char *key, struct error *err)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const char *text = policy_text(policy, list->items[i]);

		if (host_is_pattern(text)) {
			error_say(err, -EINVAL, "`%s: %s` in a ceiling: a pattern cannot be checked in a plan without "
				  "reading the disk", key, text);
			error_next(err, "name the file or the directory itself");
			return error_exit(err, BUILD_EXIT_INVALID);
		}
		if (add_both(ceiling, kind, text) < 0)
			return full(err, "paths");
	}
	return 0;
}

static int add_nets(struct ceiling *ceiling, const struct policy *policy, const struct policy_list *list,
		    enum net_verdict verdict, enum net_where where, struct error *err)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct slice text = slice_of(policy_text(policy, list->items[i]));
		struct net_rule rules[NET_ENTRY_RULES_MAX];
		int count = net_entry_parse(text, verdict, where, rules);

		if (count < 0 && (ceiling->name_count == CEILING_NAMES_MAX ||
				  net_name_parse(text, verdict, &ceiling->names[ceiling->name_count]) < 0))
			return full(err, "names of hosts");
		if (count < 0) {
			ceiling->name_count++;
			continue;
		}
		if (ceiling->net_count + (uint32_t)count > CEILING_NETS_MAX)
			return full(err, "networks");
		memcpy(&ceiling->nets[ceiling->net_count], rules, (size_t)count * sizeof(rules[0]));
		ceiling->net_count += (uint32_t)count;
	}
	return 0;
}

int ceiling_add_home(struct ceiling *ceiling, uid_t uid, const char *path)
{
	struct ceiling_home *home = &ceiling->homes[ceiling->home_count];

	if (path[0] != '/')
		return 0;
	if (ceiling->home_count == CEILING_HOMES_MAX || keep(ceiling, path, &home->path.offset, &home->path.len) < 0)
		return -ENOSPC;
	home->uid = uid;
	ceiling->home_count++;
	return 0;
}

int ceiling_build(const struct policy *policy, uint32_t set, struct ceiling *ceiling, struct error *err)
{
	const struct {
		const struct policy_list *list;
		enum rule_kind kind;
		const char *key;
	} files[] = {
		{ &policy->read, RULE_READ, "files.read" }, { &policy->write, RULE_WRITE, "files.write" },
		{ &policy->net_allow_unix, RULE_WRITE, "network.allow_unix" },
		{ &policy->hide, RULE_DENY_READ, "sandbox.hide" },
		{ &policy->deny_read, RULE_DENY_READ, "files.deny_read" },
		{ &policy->deny_write, RULE_DENY_WRITE, "files.deny_write" },
	};
	int r = 0;

	*ceiling = (struct ceiling){
		.magic = CEILING_MAGIC, .version = CEILING_VERSION, .set = set, .tier = policy->tier,
		.require = policy->require, .on_forbidden = policy->on_forbidden,
		.files_on_scope = policy->files_on_scope, .net_on_scope = policy->net_on_scope,
		.on_supervisor_loss = policy->on_supervisor_loss, .on_loss = policy->on_loss,
		.workspace_mode = policy->workspace_mode, .network_mode = policy->network_mode,
		.limits = {
			.memory_bytes = policy->limits.memory_bytes, .file_size_bytes = policy->limits.file_size_bytes,
			.cpu_milli = policy->limits.cpu_milli, .wall_ns = policy->limits.wall_ns,
			.pids = policy->limits.pids, .open_files = policy->limits.open_files,
		},
		.strings_len = 1, /* offset 0 is the empty text */
	};
	for (size_t i = 0; r == 0 && i < COUNT(files); i++)
		r = add_list(ceiling, policy, files[i].list, files[i].kind, files[i].key, err);
	if (r == 0)
		r = add_nets(ceiling, policy, &policy->net_allow, NET_ALLOW, NET_CONNECT, err);
	if (r == 0)
		r = add_nets(ceiling, policy, &policy->net_deny, NET_DENY, NET_CONNECT, err);
	if (r == 0)
		r = add_nets(ceiling, policy, &policy->net_bind, NET_ALLOW, NET_BIND, err);
	return r;
}
